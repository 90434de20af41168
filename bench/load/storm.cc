// A storm of sessions: so many at a time, each begun (connection and handshake) and, as soon as it
// is there, ended with closeSession; the next one takes its place when that is answered.
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "bench/load/clock.h"
#include "bench/load/histogram.h"
#include "bench/load/json_line.h"
#include "bench/load/resolve.h"
#include "bench/load/scenarios.h"
#include "bench/load/session_group.h"
#include "bench/load/window.h"

namespace lockkeeper::load {
namespace {

using boost::asio::ip::tcp;

class ShortSession final : public Session {
 public:
  using Session::Session;
  TimePoint since;  // the beginning of what it waits for

 private:
  void OnReply(const ReplyHeader& /*header*/, std::string_view /*body*/,
               TimePoint /*now*/) override {
    Fail("a reply to no request");
  }
};

class StormRun final : private SessionOwner {
 public:
  StormRun(const LoadOptions& options, std::vector<tcp::endpoint> servers)
      : options_(options), servers_(std::move(servers)) {}

  Status Run();

 private:
  void OnReady(Session* session) override;
  void OnRepliesDone(TimePoint /*now*/) override {}
  void OnClosed(Session* session) override;
  void OnFailure(const std::string& what) override;
  void Begin();

  const LoadOptions& options_;
  const std::vector<tcp::endpoint> servers_;
  boost::asio::io_context io_{1};
  Window window_{io_, [this](const std::string& what) { OnFailure(what); }};
  std::unordered_map<Session*, std::unique_ptr<ShortSession>> live_;
  uint64_t begun_ = 0;
  uint64_t completed_ = 0;  // inside the window
  Histogram open_ns_;
  Histogram close_ns_;
  std::optional<Error> failure_;
};

void StormRun::Begin() {
  SessionOwner* const owner = this;
  auto session = std::make_unique<ShortSession>(io_, owner);
  ShortSession* const key = session.get();
  live_.emplace(key, std::move(session));
  key->since = Clock::now();
  key->Connect(servers_[begun_++ % servers_.size()], options_.session_timeout_ms);
}

void StormRun::OnReady(Session* session) {
  const TimePoint now = Clock::now();
  TimePoint& since = live_.at(session)->since;
  if (window_.Holds(since)) open_ns_.Record(static_cast<uint64_t>((now - since).count()));
  since = now;
  session->Close();
}

void StormRun::OnClosed(Session* session) {
  const TimePoint now = Clock::now();
  const TimePoint since = live_.at(session)->since;
  if (window_.Holds(since)) close_ns_.Record(static_cast<uint64_t>((now - since).count()));
  if (window_.Holds(now)) ++completed_;
  // Not from inside the session itself.
  boost::asio::post(io_, [this, session] {
    live_.erase(session);
    if (Clock::now() < window_.end()) return Begin();
    if (live_.empty()) io_.stop();
  });
}

void StormRun::OnFailure(const std::string& what) {
  if (!failure_) failure_ = Error{Errc::kIo, what};
  io_.stop();
}

Status StormRun::Run() {
  if (Status allowed = AllowSockets(static_cast<size_t>(options_.connections)); !allowed) {
    return allowed;
  }
  window_.Start(options_);
  for (int i = 0; i < options_.connections; ++i) boost::asio::post(io_, [this] { Begin(); });
  io_.run();
  if (failure_) return *failure_;
  if (completed_ == 0) return Error{Errc::kIo, "no session was begun and ended in the time"};
  JsonLine("storm")
      .Add("at_a_time", options_.connections)
      .Add("seconds", options_.seconds)
      .Add("per_second", static_cast<double>(completed_) / options_.seconds)
      .Add("open", open_ns_)
      .Add("close", close_ns_)
      .Add("cpu_seconds", window_.cpu_seconds())
      .Print();
  return {};
}

}  // namespace

Status RunStorm(const LoadOptions& options) {
  auto servers = Resolve(options);
  if (!servers) return servers.error();
  return StormRun(options, std::move(*servers)).Run();
}

}  // namespace lockkeeper::load
