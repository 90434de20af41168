// `host:port` as configurations and handshakes of the election port write it.
#ifndef LOCKKEEPER_SERVER_PEER_HOST_PORT_H_
#define LOCKKEEPER_SERVER_PEER_HOST_PORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lockkeeper {

struct HostPort {
  std::string host;  // without brackets
  uint16_t port = 0;
  friend bool operator==(const HostPort&, const HostPort&) = default;
};

// "host:port", an IPv6 host in brackets.
std::string ToText(const HostPort& address);
// nullopt: no host, or no port of 1 to 65535.
std::optional<HostPort> ParseHostPort(std::string_view text);
// An address in numbers that means every local address: 0.0.0.0, ::.
bool IsWildcard(std::string_view host);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PEER_HOST_PORT_H_
