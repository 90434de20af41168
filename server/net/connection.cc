#include "server/net/connection.h"

#include <glog/logging.h>

#include <utility>

#include "protocol/limits.h"
#include "server/clock.h"
#include "server/net/io_thread.h"

namespace lockkeeper {

Connection::Connection(IoThread* io, const ServerContext& context, int socket,
                       RemoteAddress address, ConnectionRef self)
    : io_(*io),
      context_(context),
      socket_(socket),
      self_(self),
      address_(std::move(address)),
      session_(io, context, self, address_.ip, &out_),
      last_io_(io->now()),
      established_(WallNow()) {}

void Connection::Start(SocketEvents* events) {
  socket_.SetNoDelay();
  if (context_.config.client_tcp_keep_alive) socket_.SetKeepAlive();
  waiting_to_read_ = true;
  if (events->Add(socket_.handle(), id())) return;
  PLOG(WARNING) << "a connection of " << address_.ip << " cannot be served";
  Close();
}

void Connection::OnEvent(const SocketEvent& event) {
  readable_ = readable_ || event.readable;
  ended_ = ended_ || event.ended;
  if (event.writable && waiting_to_write_) {
    waiting_to_write_ = false;
    io_.MarkDirty(this);
  }
  ReadIfAsked();
}

void Connection::OnReadLater() {
  reads_later_ = false;
  ReadIfAsked();
}

void Connection::ReadIfAsked() {
  if (!readable_ || !waiting_to_read_ || closed_) return;
  waiting_to_read_ = false;
  Read();
}

// What fills less than the buffer was everything, but for the end of the stream.
void Connection::Read() {
  std::vector<char>& buffer = io_.read_buffer();
  const auto [state, n] = socket_.Read(buffer);
  readable_ = n == buffer.size() || (ended_ && state == ClientSocket::State::kOpen);
  if (state == ClientSocket::State::kNotReady) return io_.MarkDirty(this);
  if (state == ClientSocket::State::kEnded) {
    context_.metrics.connection_drop_count.Add(1);
    return Close();
  }
  last_io_ = io_.now();
  if (in_.empty()) {
    TakeInput({buffer.data(), n});
  } else {
    in_.append(buffer.data(), n);
    TakeInput(in_);
  }
  io_.MarkDirty(this);
}

// Whole frames go to the session; the rest stays in in_.
void Connection::TakeInput(std::string_view bytes) {
  const size_t taken = session_.Consume(bytes);
  if (bytes.data() == in_.data()) {
    in_.erase(0, taken);
    if (in_.empty()) std::string().swap(in_);
  } else {
    in_.assign(bytes.substr(taken));
  }
  held_back_ = !session_.wants_input();
}

void Connection::Run() {
  if (closed_) return;
  session_.RunParked();
  if (held_back_ && session_.wants_input()) TakeInput(in_);
}

void Connection::Settle() {
  if (closed_) return;
  if (session_.broken()) return Close();
  if (!out_.empty() && !SendNow()) return Close();
  if (session_.finished() && out_.empty()) return Close();
  const bool room = session_.wants_input();
  if (session_.has_runnable() || (held_back_ && room)) return io_.MarkDirty(this);
  waiting_to_read_ = room;
  // Once: each delivery comes here, and each call would be a turn more than others get.
  if (room && readable_ && !std::exchange(reads_later_, true)) io_.ReadLater(this);
}

bool Connection::SendNow() {
  while (sent_ < out_.size() && !waiting_to_write_) {
    const auto [state, n] = socket_.Write(std::string_view(out_).substr(sent_));
    if (state == ClientSocket::State::kEnded) return false;
    waiting_to_write_ = state == ClientSocket::State::kNotReady;
    sent_ += n;
  }
  // Sent bytes are dropped only when they are most of the buffer: no byte is moved twice.
  if (sent_ * 2 >= out_.size()) {
    out_.erase(0, sent_);
    sent_ = 0;
    if (out_.empty() && out_.capacity() > kReplyBytesPerGateMax) std::string().swap(out_);
  }
  return true;
}

void Connection::FinishWith(std::string_view text) {
  if (closed_) return;
  out_.append(text);
  if (!text.empty()) {
    context_.metrics.packets_sent.Add(1);
    ++session_.stats().sent;
  }
  session_.Finish();
  io_.MarkDirty(this);
}

void Connection::Close() {
  if (closed_) return;
  closed_ = true;
  session_.Abandon();
  // First the place, then the socket: whoever sees it closed may connect again.
  context_.limiter.Release(address_.ip);
  socket_.Close();
  io_.Forget(this);
}

}  // namespace lockkeeper
