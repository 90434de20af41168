// The way out of a socket between servers: what waits to be written, and the writing. Apart from
// the rest of the socket because it may be used by any thread: a packet that the core has for
// another server leaves at once, while the peer thread sleeps.
#ifndef LOCKKEEPER_SERVER_PEER_SOCKET_WRITER_H_
#define LOCKKEEPER_SERVER_PEER_SOCKET_WRITER_H_

#include <cstddef>
#include <functional>
#include <mutex>
#include <string_view>

#include "server/peer/packet_writer.h"

namespace lockkeeper {

// Threads: any.
class SocketWriter {
 public:
  struct Written {
    bool all = false;  // nothing waits any more
    int error = 0;     // errno, when the connection is broken
  };

  // `handle`: a connected socket; it is not closed before Close returned. `attend` is called by
  // SendNow when something is left for the peer thread to do.
  SocketWriter(int handle, std::function<void()> attend);

  // Queued for the next WriteSome.
  void AddBytes(std::string_view bytes);
  void AddShared(SharedBytes bytes);
  void AddPacket(QuorumPacket packet);
  size_t bytes() const;  // that wait
  bool empty() const { return bytes() == 0; }

  // What the system takes without waiting, about `max` bytes at most. REQUIRES: not closed.
  Written WriteSome(size_t max);
  // Writes the packet without waiting, and keeps what the system does not take. False, and the
  // packet is as it was: something waits already, or Close was called.
  bool SendNow(QuorumPacket* packet);
  // Nobody uses the socket through this any more; what waits is thrown away.
  void Close();

 private:
  Written WriteLocked(size_t max);

  const std::function<void()> attend_;
  mutable std::mutex mutex_;
  int handle_;        // guarded by mutex_; -1: closed
  PacketWriter out_;  // guarded by mutex_
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PEER_SOCKET_WRITER_H_
