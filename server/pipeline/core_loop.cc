#include "server/pipeline/core_loop.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "protocol/limits.h"
#include "server/clock.h"
#include "server/net/io_thread.h"
#include "server/pipeline/reply.h"

namespace lockkeeper {
namespace {

// A standalone server is an ensemble of one.
constexpr PeerId kSelf{0};

}  // namespace

CoreLoop::CoreLoop(TreeSlot* slot, ServingState* serving, ReadGate* gate, Inbox<CoreMessage>* inbox,
                   LogThread* log, CheckpointThread* checkpoints, std::vector<IoThread*> io_threads,
                   Outstanding* outstanding, const CoreOptions& options, Metrics* metrics,
                   std::function<void(const Error&)> failed)
    : slot_(*slot),
      serving_(*serving),
      gate_(*gate),
      inbox_(*inbox),
      log_(*log),
      checkpoints_(*checkpoints),
      io_threads_(std::move(io_threads)),
      outstanding_(*outstanding),
      options_(options),
      metrics_(*metrics),
      failed_callback_(std::move(failed)),
      alone_({kSelf}),
      sessions_(options.tick_ms),
      next_session_id_(options.first_session_id),
      reaper_(options.reaper, MonoNow()),
      schedule_(options.checkpoints, MonoNow()),
      complete_until_(io_threads_.size()) {
  proposals_.emplace(&alone_, tree().last_zxid());
  preparer_.emplace(tree(), options_.prepare);
  LoadSessions();
  schedule_.Due();
}

void CoreLoop::JoinEnsemble(std::unique_ptr<EnsembleMember> member, StorageOperations storage) {
  proposals_.reset();
  member_ = std::move(member);
  storage_ = std::move(storage);
}

void CoreLoop::Start() {
  thread_ = std::thread([this] { Run(); });
}

void CoreLoop::Stop() {
  if (!thread_.joinable()) return;
  inbox_.Push(StopCore{});
  thread_.join();
}

void CoreLoop::Run() {
  std::vector<CoreMessage> messages;
  if (member_ != nullptr) {
    member_->Start(MonoNow());
    member_->Flush();
  }
  while (!failed_ && !(stopping_ && in_flight_.empty())) {
    inbox_.TakeAll(&messages, TimePointOf(NextDeadline()));
    for (CoreMessage& message : messages) {
      std::visit([this](auto& m) { Handle(m); }, message);
      if (failed_) return;
    }
    ReleaseDelayed();
    if (member_ != nullptr) member_->OnTimer(MonoNow());
    if (!stopping_) RunReaper();
    if (failed_) return;
    FlushToLog();
    ApplyCommitted();
    if (member_ != nullptr) member_->Flush();
    MaybeCheckpoint();
  }
}

// An orderly stop of a member does not wait for its leader.
void CoreLoop::Handle(StopCore&) {
  stopping_ = true;
  if (member_ != nullptr) member_->Stop();
}

MonoMs CoreLoop::NextDeadline() const {
  MonoMs next = schedule_.NextDeadline();
  if (serving_.serving() && Proposes()) next = std::min(next, reaper_.NextDeadline());
  if (member_ != nullptr) next = std::min(next, member_->NextDeadline());
  return next;
}

// Between two transactions: what is frozen is the tree at last_zxid(), all of it committed. A
// member that does not serve may hold what will never be.
void CoreLoop::MaybeCheckpoint() {
  CheckpointTracker& tracker = tree().checkpoint_tracker();
  if (stopping_ || !serving_.serving() ||
      !schedule_.TakeStart(tracker.dirty(), tracker.dirty_bytes(), MonoNow())) {
    return;
  }
  auto batch = std::make_shared<CheckpointBatch>();
  std::optional<uint64_t> digest;
  if (tree().digest_enabled()) digest = tree().digest();
  FrozenState frozen = tracker.Freeze(tree().last_zxid(), digest,
                                      [batch](const StoredNode& node) { batch->Add(node); });
  checkpoints_.Begin({std::move(frozen), std::move(batch), &tracker});
}

void CoreLoop::Handle(CheckpointEnded& ended) {
  schedule_.Finished(MonoNow());
  if (ended.error) Fail(*ended.error);
}

// Nobody can know what reached the disk: nothing more is applied or answered.
void CoreLoop::Handle(LogFailed& failure) { Fail(failure.error); }

void CoreLoop::Fail(const Error& error) {
  failed_ = true;
  metrics_.unrecoverable_error_count.Add(1);
  failed_callback_(error);
}

void CoreLoop::Handle(Persisted& persisted) {
  if (member_ != nullptr) return member_->OnPersisted(MonoNow(), persisted.upto);
  proposals_->OnAck(kSelf, persisted.upto);
  while (std::optional<LogEntry> entry = proposals_->TakeCommitted()) {
    committed_.emplace_back(*std::move(entry));
  }
}

void CoreLoop::FlushToLog() {
  if (!to_log_.empty()) log_.Append(std::exchange(to_log_, {}));
}

// ---- Applying what is committed.

bool CoreLoop::HasRunnable() const {
  return !committed_.empty() ||
         (!in_flight_.empty() && in_flight_.front().what == InFlight::What::kRead);
}

void CoreLoop::ApplyCommitted() {
  while (HasRunnable() && !failed_) ApplySlice();
}

void CoreLoop::ApplySlice() {
  auto batch = std::make_shared<AppliedBatch>();
  gate_.Write([&] {
    for (size_t n = 0; n < kTxnsPerGateMax && batch->bytes.size() < kBatchBytesMax; ++n) {
      if (!RunNext(batch.get())) break;
    }
    batch->last_zxid = tree().last_zxid();
    // Under the gates: a reader that sees the new tree finds the batch in its inbox.
    for (IoThread* io : io_threads_) io->Enqueue(AppliedBatchRef(batch));
  });
  for (IoThread* io : io_threads_) io->WakeIfConcerned(*batch);
}

bool CoreLoop::RunNext(AppliedBatch* batch) {
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

bool CoreLoop::IsFor(const InFlight& in_flight, const LogEntry& entry) const {
  if (in_flight.what == InFlight::What::kProposed) return in_flight.zxid == entry.zxid;
  if (in_flight.what != InFlight::What::kForwarded) return false;
  const auto header = Decode<TxnHeader>(*entry.payload);
  return header && header->client_id == in_flight.session.value && header->cxid == in_flight.xid;
}

void CoreLoop::ApplyEntry(const LogEntry& entry, AppliedBatch* batch) {
  InFlight nobody{};
  if (in_flight_.empty() || !IsFor(in_flight_.front(), entry)) {
    return ApplyOne(entry, nobody, batch);
  }
  InFlight asked = std::move(in_flight_.front());
  in_flight_.pop_front();
  ApplyOne(entry, asked, batch);
}

void CoreLoop::ApplyOne(const LogEntry& entry, InFlight& in_flight, AppliedBatch* batch) {
  BatchItem item{.zxid = entry.zxid,
                 .changes_begin = static_cast<uint32_t>(batch->changes.size()),
                 .watches_begin = static_cast<uint32_t>(batch->watches.size()),
                 .watches_end = static_cast<uint32_t>(batch->watches.size()),
                 .bytes_begin = batch->bytes.size()};
  const Result<ApplyOutcome> outcome = tree().Apply(*entry.payload, &batch->changes);
  if (!outcome) {
    return Fail({Errc::kCorruption,
                 "a committed transaction cannot be applied: " + outcome.error().message});
  }
  in_flight.session = SessionId{outcome->header.client_id};
  item.session = in_flight.session;
  preparer_->Applied(entry.zxid);
  if (outcome->recorded_digest && tree().digest_enabled() &&
      outcome->recorded_digest->tree_digest != static_cast<int64_t>(tree().digest())) {
    LOG_FIRST_N(ERROR, 1) << "digest mismatch at zxid " << entry.zxid;
    metrics_.digest_mismatches_count.Add(1);
  }
  TrackSession(*outcome, in_flight);
  item.changes_end = static_cast<uint32_t>(batch->changes.size());
  item.kind = in_flight.kind;
  item.to = in_flight.to;
  EncodeDelivery(*outcome, in_flight, batch);
  item.bytes_end = batch->bytes.size();
  batch->items.push_back(item);
}

// The session table follows the transactions.
void CoreLoop::TrackSession(const ApplyOutcome& outcome, InFlight& in_flight) {
  const auto type = static_cast<OpCode>(outcome.header.type);
  if (type == OpCode::kCreateSession) {
    sessions_.Add(in_flight.session, tree().sessions().at(in_flight.session), in_flight.to,
                  MonoNow());
  } else if (type == OpCode::kCloseSession) {
    const ConnectionRef owner = sessions_.OwnerOf(in_flight.session);
    sessions_.Remove(in_flight.session);
    learner_of_.erase(in_flight.session);
    touched_.erase(in_flight.session);
    if (in_flight.to.id == 0) {
      in_flight.to = owner;
      in_flight.kind = DeliveryKind::kClose;
    } else if (owner.id != 0 && !(owner == in_flight.to)) {
      SendTo(owner.io_thread, CloseConnection{owner.id});
    }
  }
}

void CoreLoop::EncodeDelivery(const ApplyOutcome& outcome, const InFlight& in_flight,
                              AppliedBatch* batch) {
  switch (in_flight.kind) {
    case DeliveryKind::kReply:
    case DeliveryKind::kReplyAndClose:
      outstanding_.Done(in_flight.request_bytes);
      WriteWriteReply(in_flight.xid, in_flight.op, outcome, in_flight.create2_elements,
                      &batch->bytes);
      return;
    default:
      return;  // the connection writes its own ConnectResponse
  }
}

// A read between two writes of its session: it sees exactly what stands before it
// (client-protocol 10.4).
void CoreLoop::RunRead(const InFlight& in_flight, AppliedBatch* batch) {
  BatchItem item{.zxid = tree().last_zxid(),
                 .changes_begin = static_cast<uint32_t>(batch->changes.size()),
                 .changes_end = static_cast<uint32_t>(batch->changes.size()),
                 .watches_begin = static_cast<uint32_t>(batch->watches.size()),
                 .bytes_begin = batch->bytes.size(),
                 .kind = in_flight.kind,
                 .to = in_flight.to,
                 .session = in_flight.session};
  outstanding_.Done(in_flight.request_bytes);
  HandleTreeRead({tree(), options_.prepare.access, *in_flight.read.identities, in_flight.session},
                 in_flight.xid, in_flight.op, in_flight.read.body, &batch->bytes, &batch->watches);
  item.watches_end = static_cast<uint32_t>(batch->watches.size());
  item.bytes_end = batch->bytes.size();
  batch->items.push_back(item);
}

// The leader's word: everything that it had proposed when it was asked is applied here.
void CoreLoop::AnswerSync(AppliedBatch* batch) {
  if (in_flight_.empty() || in_flight_.front().what != InFlight::What::kSync) {
    LOG(ERROR) << "the leader answers a sync that nobody asked for";
    return;
  }
  const InFlight sync = std::move(in_flight_.front());
  in_flight_.pop_front();
  const size_t begin = batch->bytes.size();
  outstanding_.Done(sync.request_bytes);
  WriteSyncReply(sync.xid, tree().last_zxid(), std::get<PathRequest>(sync.read.body).path,
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

void CoreLoop::SendTo(uint32_t io_thread, IoMessage message) {
  io_threads_[io_thread]->Enqueue(std::move(message));
  io_threads_[io_thread]->Wake();
}

}  // namespace lockkeeper
