#include "server/peer/leader_link.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "server/peer/packet_decoding.h"

namespace lockkeeper {
namespace {

using boost::asio::ip::tcp;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kTriesMax = 5;

}  // namespace

LeaderLink::LeaderLink(const PeerContext& context, LinkId id, std::vector<HostPort> addresses)
    : context_(context),
      id_(id),
      addresses_(std::move(addresses)),
      timer_(context.loop),
      limit_(context.loop) {}

void LeaderLink::Connect() {
  const milliseconds budget(context_.options.leader_connect_ms);
  give_up_at_ = steady_clock::now() + budget;
  limit_.expires_at(give_up_at_);
  limit_.async_wait([self = shared_from_this(), budget](const boost::system::error_code& ec) {
    if (ec || self->closed_ || self->socket_) return;
    self->Fail("no connection within " + std::to_string(budget.count()) + " ms" +
               (self->last_failure_.empty() ? "" : ": " + self->last_failure_));
  });
  Try();
}

void LeaderLink::Try() {
  ++tries_;
  const auto left = std::chrono::ceil<milliseconds>(give_up_at_ - steady_clock::now());
  const auto timeout = std::min(left, milliseconds(context_.options.connect_timeout_ms));
  dialer_ = std::make_shared<Dialer>(context_.loop, context_.lookup, addresses_, timeout);
  dialer_->Start([self = shared_from_this()](Result<tcp::socket> outcome) {
    self->OnDialed(std::move(outcome));
  });
}

void LeaderLink::OnDialed(Result<tcp::socket> outcome) {
  dialer_ = nullptr;
  if (outcome) {
    limit_.cancel();
    socket_ = std::make_shared<PeerSocket>(std::move(*outcome), &context_.read_buffer, this);
    context_.outlet.Add(LeaderLinkUp{id_});
    socket_->Start(/*keep_alive=*/false);
    return context_.to_leader.Add(id_, socket_->out());
  }
  last_failure_ = outcome.error().message;
  if (tries_ == kTriesMax) {
    return Fail("no connection after " + std::to_string(tries_) + " tries: " + last_failure_);
  }
  timer_.expires_after(milliseconds(context_.options.leader_connect_delay_ms));
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& ec) {
    if (!ec && !self->closed_) self->Try();
  });
}

void LeaderLink::Send(std::vector<QuorumPacket> packets) {
  if (closed_ || !socket_) return;
  for (QuorumPacket& packet : packets) socket_->out()->AddPacket(std::move(packet));
}

void LeaderLink::Flush() {
  if (!closed_ && socket_) socket_->Flush();
}

void LeaderLink::OnBytes(std::string_view bytes) {
  const auto self = shared_from_this();
  in_.Feed(bytes, [this](std::string_view all) {
    const auto taken = Take(all);
    if (taken) return *taken;
    Fail(taken.error().message);
    return all.size();
  });
}

void LeaderLink::OnBroken(const std::string& why) {
  const auto self = shared_from_this();
  Fail(snapshot_ ? why + ", inside a snapshot" : why);
}

Result<size_t> LeaderLink::Take(std::string_view bytes) {
  size_t total = 0;
  while (total < bytes.size()) {
    const auto taken =
        snapshot_ ? TakeSnapshot(bytes.substr(total)) : TakeLeaderPackets(bytes.substr(total));
    if (!taken) return taken.error();
    if (*taken == 0) break;
    total += *taken;
  }
  return total;
}

Result<size_t> LeaderLink::TakeLeaderPackets(std::string_view bytes) {
  std::vector<QuorumPacket> packets;
  const auto taken =
      TakePackets(bytes, context_.options.buffer_bytes_max, /*stop_at_snap=*/true, &packets);
  if (!packets.empty()) {
    if (packets.back().type == QuorumPacketType::kSnap) {
      part_told_ = steady_clock::now();
      snapshot_ = std::make_unique<SnapshotReceiver>(packets.back().zxid, context_.options.tree,
                                                     context_.options.buffer_bytes_max);
    }
    context_.outlet.Add(LeaderPackets{id_, std::move(packets)});
  }
  return taken;
}

Result<size_t> LeaderLink::TakeSnapshot(std::string_view bytes) {
  auto taken = snapshot_->Consume(bytes);
  const auto now = steady_clock::now();
  if (taken && !snapshot_->done() && now - part_told_ >= milliseconds(kProgressMs)) {
    part_told_ = now;
    context_.outlet.Add(LeaderSnapshotPart{id_});
  }
  if (taken && snapshot_->done()) {
    context_.outlet.Add(LeaderSnapshot{id_, std::exchange(snapshot_, nullptr)->TakeTree()});
  }
  return taken;
}

void LeaderLink::Fail(const std::string& why) {
  if (closed_) return;
  Close();
  context_.outlet.Add(LeaderLinkDown{id_, why});
}

void LeaderLink::Close() {
  closed_ = true;
  context_.to_leader.Remove(id_);
  timer_.cancel();
  limit_.cancel();
  snapshot_ = nullptr;
  if (dialer_) dialer_->Cancel();
  if (socket_) socket_->Close();
}

}  // namespace lockkeeper
