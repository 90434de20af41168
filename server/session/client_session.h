// The client protocol on one connection: handshake, requests in order, replies, events. Bytes in,
// bytes out; the socket is Connection's.
//
// Order (client-protocol 10.4): replies leave in the order of the requests. A tree read behind an
// unfinished write waits here; when another write follows, the read goes to the core with it, so
// that it runs between the two.
#ifndef LOCKKEEPER_SERVER_SESSION_CLIENT_SESSION_H_
#define LOCKKEEPER_SERVER_SESSION_CLIENT_SESSION_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "datatree/watch_table.h"
#include "protocol/request.h"
#include "server/net/server_context.h"
#include "server/pipeline/messages.h"
#include "server/pipeline/op_table.h"

namespace lockkeeper {

class SessionHost;

// What `cons` tells of a connection. Times in ms.
struct SessionStats {
  int64_t received = 0;
  int64_t sent = 0;
  std::string_view last_op = "NA";
  int32_t last_cxid = -1;
  int64_t last_zxid = -1;
  MonoMs last_response;
  int64_t last_latency = 0;
  int64_t min_latency = 0;
  int64_t max_latency = 0;
  int64_t total_latency = 0;
  int64_t replies = 0;
};

// Threads: owned by the I/O thread of its connection.
class ClientSession {
 public:
  // `out`: where replies and events are appended; outlives the session.
  ClientSession(SessionHost* io, const ServerContext& context, ConnectionRef self,
                std::string address, std::string* out);

  // Takes as many whole frames from `in` as it may; the rest must be offered again later.
  // Returns the number of bytes taken.
  size_t Consume(std::string_view in);

  // --- after Consume and after every delivery
  bool broken() const { return state_ == State::kBroken; }      // close now, unsent bytes are lost
  bool finished() const { return state_ == State::kFinished; }  // close once `out` is sent
  bool wants_input() const;  // false: offer nothing until something was delivered or sent

  // --- from the core, through the I/O thread's inbox
  void OnDelivery(const BatchItem& item, const AppliedBatch& batch);
  void OnAttached(const SessionAttached& attached);
  void OnEvent(Zxid zxid, const FiredWatch& fired);
  // Runs the reads that no write of this session holds up any more.
  void RunParked();
  bool has_runnable() const { return !order_.empty() && !order_.front().at_core; }
  // The connection is gone: tells the core. Nothing else may be called afterwards.
  void Abandon();
  // A four-letter word was answered.
  void Finish() { state_ = State::kFinished; }

  SessionId session() const { return session_; }
  int32_t timeout_ms() const { return timeout_ms_; }
  bool is_open() const { return state_ == State::kOpen; }
  // Its handshake has begun: it depends on this server's serving clients.
  bool speaks() const { return state_ != State::kNew && state_ != State::kFourLetter; }
  bool has_session() const { return session_.value != 0; }
  size_t queued() const { return order_.size(); }
  const SessionStats& stats() const { return stats_; }
  SessionStats& stats() { return stats_; }

 private:
  enum class State {
    kNew,          // nothing or part of the first frame has arrived
    kFourLetter,   // a command is being answered
    kHandshaking,  // the core opens or attaches the session
    kOpen,
    kClosing,  // closeSession or a fatal request was read: no further input
    kFinished,
    kBroken,
  };
  // A request that is not answered yet.
  struct Pending {
    std::unique_ptr<CoreRequest> request;  // null when at the core, or refused
    OpKind kind = OpKind::kLocal;
    OpCode op = OpCode::kError;
    int32_t xid = 0;
    bool at_core = false;
    ErrorCode refusal = ErrorCode::kOk;  // answered with this alone
    int64_t received_us = 0;
    size_t frame_bytes = 0;
    // For the metrics by namespace: the first element of the path, and the bytes of path and data.
    std::string name_space;
    size_t path_and_data_bytes = 0;
  };

  size_t ConsumeFirst(std::string_view in);
  bool IsFourLetterWord(std::string_view in);
  void HandleHandshake(std::string_view frame);
  void StartSession(const Handshake& handshake);
  size_t ExpectReads(std::string_view in);
  void ExpectParked();
  void HandleFrame(std::string_view frame);
  void HandleRequest(const OpRow& row, int32_t xid, std::string_view frame);
  void HandleAtOnce(Pending& pending, std::string_view body);
  void NoteRequest(const RequestBody& request, Pending* pending);
  void HandleAuth(OpCode op, int32_t xid, std::string_view body);
  bool IsEnforcedAuthMissing() const;
  void Refuse(int32_t xid, ErrorCode code);
  void Park(Pending pending);
  void SendToCore(Pending pending, CoreRequest request);
  void ShipParkedReads();
  void SubmitBatch();
  void ExecuteParked();
  void Execute(const Pending& pending, const RequestBody& body, const Identities& identities);
  void ExecuteLocal(const Pending& pending, const RequestBody& body);
  void CheckWatches(int32_t xid, const WatchTypeRequest& request);
  void RemoveWatches(int32_t xid, const WatchTypeRequest& request);
  void AddWatch(int32_t xid, const AddWatchRequest& request);
  void WhoAmI(int32_t xid);
  void AddRegistrations(const std::vector<WatchRegistration>& watches);
  void RunLocals();
  // `reply`: the frame that answers it.
  void CountReply(const Pending& pending, Zxid zxid, std::string_view reply);
  void CountNamespace(const Pending& pending, std::string_view reply);
  Zxid zxid() const;

  SessionHost& io_;
  const ServerContext& context_;
  const ConnectionRef self_;
  std::string& out_;
  State state_ = State::kNew;
  bool with_read_only_ = false;  // the client knows the readOnly byte
  SessionId session_;
  int32_t timeout_ms_ = 0;
  MonoMs touched_;  // when its host last heard of it
  Identities identities_;
  std::deque<Pending> order_;  // oldest first
  size_t parked_bytes_ = 0;
  size_t at_core_ = 0;
  RequestBatch batch_;  // collected during one Consume
  size_t batch_bytes_ = 0;
  SessionStats stats_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_SESSION_CLIENT_SESSION_H_
