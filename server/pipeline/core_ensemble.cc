// The core's part as a member of an ensemble: requests on their way to the leader or from learners,
// and what a change of roles means for clients and state.
#include <glog/logging.h>

#include <limits>
#include <utility>

#include "server/pipeline/core.h"
#include "server/pipeline/op_table.h"
#include "server/storage/tree_snapshot.h"

namespace lockkeeper {
namespace {

// Until a role begins.
constexpr Zxid kNoDigests{std::numeric_limits<int64_t>::max()};

ServingRole RoleOf(zab::Role role) {
  switch (role) {
    case zab::Role::kLeader:
      return ServingRole::kLeader;
    case zab::Role::kFollower:
      return ServingRole::kFollower;
    case zab::Role::kObserver:
      return ServingRole::kObserver;
  }
  return ServingRole::kNone;
}

}  // namespace

void Core::Handle(PeerEvents& events) { member_->Handle(now_.mono, std::move(events.events)); }

void Core::AppendToLog(LogEntry entry) { to_log_.push_back(std::move(entry)); }

void Core::Deliver(LogEntry entry) { committed_.emplace_back(std::move(entry)); }

// ---- Roles.

void Core::StartServing(const zab::StartServing& role) {
  ApplyCommitted();
  if (failed_) return;
  if (role.role == zab::Role::kLeader) {
    MoveTree([&] { mutable_tree().BeginEpoch(role.last); });
  }
  // What was proposed while the snapshot was made has come before the leader's last word.
  if (digests_above_ == kNoDigests) digests_above_ = member_->peer().history().appended;
  preparer_.emplace(tree(), options_.prepare);
  learner_of_.clear();
  touched_.clear();
  LoadSessions();
  LOG(INFO) << "serving clients in epoch " << role.epoch << " of server " << role.leader
            << ", from zxid " << tree().last_zxid();
  serving_.Set(RoleOf(role.role));
}

void Core::StopServing(const std::string& why) {
  ApplyCommitted();
  LOG(WARNING) << "serving no clients: " << why;
  serving_.Set(ServingRole::kNone);
  for (uint32_t i = 0; i < options_.io_threads; ++i) ports_.Send(i, CloseAllConnections{});
  DropInFlight();
}

// Nobody will hear how these end; their clients find out at the next leader.
void Core::DropInFlight() {
  for (const InFlight& in_flight : std::exchange(in_flight_, {})) {
    if (in_flight.kind == DeliveryKind::kReply || in_flight.kind == DeliveryKind::kReplyAndClose) {
      outstanding_.Done(in_flight.request_bytes);
    }
  }
  for (const RequestBatch& batch : std::exchange(delayed_, {})) {
    for (const CoreRequest& request : batch.requests) {
      outstanding_.Done(static_cast<int64_t>(request.frame_bytes));
    }
  }
  revalidating_.clear();
  preparer_->Abandon();
}

void Core::ReplaceTree(std::unique_ptr<DataTree> tree) {
  MoveTree([&] { slot_.tree.swap(tree); });
  applied_ = persisted_ = this->tree().last_zxid();
  preparer_.emplace(this->tree(), options_.prepare);
}

Status Core::WriteEpoch(EpochKind kind, int64_t epoch) { return ports_.WriteEpoch(kind, epoch); }

Result<bool> Core::TruncateTo(Zxid upto) {
  ApplyCommitted();
  Result<std::unique_ptr<DataTree>> cut = ports_.TruncateStorage(upto);
  if (!cut) return cut.error();
  if (*cut == nullptr) return false;
  ReplaceTree(std::move(*cut));
  return true;
}

Status Core::InstallState(std::unique_ptr<DataTree> tree, Zxid zxid) {
  ApplyCommitted();
  CHECK_EQ(tree->last_zxid(), zxid);
  if (Status installed = ports_.InstallStorage(tree.get()); !installed) return installed;
  ReplaceTree(std::move(tree));
  digests_above_ = kNoDigests;
  return {};
}

StateSource Core::StateNow() {
  constexpr size_t kPieceBytes = 256 << 10;
  ApplyCommitted();
  return [this](const std::function<void(std::string)>& sink) {
    return StreamSnapshot(tree(), kPieceBytes, sink);
  };
}

std::vector<LogEntry> Core::ReadLog(Zxid from, Zxid upto) { return ports_.ReadLog(from, upto); }

// ---- As a learner.

std::vector<SessionTouch> Core::TakeTouches() {
  std::vector<SessionTouch> touches;
  for (const auto& [session, timeout_ms] : std::exchange(touched_, {})) {
    touches.push_back({session, timeout_ms});
  }
  return touches;
}

void Core::Forward(SessionId session, int32_t xid, OpCode op, std::string_view body,
                   const std::vector<Identity>* identities) {
  QuorumPacket packet{QuorumPacketType::kRequest, Zxid{-1},
                      EncodeForwarded({session, xid, static_cast<int32_t>(op)}, body)};
  if (identities != nullptr) packet.identities = *identities;
  member_->SendToLeader(std::move(packet));
}

// Its place among this server's requests is its place at the leader: both are first in, first out.
// What the leader has proposed already is not its transaction, even with its session and xid: many
// clients count xids from 1 again when they bring their session from another server, where requests
// of theirs may still be in flight. Those came here before the answer to REVALIDATE.
void Core::ForwardRequest(const RequestBatch& batch, CoreRequest request, InFlight in_flight) {
  in_flight.zxid = member_->peer().history().appended;
  in_flight.what = request.op == OpCode::kSync ? InFlight::What::kSync : InFlight::What::kForwarded;
  Forward(batch.session, request.xid, request.op, {request.frame.get(), request.frame_bytes},
          request.identities.get());
  // A sync's answer repeats its path; of other requests nothing is needed any more.
  if (request.op == OpCode::kSync) {
    in_flight.more = std::make_unique<InFlight::More>(InFlight::More{std::move(request)});
  }
  in_flight_.push_back(std::move(in_flight));
}

void Core::OnLeaderAnswer(const QuorumPacket& packet) {
  if (packet.type == QuorumPacketType::kSync) {
    committed_.emplace_back(SyncAnswered{});
  } else {
    OnRevalidated(packet);
  }
}

void Core::OnRevalidated(const QuorumPacket& packet) {
  const std::optional<RevalidateReply> reply = DecodeRevalidateReply(packet.data);
  if (!reply) return;
  const auto [begin, end] = revalidating_.equal_range(reply->session);
  const std::vector<std::pair<SessionId, AttachSession>> asked(begin, end);
  revalidating_.erase(begin, end);
  for (const auto& [session, attach] : asked) {
    if (reply->valid && serving_.role() == ServingRole::kObserver) {
      AttachBehindSync(attach);
    } else {
      Attached(attach, reply->valid);
    }
  }
}

// An observer learns of a proposal only when it is committed: what the session has in flight from
// another server may still come, with xids that its new connection counts again. Behind a sync all
// of it is here.
void Core::AttachBehindSync(const AttachSession& attach) {
  std::string path;
  JuteWriter(&path).Write(std::string_view("/"));
  Forward(attach.session, 0, OpCode::kSync, path, nullptr);
  InFlight sync{.what = InFlight::What::kSync, .session = attach.session};
  sync.more = std::make_unique<InFlight::More>(InFlight::More{.attach = attach});
  in_flight_.push_back(std::move(sync));
}

// ---- As the leader.

void Core::OnLearnerMessage(LinkId learner, const QuorumPacket& packet) {
  switch (packet.type) {
    case QuorumPacketType::kPing:
      for (const SessionTouch& touch : DecodeTouches(packet.data)) {
        sessions_.Touch(touch.session, now_.mono);
      }
      return;
    case QuorumPacketType::kRevalidate:
      return Revalidate(learner, packet);
    default:
      return OnForwarded(learner, packet);
  }
}

void Core::Revalidate(LinkId learner, const QuorumPacket& packet) {
  for (const SessionTouch& asked : DecodeTouches(packet.data)) {
    const bool valid = sessions_.IsLive(asked.session);
    if (valid) {
      sessions_.Touch(asked.session, now_.mono);
      const ConnectionRef before = sessions_.OwnerOf(asked.session);
      sessions_.Detach(asked.session, before);
      if (before.id != 0) ports_.Send(before.io_thread, CloseConnection{before.id});
      learner_of_[asked.session] = learner;
    }
    member_->AnswerLearner(learner, {QuorumPacketType::kRevalidate, packet.zxid,
                                     EncodeRevalidateReply(asked.session, valid)});
  }
}

// Every REQUEST becomes a transaction, if only one that says why not: the learner waits for it.
void Core::OnForwarded(LinkId learner, const QuorumPacket& packet) {
  const std::optional<ForwardedRequest> request = DecodeForwarded(packet.data);
  if (!request) {
    LOG(WARNING) << "a learner sends a request that cannot be read";
    return;
  }
  if (static_cast<OpCode>(request->head.type) == OpCode::kSync) {
    return member_->Sync(now_.mono, learner);
  }
  if (!MayPropose()) return;
  static const std::vector<Identity> kNobody;
  Propose(PrepareForwarded(learner, *request, packet.identities ? *packet.identities : kNobody));
}

std::string Core::PrepareForwarded(LinkId learner, const ForwardedRequest& request,
                                   const std::vector<Identity>& identities) {
  const SessionId session = request.head.session;
  const auto op = static_cast<OpCode>(request.head.type);
  const PrepareContext context = ContextFor(session, request.head.xid, identities);
  if (op == OpCode::kCreateSession) {
    if (request.body.size() < sizeof(int32_t)) {
      return preparer_->PrepareRefusal(context, ErrorCode::kMarshallingError);
    }
    const int32_t timeout_ms = LoadInt(request.body.data());
    // Tracked from now on: the client may be touched before the transaction is applied here.
    sessions_.Add(session, timeout_ms, {}, now_.mono);
    learner_of_[session] = learner;
    return preparer_->PrepareCreateSession(context, timeout_ms);
  }
  if (!sessions_.IsLive(session)) {
    return preparer_->PrepareRefusal(context, ErrorCode::kSessionExpired);
  }
  const auto owner = learner_of_.find(session);
  const bool elsewhere =
      owner != learner_of_.end() ? owner->second != learner : sessions_.OwnerOf(session).id != 0;
  if (elsewhere) return preparer_->PrepareRefusal(context, ErrorCode::kSessionMoved);
  learner_of_[session] = learner;
  sessions_.Touch(session, now_.mono);
  if (op == OpCode::kCloseSession) {
    sessions_.MarkClosing(session);
    return preparer_->PrepareCloseSession(context);
  }
  const OpRow* row = FindOp(op);
  if (row == nullptr || row->kind != OpKind::kWrite) {
    return preparer_->PrepareRefusal(context, ErrorCode::kUnimplemented);
  }
  const std::optional<RequestBody> body = DecodeRequest(op, request.body);
  if (!body) return preparer_->PrepareRefusal(context, ErrorCode::kMarshallingError);
  return preparer_->Prepare(context, op, *body);
}

}  // namespace lockkeeper
