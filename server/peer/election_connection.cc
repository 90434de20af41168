#include "server/peer/election_connection.h"

#include <glog/logging.h>

#include <utility>

#include "protocol/jute.h"

namespace lockkeeper {

ElectionConnection::ElectionConnection(boost::asio::ip::tcp::socket socket,
                                       std::vector<char>* read_buffer, Owner* owner)
    : socket_(std::make_shared<PeerSocket>(std::move(socket), read_buffer, this)),
      owner_(*owner),
      handshake_timer_(socket_->executor()) {}

void ElectionConnection::AwaitHandshake(std::chrono::milliseconds limit) {
  handshake_timer_.expires_after(limit);
  handshake_timer_.async_wait([self = shared_from_this()](const boost::system::error_code& ec) {
    if (!ec && self->socket_->open() && !self->peer_) self->Fail("it does not say who it is");
  });
}

void ElectionConnection::Adopt(PeerId peer) {
  peer_ = peer;
  handshake_timer_.cancel();
}

void ElectionConnection::Close() {
  handshake_timer_.cancel();
  socket_->Close();
}

void ElectionConnection::OnBytes(std::string_view bytes) {
  const auto self = shared_from_this();  // the owner may let go of it
  in_.Feed(bytes, [this](std::string_view all) { return Take(all); });
}

void ElectionConnection::OnBroken(const std::string& why) { Fail(why); }

void ElectionConnection::OnWritten() {
  if (peer_ && socket_->out()->empty()) owner_.OnRoomToSend(*peer_);
}

size_t ElectionConnection::Take(std::string_view bytes) {
  size_t taken = 0;
  if (!peer_) {
    taken = TakeHandshake(bytes);
    if (!peer_) return taken;
  }
  return taken + TakeFrames(bytes.substr(taken));
}

size_t ElectionConnection::TakeHandshake(std::string_view bytes) {
  const auto decoded = DecodeElectionHandshake(bytes, kHandshakeAddressMax);
  if (!decoded) {
    Fail(decoded.error().message);
    return bytes.size();
  }
  if (!decoded->has_value()) return 0;
  owner_.OnHandshake(shared_from_this(), (*decoded)->handshake);
  return socket_->open() ? (*decoded)->size : bytes.size();
}

size_t ElectionConnection::TakeFrames(std::string_view bytes) {
  constexpr size_t kLengthBytes = sizeof(int32_t);
  size_t taken = 0;
  while (socket_->open() && bytes.size() - taken >= kLengthBytes) {
    const int32_t length = LoadInt(bytes.data() + taken);
    if (length <= 0 || static_cast<size_t>(length) > kElectionFrameMax) {
      Fail("a message of " + std::to_string(length) + " bytes");
      return bytes.size();
    }
    if (bytes.size() - taken - kLengthBytes < static_cast<size_t>(length)) break;
    const std::string_view message = bytes.substr(taken + kLengthBytes, length);
    taken += kLengthBytes + message.size();
    if (auto notification = DecodeNotification(message)) {
      owner_.OnNotification(*peer_, *std::move(notification));
    } else {
      VLOG(1) << "ignoring a message of " << length << " bytes from server " << *peer_
              << " that is no notification";
    }
  }
  return taken;
}

void ElectionConnection::Fail(const std::string& why) {
  Close();
  owner_.OnClosed(shared_from_this(), why);
}

}  // namespace lockkeeper
