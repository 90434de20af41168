// The ceiling of reads: a server with the protocol's framing that does nothing. It answers each
// handshake with a session, and each other frame with the reply to a getData of 100 bytes, from a
// number of threads that share the connections. All frames that come together are answered with one
// write.
//
//   echo_server [THREADS]     default 1; prints its port, then serves until it is killed
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "protocol/jute.h"
#include "protocol/records.h"

namespace lockkeeper {
namespace {

constexpr size_t kLengthBytes = 4;
constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kFrameBytesMost = 1 << 20;
constexpr size_t kDataBytes = 100;
constexpr int kEventsAtATime = 256;
constexpr int kBacklog = 4096;

template <Record... R>
std::string Frame(const R&... records) {
  std::string frame(kLengthBytes, '\0');
  (Encode(records, &frame), ...);
  StoreInt(static_cast<int32_t>(frame.size() - kLengthBytes), frame.data());
  return frame;
}

std::string SessionFrame(int64_t session, int32_t timeout_ms) {
  std::string frame = Frame(ConnectResponse{0, timeout_ms, session, std::string(16, 'p')});
  JuteWriter(&frame).Write(false);  // readOnly
  StoreInt(static_cast<int32_t>(frame.size() - kLengthBytes), frame.data());
  return frame;
}

// Threads: that of its loop.
class EchoConnection {
 public:
  explicit EchoConnection(int fd) : fd_(fd) {}
  ~EchoConnection() { close(fd_); }
  EchoConnection(const EchoConnection&) = delete;
  EchoConnection& operator=(const EchoConnection&) = delete;

  int fd() const { return fd_; }
  // Answers what is there; `buffer` belongs to the loop. False: the connection is over.
  bool Serve(std::vector<char>* buffer);
  // Answers wait for room in the socket.
  bool waits() const { return !out_.empty(); }
  bool waited = false;  // what epoll was last told

 private:
  bool Take(std::string_view bytes);
  void Answer(std::string_view frame);
  bool Send();

  const int fd_;
  bool has_session_ = false;
  std::string rest_;  // the beginning of a frame
  std::string out_;
};

// Level-triggered: what is not read now comes again. Nothing is read while answers wait.
bool EchoConnection::Serve(std::vector<char>* buffer) {
  if (!out_.empty()) return Send();
  const ssize_t n = read(fd_, buffer->data(), buffer->size());
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (n == 0) return false;
  const std::string_view bytes(buffer->data(), static_cast<size_t>(n));
  if (rest_.empty()) {
    if (!Take(bytes)) return false;
  } else {
    const std::string whole = std::move(rest_.append(bytes));
    rest_.clear();
    if (!Take(whole)) return false;
  }
  return Send();
}

bool EchoConnection::Take(std::string_view bytes) {
  while (bytes.size() >= kLengthBytes) {
    const auto length = static_cast<uint32_t>(LoadInt(bytes.data()));
    if (length > kFrameBytesMost) return false;
    if (bytes.size() < kLengthBytes + length) break;
    Answer(bytes.substr(kLengthBytes, length));
    bytes.remove_prefix(kLengthBytes + length);
  }
  rest_.assign(bytes);
  return true;
}

void EchoConnection::Answer(std::string_view frame) {
  if (!has_session_) {
    static std::atomic<int64_t> sessions{0};
    const auto request = Decode<ConnectRequest>(frame);
    has_session_ = true;
    out_.append(SessionFrame(++sessions, request ? request->timeout_ms : 0));
    return;
  }
  static const std::string reply = Frame(
      ReplyHeader{0, 1, 0}, GetDataResponse{std::string(kDataBytes, 'x'), Stat{.version = 1}});
  const size_t start = out_.size();
  out_.append(reply);
  if (frame.size() >= sizeof(int32_t)) {
    StoreInt(LoadInt(frame.data()), out_.data() + start + kLengthBytes);
  }
}

bool EchoConnection::Send() {
  if (out_.empty()) return true;
  const ssize_t n = send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (static_cast<size_t>(n) == out_.size()) {
    out_.clear();
  } else {
    out_.erase(0, static_cast<size_t>(n));
  }
  return true;
}

bool Watch(int epoll, int operation, EchoConnection* connection) {
  const uint32_t wanted = connection->waits() ? EPOLLOUT : EPOLLIN;
  epoll_event event{.events = wanted, .data = {.ptr = connection}};
  connection->waited = connection->waits();
  return epoll_ctl(epoll, operation, connection->fd(), &event) == 0;
}

[[noreturn]] void RunLoop(int epoll) {
  std::vector<char> buffer(kReadBytes);
  std::array<epoll_event, kEventsAtATime> events{};
  for (;;) {
    const int count = epoll_wait(epoll, events.data(), kEventsAtATime, -1);
    for (int i = 0; i < count; ++i) {
      auto* const connection = static_cast<EchoConnection*>(events[i].data.ptr);
      const bool lives = connection->Serve(&buffer) && (connection->waits() == connection->waited ||
                                                        Watch(epoll, EPOLL_CTL_MOD, connection));
      if (!lives) delete connection;
    }
  }
}

int Listen(uint16_t* port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0) return -1;
  if (listen(listener, kBacklog) != 0) return -1;
  if (getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) return -1;
  *port = ntohs(address.sin_port);
  return listener;
}

int Main(int argc, const char* const* argv) {
  unsigned threads = 1;
  if (argc > 1) {
    const std::string_view text = argv[1];
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), threads);
    if (error != std::errc() || end != text.data() + text.size() || threads == 0 || argc > 2) {
      std::cerr << "usage: echo_server [THREADS]\n";
      return 2;
    }
  }
  uint16_t port = 0;
  const int listener = Listen(&port);
  if (listener < 0) {
    std::cerr << "echo_server: cannot listen: " << std::strerror(errno) << "\n";
    return 1;
  }
  std::vector<int> loops;
  for (unsigned i = 0; i < threads; ++i) {
    loops.push_back(epoll_create1(EPOLL_CLOEXEC));
    std::thread([epoll = loops.back()] { RunLoop(epoll); }).detach();
  }
  std::cout << port << std::endl;
  for (size_t next = 0;; ++next) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) continue;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto connection = std::make_unique<EchoConnection>(fd);
    if (Watch(loops[next % loops.size()], EPOLL_CTL_ADD, connection.get())) {
      static_cast<void>(connection.release());  // the loop's
    }
  }
}

}  // namespace
}  // namespace lockkeeper

int main(int argc, char** argv) { return lockkeeper::Main(argc, argv); }
