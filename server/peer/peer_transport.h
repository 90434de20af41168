// What the servers of an ensemble say to each other, and the means to say it: PeerNetwork's
// sockets, or a simulation's.
#ifndef LOCKKEEPER_SERVER_PEER_PEER_TRANSPORT_H_
#define LOCKKEEPER_SERVER_PEER_PEER_TRANSPORT_H_

#include <cstdint>
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
// Could not be made, broke, or was malformed. Not reported after DisconnectLeader.
struct LeaderLinkDown {
  LinkId link;
  std::string why;
};
struct LearnerLinkUp {
  LinkId link;
  std::string address;  // host:port of the learner, for messages
};
struct LearnerPackets {
  LinkId link;
  std::vector<QuorumPacket> packets;
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

using PeerEvent =
    std::variant<NotificationCame, LeaderLinkUp, LeaderPackets, LeaderSnapshot, LeaderLinkDown,
                 LearnerLinkUp, LearnerPackets, LearnerLinkDown, PortFailed>;

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
  // The bytes behind a SNAP packet, in order with packets sent before and after.
  virtual void StreamToLearner(LinkId link, SharedBytes bytes) = 0;
  // What was sent before is still written, within a second.
  virtual void CloseLearner(LinkId link) = 0;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PEER_PEER_TRANSPORT_H_
