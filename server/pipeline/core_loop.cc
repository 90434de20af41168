#include "server/pipeline/core_loop.h"

#include <utility>

#include "server/clock.h"
#include "server/net/io_thread.h"
#include "server/this_thread.h"

namespace lockkeeper {
namespace {

Instant Now() { return {MonoNow(), WallNow()}; }

CoreOptions WithIoThreads(CoreOptions options, size_t io_threads) {
  options.io_threads = io_threads;
  return options;
}

}  // namespace

CoreLoop::CoreLoop(const CoreShared& shared, ReadGate* gate, Inbox<CoreMessage>* inbox,
                   LogThread* log, CheckpointThread* checkpoints, std::vector<IoThread*> io_threads,
                   const CoreOptions& options, std::function<void(const Error&)> failed)
    : gate_(*gate),
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
  core_.Start(Now());
  while (!core_.finished()) {
    inbox_.TakeAll(&messages, TimePointOf(core_.NextDeadline()));
    for (CoreMessage& message : messages) {
      core_.Handle(Now(), message);
      if (core_.failed()) return;
    }
    core_.Advance(Now());
  }
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
