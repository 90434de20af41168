// What the core does to the world, all of it. CoreLoop joins it to threads, files and sockets;
// tests/simulation to a simulated world.
#ifndef LOCKKEEPER_SERVER_PIPELINE_CORE_PORTS_H_
#define LOCKKEEPER_SERVER_PIPELINE_CORE_PORTS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "datatree/data_tree.h"
#include "protocol/result.h"
#include "protocol/types.h"
#include "server/pipeline/messages.h"
#include "server/storage/epoch_files.h"
#include "zab/log_entry.h"

namespace lockkeeper {

// Called by the core, on its thread, in the order in which things must happen.
class CorePorts {
 public:
  virtual ~CorePorts() = default;

  // In zxid order. The core hears Persisted or LogFailed.
  virtual void AppendToLog(std::vector<LogEntry> entries) = 0;
  // Runs `change`, which also fills `batch`, while nobody reads the tree. Whoever reads the tree
  // later has the batch before.
  virtual void ChangeTree(const std::function<void()>& change, const AppliedBatchRef& batch) = 0;
  virtual void Send(uint32_t io_thread, IoMessage message) = 0;
  // Freezes the tree as it is now and writes it. The core hears CheckpointEnded, also when the
  // checkpoint was given up because TruncateStorage or InstallStorage came between.
  virtual void BeginCheckpoint(DataTree* tree) = 0;
  // Nothing can be acknowledged any more: the process must end. At most once.
  virtual void Fail(const Error& error) = 0;

  // ---- A member of an ensemble: its own storage. Everything appended before is on disk first, and
  // what is said here is durable when they return.
  virtual Status WriteEpoch(EpochKind kind, int64_t epoch) = 0;
  // The state at `upto`, where log and checkpoint end from now on; null: that cannot be.
  virtual Result<std::unique_ptr<DataTree>> TruncateStorage(Zxid upto) = 0;
  // The tree, at its last zxid, is the base of everything that is logged from now on; nothing that
  // was logged before is replayed again.
  virtual Status InstallStorage(DataTree* tree) = 0;
  // Entries of the log files from the last one at or below `from` to `upto`; empty: they cannot be
  // had.
  virtual std::vector<LogEntry> ReadLog(Zxid from, Zxid upto) = 0;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PIPELINE_CORE_PORTS_H_
