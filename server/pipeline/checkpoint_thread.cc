#include "server/pipeline/checkpoint_thread.h"

#include <glog/logging.h>

#include <future>
#include <optional>
#include <utility>
#include <vector>

#include "server/clock.h"
#include "server/storage/purge.h"
#include "server/this_thread.h"

namespace lockkeeper {
namespace {

// One slice under the gate: some tens of microseconds.
constexpr size_t kNodesPerSlice = 64;
constexpr size_t kBytesPerSlice = 64 << 10;

}  // namespace

CheckpointThread::CheckpointThread(std::unique_ptr<CheckpointStore> store, ReadGate* gate,
                                   FileSystem* fs, const DataDir* dir,
                                   const CheckpointThreadOptions& options, Inbox<CoreMessage>* core,
                                   Metrics* metrics)
    : store_(std::move(store)),
      gate_(*gate),
      fs_(*fs),
      dir_(*dir),
      options_(options),
      core_(core),
      metrics_(metrics) {}

CheckpointThread::~CheckpointThread() { CHECK(!thread_.joinable()) << "Stop was not called"; }

void CheckpointThread::Start() {
  thread_ = std::thread([this] {
    NameThisThread("checkpoint");
    GoToBackground();
    Run();
  });
}

void CheckpointThread::Stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  inbox_.Push(StopCheckpoints{});
  thread_.join();
}

void CheckpointThread::Run(const std::function<void(CheckpointStore*)>& task) {
  std::promise<void> done;
  ++tasks_;
  inbox_.Push(Task([&] {
    task(store_.get());
    --tasks_;
    done.set_value();
  }));
  done.get_future().wait();
}

void CheckpointThread::Run() {
  std::optional<MonoMs> next_purge;
  if (options_.purge_interval_ms > 0) next_purge = MonoNow();
  std::vector<Message> messages;
  while (!stopping_) {
    if (next_purge && MonoNow() >= *next_purge) {
      Purge();
      next_purge = MonoMs{MonoNow().value + options_.purge_interval_ms};
    }
    if (next_purge) {
      inbox_.TakeAll(&messages, TimePointOf(*next_purge));
    } else {
      inbox_.TakeAll(&messages);
    }
    for (Message& message : messages) {
      if (auto* job = std::get_if<CheckpointJob>(&message); job != nullptr && !stopping_) {
        Write(*job);
      }
      if (auto* task = std::get_if<Task>(&message)) (*task)();
    }
  }
}

void CheckpointThread::Write(CheckpointJob& job) {
  const MonoMs start = MonoNow();
  VLOG(1) << "checkpoint at zxid " << job.frozen.zxid << " begins";
  const Result<bool> copied = CopyAll(job);
  if (copied && !*copied) return GiveUp(job);
  const uint64_t nodes = job.frozen.whole ? job.frozen.node_count : job.batch->nodes();
  const Status written =
      copied ? store_->Commit(job.frozen, job.batch.get(), WallNow().value) : copied.error();
  if (!written) {
    LOG(ERROR) << "the checkpoint at zxid " << job.frozen.zxid
               << " failed: " << written.error().message;
    metrics_->snapshot_error_count.Add(1);
    core_->Push(CheckpointEnded{Error{Errc::kCheckpoint, written.error().message}});
    return;
  }
  const int64_t took_ms = MonoNow().value - start.value;
  metrics_->snapshottime.Record(took_ms);
  LOG(INFO) << "checkpoint at zxid " << job.frozen.zxid << ": " << nodes << " znodes, "
            << job.frozen.deleted.size() << " deletions written in " << took_ms << " ms";
  core_->Push(CheckpointEnded{});
}

// Another state takes the place of this one. Parts of a first checkpoint must not be mixed with it.
void CheckpointThread::GiveUp(const CheckpointJob& job) {
  if (stopping_) return;
  std::optional<Error> error;
  if (job.frozen.whole) {
    if (Status discarded = store_->Discard(); !discarded) error = discarded.error();
  }
  core_->Push(CheckpointEnded{std::move(error)});
}

Result<bool> CheckpointThread::CopyAll(CheckpointJob& job) {
  CheckpointBatch part;
  bool more = true;
  while (more) {
    if (stopping_ || tasks_ > 0) return false;
    more = CopySlice(&job, &part);
    if (part.nodes() == 0) continue;
    if (Status written = store_->WritePart(&part); !written) return written.error();
  }
  return true;
}

bool CheckpointThread::CopySlice(CheckpointJob* job, CheckpointBatch* part) {
  gate_.EnterReadLast(options_.gate_slot);
  const bool more = job->tracker->CopySome(kNodesPerSlice, kBytesPerSlice);
  CheckpointBatch* batch = job->batch.get();
  if (job->frozen.whole && batch->bytes() >= kCheckpointPartBytes) std::swap(*batch, *part);
  gate_.LeaveRead(options_.gate_slot);
  return more;
}

void CheckpointThread::Purge() {
  std::vector<Zxid> generations;
  if (store_->meta()) generations = store_->meta()->generations;
  // What goes wrong is logged there; the next purge tries again.
  (void)lockkeeper::Purge(fs_, dir_.snapshot_dir(), dir_.log_dir(), generations,
                          options_.purge_retain);
}

}  // namespace lockkeeper
