// The election port: one connection with each other server, in both directions, and on it the
// newest notification only (quorum-protocol 1.1, 1.2). Of two servers the one with the larger sid
// makes the connection; the other one only asks for it by connecting.
#ifndef LOCKKEEPER_SERVER_PEER_ELECTION_PORT_H_
#define LOCKKEEPER_SERVER_PEER_ELECTION_PORT_H_

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "protocol/election_message.h"
#include "server/peer/dialer.h"
#include "server/peer/election_connection.h"
#include "server/peer/host_port.h"
#include "server/peer/peer_context.h"
#include "server/peer/port_listener.h"

namespace lockkeeper {

// Threads: the peer thread; TryOpen before it runs.
class ElectionPort final : public ElectionConnection::Owner {
 public:
  // REQUIRES: this server is a member.
  explicit ElectionPort(const PeerContext& context);

  // Binds the addresses that are not open yet. kIo: still none is; the message names each.
  Status TryOpen();
  // Goes on with those that TryOpen could not bind; PortFailed when none is left.
  void KeepTrying();
  void Close();

  void Notify(PeerId to, const Notification& notification);

 private:
  // One of our addresses.
  struct Port {
    Port(boost::asio::io_context& loop, HostPort where) : address(std::move(where)), retry(loop) {}
    HostPort address;
    std::shared_ptr<PortListener> listener;
    boost::asio::steady_timer retry;
    int failures = 0;  // since it was open
    bool given_up = false;
  };
  struct Peer {
    std::shared_ptr<ElectionConnection> connection;
    std::shared_ptr<Dialer> dialer;        // an attempt to connect is in progress
    std::optional<std::string> waiting;    // the newest frame that is not sent
    std::optional<std::string> last_sent;  // repeated on a new connection
    std::string last_failure;              // of connecting: logged when it changes
  };

  void OnOpenFailed(Port& port, const Error& error);
  void Reopen(Port& port);
  void OnAccepted(boost::asio::ip::tcp::socket socket);

  void OnHandshake(const std::shared_ptr<ElectionConnection>& connection,
                   const ElectionHandshake& handshake) override;
  void OnNotification(PeerId from, Notification notification) override;
  void OnRoomToSend(PeerId to) override;
  void OnClosed(const std::shared_ptr<ElectionConnection>& connection,
                const std::string& why) override;

  bool IsMember(PeerId peer) const;
  // Where a peer can be reached: what it said itself, then what is configured.
  std::vector<HostPort> AddressesOf(PeerId peer, const std::vector<std::string>& announced) const;
  void Dial(PeerId peer, const std::vector<std::string>& announced);
  void OnDialed(PeerId id, Result<boost::asio::ip::tcp::socket> outcome);
  void Greet(PeerSocket& socket) const;
  void Adopt(PeerId id, const std::shared_ptr<ElectionConnection>& connection);
  void SendWaiting(Peer& peer);
  void ForgetStranger(PeerId id);

  const PeerContext context_;
  std::string handshake_;
  std::vector<std::unique_ptr<Port>> ports_;
  std::unordered_map<PeerId, Peer> peers_;
  // Accepted, but it is not known yet whose they are.
  std::unordered_set<std::shared_ptr<ElectionConnection>> strangers_;
  int64_t last_anonymous_ = 0;  // counts down
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PEER_ELECTION_PORT_H_
