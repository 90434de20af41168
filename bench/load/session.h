// One session with a server: requests out in batches, replies in by order, and events.
#ifndef LOCKKEEPER_BENCH_LOAD_SESSION_H_
#define LOCKKEEPER_BENCH_LOAD_SESSION_H_

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/clock.h"
#include "protocol/op_code.h"
#include "protocol/records.h"

namespace lockkeeper::load {

class Session;

// Who has sessions. Called on the thread that runs the io_context.
class SessionOwner {
 public:
  virtual ~SessionOwner() = default;
  virtual void OnReady(Session* session) = 0;
  // After everything that came together.
  virtual void OnRepliesDone(TimePoint now) = 0;
  virtual void OnClosed(Session* session) = 0;
  // The session is dead.
  virtual void OnFailure(const std::string& what) = 0;
};

// Threads: that of its io_context. A session must outlive the handlers that run in it: destroy it
// when the io_context does not run any more, or from a handler posted after OnClosed.
class Session {
 public:
  Session(boost::asio::io_context& io, SessionOwner* owner);
  virtual ~Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Owner hears OnReady or OnFailure.
  void Connect(const boost::asio::ip::tcp::endpoint& server, int session_timeout_ms);
  // Puts the request into the next batch, which Flush hands to the socket.
  // REQUIRES: OnReady was heard and Close not called.
  template <Record R>
  void Request(OpCode op, const R& body) {
    const size_t start = BeginFrame();
    Encode(RequestHeader{TakeXid(), static_cast<int32_t>(op)}, &out_);
    Encode(body, &out_);
    EndFrame(start);
  }
  void Flush();
  // Every third of the session's timeout: pings a session that was silent since the last call, and
  // fails when nothing came for the whole timeout although something was due.
  void KeepAlive();
  // Ends the session; the owner hears OnClosed.
  void Close();

  int64_t id() const { return id_; }
  int64_t in_flight() const { return in_flight_; }
  int32_t session_timeout_ms() const { return session_timeout_ms_; }

 protected:
  // Each reply, with the server's error code in the header. `body` is gone after the call.
  virtual void OnReply(const ReplyHeader& header, std::string_view body, TimePoint now) = 0;
  virtual void OnEvent(const WatcherEvent& event, TimePoint now);

  // For requests that are encoded elsewhere: the xid, which must be used, and where the frame goes.
  int32_t TakeXid();
  std::string* out() { return &out_; }
  void Fail(const std::string& what);

 private:
  enum class State : uint8_t { kConnecting, kReady, kClosing, kClosed };

  size_t BeginFrame();
  void EndFrame(size_t start);
  void SendHandshake(int session_timeout_ms);
  void SendHeaderOnly(int32_t xid, OpCode op);
  void WriteRest(size_t written);
  void Read();
  // Handles the whole frames that are there.
  void TakeFrames();
  void TakeFrame(std::string_view frame, TimePoint now);
  void TakeHandshake(std::string_view frame);
  void TakeReply(std::string_view frame, TimePoint now);

  boost::asio::ip::tcp::socket socket_;
  SessionOwner* const owner_;
  State state_ = State::kConnecting;
  int64_t id_ = 0;
  int32_t session_timeout_ms_ = 0;
  int32_t next_xid_ = 1;
  int32_t due_xid_ = 1;  // of the next reply
  int64_t in_flight_ = 0;
  bool silent_ = true;           // nothing sent since the last KeepAlive
  bool ping_waits_ = false;      // for its answer
  int calls_without_reply_ = 0;  // of KeepAlive
  bool writing_ = false;
  std::string out_;
  std::string writing_out_;
  std::vector<char> in_;
  size_t in_bytes_ = 0;
};

}  // namespace lockkeeper::load

#endif  // LOCKKEEPER_BENCH_LOAD_SESSION_H_
