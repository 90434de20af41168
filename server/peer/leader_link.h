// The connection of a learner to its leader (quorum-protocol 2.4).
#ifndef LOCKKEEPER_SERVER_PEER_LEADER_LINK_H_
#define LOCKKEEPER_SERVER_PEER_LEADER_LINK_H_

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/peer/dialer.h"
#include "server/peer/host_port.h"
#include "server/peer/input_buffer.h"
#include "server/peer/peer_context.h"
#include "server/peer/peer_socket.h"
#include "server/peer/snapshot_receiver.h"

namespace lockkeeper {

// Threads: the peer thread.
class LeaderLink final : public std::enable_shared_from_this<LeaderLink>, public PeerSocket::Owner {
 public:
  LeaderLink(const PeerContext& context, LinkId id, std::vector<HostPort> addresses);

  // Reports LeaderLinkUp or LeaderLinkDown, once it has tried.
  void Connect();
  // Queued for Flush. Ignored while the link is not up.
  void Send(std::vector<QuorumPacket> packets);
  void Flush();
  // Reports nothing any more.
  void Close();

  LinkId id() const { return id_; }

 private:
  void Try();
  void OnDialed(Result<boost::asio::ip::tcp::socket> outcome);
  void OnBytes(std::string_view bytes) override;
  void OnBroken(const std::string& why) override;
  // Whole packets and items of a snapshot from the front of `bytes`.
  Result<size_t> Take(std::string_view bytes);
  Result<size_t> TakeLeaderPackets(std::string_view bytes);
  Result<size_t> TakeSnapshot(std::string_view bytes);
  void Fail(const std::string& why);

  const PeerContext context_;
  const LinkId id_;
  const std::vector<HostPort> addresses_;
  boost::asio::steady_timer timer_;  // of the pause between two tries
  boost::asio::steady_timer limit_;  // of all tries together
  std::chrono::steady_clock::time_point give_up_at_;
  std::chrono::steady_clock::time_point part_told_;  // LeaderSnapshotPart
  int tries_ = 0;
  std::shared_ptr<Dialer> dialer_;
  std::string last_failure_;
  std::shared_ptr<PeerSocket> socket_;
  InputBuffer in_;
  std::unique_ptr<SnapshotReceiver> snapshot_;  // between a SNAP and the end of its stream
  bool closed_ = false;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PEER_LEADER_LINK_H_
