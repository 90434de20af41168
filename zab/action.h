// What a member of an ensemble must do, as values. The shell carries a list of actions out in its
// order. An action that changes the disk is durable before the next one is begun, with one
// exception: Append, whose end is reported by Peer::OnPersisted. So the order of a list is the
// order of promises: an acknowledgement stands behind what it promises.
#ifndef LOCKKEEPER_ZAB_ACTION_H_
#define LOCKKEEPER_ZAB_ACTION_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "protocol/election_message.h"
#include "protocol/quorum_packet.h"
#include "protocol/types.h"
#include "zab/log_entry.h"

namespace lockkeeper::zab {

// A learner's connection to this leader; numbers are never used twice in a process.
using LearnerId = uint64_t;

// ---- The election port.

// Replaces a message to `to` that is not sent yet; connects first where there is no connection.
struct SendNotification {
  PeerId to;
  Notification notification;
};

// ---- This member as a learner.

// Answered by OnLeaderConnected or, after the tries of quorum-protocol 2.4, by OnLeaderLost.
struct ConnectToLeader {
  PeerId leader;
};
struct DisconnectLeader {};
struct SendToLeader {
  QuorumPacket packet;
};
// Send a PING with `zxid` and the sessions touched since the last one; what does not fit into a
// packet goes before it, in PINGs with this zxid.
inline constexpr Zxid kMoreTouches{-1};
struct AnswerPing {
  Zxid zxid;
};
// A SYNC or REVALIDATE of the leader, in order with the deliveries before it.
struct LeaderAnswer {
  QuorumPacket packet;
};

// ---- This member as a leader.

struct OpenLearnerPort {};
// Also closes every learner's connection.
struct CloseLearnerPort {};
struct SendToLearner {
  LearnerId to;
  QuorumPacket packet;
};
// The SNAP packet with `zxid` and the state as it is now, before whatever is sent to it later.
struct SendSnapshot {
  LearnerId to;
  Zxid zxid;
};
struct CloseLearner {
  LearnerId id;
  std::string why;
};
// Answered by OnLogFetched: the log's entries from the last one at or below `from` to `upto`.
struct FetchLog {
  LearnerId for_learner;
  Zxid from;
  Zxid upto;
};
// A REQUEST, REVALIDATE or the touches of a PING, from a learner that is synchronized.
struct LearnerMessage {
  LearnerId from;
  QuorumPacket packet;
};

// ---- The disk.

struct Append {
  LogEntry entry;
};
struct WriteAcceptedEpoch {
  int64_t epoch;
};
struct WriteCurrentEpoch {
  int64_t epoch;
};
// Log and state end at `upto` afterwards. Answered by OnTruncated before anything else happens.
struct Truncate {
  Zxid upto;
};
// The snapshot that OnSnapshotReceived reported becomes the state, at `zxid`; no record that was
// logged before it will be replayed.
struct InstallSnapshot {
  Zxid zxid;
};
// What was received of a snapshot, if anything, is dropped; the state is as it was.
struct DiscardSnapshot {};

// ---- The state.

// A committed entry: apply it. In zxid order, each exactly once.
struct Deliver {
  LogEntry entry;
};
enum class Role : uint8_t { kLeader, kFollower, kObserver };
// Clients may come. A leader's state stands at the epoch's first zxid, `last`.
struct StartServing {
  Role role;
  int64_t epoch;
  PeerId leader;
  Zxid last;
};
// Clients are disconnected and what waits for the leader is dropped.
struct StopServing {};
// Every entry of the log is applied before a vote: those that no leader has committed yet, too.
// Nobody is answered. REQUIRES: not serving.
struct FastForward {
  LogEntry entry;
};

using Action =
    std::variant<SendNotification, ConnectToLeader, DisconnectLeader, SendToLeader, AnswerPing,
                 LeaderAnswer, OpenLearnerPort, CloseLearnerPort, SendToLearner, SendSnapshot,
                 CloseLearner, FetchLog, LearnerMessage, Append, WriteAcceptedEpoch,
                 WriteCurrentEpoch, Truncate, InstallSnapshot, DiscardSnapshot, Deliver,
                 StartServing, StopServing, FastForward>;
using Actions = std::vector<Action>;

}  // namespace lockkeeper::zab

#endif  // LOCKKEEPER_ZAB_ACTION_H_
