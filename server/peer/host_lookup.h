// Addresses of host names, found without blocking the peer thread. Nothing is remembered: a peer
// that was created anew under its name is found again (quorum-protocol, pitfall P55).
#ifndef LOCKKEEPER_SERVER_PEER_HOST_LOOKUP_H_
#define LOCKKEEPER_SERVER_PEER_HOST_LOOKUP_H_

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "protocol/result.h"
#include "server/peer/host_port.h"

namespace lockkeeper {

using HostEndpoints = Result<std::vector<boost::asio::ip::tcp::endpoint>>;  // at least one

// Blocks as long as the system's resolver does. IPv4 addresses come first, as Java prefers them: a
// member whose name has both listens on the IPv4 one only. kIo: the name is not known.
HostEndpoints LookUpNow(const HostPort& address);

// Threads: the thread of `loop`. A name is looked up on a thread of its own, so that a name server
// that does not answer for one host delays no other; callers ask once at a time for each peer.
class HostLookup {
 public:
  using Answer = std::function<void(HostEndpoints)>;

  explicit HostLookup(boost::asio::io_context& loop);
  // Answers that are still out are never called.
  ~HostLookup();
  HostLookup(const HostLookup&) = delete;
  HostLookup& operator=(const HostLookup&) = delete;

  // `answer` is called from the loop, never from here.
  void Find(const HostPort& address, Answer answer);

 private:
  // Where the threads leave what they found; it outlives them and us.
  struct Mailbox;

  void Deliver(uint64_t question, HostEndpoints found);

  boost::asio::io_context& loop_;
  std::shared_ptr<Mailbox> mailbox_;
  std::unordered_map<uint64_t, Answer> answers_;  // by question
  uint64_t last_question_ = 0;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PEER_HOST_LOOKUP_H_
