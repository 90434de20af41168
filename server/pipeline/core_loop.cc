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

const std::vector<Identity>& Nobody() {
  static const std::vector<Identity> kNobody;
  return kNobody;
}

}  // namespace

CoreLoop::CoreLoop(DataTree* tree, ReadGate* gate, Inbox<CoreMessage>* inbox, LogThread* log,
                   CheckpointThread* checkpoints, std::vector<IoThread*> io_threads,
                   Outstanding* outstanding, const CoreOptions& options, Metrics* metrics,
                   std::function<void(const Error&)> failed)
    : tree_(*tree),
      gate_(*gate),
      inbox_(*inbox),
      log_(*log),
      checkpoints_(*checkpoints),
      io_threads_(std::move(io_threads)),
      outstanding_(*outstanding),
      options_(options),
      metrics_(*metrics),
      failed_callback_(std::move(failed)),
      quorum_({kSelf}),
      proposals_(&quorum_, tree->last_zxid()),
      preparer_(*tree, options.prepare),
      sessions_(options.tick_ms),
      next_session_id_(options.first_session_id),
      reaper_(options.reaper, MonoNow()),
      schedule_(options.checkpoints, MonoNow()),
      complete_until_(io_threads_.size()) {
  // Sessions of the log get a full timeout from now (client-protocol 10.2).
  for (const auto& [session, timeout_ms] : tree_.sessions()) {
    sessions_.Add(session, timeout_ms, {}, MonoNow());
  }
  // Owners of ephemerals that no session table knows are closed at once, in a transaction as
  // every other (storage-and-operations 2.9, step 7).
  for (const auto& [session, nodes] : tree_.ephemerals()) {
    if (!sessions_.IsLive(session)) sessions_.Add(session, 0, {}, MonoNow());
  }
  schedule_.Due();
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
  while (!failed_ && !(stopping_ && in_flight_.empty())) {
    inbox_.TakeAll(&messages, TimePointOf(NextDeadline()));
    for (CoreMessage& message : messages) {
      std::visit([this](auto& m) { Handle(m); }, message);
      if (failed_) return;
    }
    ReleaseDelayed();
    if (!stopping_) RunReaper();
    FlushToLog();
    ApplyCommitted();
    MaybeCheckpoint();
  }
}

MonoMs CoreLoop::NextDeadline() const {
  return std::min(reaper_.NextDeadline(), schedule_.NextDeadline());
}

// Between two transactions: what is frozen is the tree at last_zxid(), all of it committed.
void CoreLoop::MaybeCheckpoint() {
  CheckpointTracker& tracker = tree_.checkpoint_tracker();
  if (stopping_ || !schedule_.TakeStart(tracker.dirty(), tracker.dirty_bytes(), MonoNow())) return;
  auto batch = std::make_shared<CheckpointBatch>();
  std::optional<uint64_t> digest;
  if (tree_.digest_enabled()) digest = tree_.digest();
  FrozenState frozen = tracker.Freeze(tree_.last_zxid(), digest,
                                      [batch](const StoredNode& node) { batch->Add(node); });
  checkpoints_.Begin({std::move(frozen), std::move(batch)});
}

void CoreLoop::Handle(CheckpointEnded& ended) {
  schedule_.Finished(MonoNow());
  if (ended.error) Fail(*ended.error);
}

void CoreLoop::ReleaseDelayed() {
  while (!delayed_.empty() &&
         (stopping_ || !schedule_.MustWait(tree_.checkpoint_tracker().dirty_bytes()))) {
    RequestBatch batch = std::move(delayed_.front());
    delayed_.pop_front();
    HandleNow(batch);
  }
}

PrepareContext CoreLoop::ContextFor(SessionId session, int32_t xid,
                                    const std::vector<Identity>& identities) const {
  return {session, xid, NextZxid(proposals_.last_proposed()), WallNow(), identities};
}

void CoreLoop::Handle(RequestBatch& batch) {
  const bool wait = schedule_.MustWait(tree_.checkpoint_tracker().dirty_bytes());
  if (delayed_.empty() && !wait) return HandleNow(batch);
  LOG_IF(WARNING, delayed_.empty()) << "writes wait: the disk is too slow for the checkpoint";
  delayed_.push_back(std::move(batch));
}

