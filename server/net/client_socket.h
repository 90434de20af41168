// A client's socket, which never blocks.
#ifndef LOCKKEEPER_SERVER_NET_CLIENT_SOCKET_H_
#define LOCKKEEPER_SERVER_NET_CLIENT_SOCKET_H_

#include <cstddef>
#include <span>
#include <string_view>

namespace lockkeeper {

// Not Asio's: that one would be in the epoll set of its event loop, and not only in SocketEvents.
//
// Threads: one at a time.
class ClientSocket {
 public:
  enum class State {
    kOpen,
    kNotReady,  // nothing to read, or no room to write
    kEnded,     // by the client, or broken
  };
  struct Transfer {
    State state = State::kOpen;
    size_t bytes = 0;
  };

  // Takes over a connected socket.
  explicit ClientSocket(int handle);
  ~ClientSocket() { Close(); }
  ClientSocket(const ClientSocket&) = delete;
  ClientSocket& operator=(const ClientSocket&) = delete;

  int handle() const { return handle_; }
  // Answers leave at once.
  void SetNoDelay();
  void SetKeepAlive();
  // Some of what has come. REQUIRES: there is room.
  Transfer Read(std::span<char> to);
  // Some of `bytes`. REQUIRES: not empty.
  Transfer Write(std::string_view bytes);
  void Close();

 private:
  int handle_;  // -1: closed
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_NET_CLIENT_SOCKET_H_
