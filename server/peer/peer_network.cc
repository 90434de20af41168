#include "server/peer/peer_network.h"

#include <glog/logging.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "protocol/limits.h"
#include "server/peer/election_port.h"
#include "server/peer/leader_link.h"
#include "server/peer/learner_port.h"
#include "server/peer/peer_context.h"
#include "server/this_thread.h"

namespace lockkeeper {
namespace {

// A longer one is written by the peer thread while the core goes on.
constexpr size_t kBytesNowMax = 64 << 10;

// Of several packets, or several turns of the core, the peer thread makes fewer writes.
bool IsLoneAndShort(const std::vector<QuorumPacket>& packets) {
  return packets.size() == 1 &&
         (packets[0].data == nullptr || packets[0].data->size() <= kBytesNowMax);
}

}  // namespace

class PeerNetwork::Impl {
 public:
  Impl(PeerNetworkOptions options, Deliver deliver)
      : options_(std::move(options)),
        loop_(1),
        lookup_(loop_),
        outlet_(loop_, std::move(deliver)),
        read_buffer_(kReadChunkBytes),
        gate_(std::make_shared<LoopGate>(&loop_)),
        context_{loop_, options_, lookup_, outlet_, read_buffer_, gate_, to_leader_, to_learners_},
        learners_(context_) {}
  ~Impl() {
    Stop();
    gate_->Close();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Status Start();
  void Stop();

  // Runs `command` on the peer thread, behind all that came before it.
  void Do(std::function<void()> command);
  // Sends a lone packet on this thread. False, and nothing was done: there are more, or it is long,
  // or must wait behind something, or the link is not simply up.
  bool SendNow(const LiveWriters& writers, LinkId link, std::vector<QuorumPacket>* packets);
  const LiveWriters& to_leader() const { return to_leader_; }
  const LiveWriters& to_learners() const { return to_learners_; }

  // --- peer thread only
  ElectionPort& election() { return *election_; }
  LearnerPort& learners() { return learners_; }
  void ConnectToLeader(LinkId link, PeerId leader);
  // nullptr: that link is gone.
  LeaderLink* leader(LinkId link) {
    return leader_ && leader_->id() == link ? leader_.get() : nullptr;
  }
  void DisconnectLeader(LinkId link);

 private:
  Status OpenElectionPort();
  void RunCommands();
  void CloseAll();

  const PeerNetworkOptions options_;
  boost::asio::io_context loop_;
  std::thread thread_;

  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;                        // guarded by mutex_
  bool wake_posted_ = false;                     // guarded by mutex_
  bool in_commands_ = false;                     // guarded by mutex_: they are carried out now
  std::vector<std::function<void()>> commands_;  // guarded by mutex_

  LiveWriters to_leader_;
  LiveWriters to_learners_;

  // Below: owned by the peer thread, and by Start before there is one.
  HostLookup lookup_;
  EventOutlet outlet_;
  std::vector<char> read_buffer_;
  const std::shared_ptr<LoopGate> gate_;
  const PeerContext context_;
  std::unique_ptr<ElectionPort> election_;  // from Start on
  LearnerPort learners_;
  std::shared_ptr<LeaderLink> leader_;
};

Status PeerNetwork::Impl::Start() {
  if (!options_.membership.members.contains(options_.self)) {
    return Error{Errc::kBadConfig, "this server, server." + std::to_string(options_.self.value) +
                                       ", is not in the membership"};
  }
  election_ = std::make_unique<ElectionPort>(context_);
  if (Status opened = OpenElectionPort(); !opened) return opened;
  election_->KeepTrying();
  thread_ = std::thread([this] {
    NameThisThread("peer");
    const auto work = boost::asio::make_work_guard(loop_);
    loop_.run();
  });
  return {};
}

Status PeerNetwork::Impl::OpenElectionPort() {
  const std::chrono::milliseconds delay(options_.election_bind_delay_ms);
  for (int retries = 0;; ++retries) {
    Status opened = election_->TryOpen();
    if (opened) return opened;
    if (options_.election_bind_retries != 0 && retries == options_.election_bind_retries) {
      return opened;
    }
    LOG(WARNING) << opened.error().message;
    std::unique_lock lock(mutex_);
    if (stopped_.wait_for(lock, delay, [this] { return stopping_; })) return opened;
  }
}

void PeerNetwork::Impl::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
  if (!thread_.joinable()) return;
  boost::asio::post(loop_, [this] {
    CloseAll();
    loop_.stop();
  });
  thread_.join();
}

void PeerNetwork::Impl::CloseAll() {
  election_->Close();
  learners_.Close();
  if (leader_) leader_->Close();
}

void PeerNetwork::Impl::Do(std::function<void()> command) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
    commands_.push_back(std::move(command));
    if (std::exchange(wake_posted_, true)) return;
  }
  boost::asio::post(loop_, [this] { RunCommands(); });
}

