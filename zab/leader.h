// The leader's part: choice of the epoch, synchronization of learners, broadcast and liveness
// (quorum-protocol 2.3, 3.3 to 3.8, 5.2 and 5.4).
//
// Threads: none of its own; the Peer calls it.
#ifndef LOCKKEEPER_ZAB_LEADER_H_
#define LOCKKEEPER_ZAB_LEADER_H_

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "protocol/quorum_packet.h"
#include "protocol/types.h"
#include "zab/action.h"
#include "zab/history.h"
#include "zab/learner_link.h"
#include "zab/options.h"
#include "zab/proposals.h"
#include "zab/quorum.h"
#include "zab/sync_plan.h"

namespace lockkeeper::zab {

class Leader {
 public:
  // `options` and `history` outlive this. `promised`: promised() of this member's last leadership.
  // REQUIRES: everything of the history is on disk.
  Leader(MonoMs now, const PeerOptions& options, History* history, int64_t promised, Actions* out);

  void OnLearnerConnected(MonoMs now, LearnerId id);
  void OnLearnerLost(LearnerId id);
  void OnLearnerTakes(MonoMs now, LearnerId id);
  void OnLearnerPacket(MonoMs now, LearnerId id, const QuorumPacket& packet, Actions* out);
  void OnLogFetched(MonoMs now, LearnerId id, std::span<const LogEntry> entries, Actions* out);
  void OnPersisted(Actions* out);
  // An error ends this leadership.
  [[nodiscard]] Status OnTimer(MonoMs now, Actions* out);
  MonoMs NextDeadline() const;

  bool serving() const { return phase_ == Phase::kServing; }
  int64_t epoch() const { return epoch_; }
  // False once the epoch's counters are used up: its leader must step down.
  bool CanPropose() const;
  Zxid NextProposal() const { return NextZxid(proposals_->last_proposed()); }
  // REQUIRES: serving(), CanPropose() and entry.zxid == NextProposal().
  void Propose(MonoMs now, LogEntry entry, Actions* out);
  // Answer `id` (nullopt: this server's own client, by a LeaderAnswer) with a SYNC once everything
  // proposed until now is committed and a quorum has shown that it followed this leader when the
  // sync came: one that was paused or cut off may have a successor without knowing it.
  void Sync(std::optional<LearnerId> id, Actions* out);
  // A message for one learner in its place among the others: REVALIDATE.
  void SendTo(LearnerId id, QuorumPacket packet, Actions* out);
  // A member whose vote is known to be open is not waited for (quorum-protocol 2.6).
  bool ShouldQuit(MonoMs now, PeerId looking) const;

  // Synchronized learners, for the admin interfaces.
  struct LearnerCounts {
    size_t followers = 0, synced_followers = 0, observers = 0, synced_observers = 0;
    size_t synced_non_voting = 0;  // of the synced followers: those that are no voters
    size_t pending_syncs = 0;      // Sync without an answer yet
  };
  LearnerCounts Counts() const;
  // Its number; -1 before it has told it, and of a learner that is gone.
  PeerId SidOf(LearnerId id) const;

  // The newest epoch that members told of after this leader's was chosen. A member that has
  // promised itself to the leader of a later epoch, who failed, cannot follow this one, and would
  // stay out until the next election. So this one ends, and the next one begins above it. (Apache's
  // leader stays.)
  int64_t promised() const { return promised_; }

  // At the end: proposals that are in the log and not committed, in order.
  std::deque<LogEntry> TakeLogged();

 private:
  enum class Phase : uint8_t { kEpoch, kAckEpoch, kNewLeader, kServing };
  struct WaitingSync {
    Zxid upto;
    uint64_t round;  // of PINGs, the first that was sent after it came
    std::optional<LearnerId> id;
  };

  void OnInfo(MonoMs now, LearnerId id, LearnerLink* link, const QuorumPacket& packet,
              Actions* out);
  void OnAckEpoch(MonoMs now, LearnerId id, LearnerLink* link, const QuorumPacket& packet,
                  Actions* out);
  void OnAck(MonoMs now, LearnerId id, LearnerLink* link, Zxid zxid, Actions* out);
  void AddToEpoch(PeerId sid, int64_t accepted_epoch);
  void MaybeFixEpoch(MonoMs now, Actions* out);
  void SendLeaderInfo(MonoMs now, LearnerId id, LearnerLink* link, Actions* out);
  void MaybeElected(MonoMs now, Actions* out);
  void Synchronize(MonoMs now, LearnerId id, LearnerLink* link, Actions* out);
  void Carry(MonoMs now, LearnerId id, LearnerLink* link, SyncPlan plan, Actions* out);
  void MaybeServe(MonoMs now, Actions* out);
  void BringUpToDate(MonoMs now, LearnerId id, LearnerLink* link, Actions* out);
  void CommitAgreed(Actions* out);
  void AnswerSyncs(Actions* out);
  void AnswerFirstSync(Actions* out);
  void PingAll(Actions* out);
  void OnPingAnswered(LearnerLink* link, Actions* out);
  void CheckRound(uint64_t round, Actions* out);
  void Send(LearnerId id, LearnerLink* link, QuorumPacket packet, Actions* out);
  void Close(LearnerId id, std::string why, Actions* out);
  bool HasQuorum() const;
  SyncSituation SituationOf(const LearnerLink& link) const;
  size_t Syncing(bool snapshots) const;
  void CloseLate(MonoMs now, Actions* out);

  const PeerOptions& options_;
  History& history_;
  const MajorityQuorum quorum_;
  // What this leader had when it began: a learner that has more must not be led by it.
  const int64_t first_epoch_;
  const Zxid first_zxid_;
  Phase phase_ = Phase::kEpoch;
  MonoMs phase_ends_;
  int64_t epoch_;
  int64_t promised_;
  std::set<PeerId> connected_;    // voters whose accepted epochs are in epoch_
  std::set<PeerId> elected_by_;   // voters that acknowledged the epoch
  std::set<PeerId> followed_by_;  // voters that hold the epoch's history
  std::map<LearnerId, LearnerLink> links_;
  std::optional<Proposals> proposals_;  // from the choice of the epoch on
  std::deque<WaitingSync> syncs_;
  uint64_t round_ = 0;         // of PINGs to all
  uint64_t proven_round_ = 0;  // the last one that a quorum has answered
  MonoMs next_half_tick_;
  bool odd_half_tick_ = false;
  MonoMs began_;
};

}  // namespace lockkeeper::zab

#endif  // LOCKKEEPER_ZAB_LEADER_H_
