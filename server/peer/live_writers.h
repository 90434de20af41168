// The links to whose sockets any thread may write at once.
#ifndef LOCKKEEPER_SERVER_PEER_LIVE_WRITERS_H_
#define LOCKKEEPER_SERVER_PEER_LIVE_WRITERS_H_

#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "server/peer/peer_transport.h"
#include "server/peer/socket_writer.h"

namespace lockkeeper {

// Only while a link is plainly up: not before, not while a whole state is on its way, behind which
// packets must wait, and not when it is being closed.
//
// Threads: Add and Remove on the peer thread, Find on any.
class LiveWriters {
 public:
  void Add(LinkId link, std::shared_ptr<SocketWriter> writer) {
    std::lock_guard lock(mutex_);
    writers_[link] = std::move(writer);
  }
  void Remove(LinkId link) {
    std::lock_guard lock(mutex_);
    writers_.erase(link);
  }
  // nullptr: there is none now.
  std::shared_ptr<SocketWriter> Find(LinkId link) const {
    std::lock_guard lock(mutex_);
    const auto found = writers_.find(link);
    return found == writers_.end() ? nullptr : found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::unordered_map<LinkId, std::shared_ptr<SocketWriter>> writers_;  // guarded by mutex_
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PEER_LIVE_WRITERS_H_
