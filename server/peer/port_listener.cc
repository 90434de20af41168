#include "server/peer/port_listener.h"

#include <glog/logging.h>

#include <algorithm>
#include <boost/asio/ip/v6_only.hpp>
#include <chrono>
#include <string>
#include <utility>

namespace lockkeeper {
namespace {

using boost::asio::ip::tcp;

constexpr int kBacklog = 128;
// After accept failed for want of descriptors or memory: it would fail again at once.
constexpr std::chrono::milliseconds kPeerAcceptPause{100};

// The listening socket itself is broken, not the connection that was to be accepted.
bool IsFatal(const boost::system::error_code& ec) {
  return ec == boost::asio::error::bad_descriptor || ec == boost::asio::error::invalid_argument ||
         ec == boost::asio::error::not_socket;
}

}  // namespace

std::vector<HostPort> ListenAddresses(const std::vector<HostPort>& own, bool all) {
  std::vector<HostPort> addresses;
  for (const HostPort& address : own) {
    HostPort listen = address;
    if (all || IsWildcard(address.host)) listen.host = "::";  // both families
    if (std::find(addresses.begin(), addresses.end(), listen) == addresses.end()) {
      addresses.push_back(listen);
    }
  }
  return addresses;
}

PortListener::PortListener(boost::asio::io_context& loop, Accepted accepted, Failed failed)
    : loop_(loop), accepted_(std::move(accepted)), failed_(std::move(failed)) {}

Status PortListener::Open(const std::vector<tcp::endpoint>& endpoints) {
  std::string failures;
  for (const tcp::endpoint& endpoint : endpoints) {
    const Status opened = OpenOne(endpoint);
    if (!opened) failures += (failures.empty() ? "" : "; ") + opened.error().message;
  }
  if (!ports_.empty()) return {};
  return Error{Errc::kIo, failures.empty() ? "no address to listen on" : failures};
}

Status PortListener::OpenOne(const tcp::endpoint& wanted) {
  tcp::endpoint endpoint = wanted;
  boost::system::error_code ec;
  const auto fail = [&](const char* what) {
    return Error{Errc::kIo, std::string(what) + " " +
                                ToText(HostPort{endpoint.address().to_string(), endpoint.port()}) +
                                ": " + ec.message()};
  };
  auto port = std::make_shared<Port>(loop_);
  const bool wildcard = endpoint.address().is_unspecified();
  port->acceptor.open(endpoint.protocol(), ec);
  if (ec && wildcard && endpoint.protocol() == tcp::v6()) {  // a machine without IPv6
    endpoint = {tcp::v4(), endpoint.port()};
    port->acceptor.open(endpoint.protocol(), ec);
  }
  if (ec) return fail("cannot open a socket for");
  port->acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
  if (wildcard && endpoint.protocol() == tcp::v6()) {
    port->acceptor.set_option(boost::asio::ip::v6_only(false), ec);
  }
  port->acceptor.bind(endpoint, ec);
  if (ec) return fail("cannot bind to");
  port->acceptor.listen(kBacklog, ec);
  if (ec) return fail("cannot listen on");
  ports_.push_back(port);
  Accept(port);
  return {};
}

void PortListener::Close() {
  for (const auto& port : ports_) {
    boost::system::error_code ec;
    port->acceptor.close(ec);
    port->pause.cancel();
  }
  ports_.clear();
}

void PortListener::Accept(const std::shared_ptr<Port>& port) {
  port->acceptor.async_accept(
      [self = shared_from_this(), port](const boost::system::error_code& ec, tcp::socket socket) {
        if (!port->acceptor.is_open()) return;
        if (ec) return self->OnAcceptFailed(port, ec);
        self->accepted_(std::move(socket));
        if (port->acceptor.is_open()) self->Accept(port);
      });
}

void PortListener::OnAcceptFailed(const std::shared_ptr<Port>& port,
                                  const boost::system::error_code& ec) {
  if (!IsFatal(ec)) {
    LOG_EVERY_N(WARNING, 100) << "accepting a connection of a server failed: " << ec.message();
    port->pause.expires_after(kPeerAcceptPause);
    port->pause.async_wait([self = shared_from_this(), port](const boost::system::error_code& e) {
      if (!e && port->acceptor.is_open()) self->Accept(port);
    });
    return;
  }
  boost::system::error_code ignored;
  port->acceptor.close(ignored);
  std::erase(ports_, port);
  if (ports_.empty()) failed_(Error{Errc::kIo, "accepting connections failed: " + ec.message()});
}

}  // namespace lockkeeper
