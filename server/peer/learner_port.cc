#include "server/peer/learner_port.h"

#include <glog/logging.h>

#include <atomic>
#include <chrono>
#include <utility>

#include "server/peer/packet_decoding.h"

namespace lockkeeper {
namespace {

using boost::asio::ip::tcp;

// How long a link that is to be closed may take to write what it has.
constexpr std::chrono::milliseconds kGoodbyeMs{1000};

// Of the process, whichever PeerNetwork: a late command must never meet a new link.
LinkId NextLinkId() {
  static std::atomic<LinkId> last{0};
  return ++last;
}

}  // namespace

// ---- One learner.

LearnerLink::LearnerLink(LearnerPort* port, const PeerContext& context, LinkId id,
                         tcp::socket socket)
    : port_(*port),
      context_(context),
      id_(id),
      socket_(std::make_shared<PeerSocket>(std::move(socket), &context.read_buffer, this)) {}

void LearnerLink::Start() { socket_->Start(/*keep_alive=*/false); }

void LearnerLink::Send(std::vector<QuorumPacket> packets) {
  for (QuorumPacket& packet : packets) socket_->out().AddPacket(std::move(packet));
  DropIfTooFull();
}

void LearnerLink::Stream(SharedBytes bytes) {
  socket_->out().AddShared(std::move(bytes));
  DropIfTooFull();
}

void LearnerLink::DropIfTooFull() {
  if (socket_->out().bytes() <= context_.options.learner_queue_bytes_max) return;
  Flush();  // one batch may be above the bound for a learner that reads
  if (socket_->out().bytes() <= context_.options.learner_queue_bytes_max) return;
  Fail("it does not read: " + std::to_string(socket_->out().bytes()) + " bytes wait for it");
}

void LearnerLink::Flush() {
  socket_->Flush();
  CallWaiters();
}

void LearnerLink::CallBelow(size_t bytes, std::function<void()> then) {
  waiters_.push_back({bytes, std::move(then)});
}

void LearnerLink::CallWaiters() {
  if (waiters_.empty()) return;
  const size_t waiting = socket_->out().bytes();
  const bool open = socket_->open();
  std::vector<Waiter> still;
  for (Waiter& waiter : std::exchange(waiters_, {})) {
    if (open && waiting >= waiter.bytes) {
      still.push_back(std::move(waiter));
    } else {
      waiter.then();
    }
  }
  waiters_ = std::move(still);
}

void LearnerLink::OnBytes(std::string_view bytes) {
  const auto self = shared_from_this();
  in_.Feed(bytes, [this](std::string_view all) {
    std::vector<QuorumPacket> packets;
    const auto taken =
        TakePackets(all, context_.options.buffer_bytes_max, /*stop_at_snap=*/false, &packets);
    if (!packets.empty()) context_.outlet.Add(LearnerPackets{id_, std::move(packets)});
    if (taken) return *taken;
    Fail(taken.error().message);
    return all.size();
  });
}

void LearnerLink::OnWritten() { CallWaiters(); }

void LearnerLink::OnBroken(const std::string& why) { Fail(why); }

void LearnerLink::Fail(const std::string& why) {
  const auto self = shared_from_this();
  Close();
  port_.OnLinkDown(id_, why);
}

void LearnerLink::Close() {
  socket_->Close();
  CallWaiters();
}

void LearnerLink::FlushAndClose() {
  socket_->FlushAndClose(kGoodbyeMs);
  for (const Waiter& waiter : std::exchange(waiters_, {})) waiter.then();
}

// ---- The port.

LearnerPort::LearnerPort(const PeerContext& context) : context_(context) {}

void LearnerPort::Open() {
  if (listener_ || opening_) return;
  std::vector<HostPort> own;
  const auto& members = context_.options.membership.members;
  for (const PeerAddress& address : members.at(context_.options.self).addresses) {
    own.push_back({address.host, address.quorum_port});
  }
  const auto addresses = ListenAddresses(own, context_.options.listen_on_all_ips);
  opening_ = std::make_shared<Opening>();
  opening_->unresolved = addresses.size();
  for (const HostPort& address : addresses) {
    context_.lookup.Find(address, [this, opening = opening_](const HostEndpoints& found) {
      if (opening == opening_) OnResolved(opening, found);
    });
  }
}

void LearnerPort::OnResolved(const std::shared_ptr<Opening>& opening, const HostEndpoints& found) {
  if (found) {
    opening->endpoints.insert(opening->endpoints.end(), found->begin(), found->end());
  } else {
    opening->failures += found.error().message + "; ";
  }
  if (--opening->unresolved > 0) return;
  opening_ = nullptr;
  listener_ = std::make_shared<PortListener>(
      context_.loop, [this](tcp::socket socket) { OnAccepted(std::move(socket)); },
      [this](const Error& error) { OnListenerFailed(error); });
  const Status opened = listener_->Open(opening->endpoints);
  if (!opened) OnListenerFailed(Error{Errc::kIo, opening->failures + opened.error().message});
}

void LearnerPort::OnListenerFailed(const Error& error) {
  listener_ = nullptr;
  context_.outlet.Add(
      PortFailed{Error{Errc::kIo, "the quorum port cannot be used: " + error.message}});
}

void LearnerPort::Close() {
  opening_ = nullptr;
  if (auto listener = std::exchange(listener_, nullptr)) listener->Close();
  for (const auto& [id, link] : std::exchange(links_, {})) link->Close();
}

void LearnerPort::OnAccepted(tcp::socket socket) {
  const LinkId id = NextLinkId();
  auto link = std::make_shared<LearnerLink>(this, context_, id, std::move(socket));
  context_.outlet.Add(LearnerLinkUp{id, link->address()});
  links_.emplace(id, link);
  link->Start();
}

LearnerLink* LearnerPort::Find(LinkId link) {
  const auto found = links_.find(link);
  return found == links_.end() ? nullptr : found->second.get();
}

void LearnerPort::Send(LinkId link, std::vector<QuorumPacket> packets) {
  if (LearnerLink* const found = Find(link)) found->Send(std::move(packets));
}

void LearnerPort::Stream(LinkId link, SharedBytes bytes) {
  if (LearnerLink* const found = Find(link)) found->Stream(std::move(bytes));
}

void LearnerPort::CallBelow(LinkId link, size_t bytes, std::function<void()> then) {
  if (LearnerLink* const found = Find(link)) return found->CallBelow(bytes, std::move(then));
  then();
}

void LearnerPort::CloseLink(LinkId link) {
  const auto found = links_.extract(link);
  if (!found.empty()) found.mapped()->FlushAndClose();
}

void LearnerPort::Flush() {
  for (const auto& [id, link] : links_) link->Flush();
}

void LearnerPort::OnLinkDown(LinkId link, const std::string& why) {
  if (links_.erase(link) > 0) context_.outlet.Add(LearnerLinkDown{link, why});
}

}  // namespace lockkeeper
