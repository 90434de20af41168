#include "server/pipeline/core.h"

#include <glog/logging.h>

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

#include "protocol/limits.h"
#include "server/pipeline/reply.h"

namespace lockkeeper {
namespace {

// A standalone server is an ensemble of one.
constexpr PeerId kSelf{0};
constexpr MonoMs kNoDeadline{std::numeric_limits<int64_t>::max()};

}  // namespace

Core::Core(const CoreShared& shared, CorePorts* ports, const CoreOptions& options,
           const Instant& now)
    : slot_(*shared.slot),
      serving_(*shared.serving),
      outstanding_(*shared.outstanding),
      metrics_(*shared.metrics),
      ports_(*ports),
      options_(options),
      now_(now),
      alone_({kSelf}),
      sessions_(options.tick_ms),
      next_session_id_(options.first_session_id),
      applied_(tree().last_zxid()),
      persisted_(applied_),
      reaper_(options.reaper, now.mono),
      schedule_(options.checkpoints, now.mono),
      complete_until_(options.io_threads) {
  proposals_.emplace(&alone_, tree().last_zxid());
  preparer_.emplace(tree(), options_.prepare);
  LoadSessions();
  schedule_.Due();
}

void Core::JoinEnsemble(std::unique_ptr<EnsembleMember> member) {
  proposals_.reset();
  member_ = std::move(member);
}

void Core::Start(const Instant& now) {
  now_ = now;
  if (member_ == nullptr) return;
  member_->Start(now_.mono);
  member_->Flush();
}

// Who forwards requests does not look at the tree for them.
size_t Core::Expect(std::span<const CoreMessage> messages) const {
  if (!Proposes()) return messages.size();
  ExpectedPaths next;
  size_t seen = 0;
  for (; seen < messages.size() && !next.full(); ++seen) {
    const auto* batch = std::get_if<RequestBatch>(&messages[seen]);
    if (batch == nullptr) continue;
    for (const CoreRequest& request : batch->requests) next.Add(PathOf(request.body));
  }
  tree().nodes().Expect(next);
  return seen;
}

void Core::Handle(const Instant& now, CoreMessage& message) {
  now_ = now;
  std::visit([this](auto& m) { Handle(m); }, message);
}

void Core::Advance(const Instant& now) {
  now_ = now;
  ReleaseDelayed();
  if (member_ != nullptr) member_->OnTimer(now_.mono);
  if (!stopping_) RunReaper();
  if (failed_) return;
  // The other servers have it while this one logs and applies.
  if (member_ != nullptr) member_->Flush();
  ApplyCommitted();
  if (out_of_step_) member_->LeaveRole(now_.mono, *std::exchange(out_of_step_, {}));
  if (member_ != nullptr) member_->Flush();
  MaybeCheckpoint();
}

// An orderly stop of a member does not wait for its leader.
void Core::Handle(StopCore&) {
  stopping_ = true;
  if (member_ != nullptr) member_->Stop();
}

MonoMs Core::NextDeadline() const {
  // A deadline that passes unused would keep the thread from sleeping.
  MonoMs next = MayCheckpoint() ? schedule_.NextDeadline() : kNoDeadline;
  if (serving_.serving() && Proposes()) next = std::min(next, reaper_.NextDeadline());
  if (member_ != nullptr) next = std::min(next, member_->NextDeadline());
  return next;
}

// Between two transactions: what is frozen is the tree at last_zxid(), all of it committed. A
// member that does not serve may hold what will never be. A checkpoint is never ahead of the log: a
// member applies what others have on disk, and a log with a hole would be somebody's history.
bool Core::MayCheckpoint() const {
  return !stopping_ && serving_.serving() && applied_ <= persisted_;
}

void Core::MaybeCheckpoint() {
  if (!MayCheckpoint()) return;
  const CheckpointTracker& tracker = mutable_tree().checkpoint_tracker();
  if (!schedule_.TakeStart(tracker.dirty(), tracker.dirty_bytes(), now_.mono)) return;
  ports_.BeginCheckpoint(&mutable_tree());
}

void Core::Handle(CheckpointEnded& ended) {
  schedule_.Finished(now_.mono);
  if (ended.error) Fail(*ended.error);
}

// Nobody can know what reached the disk: nothing more is applied or answered.
void Core::Handle(LogFailed& failure) { Fail(failure.error); }

void Core::Fail(const Error& error) {
  failed_ = true;
  metrics_.unrecoverable_error_count.Add(1);
  ports_.Fail(error);
}

void Core::Handle(Persisted& persisted) {
  persisted_ = std::max(persisted_, persisted.upto);
  if (member_ != nullptr) return member_->OnPersisted(now_.mono, persisted.upto);
  proposals_->OnAck(kSelf, persisted.upto);
  while (std::optional<LogEntry> entry = proposals_->TakeCommitted()) {
    committed_.emplace_back(*std::move(entry));
  }
}

void Core::FlushToLog() {
  if (!to_log_.empty()) ports_.AppendToLog(std::exchange(to_log_, {}));
}

// ---- Applying what is committed.

bool Core::HasRunnable() const {
  return !committed_.empty() ||
         (!in_flight_.empty() && in_flight_.front().what == InFlight::What::kRead);
}

// What is applied has been given to the log before, also where roles and states change.
void Core::ApplyCommitted() {
  FlushToLog();
  while (HasRunnable() && !failed_) ApplySlice();
}

void Core::ApplySlice() {
  auto batch = std::make_shared<AppliedBatch>();
  const size_t expected = std::min<size_t>(committed_.size() + 1, kTxnsPerGateMax);
  batch->items.reserve(expected);
  batch->changes.reserve(expected);
  const auto apply = [this, &batch] {
    for (size_t n = 0; n < kTxnsPerGateMax && batch->bytes.size() < kBatchBytesMax; ++n) {
      if (n % ExpectedPaths::kMax == 0) ExpectCommitted();
      if (!RunNext(batch.get())) break;
    }
    batch->last_zxid = tree().last_zxid();
  };
  ports_.ChangeTree(apply, batch);
}

// Another state, or another zxid of it; the I/O threads hear where it stands.
void Core::MoveTree(const std::function<void()>& change) {
  const auto batch = std::make_shared<AppliedBatch>();
  const auto move = [this, &change, &batch] {
    change();
    batch->last_zxid = tree().last_zxid();
  };
  ports_.ChangeTree(move, batch);
}

void Core::ExpectCommitted() const {
  tree().nodes().Expect(NextPaths(committed_, 0, [](const auto& committed) {
    const auto* entry = std::get_if<LogEntry>(&committed);
    return entry == nullptr ? std::string_view() : DataTree::PathIn(*entry->payload);
  }));
}

bool Core::RunNext(AppliedBatch* batch) {
  if (failed_ || !HasRunnable()) return false;
  if (!in_flight_.empty() && in_flight_.front().what == InFlight::What::kRead) {
    const InFlight read = std::move(in_flight_.front());
    in_flight_.pop_front();
    RunRead(read, batch);
    return true;
  }
  if (auto* entry = std::get_if<LogEntry>(&committed_.front())) {
    const LogEntry taken = std::move(*entry);
    committed_.pop_front();
    ApplyEntry(taken, batch);
  } else {
    committed_.pop_front();
    AnswerSync(batch);
  }
  return true;
}

bool Core::IsFor(const InFlight& in_flight, const LogEntry& entry) const {
  if (in_flight.what == InFlight::What::kProposed) return in_flight.zxid == entry.zxid;
  if (in_flight.what != InFlight::What::kForwarded || entry.zxid <= in_flight.zxid) return false;
  const auto header = Decode<TxnHeader>(*entry.payload);
  return header && header->client_id == in_flight.session.value && header->cxid == in_flight.xid;
}

void Core::ApplyEntry(const LogEntry& entry, AppliedBatch* batch) {
  InFlight nobody{};
  if (in_flight_.empty() || !IsFor(in_flight_.front(), entry)) {
    return ApplyOne(entry, nobody, batch);
  }
  InFlight asked = std::move(in_flight_.front());
  in_flight_.pop_front();
  ApplyOne(entry, asked, batch);
}

void Core::ApplyOne(const LogEntry& entry, InFlight& in_flight, AppliedBatch* batch) {
  BatchItem item{.zxid = entry.zxid,
                 .changes_begin = static_cast<uint32_t>(batch->changes.size()),
                 .watches_begin = static_cast<uint32_t>(batch->watches.size()),
                 .watches_end = static_cast<uint32_t>(batch->watches.size()),
                 .bytes_begin = batch->bytes.size()};
  const Result<ApplyOutcome> outcome = mutable_tree().Apply(*entry.payload, &batch->changes);
  if (!outcome) {
    return Fail({Errc::kCorruption,
                 "a committed transaction cannot be applied: " + outcome.error().message});
  }
  in_flight.session = SessionId{outcome->header.client_id};
  item.session = in_flight.session;
  preparer_->Applied(entry.zxid);
  applied_ = entry.zxid;
  if (entry.zxid > digests_above_ && outcome->recorded_digest &&
      outcome->recorded_digest->version == kDigestVersion && tree().digest_enabled() &&
      outcome->recorded_digest->tree_digest != static_cast<int64_t>(tree().digest())) {
    LOG_FIRST_N(ERROR, 1) << "digest mismatch at zxid " << entry.zxid;
    metrics_.digest_mismatches_count.Add(1);
  }
  TrackSession(*outcome, in_flight);
  if (outcome->result.error == ErrorCode::kSessionMoved) LeaveMovedSession(&in_flight);
  item.changes_end = static_cast<uint32_t>(batch->changes.size());
  item.kind = in_flight.kind;
  item.to = in_flight.to;
  EncodeDelivery(*outcome, in_flight, batch);
  item.bytes_end = batch->bytes.size();
  batch->items.push_back(item);
}

// The session table follows the transactions.
void Core::TrackSession(const ApplyOutcome& outcome, InFlight& in_flight) {
  const auto type = static_cast<OpCode>(outcome.header.type);
  if (type == OpCode::kCreateSession) {
    sessions_.Add(in_flight.session, tree().sessions().at(in_flight.session), in_flight.to,
                  now_.mono);
  } else if (type == OpCode::kCloseSession) {
    const ConnectionRef owner = sessions_.OwnerOf(in_flight.session);
    sessions_.Remove(in_flight.session);
    learner_of_.erase(in_flight.session);
    touched_.erase(in_flight.session);
    if (in_flight.to.id == 0) {
      in_flight.to = owner;
      in_flight.kind = DeliveryKind::kClose;
    } else if (owner.id != 0 && !(owner == in_flight.to)) {
      ports_.Send(owner.io_thread, CloseConnection{owner.id});
    }
  }
}

// That the session has moved is never told (client-protocol 2.3): the connection ends. It may be
// the refusal of a request that another server forwarded before the session came here, with the
// same xid; what became of the client's own it must find out anew.
void Core::LeaveMovedSession(InFlight* in_flight) {
  if (in_flight->kind != DeliveryKind::kReply && in_flight->kind != DeliveryKind::kReplyAndClose) {
    return;
  }
  outstanding_.Done(in_flight->request_bytes);
  in_flight->kind = DeliveryKind::kClose;
}

void Core::EncodeDelivery(const ApplyOutcome& outcome, const InFlight& in_flight,
                          AppliedBatch* batch) {
  switch (in_flight.kind) {
    case DeliveryKind::kReply:
    case DeliveryKind::kReplyAndClose:
      outstanding_.Done(in_flight.request_bytes);
      if (in_flight.more != nullptr) {
        return WriteWriteReply(in_flight.xid, in_flight.op, outcome, &batch->bytes,
                               in_flight.more->create2);
      }
      WriteWriteReply(in_flight.xid, in_flight.op, outcome, &batch->bytes);
      return;
    default:
      return;  // the connection writes its own ConnectResponse
  }
}

// A read between two writes of its session: it sees exactly what stands before it
// (client-protocol 10.4).
void Core::RunRead(const InFlight& in_flight, AppliedBatch* batch) {
  BatchItem item{.zxid = tree().last_zxid(),
                 .changes_begin = static_cast<uint32_t>(batch->changes.size()),
                 .changes_end = static_cast<uint32_t>(batch->changes.size()),
                 .watches_begin = static_cast<uint32_t>(batch->watches.size()),
                 .bytes_begin = batch->bytes.size(),
                 .kind = in_flight.kind,
                 .to = in_flight.to,
                 .session = in_flight.session};
  outstanding_.Done(in_flight.request_bytes);
  const CoreRequest& request = in_flight.more->request;
  HandleTreeRead({tree(), options_.prepare.access, *request.identities, in_flight.session},
                 in_flight.xid, in_flight.op, request.body, &batch->bytes, &batch->watches);
  item.watches_end = static_cast<uint32_t>(batch->watches.size());
  item.bytes_end = batch->bytes.size();
  batch->items.push_back(item);
}

// The leader's word: everything that it had proposed when it was asked is applied here.
void Core::AnswerSync(AppliedBatch* batch) {
  if (in_flight_.empty() || in_flight_.front().what != InFlight::What::kSync) {
    // Its clients would wait for ever: better to lose their connections than that.
    out_of_step_ = "the leader answers a sync that is not the next to be answered";
    return;
  }
  const InFlight sync = std::move(in_flight_.front());
  in_flight_.pop_front();
  if (sync.more->attach) return Attached(*sync.more->attach, true);
  const size_t begin = batch->bytes.size();
  outstanding_.Done(sync.request_bytes);
  WriteSyncReply(sync.xid, tree().last_zxid(), std::get<PathRequest>(sync.more->request.body).path,
                 &batch->bytes);
  const auto changes = static_cast<uint32_t>(batch->changes.size());
  const auto watches = static_cast<uint32_t>(batch->watches.size());
  batch->items.push_back({.zxid = tree().last_zxid(),
                          .changes_begin = changes,
                          .changes_end = changes,
                          .watches_begin = watches,
                          .watches_end = watches,
                          .bytes_begin = begin,
                          .bytes_end = batch->bytes.size(),
                          .kind = sync.kind,
                          .to = sync.to,
                          .session = sync.session});
}

}  // namespace lockkeeper
