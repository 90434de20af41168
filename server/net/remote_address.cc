#include "server/net/remote_address.h"

#include <cstdio>

namespace lockkeeper {
namespace {

std::string Groups(const boost::asio::ip::address_v6& address) {
  const auto bytes = address.to_bytes();
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    char group[8];
    std::snprintf(group, sizeof group, "%x", bytes[i] << 8 | bytes[i + 1]);
    if (i > 0) text += ':';
    text += group;
  }
  return text;
}

}  // namespace

RemoteAddress RemoteAddress::Of(const boost::asio::ip::tcp::endpoint& endpoint) {
  const auto address = endpoint.address();
  if (address.is_v4()) return {address.to_string(), endpoint.port()};
  const auto v6 = address.to_v6();
  if (v6.is_v4_mapped()) {
    return {make_address_v4(boost::asio::ip::v4_mapped, v6).to_string(), endpoint.port()};
  }
  return {Groups(v6), endpoint.port()};
}

}  // namespace lockkeeper
