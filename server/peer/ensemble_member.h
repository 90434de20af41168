// Carries out what a zab::Peer wants: messages to the network, everything that concerns disk and
// state to its host. In the order of the actions, each durable before the next.
//
// Threads: owned by the core thread.
#ifndef LOCKKEEPER_SERVER_PEER_ENSEMBLE_MEMBER_H_
#define LOCKKEEPER_SERVER_PEER_ENSEMBLE_MEMBER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/quorum_packet.h"
#include "protocol/result.h"
#include "protocol/types.h"
#include "server/peer/peer_transport.h"
#include "server/peer/role_recorder.h"
#include "server/storage/epoch_files.h"
#include "zab/peer.h"

namespace lockkeeper {

// What the member needs of the server that it is part of. Called on the core thread, in order.
class EnsembleHost {
 public:
  virtual ~EnsembleHost() = default;
  virtual void AppendToLog(LogEntry entry) = 0;
  // A committed transaction, or (not serving) one that every vote must count.
  virtual void Deliver(LogEntry entry) = 0;
  virtual void StartServing(const zab::StartServing& role) = 0;
  virtual void StopServing(const std::string& why) = 0;
  // Durable when it returns.
  virtual Status WriteEpoch(EpochKind kind, int64_t epoch) = 0;
  // Log and state end at `upto` afterwards; false: that cannot be.
  virtual Result<bool> TruncateTo(Zxid upto) = 0;
  // `tree` becomes the state and the durable base at `zxid`.
  virtual Status InstallState(std::unique_ptr<DataTree> tree, Zxid zxid) = 0;
  // REQUEST, REVALIDATE or PING of a learner.
  virtual void OnLearnerMessage(LinkId learner, const QuorumPacket& packet) = 0;
  // SYNC or REVALIDATE of the leader.
  virtual void OnLeaderAnswer(const QuorumPacket& packet) = 0;
  // The sessions heard from since the last time.
  virtual std::vector<SessionTouch> TakeTouches() = 0;
  // Writes the state, as it follows a SNAP packet; everything delivered is in it.
  virtual StateSource StateNow() = 0;
  // Log entries from the last one at or below `from` to `upto`; empty: they cannot be had.
  virtual std::vector<LogEntry> ReadLog(Zxid from, Zxid upto) = 0;
  // The process must end.
  virtual void Fail(const Error& error) = 0;
};

class EnsembleMember {
 public:
  EnsembleMember(const zab::PeerOptions& options, zab::History history, PeerTransport* network,
                 EnsembleHost* host);

  // Before Start: `recorder` hears of everything that this member does, and lives as long.
  void SetRecorder(RoleRecorder* recorder) { recorder_ = recorder; }
  const RoleRecorder* recorder() const { return recorder_; }

  void Start(MonoMs now);
  void Stop();
  void OnTimer(MonoMs now);
  MonoMs NextDeadline() const { return peer_.NextDeadline(); }
  void Handle(MonoMs now, std::vector<PeerEvent> events);
  void OnPersisted(MonoMs now, Zxid upto);

  bool leading() const { return peer_.leading(); }
  bool serving() const { return peer_.serving(); }
  const zab::Peer& peer() const { return peer_; }

  // Leader: see zab::Peer.
  bool MayPropose(MonoMs now);
  Zxid NextProposal() const { return peer_.NextProposal(); }
  void Propose(MonoMs now, LogEntry entry);
  void Sync(MonoMs now, std::optional<LinkId> learner);
  void AnswerLearner(LinkId learner, QuorumPacket packet);
  // Ends whatever role this member has, and looks for another.
  void LeaveRole(MonoMs now, const std::string& why);
  // Follower: a REQUEST or REVALIDATE of one of this server's clients.
  void SendToLeader(QuorumPacket packet);
  // Sends what the events since the last call have led to; called before the core logs and applies,
  // and when it has nothing left.
  void Flush();

 private:
  // event(zab::Actions*): carries out what comes of it. A template: this is on the way of requests.
  template <class Event>
  void Tell(const Event& event);
  void On(MonoMs now, NotificationCame& event);
  void On(MonoMs now, LeaderLinkUp& event);
  void On(MonoMs now, LeaderPackets& event);
  void On(MonoMs now, LeaderSnapshot& event);
  void On(MonoMs now, LeaderSnapshotPart& event);
  void On(MonoMs now, LeaderLinkDown& event);
  void On(MonoMs now, LearnerLinkUp& event);
  void On(MonoMs now, LearnerPackets& event);
  void On(MonoMs now, LearnerTakes& event);
  void On(MonoMs now, LearnerLinkDown& event);
  void On(MonoMs now, PortFailed& event);

  void Carry(zab::SendNotification& action);
  void Carry(zab::ConnectToLeader& action);
  void Carry(zab::DisconnectLeader& action);
  void Carry(zab::SendToLeader& action);
  void Carry(zab::AnswerPing& action);
  void Carry(zab::LeaderAnswer& action);
  void Carry(zab::OpenLearnerPort& action);
  void Carry(zab::CloseLearnerPort& action);
  void Carry(zab::SendToLearner& action);
  void Carry(zab::SendSnapshot& action);
  void Carry(zab::CloseLearner& action);
  void Carry(zab::FetchLog& action);
  void Carry(zab::LearnerMessage& action);
  void Carry(zab::Append& action);
  void Carry(zab::WriteAcceptedEpoch& action);
  void Carry(zab::WriteCurrentEpoch& action);
  void Carry(zab::Truncate& action);
  void Carry(zab::InstallSnapshot& action);
  void Carry(zab::DiscardSnapshot& action);
  void Carry(zab::Deliver& action);
  void Carry(zab::StartServing& action);
  void Carry(zab::StopServing& action);
  void Carry(zab::FastForward& action);
  void WriteEpoch(EpochKind kind, int64_t epoch);
  void FlushLearner(LinkId learner);

  zab::Peer peer_;
  PeerTransport& network_;
  EnsembleHost& host_;
  RoleRecorder* recorder_ = nullptr;
  MonoMs now_;
  LinkId leader_link_ = 0;
  LinkId next_link_ = 1;
  std::unique_ptr<DataTree> received_;
  std::vector<QuorumPacket> to_leader_;
  std::map<LinkId, std::vector<QuorumPacket>> to_learners_;
  bool failed_ = false;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PEER_ENSEMBLE_MEMBER_H_
