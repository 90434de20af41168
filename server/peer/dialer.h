// One attempt to connect to a peer: its addresses in turn, every name looked up anew.
#ifndef LOCKKEEPER_SERVER_PEER_DIALER_H_
#define LOCKKEEPER_SERVER_PEER_DIALER_H_

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "protocol/result.h"
#include "server/peer/host_lookup.h"
#include "server/peer/host_port.h"

namespace lockkeeper {

// Threads: the peer thread.
class Dialer : public std::enable_shared_from_this<Dialer> {
 public:
  // kIo: what happened at each of the addresses.
  using Done = std::function<void(Result<boost::asio::ip::tcp::socket>)>;

  // `timeout`: for each address that a name stands for.
  Dialer(boost::asio::io_context& loop, HostLookup& lookup, std::vector<HostPort> addresses,
         std::chrono::milliseconds timeout);

  // `done` is called once, from the loop, unless Cancel comes first.
  void Start(Done done);
  void Cancel();

 private:
  void TryNextAddress();
  void TryNextEndpoint();
  void OnConnected(const boost::system::error_code& ec);
  void Finish(Result<boost::asio::ip::tcp::socket> outcome);

  boost::asio::io_context& loop_;
  HostLookup& lookup_;
  const std::vector<HostPort> addresses_;
  const std::chrono::milliseconds timeout_;
  Done done_;  // null: finished or cancelled
  size_t next_address_ = 0;
  std::vector<boost::asio::ip::tcp::endpoint> endpoints_;  // of the present address
  size_t next_endpoint_ = 0;
  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer timer_;
  bool timed_out_ = false;
  std::string failures_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PEER_DIALER_H_
