#include "server/net/connection.h"

#include <glog/logging.h>

#include <boost/asio/buffer.hpp>
#include <utility>

#include "protocol/limits.h"
#include "server/clock.h"
#include "server/net/io_thread.h"

namespace lockkeeper {
namespace {

using boost::asio::ip::tcp;

}  // namespace

Connection::Connection(IoThread* io, const ServerContext& context, tcp::socket socket,
                       RemoteAddress address, ConnectionRef self)
    : io_(*io),
      context_(context),
      socket_(std::move(socket)),
      self_(self),
      address_(std::move(address)),
      session_(io, context, self, address_.ip, &out_),
      last_io_(io->now()),
      established_(WallNow()) {}

void Connection::Start() {
  boost::system::error_code ec;
  socket_.non_blocking(true, ec);
  socket_.set_option(tcp::no_delay(true), ec);
  if (context_.config.client_tcp_keep_alive) {
    socket_.set_option(boost::asio::socket_base::keep_alive(true), ec);
  }
  WaitToRead();
}

void Connection::WaitToRead() {
  if (waiting_to_read_ || closed_) return;
  waiting_to_read_ = true;
  socket_.async_wait(tcp::socket::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& ec) {
                       self->waiting_to_read_ = false;
                       if (ec || self->closed_) return;
                       self->io_.UpdateClock();
                       self->OnReadable();
                       self->io_.Settle();
                     });
}

void Connection::OnReadable() {
  std::vector<char>& buffer = io_.read_buffer();
  boost::system::error_code ec;
  const size_t n = socket_.read_some(boost::asio::buffer(buffer), ec);
  if (ec == boost::asio::error::would_block || ec == boost::asio::error::try_again) {
    return io_.MarkDirty(this);
  }
  if (ec) {
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
  if (room) WaitToRead();
}

bool Connection::SendNow() {
  if (waiting_to_write_) return true;
  boost::system::error_code ec;
  while (sent_ < out_.size()) {
    const size_t n =
        socket_.write_some(boost::asio::buffer(out_.data() + sent_, out_.size() - sent_), ec);
    if (ec == boost::asio::error::would_block || ec == boost::asio::error::try_again) {
      WaitToWrite();
      break;
    }
    if (ec) return false;
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

void Connection::WaitToWrite() {
  waiting_to_write_ = true;
  socket_.async_wait(tcp::socket::wait_write,
                     [self = shared_from_this()](const boost::system::error_code& ec) {
                       self->waiting_to_write_ = false;
                       if (ec || self->closed_) return;
                       self->io_.UpdateClock();
                       self->io_.MarkDirty(self.get());
                       self->io_.Settle();
                     });
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
  boost::system::error_code ec;
  socket_.close(ec);
  io_.Forget(this);
}

}  // namespace lockkeeper
