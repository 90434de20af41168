// The standard lock recipe. To acquire: create an ephemeral sequential znode below the lock's; read
// the children; the lowest has the lock; any other watches the one before it with exists, and reads
// the children again when that is deleted, or at once when it is not there. To release: delete.
//
// A lock operation is one acquire and the release that follows it, as soon as the client has looked
// at what other contenders were told meanwhile. An acquire takes from the create (in an open loop:
// from the moment at which it was due) to the answer that tells the contender that it has the lock.
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <charconv>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "bench/load/clock.h"
#include "bench/load/histogram.h"
#include "bench/load/json_line.h"
#include "bench/load/lock_verifier.h"
#include "bench/load/resolve.h"
#include "bench/load/scenarios.h"
#include "bench/load/session_group.h"
#include "bench/load/setup.h"
#include "bench/load/window.h"
#include "protocol/error_code.h"

namespace lockkeeper::load {
namespace {

constexpr std::string_view kRoot = "/locks";
constexpr size_t kSequenceDigits = 10;

std::string LockPath(int lock) { return std::string(kRoot) + "/l" + std::to_string(lock); }

// -1: no name that a sequential create gave.
int64_t SequenceOf(std::string_view name) {
  int64_t number = -1;
  if (name.size() < kSequenceDigits) return -1;
  const std::string_view digits = name.substr(name.size() - kSequenceDigits);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return error == std::errc() && end == digits.data() + digits.size() ? number : -1;
}

class LockRun;

// Threads: one.
class Contender final : public Session {
 public:
  Contender(LockRun* run, SessionGroup* group, int number, int lock)
      : Session(group->io(), group->owner()),
        run_(run),
        io_(&group->io()),
        number_(number),
        lock_(static_cast<size_t>(lock)),
        lock_path_(LockPath(lock)),
        prefix_(lock_path_ + "/lock-") {}

  // Takes the lock and gives it back; the run hears OnAcquired and OnReleased.
  void Begin(TimePoint intended);

 private:
  enum class Step : uint8_t { kNone, kCreate, kChildren, kExists, kWait, kHold, kDelete };

  void OnReply(const ReplyHeader& header, std::string_view body, TimePoint now) override;
  void OnEvent(const WatcherEvent& event, TimePoint now) override;
  template <Record R>
  void Ask(Step step, OpCode op, const R& body) {
    step_ = step;
    Request(op, body);
    Flush();
  }
  void AskForChildren() {
    Ask(Step::kChildren, OpCode::kGetChildren, PathWatchRequest{lock_path_, false});
  }
  void Created(const ReplyHeader& header, std::string_view body);
  void Listed(std::string_view body, TimePoint now);
  void Acquired(TimePoint now);
  void Release();

  LockRun* const run_;
  boost::asio::io_context* const io_;
  const int number_;
  const size_t lock_;
  const std::string lock_path_;
  const std::string prefix_;
  Step step_ = Step::kNone;
  TimePoint intended_;
  std::string own_path_;
  FencingToken token_;
  std::string before_path_;
};

class LockRun {
 public:
  LockRun(const LoadOptions& options, SessionGroup* group)
      : options_(options), group_(*group), verifier_(static_cast<size_t>(options.locks)) {
    for (int i = 0; i < options.connections; ++i) {
      auto contender = std::make_unique<Contender>(this, group, i, i % options.locks);
      idle_.push_back(contender.get());
      group->Add(std::move(contender));
    }
  }

  Status Measure();

  LockVerifier& verifier() { return verifier_; }
  void OnAcquired(TimePoint intended, TimePoint now);
  void OnReleased(Contender* contender, TimePoint now);
  void OnWaited() { ++waits_; }

 private:
  TimePoint DueAt(uint64_t count) const;
  // Lets free contenders begin what is due; ends the run when nothing is left.
  void Pump(TimePoint now);

