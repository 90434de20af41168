// The process of a simulated server: its life, its threads and its disk. sim_server_network.cc has
// its connections.
#include "tests/simulation/sim_server.h"

#include <glog/logging.h>

#include <algorithm>
#include <limits>
#include <sstream>
#include <utility>

#include "protocol/session_password.h"
#include "server/auth/auth_schemes.h"
#include "tests/simulation/sim_process.h"
#include "zab/text.h"

namespace lockkeeper::simulation {
namespace {

using zab::Text;

constexpr int64_t kTouchReportMs = 100;

zab::PeerOptions Believed(zab::PeerOptions options, PlantedBug bug) {
  if (bug != PlantedBug::kDifferentVoters || options.config.voters.size() < 3) return options;
  // Each leaves out the one before itself and the one before that.
  const auto count = static_cast<int64_t>(options.config.voters.size());
  for (const int64_t back : {1, 2}) {
    options.config.voters.erase(PeerId{(options.self.value - 1 + count - back) % count + 1});
  }
  return options;
}

CoreOptions CoreOptionsOf(const Surroundings& around, PeerId self, MonoMs now) {
  CoreOptions options;
  options.tick_ms = around.config->tick_time_ms;
  options.first_session_id = InitialSessionId(self.value, 1'700'000'000'000 + now.value);
  options.checkpoints = {.dirty_bytes = around.plan->checkpoint_dirty_bytes, .interval_ms = 5'000};
  return options;
}

}  // namespace

SimServer::SimServer(const Surroundings& surroundings, const zab::PeerOptions& options)
    : around_(surroundings),
      options_(Believed(options, surroundings.bug)),
      clock_speed_percent_(100 + around_.dice->Between(-around_.plan->clock_skew_percent,
                                                       around_.plan->clock_skew_percent)) {
  around_.network->Join(options_.self, this);
}

SimServer::~SimServer() = default;

void SimServer::Trace(const std::string& text) {
  if (!around_.trace) return;
  around_.trace(Text(around_.events->now(), " server ", options_.self, ": ", text));
}

const zab::Peer& SimServer::peer() const { return process_->core->member()->peer(); }
bool SimServer::serving() const { return Up() && process_->serving.serving(); }
bool SimServer::leading() const { return Up() && peer().leading(); }
const DataTree& SimServer::tree() const { return *process_->slot.tree; }
MonoMs SimServer::Now() const { return MonoMs{around_.events->now() * clock_speed_percent_ / 100}; }

std::string SimServer::Described() const {
  if (!Up()) return Text("server ", id(), " is down");
  return Text("server ", id(),
              leading()   ? " leads"
              : serving() ? " serves"
                          : " looks",
              " (", peer().last_reason(), ")");
}

// ---- The process.

void SimServer::Start() {
  if (Up()) return;
  around_.checker->Started(options_.self, disk_);
  if (EpochOf(disk_.LastLogged()) > disk_.current_epoch) {
    Saw("start with a log of a later epoch");
    if (around_.bug == PlantedBug::kEpochBeforeLog) disk_.current_epoch = disk_.accepted_epoch;
  }
  Loaded loaded = disk_.Load();
  state_ = std::move(loaded.state);
  const Zxid last = loaded.tree->last_zxid();
  zab::History history{.accepted_epoch = disk_.accepted_epoch,
                       .current_epoch = disk_.current_epoch,
                       .appended = last,
                       .persisted = last,
                       .applied = last,
                       .committed = zab::CommittedLog(options_.commit_log_count)};
  // As Server::JoinEnsemble does it.
  if (!disk_.log().empty() && (disk_.log().back().zxid == last || CounterOf(last) == 0)) {
    for (const LogEntry& entry : disk_.log()) {
      const zab::CommittedLog& known = history.committed;
      if (!known.empty() && !zab::Follows(known.newest(), entry.zxid)) break;  // told by Started
      history.committed.Add(entry);
    }
  }
  Trace(Text("starts with epoch ", disk_.current_epoch, " of ", disk_.accepted_epoch, ", log to ",
             last));
  process_ = std::make_unique<Process>(*around_.config, std::move(loaded.tree));
  const uint64_t incarnation = incarnation_;
  process_->desk = std::make_unique<SimDesk>(
      process_->context, SimDesk::Wires{.send =
                                            [this, incarnation](uint64_t link, std::string bytes) {
                                              if (incarnation != incarnation_ || dying_) return;
                                              around_.client_network->ToClient(
                                                  link, std::move(bytes),
                                                  {disk_.current_epoch, tree().last_zxid()});
                                            },
                                        .close =
                                            [this, incarnation](uint64_t link) {
                                              if (incarnation != incarnation_ || dying_) return;
                                              links_.erase(link);
                                              around_.client_network->CloseByServer(link);
                                            }});
  if (around_.bug == PlantedBug::kWatchLostAtSliceBorder) {
    process_->desk->LoseWatchesAtSliceBorders();
  }
  if (around_.bug == PlantedBug::kNeverExpires) process_->desk->NeverComplete();
  process_->core = std::make_unique<Core>(
      CoreShared{&process_->slot, &process_->serving, &process_->outstanding, &SharedMetrics()},
      this, CoreOptionsOf(around_, options_.self, Now()), NowInstant());
  process_->core->JoinEnsemble(
      std::make_unique<EnsembleMember>(options_, std::move(history), this, process_->core.get()));
  process_->core->Start(NowInstant());
  if (dying_) return EndCrashed();
  PlanTimer();
  PlanTouches();
}

void SimServer::Crash() {
  if (!Up()) return;
  Trace("crashes");
  disk_.Crash(around_.dice);
  process_.reset();
  ++incarnation_;
  received_.clear();
  sent_.reset();
  leader_conn_ = leader_link_ = 0;
  receiving_.reset();
  learner_conns_.clear();
  listening_ = syncing_ = core_turn_planned_ = desk_turn_planned_ = checkpointing_ = false;
  serving_epoch_ = timer_at_ = 0;
  ++checkpoint_;
  paused_until_ = 0;
  deferred_.clear();
  crash_after_ = -1;
  dying_ = false;
  around_.network->Drop(options_.self);
  for (const uint64_t link : std::exchange(links_, {})) {
    around_.client_network->CloseByServer(link);
  }
}

bool SimServer::Step() {
  if (dying_) return false;
  if (crash_after_ == 0) {
    if (leading()) Saw("leader crashed between two steps");
    Saw("crash between two steps");
    dying_ = true;
    return false;
  }
  if (crash_after_ > 0) --crash_after_;
  return true;
}

void SimServer::EndCrashed() { Crash(); }

void SimServer::Pause(int64_t ms) {
  if (!Up()) return;
  Trace("pauses");
  paused_until_ = std::max(paused_until_, around_.events->now() + ms);
  const uint64_t incarnation = incarnation_;
  around_.events->At(paused_until_, [this, incarnation] {
    if (incarnation == incarnation_ && Up()) Trace("goes on");
    while (incarnation == incarnation_ && Up() && around_.events->now() >= paused_until_ &&
           !deferred_.empty()) {
      const std::function<void()> what = std::move(deferred_.front());
      deferred_.pop_front();
      what();
    }
  });
}

void SimServer::Do(std::function<void()> what) {
  if (!Up()) return;
  if (around_.events->now() < paused_until_ || !deferred_.empty()) {
    deferred_.push_back(std::move(what));
  } else {
    what();
  }
}

void SimServer::Later(int64_t ms, std::function<void()> what) {
  const uint64_t incarnation = incarnation_;
  around_.events->After(ms, [this, incarnation, what = std::move(what)] {
    if (incarnation == incarnation_) Do(what);
  });
}

// ---- The core's thread and the desk's.

void SimServer::Push(CoreMessage message) {
  process_->inbox.Push(std::move(message));
  WakeCore();
}

void SimServer::WakeCore() {
  if (std::exchange(core_turn_planned_, true)) return;
  Later(around_.dice->OneIn(4) ? around_.dice->Between(0, 3) : 0, [this] { CoreTurn(); });
}

void SimServer::CoreTurn() {
  core_turn_planned_ = false;
  std::vector<CoreMessage> messages;
  process_->inbox.Push(CoreTask([](Core&) {}));  // so that nothing waits
  process_->inbox.TakeAll(&messages);
  for (CoreMessage& message : messages) {
    process_->core->Handle(NowInstant(), message);
    if (dying_) return EndCrashed();
  }
  process_->core->Advance(NowInstant());
  if (dying_) return EndCrashed();
  NoteRole();
  WakeDesk();
  PlanTimer();
}

// At most as many timers wait as the deadline has moved forward; one that is early does no harm.
void SimServer::PlanTimer() {
  const MonoMs deadline = process_->core->NextDeadline();
  if (deadline.value == std::numeric_limits<int64_t>::max()) return;
  const int64_t when = deadline.value * 100 / clock_speed_percent_ + 1;
  if (timer_at_ > around_.events->now() && timer_at_ <= when) return;
  timer_at_ = when;
  const uint64_t incarnation = incarnation_;
  around_.events->At(when, [this, when, incarnation] {
    if (incarnation != incarnation_) return;
    if (timer_at_ == when) timer_at_ = 0;
    Do([this] { WakeCore(); });
  });
}

void SimServer::WakeDesk() {
  if (!process_->desk->waits() || std::exchange(desk_turn_planned_, true)) return;
  Later(around_.dice->OneIn(4) ? around_.dice->Between(0, 3) : 0, [this] {
    desk_turn_planned_ = false;
    process_->desk->Turn(Now());
    WakeCore();
  });
}

void SimServer::PlanTouches() {
  Later(kTouchReportMs, [this] {
    process_->desk->ReportTouches(Now());
    WakeCore();
    PlanTouches();
  });
}

// ---- CorePorts: what is applied.

void SimServer::NoteRole() {
  const int64_t epoch = !process_->serving.serving() ? 0
                        : leading()                  ? peer().leader()->epoch()
                                                     : disk_.current_epoch;
  if (epoch == serving_epoch_) return;
  serving_epoch_ = epoch;
  if (epoch == 0) return;
  Trace(Text("serves epoch ", epoch, " at ", tree().last_zxid()));
  if (leading()) {
    around_.on_election();
    around_.checker->Leads(options_.self, epoch, state_);
  } else {
    around_.checker->Serves(options_.self, state_);
  }
}

void SimServer::ChangeTree(const std::function<void()>& change, const AppliedBatchRef& batch) {
  if (!dying_) NoteRole();
  if (around_.bug == PlantedBug::kStaleRead && !leading() && around_.dice->OneIn(50)) {
    process_->desk->ReadFrom(TreeOf(*ImageOf(tree(), {})));
  }
  change();
  if (dying_) return;
  const Zxid last = tree().last_zxid();
  for (const BatchItem& item : batch->items) {
    if (item.zxid <= state_.LastEntry() || item.zxid > last) continue;
    const LogEntry* entry = disk_.Find(item.zxid);
    if (entry == nullptr) continue;  // a read at the beginning of an epoch
    if (serving_epoch_ != 0) {
      around_.checker->Delivered(options_.self, state_, *entry);
    } else {
      Saw("applied before it serves");
    }
    state_.history.push_back(*entry);
  }
  if (serving_epoch_ != 0 && !batch->items.empty()) {
    around_.checker->Stands(options_.self, last, tree().digest());
  }
  if (around_.bug == PlantedBug::kEphemeralLeftBehind && !batch->items.empty()) {
    LeaveEphemeralBehind();
  }
  process_->desk->Enqueue(AppliedBatchRef(batch));
  // The I/O thread may come in between two slices.
  if (around_.dice->OneIn(4)) process_->desk->Turn(Now());
}

void SimServer::Send(uint32_t, IoMessage message) {
  if (dying_) return;
  process_->desk->Enqueue(std::move(message));
  WakeDesk();
}

void SimServer::Fail(const Error& error) {
  around_.checker->Stalled(Text("server ", id(), " gives up: ", error.message));
  dying_ = true;
}

// ---- CorePorts: the disk.

void SimServer::AppendToLog(std::vector<LogEntry> entries) {
  for (const LogEntry& entry : entries) {
    if (!Step()) return;
    disk_.Append(entry);
    around_.checker->Logged(entry);
  }
  if (around_.bug == PlantedBug::kAcknowledgeBeforeSync) {
    Later(0, [this, upto = entries.back().zxid] { Push(Persisted{upto}); });
  }
  if (!syncing_) StartSync();
}

// Whatever has come until now shares one sync.
void SimServer::StartSync() {
  syncing_ = true;
  const uint64_t incarnation = incarnation_;
  const uint64_t sync = ++sync_;
  const Zxid upto = disk_.LastLogged();
  const int64_t slow = around_.bug == PlantedBug::kAcknowledgeBeforeSync ? 20 : 1;
  const int64_t ms = around_.dice->Between(0, around_.plan->max_sync_ms) * disk_factor_ * slow;
  around_.events->After(ms, [=, this] {
    if (incarnation != incarnation_ || sync != sync_) return;
    disk_.Synced(upto);
    syncing_ = false;
    if (disk_.unsynced() > 0) StartSync();
    Do([=, this] {
      Push(Persisted{upto});
      if (around_.dice->OneIn(100)) Push(CheckpointDue{});
    });
  });
}

// Before the log is changed: what was appended is on disk, and a checkpoint is given up.
void SimServer::QuietDisk() {
  if (std::exchange(checkpointing_, false)) {
    ++checkpoint_;
    Saw("checkpoint given up");
    Push(CheckpointEnded{});
  }
  if (!std::exchange(syncing_, false)) return;
  ++sync_;
  disk_.Synced(disk_.LastLogged());
  Push(Persisted{disk_.LastLogged()});
}

void SimServer::BeginCheckpoint(DataTree* tree) {
  CheckpointTracker& tracker = tree->checkpoint_tracker();
  std::optional<uint64_t> digest;
  if (tree->digest_enabled()) digest = tree->digest();
  (void)tracker.Freeze(tree->last_zxid(), digest, [](const StoredNode&) {});
  while (tracker.CopySome(1000, 1 << 20)) {
  }
  checkpointing_ = true;
  const ImageRef image = ImageOf(*tree, state_);
  const bool purge = around_.dice->OneIn(2);
  Saw("checkpoint");
  Later(around_.dice->Between(0, 200), [this, image, purge, number = ++checkpoint_] {
    if (number != checkpoint_) return;
    checkpointing_ = false;
    disk_.Checkpoint(image, purge);
    Push(CheckpointEnded{});
  });
}

Status SimServer::WriteEpoch(EpochKind kind, int64_t epoch) {
  if (!Step()) return {};
  if (kind == EpochKind::kCurrent) {
    disk_.current_epoch = epoch;
  } else if (around_.bug != PlantedBug::kForgetAcceptedEpoch) {
    disk_.accepted_epoch = epoch;
  }
  return {};
}

Result<std::unique_ptr<DataTree>> SimServer::TruncateStorage(Zxid upto) {
  if (!Step()) return std::unique_ptr<DataTree>();
  QuietDisk();
  if (around_.bug == PlantedBug::kSkipTruncate) return disk_.Load().tree;
  const size_t before = disk_.log().size();
  if (!disk_.Truncate(upto)) {
    Saw("TRUNC impossible");
    return std::unique_ptr<DataTree>();
  }
  Trace(Text("cuts its log behind ", upto));
  Saw("TRUNC done");
  if (before - disk_.log().size() > 1) Saw("TRUNC of several entries");
  Loaded loaded = disk_.Load();
  state_ = std::move(loaded.state);
  return std::move(loaded.tree);
}

Status SimServer::InstallStorage(DataTree* tree) {
  const auto received = received_.find(tree);
  CHECK(received != received_.end());
  const ImageRef image = received->second;
  received_.erase(received);
  if (!Step()) return {};
  QuietDisk();
  const std::vector<LogEntry> old = disk_.log();
  disk_.Install(image);
  state_ = image->state;
  tree->StartWholeCheckpoint();
  Saw("snapshot installed");
  if (around_.bug == PlantedBug::kKeepOldLogAfterSnapshot) {
    for (const LogEntry& entry : old) disk_.Append(entry);
    disk_.Synced(disk_.LastLogged());
  }
  return {};
}

std::vector<LogEntry> SimServer::ReadLog(Zxid from, Zxid upto) {
  std::vector<LogEntry> entries;
  for (const LogEntry& entry : disk_.log()) {
    if (entry.zxid <= from) entries.clear();
    if (entry.zxid <= upto) entries.push_back(entry);
  }
  if (!entries.empty() && entries.front().zxid > from) entries.clear();
  Saw(entries.empty() ? "DIFF from log files impossible" : "DIFF from log files");
  return entries;
}

}  // namespace lockkeeper::simulation