void PeerNetwork::Impl::RunCommands() {
  std::vector<std::function<void()>> commands;
  {
    std::lock_guard lock(mutex_);
    wake_posted_ = false;
    in_commands_ = true;
    commands.swap(commands_);
  }
  outlet_.Flush();  // nothing of a link is reported after the command that ends it
  for (const auto& command : commands) command();
  // Once for all of them: what one batch says to a learner leaves in one write.
  if (leader_) leader_->Flush();
  learners_.Flush();
  std::lock_guard lock(mutex_);
  in_commands_ = false;
}

// What the calling thread has commanded before is done, or this waits behind it.
bool PeerNetwork::Impl::SendNow(const LiveWriters& writers, LinkId link,
                                std::vector<QuorumPacket>* packets) {
  if (!IsLoneAndShort(*packets)) return false;
  {
    std::lock_guard lock(mutex_);
    if (stopping_ || in_commands_ || !commands_.empty()) return false;
  }
  const std::shared_ptr<SocketWriter> writer = writers.Find(link);
  return writer != nullptr && writer->SendNow(&packets->front());
}

void PeerNetwork::Impl::ConnectToLeader(LinkId link, PeerId leader) {
  if (leader_) leader_->Close();
  leader_ = nullptr;
  const auto member = options_.membership.members.find(leader);
  if (member == options_.membership.members.end()) {
    return outlet_.Add(LeaderLinkDown{
        link, "server " + std::to_string(leader.value) + " is not in the membership"});
  }
  std::vector<HostPort> addresses;
  for (const PeerAddress& address : member->second.addresses) {
    addresses.push_back({address.host, address.quorum_port});
  }
  leader_ = std::make_shared<LeaderLink>(context_, link, std::move(addresses));
  leader_->Connect();
}

void PeerNetwork::Impl::DisconnectLeader(LinkId link) {
  if (leader(link) == nullptr) return;
  leader_->Flush();
  leader_->Close();
  leader_ = nullptr;
}

// ---- Every call becomes a command.

PeerNetwork::PeerNetwork(PeerNetworkOptions options, Deliver deliver)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(deliver))) {}
PeerNetwork::~PeerNetwork() = default;

Status PeerNetwork::Start() { return impl_->Start(); }
void PeerNetwork::Stop() { impl_->Stop(); }

void PeerNetwork::Notify(PeerId to, const Notification& notification) {
  impl_->Do([impl = impl_.get(), to, notification] { impl->election().Notify(to, notification); });
}

void PeerNetwork::ConnectToLeader(LinkId link, PeerId leader) {
  impl_->Do([impl = impl_.get(), link, leader] { impl->ConnectToLeader(link, leader); });
}

void PeerNetwork::SendToLeader(LinkId link, std::vector<QuorumPacket> packets) {
  if (impl_->SendNow(impl_->to_leader(), link, &packets)) return;
  impl_->Do([impl = impl_.get(), link, packets = std::move(packets)]() mutable {
    if (LeaderLink* const leader = impl->leader(link)) leader->Send(std::move(packets));
  });
}

void PeerNetwork::DisconnectLeader(LinkId link) {
  impl_->Do([impl = impl_.get(), link] { impl->DisconnectLeader(link); });
}

void PeerNetwork::OpenLearnerPort() {
  impl_->Do([impl = impl_.get()] { impl->learners().Open(); });
}

void PeerNetwork::CloseLearnerPort() {
  impl_->Do([impl = impl_.get()] { impl->learners().Close(); });
}

void PeerNetwork::SendToLearner(LinkId link, std::vector<QuorumPacket> packets) {
  if (impl_->SendNow(impl_->to_learners(), link, &packets)) return;
  impl_->Do([impl = impl_.get(), link, packets = std::move(packets)]() mutable {
    impl->learners().Send(link, std::move(packets));
  });
}

Status PeerNetwork::StreamToLearner(LinkId link, const StateSource& state) {
  auto frozen = FrozenStream::Start(state);
  if (!frozen) return frozen.error();
  StreamToLearner(link, std::shared_ptr<FrozenStream>(std::move(*frozen)));
  return {};
}

void PeerNetwork::StreamToLearner(LinkId link, std::shared_ptr<FrozenStream> stream) {
  impl_->Do([impl = impl_.get(), link, stream = std::move(stream)]() mutable {
    impl->learners().Stream(link, std::move(stream));
  });
}

void PeerNetwork::CloseLearner(LinkId link) {
  impl_->Do([impl = impl_.get(), link] { impl->learners().CloseLink(link); });
}

}  // namespace lockkeeper
