// What the tests of the peer network share: raw sockets that play a peer, a record of what a
// PeerNetwork delivers, and an ensemble on free ports.
#ifndef LOCKKEEPER_TESTS_SERVER_PEER_PEER_TEST_UTIL_H_
#define LOCKKEEPER_TESTS_SERVER_PEER_PEER_TEST_UTIL_H_

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "server/peer/peer_network.h"

namespace lockkeeper {

inline constexpr std::chrono::milliseconds kDeadline{10'000};
// How long a test watches that something does not happen.
inline constexpr std::chrono::milliseconds kQuiet{150};

inline SharedBytes Share(std::string bytes) {
  return std::make_shared<const std::string>(std::move(bytes));
}

inline std::string Encoded(const QuorumPacket& packet) {
  std::string bytes;
  Encode(packet, &bytes);
  return bytes;
}
inline std::string Encoded(const std::vector<QuorumPacket>& packets) {
  std::string bytes;
  for (const QuorumPacket& packet : packets) Encode(packet, &bytes);
  return bytes;
}

// A connected blocking socket.
class RawSocket {
 public:
  explicit RawSocket(int fd) : fd_(fd) {}
  ~RawSocket();
  RawSocket(RawSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  RawSocket& operator=(RawSocket&& other) noexcept;

  // To 127.0.0.1, or another address in numbers. nullopt: refused.
  static std::optional<RawSocket> Connect(uint16_t port, const char* host = "127.0.0.1");

  // Everything, whatever the kernel takes at once. False: the connection is broken.
  bool Send(std::string_view bytes);
  // Exactly so many bytes; fewer if the connection ends or the deadline passes.
  std::string Read(size_t bytes);
  // Everything until the other side has closed; nullopt: it has not, at the deadline.
  std::optional<std::string> ReadToEnd();
  // The other side has closed, or does within the deadline. Drops what it sent.
  bool Ended() { return ReadToEnd().has_value(); }
  // Nothing arrives, and the connection stays, for a while.
  bool StaysQuiet();
  // Segments with data that have arrived.
  int DataSegments() const;
  void Close();
  // The other side sees a reset.
  void Reset();

 private:
  bool WaitReadable(std::chrono::milliseconds limit) const;
  int fd_;
};

// A listening socket on 127.0.0.1.
class RawListener {
 public:
  // Of a ReservedPort, or 0 for any. `backlog`: connections that may wait.
  explicit RawListener(uint16_t port = 0, int backlog = 16);
  ~RawListener();
  RawListener(const RawListener&) = delete;
  RawListener& operator=(const RawListener&) = delete;

  uint16_t port() const { return port_; }
  std::optional<RawSocket> Accept(std::chrono::milliseconds limit = kDeadline);

 private:
  uint16_t port_ = 0;  // before fd_, whose creation sets it
  int fd_;
};

// A port where connections are neither made nor refused: its queue is full.
class StuckPort {
 public:
  StuckPort();
  uint16_t port() const { return listener_.port(); }
  // Connections to it that are being tried now, from /proc/net/tcp.
  int Attempts() const;

 private:
  RawListener listener_;
  std::vector<RawSocket> fillers_;
};

// A port that nobody else is given while this lives, and on which a server can listen.
class ReservedPort {
 public:
  ReservedPort();
  ~ReservedPort();
  ReservedPort(const ReservedPort&) = delete;
  ReservedPort& operator=(const ReservedPort&) = delete;
  uint16_t number() const { return number_; }

 private:
  uint16_t number_ = 0;  // before fd_, whose creation sets it
  int fd_;
};

// What was delivered, in order.
class Recorder {
 public:
  void Add(std::vector<PeerEvent> events);

  // Takes out the first event of this type, waiting for it; nullopt at the deadline.
  template <class Event>
  std::optional<Event> Next(std::chrono::milliseconds limit = kDeadline) {
    std::unique_lock lock(mutex_);
    std::optional<Event> found;
    came_.wait_for(lock, limit, [&] {
      for (auto it = events_.begin(); it != events_.end(); ++it) {
        if (!std::holds_alternative<Event>(*it)) continue;
        found = std::move(std::get<Event>(*it));
        events_.erase(it);
        return true;
      }
      return false;
    });
    return found;
  }
  // The next event whatever it is.
  std::optional<PeerEvent> NextOfAny();
  // Has any event of this type come, or does one within kQuiet?
  template <class Event>
  bool Never() {
    return !Next<Event>(kQuiet).has_value();
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<PeerEvent> events_;
};

// One server's network, and what it delivers. Stops at the end.
struct Node {
  explicit Node(PeerNetworkOptions options);
  ~Node() { network.Stop(); }

  Recorder events;
  PeerNetwork network;
};

// Members 1 to n on 127.0.0.1, each with two ports of its own.
class Ports {
 public:
  explicit Ports(int members);
  uint16_t quorum(int64_t sid) const { return quorum_[sid - 1]->number(); }
  uint16_t election(int64_t sid) const { return election_[sid - 1]->number(); }
  Membership& membership() { return membership_; }
  // Timeouts as a test wants them.
  PeerNetworkOptions Options(int64_t self) const;

 private:
  std::vector<std::unique_ptr<ReservedPort>> quorum_;
  std::vector<std::unique_ptr<ReservedPort>> election_;
  Membership membership_;
};

// "00ff" -> two bytes; blanks are ignored.
std::string Bytes(std::string_view hex);
// An int and a long, big-endian.
std::string Int(int32_t value);
std::string Long(int64_t value);
// A handshake of version 1, put together without the code under test.
std::string HandshakeBytes(int64_t sid, const std::string& address);
// A notification and its frame that can be told from others by `round`.
Notification Note(int64_t round, std::string config = "version=0");
std::string Frame(const Notification& notification);
// The rounds of all frames in `bytes`.
std::vector<int64_t> RoundsOf(std::string_view bytes);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_TESTS_SERVER_PEER_PEER_TEST_UTIL_H_
