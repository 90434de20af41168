// The core: the only writer of the tree, the session table, and the order of everything that
// changes. Messages come in, each with the time; log entries, applied batches and packets go out
// through CorePorts. The same messages at the same times have the same effects.
#ifndef LOCKKEEPER_SERVER_PIPELINE_CORE_H_
#define LOCKKEEPER_SERVER_PIPELINE_CORE_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "datatree/data_tree.h"
#include "datatree/prepare.h"
#include "server/admin/metrics.h"
#include "server/peer/ensemble_member.h"
#include "server/pipeline/checkpoint_schedule.h"
#include "server/pipeline/container_reaper.h"
#include "server/pipeline/core_ports.h"
#include "server/pipeline/messages.h"
#include "server/pipeline/outstanding.h"
#include "server/pipeline/serving_state.h"
#include "server/pipeline/tree_slot.h"
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
  size_t io_threads = 1;
};

// What the core shares with those who only look, or only count; all of it outlives the core.
struct CoreShared {
  TreeSlot* slot;
  ServingState* serving;
  Outstanding* outstanding;
  Metrics* metrics;
};

struct Instant {
  MonoMs mono;
  WallMs wall;
};

// Threads: none of its own, and one at a time (CoreLoop). No method waits, but those of CorePorts
//          that concern the disk.
// Errors:  what ends the server goes to CorePorts::Fail; nothing may be called afterwards.
class Core final : public EnsembleHost {
 public:
  // `ports` outlives the core.
  Core(const CoreShared& shared, CorePorts* ports, const CoreOptions& options, const Instant& now);

  // Before Start: this server is a member of an ensemble.
  void JoinEnsemble(std::unique_ptr<EnsembleMember> member);

  void Start(const Instant& now);
  // These messages will be handled next: what the requests in the first of them look up is fetched
  // for all at once. Returns how many messages that is, at least one. REQUIRES: there are some.
  size_t Expect(std::span<const CoreMessage> messages) const;
  void Handle(const Instant& now, CoreMessage& message);
  // After every lot of messages, and at NextDeadline: does what time alone brings, gives the log
  // and the network what has collected, applies what is committed.
  void Advance(const Instant& now);
  MonoMs NextDeadline() const;
  bool failed() const { return failed_; }
  // It was told to stop, and whoever waits for a transaction has been answered.
  bool finished() const { return failed_ || (stopping_ && in_flight_.empty()); }

  const SessionTracker& sessions() const { return sessions_; }
  const EnsembleMember* member() const { return member_.get(); }  // null: standalone
  const DataTree& tree() const { return *slot_.tree; }

  // EnsembleHost
  void AppendToLog(LogEntry entry) override;
  void Deliver(LogEntry entry) override;
  void StartServing(const zab::StartServing& role) override;
  void StopServing(const std::string& why) override;
  Status WriteEpoch(EpochKind kind, int64_t epoch) override;
  Result<bool> TruncateTo(Zxid upto) override;
  Status InstallState(std::unique_ptr<DataTree> tree, Zxid zxid) override;
  void OnLearnerMessage(LinkId learner, const QuorumPacket& packet) override;
  void OnLeaderAnswer(const QuorumPacket& packet) override;
  std::vector<SessionTouch> TakeTouches() override;
  StateSource StateNow() override;
  std::vector<LogEntry> ReadLog(Zxid from, Zxid upto) override;
  void Fail(const Error& error) override;

 private:
  // A request of this server's clients whose place among the transactions is fixed and that is not
  // answered yet, in that order.
  struct InFlight {
    enum class What : uint8_t {
      kProposed,   // by this server, as `zxid`
      kForwarded,  // to the leader; known again by session and xid, and above `zxid`
      kRead,       // waits for what stands before it
      kSync,       // waits for the leader's word
    };
    What what = What::kProposed;
    Zxid zxid;
    ConnectionRef to;
    SessionId session;
    DeliveryKind kind = DeliveryKind::kNone;
    OpCode op = OpCode::kError;
    int32_t xid = 0;
    int64_t request_bytes = 0;  // as Outstanding counts them
    // What few need: kept elsewhere, since many stand in the queue.
    struct More {
      CoreRequest request;                  // of kRead and kSync
      std::vector<bool> create2;            // of a multi: Create2Elements
      std::optional<AttachSession> attach;  // a sync of this server's own: what is done then
    };
    std::unique_ptr<More> more;
  };

  void Handle(RequestBatch& batch);
  void Handle(OpenSession& open);
  void Handle(AttachSession& attach);
  void Handle(ConnectionGone& gone);
  void Handle(TouchReport& report);
  void Handle(Persisted& persisted);
  void Handle(LogFailed& failure);
  void Handle(CheckpointDue&) { schedule_.Due(); }
  void Handle(CheckpointEnded& ended);
  void Handle(PeerEvents& events);
  void Handle(CoreTask& task) { task(*this); }
  void Handle(StopCore&);

