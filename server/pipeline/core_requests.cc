// The core's part that takes requests: of this server's clients, alone or in any role.
#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "protocol/limits.h"
#include "server/pipeline/core.h"
#include "server/pipeline/reply.h"

namespace lockkeeper {
namespace {

const std::vector<Identity>& Nobody() {
  static const std::vector<Identity> kNobody;
  return kNobody;
}

}  // namespace

// Sessions get a full timeout from now (client-protocol 10.2, QP-5.9).
void Core::LoadSessions() {
  sessions_.Clear();
  for (const auto& [session, timeout_ms] : tree().sessions()) {
    sessions_.Add(session, timeout_ms, {}, now_.mono);
  }
  if (!Proposes()) return;
  // Owners of ephemerals that no session table knows are closed at once, in a transaction as
  // every other (storage-and-operations 2.9, step 7).
  for (const auto& [session, nodes] : tree().ephemerals()) {
    if (!sessions_.IsLive(session)) sessions_.Add(session, 0, {}, now_.mono);
  }
}

PrepareContext Core::ContextFor(SessionId session, int32_t xid,
                                const std::vector<Identity>& identities) const {
  return {session, xid, NextProposal(), now_.wall, identities};
}

void Core::ReleaseDelayed() {
  while (!delayed_.empty() &&
         (stopping_ || !schedule_.MustWait(mutable_tree().checkpoint_tracker().dirty_bytes()))) {
    RequestBatch batch = std::move(delayed_.front());
    delayed_.pop_front();
    HandleNow(batch);
  }
}

void Core::Handle(RequestBatch& batch) {
  const bool wait = schedule_.MustWait(mutable_tree().checkpoint_tracker().dirty_bytes());
  if (delayed_.empty() && !wait) return HandleNow(batch);
  LOG_IF(WARNING, delayed_.empty()) << "writes wait: the disk is too slow for the checkpoint";
  delayed_.push_back(std::move(batch));
}

// Expect saw to the first ones only.
void Core::ExpectRest(const RequestBatch& batch, size_t begin) const {
  if (!Proposes()) return;
  const auto path_of = [](const CoreRequest& request) { return PathOf(request.body); };
  tree().nodes().Expect(NextPaths(batch.requests, begin, path_of));
}

void Core::HandleNow(RequestBatch& batch) {
  for (size_t n = 0; n < batch.requests.size(); ++n) {
    if (n > 0 && n % ExpectedPaths::kMax == 0) ExpectRest(batch, n);
    CoreRequest& request = batch.requests[n];
    // Requests of a session that is gone or going are dropped without a word
    // (client-protocol 10.1); its connection is about to be closed. So are all when this server
    // serves nobody, and those of a session that has moved to another server.
    if (!serving_.serving() || !sessions_.IsLive(batch.session) ||
        learner_of_.contains(batch.session)) {
      outstanding_.Done(static_cast<int64_t>(request.frame_bytes));
      continue;
    }
    HandleRequest(batch, std::move(request));
  }
}

void Core::HandleRequest(const RequestBatch& batch, CoreRequest request) {
  InFlight in_flight{.to = batch.from,
                     .session = batch.session,
                     .kind = DeliveryKind::kReply,
                     .op = request.op,
                     .xid = request.xid,
                     .request_bytes = static_cast<int64_t>(request.frame_bytes)};
  if (request.is_read) {
    in_flight.what = InFlight::What::kRead;
    in_flight.more = std::make_unique<InFlight::More>(InFlight::More{std::move(request)});
    in_flight_.push_back(std::move(in_flight));
    return;
  }
  if (request.op == OpCode::kCloseSession) in_flight.kind = DeliveryKind::kReplyAndClose;
  if (std::vector<bool> create2 = Create2Elements(request.body); !create2.empty()) {
    in_flight.more = std::make_unique<InFlight::More>();
    in_flight.more->create2 = std::move(create2);
  }
  if (!Proposes()) return ForwardRequest(batch, std::move(request), std::move(in_flight));
  if (request.op == OpCode::kSync) {
    in_flight.what = InFlight::What::kSync;
    in_flight.more = std::make_unique<InFlight::More>(InFlight::More{std::move(request)});
    in_flight_.push_back(std::move(in_flight));
    return member_->Sync(now_.mono, std::nullopt);
  }
  if (!MayPropose()) return outstanding_.Done(in_flight.request_bytes);
  if (request.op == OpCode::kCloseSession) {
    return CloseSession(batch.session, std::move(in_flight));
  }
  Propose(preparer_->Prepare(ContextFor(batch.session, request.xid, *request.identities),
                             request.op, request.body),
          std::move(in_flight));
}

void Core::CloseSession(SessionId session, InFlight in_flight) {
  sessions_.MarkClosing(session);
  std::string payload =
      preparer_->PrepareCloseSession(ContextFor(session, in_flight.xid, Nobody()));
  Propose(std::move(payload), std::move(in_flight));
}

// ---- Proposing.

bool Core::MayPropose() { return member_ == nullptr || member_->MayPropose(now_.mono); }

Zxid Core::NextProposal() const {
  return member_ != nullptr ? member_->NextProposal() : NextZxid(proposals_->last_proposed());
}

void Core::Propose(std::string payload, InFlight in_flight) {
  in_flight.what = InFlight::What::kProposed;
  in_flight.zxid = NextProposal();
  in_flight_.push_back(std::move(in_flight));
  Propose(std::move(payload));
}

void Core::Propose(std::string payload) {
  LogEntry entry{NextProposal(), std::make_shared<const std::string>(std::move(payload))};
  if (member_ != nullptr) return member_->Propose(now_.mono, std::move(entry));
  to_log_.push_back(entry);
  proposals_->Add(std::move(entry));
  if (to_log_.size() >= kTxnsPerAppend) FlushToLog();
}

void Core::RunReaper() {
  if (!serving_.serving() || !Proposes()) return;
  while (const std::optional<std::string> path = reaper_.Next(tree(), now_.mono, now_.wall)) {
    if (!MayPropose()) return;
    Propose(preparer_->Prepare(ContextFor(SessionId{0}, 0, Nobody()), OpCode::kDeleteContainer,
                               PathRequest{*path}));
  }
}

// ---- Sessions.

void Core::Handle(OpenSession& open) {
  if (!serving_.serving() || (Proposes() && !MayPropose())) {
    return ports_.Send(open.from.io_thread, CloseConnection{open.from.id});
  }
  const SessionId session = next_session_id_;
  next_session_id_ = SessionId{session.value + 1};
  InFlight in_flight{.to = open.from,
                     .session = session,
                     .kind = DeliveryKind::kSessionOpened,
                     .op = OpCode::kCreateSession};
  if (Proposes()) {
    return Propose(
        preparer_->PrepareCreateSession(ContextFor(session, 0, Nobody()), open.timeout_ms),
        std::move(in_flight));
  }
  in_flight.what = InFlight::What::kForwarded;
  in_flight_.push_back(std::move(in_flight));
  std::string timeout;
  JuteWriter(&timeout).Write(open.timeout_ms);
  Forward(session, 0, OpCode::kCreateSession, timeout, nullptr);
}

void Core::Handle(AttachSession& attach) {
  if (!serving_.serving()) {
    return ports_.Send(attach.from.io_thread, CloseConnection{attach.from.id});
  }
  if (Proposes()) return Attached(attach, sessions_.IsLive(attach.session));
  const bool asked = revalidating_.contains(attach.session);
  revalidating_.emplace(attach.session, attach);
  if (asked) return;
  member_->SendToLeader({QuorumPacketType::kRevalidate, Zxid{-1},
                         EncodeTouches({{attach.session, attach.timeout_ms}})});
}

void Core::Attached(const AttachSession& attach, bool valid) {
  if (!valid) {
    return ports_.Send(attach.from.io_thread, SessionAttached{attach.from.id, SessionId{0}, 0});
  }
  if (!sessions_.IsLive(attach.session)) {
    sessions_.Add(attach.session, attach.timeout_ms, {}, now_.mono);
  }
  learner_of_.erase(attach.session);
  const ConnectionRef before =
      sessions_.Attach(attach.session, attach.timeout_ms, attach.from, now_.mono);
  if (before.id != 0) ports_.Send(before.io_thread, CloseConnection{before.id});
  ports_.Send(attach.from.io_thread,
              SessionAttached{attach.from.id, attach.session, attach.timeout_ms});
}

void Core::Handle(ConnectionGone& gone) { sessions_.Detach(gone.session, gone.from); }

// Deadlines are judged only up to the moment that every I/O thread has reported, so a session whose
// ping lies in a busy thread's queue does not expire. Only who proposes judges (P49).
void Core::Handle(TouchReport& report) {
  complete_until_[report.io_thread] = report.complete_until;
  for (const auto& [session, at] : report.touched) {
    sessions_.Touch(session, at);
    if (member_ == nullptr || member_->leading()) continue;
    const auto known = tree().sessions().find(session);
    if (known != tree().sessions().end()) touched_[session] = known->second;
  }
  if (stopping_ || !serving_.serving() || !Proposes()) return;
  const MonoMs judged = *std::min_element(complete_until_.begin(), complete_until_.end());
  for (SessionId session : sessions_.PopExpired(judged)) {
    if (!MayPropose()) return;
    LOG(INFO) << "session " << session << " expired";
    metrics_.stale_sessions_expired.Add(1);
    CloseSession(session,
                 {.session = session, .kind = DeliveryKind::kClose, .op = OpCode::kCloseSession});
  }
}

}  // namespace lockkeeper
