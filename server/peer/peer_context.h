// What the parts of the peer network share: the loop, the options and the way out for events.
#ifndef LOCKKEEPER_SERVER_PEER_PEER_CONTEXT_H_
#define LOCKKEEPER_SERVER_PEER_PEER_CONTEXT_H_

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "server/peer/host_lookup.h"
#include "server/peer/live_writers.h"
#include "server/peer/peer_network.h"

namespace lockkeeper {

// Collects the events of everything that is ready on the loop and hands them on together.
class EventOutlet {
 public:
  EventOutlet(boost::asio::io_context& loop, PeerNetwork::Deliver deliver)
      : loop_(loop), deliver_(std::move(deliver)) {}

  void Add(PeerEvent event) {
    events_.push_back(std::move(event));
    if (std::exchange(flush_posted_, true)) return;
    boost::asio::post(loop_, [this] {
      flush_posted_ = false;
      Flush();
    });
  }
  void Flush() {
    if (!events_.empty()) deliver_(std::exchange(events_, {}));
  }

 private:
  boost::asio::io_context& loop_;
  const PeerNetwork::Deliver deliver_;
  std::vector<PeerEvent> events_;
  bool flush_posted_ = false;
};

// The way to the loop for what may outlive it. Threads: any.
class LoopGate {
 public:
  explicit LoopGate(boost::asio::io_context* loop) : loop_(loop) {}

  template <class Task>
  void Post(Task task) {
    std::lock_guard lock(mutex_);
    if (loop_ != nullptr) boost::asio::post(*loop_, std::move(task));
  }
  void Close() {
    std::lock_guard lock(mutex_);
    loop_ = nullptr;
  }

 private:
  std::mutex mutex_;
  boost::asio::io_context* loop_;  // guarded by mutex_; nullptr: gone
};

// Threads: everything in it belongs to the peer thread, but for what its own type gives to others.
struct PeerContext {
  boost::asio::io_context& loop;
  const PeerNetworkOptions& options;
  HostLookup& lookup;
  EventOutlet& outlet;
  std::vector<char>& read_buffer;  // of one read, valid until the next one
  std::shared_ptr<LoopGate> gate;
  LiveWriters& to_leader;
  LiveWriters& to_learners;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PEER_PEER_CONTEXT_H_
