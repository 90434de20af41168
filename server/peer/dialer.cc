#include "server/peer/dialer.h"

#include <utility>

namespace lockkeeper {

using boost::asio::ip::tcp;

Dialer::Dialer(boost::asio::io_context& loop, HostLookup& lookup, std::vector<HostPort> addresses,
               std::chrono::milliseconds timeout)
    : loop_(loop),
      lookup_(lookup),
      addresses_(std::move(addresses)),
      timeout_(timeout),
      socket_(loop),
      timer_(loop) {}

void Dialer::Start(Done done) {
  done_ = std::move(done);
  boost::asio::post(loop_, [self = shared_from_this()] {
    if (self->done_) self->TryNextAddress();
  });
}

void Dialer::Cancel() {
  done_ = nullptr;
  boost::system::error_code ec;
  socket_.close(ec);
  timer_.cancel();
}

void Dialer::TryNextAddress() {
  if (next_address_ == addresses_.size()) {
    return Finish(Error{Errc::kIo, failures_.empty() ? "no address is known" : failures_});
  }
  lookup_.Find(addresses_[next_address_++], [self = shared_from_this()](HostEndpoints found) {
    if (!self->done_) return;
    self->next_endpoint_ = 0;
    self->endpoints_.clear();
    if (found) {
      self->endpoints_ = std::move(*found);
    } else {
      self->failures_ += (self->failures_.empty() ? "" : "; ") + found.error().message;
    }
    self->TryNextEndpoint();
  });
}

void Dialer::TryNextEndpoint() {
  if (next_endpoint_ == endpoints_.size()) return TryNextAddress();
  boost::system::error_code ec;
  socket_ = tcp::socket(loop_);
  timed_out_ = false;
  timer_.expires_after(timeout_);
  timer_.async_wait([self = shared_from_this(), tried = next_endpoint_,
                     address = next_address_](const boost::system::error_code& aborted) {
    if (aborted || !self->done_) return;
    // The connection may just have been made, and the next one be under way.
    if (self->next_endpoint_ != tried + 1 || self->next_address_ != address) return;
    self->timed_out_ = true;
    boost::system::error_code ignored;
    self->socket_.close(ignored);
  });
  socket_.async_connect(endpoints_[next_endpoint_++],
                        [self = shared_from_this()](const boost::system::error_code& outcome) {
                          if (self->done_) self->OnConnected(outcome);
                        });
}

void Dialer::OnConnected(const boost::system::error_code& ec) {
  timer_.cancel();
  boost::system::error_code broken = timed_out_ ? boost::asio::error::timed_out : ec;
  if (!broken) {
    // A port that nobody listens on can be given to this very socket, which then meets itself.
    const auto local = socket_.local_endpoint(broken);
    if (!broken && socket_.remote_endpoint(broken) == local) {
      broken = boost::asio::error::connection_refused;
    }
  }
  if (!broken) return Finish(std::move(socket_));
  const tcp::endpoint& tried = endpoints_[next_endpoint_ - 1];
  failures_ += (failures_.empty() ? "" : "; ") +
               ToText(HostPort{tried.address().to_string(), tried.port()}) + ": " +
               broken.message();
  TryNextEndpoint();
}

void Dialer::Finish(Result<tcp::socket> outcome) {
  const Done done = std::exchange(done_, nullptr);
  done(std::move(outcome));
}

}  // namespace lockkeeper
