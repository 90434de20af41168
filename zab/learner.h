// The follower's and observer's part: discovery, synchronization and broadcast under one leader
// (quorum-protocol 2.4, 3.7 and 5.3).
//
// Threads: none of its own; the Peer calls it.
#ifndef LOCKKEEPER_ZAB_LEARNER_H_
#define LOCKKEEPER_ZAB_LEARNER_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "protocol/quorum_packet.h"
#include "protocol/types.h"
#include "zab/action.h"
#include "zab/history.h"
#include "zab/options.h"

namespace lockkeeper::zab {

class Learner {
 public:
  // `options` and `history` outlive this. `without_history`: what is on disk could not be cut back
  // as the last leader wanted; the whole state is asked for (quorum-protocol 3.9).
  Learner(MonoMs now, const PeerOptions& options, History* history, PeerId leader,
          bool without_history, Actions* out);

  // An error says why this leader must be left; the caller then asks for TakeLogged.
  [[nodiscard]] Status OnConnected(MonoMs now, Actions* out);
  [[nodiscard]] Status OnPacket(MonoMs now, const QuorumPacket& packet, Actions* out);
  [[nodiscard]] Status OnSnapshotReceived(MonoMs now);
  void OnSnapshotPart(MonoMs now);
  [[nodiscard]] Status OnTruncated(bool possible);
  void OnPersisted(MonoMs now, Actions* out);
  [[nodiscard]] Status OnTimer(MonoMs now) const;
  MonoMs NextDeadline() const { return deadline_; }

  bool serving() const { return phase_ == Phase::kServing; }
  // Set once UPTODATE has come; the epoch that votes carry from then on.
  int64_t epoch() const { return epoch_; }
  // The log could not be cut back: the next leader is asked for everything.
  bool needs_everything() const { return needs_everything_; }

  // The leader's way to bring this server up to date was none that it could go.
  bool went_nowhere() const { return went_nowhere_; }

  // A snapshot has begun to come and is not installed.
  bool holds_snapshot() const { return snapshot_.has_value(); }

  // At the end: entries that are in the log and not applied yet, in order.
  std::deque<LogEntry> TakeLogged();

 private:
  enum class Phase : uint8_t {
    kConnecting,
    kAwaitLeaderInfo,
    kAwaitSync,      // DIFF, TRUNC or SNAP
    kAwaitSnapshot,  // its stream
    kSyncing,        // up to NEWLEADER
    kPersisting,     // NEWLEADER came; its history is on the way to the disk
    kAwaitUpToDate,
    kServing,
  };
  // A proposal whose end is open. Of what came in synchronization, only the committed part is
  // logged before NEWLEADER is acknowledged.
  struct Pending {
    LogEntry entry;
    bool committed = false;
    bool logged = false;
  };

  Status OnLeaderInfo(const QuorumPacket& packet, Actions* out);
  Status OnSyncStart(const QuorumPacket& packet, Actions* out);
  Status OnSyncPacket(const QuorumPacket& packet);
  Status OnNewLeader(const QuorumPacket& packet, Actions* out);
  Status OnPacketUntilServing(const QuorumPacket& packet, Actions* out);
  void OnUpToDate(Actions* out);
  Status OnPacketWhileServing(const QuorumPacket& packet, Actions* out);
  Status OnProposal(const QuorumPacket& packet);
  Status OnCommitInSync(Zxid zxid);
  Status OnInform(const QuorumPacket& packet, size_t skip);
  Status CommitFront(Zxid zxid, Actions* out);
  void LogPending(Actions* out);
  void DeliverCommitted(Actions* out);
  void MaybeAcknowledgeNewLeader(MonoMs now, Actions* out);
  void Acknowledge(Zxid zxid, Actions* out);

  const PeerOptions& options_;
  History& history_;
  const PeerId leader_;
  bool needs_everything_;
  bool went_nowhere_ = false;
  Phase phase_ = Phase::kConnecting;
  int64_t epoch_ = 0;
  std::optional<Zxid> snapshot_;     // received, not installed
  Zxid received_;                    // newest zxid of the leader's history here, or of its base
  bool any_received_ = false;        // a proposal came after the base
  std::deque<Pending> pending_;      // not applied
  std::deque<Zxid> unacknowledged_;  // logged by a follower after NEWLEADER
  MonoMs deadline_;
};

}  // namespace lockkeeper::zab

#endif  // LOCKKEEPER_ZAB_LEARNER_H_
