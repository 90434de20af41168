// What the servers of an ensemble say to each other, and the means to say it: PeerNetwork's
// sockets, or a simulation's.
#ifndef LOCKKEEPER_SERVER_PEER_PEER_TRANSPORT_H_
#define LOCKKEEPER_SERVER_PEER_PEER_TRANSPORT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "datatree/data_tree.h"
#include "protocol/election_message.h"
#include "protocol/quorum_packet.h"
#include "protocol/result.h"
#include "protocol/types.h"

namespace lockkeeper {

// Writes a state in pieces.
using StateSource = std::function<Status(const std::function<void(std::string)>& sink)>;

// A connection to a leader or of a learner; never used twice in a process, never 0.
using LinkId = uint64_t;

// ---- What comes in.

struct NotificationCame {
  PeerId from;
  Notification notification;
};
struct LeaderLinkUp {
  LinkId link;
};
struct LeaderPackets {
  LinkId link;
  std::vector<QuorumPacket> packets;
};
// The stream behind a SNAP packet, which was the last packet delivered before: the state at that
// packet's zxid, complete and consistent.
struct LeaderSnapshot {
  LinkId link;
  std::unique_ptr<DataTree> tree;
};
// More of a long stream behind a SNAP packet has come; at most once in kProgressMs.
struct LeaderSnapshotPart {
  LinkId link;
};
// Could not be made, broke, or was malformed. Not reported after DisconnectLeader.
struct LeaderLinkDown {
  LinkId link;
  std::string why;
};
struct LearnerLinkUp {
  LinkId link;
  std::string address;  // host:port of the learner, for messages
};
// `unhandled` counts against the bytes that may wait between the network and its user: the learner
// is read further when they are few, so the event must be kept until it is dealt with.
struct LearnerPackets {
  LinkId link;
  std::vector<QuorumPacket> packets;
  std::shared_ptr<const void> unhandled = nullptr;
};
// The learner takes of what StreamToLearner sends it; at most once in kProgressMs, and behind the
// last byte.
struct LearnerTakes {
  LinkId link;
};
// Not reported after CloseLearner and CloseLearnerPort.
struct LearnerLinkDown {
  LinkId link;
  std::string why;
};
// The quorum port or the election port cannot be opened or has failed for good.
struct PortFailed {
  Error error;
  bool election = false;  // the process must end (exit code 14)
};

using PeerEvent = std::variant<NotificationCame, LeaderLinkUp, LeaderPackets, LeaderSnapshot,
                               LeaderSnapshotPart, LeaderLinkDown, LearnerLinkUp, LearnerPackets,
                               LearnerTakes, LearnerLinkDown, PortFailed>;

inline constexpr int64_t kProgressMs = 500;

// Commands take effect in the order of the calls of one thread. What comes in is a PeerEvent, on
// each connection in the order of arrival.
class PeerTransport {
 public:
  virtual ~PeerTransport() = default;

  // Replaces a message to `to` that is not sent yet; connects first where there is no connection.
  // The last message sent is repeated on a new connection while nothing newer waits.
  virtual void Notify(PeerId to, const Notification& notification) = 0;

  // At most five tries, then LeaderLinkDown. The name is resolved again at each of them.
  virtual void ConnectToLeader(LinkId link, PeerId leader) = 0;
  virtual void SendToLeader(LinkId link, std::vector<QuorumPacket> packets) = 0;
  virtual void DisconnectLeader(LinkId link) = 0;

  // Listens on this server's quorum addresses until closed, which also ends all learners' links.
  virtual void OpenLearnerPort() = 0;
  virtual void CloseLearnerPort() = 0;
  virtual void SendToLearner(LinkId link, std::vector<QuorumPacket> packets) = 0;
  // What follows a SNAP packet, in order with packets sent before and after: what `state` writes if
  // it is called now, while the caller stands still. An error: nothing of it is sent.
  virtual Status StreamToLearner(LinkId link, const StateSource& state) = 0;
  // What was sent before is still written, within a second.
  virtual void CloseLearner(LinkId link) = 0;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PEER_PEER_TRANSPORT_H_
