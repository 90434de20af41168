#include "server/net/client_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace lockkeeper {
namespace {

// What fails is left as it is: the client is served all the same.
void SwitchOn(int handle, int level, int option) {
  const int on = 1;
  (void)setsockopt(handle, level, option, &on, sizeof on);
}

// Calls `transfer` until no signal interrupts it.
template <class Call>
ClientSocket::Transfer Transferred(const Call& transfer) {
  ssize_t bytes = 0;
  do {
    bytes = transfer();
  } while (bytes < 0 && errno == EINTR);
  if (bytes > 0) return {.bytes = static_cast<size_t>(bytes)};
  const bool waits = bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  return {.state = waits ? ClientSocket::State::kNotReady : ClientSocket::State::kEnded};
}

}  // namespace

ClientSocket::ClientSocket(int handle) : handle_(handle) {}

void ClientSocket::SetNoDelay() { SwitchOn(handle_, IPPROTO_TCP, TCP_NODELAY); }

void ClientSocket::SetKeepAlive() { SwitchOn(handle_, SOL_SOCKET, SO_KEEPALIVE); }

ClientSocket::Transfer ClientSocket::Read(std::span<char> to) {
  return Transferred([&] { return recv(handle_, to.data(), to.size(), MSG_DONTWAIT); });
}

ClientSocket::Transfer ClientSocket::Write(std::string_view bytes) {
  return Transferred(
      [&] { return send(handle_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL); });
}

void ClientSocket::Close() {
  if (handle_ >= 0) close(handle_);
  handle_ = -1;
}

}  // namespace lockkeeper
