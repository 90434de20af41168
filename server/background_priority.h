// Threads that can wait let those go first that clients wait for.
#ifndef LOCKKEEPER_SERVER_BACKGROUND_PRIORITY_H_
#define LOCKKEEPER_SERVER_BACKGROUND_PRIORITY_H_

#include <sys/resource.h>
#include <unistd.h>

namespace lockkeeper {

// Of the calling thread, from now on. Where the system refuses, it stays as it is.
inline void GoToBackground() {
  constexpr int kNice = 10;
  // Linux keeps this for each thread, whose number stands for the process.
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);
}

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_BACKGROUND_PRIORITY_H_
