// The load tool's time.
#ifndef LOCKKEEPER_BENCH_LOAD_CLOCK_H_
#define LOCKKEEPER_BENCH_LOAD_CLOCK_H_

#include <sys/resource.h>

#include <chrono>

namespace lockkeeper::load {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

inline Clock::duration Seconds(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

inline double InSeconds(Clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

// What this process has used so far, user and system.
inline double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace lockkeeper::load

#endif  // LOCKKEEPER_BENCH_LOAD_CLOCK_H_
