// One member of an ensemble: looks for a leader, leads, or follows one (quorum-protocol 0.3).
// Events come in, each with the time; what must be done is appended to a list of actions (see
// action.h). The same events give the same actions.
//
// Threads: none of its own; owned by the core thread.
#ifndef LOCKKEEPER_ZAB_PEER_H_
#define LOCKKEEPER_ZAB_PEER_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "protocol/election_message.h"
#include "protocol/quorum_packet.h"
#include "protocol/types.h"
#include "zab/action.h"
#include "zab/election.h"
#include "zab/history.h"
#include "zab/leader.h"
#include "zab/learner.h"
#include "zab/options.h"

namespace lockkeeper::zab {

class Peer {
 public:
  // `history`: what recovery found; all of it is on disk and applied.
  Peer(const PeerOptions& options, History history);
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void Start(MonoMs now, Actions* out);
  void OnTimer(MonoMs now, Actions* out);
  MonoMs NextDeadline() const;

  // ---- The election port.
  void OnNotification(MonoMs now, PeerId from, const Notification& n, Actions* out);

  // ---- This member's connection to its leader. Events of a connection that was given up are not
  // reported.
  void OnLeaderConnected(MonoMs now, Actions* out);
  void OnLeaderPacket(MonoMs now, const QuorumPacket& packet, Actions* out);
  void OnLeaderLost(MonoMs now, const std::string& why, Actions* out);
  // The stream behind a SNAP has been read to its end and is consistent.
  void OnSnapshotReceived(MonoMs now, Actions* out);
  // A part of it has arrived; of a long one there are many before it is whole.
  void OnSnapshotPart(MonoMs now);
  void OnTruncated(MonoMs now, bool possible, Actions* out);

  // ---- Learners' connections to this member.
  void OnLearnerConnected(MonoMs now, LearnerId id, Actions* out);
  void OnLearnerPacket(MonoMs now, LearnerId id, const QuorumPacket& packet, Actions* out);
  void OnLearnerLost(LearnerId id);
  // It takes what it was sent: of a long snapshot it can tell nothing before it has all.
  void OnLearnerTakes(MonoMs now, LearnerId id);
  // No learner can connect: this member cannot lead.
  void OnLearnerPortFailed(MonoMs now, const std::string& why, Actions* out);
  void OnLogFetched(MonoMs now, LearnerId id, std::span<const LogEntry> entries, Actions* out);

  // ---- The disk.
  // Everything appended up to `upto` is durable.
  void OnPersisted(MonoMs now, Zxid upto, Actions* out);

  // ---- Requests.
  // True if this member leads and may propose; a leader whose epoch has no zxid left steps down.
  bool MayPropose(MonoMs now, Actions* out);
  // REQUIRES: MayPropose.
  Zxid NextProposal() const { return leader_->NextProposal(); }
  void Propose(MonoMs now, LogEntry entry, Actions* out);
  // REQUIRES: leading(). See Leader.
  void Sync(std::optional<LearnerId> id, Actions* out) { leader_->Sync(id, out); }
  void SendToLearnerInOrder(LearnerId id, QuorumPacket packet, Actions* out) {
    leader_->SendTo(id, std::move(packet), out);
  }
  // Ends whatever role this member has; it looks for another one.
  void LeaveRole(MonoMs now, const std::string& why, Actions* out);
  // Ends whatever role this member has, for an orderly stop; it does not look for another one.
  void Stop(Actions* out);

  bool serving() const;
  bool leading() const { return leader_ != nullptr && leader_->serving(); }
  ServerState state() const;
  // Of the present vote: whom this member follows or, without a leader, would.
  const Vote& vote() const { return decided_.vote; }
  int64_t round() const { return election_.round(); }
  const History& history() const { return history_; }
  const Leader* leader() const { return leader_.get(); }
  // Why the last role ended; empty before.
  const std::string& last_reason() const { return last_reason_; }

 private:
  bool IsVoter(PeerId peer) const { return options_.config.voters.contains(peer); }
  Vote OwnVote() const;
  void Settle(MonoMs now, const Status& status, Actions* out);
  void MaybeLook(MonoMs now, Actions* out);
  void FastForwardLogged(Actions* out);
  void AfterElection(MonoMs now, const Election::Outcome& outcome, Actions* out);
  void TakeRole(MonoMs now, const Decision& decision, Actions* out);
  void SendProposal(Actions* out);
  void Answer(PeerId to, const Vote& vote, int64_t round, Actions* out);
  void UpdateVoteEpoch();
  uint64_t Random();

  const PeerOptions options_;
  History history_;
  Election election_;
  bool looking_ = false;  // an election is going on
  bool stopped_ = false;
  std::map<PeerId, Notification> early_;  // came while the log was catching up; the newest of each
  MonoMs look_at_;                        // an observer waits a little before it looks again
  Decision decided_;
  std::unique_ptr<Leader> leader_;
  std::unique_ptr<Learner> learner_;
  int64_t promised_ = -1;  // to whom members have promised themselves: see Leader
  bool needs_everything_ = false;
  int went_nowhere_ = 0;         // roles in a row that ended so
  std::deque<LogEntry> logged_;  // of the last role, not applied
  uint64_t random_;              // state of a small generator, from the options' seed
  std::string last_reason_;
};

}  // namespace lockkeeper::zab

#endif  // LOCKKEEPER_ZAB_PEER_H_
