// The thread that owns the checkpoint store: it copies what changed out of the tree, in slices that
// readers and the core do not feel, writes it, and purges files that nothing needs any more.
#ifndef LOCKKEEPER_SERVER_PIPELINE_CHECKPOINT_THREAD_H_
#define LOCKKEEPER_SERVER_PIPELINE_CHECKPOINT_THREAD_H_

#include <atomic>
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
};

class CheckpointThread {
 public:
  CheckpointThread(std::unique_ptr<CheckpointStore> store, DataTree* tree, ReadGate* gate,
                   FileSystem* fs, const DataDir* dir, const CheckpointThreadOptions& options,
                   Inbox<CoreMessage>* core, Metrics* metrics);
  ~CheckpointThread();

  void Start();
  // Ends the thread; a checkpoint that is not written yet is given up.
  void Stop();
  // Any thread; one job at a time. The core hears CheckpointEnded.
  void Begin(CheckpointJob job) { inbox_.Push(std::move(job)); }

 private:
  struct StopCheckpoints {};
  using Message = std::variant<CheckpointJob, StopCheckpoints>;

  void Run();
  void Write(CheckpointJob& job);
  // False: given up. Puts what is ready of a whole checkpoint on the disk as it goes.
  Result<bool> CopyAll(CheckpointJob& job);
  bool CopySlice(CheckpointBatch* batch, bool whole, CheckpointBatch* part);
  void Purge();

  const std::unique_ptr<CheckpointStore> store_;
  CheckpointTracker& tracker_;
  ReadGate& gate_;
  FileSystem& fs_;
  const DataDir& dir_;
  const CheckpointThreadOptions options_;
  Inbox<CoreMessage>* const core_;
  Metrics* const metrics_;
  Inbox<Message> inbox_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PIPELINE_CHECKPOINT_THREAD_H_