  const LoadOptions& options_;
  SessionGroup& group_;
  LockVerifier verifier_;
  boost::asio::steady_timer pump_timer_{group_.io()};
  std::deque<Contender*> idle_;
  bool pump_armed_ = false;
  Window window_{group_.io(), [this](const std::string& what) { group_.OnFailure(what); }};
  uint64_t begun_ = 0;
  uint64_t waits_ = 0;      // for the one before, in the whole run
  uint64_t completed_ = 0;  // lock operations inside the window
  Histogram acquire_ns_;
};

void Contender::Begin(TimePoint intended) {
  intended_ = intended;
  const auto mode = static_cast<int32_t>(CreateMode::kEphemeralSequential);
  Ask(Step::kCreate, OpCode::kCreate, CreateRequest{prefix_, EmptyString(), OpenAcl(), mode});
}

void Contender::OnReply(const ReplyHeader& header, std::string_view body, TimePoint now) {
  if (step_ == Step::kExists && header.err == static_cast<int32_t>(ErrorCode::kNoNode)) {
    return AskForChildren();
  }
  if (header.err != 0) return Fail("a step of the recipe: error " + std::to_string(header.err));
  switch (step_) {
    case Step::kCreate:
      return Created(header, body);
    case Step::kChildren:
      return Listed(body, now);
    case Step::kExists:
      step_ = Step::kWait;
      return run_->OnWaited();
    case Step::kDelete:
      step_ = Step::kNone;
      return run_->OnReleased(this, now);
    case Step::kNone:
    case Step::kWait:
    case Step::kHold:
      return Fail("a reply to no request");
  }
}

void Contender::OnEvent(const WatcherEvent& event, TimePoint /*now*/) {
  const bool deleted = event.type == static_cast<int32_t>(EventType::kNodeDeleted);
  if (step_ != Step::kWait || !deleted || event.path != before_path_) {
    return Fail("an event of type " + std::to_string(event.type) + " for " +
                std::string(event.path) + " that nobody waits for");
  }
  AskForChildren();
}

// The create's own transaction is the one of the reply.
void Contender::Created(const ReplyHeader& header, std::string_view body) {
  const auto response = Decode<CreateResponse>(body);
  if (!response) return Fail("the answer to a create cannot be decoded");
  own_path_ = response->path;
  token_ = {SequenceOf(response->path), header.zxid};
  if (token_.sequence < 0) return Fail(own_path_ + " is no sequential name");
  AskForChildren();
}

void Contender::Listed(std::string_view body, TimePoint now) {
  const auto response = Decode<GetChildrenResponse>(body);
  if (!response || !response->children) return Fail("a list of children cannot be decoded");
  bool own_seen = false;
  int64_t before = -1;
  std::string_view before_name;
  for (const std::string_view name : *response->children) {
    const int64_t sequence = SequenceOf(name);
    if (sequence == token_.sequence) own_seen = true;
    if (sequence >= token_.sequence || sequence <= before) continue;
    before = sequence;
    before_name = name;
  }
  if (!own_seen) return Fail(own_path_ + " is gone from its lock");
  if (before < 0) return Acquired(now);
  before_path_ = lock_path_ + "/" + std::string(before_name);
  Ask(Step::kExists, OpCode::kExists, PathWatchRequest{before_path_, true});
}

void Contender::Acquired(TimePoint now) {
  const Status good = run_->verifier().Acquired(lock_, number_, token_);
  if (!good) return Fail(good.error().message);
  run_->OnAcquired(intended_, now);
  // Not at once: what other contenders have been told meanwhile is looked at first, so two holders
  // of one lock meet.
  step_ = Step::kHold;
  boost::asio::post(*io_, [this] { Release(); });
}

void Contender::Release() {
  const Status good = run_->verifier().Released(lock_, number_);
  if (!good) return Fail(good.error().message);
  Ask(Step::kDelete, OpCode::kDelete, DeleteRequest{own_path_, -1});
}

Status LockRun::Measure() {
  window_.Start(options_);
  boost::asio::post(group_.io(), [this] { Pump(Clock::now()); });
  if (Status ran = group_.Run(); !ran) return ran;
  // The znodes of a client that died stand in line until its session expires.
  if (completed_ == 0) return Error{Errc::kIo, "no lock was taken and given back in the time"};
  JsonLine("locks")
      .Add("contenders", options_.connections)
      .Add("locks", options_.locks)
      .Add("rate", options_.rate)
      .Add("seconds", options_.seconds)
      .Add("per_second", static_cast<double>(completed_) / options_.seconds)
      .Add("acquire", acquire_ns_)
      .Add("verified", verifier_.acquired())
      .Add("waits", waits_)
      .Add("cpu_seconds", window_.cpu_seconds())
      .Print();
  return {};
}

void LockRun::OnAcquired(TimePoint intended, TimePoint now) {
  if (window_.Holds(intended)) acquire_ns_.Record(static_cast<uint64_t>((now - intended).count()));
}

void LockRun::OnReleased(Contender* contender, TimePoint now) {
  if (window_.Holds(now)) ++completed_;
  idle_.push_back(contender);
  Pump(now);
}

TimePoint LockRun::DueAt(uint64_t count) const {
  return window_.start() + Seconds(static_cast<double>(count) / options_.rate);
}

void LockRun::Pump(TimePoint now) {
  while (!idle_.empty()) {
    const TimePoint due = options_.rate > 0 ? DueAt(begun_) : now;
    if (due > now || due >= window_.end()) break;
    Contender* const contender = idle_.front();
    idle_.pop_front();
    ++begun_;
    contender->Begin(due);
  }
  const TimePoint next = options_.rate > 0 ? DueAt(begun_) : now;
  if (next >= window_.end()) {
    if (idle_.size() == static_cast<size_t>(options_.connections)) group_.Stop();
    return;
  }
  if (pump_armed_ || idle_.empty()) return;
  pump_armed_ = true;
  pump_timer_.expires_at(next);
  pump_timer_.async_wait([this](const boost::system::error_code& ec) {
    if (ec) return;
    pump_armed_ = false;
    Pump(Clock::now());
  });
}

}  // namespace

Status RunLocks(const LoadOptions& options) {
  const auto servers = Resolve(options);
  if (!servers) return servers.error();
  std::vector<std::string> paths{std::string(kRoot)};
  for (int lock = 0; lock < options.locks; ++lock) paths.push_back(LockPath(lock));
  if (Status made = MakeZnodes(servers->front(), paths); !made) return made;

  SessionGroup group(*servers, options.session_timeout_ms);
  LockRun run(options, &group);
  if (Status opened = group.Open(); !opened) return opened;
  JsonLine("open").Add("sessions", options.connections).Print();
  if (Status measured = run.Measure(); !measured) return measured;
  return group.Close();
}

}  // namespace lockkeeper::load
