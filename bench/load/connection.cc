#include "bench/load/connection.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>
#include <cstring>
#include <utility>

#include "protocol/jute.h"
#include "protocol/records.h"

namespace lockkeeper::load {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr size_t kLengthBytes = 4;
constexpr size_t kReadBytes = 64 << 10;
constexpr int32_t kFrameBytesMax = 64 << 20;
constexpr int32_t kCloseXid = 0;

}  // namespace

Connection::Connection(boost::asio::io_context& io, ConnectionOwner* owner, RequestEncoder* encoder)
    : socket_(io), owner_(owner), encoder_(encoder), in_(kReadBytes) {}

bool Connection::Fail(const std::string& what) {
  state_ = State::kClosed;
  owner_->OnFailure(what);
  return false;
}

void Connection::Connect(const tcp::endpoint& server, int session_timeout_ms) {
  socket_.async_connect(server, [this, server, session_timeout_ms](const error_code& ec) {
    if (ec) {
      const std::string where = server.address().to_string() + ":" + std::to_string(server.port());
      return void(Fail("cannot connect to " + where + ": " + ec.message()));
    }
    error_code set;
    socket_.set_option(tcp::no_delay(true), set);
    if (!set) socket_.non_blocking(true, set);
    if (set) return void(Fail("cannot set up the socket: " + set.message()));
    SendHandshake(session_timeout_ms);
    Read();
  });
}

void Connection::SendHandshake(int session_timeout_ms) {
  const std::string password(16, '\0');
  ConnectRequest request{.timeout_ms = session_timeout_ms, .passwd = password};
  out_.append(kLengthBytes, '\0');
  Encode(request, &out_);
  JuteWriter(&out_).Write(false);  // readOnly
  StoreInt(static_cast<int32_t>(out_.size() - kLengthBytes), out_.data());
  Flush();
}

void Connection::Send(const Operation& operation) {
  const int32_t xid = next_xid_;
  next_xid_ = next_xid_ == INT32_MAX ? 1 : next_xid_ + 1;
  encoder_->Append(operation, session_, xid, &out_);
  pending_.push_back({xid, Clock::now(), operation});
  silent_ = false;
}

void Connection::SendHeaderOnly(int32_t xid, OpCode op) {
  const size_t start = out_.size();
  out_.append(kLengthBytes, '\0');
  Encode(RequestHeader{xid, static_cast<int32_t>(op)}, &out_);
  StoreInt(static_cast<int32_t>(out_.size() - start - kLengthBytes), out_.data() + start);
  Flush();
}

// Straight to the socket: it nearly always has room, and no completion must be waited for.
void Connection::Flush() {
  if (writing_ || out_.empty()) return;
  error_code ec;
  const size_t written = socket_.write_some(boost::asio::buffer(out_), ec);
  if (ec && ec != boost::asio::error::would_block) return void(Fail("write: " + ec.message()));
  if (written < out_.size()) return WriteRest(written);
  out_.clear();
}

void Connection::WriteRest(size_t written) {
  writing_ = true;
  std::swap(out_, writing_out_);
  out_.clear();
  boost::asio::async_write(socket_, boost::asio::buffer(writing_out_) + written,
                           [this](const error_code& ec, size_t /*bytes*/) {
                             writing_ = false;
                             if (state_ == State::kClosed) return;
                             if (ec) return void(Fail("write: " + ec.message()));
                             Flush();
                           });
}

void Connection::KeepAlive(TimePoint now) {
  if (state_ != State::kReady) return;
  const std::chrono::milliseconds timeout(session_timeout_ms_);
  if (!pending_.empty() && now - pending_.front().sent > timeout) {
    return void(Fail("no reply for " + std::to_string(session_timeout_ms_) + " ms"));
  }
  if (std::exchange(silent_, true)) SendHeaderOnly(kPingXid, OpCode::kPing);
}

void Connection::Close() {
  state_ = State::kClosing;
  SendHeaderOnly(kCloseXid, OpCode::kCloseSession);
}

void Connection::Read() {
  const auto room = boost::asio::buffer(in_.data() + in_bytes_, in_.size() - in_bytes_);
  socket_.async_read_some(room, [this](const error_code& ec, size_t bytes) {
    if (state_ == State::kClosed) return;
    if (ec) return void(Fail("read: " + ec.message()));
    in_bytes_ += bytes;
    if (TakeFrames()) Read();
  });
}

bool Connection::TakeFrames() {
  const TimePoint now = Clock::now();
  size_t at = 0;
  while (in_bytes_ - at >= kLengthBytes) {
    const int32_t length = LoadInt(in_.data() + at);
    if (length < 0 || length > kFrameBytesMax) return Fail("a frame of no possible length");
    const size_t whole = kLengthBytes + static_cast<size_t>(length);
    if (in_bytes_ - at < whole) {
      if (whole > in_.size()) in_.resize(whole);
      break;
    }
    if (!TakeFrame({in_.data() + at + kLengthBytes, whole - kLengthBytes}, now)) return false;
    at += whole;
  }
  in_bytes_ -= at;
  std::memmove(in_.data(), in_.data() + at, in_bytes_);
  owner_->OnRepliesDone(now);
  return state_ != State::kClosed;
}

bool Connection::TakeFrame(std::string_view frame, TimePoint now) {
  return state_ == State::kConnecting ? TakeHandshake(frame) : TakeReply(frame, now);
}

bool Connection::TakeHandshake(std::string_view frame) {
  const auto response = Decode<ConnectResponse>(frame);
  if (!response) return Fail("the answer to the handshake cannot be decoded");
  if (response->session_id == 0 || response->timeout_ms <= 0) return Fail("no session was given");
  session_ = response->session_id;
  session_timeout_ms_ = response->timeout_ms;
  state_ = State::kReady;
  owner_->OnReady(this);
  return true;
}

bool Connection::TakeReply(std::string_view frame, TimePoint now) {
  const auto header = Decode<ReplyHeader>(frame);
  if (!header) return Fail("a reply cannot be decoded");
  if (header->xid == kPingXid) return true;
  if (state_ == State::kClosing && header->xid == kCloseXid) {
    state_ = State::kClosed;
    error_code ignored;
    socket_.close(ignored);
    owner_->OnClosed();
    return false;
  }
  if (pending_.empty() || header->xid != pending_.front().xid) {
    return Fail("a reply with xid " + std::to_string(header->xid) + " that is not the next");
  }
  const Operation operation = pending_.front().operation;
  pending_.pop_front();
  owner_->OnReply(this, operation, header->err, now);
  return true;
}

}  // namespace lockkeeper::load
