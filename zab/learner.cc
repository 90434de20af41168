#include "zab/learner.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "zab/text.h"

namespace lockkeeper::zab {
namespace {

template <class... Parts>
Error Leave(const Parts&... parts) {
  return {Errc::kBadFrame, Text(parts...)};
}

}  // namespace

Learner::Learner(MonoMs now, const PeerOptions& options, History* history, PeerId leader,
                 bool without_history, Actions* out)
    : options_(options),
      history_(*history),
      leader_(leader),
      needs_everything_(without_history),
      deadline_{now.value + options.init_ms()} {
  out->push_back(ConnectToLeader{leader});
}

Status Learner::OnConnected(MonoMs now, Actions* out) {
  phase_ = Phase::kAwaitLeaderInfo;
  deadline_ = MonoMs{now.value + options_.init_ms()};
  const LearnerInfo info{options_.self, kLearnerProtocolVersion, options_.config.version};
  out->push_back(SendToLeader{
      {options_.observer ? QuorumPacketType::kObserverInfo : QuorumPacketType::kFollowerInfo,
       EpochStart(history_.accepted_epoch), EncodeLearnerInfo(info)}});
  return {};
}

Status Learner::OnTimer(MonoMs now) const {
  if (now < deadline_) return {};
  return Leave("nothing from leader ", leader_, " in time");
}

Status Learner::OnPacket(MonoMs now, const QuorumPacket& packet, Actions* out) {
  const bool synced = phase_ == Phase::kAwaitUpToDate || phase_ == Phase::kServing;
  deadline_ = MonoMs{now.value + (synced ? options_.sync_ms() : options_.init_ms())};
  switch (phase_) {
    case Phase::kConnecting:
    case Phase::kAwaitSnapshot:
      return Leave("a packet before its time: type ", static_cast<int>(packet.type));
    case Phase::kAwaitLeaderInfo:
      return OnLeaderInfo(packet, out);
    case Phase::kAwaitSync:
      return OnSyncStart(packet, out);
    case Phase::kSyncing:
      if (packet.type == QuorumPacketType::kNewLeader) {
        const Status status = OnNewLeader(packet, out);
        if (status.ok()) MaybeAcknowledgeNewLeader(now, out);
        return status;
      }
      return OnSyncPacket(packet);
    case Phase::kPersisting:
    case Phase::kAwaitUpToDate:
      return OnPacketUntilServing(packet, out);
    case Phase::kServing:
      return OnPacketWhileServing(packet, out);
  }
  return {};
}

Status Learner::OnLeaderInfo(const QuorumPacket& packet, Actions* out) {
  if (packet.type != QuorumPacketType::kLeaderInfo) {
    return Leave("leader ", leader_, " is older than 3.4 or no leader");
  }
  epoch_ = EpochOf(packet.zxid);
  if (epoch_ < history_.accepted_epoch) {
    return Leave("leader ", leader_, " leads epoch ", epoch_, ", but epoch ",
                 history_.accepted_epoch, " was promised");
  }
  // The same epoch again does not count for it a second time (QP-2.5). So it is only there that
  // the history may be denied: a new leader must be measured by what this server really has.
  int32_t acknowledged = -1;
  if (epoch_ > history_.accepted_epoch) {
    needs_everything_ = false;
    acknowledged = static_cast<int32_t>(history_.current_epoch);
    history_.accepted_epoch = epoch_;
    out->push_back(WriteAcceptedEpoch{epoch_});
  }
  const Zxid last = needs_everything_ ? Zxid{0} : history_.applied;
  out->push_back(SendToLeader{{QuorumPacketType::kAckEpoch, last, EncodeInt(acknowledged)}});
  phase_ = Phase::kAwaitSync;
  return {};
}

Status Learner::OnSyncStart(const QuorumPacket& packet, Actions* out) {
  received_ = history_.applied;
  phase_ = Phase::kSyncing;
  switch (packet.type) {
    case QuorumPacketType::kDiff:
      went_nowhere_ = needs_everything_;
      if (needs_everything_) return Leave("leader ", leader_, " sends a DIFF to an empty server");
      return {};
    case QuorumPacketType::kTrunc:
      if (packet.zxid > history_.applied) {
        return Leave("leader ", leader_, " cuts at ", packet.zxid, ", beyond ", history_.applied);
      }
      received_ = packet.zxid;
      out->push_back(Truncate{packet.zxid});
      return {};
    case QuorumPacketType::kSnap:
      received_ = packet.zxid;
      snapshot_ = packet.zxid;
      phase_ = Phase::kAwaitSnapshot;
      return {};
    default:
      return Leave("leader ", leader_, " begins synchronization with a packet of type ",
                   static_cast<int>(packet.type));
  }
}

Status Learner::OnSnapshotReceived(MonoMs now) {
  if (phase_ != Phase::kAwaitSnapshot) return Leave("a snapshot that nobody asked for");
  deadline_ = MonoMs{now.value + options_.init_ms()};
  phase_ = Phase::kSyncing;
  return {};
}

void Learner::OnSnapshotPart(MonoMs now) {
  if (phase_ == Phase::kAwaitSnapshot) deadline_ = MonoMs{now.value + options_.init_ms()};
}

Status Learner::OnTruncated(bool possible) {
  if (!possible) {
    needs_everything_ = went_nowhere_ = true;
    return Leave("the log cannot be cut back to ", received_);
  }
  history_.applied = history_.appended = history_.persisted = received_;
  history_.committed.Truncate(received_);
  return {};
}

Status Learner::OnSyncPacket(const QuorumPacket& packet) {
  switch (packet.type) {
    case QuorumPacketType::kProposal:
      return OnProposal(packet);
    case QuorumPacketType::kCommit:
    case QuorumPacketType::kCommitAndActivate:
      return OnCommitInSync(packet.zxid);
    case QuorumPacketType::kInform:
      return OnInform(packet, 0);
    case QuorumPacketType::kInformAndActivate:
      return OnInform(packet, sizeof(int64_t));
    default:
      return {};  // PING without an answer; UPTODATE only after NEWLEADER; others unknown
  }
}

// No holes (QP-3.19). Only the first one after a snapshot may repeat what the snapshot has.
Status Learner::OnProposal(const QuorumPacket& packet) {
  if (packet.data == nullptr) return Leave("a proposal without a transaction");
  const bool repeats = !any_received_ && packet.zxid <= received_;
  if (!repeats && !Follows(received_, packet.zxid)) {
    return Leave("proposal ", packet.zxid, " does not follow ", received_);
  }
  any_received_ = true;
  received_ = packet.zxid;
  pending_.push_back({.entry = {packet.zxid, packet.data}});
  return {};
}

Status Learner::OnCommitInSync(Zxid zxid) {
  const auto open = std::find_if(pending_.begin(), pending_.end(),
                                 [](const Pending& pending) { return !pending.committed; });
  if (open == pending_.end() || open->entry.zxid != zxid) {
    return Leave("COMMIT of ", zxid, " for no open proposal");
  }
  open->committed = true;
  return {};
}

Status Learner::OnInform(const QuorumPacket& packet, size_t skip) {
  if (packet.data == nullptr || packet.data->size() < skip) return Leave("a short INFORM");
  QuorumPacket proposal = packet;
  if (skip > 0) proposal.data = std::make_shared<const std::string>(packet.data->substr(skip));
  if (const Status status = OnProposal(proposal); !status.ok()) return status;
  return OnCommitInSync(packet.zxid);
}

// The order of quorum-protocol 3.7 (i): the history of the epoch is durable before the epoch, and
// the epoch before its acknowledgement.
Status Learner::OnNewLeader(const QuorumPacket& packet, Actions* out) {
  if (EpochOf(packet.zxid) != epoch_) {
    return Leave("NEWLEADER of epoch ", EpochOf(packet.zxid), " instead of ", epoch_);
  }
  phase_ = Phase::kPersisting;
  if (snapshot_) {
    out->push_back(InstallSnapshot{*snapshot_});
    history_.committed.Clear();
    history_.applied = history_.appended = history_.persisted = *snapshot_;
    snapshot_.reset();
    needs_everything_ = false;
  }
  // A leader repeats what a fuzzy base may have; what is logged here already is not logged twice.
  for (Pending& pending : pending_) {
    if (!pending.committed) break;
    pending.logged = true;
    if (pending.entry.zxid <= history_.appended) continue;
    history_.appended = pending.entry.zxid;
    out->push_back(Append{pending.entry});
  }
  DeliverCommitted(out);
  return {};
}

void Learner::MaybeAcknowledgeNewLeader(MonoMs now, Actions* out) {
  if (phase_ != Phase::kPersisting || history_.persisted < history_.appended) return;
  phase_ = Phase::kAwaitUpToDate;
  deadline_ = MonoMs{now.value + options_.sync_ms()};
  history_.current_epoch = epoch_;
  out->push_back(WriteCurrentEpoch{epoch_});
  Acknowledge(EpochStart(epoch_), out);
}

void Learner::OnPersisted(MonoMs now, Actions* out) {
  MaybeAcknowledgeNewLeader(now, out);
  while (!unacknowledged_.empty() && unacknowledged_.front() <= history_.persisted) {
    Acknowledge(unacknowledged_.front(), out);
    unacknowledged_.pop_front();
  }
}

// Apache leaders send live traffic in this gap; ours do not (quorum-protocol 3.6, P7).
Status Learner::OnPacketUntilServing(const QuorumPacket& packet, Actions* out) {
  if (packet.type != QuorumPacketType::kUpToDate) return OnSyncPacket(packet);
  if (phase_ != Phase::kAwaitUpToDate) return Leave("UPTODATE before NEWLEADER was acknowledged");
  OnUpToDate(out);
  return {};
}

void Learner::OnUpToDate(Actions* out) {
  phase_ = Phase::kServing;
  any_received_ = true;  // live proposals repeat nothing
  Acknowledge(EpochStart(epoch_), out);
  out->push_back(StartServing{options_.observer ? Role::kObserver : Role::kFollower, epoch_,
                              leader_, history_.applied});
  LogPending(out);
  DeliverCommitted(out);
}

Status Learner::OnPacketWhileServing(const QuorumPacket& packet, Actions* out) {
  switch (packet.type) {
    case QuorumPacketType::kPing:
      out->push_back(AnswerPing{packet.zxid});
      return {};
    case QuorumPacketType::kRevalidate:
    case QuorumPacketType::kSync:
      out->push_back(LeaderAnswer{packet});
      return {};
    case QuorumPacketType::kProposal: {
      if (options_.observer) return {};
      if (const Status status = OnProposal(packet); !status.ok()) return status;
      LogPending(out);
      return {};
    }
    case QuorumPacketType::kCommit:
    case QuorumPacketType::kCommitAndActivate:
      if (options_.observer) return {};
      return CommitFront(packet.zxid, out);
    case QuorumPacketType::kInform:
    case QuorumPacketType::kInformAndActivate: {
      const size_t skip = packet.type == QuorumPacketType::kInform ? 0 : sizeof(int64_t);
      if (const Status status = OnInform(packet, skip); !status.ok()) return status;
      LogPending(out);
      DeliverCommitted(out);
      return {};
    }
    default:
      return {};
  }
}

// Commits come in the order of the proposals; anything else means that one side has lost its
// place (QP-5.12).
Status Learner::CommitFront(Zxid zxid, Actions* out) {
  if (pending_.empty() || pending_.front().entry.zxid != zxid) {
    return Leave("COMMIT of ", zxid, ", but ",
                 pending_.empty() ? Zxid{0} : pending_.front().entry.zxid, " is next");
  }
  pending_.front().committed = true;
  DeliverCommitted(out);
  return {};
}

void Learner::LogPending(Actions* out) {
  const auto unlogged = std::find_if(pending_.rbegin(), pending_.rend(),
                                     [](const Pending& pending) { return pending.logged; });
  for (auto pending = unlogged.base(); pending != pending_.end(); ++pending) {
    pending->logged = true;
    if (pending->entry.zxid <= history_.appended) continue;
    history_.appended = pending->entry.zxid;
    out->push_back(Append{pending->entry});
    if (!options_.observer) unacknowledged_.push_back(pending->entry.zxid);
  }
}

void Learner::DeliverCommitted(Actions* out) {
  while (!pending_.empty() && pending_.front().committed && pending_.front().logged) {
    LogEntry entry = std::move(pending_.front().entry);
    pending_.pop_front();
    if (entry.zxid <= history_.applied) continue;
    history_.applied = entry.zxid;
    history_.committed.Add(entry);
    out->push_back(Deliver{std::move(entry)});
  }
}

void Learner::Acknowledge(Zxid zxid, Actions* out) {
  out->push_back(SendToLeader{{QuorumPacketType::kAck, zxid}});
}

std::deque<LogEntry> Learner::TakeLogged() {
  std::deque<LogEntry> logged;
  for (Pending& pending : pending_) {
    if (pending.logged) logged.push_back(std::move(pending.entry));
  }
  pending_.clear();
  return logged;
}

}  // namespace lockkeeper::zab
