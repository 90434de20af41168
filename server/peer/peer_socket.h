// One connected socket between servers: hands on what arrives and writes what is queued.
#ifndef LOCKKEEPER_SERVER_PEER_PEER_SOCKET_H_
#define LOCKKEEPER_SERVER_PEER_PEER_SOCKET_H_

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/peer/socket_writer.h"

namespace lockkeeper {

// Threads: the peer thread; out() says what of it is for others.
class PeerSocket : public std::enable_shared_from_this<PeerSocket> {
 public:
  class Owner {
   public:
    // Views of the shared read buffer, valid during the call, in which the socket may be closed.
    virtual void OnBytes(std::string_view bytes) = 0;
    // The socket is closed and calls nothing more. Never called from inside a method.
    virtual void OnBroken(const std::string& why) = 0;
    // Some of the queue was written. Never called from inside a method.
    virtual void OnWritten() {}

   protected:
    ~Owner() = default;
  };

  // `owner` is called until the socket is closed, and must live until then. `read_buffer` is used
  // by all sockets of the thread.
  PeerSocket(boost::asio::ip::tcp::socket socket, std::vector<char>* read_buffer, Owner* owner);

  // Sends without delay and reads from now on.
  void Start(bool keep_alive);

  // Queued here, written by Flush. Not after Close. It may be shared with other threads, which use
  // SendNow.
  const std::shared_ptr<SocketWriter>& out() const { return out_; }
  // Writes what the system takes now, and the rest when it takes more. Errors come as OnBroken.
  void Flush();

  // What arrives meanwhile waits in the system's buffers, and then at the other side.
  void PauseReading() { paused_ = true; }
  void ResumeReading();

  void Close();
  // Writes what is queued and waits until the other side has closed too, at most `limit`; what it
  // still sends is thrown away. The owner is not called any more.
  void FlushAndClose(std::chrono::milliseconds limit);

  bool open() const { return socket_.is_open(); }
  boost::asio::ip::tcp::socket::executor_type executor() { return socket_.get_executor(); }
  // host:port of the other side, for messages.
  const std::string& remote() const { return remote_; }

 private:
  void WaitToRead();
  void OnReadable();
  void WaitToWrite();
  void WriteSome();
  void Break(const std::string& why);
  void BreakSoon(const std::string& why);

  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer close_timer_;
  std::vector<char>& read_buffer_;
  Owner* owner_;  // nullptr: nobody is interested
  const std::string remote_;
  std::shared_ptr<SocketWriter> out_;  // from Start on
  bool paused_ = false;
  bool waiting_to_read_ = false;
  bool waiting_to_write_ = false;
  bool closing_ = false;   // FlushAndClose
  bool sent_all_ = false;  // of a closing socket
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PEER_PEER_SOCKET_H_
