#include "server/net/socket_events.h"

#include <glog/logging.h>
#include <sys/epoll.h>

#include <array>
#include <boost/asio/error.hpp>
#include <cerrno>
#include <utility>

namespace lockkeeper {
namespace {

// Of one turn; between turns the loop looks at its other work.
constexpr int kEventsAtATime = 64;

int NewSet() {
  const int set = epoll_create1(EPOLL_CLOEXEC);
  PCHECK(set >= 0) << "no epoll set can be had";
  return set;
}

SocketEvent EventOf(const epoll_event& event) {
  return {.key = event.data.u64,
          .readable = (event.events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0,
          .writable = (event.events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0,
          .ended = (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0};
}

}  // namespace

SocketEvents::SocketEvents(boost::asio::io_context* loop, OnEvent on_event)
    : set_(*loop, NewSet()), on_event_(std::move(on_event)) {}

void SocketEvents::Begin() {
  set_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                  [this](const boost::system::error_code& ec) {
                    if (ec == boost::asio::error::operation_aborted) return;
                    CHECK(!ec) << "clients cannot be heard any more: " << ec.message();
                    Take();
                    Begin();
                  });
}

bool SocketEvents::Add(int socket, uint64_t key) {
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.u64 = key}};
  return epoll_ctl(set_.native_handle(), EPOLL_CTL_ADD, socket, &event) == 0;
}

void SocketEvents::Take() {
  std::array<epoll_event, kEventsAtATime> events;
  const int count = epoll_wait(set_.native_handle(), events.data(), kEventsAtATime, 0);
  PCHECK(count >= 0 || errno == EINTR) << "clients cannot be heard any more";
  for (int i = 0; i < count; ++i) on_event_(EventOf(events[static_cast<size_t>(i)]));
}

}  // namespace lockkeeper