  void ExpectRest(const RequestBatch& batch, size_t begin) const;
  void HandleNow(RequestBatch& batch);
  void HandleRequest(const RequestBatch& batch, CoreRequest request);
  void CloseSession(SessionId session, InFlight in_flight);
  // This server decides what follows what: it is alone, or leads.
  bool Proposes() const { return member_ == nullptr || member_->leading(); }
  // False: no zxid can be had; the role has ended.
  bool MayPropose();
  Zxid NextProposal() const;
  void Propose(std::string payload);
  void Propose(std::string payload, InFlight in_flight);
  void Forward(SessionId session, int32_t xid, OpCode op, std::string_view body,
               const std::vector<Identity>* identities);
  void ForwardRequest(const RequestBatch& batch, CoreRequest request, InFlight in_flight);
  void OnForwarded(LinkId learner, const QuorumPacket& packet);
  std::string PrepareForwarded(LinkId learner, const ForwardedRequest& request,
                               const std::vector<Identity>& identities);
  void Revalidate(LinkId learner, const QuorumPacket& packet);
  void OnRevalidated(const QuorumPacket& packet);
  void Attached(const AttachSession& attach, bool valid);
  void AttachBehindSync(const AttachSession& attach);
  void LoadSessions();
  void DropInFlight();
  void ReplaceTree(std::unique_ptr<DataTree> tree);
  PrepareContext ContextFor(SessionId session, int32_t xid,
                            const std::vector<Identity>& identities) const;
  void RunReaper();
  bool MayCheckpoint() const;
  void MaybeCheckpoint();
  // Takes up the requests that had to wait for the checkpoint, if it is time.
  void ReleaseDelayed();
  void FlushToLog();
  // Applies what is committed, in slices, each under all gates.
  void ApplyCommitted();
  void ApplySlice();
  void ExpectCommitted() const;
  void MoveTree(const std::function<void()>& change);
  bool RunNext(AppliedBatch* batch);
  bool IsFor(const InFlight& in_flight, const LogEntry& entry) const;
  void ApplyEntry(const LogEntry& entry, AppliedBatch* batch);
  void ApplyOne(const LogEntry& entry, InFlight& in_flight, AppliedBatch* batch);
  void AnswerSync(AppliedBatch* batch);
  void RunRead(const InFlight& in_flight, AppliedBatch* batch);
  void TrackSession(const ApplyOutcome& outcome, InFlight& in_flight);
  void LeaveMovedSession(InFlight* in_flight);
  void EncodeDelivery(const ApplyOutcome& outcome, const InFlight& in_flight, AppliedBatch* batch);
  bool HasRunnable() const;

  DataTree& mutable_tree() const { return *slot_.tree; }

  TreeSlot& slot_;
  ServingState& serving_;
  Outstanding& outstanding_;
  Metrics& metrics_;
  CorePorts& ports_;
  const CoreOptions options_;
  Instant now_;
  const zab::MajorityQuorum alone_;
  std::optional<zab::Proposals> proposals_;  // of a standalone server
  std::unique_ptr<EnsembleMember> member_;   // of any other
  std::vector<LogEntry> to_log_;
  std::optional<TxnPreparer> preparer_;
  SessionTracker sessions_;
  SessionId next_session_id_;
  // The newest transaction of the tree, and the newest that is in the log on disk.
  Zxid applied_;
  Zxid persisted_;
  ContainerReaper reaper_;
  CheckpointSchedule schedule_;
  std::deque<RequestBatch> delayed_;  // in their order; see CheckpointSchedule::MustWait
  std::deque<InFlight> in_flight_;
  // What is committed and the leader's answers to syncs, in the leader's order.
  struct SyncAnswered {};
  std::deque<std::variant<LogEntry, SyncAnswered>> committed_;
  // A leader's: which learner has a session; a session of its own clients is not in it.
  std::unordered_map<SessionId, LinkId> learner_of_;
  // A learner's: sessions heard from since the last PING, and those whom the leader is asked about.
  std::map<SessionId, int32_t> touched_;
  std::multimap<SessionId, AttachSession> revalidating_;
  std::vector<MonoMs> complete_until_;  // by I/O thread: see TouchReport
  // Digests are compared above it: a snapshot of an Apache leader holds changes of transactions
  // that follow it, and until those are applied the tree is none that ever was
  // (quorum-protocol 7.4).
  Zxid digests_above_{0};
  // Why the leader's answers and this server's requests do not belong together any more.
  std::optional<std::string> out_of_step_;
  bool stopping_ = false;
  bool failed_ = false;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PIPELINE_CORE_H_
