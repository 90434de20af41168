#include "server/peer/socket_writer.h"

#include <glog/logging.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <limits>
#include <utility>
#include <vector>

namespace lockkeeper {
namespace {

// errno when it is below 0.
ssize_t SendWithoutWaiting(int handle, const std::vector<boost::asio::const_buffer>& buffers) {
  std::array<iovec, kWriteBuffersMax> parts;
  for (size_t i = 0; i < buffers.size(); ++i) {
    parts[i] = {const_cast<void*>(buffers[i].data()), buffers[i].size()};
  }
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = buffers.size();
  ssize_t sent = 0;
  do {
    sent = sendmsg(handle, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

}  // namespace

SocketWriter::SocketWriter(int handle, std::function<void()> attend)
    : attend_(std::move(attend)), handle_(handle) {}

void SocketWriter::AddBytes(std::string_view bytes) {
  std::lock_guard lock(mutex_);
  out_.AddBytes(bytes);
}

void SocketWriter::AddShared(SharedBytes bytes) {
  std::lock_guard lock(mutex_);
  out_.AddShared(std::move(bytes));
}

void SocketWriter::AddPacket(QuorumPacket packet) {
  std::lock_guard lock(mutex_);
  out_.AddPacket(std::move(packet));
}

size_t SocketWriter::bytes() const {
  std::lock_guard lock(mutex_);
  return out_.bytes();
}

SocketWriter::Written SocketWriter::WriteSome(size_t max) {
  std::lock_guard lock(mutex_);
  return WriteLocked(max);
}

bool SocketWriter::SendNow(QuorumPacket* packet) {
  {
    std::lock_guard lock(mutex_);
    if (handle_ < 0 || !out_.empty()) return false;
    out_.AddPacket(std::move(*packet));
    if (WriteLocked(std::numeric_limits<size_t>::max()).all) return true;
  }
  attend_();
  return true;
}

void SocketWriter::Close() {
  std::lock_guard lock(mutex_);
  handle_ = -1;
  out_ = PacketWriter();
}

SocketWriter::Written SocketWriter::WriteLocked(size_t max) {
  CHECK_GE(handle_, 0);
  for (size_t written = 0; !out_.empty();) {
    if (written >= max) return {};
    const ssize_t sent = SendWithoutWaiting(handle_, out_.Front());
    if (sent < 0) return {.error = errno == EAGAIN || errno == EWOULDBLOCK ? 0 : errno};
    out_.Drop(static_cast<size_t>(sent));
    written += static_cast<size_t>(sent);
  }
  return {.all = true};
}

}  // namespace lockkeeper
