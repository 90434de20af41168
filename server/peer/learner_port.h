// The quorum port of a leader: its learners' connections (quorum-protocol 9.2, 9.4). Every learner
// has a queue of its own, so that one that does not read delays no other.
#ifndef LOCKKEEPER_SERVER_PEER_LEARNER_PORT_H_
#define LOCKKEEPER_SERVER_PEER_LEARNER_PORT_H_

#include <boost/asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/peer/frozen_stream.h"
#include "server/peer/input_buffer.h"
#include "server/peer/peer_context.h"
#include "server/peer/peer_socket.h"
#include "server/peer/port_listener.h"

namespace lockkeeper {

class LearnerPort;

// One learner. Threads: the peer thread.
class LearnerLink final : public std::enable_shared_from_this<LearnerLink>,
                          public PeerSocket::Owner {
 public:
  LearnerLink(LearnerPort* port, const PeerContext& context, LinkId id,
              boost::asio::ip::tcp::socket socket);

  void Start();
  void Send(std::vector<QuorumPacket> packets);
  // What is sent afterwards comes behind it.
  void Stream(std::shared_ptr<FrozenStream> stream);
  void Flush();
  // Neither reports anything any more.
  void Close();
  void FlushAndClose();

  LinkId id() const { return id_; }
  const std::string& address() const { return socket_->remote(); }

 private:
  // A whole state on its way, and what comes behind it.
  struct Streaming {
    Streaming(boost::asio::io_context& loop, std::shared_ptr<FrozenStream> from)
        : source(std::move(from)), pipe(loop, source->ReleaseFd()) {}

    const std::shared_ptr<FrozenStream> source;
    boost::asio::posix::stream_descriptor pipe;
    bool waiting = false;  // for the pipe
    std::vector<QuorumPacket> behind;
    size_t behind_bytes = 0;
  };
  struct Unhandled;

  void OnBytes(std::string_view bytes) override;
  void OnBroken(const std::string& why) override;
  void OnWritten() override;
  size_t WaitingBytes() const;
  void DropIfTooFull();
  void ReadStream();
  void OnStreamReadable();
  void OnStreamEnd();
  void TellProgress();
  void OnHandled(size_t bytes);
  void Fail(const std::string& why);

  LearnerPort& port_;
  const PeerContext context_;
  const LinkId id_;
  const std::shared_ptr<PeerSocket> socket_;
  InputBuffer in_;
  std::unique_ptr<Streaming> streaming_;
  bool progress_wanted_ = false;  // until the last byte of a stream is written
  std::chrono::steady_clock::time_point progress_told_;
  size_t unhandled_bytes_ = 0;
};

// Threads: the peer thread.
class LearnerPort {
 public:
  explicit LearnerPort(const PeerContext& context);

  // Listens on all own quorum addresses that can be bound; PortFailed if none can. Nothing if it
  // is open.
  void Open();
  // Ends every learner's link too.
  void Close();

  // The methods of PeerNetwork; without effect for links that are gone.
  void Send(LinkId link, std::vector<QuorumPacket> packets);
  void Stream(LinkId link, std::shared_ptr<FrozenStream> stream);
  void CloseLink(LinkId link);
  // Of all links.
  void Flush();

  // Called by a link that has closed itself.
  void OnLinkDown(LinkId link, const std::string& why);

 private:
  // What the addresses of one Open resolve to, until all are known.
  struct Opening {
    size_t unresolved = 0;
    std::vector<boost::asio::ip::tcp::endpoint> endpoints;
    std::string failures;
  };

  void OnResolved(const std::shared_ptr<Opening>& opening, const HostEndpoints& found);
  void OnAccepted(boost::asio::ip::tcp::socket socket);
  void OnListenerFailed(const Error& error);
  LearnerLink* Find(LinkId link);

  const PeerContext context_;
  std::shared_ptr<Opening> opening_;  // names are being looked up
  std::shared_ptr<PortListener> listener_;
  std::unordered_map<LinkId, std::shared_ptr<LearnerLink>> links_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PEER_LEARNER_PORT_H_
