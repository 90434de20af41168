#include "server/this_thread.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace lockkeeper {
namespace {

// A share of one to thirty beside a thread of the clients: enough to come to an end on a machine
// that others keep busy.
constexpr int kBackgroundNice = 15;
// With the usual slice, one to three milliseconds, a thread that clients wait for would stand
// behind this one for as long as that whenever the other processors are taken.
constexpr uint64_t kBackgroundSliceNs = 100'000;

constexpr uint64_t kKeepPolicy = 0x08;  // SCHED_FLAG_KEEP_POLICY: as the operator started us

// sched_setattr(2), which the C library of Debian 12 does not have; its first version.
struct SchedAttributes {
  uint32_t size = sizeof(SchedAttributes);
  uint32_t policy = SCHED_OTHER;
  uint64_t flags = kKeepPolicy;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime_ns = 0;  // of SCHED_OTHER: the slice
  uint64_t deadline_ns = 0;
  uint64_t period_ns = 0;
};

}  // namespace

void NameThisThread(const std::string& name) {
  (void)pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
}

void GoToBackground() {
  // Linux keeps both for each thread, whose number stands for the process.
  const auto self = static_cast<id_t>(gettid());
  const int nice = std::max(kBackgroundNice, getpriority(PRIO_PROCESS, self));
  SchedAttributes attributes;
  attributes.nice = nice;
  attributes.runtime_ns = kBackgroundSliceNs;
  if (syscall(SYS_sched_setattr, 0, &attributes, 0) == 0) return;
  (void)setpriority(PRIO_PROCESS, self, nice);
}

}  // namespace lockkeeper
