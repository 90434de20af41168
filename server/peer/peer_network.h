// The sockets between the servers of an ensemble: the election port, the quorum port while this
// server leads, and the connection to the leader while it follows (quorum-protocol 1.1, 1.2, 2.4,
// 9.2). It moves messages and knows nothing of votes and transactions.
//
// Threads: one of its own ("peer") runs every socket, so that a storm of clients cannot delay a
//          heartbeat; every method may be called from any thread. What comes in is handed to
//          `deliver` on the peer thread, in batches, in the order of arrival on each connection.
// Order:   commands take effect in the order of the calls of one thread.
// Memory:  what waits to be sent to a learner is bounded; a learner above the bound is dropped. A
//          whole state is sent no faster than it is taken. What a learner sends faster than it is
//          dealt with waits in its own socket.
#ifndef LOCKKEEPER_SERVER_PEER_PEER_NETWORK_H_
#define LOCKKEEPER_SERVER_PEER_PEER_NETWORK_H_

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
#include "server/config/membership.h"
#include "server/peer/frozen_stream.h"

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

struct PeerNetworkOptions {
  PeerId self;
  Membership membership;
  bool listen_on_all_ips = false;         // quorumListenOnAllIPs
  bool multi_address = false;             // multiAddress.enabled
  bool tcp_keep_alive = false;            // tcpKeepAlive, election connections
  int32_t connect_timeout_ms = 5000;      // cnxTimeout
  int32_t handshake_timeout_ms = 10'000;  // quorumCnxnTimeoutMs, or tickTime x syncLimit
  int32_t election_bind_retries = 3;      // electionPortBindRetry; 0: for ever
  int32_t election_bind_delay_ms = 1000;  // between them
  int32_t leader_connect_ms = 20'000;     // in total: tickTime x initLimit or its own limit
  int32_t leader_connect_delay_ms = 100;  // leaderConnectDelayDuringRetryMs
  size_t learner_queue_bytes_max = size_t{512} << 20;
  size_t learner_unhandled_bytes_max = size_t{16} << 20;  // of one learner; then it is not read
  size_t buffer_bytes_max = kQuorumBufferMax;
  DataTreeOptions tree;  // of trees that snapshots are received into
};

class PeerNetwork {
 public:
  using Deliver = std::function<void(std::vector<PeerEvent>)>;

  PeerNetwork(PeerNetworkOptions options, Deliver deliver);
  ~PeerNetwork();
  PeerNetwork(const PeerNetwork&) = delete;
  PeerNetwork& operator=(const PeerNetwork&) = delete;

  // Opens the election port, with the retries of electionPortBindRetry, and starts the thread.
  // kIo: no address could be bound.
  Status Start();
  // Closes everything and ends the thread. Nothing is delivered afterwards.
  void Stop();

  // Replaces a message to `to` that is not sent yet; connects first where there is no connection.
  // The last message sent is repeated on a new connection while nothing newer waits.
  void Notify(PeerId to, const Notification& notification);

  // At most five tries, then LeaderLinkDown. The name is resolved again at each of them.
  void ConnectToLeader(LinkId link, PeerId leader);
  void SendToLeader(LinkId link, std::vector<QuorumPacket> packets);
  void DisconnectLeader(LinkId link);

  // Listens on this server's quorum addresses until closed, which also ends all learners' links.
  void OpenLearnerPort();
  void CloseLearnerPort();
  void SendToLearner(LinkId link, std::vector<QuorumPacket> packets);
  // The bytes behind a SNAP packet, in order with packets sent before and after.
  void StreamToLearner(LinkId link, std::shared_ptr<FrozenStream> stream);
  // What was sent before is still written, within a second.
  void CloseLearner(LinkId link);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PEER_PEER_NETWORK_H_
