#include "server/peer/peer_socket.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <system_error>
#include <utility>

#include "server/net/remote_address.h"
#include "server/peer/host_port.h"

namespace lockkeeper {
namespace {

using boost::asio::ip::tcp;

// Written in one turn; then other sockets have theirs, above all those with heartbeats.
constexpr size_t kWrittenPerTurnMax = 1 << 20;

bool WouldBlock(const boost::system::error_code& ec) {
  return ec == boost::asio::error::would_block || ec == boost::asio::error::try_again;
}

std::string RemoteOf(const tcp::socket& socket) {
  boost::system::error_code ec;
  const auto remote = RemoteAddress::Of(socket.remote_endpoint(ec));
  return ec ? "an unknown address" : ToText(HostPort{remote.ip, remote.port});
}

}  // namespace

PeerSocket::PeerSocket(tcp::socket socket, std::vector<char>* read_buffer, Owner* owner)
    : socket_(std::move(socket)),
      close_timer_(socket_.get_executor()),
      read_buffer_(*read_buffer),
      owner_(owner),
      remote_(RemoteOf(socket_)) {}

void PeerSocket::Start(bool keep_alive) {
  boost::system::error_code ec;
  socket_.non_blocking(true, ec);
  socket_.set_option(tcp::no_delay(true), ec);
  if (keep_alive) socket_.set_option(boost::asio::socket_base::keep_alive(true), ec);
  const auto attend = [executor = socket_.get_executor(), socket = weak_from_this()] {
    boost::asio::post(executor, [socket] {
      if (const auto self = socket.lock()) self->Flush();
    });
  };
  out_ = std::make_shared<SocketWriter>(socket_.native_handle(), attend);
  WaitToRead();
}

void PeerSocket::ResumeReading() {
  if (!std::exchange(paused_, false) || !open() || waiting_to_read_) return;
  WaitToRead();
}

void PeerSocket::WaitToRead() {
  waiting_to_read_ = true;
  socket_.async_wait(tcp::socket::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& ec) {
                       self->waiting_to_read_ = false;
                       if (ec || !self->open()) return;
                       self->OnReadable();
                     });
}

void PeerSocket::OnReadable() {
  boost::system::error_code ec;
  const size_t n = socket_.read_some(boost::asio::buffer(read_buffer_), ec);
  if (ec && !WouldBlock(ec)) {
    return Break(ec == boost::asio::error::eof ? "the other side closed the connection"
                                               : "reading failed: " + ec.message());
  }
  if (!ec && owner_ != nullptr) owner_->OnBytes({read_buffer_.data(), n});
  if (open() && !paused_) WaitToRead();
}

void PeerSocket::Flush() {
  if (open() && !waiting_to_write_) WriteSome();
}

void PeerSocket::WriteSome() {
  const SocketWriter::Written written = out_->WriteSome(kWrittenPerTurnMax);
  if (written.error != 0) {
    return BreakSoon("writing failed: " + std::generic_category().message(written.error));
  }
  if (!written.all) return WaitToWrite();
  if (closing_ && !std::exchange(sent_all_, true)) {
    boost::system::error_code ec;
    socket_.shutdown(tcp::socket::shutdown_send, ec);
  }
}

void PeerSocket::WaitToWrite() {
  waiting_to_write_ = true;
  socket_.async_wait(tcp::socket::wait_write,
                     [self = shared_from_this()](const boost::system::error_code& ec) {
                       self->waiting_to_write_ = false;
                       if (ec || !self->open()) return;
                       self->WriteSome();
                       if (self->owner_ != nullptr) self->owner_->OnWritten();
                     });
}

void PeerSocket::Break(const std::string& why) {
  Owner* const owner = owner_;
  Close();
  if (owner != nullptr) owner->OnBroken(why);
}

// The owner may be in the middle of something.
void PeerSocket::BreakSoon(const std::string& why) {
  boost::asio::post(socket_.get_executor(), [self = shared_from_this(), why] {
    if (self->open()) self->Break(why);
  });
}

void PeerSocket::Close() {
  owner_ = nullptr;
  if (out_) out_->Close();
  boost::system::error_code ec;
  socket_.close(ec);
  close_timer_.cancel();
}

void PeerSocket::FlushAndClose(std::chrono::milliseconds limit) {
  if (!open()) return;
  owner_ = nullptr;
  closing_ = true;
  ResumeReading();
  close_timer_.expires_after(limit);
  close_timer_.async_wait([self = shared_from_this()](const boost::system::error_code& ec) {
    if (!ec) self->Close();
  });
  Flush();
}

}  // namespace lockkeeper
