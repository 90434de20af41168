// Sessions that do nothing: each pings at a third of its timeout, as client libraries do, the pings
// spread evenly in time. A session that ends, or whose ping stays without an answer, is an error.
#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "bench/load/clock.h"
#include "bench/load/json_line.h"
#include "bench/load/resolve.h"
#include "bench/load/scenarios.h"
#include "bench/load/session_group.h"

namespace lockkeeper::load {
namespace {

class IdleSession final : public Session {
 public:
  explicit IdleSession(SessionGroup* group) : Session(group->io(), group->owner()) {}

 private:
  void OnReply(const ReplyHeader& /*header*/, std::string_view /*body*/,
               TimePoint /*now*/) override {
    Fail("a reply to no request");
  }
};

Status RunFor(SessionGroup* group, double seconds) {
  boost::asio::steady_timer timer(group->io(), Seconds(seconds));
  timer.async_wait([group](const boost::system::error_code& ec) {
    if (!ec) group->Stop();
  });
  return group->Run();
}

}  // namespace

Status RunIdle(const LoadOptions& options) {
  const auto servers = Resolve(options);
  if (!servers) return servers.error();
  SessionGroup group(*servers, options.session_timeout_ms);
  for (int i = 0; i < options.connections; ++i) group.Add(std::make_unique<IdleSession>(&group));
  const TimePoint start = Clock::now();
  if (Status opened = group.Open(); !opened) return opened;
  JsonLine("open")
      .Add("sessions", options.connections)
      .Add("seconds", InSeconds(Clock::now() - start))
      .Print();
  if (Status warm = RunFor(&group, options.warmup_seconds); !warm) return warm;
  JsonLine("begin").Print();
  const double cpu_at_begin = CpuSeconds();
  if (Status held = RunFor(&group, options.seconds); !held) return held;
  JsonLine("idle")
      .Add("sessions", options.connections)
      .Add("session_timeout_ms", options.session_timeout_ms)
      .Add("seconds", options.seconds)
      .Add("cpu_seconds", CpuSeconds() - cpu_at_begin)
      .Print();
  return group.Close();
}

}  // namespace lockkeeper::load
