#include "server/net/listener.h"

#include <glog/logging.h>

#include <algorithm>
#include <boost/asio/ip/v6_only.hpp>
#include <chrono>
#include <utility>

namespace lockkeeper {
namespace {

using boost::asio::ip::tcp;

constexpr int kDefaultBacklog = 4096;
// After accept failed for want of descriptors or memory: it would fail again at once.
constexpr std::chrono::milliseconds kClientAcceptPause{20};

}  // namespace

Listener::Listener(std::vector<IoThread*> io_threads, const ServerContext& context)
    : io_threads_(std::move(io_threads)),
      context_(context),
      acceptor_(io_threads_.front()->executor()),
      retry_(io_threads_.front()->executor()) {}

Status Listener::Open(const std::string& address, uint16_t port, int backlog) {
  boost::system::error_code ec;
  const auto fail = [&](const char* what) {
    return Error{Errc::kIo, std::string(what) + " " + (address.empty() ? "*" : address) + ":" +
                                std::to_string(port) + ": " + ec.message()};
  };
  tcp::endpoint endpoint(tcp::v6(), port);  // every address of both families
  if (!address.empty()) {
    endpoint = {boost::asio::ip::make_address(address, ec), port};
    if (ec) return fail("cannot use the address");
  }
  acceptor_.open(endpoint.protocol(), ec);
  if (ec && address.empty()) {  // a machine without IPv6
    endpoint = {tcp::v4(), port};
    acceptor_.open(endpoint.protocol(), ec);
  }
  if (ec) return fail("cannot open a socket for");
  acceptor_.set_option(tcp::acceptor::reuse_address(true), ec);
  if (address.empty() && endpoint.protocol() == tcp::v6()) {
    acceptor_.set_option(boost::asio::ip::v6_only(false), ec);
  }
  acceptor_.bind(endpoint, ec);
  if (ec) return fail("cannot bind to");
  acceptor_.listen(backlog > 0 ? backlog : kDefaultBacklog, ec);
  if (ec) return fail("cannot listen on");
  port_ = acceptor_.local_endpoint(ec).port();
  Accept();
  return {};
}

void Listener::Close() {
  boost::system::error_code ec;
  acceptor_.close(ec);
  retry_.cancel();
}

void Listener::Accept() {
  acceptor_.async_accept([this](const boost::system::error_code& ec, tcp::socket socket) {
    if (ec == boost::asio::error::operation_aborted || !acceptor_.is_open()) return;
    if (!ec) {
      Adopt(std::move(socket));
      return Accept();
    }
    LOG_EVERY_N(WARNING, 100) << "accepting a connection failed: " << ec.message();
    retry_.expires_after(kClientAcceptPause);
    retry_.async_wait([this](const boost::system::error_code& aborted) {
      if (!aborted) Accept();
    });
  });
}

void Listener::Adopt(tcp::socket socket) {
  boost::system::error_code ec;
  const RemoteAddress address = RemoteAddress::Of(socket.remote_endpoint(ec));
  if (ec) return;  // gone already
  if (!context_.limiter.Admit(address.ip)) {
    LOG_EVERY_N(WARNING, 100) << "too many connections from " << address.ip << ", one is refused";
    context_.metrics.connection_rejected.Add(1);
    return;  // closes the socket
  }
  IoThread* target = *std::min_element(io_threads_.begin(), io_threads_.end(),
                                       [](const IoThread* a, const IoThread* b) {
                                         return a->connection_count() < b->connection_count();
                                       });
  // The socket moves to its thread.
  const int handle = socket.release(ec);
  target->Post([handle, address](IoThread& io) { io.Adopt(handle, address); });
}

}  // namespace lockkeeper
