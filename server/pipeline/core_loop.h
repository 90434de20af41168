// The core thread: the only writer of the tree, the session table, and the order of everything that
// changes. Messages in; log entries and applied batches out.
#ifndef LOCKKEEPER_SERVER_PIPELINE_CORE_LOOP_H_
#define LOCKKEEPER_SERVER_PIPELINE_CORE_LOOP_H_

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "datatree/data_tree.h"
#include "datatree/prepare.h"
#include "server/admin/metrics.h"
#include "server/pipeline/checkpoint_schedule.h"
#include "server/pipeline/checkpoint_thread.h"
#include "server/pipeline/container_reaper.h"
#include "server/pipeline/inbox.h"
#include "server/pipeline/log_thread.h"
#include "server/pipeline/messages.h"
#include "server/pipeline/outstanding.h"
#include "server/pipeline/read_gate.h"
#include "server/session/session_tracker.h"
#include "zab/proposals.h"
#include "zab/quorum.h"

namespace lockkeeper {

struct CoreOptions {
  PrepareRules prepare;
  int64_t tick_ms = 3000;
  SessionId first_session_id;  // the next session that is opened gets it
  ReaperOptions reaper;
  CheckpointScheduleOptions checkpoints;
};

class CoreLoop {
 public:
  // `failed` is called on the core thread once nothing can be acknowledged any more; the process
  // must end then.
  CoreLoop(DataTree* tree, ReadGate* gate, Inbox<CoreMessage>* inbox, LogThread* log,
           CheckpointThread* checkpoints, std::vector<IoThread*> io_threads,
           Outstanding* outstanding, const CoreOptions& options, Metrics* metrics,
           std::function<void(const Error&)> failed);

  void Start();
  // Carries out what was sent before, waits for its disk writes, then ends the thread.
  void Stop();

  // Core thread only.
  const SessionTracker& sessions() const { return sessions_; }

 private:
  // A transaction that waits for its disk write, or a read that waits for the transactions before.
  struct InFlight {
    Zxid zxid;  // of the transaction; of the last one before, for a read
    std::shared_ptr<const std::string> payload;  // null for a read
    ConnectionRef to;
    SessionId session;
    DeliveryKind kind = DeliveryKind::kNone;
    OpCode op = OpCode::kError;
    int32_t xid = 0;
    int64_t request_bytes = 0;  // as Outstanding counts them
    CoreRequest read;
  };

  void Run();
  void Handle(RequestBatch& batch);
  void Handle(OpenSession& open);
  void Handle(AttachSession& attach);
  void Handle(ConnectionGone& gone);
  void Handle(TouchReport& report);
  void Handle(Persisted& persisted);
  void Handle(LogFailed& failure);
  void Handle(CheckpointDue&) { schedule_.Due(); }
  void Handle(CheckpointEnded& ended);
  void Handle(CoreTask& task) { task(*this); }
  void Handle(StopCore&) { stopping_ = true; }

  void HandleNow(RequestBatch& batch);
  void HandleRequest(const RequestBatch& batch, CoreRequest request);
  void CloseSession(SessionId session, InFlight in_flight);
  void Propose(std::string payload, InFlight in_flight);
  PrepareContext ContextFor(SessionId session, int32_t xid,
                            const std::vector<Identity>& identities) const;
  void RunReaper();
  void Fail(const Error& error);
  MonoMs NextDeadline() const;
  void MaybeCheckpoint();
  // Takes up the requests that had to wait for the checkpoint, if it is time.
  void ReleaseDelayed();
  void FlushToLog();
  // Applies what is committed, in slices, each under all gates.
  void ApplyCommitted();
  void ApplySlice();
  void ApplyOne(InFlight& in_flight, AppliedBatch* batch);
  void RunRead(InFlight& in_flight, AppliedBatch* batch);
  void TrackSession(const ApplyOutcome& outcome, InFlight& in_flight);
  void EncodeDelivery(const ApplyOutcome& outcome, const InFlight& in_flight, AppliedBatch* batch);
  bool CanRunFront() const;
  void Publish(AppliedBatchRef batch);
  void SendTo(uint32_t io_thread, IoMessage message);

  DataTree& tree_;
  ReadGate& gate_;
  Inbox<CoreMessage>& inbox_;
  LogThread& log_;
  CheckpointThread& checkpoints_;
  const std::vector<IoThread*> io_threads_;
  Outstanding& outstanding_;
  const CoreOptions options_;
  Metrics& metrics_;
  const std::function<void(const Error&)> failed_callback_;

  // Below: owned by the core thread.
  const zab::MajorityQuorum quorum_;
  zab::Proposals proposals_;
  std::vector<LogEntry> to_log_;
  TxnPreparer preparer_;
  SessionTracker sessions_;
  SessionId next_session_id_;
  ContainerReaper reaper_;
  CheckpointSchedule schedule_;
  std::deque<RequestBatch> delayed_;  // in their order; see CheckpointSchedule::MustWait
  std::deque<InFlight> in_flight_;
  std::vector<MonoMs> complete_until_;  // by I/O thread: see TouchReport
  bool stopping_ = false;
  bool failed_ = false;
  std::thread thread_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PIPELINE_CORE_LOOP_H_
