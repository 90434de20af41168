#include "bench/load/session_group.h"

#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>

namespace lockkeeper::load {
namespace {

// Fewer than a server's listening socket keeps waiting (Apache: 50).
constexpr size_t kAtATime = 32;
// The pings of a third of the timeout are spread over so many moments.
constexpr size_t kKeepAliveSlices = 50;
constexpr size_t kOtherFiles = 64;

}  // namespace

Status AllowSockets(size_t count) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (count + kOtherFiles <= limit.rlim_max) return {};
  return Error{Errc::kBadConfig, std::to_string(count) + " sessions need more files than the " +
                                     std::to_string(limit.rlim_max) + " that are allowed"};
}

Status SessionGroup::Open() {
  if (Status allowed = AllowSockets(sessions_.size()); !allowed) return allowed;
  for (size_t i = 0; i < kAtATime; ++i) boost::asio::post(io_, [this] { ConnectNext(); });
  if (connecting_ == 0) boost::asio::post(io_, [this] { ArmKeepAlive(); });
  return Run();
}

void SessionGroup::ConnectNext() {
  if (connecting_ == sessions_.size()) return;
  const size_t next = connecting_++;
  sessions_[next]->Connect(servers_[next % servers_.size()], session_timeout_ms_);
}

void SessionGroup::OnReady(Session* /*session*/) {
  if (++ready_ == sessions_.size()) return io_.stop();
  ConnectNext();
}

Status SessionGroup::Run() {
  io_.restart();
  io_.run();
  return failure_ ? Status(*failure_) : Status();
}

void SessionGroup::OnFailure(const std::string& what) {
  if (!failure_) failure_ = Error{Errc::kIo, what};
  io_.stop();
}

Status SessionGroup::Close() {
  for (size_t i = 0; i < kAtATime; ++i) boost::asio::post(io_, [this] { CloseNext(); });
  return Run();
}

void SessionGroup::CloseNext() {
  if (closing_ < sessions_.size()) sessions_[closing_++]->Close();
}

void SessionGroup::OnClosed(Session* /*session*/) {
  if (++closed_ == sessions_.size()) return io_.stop();
  CloseNext();
}

void SessionGroup::ArmKeepAlive() {
  const std::chrono::milliseconds third(session_timeout_ms_ / 3);
  keep_alive_timer_.expires_after(third / kKeepAliveSlices);
  keep_alive_timer_.async_wait([this](const boost::system::error_code& ec) {
    if (ec) return;
    for (size_t i = keep_alive_tick_; i < sessions_.size(); i += kKeepAliveSlices) {
      sessions_[i]->KeepAlive();
    }
    keep_alive_tick_ = (keep_alive_tick_ + 1) % kKeepAliveSlices;
    ArmKeepAlive();
  });
}

}  // namespace lockkeeper::load
