// Watch fan-out: every session has a data watch on one znode, and one more session sets it. A round
// takes from the set's sending to the last event. When all have heard, and not before, all read the
// znode again with a watch, and the next round begins; that part is not in the round's time.
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "bench/load/clock.h"
#include "bench/load/fanout_rounds.h"
#include "bench/load/json_line.h"
#include "bench/load/resolve.h"
#include "bench/load/scenarios.h"
#include "bench/load/session_group.h"
#include "bench/load/setup.h"

namespace lockkeeper::load {
namespace {

constexpr std::string_view kPath = "/fanout";
// Rounds before those that count: the first ones of a JVM are its slowest.
constexpr int kWarmupRounds = 5;

class FanoutRun;

class Watcher final : public Session {
 public:
  Watcher(FanoutRun* run, SessionGroup* group, size_t number)
      : Session(group->io(), group->owner()), run_(run), number_(number) {}

  void Register() {
    Request(OpCode::kGetData, PathWatchRequest{kPath, true});
    Flush();
  }

 private:
  void OnReply(const ReplyHeader& header, std::string_view body, TimePoint now) override;
  void OnEvent(const WatcherEvent& event, TimePoint now) override;

  FanoutRun* const run_;
  const size_t number_;
};

class Writer final : public Session {
 public:
  Writer(FanoutRun* run, SessionGroup* group, size_t data_bytes)
      : Session(group->io(), group->owner()), run_(run), data_(data_bytes, 'x') {}

  void Set() {
    Request(OpCode::kSetData, SetDataRequest{kPath, data_, -1});
    Flush();
  }

 private:
  void OnReply(const ReplyHeader& header, std::string_view body, TimePoint now) override;

  FanoutRun* const run_;
  const std::string data_;
};

class FanoutRun {
 public:
  FanoutRun(const LoadOptions& options, SessionGroup* group)
      : options_(options), group_(*group), rounds_(WatcherCount()) {
    for (size_t i = 0; i < WatcherCount(); ++i) {
      auto watcher = std::make_unique<Watcher>(this, group, i);
      watchers_.push_back(watcher.get());
      group->Add(std::move(watcher));
    }
    auto writer = std::make_unique<Writer>(this, group, options.data_bytes);
    writer_ = writer.get();
    group->Add(std::move(writer));
  }

  Status Measure();
  void OnRegistered(size_t watcher, int32_t version);
  void OnHeard(size_t watcher, TimePoint now);
  void OnSet(int32_t version);

 private:
  size_t WatcherCount() const { return static_cast<size_t>(options_.connections); }
  void LimitRound();
  void Register();
  void Step();

  const LoadOptions& options_;
  SessionGroup& group_;
  boost::asio::steady_timer round_timer_{group_.io()};
  FanoutRounds rounds_;
  std::vector<Watcher*> watchers_;
  Writer* writer_ = nullptr;
  int left_ = 0;
  double cpu_at_set_ = 0;
  double cpu_of_events_ = 0;
};

void Watcher::OnReply(const ReplyHeader& header, std::string_view body, TimePoint /*now*/) {
  if (header.err != 0) return Fail("a read with a watch: error " + std::to_string(header.err));
  const auto response = Decode<GetDataResponse>(body);
  if (!response) return Fail("the answer to a read cannot be decoded");
  run_->OnRegistered(number_, response->stat.version);
}

void Watcher::OnEvent(const WatcherEvent& event, TimePoint now) {
  if (event.type != static_cast<int32_t>(EventType::kNodeDataChanged) || event.path != kPath) {
    return Fail("an event of type " + std::to_string(event.type) + " for " +
                std::string(event.path));
  }
  run_->OnHeard(number_, now);
}

void Writer::OnReply(const ReplyHeader& header, std::string_view body, TimePoint /*now*/) {
  if (header.err != 0) return Fail("a set: error " + std::to_string(header.err));
  const auto response = Decode<StatResponse>(body);
  if (!response) return Fail("the answer to a set cannot be decoded");
  run_->OnSet(response->stat.version);
}

// A watch that does not fire shall not hold up the run for ever.
void FanoutRun::LimitRound() {
  round_timer_.expires_after(std::chrono::milliseconds(options_.session_timeout_ms));
  round_timer_.async_wait([this](const boost::system::error_code& ec) {
    if (!ec) group_.OnFailure("a round does not end: " + rounds_.Waiting());
  });
}

void FanoutRun::Register() {
  LimitRound();
  for (Watcher* watcher : watchers_) watcher->Register();
}

void FanoutRun::OnRegistered(size_t watcher, int32_t version) {
  const Status good = rounds_.Registered(watcher, version);
  if (!good) return group_.OnFailure(good.error().message);
  if (!rounds_.all_registered()) return;
  cpu_at_set_ = CpuSeconds();
  rounds_.Set(Clock::now());
  writer_->Set();
}

void FanoutRun::OnHeard(size_t watcher, TimePoint now) {
  const Status good = rounds_.Heard(watcher, now);
  if (!good) return group_.OnFailure(good.error().message);
  if (rounds_.all_heard()) cpu_of_events_ += CpuSeconds() - cpu_at_set_;
  if (rounds_.round_done()) Step();
}

void FanoutRun::OnSet(int32_t version) {
  const Status good = rounds_.SetDone(version);
  if (!good) return group_.OnFailure(good.error().message);
  if (rounds_.round_done()) Step();
}

void FanoutRun::Step() {
  rounds_.NextRound();
  round_timer_.cancel();
  if (--left_ == 0) return group_.Stop();
  Register();
}

Status FanoutRun::Measure() {
  left_ = kWarmupRounds;
  boost::asio::post(group_.io(), [this] { Register(); });
  if (Status warm = group_.Run(); !warm) return warm;

  JsonLine("begin").Print();
  const double cpu_at_begin = CpuSeconds();
  rounds_ = FanoutRounds(WatcherCount());
  cpu_of_events_ = 0;
  left_ = options_.rounds;
  boost::asio::post(group_.io(), [this] { Register(); });
  if (Status ran = group_.Run(); !ran) return ran;
  JsonLine("fanout")
      .Add("sessions", options_.connections)
      .Add("rounds", options_.rounds)
      .Add("events", rounds_.each_ns().count())
      .Add("events_per_second", static_cast<double>(rounds_.each_ns().count()) / rounds_.seconds())
      .Add("last", rounds_.last_ns())
      .Add("event", rounds_.each_ns())
      .Add("seconds", rounds_.seconds())
      .Add("cpu_seconds_of_events", cpu_of_events_)
      .Add("cpu_seconds", CpuSeconds() - cpu_at_begin)
      .Print();
  return {};
}

}  // namespace

Status RunFanout(const LoadOptions& options) {
  const auto servers = Resolve(options);
  if (!servers) return servers.error();
  if (Status made = MakeZnodes(servers->front(), {std::string(kPath)}); !made) return made;

  SessionGroup group(*servers, options.session_timeout_ms);
  FanoutRun run(options, &group);
  if (Status opened = group.Open(); !opened) return opened;
  JsonLine("open").Add("sessions", options.connections).Print();
  if (Status measured = run.Measure(); !measured) return measured;
  return group.Close();
}

}  // namespace lockkeeper::load
