#include "tests/server/peer/peer_test_util.h"

#include <arpa/inet.h>
#include <glog/logging.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "protocol/jute.h"

namespace lockkeeper {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

sockaddr_in AddressOf(const char* host, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  CHECK_EQ(::inet_pton(AF_INET, host, &address.sin_addr), 1);
  return address;
}

// A socket that is bound but does not listen yet.
int BoundSocket(uint16_t port, uint16_t* bound) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK_GE(fd, 0);
  const int on = 1;
  CHECK_EQ(::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
  sockaddr_in address = AddressOf("127.0.0.1", port);
  PCHECK(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  socklen_t size = sizeof address;
  CHECK_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  *bound = ntohs(address.sin_port);
  return fd;
}

bool PollFor(int fd, short events, milliseconds limit) {
  pollfd waiting{.fd = fd, .events = events, .revents = 0};
  return ::poll(&waiting, 1, static_cast<int>(limit.count())) > 0;
}

}  // namespace

RawSocket::~RawSocket() { Close(); }

RawSocket& RawSocket::operator=(RawSocket&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

std::optional<RawSocket> RawSocket::Connect(uint16_t port, const char* host) {
  RawSocket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  CHECK_EQ(::setsockopt(socket.fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
  const sockaddr_in address = AddressOf(host, port);
  if (::connect(socket.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return std::nullopt;
  }
  return socket;
}

bool RawSocket::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

bool RawSocket::WaitReadable(milliseconds limit) const { return PollFor(fd_, POLLIN, limit); }

std::string RawSocket::Read(size_t bytes) {
  std::string all(bytes, '\0');
  size_t got = 0;
  while (got < bytes && WaitReadable(kDeadline)) {
    const ssize_t n = ::recv(fd_, all.data() + got, bytes - got, 0);
    if (n <= 0) break;
    got += static_cast<size_t>(n);
  }
  all.resize(got);
  return all;
}

std::optional<std::string> RawSocket::ReadToEnd() {
  std::string all;
  char buffer[65536];
  const auto deadline = steady_clock::now() + kDeadline;
  while (steady_clock::now() < deadline && WaitReadable(kDeadline)) {
    const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
    if (n <= 0) return all;
    all.append(buffer, static_cast<size_t>(n));
  }
  return std::nullopt;
}

bool RawSocket::StaysQuiet() { return !WaitReadable(kQuiet); }

int RawSocket::DataSegments() const {
  tcp_info info{};
  socklen_t size = sizeof info;
  CHECK_EQ(::getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
  return static_cast<int>(info.tcpi_data_segs_in);
}

void RawSocket::Close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void RawSocket::Reset() {
  const linger hard{.l_onoff = 1, .l_linger = 0};
  CHECK_EQ(::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
  Close();
}

RawListener::RawListener(uint16_t port, int backlog) : fd_(BoundSocket(port, &port_)) {
  PCHECK(::listen(fd_, backlog) == 0);
}

RawListener::~RawListener() { ::close(fd_); }

std::optional<RawSocket> RawListener::Accept(milliseconds limit) {
  if (!PollFor(fd_, POLLIN, limit)) return std::nullopt;
  const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) return std::nullopt;
  return RawSocket(fd);
}

// Linux lets one connection more than the backlog wait, and ignores further ones.
StuckPort::StuckPort() : listener_(0, 0) {
  auto filler = RawSocket::Connect(listener_.port());
  CHECK(filler.has_value());
  fillers_.push_back(std::move(*filler));
}

int StuckPort::Attempts() const {
  char target[32];
  std::snprintf(target, sizeof target, "0100007F:%04X", listener_.port());
  std::ifstream table("/proc/net/tcp");
  int attempts = 0;
  for (std::string line; std::getline(table, line);) {
    std::istringstream fields(line);
    std::string number, local, remote, state;
    fields >> number >> local >> remote >> state;
    if (remote == target && state == "02") ++attempts;  // SYN_SENT
  }
  return attempts;
}

ReservedPort::ReservedPort() : fd_(BoundSocket(0, &number_)) {}

ReservedPort::~ReservedPort() { ::close(fd_); }

void Recorder::Add(std::vector<PeerEvent> events) {
  std::lock_guard lock(mutex_);
  for (PeerEvent& event : events) events_.push_back(std::move(event));
  came_.notify_all();
}

std::optional<PeerEvent> Recorder::NextOfAny() {
  std::unique_lock lock(mutex_);
  if (!came_.wait_for(lock, kDeadline, [this] { return !events_.empty(); })) return std::nullopt;
  PeerEvent first = std::move(events_.front());
  events_.pop_front();
  return first;
}

Node::Node(PeerNetworkOptions options)
    : network(std::move(options),
              [this](std::vector<PeerEvent> batch) { events.Add(std::move(batch)); }) {}

Ports::Ports(int members) {
  for (int sid = 1; sid <= members; ++sid) {
    quorum_.push_back(std::make_unique<ReservedPort>());
    election_.push_back(std::make_unique<ReservedPort>());
    Member member;
    member.addresses.push_back({"127.0.0.1", quorum(sid), election(sid)});
    membership_.members.emplace(PeerId{sid}, member);
  }
}

PeerNetworkOptions Ports::Options(int64_t self) const {
  PeerNetworkOptions options;
  options.self = PeerId{self};
  options.membership = membership_;
  options.election_bind_retries = 1;
  options.election_bind_delay_ms = 200;
  options.leader_connect_delay_ms = 20;
  return options;
}

std::string Bytes(std::string_view hex) {
  std::string bytes;
  int high = -1;
  for (const char c : hex) {
    if (c == ' ') continue;
    const int digit = c <= '9' ? c - '0' : c - 'a' + 10;
    if (high < 0) {
      high = digit;
    } else {
      bytes.push_back(static_cast<char>(high << 4 | digit));
      high = -1;
    }
  }
  return bytes;
}

std::string Int(int32_t value) {
  std::string bytes;
  JuteWriter(&bytes).Write(value);
  return bytes;
}

std::string Long(int64_t value) {
  std::string bytes;
  JuteWriter(&bytes).Write(value);
  return bytes;
}

std::string HandshakeBytes(int64_t sid, const std::string& address) {
  return Bytes("ffffffffffff0000") + Long(sid) + Int(static_cast<int32_t>(address.size())) +
         address;
}

Notification Note(int64_t round, std::string config) {
  Notification notification;
  notification.vote = {.leader = PeerId{1}, .zxid = Zxid{5}, .peer_epoch = 2};
  notification.round = round;
  notification.config = std::move(config);
  return notification;
}

std::string Frame(const Notification& notification) {
  const std::string message = EncodeNotification(notification);
  return Int(static_cast<int32_t>(message.size())) + message;
}

std::vector<int64_t> RoundsOf(std::string_view bytes) {
  std::vector<int64_t> rounds;
  while (bytes.size() >= 4) {
    const auto length = static_cast<size_t>(LoadInt(bytes.data()));
    CHECK_LE(4 + length, bytes.size());
    rounds.push_back(LoadLong(bytes.data() + 4 + 20));
    bytes.remove_prefix(4 + length);
  }
  return rounds;
}

}  // namespace lockkeeper
