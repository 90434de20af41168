#include "server/peer/learner_port.h"

#include <glog/logging.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <utility>

#include "server/peer/packet_decoding.h"

namespace lockkeeper {
namespace {

using boost::asio::ip::tcp;

// How long a link that is to be closed may take to write what it has.
constexpr std::chrono::milliseconds kGoodbyeMs{1000};
// Of a stream: read at once, and read ahead of what the learner takes.
constexpr size_t kStreamPieceBytes = 256 << 10;
constexpr size_t kStreamAheadMax = 2 << 20;

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

void LearnerLink::Start() {
  socket_->Start(/*keep_alive=*/false);
  context_.to_learners.Add(id_, socket_->out());
}

void LearnerLink::Send(std::vector<QuorumPacket> packets) {
  for (QuorumPacket& packet : packets) {
    if (streaming_ == nullptr) {
      socket_->out()->AddPacket(std::move(packet));
      continue;
    }
    if (packet.data != nullptr) streaming_->behind_bytes += packet.data->size();
    streaming_->behind.push_back(std::move(packet));
  }
  DropIfTooFull();
}

size_t LearnerLink::WaitingBytes() const {
  return socket_->out()->bytes() + (streaming_ ? streaming_->behind_bytes : 0);
}

void LearnerLink::DropIfTooFull() {
  if (WaitingBytes() <= context_.options.learner_queue_bytes_max) return;
  Flush();  // one batch may be above the bound for a learner that reads
  if (WaitingBytes() <= context_.options.learner_queue_bytes_max) return;
  Fail("it does not read: " + std::to_string(WaitingBytes()) + " bytes wait for it");
}

void LearnerLink::Flush() { socket_->Flush(); }

// ---- A whole state.

void LearnerLink::Stream(std::shared_ptr<FrozenStream> stream) {
  context_.to_learners.Remove(id_);
  progress_wanted_ = true;
  progress_told_ = std::chrono::steady_clock::now();
  streaming_ = std::make_unique<Streaming>(context_.loop, std::move(stream));
  ReadStream();
}

// Goes on when the learner has taken most of what was read (OnWritten).
void LearnerLink::ReadStream() {
  if (!streaming_ || streaming_->waiting || socket_->out()->bytes() > kStreamAheadMax) return;
  streaming_->waiting = true;
  streaming_->pipe.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                              [self = shared_from_this()](const boost::system::error_code& ec) {
                                if (ec || !self->streaming_) return;
                                self->streaming_->waiting = false;
                                self->OnStreamReadable();
                              });
}

void LearnerLink::OnStreamReadable() {
  std::string bytes(kStreamPieceBytes, '\0');
  const ssize_t n = read(streaming_->pipe.native_handle(), bytes.data(), bytes.size());
  if (n == 0) return OnStreamEnd();
  if (n > 0) {
    bytes.resize(static_cast<size_t>(n));
    socket_->out()->AddShared(std::make_shared<const std::string>(std::move(bytes)));
    Flush();
    TellProgress();
  } else if (errno != EAGAIN && errno != EINTR) {
    return Fail("a copy of the state cannot be read");
  }
  ReadStream();
}

void LearnerLink::OnStreamEnd() {
  const std::unique_ptr<Streaming> ended = std::move(streaming_);
  if (const Status whole = ended->source->Finish(); !whole) return Fail(whole.error().message);
  Send(std::move(ended->behind));
  if (!socket_->open()) return;
  Flush();
  context_.to_learners.Add(id_, socket_->out());
  TellProgress();
}

void LearnerLink::TellProgress() {
  if (!progress_wanted_) return;
  const bool ended = streaming_ == nullptr && socket_->out()->empty();
  const auto now = std::chrono::steady_clock::now();
  if (!ended && now - progress_told_ < std::chrono::milliseconds(kProgressMs)) return;
  progress_told_ = now;
  progress_wanted_ = !ended;
  context_.outlet.Add(LearnerTakes{id_});
}

void LearnerLink::OnWritten() {
  TellProgress();
  ReadStream();
}

// ---- What the learner says.

// Handed on with the packets; when they are dealt with, on whatever thread, the link hears of it.
struct LearnerLink::Unhandled {
  Unhandled(std::weak_ptr<LearnerLink> of, std::shared_ptr<LoopGate> to, size_t size)
      : link(std::move(of)), loop(std::move(to)), bytes(size) {}
  Unhandled(const Unhandled&) = delete;
  Unhandled& operator=(const Unhandled&) = delete;
  ~Unhandled() {
    loop->Post([of = std::move(link), n = bytes] {
      if (const auto found = of.lock()) found->OnHandled(n);
    });
  }

  std::weak_ptr<LearnerLink> link;
  const std::shared_ptr<LoopGate> loop;
  const size_t bytes;
};

void LearnerLink::OnBytes(std::string_view bytes) {
  const auto self = shared_from_this();
  in_.Feed(bytes, [this](std::string_view all) {
    std::vector<QuorumPacket> packets;
    const auto taken =
        TakePackets(all, context_.options.buffer_bytes_max, /*stop_at_snap=*/false, &packets);
    if (!packets.empty()) {
      const size_t size = taken ? *taken : all.size();
      unhandled_bytes_ += size;
      context_.outlet.Add(
          LearnerPackets{id_, std::move(packets),
                         std::make_shared<const Unhandled>(weak_from_this(), context_.gate, size)});
      if (unhandled_bytes_ > context_.options.learner_unhandled_bytes_max) socket_->PauseReading();
    }
    if (taken) return *taken;
    Fail(taken.error().message);
    return all.size();
  });
}

void LearnerLink::OnHandled(size_t bytes) {
  unhandled_bytes_ -= bytes;
  if (unhandled_bytes_ <= context_.options.learner_unhandled_bytes_max / 2) {
    socket_->ResumeReading();
  }
}

void LearnerLink::OnBroken(const std::string& why) { Fail(why); }

void LearnerLink::Fail(const std::string& why) {
  const auto self = shared_from_this();
  Close();
  port_.OnLinkDown(id_, why);
}

void LearnerLink::Close() {
  context_.to_learners.Remove(id_);
  streaming_ = nullptr;
  socket_->Close();
}

void LearnerLink::FlushAndClose() {
  context_.to_learners.Remove(id_);
  streaming_ = nullptr;
  socket_->FlushAndClose(kGoodbyeMs);
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

void LearnerPort::Stream(LinkId link, std::shared_ptr<FrozenStream> stream) {
  if (LearnerLink* const found = Find(link)) found->Stream(std::move(stream));
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
