// Listens on one port, at one or more local addresses.
#ifndef LOCKKEEPER_SERVER_PEER_PORT_LISTENER_H_
#define LOCKKEEPER_SERVER_PEER_PORT_LISTENER_H_

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "protocol/result.h"
#include "server/peer/host_port.h"

namespace lockkeeper {

// Where a server listens that has `own` addresses: at them, or at every local address where one of
// them says so or `all` is set (quorumListenOnAllIPs).
std::vector<HostPort> ListenAddresses(const std::vector<HostPort>& own, bool all);

// Threads: the peer thread, or any other while the loop does not run.
class PortListener : public std::enable_shared_from_this<PortListener> {
 public:
  using Accepted = std::function<void(boost::asio::ip::tcp::socket)>;
  // The listener has closed itself: the system will accept nothing more here.
  using Failed = std::function<void(Error)>;

  PortListener(boost::asio::io_context& loop, Accepted accepted, Failed failed);

  // Binds as many of `endpoints` as possible. kIo: none of them; the message names each.
  Status Open(const std::vector<boost::asio::ip::tcp::endpoint>& endpoints);
  bool open() const { return !ports_.empty(); }
  // Nothing is called afterwards.
  void Close();

 private:
  struct Port {
    explicit Port(boost::asio::io_context& loop) : acceptor(loop), pause(loop) {}
    boost::asio::ip::tcp::acceptor acceptor;
    boost::asio::steady_timer pause;
  };

  Status OpenOne(const boost::asio::ip::tcp::endpoint& endpoint);
  void Accept(const std::shared_ptr<Port>& port);
  void OnAcceptFailed(const std::shared_ptr<Port>& port, const boost::system::error_code& ec);

  boost::asio::io_context& loop_;
  const Accepted accepted_;
  const Failed failed_;
  std::vector<std::shared_ptr<Port>> ports_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PEER_PORT_LISTENER_H_
