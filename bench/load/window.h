// The part of a run that counts: after the warm-up, for so many seconds.
#ifndef LOCKKEEPER_BENCH_LOAD_WINDOW_H_
#define LOCKKEEPER_BENCH_LOAD_WINDOW_H_

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <utility>

#include "bench/load/clock.h"
#include "bench/load/json_line.h"
#include "bench/load/options.h"

namespace lockkeeper::load {

// Threads: that of its io_context.
class Window {
 public:
  using OnFailure = std::function<void(const std::string&)>;

  // `stuck` is called if the run goes on a whole session timeout after the window: something that
  // it waits for does not come.
  Window(boost::asio::io_context& io, OnFailure stuck)
      : begin_timer_(io), stuck_timer_(io), stuck_(std::move(stuck)) {}

  // The warm-up starts now; a "begin" line is printed when it ends.
  void Start(const LoadOptions& options) {
    start_ = Clock::now();
    from_ = start_ + Seconds(options.warmup_seconds);
    to_ = from_ + Seconds(options.seconds);
    begin_timer_.expires_at(from_);
    begin_timer_.async_wait([this](const boost::system::error_code& ec) {
      if (ec) return;
      JsonLine("begin").Print();
      cpu_at_begin_ = CpuSeconds();
    });
    stuck_timer_.expires_at(to_ + std::chrono::milliseconds(options.session_timeout_ms));
    stuck_timer_.async_wait([this](const boost::system::error_code& ec) {
      if (!ec) stuck_("the run does not end: something that it waits for has not come");
    });
  }

  TimePoint start() const { return start_; }
  TimePoint end() const { return to_; }
  bool Holds(TimePoint time) const { return time >= from_ && time < to_; }
  // Of this process, since the window began.
  double cpu_seconds() const { return CpuSeconds() - cpu_at_begin_; }

 private:
  boost::asio::steady_timer begin_timer_;
  boost::asio::steady_timer stuck_timer_;
  const OnFailure stuck_;
  TimePoint start_;
  TimePoint from_;
  TimePoint to_;
  double cpu_at_begin_ = 0;
};

}  // namespace lockkeeper::load

#endif  // LOCKKEEPER_BENCH_LOAD_WINDOW_H_
