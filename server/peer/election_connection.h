// A connection of the election port: its handshake, when the other side made it, and the frames.
#ifndef LOCKKEEPER_SERVER_PEER_ELECTION_CONNECTION_H_
#define LOCKKEEPER_SERVER_PEER_ELECTION_CONNECTION_H_

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/election_message.h"
#include "protocol/types.h"
#include "server/peer/input_buffer.h"
#include "server/peer/peer_socket.h"

namespace lockkeeper {

// Threads: the peer thread.
class ElectionConnection final : public std::enable_shared_from_this<ElectionConnection>,
                                 public PeerSocket::Owner {
 public:
  class Owner {
   public:
    // Once for an accepted connection: decides by Adopt or Close.
    virtual void OnHandshake(const std::shared_ptr<ElectionConnection>& connection,
                             const ElectionHandshake& handshake) = 0;
    virtual void OnNotification(PeerId from, Notification notification) = 0;
    virtual void OnRoomToSend(PeerId to) = 0;
    // Broken, malformed or without handshake for too long; not after Close.
    virtual void OnClosed(const std::shared_ptr<ElectionConnection>& connection,
                          const std::string& why) = 0;

   protected:
    ~Owner() = default;
  };

  ElectionConnection(boost::asio::ip::tcp::socket socket, std::vector<char>* read_buffer,
                     Owner* owner);

  void Start(bool keep_alive) { socket_->Start(keep_alive); }
  // Of an accepted connection: how long the other side may take to say who it is.
  void AwaitHandshake(std::chrono::milliseconds limit);
  // It is the connection with `peer` from now on.
  void Adopt(PeerId peer);
  void Close();

  PeerSocket& socket() { return *socket_; }
  std::optional<PeerId> peer() const { return peer_; }

 private:
  void OnBytes(std::string_view bytes) override;
  void OnBroken(const std::string& why) override;
  void OnWritten() override;

  // Handshake and whole frames from the front of `bytes`; how many bytes those have.
  size_t Take(std::string_view bytes);
  size_t TakeHandshake(std::string_view bytes);
  size_t TakeFrames(std::string_view bytes);
  void Fail(const std::string& why);

  const std::shared_ptr<PeerSocket> socket_;
  Owner& owner_;
  boost::asio::steady_timer handshake_timer_;
  InputBuffer in_;
  std::optional<PeerId> peer_;  // nullopt: not known yet
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PEER_ELECTION_CONNECTION_H_
