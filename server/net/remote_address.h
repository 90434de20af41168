// Where a client connects from, as ACLs, limits and operators see it.
#ifndef LOCKKEEPER_SERVER_NET_REMOTE_ADDRESS_H_
#define LOCKKEEPER_SERVER_NET_REMOTE_ADDRESS_H_

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <string>

namespace lockkeeper {

struct RemoteAddress {
  std::string ip;  // dotted quad, or all eight groups of IPv6; IPv4-mapped ones appear as IPv4
  uint16_t port = 0;

  static RemoteAddress Of(const boost::asio::ip::tcp::endpoint& endpoint);
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_NET_REMOTE_ADDRESS_H_
