#include "bench/load/session.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>
#include <cstring>
#include <utility>

namespace lockkeeper::load {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr size_t kLengthBytes = 4;
// Buffers begin small, for tens of thousands of sessions, and grow where replies come in numbers.
constexpr size_t kReadBytesFirst = 512;
constexpr size_t kReadBytesMost = 64 << 10;
constexpr int32_t kFrameBytesMax = 64 << 20;
constexpr int32_t kCloseXid = 0;
constexpr int kCallsWithoutReplyMost = 3;  // KeepAlive's, each a third of the timeout

}  // namespace

Session::Session(boost::asio::io_context& io, SessionOwner* owner)
    : socket_(io), owner_(owner), in_(kReadBytesFirst) {}

void Session::Fail(const std::string& what) {
  if (std::exchange(state_, State::kClosed) != State::kClosed) owner_->OnFailure(what);
}

void Session::Connect(const tcp::endpoint& server, int session_timeout_ms) {
  socket_.async_connect(server, [this, server, session_timeout_ms](const error_code& ec) {
    if (ec) {
      const std::string where = server.address().to_string() + ":" + std::to_string(server.port());
      return Fail("cannot connect to " + where + ": " + ec.message());
    }
    error_code set;
    socket_.set_option(tcp::no_delay(true), set);
    if (!set) socket_.non_blocking(true, set);
    if (set) return Fail("cannot set up the socket: " + set.message());
    SendHandshake(session_timeout_ms);
    Read();
  });
}

size_t Session::BeginFrame() {
  out_.append(kLengthBytes, '\0');
  return out_.size();
}

void Session::EndFrame(size_t start) {
  StoreInt(static_cast<int32_t>(out_.size() - start), out_.data() + start - kLengthBytes);
}

void Session::SendHandshake(int session_timeout_ms) {
  const std::string password(16, '\0');
  const size_t start = BeginFrame();
  Encode(ConnectRequest{.timeout_ms = session_timeout_ms, .passwd = password}, &out_);
  JuteWriter(&out_).Write(false);  // readOnly
  EndFrame(start);
  Flush();
}

int32_t Session::TakeXid() {
  const int32_t xid = next_xid_;
  next_xid_ = xid == INT32_MAX ? 1 : xid + 1;
  ++in_flight_;
  silent_ = false;
  return xid;
}

void Session::SendHeaderOnly(int32_t xid, OpCode op) {
  const size_t start = BeginFrame();
  Encode(RequestHeader{xid, static_cast<int32_t>(op)}, &out_);
  EndFrame(start);
  Flush();
}

// Straight to the socket: it nearly always has room, and no completion must be waited for.
void Session::Flush() {
  if (writing_ || out_.empty()) return;
  error_code ec;
  const size_t written = socket_.write_some(boost::asio::buffer(out_), ec);
  if (ec && ec != boost::asio::error::would_block) return Fail("write: " + ec.message());
  if (written < out_.size()) return WriteRest(written);
  out_.clear();
}

void Session::WriteRest(size_t written) {
  writing_ = true;
  std::swap(out_, writing_out_);
  out_.clear();
  boost::asio::async_write(socket_, boost::asio::buffer(writing_out_) + written,
                           [this](const error_code& ec, size_t /*bytes*/) {
                             writing_ = false;
                             if (state_ == State::kClosed) return;
                             if (ec) return Fail("write: " + ec.message());
                             Flush();
                           });
}

void Session::KeepAlive() {
  if (state_ != State::kReady) return;
  const bool waits = in_flight_ > 0 || ping_waits_;
  calls_without_reply_ = waits ? calls_without_reply_ + 1 : 0;
  if (calls_without_reply_ > kCallsWithoutReplyMost) {
    return Fail("no reply for " + std::to_string(session_timeout_ms_) + " ms");
  }
  if (!std::exchange(silent_, true)) return;
  ping_waits_ = true;
  SendHeaderOnly(kPingXid, OpCode::kPing);
}

void Session::Close() {
  if (state_ != State::kReady) return Fail("closed before it was open");
  state_ = State::kClosing;
  SendHeaderOnly(kCloseXid, OpCode::kCloseSession);
}

void Session::Read() {
  const auto room = boost::asio::buffer(in_.data() + in_bytes_, in_.size() - in_bytes_);
  socket_.async_read_some(room, [this](const error_code& ec, size_t bytes) {
    if (state_ == State::kClosed) return;
    if (ec) return Fail("read: " + ec.message());
    in_bytes_ += bytes;
    const bool full = in_bytes_ == in_.size();
    TakeFrames();
    if (full && in_.size() < kReadBytesMost) in_.resize(in_.size() * 2);
    if (state_ != State::kClosed) Read();
  });
}

void Session::TakeFrames() {
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
    TakeFrame({in_.data() + at + kLengthBytes, whole - kLengthBytes}, now);
    if (state_ == State::kClosed) return;
    at += whole;
  }
  in_bytes_ -= at;
  std::memmove(in_.data(), in_.data() + at, in_bytes_);
  owner_->OnRepliesDone(now);
}

void Session::TakeFrame(std::string_view frame, TimePoint now) {
  calls_without_reply_ = 0;
  return state_ == State::kConnecting ? TakeHandshake(frame) : TakeReply(frame, now);
}

void Session::TakeHandshake(std::string_view frame) {
  const auto response = Decode<ConnectResponse>(frame);
  if (!response) return Fail("the answer to the handshake cannot be decoded");
  if (response->session_id == 0 || response->timeout_ms <= 0) return Fail("no session was given");
  id_ = response->session_id;
  session_timeout_ms_ = response->timeout_ms;
  state_ = State::kReady;
  owner_->OnReady(this);
}

void Session::TakeReply(std::string_view frame, TimePoint now) {
  JuteReader in(frame);
  const auto header = Decode<ReplyHeader>(in);
  if (!header) return Fail("a reply cannot be decoded");
  if (header->xid == kPingXid) return void(ping_waits_ = false);
  if (header->xid == kEventXid) {
    const auto event = Decode<WatcherEvent>(in);
    if (!event) return Fail("an event cannot be decoded");
    return OnEvent(*event, now);
  }
  if (state_ == State::kClosing && header->xid == kCloseXid) {
    state_ = State::kClosed;
    error_code ignored;
    socket_.close(ignored);
    return owner_->OnClosed(this);
  }
  if (in_flight_ == 0 || header->xid != due_xid_) {
    return Fail("a reply with xid " + std::to_string(header->xid) + " that is not the next");
  }
  due_xid_ = due_xid_ == INT32_MAX ? 1 : due_xid_ + 1;
  --in_flight_;
  OnReply(*header, in.rest(), now);
}

void Session::OnEvent(const WatcherEvent& event, TimePoint /*now*/) {
  Fail("an event for " + std::string(event.path) + " that nobody asked for");
}

}  // namespace lockkeeper::load
