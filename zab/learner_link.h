// What a leader knows of one learner's connection.
#ifndef LOCKKEEPER_ZAB_LEARNER_LINK_H_
#define LOCKKEEPER_ZAB_LEARNER_LINK_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "protocol/quorum_packet.h"
#include "protocol/types.h"
#include "zab/options.h"

namespace lockkeeper::zab {

// The oldest proposal that a learner has not acknowledged, and since when. Coarse on purpose: of
// the later ones only the newest is remembered (as Apache does).
class AckClock {
 public:
  void Sent(MonoMs now, Zxid zxid) {
    newest_ = {zxid, now};
    if (!waiting_) oldest_ = newest_;
    waiting_ = true;
  }
  void Acked(Zxid upto) {
    if (upto >= newest_.zxid) {
      waiting_ = false;
    } else if (upto >= oldest_.zxid) {
      oldest_ = {NextZxid(upto), newest_.at};
    }
  }
  bool LateBy(MonoMs now, int64_t limit_ms) const {
    return waiting_ && now.value - oldest_.at.value >= limit_ms;
  }

 private:
  struct Mark {
    Zxid zxid;
    MonoMs at;
  };
  bool waiting_ = false;
  Mark oldest_;
  Mark newest_;
};

struct LearnerLink {
  enum class Phase : uint8_t {
    kAwaitInfo,      // its first packet
    kAwaitEpoch,     // the leader's choice of the epoch
    kAwaitAckEpoch,  // its answer to LEADERINFO
    kAwaitElection,  // a quorum of such answers
    kAwaitLog,       // entries of the log files for its DIFF
    kAwaitAck,       // its ACK of NEWLEADER
    kAwaitServing,   // a quorum of such ACKs
    kSynced,
  };

  Phase phase = Phase::kAwaitInfo;
  MonoMs deadline;  // when the link is closed if nothing happens
  PeerId sid;
  bool observer = false;
  Zxid peer;              // what it had logged
  bool snapshot = false;  // it is being brought up to date by a snapshot
  // Whether live traffic is meant for it, and that traffic while it must not be sent: between
  // NEWLEADER and UPTODATE (quorum-protocol 3.6).
  bool forwarding = false;
  std::vector<QuorumPacket> held;
  size_t held_bytes = 0;
  AckClock acks;
  // Rounds of the PINGs that it has not answered, in order, and the last one that it has.
  std::deque<uint64_t> pings;
  uint64_t answered_round = 0;

  bool Synchronizing() const { return phase == Phase::kAwaitAck || phase == Phase::kAwaitLog; }
};

}  // namespace lockkeeper::zab

#endif  // LOCKKEEPER_ZAB_LEARNER_LINK_H_
