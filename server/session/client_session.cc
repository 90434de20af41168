#include "server/session/client_session.h"

#include <glog/logging.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "protocol/limits.h"
#include "protocol/session_password.h"
#include "server/admin/four_letter_words.h"
#include "server/admin/operation_label.h"
#include "server/pipeline/read_handlers.h"
#include "server/pipeline/reply.h"
#include "server/session/next_reads.h"
#include "server/session/session_host.h"

namespace lockkeeper {
namespace {

constexpr size_t kLengthBytes = 4;
constexpr size_t kRequestHeaderBytes = 8;
// A reply frame: length, xid, zxid, err.
constexpr size_t kReplyErrorOffset = 16;
constexpr size_t kReplyHeaderBytes = 20;
// So many requests in flight take less time than waking the core's thread for them.
constexpr int64_t kFewRequests = 8;
// `stmk` is followed by a long.
constexpr size_t kFourLetterArgumentBytes = 8;

// The request with its own copy of the frame, so that it can wait or change threads.
// nullopt: it cannot be decoded.
std::optional<CoreRequest> OwnedRequest(OpCode op, int32_t xid, std::string_view body) {
  CoreRequest request{.frame = std::make_unique_for_overwrite<char[]>(body.size() + 1),
                      .frame_bytes = body.size(),
                      .op = op,
                      .xid = xid};
  if (!body.empty()) std::memcpy(request.frame.get(), body.data(), body.size());
  std::optional<RequestBody> decoded = DecodeRequest(op, {request.frame.get(), body.size()});
  if (!decoded) return std::nullopt;
  request.body = *std::move(decoded);
  return request;
}

// The first element of the request's path, and what the request brings for it; nothing for requests
// without a path of their own.
void SetNamespace(const RequestBody& request, std::string* name, size_t* bytes) {
  std::visit(
      [&](const auto& r) {
        if constexpr (requires { r.path; }) {
          if (r.path.size() < 2 || r.path[0] != '/') return;
          *name = r.path.substr(1, r.path.find('/', 1) - 1);
          *bytes = r.path.size();
          if constexpr (requires { r.data; }) *bytes += r.data.size();
        }
      },
      request);
}

}  // namespace

ClientSession::ClientSession(SessionHost* io, const ServerContext& context, ConnectionRef self,
                             std::string address, std::string* out)
    : io_(*io), context_(context), self_(self), out_(*out) {
  identities_ = std::make_shared<const std::vector<Identity>>(
      std::vector<Identity>{{"ip", std::move(address)}});
}

Zxid ClientSession::zxid() const { return io_.seen_zxid(); }

bool ClientSession::wants_input() const {
  if (state_ != State::kNew && state_ != State::kOpen) return false;
  if (out_.size() > kOutboxBytesMax || parked_bytes_ > kParkedBytesMax) return false;
  if (at_core_ == 0) return true;
  // A busy server reads on only from those who have nothing in it (client-protocol 10.7).
  return context_.outstanding.requests() <= context_.config.global_outstanding_limit &&
         context_.outstanding.bytes() <= kOutstandingBytesMax;
}

size_t ClientSession::Consume(std::string_view in) {
  size_t taken = 0;
  size_t expected = 0;
  while (wants_input() && in.size() - taken >= kLengthBytes) {
    const std::string_view rest = in.substr(taken);
    if (expected == 0) {
      expected = ExpectReads(rest);
      if (!wants_input()) break;  // a delivery has closed the connection
    }
    if (expected > 0) --expected;
    if (state_ == State::kNew && IsFourLetterWord(rest)) {
      taken = in.size();
      break;
    }
    const int32_t length = LoadInt(rest.data());
    if (length < 0 || length > context_.config.jute_maxbuffer) {
      if (state_ == State::kOpen) {
        LOG(WARNING) << "Len error. A message of session " << session_
                     << " with advertised length of " << length
                     << " is either a malformed message or too large to process (length is "
                        "greater than jute.maxbuffer="
                     << context_.config.jute_maxbuffer << ")";
      }
      state_ = State::kBroken;
      break;
    }
    const size_t frame_bytes = static_cast<size_t>(length);
    if (rest.size() < kLengthBytes + frame_bytes) break;
    taken += kLengthBytes + frame_bytes;
    const std::string_view frame = rest.substr(kLengthBytes, frame_bytes);
    context_.metrics.bytes_received_count.Add(length);
    context_.metrics.packets_received.Add(1);
    ++stats_.received;
    if (state_ == State::kNew) {
      HandleHandshake(frame);
    } else {
      HandleFrame(frame);
    }
  }
  io_.ForgetFound();
  SubmitBatch();
  return taken;
}

// What the reads among the next requests look up is fetched for all of them at once. Returns how
// many requests it has seen to.
size_t ClientSession::ExpectReads(std::string_view in) {
  if (state_ != State::kOpen || !order_.empty()) return 0;
  ExpectedPaths next;
  const size_t frames = AddNextReads(in, &next);
  io_.Expect(next);
  return frames;
}

bool ClientSession::IsFourLetterWord(std::string_view in) {
  const int32_t word = LoadInt(in.data());
  if (FindWord(word) == nullptr) return false;
  context_.metrics.packets_received.Add(1);
  context_.metrics.bytes_received_count.Add(kLengthBytes);
  ++stats_.received;
  state_ = State::kFourLetter;
  context_.on_four_letter(self_, word,
                          std::string(in.substr(kLengthBytes, kFourLetterArgumentBytes)));
  return true;
}

void ClientSession::HandleHandshake(std::string_view frame) {
  if (!context_.serving.serving()) {
    state_ = State::kBroken;
    return;
  }
  const std::optional<Handshake> handshake = DecodeHandshake(frame);
  const Zxid ours = io_.ReadTree().last_zxid();
  if (state_ == State::kBroken) return;  // a delivery has closed the connection
  // Ahead of us: this client has seen a newer state, it must ask another server.
  if (!handshake || handshake->request.last_zxid_seen > ours.value) {
    if (handshake) {
      LOG(INFO) << "refusing a client that has seen zxid 0x" << std::hex
                << handshake->request.last_zxid_seen << ", ours is 0x" << zxid().value << std::dec;
    }
    state_ = State::kBroken;
    return;
  }
  stats_.last_op = OperationLabel(OpCode::kCreateSession);
  with_read_only_ = handshake->has_read_only;
  timeout_ms_ = std::clamp(handshake->request.timeout_ms, context_.config.min_session_timeout_ms,
                           context_.config.max_session_timeout_ms);
  StartSession(*handshake);
}

void ClientSession::StartSession(const Handshake& handshake) {
  context_.metrics.connection_request_count.Add(1);
  state_ = State::kHandshaking;
  const SessionId wanted{handshake.request.session_id};
  if (wanted.value == 0) {
    context_.core.Push(OpenSession{self_, timeout_ms_});
  } else if (IsPasswordOf(wanted, handshake.request.passwd)) {
    context_.metrics.connection_revalidate_count.Add(1);
    context_.core.Push(AttachSession{self_, wanted, timeout_ms_});
  } else {
    OnAttached({self_.id, SessionId{0}, 0});
  }
}

void ClientSession::OnAttached(const SessionAttached& attached) {
  if (state_ != State::kHandshaking) return;
  session_ = attached.session;
  state_ = session_.value == 0 ? State::kFinished : State::kOpen;
  WriteConnectResponse(session_, timeout_ms_, with_read_only_, &out_);
  context_.metrics.packets_sent.Add(1);
  ++stats_.sent;
}

void ClientSession::HandleFrame(std::string_view frame) {
  if (frame.size() < kRequestHeaderBytes) {
    state_ = State::kBroken;
    return;
  }
  const int32_t xid = LoadInt(frame.data());
  const auto op = static_cast<OpCode>(LoadInt(frame.data() + 4));
  const OpRow* row = FindOp(op);
  const std::string_view body = frame.substr(kRequestHeaderBytes);
  if (row != nullptr && row->kind == OpKind::kAuth) return HandleAuth(op, xid, body);
  if (touched_ != io_.now()) {  // a report in between told of the same millisecond
    touched_ = io_.now();
    io_.Touch(session_);
  }
  if (IsEnforcedAuthMissing()) {
    WriteHeaderOnly(xid, Zxid{0}, ErrorCode::kSessionClosedRequireSaslAuth, &out_);
    state_ = State::kFinished;
    return;
  }
  if (row == nullptr) {
    state_ = State::kClosing;
    return Refuse(xid, ErrorCode::kUnimplemented);
  }
  HandleRequest(*row, xid, body);
}

bool ClientSession::IsEnforcedAuthMissing() const {
  if (!context_.config.enforce_auth_enabled) return false;
  const auto& schemes = context_.config.enforce_auth_schemes;
  return std::none_of(identities_->begin(), identities_->end(), [&](const Identity& identity) {
    return std::find(schemes.begin(), schemes.end(), identity.scheme) != schemes.end();
  });
}

void ClientSession::HandleRequest(const OpRow& row, int32_t xid, std::string_view body) {
  // In an ensemble the leader has the last word on a sync.
  const bool to_leader = row.code == OpCode::kSync && context_.config.ensemble;
  const OpKind kind = to_leader ? OpKind::kWrite : row.kind;
  Pending pending{.kind = kind,
                  .op = row.code,
                  .xid = xid,
                  .received_us = io_.now_us(),
                  .frame_bytes = body.size()};
  if (kind != OpKind::kWrite && order_.empty()) return HandleAtOnce(pending, body);
  std::optional<CoreRequest> request = OwnedRequest(row.code, xid, body);
  if (!request) return Refuse(xid, ErrorCode::kMarshallingError);
  NoteRequest(request->body, &pending);
  request->identities = identities_;
  if (kind != OpKind::kWrite) {
    pending.request = std::make_unique<CoreRequest>(*std::move(request));
    return Park(std::move(pending));
  }
  ShipParkedReads();
  SendToCore(std::move(pending), *std::move(request));
  if (row.code == OpCode::kCloseSession) state_ = State::kClosing;
}

// The common case of a read: nothing is copied.
void ClientSession::HandleAtOnce(Pending& pending, std::string_view body) {
  const std::optional<RequestBody> request = DecodeRequest(pending.op, body);
  if (!request) return Refuse(pending.xid, ErrorCode::kMarshallingError);
  NoteRequest(*request, &pending);
  io_.CatchUp();
  if (state_ == State::kBroken) return;  // a delivery has closed the connection
  Execute(pending, *request, identities_);
}

void ClientSession::NoteRequest(const RequestBody& request, Pending* pending) {
  SetNamespace(request, &pending->name_space, &pending->path_and_data_bytes);
  stats_.last_op = OperationLabel(pending->op);
  if (pending->op != OpCode::kPing) stats_.last_cxid = pending->xid;
}

// auth and sasl are answered at once and do not touch the session (client-protocol 10.1, 11.2).
void ClientSession::HandleAuth(OpCode op, int32_t xid, std::string_view body) {
  const std::optional<RequestBody> request = DecodeRequest(op, body);
  if (!request) {
    state_ = State::kBroken;
    return;
  }
  ++stats_.sent;
  context_.metrics.packets_sent.Add(1);
  if (op == OpCode::kSasl) {
    if (IsNull(std::get<SaslRequest>(*request).token)) {
      state_ = State::kBroken;
      return;
    }
    // No SASL is configured: ZooKeeper answers a null token (client-protocol 11.5).
    FrameWriter(&out_).Add(ReplyHeader{xid, 0, 0}).Add(SaslRequest{});
    return;
  }
  const auto& packet = std::get<AuthPacket>(*request);
  const auto added = context_.auth.Authenticate(packet.scheme, packet.auth);
  if (!added) {
    context_.auth_failed.fetch_add(1, std::memory_order_relaxed);
    WriteHeaderOnly(xid, Zxid{0}, ErrorCode::kAuthFailed, &out_);
    state_ = State::kFinished;
    return;
  }
  auto identities = std::make_shared<std::vector<Identity>>(*identities_);
  for (const Identity& identity : *added) {
    if (std::find(identities->begin(), identities->end(), identity) == identities->end()) {
      identities->push_back(identity);
    }
  }
  identities_ = std::move(identities);
  WriteHeaderOnly(xid, Zxid{0}, ErrorCode::kOk, &out_);
}

// An error reply in its place in the order.
void ClientSession::Refuse(int32_t xid, ErrorCode code) {
  Pending pending{.xid = xid, .refusal = code, .received_us = io_.now_us()};
  if (!order_.empty()) return Park(std::move(pending));
  io_.CatchUp();
  Execute(pending, {}, identities_);
}

void ClientSession::Park(Pending pending) {
  parked_bytes_ += pending.frame_bytes + sizeof(Pending);
  order_.push_back(std::move(pending));
}

// Reads that wait for an earlier write must run before the write that follows now.
void ClientSession::ShipParkedReads() {
  for (Pending& pending : order_) {
    if (pending.at_core || pending.kind != OpKind::kTreeRead) continue;
    parked_bytes_ -= pending.frame_bytes + sizeof(Pending);
    pending.at_core = true;
    ++at_core_;
    pending.request->is_read = true;
    batch_bytes_ += pending.frame_bytes;
    batch_.requests.push_back(std::move(*pending.request));
    pending.request.reset();
  }
}

void ClientSession::SendToCore(Pending pending, CoreRequest request) {
  batch_bytes_ += pending.frame_bytes;
  batch_.requests.push_back(std::move(request));
  pending.at_core = true;
  ++at_core_;
  order_.push_back(std::move(pending));
}

void ClientSession::SubmitBatch() {
  if (batch_.requests.empty()) return;
  batch_.from = self_;
  batch_.session = session_;
  context_.outstanding.Add(static_cast<int64_t>(batch_.requests.size()),
                           static_cast<int64_t>(std::exchange(batch_bytes_, 0)));
  // While little is going on, this thread does the core's work as well.
  if (context_.outstanding.requests() <= kFewRequests) {
    context_.core.PushQuietly(std::exchange(batch_, {}));
    io_.CoreHasWork();
  } else {
    context_.core.Push(std::exchange(batch_, {}));
  }
}

void ClientSession::OnDelivery(const BatchItem& item, const AppliedBatch& batch) {
  switch (item.kind) {
    case DeliveryKind::kSessionOpened:
      OnAttached({self_.id, item.session, timeout_ms_});
      return;
    case DeliveryKind::kClose:
      state_ = State::kBroken;
      return;
    case DeliveryKind::kNone:
      return;
    case DeliveryKind::kReply:
    case DeliveryKind::kReplyAndClose:
      break;
  }
  if (state_ == State::kBroken || state_ == State::kFinished) return;
  CHECK(!order_.empty() && order_.front().at_core) << "a reply that nothing waits for";
  const size_t bytes = item.bytes_end - item.bytes_begin;
  out_.append(batch.bytes, item.bytes_begin, bytes);
  for (uint32_t i = item.watches_begin; i < item.watches_end; ++i) {
    io_.watches().Add(batch.watches[i].path, self_.id, batch.watches[i].modes);
  }
  CountReply(order_.front(), item.zxid,
             std::string_view(batch.bytes).substr(item.bytes_begin, bytes));
  order_.pop_front();
  --at_core_;
  if (item.kind == DeliveryKind::kReplyAndClose) {
    state_ = State::kFinished;
    return;
  }
  RunLocals();
}

// Operations that touch only this connection keep their exact place among the transactions.
void ClientSession::RunLocals() {
  while (has_runnable() && order_.front().kind == OpKind::kLocal) ExecuteParked();
}

void ClientSession::ExecuteParked() {
  const Pending pending = std::move(order_.front());
  order_.pop_front();
  parked_bytes_ -= pending.frame_bytes + sizeof(Pending);
  if (pending.request == nullptr) return Execute(pending, {}, identities_);
  Execute(pending, pending.request->body, pending.request->identities);
}

// What the next parked reads look up is fetched for all of them at once.
void ClientSession::ExpectParked() {
  if (order_.size() < 2 || order_.front().kind != OpKind::kTreeRead) return;
  io_.ReadTree();  // first: what it delivers can change the order
  ExpectedPaths next;
  for (const Pending& pending : order_) {
    if (pending.at_core || next.full()) break;
    if (pending.request != nullptr) next.Add(PathOf(pending.request->body));
  }
  io_.Expect(next);
}

void ClientSession::RunParked() {
  if (has_runnable()) {
    io_.CatchUp();
    ExpectParked();
  }
  while (has_runnable() && (state_ == State::kOpen || state_ == State::kClosing)) {
    ExecuteParked();
  }
  io_.ForgetFound();
}

void ClientSession::OnEvent(Zxid zxid, const FiredWatch& fired) {
  if (!IsAllowed(context_.access, fired.acl, kPermRead, *identities_)) return;
  const size_t before = out_.size();
  WriteEvent(zxid, fired.type, fired.path, &out_);
  context_.metrics.watch_bytes.Add(static_cast<int64_t>(out_.size() - before));
  context_.metrics.packets_sent.Add(1);
  ++stats_.sent;
  if (out_.size() > kOutboxBytesHardMax) {
    LOG(WARNING) << "closing the connection of session " << session_
                 << ": it does not read its watch events, " << out_.size() << " bytes wait";
    state_ = State::kBroken;
  }
}

void ClientSession::Execute(const Pending& pending, const RequestBody& body,
                            const Identities& identities) {
  const size_t before = out_.size();
  if (pending.kind == OpKind::kTreeRead) {
    const DataTree& tree = io_.ReadTree();
    // A delivery on the way has closed the connection: nobody would remove its watches any more.
    if (state_ == State::kBroken) return;
    std::vector<WatchRegistration> watches;
    HandleTreeRead({tree, context_.access, *identities, session_, io_.found()}, pending.xid,
                   pending.op, body, &out_, &watches);
    AddRegistrations(watches);
    io_.CountRead(out_.size() - before);
  } else {
    ExecuteLocal(pending, body);
  }
  CountReply(pending, zxid(), std::string_view(out_).substr(before));
}

void ClientSession::AddRegistrations(const std::vector<WatchRegistration>& watches) {
  for (const WatchRegistration& watch : watches) {
    io_.watches().Add(watch.path, self_.id, watch.modes);
  }
}

void ClientSession::ExecuteLocal(const Pending& pending, const RequestBody& body) {
  if (pending.refusal == ErrorCode::kUnimplemented) {
    WriteHeaderOnly(pending.xid, Zxid{-1}, pending.refusal, &out_);
    state_ = State::kFinished;
    return;
  }
  if (pending.refusal != ErrorCode::kOk) {
    return WriteHeaderOnly(pending.xid, zxid(), pending.refusal, &out_);
  }
  switch (pending.op) {
    case OpCode::kPing:
      return WriteHeaderOnly(kPingXid, zxid(), ErrorCode::kOk, &out_);
    case OpCode::kSync:
      return WriteSyncReply(pending.xid, zxid(), std::get<PathRequest>(body).path, &out_);
    case OpCode::kCheckWatches:
      return CheckWatches(pending.xid, std::get<WatchTypeRequest>(body));
    case OpCode::kRemoveWatches:
      return RemoveWatches(pending.xid, std::get<WatchTypeRequest>(body));
    case OpCode::kAddWatch:
      return AddWatch(pending.xid, std::get<AddWatchRequest>(body));
    case OpCode::kWhoAmI:
      return WhoAmI(pending.xid);
    default:
      LOG(FATAL) << "op " << static_cast<int32_t>(pending.op) << " is not local";
  }
}

void ClientSession::CheckWatches(int32_t xid, const WatchTypeRequest& r) {
  const uint8_t modes = ModesToCheck(r.type);
  ErrorCode code = ErrorCode::kOk;
  if (modes == 0) {
    code = ErrorCode::kMarshallingError;
  } else if (!io_.watches().Has(r.path, self_.id, modes)) {
    code = ErrorCode::kNoWatcher;
  }
  WriteHeaderOnly(xid, zxid(), code, &out_);
}

void ClientSession::RemoveWatches(int32_t xid, const WatchTypeRequest& r) {
  const uint8_t modes = ModesToRemove(r.type);
  ErrorCode code = ErrorCode::kOk;
  if (modes == 0) {
    code = ErrorCode::kMarshallingError;
  } else if (!io_.watches().Has(r.path, self_.id, modes)) {
    code = ErrorCode::kNoWatcher;
  } else {
    io_.watches().Remove(r.path, self_.id, modes);
  }
  WriteHeaderOnly(xid, zxid(), code, &out_);
}

void ClientSession::AddWatch(int32_t xid, const AddWatchRequest& r) {
  if (r.mode != kAddWatchPersistent && r.mode != kAddWatchRecursive) {
    return WriteHeaderOnly(xid, zxid(), ErrorCode::kMarshallingError, &out_);
  }
  const uint8_t modes = r.mode == kAddWatchPersistent
                            ? static_cast<uint8_t>(kDataPersistent | kChildPersistent)
                            : static_cast<uint8_t>(kDataRecursive);
  if (!IsNull(r.path)) io_.watches().Add(r.path, self_.id, modes);
  FrameWriter(&out_).Add(ReplyHeader{xid, zxid().value, 0}).Add(ErrorResponse{0});
}

void ClientSession::WhoAmI(int32_t xid) {
  std::vector<ClientInfo> infos;
  for (const Identity& identity : *identities_) {
    infos.push_back({identity.scheme, UserOf(identity)});
  }
  FrameWriter(&out_).Add(ReplyHeader{xid, zxid().value, 0}).Add(WhoAmIResponse{std::move(infos)});
}

void ClientSession::CountReply(const Pending& pending, Zxid zxid, std::string_view reply) {
  const int64_t ms = (io_.now_us() - pending.received_us) / 1000;
  ++stats_.sent;
  stats_.last_zxid = zxid.value;
  stats_.last_latency = ms;
  stats_.min_latency = stats_.replies == 0 ? ms : std::min(stats_.min_latency, ms);
  stats_.max_latency = std::max(stats_.max_latency, ms);
  stats_.total_latency += ms;
  ++stats_.replies;
  stats_.last_response = io_.now();
  context_.metrics.packets_sent.Add(1);
  context_.metrics.request_latency.Record(ms);
  (pending.kind == OpKind::kWrite ? context_.metrics.updatelatency : context_.metrics.readlatency)
      .Record(ms);
  context_.metrics.client_response_size.Record(static_cast<int64_t>(reply.size() - kLengthBytes),
                                               io_.now());
  context_.metrics.response_bytes.Add(static_cast<int64_t>(reply.size()));
  CountNamespace(pending, reply);
}

void ClientSession::CountNamespace(const Pending& pending, std::string_view reply) {
  if (pending.name_space.empty() || reply.size() < kReplyHeaderBytes) return;
  if (LoadInt(reply.data() + kReplyErrorOffset) != 0) return;
  if (pending.kind == OpKind::kWrite) {
    context_.metrics.write_per_namespace.Record(pending.name_space,
                                                static_cast<int64_t>(pending.path_and_data_bytes));
  } else if (pending.kind == OpKind::kTreeRead) {
    const size_t bytes = pending.path_and_data_bytes + reply.size() - kReplyHeaderBytes;
    context_.metrics.read_per_namespace.Record(pending.name_space, static_cast<int64_t>(bytes));
  }
}

void ClientSession::Abandon() {
  state_ = State::kBroken;
  context_.core.Push(ConnectionGone{self_, session_});
}

}  // namespace lockkeeper