void CoreLoop::HandleNow(RequestBatch& batch) {
  for (CoreRequest& request : batch.requests) {
    // Requests of a session that is gone or going are dropped without a word
    // (client-protocol 10.1); its connection is about to be closed.
    if (!sessions_.IsLive(batch.session)) {
      outstanding_.Done(static_cast<int64_t>(request.frame_bytes));
      continue;
    }
    HandleRequest(batch, std::move(request));
  }
}

void CoreLoop::HandleRequest(const RequestBatch& batch, CoreRequest request) {
  InFlight in_flight{.zxid = proposals_.last_proposed(),
                     .to = batch.from,
                     .session = batch.session,
                     .kind = DeliveryKind::kReply,
                     .op = request.op,
                     .xid = request.xid,
                     .request_bytes = static_cast<int64_t>(request.frame_bytes)};
  if (request.is_read) {
    in_flight.read = std::move(request);
    in_flight_.push_back(std::move(in_flight));
    return;
  }
  if (request.op == OpCode::kCloseSession) {
    in_flight.kind = DeliveryKind::kReplyAndClose;
    CloseSession(batch.session, std::move(in_flight));
    return;
  }
  Propose(preparer_.Prepare(ContextFor(batch.session, request.xid, *request.identities), request.op,
                            request.body),
          std::move(in_flight));
}

void CoreLoop::CloseSession(SessionId session, InFlight in_flight) {
  sessions_.MarkClosing(session);
  std::string payload = preparer_.PrepareCloseSession(ContextFor(session, in_flight.xid, Nobody()));
  Propose(std::move(payload), std::move(in_flight));
}

void CoreLoop::Propose(std::string payload, InFlight in_flight) {
  in_flight.zxid = NextZxid(proposals_.last_proposed());
  in_flight.payload = std::make_shared<const std::string>(std::move(payload));
  to_log_.push_back({in_flight.zxid, in_flight.payload});
  proposals_.Add(to_log_.back());
  in_flight_.push_back(std::move(in_flight));
}

void CoreLoop::Handle(OpenSession& open) {
  const SessionId session = next_session_id_;
  next_session_id_ = SessionId{session.value + 1};
  Propose(preparer_.PrepareCreateSession(ContextFor(session, 0, Nobody()), open.timeout_ms),
          {.to = open.from,
           .session = session,
           .kind = DeliveryKind::kSessionOpened,
           .op = OpCode::kCreateSession});
}

void CoreLoop::Handle(AttachSession& attach) {
  if (!sessions_.IsLive(attach.session)) {
    SendTo(attach.from.io_thread, SessionAttached{attach.from.id, SessionId{0}, 0});
    return;
  }
  const ConnectionRef before =
      sessions_.Attach(attach.session, attach.timeout_ms, attach.from, MonoNow());
  if (before.id != 0) SendTo(before.io_thread, CloseConnection{before.id});
  SendTo(attach.from.io_thread, SessionAttached{attach.from.id, attach.session, attach.timeout_ms});
}

void CoreLoop::Handle(ConnectionGone& gone) { sessions_.Detach(gone.session, gone.from); }

// Deadlines are judged only up to the moment that every I/O thread has reported, so a session whose
// ping lies in a busy thread's queue does not expire.
void CoreLoop::Handle(TouchReport& report) {
  for (const auto& [session, at] : report.touched) sessions_.Touch(session, at);
  complete_until_[report.io_thread] = report.complete_until;
  if (stopping_) return;
  const MonoMs judged = *std::min_element(complete_until_.begin(), complete_until_.end());
  for (SessionId session : sessions_.PopExpired(judged)) {
    LOG(INFO) << "session " << session << " expired";
    metrics_.stale_sessions_expired.Add(1);
    CloseSession(session,
                 {.session = session, .kind = DeliveryKind::kClose, .op = OpCode::kCloseSession});
  }
}

// Everything is in in_flight_ as well, which waits for last_committed().
void CoreLoop::Handle(Persisted& persisted) {
  proposals_.OnAck(kSelf, persisted.upto);
  while (proposals_.TakeCommitted()) {
  }
}

// Nobody can know what reached the disk: nothing more is applied or answered.
void CoreLoop::Handle(LogFailed& failure) { Fail(failure.error); }

void CoreLoop::Fail(const Error& error) {
  failed_ = true;
  metrics_.unrecoverable_error_count.Add(1);
  failed_callback_(error);
}

