// The sockets between the servers of an ensemble: the election port, the quorum port while this
// server leads, and the connection to the leader while it follows (quorum-protocol 1.1, 1.2, 2.4,
// 9.2). It moves messages and knows nothing of votes and transactions.
//
// Threads: one of its own ("peer") runs every socket, so that a storm of clients cannot delay a
//          heartbeat; every method may be called from any thread. A lone packet for a link that is
//          up and has nothing waiting is written by the caller, which never blocks. What comes in
//          is handed to `deliver` on the peer thread, in batches, in the order of arrival on each
//          connection.
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
#include <vector>

#include "datatree/data_tree.h"
#include "protocol/quorum_packet.h"
#include "protocol/result.h"
#include "protocol/types.h"
#include "server/config/membership.h"
#include "server/peer/frozen_stream.h"
#include "server/peer/peer_transport.h"

namespace lockkeeper {

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

class PeerNetwork final : public PeerTransport {
 public:
  using Deliver = std::function<void(std::vector<PeerEvent>)>;

  PeerNetwork(PeerNetworkOptions options, Deliver deliver);
  ~PeerNetwork() override;
  PeerNetwork(const PeerNetwork&) = delete;
  PeerNetwork& operator=(const PeerNetwork&) = delete;

  // Opens the election port, with the retries of electionPortBindRetry, and starts the thread.
  // kIo: no address could be bound.
  Status Start();
  // Closes everything and ends the thread. Nothing is delivered afterwards.
  void Stop();

  // PeerTransport
  void Notify(PeerId to, const Notification& notification) override;
  void ConnectToLeader(LinkId link, PeerId leader) override;
  void SendToLeader(LinkId link, std::vector<QuorumPacket> packets) override;
  void DisconnectLeader(LinkId link) override;
  void OpenLearnerPort() override;
  void CloseLearnerPort() override;
  void SendToLearner(LinkId link, std::vector<QuorumPacket> packets) override;
  Status StreamToLearner(LinkId link, const StateSource& state) override;
  void CloseLearner(LinkId link) override;

  void StreamToLearner(LinkId link, std::shared_ptr<FrozenStream> stream);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PEER_PEER_NETWORK_H_
