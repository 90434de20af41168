// Accepts client connections and hands each to the I/O thread with the fewest.
#ifndef LOCKKEEPER_SERVER_NET_LISTENER_H_
#define LOCKKEEPER_SERVER_NET_LISTENER_H_

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <vector>

#include "protocol/result.h"
#include "server/net/connection_limiter.h"
#include "server/net/io_thread.h"

namespace lockkeeper {

// Threads: its handlers run on the first I/O thread; Open before the threads start.
class Listener {
 public:
  Listener(std::vector<IoThread*> io_threads, const ServerContext& context);

  // Binds and listens; connections are accepted once the first I/O thread runs. kIo: the address
  // is taken or not ours; the message names it.
  Status Open(const std::string& address, uint16_t port, int backlog);
  uint16_t port() const { return port_; }
  // On the first I/O thread.
  void Close();

 private:
  void Accept();
  void Adopt(boost::asio::ip::tcp::socket socket);

  const std::vector<IoThread*> io_threads_;
  const ServerContext& context_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer retry_;
  uint16_t port_ = 0;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_NET_LISTENER_H_
