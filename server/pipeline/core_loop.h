// The core's thread, and the core's ports to the other threads, the gates and the clock.
//
// The core is used under a mutex, by its own thread or, for little work, by the thread that has
// just sent it a message: a lone request would spend most of its time in changes of threads
// otherwise.
#ifndef LOCKKEEPER_SERVER_PIPELINE_CORE_LOOP_H_
#define LOCKKEEPER_SERVER_PIPELINE_CORE_LOOP_H_

#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "server/pipeline/checkpoint_thread.h"
#include "server/pipeline/core.h"
#include "server/pipeline/core_ports.h"
#include "server/pipeline/inbox.h"
#include "server/pipeline/log_thread.h"
#include "server/pipeline/read_gate.h"

namespace lockkeeper {

// What a member of an ensemble does to its own storage: see CorePorts.
struct StorageOperations {
  std::function<Status(EpochKind, int64_t epoch)> write_epoch;
  std::function<Result<std::unique_ptr<DataTree>>(Zxid)> truncate;
  std::function<Status(DataTree*)> install;
  std::function<std::vector<LogEntry>(Zxid from, Zxid upto)> read_log;
};

class CoreLoop final : public CorePorts {
 public:
  // `failed` is called on whatever thread uses the core once nothing can be acknowledged any more;
  // the process must end then.
  CoreLoop(const CoreShared& shared, ReadGate* gate, Inbox<CoreMessage>* inbox, LogThread* log,
           CheckpointThread* checkpoints, std::vector<IoThread*> io_threads,
           const CoreOptions& options, std::function<void(const Error&)> failed);

  // Before Start: this server is a member of an ensemble; the member's host is host().
  void JoinEnsemble(std::unique_ptr<EnsembleMember> member, StorageOperations storage);
  EnsembleHost* host() { return &core_; }

  void Start();
  // Carries out what was sent before, waits for its disk writes, then ends the thread.
  void Stop();
  // Any thread that holds no gate, after a quiet push: a turn of the core on this thread, if the
  // core rests and only a few messages wait that take little time; otherwise wakes the core's
  // thread.
  void RunHereOrWake();

  // CorePorts
  void AppendToLog(std::vector<LogEntry> entries) override;
  void ChangeTree(const std::function<void()>& change, const AppliedBatchRef& batch) override;
  void Send(uint32_t io_thread, IoMessage message) override;
  void BeginCheckpoint(DataTree* tree) override;
  void Fail(const Error& error) override;
  Status WriteEpoch(EpochKind kind, int64_t epoch) override;
  Result<std::unique_ptr<DataTree>> TruncateStorage(Zxid upto) override;
  Status InstallStorage(DataTree* tree) override;
  std::vector<LogEntry> ReadLog(Zxid from, Zxid upto) override;

 private:
  void Run();
  bool RunHere();
  void Turn(std::vector<CoreMessage>* messages);

  const ServingState& serving_;
  ReadGate& gate_;
  Inbox<CoreMessage>& inbox_;
  LogThread& log_;
  CheckpointThread& checkpoints_;
  const std::vector<IoThread*> io_threads_;
  const std::function<void(const Error&)> failed_;
  StorageOperations storage_;
  std::mutex turn_;
  Core core_;                // guarded by turn_ from Start on
  bool running_ = false;     // guarded by turn_: Start was called
  MonoMs thread_waits_for_;  // guarded by turn_: the deadline that the core's thread knows of
  std::thread thread_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PIPELINE_CORE_LOOP_H_
