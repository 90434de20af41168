// What a thread says of itself to the operating system.
#ifndef LOCKKEEPER_SERVER_THIS_THREAD_H_
#define LOCKKEEPER_SERVER_THIS_THREAD_H_

#include <string>

namespace lockkeeper {

// The name of the calling thread, as `top -H` shows it; what follows the 15th character is cut off.
void NameThisThread(const std::string& name);

// From now on the calling thread lets those go first that clients wait for, and soon: it gets less
// of a busy processor (never more than before), in slices of a tenth of a millisecond. Where the
// system refuses, or does not know slices of a thread's own (before Linux 6.12), that part stays as
// it is.
void GoToBackground();

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_THIS_THREAD_H_
