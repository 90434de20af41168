// Which of many sockets can be read or written: an epoll set of their own, for which the event loop
// waits once. With Asio each wait for one socket begins with a system call, which was a twentieth
// of the time of small reads.
#ifndef LOCKKEEPER_SERVER_NET_SOCKET_EVENTS_H_
#define LOCKKEEPER_SERVER_NET_SOCKET_EVENTS_H_

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <functional>

namespace lockkeeper {

struct SocketEvent {
  uint64_t key = 0;  // as given to Add
  bool readable = false;
  bool writable = false;
  bool ended = false;  // nothing follows what can still be read
};

// Edge-triggered: an event comes when something arrives or room appears, not again until a read or
// write has found nothing.
//
// Threads: the thread of the event loop.
class SocketEvents {
 public:
  using OnEvent = std::function<void(const SocketEvent&)>;

  // `loop` outlives it. `on_event` may close sockets; what else is known of those by then is still
  // told, so keys are never used again.
  SocketEvents(boost::asio::io_context* loop, OnEvent on_event);

  // From now on events are told, as long as the loop runs.
  void Begin();
  // A socket leaves when it is closed. False: the system has no room for it (errno).
  bool Add(int socket, uint64_t key);

 private:
  void Take();

  boost::asio::posix::stream_descriptor set_;
  const OnEvent on_event_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_NET_SOCKET_EVENTS_H_
