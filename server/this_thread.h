// What a thread says of itself to the operating system.
#ifndef LOCKKEEPER_SERVER_THIS_THREAD_H_
#define LOCKKEEPER_SERVER_THIS_THREAD_H_

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>

namespace lockkeeper {

// The name of the calling thread, as `top -H` shows it; what follows the 15th character is cut off.
inline void NameThisThread(const std::string& name) {
  (void)pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
}

// From now on the calling thread lets those go first that clients wait for. Where the system
// refuses, it stays as it is.
inline void GoToBackground() {
  constexpr int kNice = 10;
  // Linux keeps this for each thread, whose number stands for the process.
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);
}

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_THIS_THREAD_H_
