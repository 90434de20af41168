// One session of the load tool: requests out in batches, replies in, matched in order.
#ifndef LOCKKEEPER_BENCH_LOAD_CONNECTION_H_
#define LOCKKEEPER_BENCH_LOAD_CONNECTION_H_

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/options.h"
#include "bench/load/workload.h"

namespace lockkeeper::load {

class Connection;

// Who uses connections. Called on the thread that runs the io_context.
class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  virtual void OnReady(Connection* connection) = 0;
  // One call for each reply, with the server's error code (0: none)...
  virtual void OnReply(Connection* connection, const Operation& operation, int32_t error,
                       TimePoint now) = 0;
  // ... and one after all replies that came together.
  virtual void OnRepliesDone(TimePoint now) = 0;
  virtual void OnClosed() = 0;
  virtual void OnFailure(const std::string& what) = 0;
};

// Threads: that of its io_context.
class Connection {
 public:
  Connection(boost::asio::io_context& io, ConnectionOwner* owner, RequestEncoder* encoder);

  // Owner hears OnReady or OnFailure.
  void Connect(const boost::asio::ip::tcp::endpoint& server, int session_timeout_ms);
  // Puts the request into the next batch, which Flush hands to the socket.
  // REQUIRES: OnReady was heard and Close not called.
  void Send(const Operation& operation);
  void Flush();
  // Every third of the session's timeout: pings a session that was silent since the last call, and
  // fails when a reply is overdue by the whole timeout.
  void KeepAlive(TimePoint now);
  // Ends the session; the owner hears OnClosed.
  void Close();

  size_t in_flight() const { return pending_.size(); }
  int32_t session_timeout_ms() const { return session_timeout_ms_; }

 private:
  struct Pending {
    int32_t xid;
    TimePoint sent;
    Operation operation;
  };
  enum class State : uint8_t { kConnecting, kReady, kClosing, kClosed };

  void SendHandshake(int session_timeout_ms);
  void SendHeaderOnly(int32_t xid, OpCode op);
  void WriteRest(size_t written);
  void Read();
  // Handles the whole frames that are there; false after a failure.
  bool TakeFrames();
  bool TakeFrame(std::string_view frame, TimePoint now);
  bool TakeHandshake(std::string_view frame);
  bool TakeReply(std::string_view frame, TimePoint now);
  bool Fail(const std::string& what);

  boost::asio::ip::tcp::socket socket_;
  ConnectionOwner* const owner_;
  RequestEncoder* const encoder_;
  State state_ = State::kConnecting;
  int64_t session_ = 0;
  int32_t session_timeout_ms_ = 0;
  int32_t next_xid_ = 1;
  bool silent_ = true;  // since the last KeepAlive
  std::deque<Pending> pending_;
  bool writing_ = false;
  std::string out_;
  std::string writing_out_;
  std::vector<char> in_;
  size_t in_bytes_ = 0;
};

}  // namespace lockkeeper::load

#endif  // LOCKKEEPER_BENCH_LOAD_CONNECTION_H_
