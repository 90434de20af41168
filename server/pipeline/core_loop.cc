#include "server/pipeline/core_loop.h"

#include <algorithm>
#include <span>
#include <utility>
#include <variant>

#include "server/clock.h"
#include "server/net/io_thread.h"
#include "server/this_thread.h"

namespace lockkeeper {
namespace {

Instant Now() { return {MonoNow(), WallNow()}; }

constexpr size_t kMessagesHereMax = 16;
constexpr size_t kPeerEventsHereMax = 4;
constexpr size_t kPacketsHereMax = 4;

// What a serving member and its leader or learners say to each other all the time.
bool IsEveryday(const QuorumPacket& packet) {
  using enum QuorumPacketType;
  return packet.type == kProposal || packet.type == kAck || packet.type == kCommit ||
         packet.type == kInform || packet.type == kRequest || packet.type == kSync ||
         packet.type == kRevalidate || packet.type == kPing;
}

bool IsLight(const std::vector<QuorumPacket>& packets) {
  return packets.size() <= kPacketsHereMax &&
         std::ranges::all_of(packets, [](const auto& packet) { return IsEveryday(packet); });
}

bool IsLight(const PeerEvent& event) {
  if (const auto* leader = std::get_if<LeaderPackets>(&event)) return IsLight(leader->packets);
  const auto* learner = std::get_if<LearnerPackets>(&event);
  return learner != nullptr && IsLight(learner->packets);
}

// Takes little time and no other thread's help.
bool IsLight(const CoreMessage& message) {
  if (const auto* peers = std::get_if<PeerEvents>(&message)) {
    return peers->events.size() <= kPeerEventsHereMax &&
           std::ranges::all_of(peers->events,
                               [](const PeerEvent& event) { return IsLight(event); });
  }
  return std::holds_alternative<RequestBatch>(message) ||
         std::holds_alternative<Persisted>(message) || std::holds_alternative<TouchReport>(message);
}

CoreOptions WithIoThreads(CoreOptions options, size_t io_threads) {
  options.io_threads = io_threads;
  return options;
}

}  // namespace

CoreLoop::CoreLoop(const CoreShared& shared, ReadGate* gate, Inbox<CoreMessage>* inbox,
                   LogThread* log, CheckpointThread* checkpoints, std::vector<IoThread*> io_threads,
                   const CoreOptions& options, std::function<void(const Error&)> failed)
    : serving_(*shared.serving),
      gate_(*gate),
      inbox_(*inbox),
      log_(*log),
      checkpoints_(*checkpoints),
      io_threads_(std::move(io_threads)),
      failed_(std::move(failed)),
      core_(shared, this, WithIoThreads(options, io_threads_.size()), Now()) {}

void CoreLoop::JoinEnsemble(std::unique_ptr<EnsembleMember> member, StorageOperations storage) {
  storage_ = std::move(storage);
  core_.JoinEnsemble(std::move(member));
}

void CoreLoop::Start() {
  thread_ = std::thread([this] {
    NameThisThread("core");
    Run();
  });
}

void CoreLoop::Stop() {
  if (!thread_.joinable()) return;
  inbox_.Push(StopCore{});
  thread_.join();
}

void CoreLoop::Run() {
  std::vector<CoreMessage> messages;
  std::unique_lock turn(turn_);
  core_.Start(Now());
  running_ = true;
  while (!core_.finished()) {
    thread_waits_for_ = core_.NextDeadline();
    const auto deadline = TimePointOf(thread_waits_for_);
    turn.unlock();
    inbox_.Wait(deadline);
    turn.lock();
    inbox_.TakeNow(&messages);
    Turn(&messages);
  }
}

void CoreLoop::Turn(std::vector<CoreMessage>* messages) {
  size_t expected = 0;
  for (size_t i = 0; i < messages->size(); ++i) {
    if (expected == 0) expected = core_.Expect(std::span(*messages).subspan(i));
    --expected;
    core_.Handle(Now(), (*messages)[i]);
    if (core_.failed()) return;
  }
  core_.Advance(Now());
}

void CoreLoop::RunHereOrWake() {
  if (!RunHere()) inbox_.Wake();
}

bool CoreLoop::RunHere() {
  const std::unique_lock turn(turn_, std::try_to_lock);
  if (!turn || !running_ || core_.finished() || !serving_.serving()) return false;
  std::vector<CoreMessage> messages;
  const auto takes = [](const CoreMessage& message) { return IsLight(message); };
  if (!inbox_.TakeFew(kMessagesHereMax, takes, &messages)) return false;
  Turn(&messages);
  return !core_.finished() && core_.NextDeadline() >= thread_waits_for_;
}

// ---- CorePorts.

void CoreLoop::AppendToLog(std::vector<LogEntry> entries) { log_.Append(std::move(entries)); }

void CoreLoop::ChangeTree(const std::function<void()>& change, const AppliedBatchRef& batch) {
  gate_.Write([&] {
    change();
    // Under the gates: a reader that sees the new tree finds the batch in its inbox.
    for (IoThread* io : io_threads_) io->Enqueue(AppliedBatchRef(batch));
  });
  for (IoThread* io : io_threads_) io->WakeIfConcerned(*batch);
}

void CoreLoop::Send(uint32_t io_thread, IoMessage message) {
  io_threads_[io_thread]->Enqueue(std::move(message));
  io_threads_[io_thread]->Wake();
}

void CoreLoop::BeginCheckpoint(DataTree* tree) {
  CheckpointTracker& tracker = tree->checkpoint_tracker();
  auto batch = std::make_shared<CheckpointBatch>();
  std::optional<uint64_t> digest;
  if (tree->digest_enabled()) digest = tree->digest();
  FrozenState frozen = tracker.Freeze(tree->last_zxid(), digest,
                                      [batch](const StoredNode& node) { batch->Add(node); });
  checkpoints_.Begin({std::move(frozen), std::move(batch), &tracker});
}

void CoreLoop::Fail(const Error& error) { failed_(error); }

Status CoreLoop::WriteEpoch(EpochKind kind, int64_t epoch) {
  return storage_.write_epoch(kind, epoch);
}

Result<std::unique_ptr<DataTree>> CoreLoop::TruncateStorage(Zxid upto) {
  return storage_.truncate(upto);
}

Status CoreLoop::InstallStorage(DataTree* tree) { return storage_.install(tree); }

std::vector<LogEntry> CoreLoop::ReadLog(Zxid from, Zxid upto) {
  return storage_.read_log(from, upto);
}

}  // namespace lockkeeper
