#include "tests/simulation/sim_run.h"

#include <algorithm>
#include <sstream>
#include <utility>

namespace lockkeeper::simulation {
namespace {

constexpr int64_t kHealedMs = 120'000;  // within this a healed ensemble must serve
constexpr int64_t kLookMs = 500;

}  // namespace

SimRun::SimRun(uint64_t seed, PlantedBug bug, Sightings* sightings,
               std::function<void(const std::string&)> trace)
    : dice_(seed),
      network_(&events_, &dice_, plan_),
      bug_(bug),
      sightings_(sightings),
      trace_(std::move(trace)) {
  Draw();
  BuildMembers();
}

void SimRun::Draw() {
  static constexpr int64_t kVoters[] = {1, 2, 3, 3, 3, 4, 5, 5, 7};
  voters_ = bug_ == PlantedBug::kNone ? kVoters[dice_.Below(std::size(kVoters))]
                                      : 3 + 2 * dice_.Between(0, 1);
  observers_ = dice_.OneIn(3) ? dice_.Between(1, 2) : 0;
  plan_.max_delay_ms = dice_.OneIn(4) ? 200 : 20;
  plan_.max_sync_ms = dice_.OneIn(4) ? 100 : 10;
  plan_.mean_fault_ms = dice_.Between(200, 3000);
  plan_.clock_skew_percent = dice_.OneIn(3) ? 20 : 0;
  plan_.crashes = !dice_.OneIn(5);
  plan_.partitions = !dice_.OneIn(5);
  plan_.pauses = dice_.OneIn(2);
  fault_ms_ = dice_.Between(5'000, 40'000);
  write_ms_ = dice_.Between(5, 150);
}

void SimRun::BuildMembers() {
  zab::PeerOptions options;
  options.tick_ms = dice_.Between(1, 5) * 100;
  options.init_limit = dice_.Between(5, 10);
  options.sync_limit = dice_.Between(2, 5);
  // An ensemble whose answers take longer than its patience cannot be expected to serve.
  const int64_t answer_ms = 2 * plan_.max_delay_ms + plan_.max_sync_ms;
  while (options.sync_ms() < 4 * answer_ms) options.tick_ms += 100;
  options.max_notification_interval_ms = dice_.OneIn(2) ? 1'600 : 10'000;
  options.commit_log_count = static_cast<size_t>(dice_.OneIn(2) ? dice_.Between(2, 20) : 500);
  options.sync_from_log_files = !dice_.OneIn(4);
  options.force_snapshot_sync = dice_.OneIn(12);
  if (dice_.OneIn(4)) options.last_counter = static_cast<uint32_t>(dice_.Between(20, 60));
  options.config.text = "server.1=localhost:1:2:participant\nversion=0";
  for (int64_t id = 1; id <= voters_; ++id) options.config.voters.insert(PeerId{id});
  const Surroundings around{&events_,   &dice_, &network_, &checker_,
                            sightings_, &plan_, bug_,      trace_};
  for (int64_t id = 1; id <= voters_ + observers_; ++id) {
    options.self = PeerId{id};
    options.observer = id > voters_;
    options.seed = dice_.Raw();
    members_.push_back(std::make_unique<SimMember>(around, options));
  }
}

Verdict SimRun::Run() {
  for (auto& member : members_) {
    events_.At(dice_.Between(0, 500), [m = member.get()] { m->Start(); });
  }
  PlanWrites(fault_ms_);
  PlanFaults(fault_ms_);
  events_.RunUntil(fault_ms_);
  Heal();
  CheckLiveness();
  return {checker_.violations(), checker_.committed(), checker_.acknowledged()};
}

void SimRun::PlanWrites(int64_t until) {
  events_.After(dice_.Between(0, 2 * write_ms_), [this, until] {
    if (events_.now() >= until) return;
    for (int64_t burst = dice_.OneIn(10) ? 10 : 1; burst > 0; --burst) {
      Any()->Submit("w" + std::to_string(next_write_++));
    }
    PlanWrites(until);
  });
}

// ---- Faults.

void SimRun::PlanFaults(int64_t until) {
  events_.After(dice_.Between(0, 2 * plan_.mean_fault_ms), [this, until] {
    if (events_.now() >= until) return;
    OneFault();
    PlanFaults(until);
  });
}

void SimRun::OneFault() {
  SimMember* member = Any();
  // Leaders are more interesting than their number says.
  if (dice_.OneIn(3)) {
    for (auto& m : members_) {
      if (m->leading()) member = m.get();
    }
  }
  switch (dice_.Below(8)) {
    case 0:
      if (!plan_.crashes) return;
      member->Crash();
      events_.After(dice_.Between(0, 5'000), [member] { member->Start(); });
      return;
    case 1:
      if (plan_.crashes) {
        member->CrashAfter(dice_.Between(0, 25));
        events_.After(dice_.Between(500, 6'000), [member] { member->Start(); });
      }
      return;
    case 2:
      if (!plan_.crashes || !dice_.OneIn(3)) return;
      for (auto& m : members_) {  // a power cut
        m->Crash();
        events_.After(dice_.Between(0, 2'000), [other = m.get()] { other->Start(); });
      }
      return;
    case 3:
      if (plan_.pauses) member->Pause(dice_.Between(10, 6'000));
      return;
    case 4:
      if (plan_.partitions) CutSomething();
      return;
    case 5:
      network_.Heal();
      return;
    case 6:
      network_.BreakOne();
      return;
    default:
      member->SlowDisk(dice_.OneIn(2) ? 1 : dice_.Between(2, 40));
      return;
  }
}

// One member alone, one direction of one pair, or two sides.
void SimRun::CutSomething() {
  const PeerId one = Any()->id();
  const int64_t kind = dice_.Between(0, 3);
  std::vector<bool> left;
  for (size_t i = 0; i < members_.size(); ++i) left.push_back(dice_.OneIn(2));
  const PeerId other = Any()->id();
  for (size_t a = 0; a < members_.size(); ++a) {
    for (size_t b = 0; b < members_.size(); ++b) {
      const PeerId from = members_[a]->id();
      const PeerId to = members_[b]->id();
      const bool cut = kind == 0   ? from == one || to == one
                       : kind == 1 ? from == one && to == other
                       : kind == 2 ? from == one
                                   : left[a] != left[b];
      if (cut && a != b) network_.Cut(from, to);
    }
  }
}

// ---- The end.

void SimRun::Heal() {
  network_.Heal();
  if (trace_) trace_("healed");
  for (auto& member : members_) {
    member->CrashAfter(-1);
    member->SlowDisk(1);
    events_.After(dice_.Between(0, 1'000), [m = member.get()] { m->Start(); });
  }
}

bool SimRun::AllServe() const {
  return std::all_of(members_.begin(), members_.end(), [](const auto& m) { return m->serving(); });
}

// A write at every member is done, and all end at the same place. An epoch may run out of zxids
// on the way, so writes are tried again.
void SimRun::CheckLiveness() {
  const int64_t until = events_.now() + kHealedMs;
  size_t done = 0;
  while (events_.now() < until && done < members_.size()) {
    events_.RunUntil(events_.now() + kLookMs);
    if (!AllServe()) continue;
    const size_t before = checker_.acknowledged();
    for (auto& member : members_) member->Submit("last" + std::to_string(next_write_++));
    events_.RunUntil(events_.now() + 10 * kLookMs);
    done = checker_.acknowledged() - before;
  }
  events_.RunUntil(events_.now() + 10 * kLookMs);
  if (done < members_.size()) {
    std::ostringstream text;
    text << "the healed ensemble does not serve:";
    for (const auto& m : members_) {
      text << " server " << m->id()
           << (m->leading()   ? " leads"
               : m->serving() ? " serves"
                              : " looks")
           << " (" << (m->peer() != nullptr ? m->peer()->last_reason() : "down") << ")";
    }
    checker_.Stalled(text.str());
    return;
  }
  for (const auto& member : members_) checker_.Healed(member->id(), member->state());
}

}  // namespace lockkeeper::simulation