void CoreLoop::RunReaper() {
  while (const std::optional<std::string> path = reaper_.Next(tree_, MonoNow(), WallNow())) {
    Propose(preparer_.Prepare(ContextFor(SessionId{0}, 0, Nobody()), OpCode::kDeleteContainer,
                              PathRequest{*path}),
            {.op = OpCode::kDeleteContainer});
  }
}

void CoreLoop::FlushToLog() {
  if (!to_log_.empty()) log_.Append(std::exchange(to_log_, {}));
}

bool CoreLoop::CanRunFront() const {
  return !in_flight_.empty() && in_flight_.front().zxid <= proposals_.last_committed();
}

void CoreLoop::ApplyCommitted() {
  while (CanRunFront()) ApplySlice();
}

void CoreLoop::ApplySlice() {
  auto batch = std::make_shared<AppliedBatch>();
  gate_.Write([&] {
    for (size_t n = 0; n < kTxnsPerGateMax && batch->bytes.size() < kBatchBytesMax && CanRunFront();
         ++n) {
      InFlight in_flight = std::move(in_flight_.front());
      in_flight_.pop_front();
      if (in_flight.payload == nullptr) {
        RunRead(in_flight, batch.get());
      } else {
        ApplyOne(in_flight, batch.get());
      }
    }
    batch->last_zxid = tree_.last_zxid();
    // Under the gates: a reader that sees the new tree finds the batch in its inbox.
    for (IoThread* io : io_threads_) io->Enqueue(AppliedBatchRef(batch));
  });
  for (IoThread* io : io_threads_) io->WakeIfConcerned(*batch);
}

void CoreLoop::ApplyOne(InFlight& in_flight, AppliedBatch* batch) {
  BatchItem item{.zxid = in_flight.zxid,
                 .changes_begin = static_cast<uint32_t>(batch->changes.size()),
                 .watches_begin = static_cast<uint32_t>(batch->watches.size()),
                 .watches_end = static_cast<uint32_t>(batch->watches.size()),
                 .bytes_begin = batch->bytes.size(),
                 .session = in_flight.session};
  const Result<ApplyOutcome> outcome = tree_.Apply(*in_flight.payload, &batch->changes);
  CHECK(outcome.has_value()) << "our own transaction: " << outcome.error().message;
  preparer_.Applied(in_flight.zxid);
  if (outcome->recorded_digest &&
      outcome->recorded_digest->tree_digest != static_cast<int64_t>(tree_.digest())) {
    LOG_FIRST_N(ERROR, 1) << "digest mismatch at zxid " << in_flight.zxid;
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
    sessions_.Add(in_flight.session, tree_.sessions().at(in_flight.session), in_flight.to,
                  MonoNow());
  } else if (type == OpCode::kCloseSession) {
    const ConnectionRef owner = sessions_.OwnerOf(in_flight.session);
    sessions_.Remove(in_flight.session);
    if (in_flight.kind == DeliveryKind::kClose) {
      in_flight.to = owner;
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
      WriteWriteReply(in_flight.xid, in_flight.op, outcome, &batch->bytes);
      return;
    default:
      return;  // the connection writes its own ConnectResponse
  }
}

// A read between two writes of its session: it sees exactly what stands before it
// (client-protocol 10.4).
void CoreLoop::RunRead(InFlight& in_flight, AppliedBatch* batch) {
  BatchItem item{.zxid = tree_.last_zxid(),
                 .changes_begin = static_cast<uint32_t>(batch->changes.size()),
                 .changes_end = static_cast<uint32_t>(batch->changes.size()),
                 .watches_begin = static_cast<uint32_t>(batch->watches.size()),
                 .bytes_begin = batch->bytes.size(),
                 .kind = in_flight.kind,
                 .to = in_flight.to,
                 .session = in_flight.session};
  outstanding_.Done(in_flight.request_bytes);
  HandleTreeRead({tree_, options_.prepare.access, *in_flight.read.identities, in_flight.session},
                 in_flight.xid, in_flight.op, in_flight.read.body, &batch->bytes, &batch->watches);
  item.watches_end = static_cast<uint32_t>(batch->watches.size());
  item.bytes_end = batch->bytes.size();
  batch->items.push_back(item);
}

void CoreLoop::SendTo(uint32_t io_thread, IoMessage message) {
  io_threads_[io_thread]->Enqueue(std::move(message));
  io_threads_[io_thread]->Wake();
}

}  // namespace lockkeeper
