// The thread that owns the checkpoint store: it copies what changed out of the tree, in slices that
// readers and the core do not feel, writes it, and purges files that nothing needs any more.
#ifndef LOCKKEEPER_SERVER_PIPELINE_CHECKPOINT_THREAD_H_
#define LOCKKEEPER_SERVER_PIPELINE_CHECKPOINT_THREAD_H_

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <variant>

#include "datatree/data_tree.h"
#include "server/admin/metrics.h"
#include "server/pipeline/inbox.h"
#include "server/pipeline/messages.h"
#include "server/pipeline/read_gate.h"
#include "server/storage/checkpoint_store.h"
#include "server/storage/data_dir.h"
#include "server/storage/file_system.h"

namespace lockkeeper {

struct CheckpointThreadOptions {
  size_t gate_slot = 0;           // its own place in the read gate
  int64_t purge_interval_ms = 0;  // autopurge.purgeInterval; 0: never
  int purge_retain = 3;           // autopurge.snapRetainCount
};

// A frozen state on its way to the disk. The core adds to the batch what it is about to change, the
// checkpoint thread all else, each inside its gate.
struct CheckpointJob {
  FrozenState frozen;
  std::shared_ptr<CheckpointBatch> batch;
  CheckpointTracker* tracker;  // of the tree whose state it is; outlives the job
};

class CheckpointThread {
 public:
  CheckpointThread(std::unique_ptr<CheckpointStore> store, ReadGate* gate, FileSystem* fs,
                   const DataDir* dir, const CheckpointThreadOptions& options,
                   Inbox<CoreMessage>* core, Metrics* metrics);
  ~CheckpointThread();

  void Start();
  // Ends the thread; a checkpoint that is not written yet is given up.
  void Stop();
  // Any thread; one job at a time. The core hears CheckpointEnded.
  void Begin(CheckpointJob job) { inbox_.Push(std::move(job)); }
  // Any thread but its own: what `task` does with the store, when everything before is done. A
  // checkpoint that is being written is given up. Returns when it is done.
  void Run(const std::function<void(CheckpointStore*)>& task);

 private:
  struct StopCheckpoints {};
  using Task = std::function<void()>;
  using Message = std::variant<CheckpointJob, Task, StopCheckpoints>;

  void Run();
  void Write(CheckpointJob& job);
  void GiveUp(const CheckpointJob& job);
  // False: given up. Puts what is ready of a whole checkpoint on the disk as it goes.
  Result<bool> CopyAll(CheckpointJob& job);
  bool CopySlice(CheckpointJob* job, CheckpointBatch* part);
  void Purge();

  const std::unique_ptr<CheckpointStore> store_;
  ReadGate& gate_;
  FileSystem& fs_;
  const DataDir& dir_;
  const CheckpointThreadOptions options_;
  Inbox<CoreMessage>* const core_;
  Metrics* const metrics_;
  Inbox<Message> inbox_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> tasks_{0};  // that wait
  std::thread thread_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PIPELINE_CHECKPOINT_THREAD_H_
