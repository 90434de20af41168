#include "tests/simulation/sim_run.h"

#include <algorithm>
#include <set>
#include <sstream>
#include <utility>

#include "tests/simulation/sim_process.h"

namespace lockkeeper::simulation {
namespace {

constexpr int64_t kHealedMs = 120'000;  // within this a healed ensemble must serve
constexpr int64_t kLookMs = 500;

}  // namespace

SimRun::SimRun(uint64_t seed, PlantedBug bug, Sightings* sightings,
               std::function<void(const std::string&)> trace)
    : dice_(seed),
      checker_(sightings),
      network_(&events_, &dice_, plan_),
      client_network_(&events_, &dice_, plan_),
      bug_(bug),
      sightings_(sightings),
      trace_(std::move(trace)) {
  Draw();
  BuildServers();
  BuildClients();
  checker_.OnCommit([this](const Understood& what) { HearCommit(what); });
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
  plan_.client_ms = dice_.Between(5, 150);
  plan_.checkpoint_dirty_bytes = static_cast<uint64_t>(dice_.Between(2'000, 50'000));
  fault_ms_ = dice_.Between(5'000, 40'000);
}

void SimRun::BuildServers() {
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
  if (dice_.OneIn(4)) options.last_counter = static_cast<uint32_t>(dice_.Between(40, 120));
  options.config.text = "server.1=localhost:1:2:participant\nversion=0";
  for (int64_t id = 1; id <= voters_; ++id) options.config.voters.insert(PeerId{id});
  for (int64_t id = voters_ + 1; id <= voters_ + observers_; ++id) {
    options.config.observers.insert(PeerId{id});
  }
  config_.ensemble = true;
  config_.tick_time_ms = static_cast<int32_t>(options.tick_ms);
  config_.min_session_timeout_ms = 2 * config_.tick_time_ms;
  config_.max_session_timeout_ms = 20 * config_.tick_time_ms;
  const Surroundings around = Around();
  for (int64_t id = 1; id <= voters_ + observers_; ++id) {
    options.self = PeerId{id};
    options.observer = id > voters_;
    options.seed = dice_.Raw();
    servers_.push_back(std::make_unique<SimServer>(around, options));
  }
}

Surroundings SimRun::Around() {
  return {.events = &events_,
          .dice = &dice_,
          .network = &network_,
          .client_network = &client_network_,
          .checker = &checker_,
          .sightings = sightings_,
          .plan = &plan_,
          .config = &config_,
          .bug = bug_,
          .on_election = [this] { HearElection(); },
          .trace = trace_};
}

void SimRun::BuildClients() {
  const Surroundings around = Around();
  const int64_t count = dice_.Between(2, 5);
  for (int number = 0; number < count; ++number) {
    clients_.push_back(std::make_unique<SimClient>(around, number, &servers_));
  }
}

Verdict SimRun::Run() {
  const int64_t mismatches = SharedMetrics().digest_mismatches_count.Read();
  for (auto& server : servers_) {
    events_.At(dice_.Between(0, 500), [s = server.get()] { s->Start(); });
  }
  for (auto& client : clients_) {
    events_.At(dice_.Between(0, 3'000), [c = client.get()] { c->Begin(); });
  }
  PlanFaults(fault_ms_);
  events_.RunUntil(fault_ms_);
  Heal();
  CheckLiveness();
  if (SharedMetrics().digest_mismatches_count.Read() != mismatches) {
    checker_.Say("a digest in a transaction is not that of the tree");
  }
  return {checker_.violations(), checker_.committed(), checker_.acknowledged()};
}

void SimRun::HearElection() {
  for (const auto& client : clients_) {
    if (client->overdue()) ++(*sightings_)["session overdue at an election"];
  }
}

void SimRun::HearCommit(const Understood& what) {
  if (!healthy_ || what.type != OpCode::kCloseSession || what.cxid != 0) return;
  for (auto& client : clients_) {
    if (client->session() == what.session) client->HearExpired();
  }
}

// ---- Faults.

void SimRun::PlanFaults(int64_t until) {
  events_.After(dice_.Between(0, 2 * plan_.mean_fault_ms), [this, until] {
    if (events_.now() >= until) return;
    if (dice_.OneIn(3)) {
      OneClientFault();
    } else {
      OneFault();
    }
    PlanFaults(until);
  });
}

void SimRun::OneClientFault() {
  SimClient* client = clients_[dice_.Below(clients_.size())].get();
  switch (dice_.Below(4)) {
    case 0:
      return client->FallSilent(dice_.Between(1, 40) * config_.tick_time_ms);
    case 1:
      return client->StallLink(dice_.Between(50, 2'000));
    default:
      return client->Move(dice_.OneIn(2));
  }
}

void SimRun::OneFault() {
  SimServer* member = Any();
  // Leaders are more interesting than their number says.
  if (dice_.OneIn(3)) {
    for (auto& m : servers_) {
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
      for (auto& m : servers_) {  // a power cut
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
  for (size_t i = 0; i < servers_.size(); ++i) left.push_back(dice_.OneIn(2));
  const PeerId other = Any()->id();
  for (size_t a = 0; a < servers_.size(); ++a) {
    for (size_t b = 0; b < servers_.size(); ++b) {
      const PeerId from = servers_[a]->id();
      const PeerId to = servers_[b]->id();
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
  plan_.crashes = false;
  network_.Heal();
  if (trace_) trace_("healed");
  for (auto& member : servers_) {
    member->CrashAfter(-1);
    member->SlowDisk(1);
    events_.After(dice_.Between(0, 1'000), [m = member.get()] { m->Start(); });
  }
}

bool SimRun::AllServe() const {
  return std::all_of(servers_.begin(), servers_.end(),
                     [](const auto& s) { return s->serving() && !s->paused(); });
}

bool SimRun::AllWrote() const {
  return std::all_of(clients_.begin(), clients_.end(),
                     [](const auto& c) { return c->wrote_last(); });
}

// A write of every client is done, whatever server it is at, and all end at the same place. An
// epoch may run out of zxids on the way, so writes are tried again.
void SimRun::CheckLiveness() {
  const int64_t until = events_.now() + kHealedMs;
  for (auto& client : clients_) client->BeGood();
  while (events_.now() < until && !(AllServe() && AllWrote())) {
    events_.RunUntil(events_.now() + kLookMs);
    if (!AllServe()) continue;
    for (auto& client : clients_) {
      if (!client->wrote_last()) client->WriteLast();
    }
  }
  if (!AllServe() || !AllWrote()) {
    std::string text = "the healed ensemble does not serve:";
    for (const auto& server : servers_) text += " " + server->Described();
    for (const auto& client : clients_) text += " " + client->Described();
    return checker_.Stalled(text);
  }
  CheckQuiet();
}

// Sessions of clients that are gone end, those of the others live, all trees are equal.
void SimRun::CheckQuiet() {
  healthy_ = true;
  for (auto& client : clients_) client->Stop();
  // A new leader gives every session its full time again.
  int64_t epoch = 0;
  for (int tries = 0; tries < 5 && epoch != checker_.newest_epoch(); ++tries) {
    epoch = checker_.newest_epoch();
    events_.RunUntil(events_.now() + config_.max_session_timeout_ms * 3 / 2 +
                     4 * config_.tick_time_ms);
  }
  if (!AllServe()) return;  // an epoch has just run out of zxids
  std::set<SessionId> mine;
  for (const auto& client : clients_) mine.insert(client->session());
  for (const SessionId session : checker_.model().live()) {
    if (!mine.contains(session)) {
      std::ostringstream text;
      text << "session " << session << " lives, but nobody has it";
      checker_.Say(text.str());
    }
  }
  for (const auto& server : servers_) {
    checker_.Healed(server->id(), server->state(), server->tree());
  }
}

}  // namespace lockkeeper::simulation
