#include "zab/leader.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "zab/text.h"

namespace lockkeeper::zab {
namespace {

using Link = LearnerLink::Phase;

constexpr Zxid kNoZxid{-1};
// What a packet takes beside its data.
constexpr size_t kHeldPacketBytes = 64;
// A promise further ahead than elections can have failed meanwhile is damage.
constexpr int64_t kEpochsAheadMax = 1000;

}  // namespace

Leader::Leader(MonoMs now, const PeerOptions& options, History* history, int64_t promised,
               Actions* out)
    : options_(options),
      history_(*history),
      quorum_(options.config.voters),
      first_epoch_(history->current_epoch),
      first_zxid_(history->applied),
      phase_ends_{now.value + options.init_ms()},
      epoch_(promised + 1),
      promised_(promised),
      began_(now) {
  out->push_back(OpenLearnerPort{});
  AddToEpoch(options_.self, history_.accepted_epoch);
  MaybeFixEpoch(now, out);
}

// ---- Discovery.

void Leader::OnLearnerConnected(MonoMs now, LearnerId id) {
  links_[id].deadline = MonoMs{now.value + options_.init_ms()};
}

void Leader::OnLearnerLost(LearnerId id) { links_.erase(id); }

void Leader::OnLearnerTakes(MonoMs now, LearnerId id) {
  const auto found = links_.find(id);
  if (found == links_.end() || found->second.phase != Link::kAwaitAck) return;
  found->second.deadline = MonoMs{now.value + options_.init_ms()};
}

void Leader::OnLearnerPacket(MonoMs now, LearnerId id, const QuorumPacket& packet, Actions* out) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  LearnerLink* link = &found->second;
  switch (link->phase) {
    case Link::kAwaitInfo:
      return OnInfo(now, id, link, packet, out);
    case Link::kAwaitAckEpoch:
      return OnAckEpoch(now, id, link, packet, out);
    case Link::kAwaitAck:
      if (packet.type == QuorumPacketType::kAck) {
        OnAck(now, id, link, packet.zxid, out);
      } else {
        Close(id, "it does not acknowledge NEWLEADER", out);
      }
      return;
    case Link::kAwaitServing:
    case Link::kSynced:
      break;
    default:
      Close(id, Text("a packet before its time: type ", static_cast<int>(packet.type)), out);
      return;
  }
  if (link->phase == Link::kSynced) link->deadline = MonoMs{now.value + options_.sync_ms()};
  if (packet.type == QuorumPacketType::kAck) {
    OnAck(now, id, link, packet.zxid, out);
  } else if (packet.type == QuorumPacketType::kRequest ||
             packet.type == QuorumPacketType::kRevalidate ||
             packet.type == QuorumPacketType::kPing) {
    out->push_back(LearnerMessage{id, packet});
    if (packet.type == QuorumPacketType::kPing && packet.zxid != kMoreTouches) {
      OnPingAnswered(link, out);
    }
  }
}

void Leader::OnInfo(MonoMs now, LearnerId id, LearnerLink* link, const QuorumPacket& packet,
                    Actions* out) {
  if (packet.type != QuorumPacketType::kFollowerInfo &&
      packet.type != QuorumPacketType::kObserverInfo) {
    Close(id, Text("its first packet is of type ", static_cast<int>(packet.type)), out);
    return;
  }
  // Without its data it is an observer that has no number of its own.
  LearnerInfo info{PeerId{-1 - static_cast<int64_t>(id)}};
  if (packet.data != nullptr) {
    const std::optional<LearnerInfo> told = DecodeLearnerInfo(packet.data);
    if (!told || told->protocol_version < kLearnerProtocolVersion) {
      Close(id, "a learner older than ZooKeeper 3.4", out);
      return;
    }
    info = *told;
  }
  if (info.sid == options_.self) {
    Close(id, "it has this server's own number", out);
    return;
  }
  if (info.config_version > options_.config.version) {
    Close(id, "its configuration is newer than this leader's", out);
    return;
  }
  for (auto& [other, old] : links_) {
    if (other == id || old.phase == Link::kAwaitInfo || old.sid != info.sid) continue;
    Close(other, "the same server has connected again", out);
    break;
  }
  link->sid = info.sid;
  link->observer = packet.type == QuorumPacketType::kObserverInfo;
  link->phase = Link::kAwaitEpoch;
  link->deadline = MonoMs{now.value + options_.init_ms()};
  const int64_t accepted = EpochOf(packet.zxid);
  if (phase_ != Phase::kEpoch) {
    // Of strangers that would be a way to disturb the ensemble.
    if (options_.config.IsMember(info.sid) && accepted <= epoch_ + kEpochsAheadMax) {
      promised_ = std::max(promised_, accepted);
    }
    SendLeaderInfo(now, id, link, out);
    return;
  }
  if (link->observer) {
    epoch_ = std::max(epoch_, accepted + 1);
  } else {
    AddToEpoch(info.sid, accepted);
  }
  MaybeFixEpoch(now, out);
}

// Every promise that is seen raises the epoch; only voters make it final (QP-2.4).
void Leader::AddToEpoch(PeerId sid, int64_t accepted_epoch) {
  epoch_ = std::max(epoch_, accepted_epoch + 1);
  if (quorum_.IsVoter(sid)) connected_.insert(sid);
}

void Leader::MaybeFixEpoch(MonoMs now, Actions* out) {
  if (phase_ != Phase::kEpoch || !connected_.contains(options_.self) ||
      !quorum_.IsQuorum(connected_)) {
    return;
  }
  phase_ = Phase::kAckEpoch;
  phase_ends_ = MonoMs{now.value + options_.init_ms()};
  history_.accepted_epoch = epoch_;
  out->push_back(WriteAcceptedEpoch{epoch_});
  proposals_.emplace(&quorum_, EpochStart(epoch_));
  elected_by_.insert(options_.self);
  for (auto& [id, link] : links_) {
    if (link.phase == Link::kAwaitEpoch) SendLeaderInfo(now, id, &link, out);
  }
  MaybeElected(now, out);
}

void Leader::SendLeaderInfo(MonoMs now, LearnerId id, LearnerLink* link, Actions* out) {
  link->phase = Link::kAwaitAckEpoch;
  link->deadline = MonoMs{now.value + options_.init_ms()};
  out->push_back(SendToLearner{
      id, {QuorumPacketType::kLeaderInfo, EpochStart(epoch_), EncodeInt(kLearnerProtocolVersion)}});
}

void Leader::OnAckEpoch(MonoMs now, LearnerId id, LearnerLink* link, const QuorumPacket& packet,
                        Actions* out) {
  const std::optional<int32_t> epoch = DecodeInt(packet.data);
  if (packet.type != QuorumPacketType::kAckEpoch || !epoch) {
    Close(id, "it does not acknowledge the epoch", out);
    return;
  }
  if (*epoch != -1 && phase_ == Phase::kAckEpoch) {
    // Whoever knows more than this leader would lose it (P31).
    if (*epoch > first_epoch_ || (*epoch == first_epoch_ && packet.zxid > first_zxid_)) {
      Close(id, "its history is newer than this leader's", out);
      return;
    }
    if (!link->observer) elected_by_.insert(link->sid);
  }
  link->peer = packet.zxid;
  link->phase = Link::kAwaitElection;
  link->deadline = MonoMs{now.value + options_.init_ms()};
  if (phase_ == Phase::kAckEpoch) {
    MaybeElected(now, out);
  } else {
    Synchronize(now, id, link, out);
  }
}

void Leader::MaybeElected(MonoMs now, Actions* out) {
  if (!quorum_.IsQuorum(elected_by_)) return;
  phase_ = Phase::kNewLeader;
  phase_ends_ = MonoMs{now.value + options_.init_ms()};
  history_.current_epoch = epoch_;
  out->push_back(WriteCurrentEpoch{epoch_});
  followed_by_.insert(options_.self);
  std::vector<LearnerId> waiting;
  for (const auto& [id, link] : links_) {
    if (link.phase == Link::kAwaitElection) waiting.push_back(id);
  }
  for (const LearnerId id : waiting) Synchronize(now, id, &links_.at(id), out);
  MaybeServe(now, out);
}

// ---- Synchronization.

SyncSituation Leader::SituationOf(const LearnerLink& link) const {
  return {.committed = history_.committed,
          .leader = history_.applied,
          .peer = link.peer,
          .force_snapshot = options_.force_snapshot_sync,
          .may_read_log = options_.sync_from_log_files};
}

size_t Leader::Syncing(bool snapshots) const {
  return static_cast<size_t>(std::count_if(links_.begin(), links_.end(), [&](const auto& entry) {
    return entry.second.Synchronizing() && entry.second.snapshot == snapshots;
  }));
}

void Leader::Synchronize(MonoMs now, LearnerId id, LearnerLink* link, Actions* out) {
  SyncPlan plan = PlanSync(SituationOf(*link));
  if (plan.kind == SyncPlan::Kind::kNeedsLog) {
    link->phase = Link::kAwaitLog;
    out->push_back(FetchLog{id, link->peer, history_.committed.oldest()});
    return;
  }
  Carry(now, id, link, std::move(plan), out);
}

void Leader::OnLogFetched(MonoMs now, LearnerId id, std::span<const LogEntry> entries,
                          Actions* out) {
  const auto found = links_.find(id);
  if (found == links_.end() || found->second.phase != Link::kAwaitLog) return;
  Carry(now, id, &found->second, PlanWithLog(SituationOf(found->second), entries), out);
}

// Everything of a synchronization and the beginning of live traffic in one step, so that nothing
// is lost or sent twice in between; NEWLEADER behind it all (P9, P51).
void Leader::Carry(MonoMs now, LearnerId id, LearnerLink* link, SyncPlan plan, Actions* out) {
  link->snapshot = plan.kind == SyncPlan::Kind::kSnapshot;
  const size_t limit =
      link->snapshot ? options_.max_concurrent_snap_syncs : options_.max_concurrent_diff_syncs;
  if (link->observer && Syncing(link->snapshot) >= limit) {
    Close(id, "too many observers synchronize at once", out);
    return;
  }
  if (link->snapshot) {
    out->push_back(SendSnapshot{id, plan.zxid});
  } else {
    const bool diff = plan.kind == SyncPlan::Kind::kDiff;
    out->push_back(
        SendToLearner{id, {diff ? QuorumPacketType::kDiff : QuorumPacketType::kTrunc, plan.zxid}});
  }
  for (LogEntry& entry : plan.resend) {
    out->push_back(SendToLearner{id, {QuorumPacketType::kProposal, entry.zxid, entry.payload}});
    out->push_back(SendToLearner{id, {QuorumPacketType::kCommit, entry.zxid}});
  }
  if (!link->observer) {
    for (const LogEntry& entry : proposals_->open()) {
      out->push_back(SendToLearner{id, {QuorumPacketType::kProposal, entry.zxid, entry.payload}});
    }
  }
  link->forwarding = true;
  link->phase = Link::kAwaitAck;
  link->deadline = MonoMs{now.value + options_.init_ms()};
  out->push_back(SendToLearner{id,
                               {QuorumPacketType::kNewLeader, EpochStart(epoch_),
                                std::make_shared<const std::string>(options_.config.text)}});
}

void Leader::OnAck(MonoMs now, LearnerId id, LearnerLink* link, Zxid zxid, Actions* out) {
  if (link->phase == Link::kAwaitAck && zxid == EpochStart(epoch_)) {
    link->phase = Link::kAwaitServing;
    link->deadline = MonoMs{now.value + options_.init_ms()};
    if (!link->observer) followed_by_.insert(link->sid);
    if (phase_ == Phase::kServing) {
      BringUpToDate(now, id, link, out);
    } else {
      MaybeServe(now, out);
    }
    return;
  }
  // Learners up to 3.8.4 may acknowledge proposals before NEWLEADER (P6).
  if (CounterOf(zxid) == 0 || link->observer) return;
  link->acks.Acked(zxid);
  proposals_->OnAck(link->sid, zxid);
  CommitAgreed(out);
}

void Leader::MaybeServe(MonoMs now, Actions* out) {
  if (phase_ != Phase::kNewLeader || !quorum_.IsQuorum(followed_by_)) return;
  phase_ = Phase::kServing;
  next_half_tick_ = MonoMs{now.value + options_.tick_ms / 2};
  history_.applied = EpochStart(epoch_);
  out->push_back(StartServing{Role::kLeader, epoch_, options_.self, history_.applied});
  for (auto& [id, link] : links_) {
    if (link.phase == Link::kAwaitServing) BringUpToDate(now, id, &link, out);
  }
}

void Leader::BringUpToDate(MonoMs now, LearnerId id, LearnerLink* link, Actions* out) {
  link->phase = Link::kSynced;
  link->deadline = MonoMs{now.value + options_.sync_ms()};
  out->push_back(SendToLearner{id, {QuorumPacketType::kUpToDate, kNoZxid}});
  link->held_bytes = 0;
  for (QuorumPacket& packet : std::exchange(link->held, {})) {
    if (packet.type == QuorumPacketType::kProposal) link->acks.Sent(now, packet.zxid);
    out->push_back(SendToLearner{id, std::move(packet)});
  }
}

// ---- Broadcast.

bool Leader::CanPropose() const {
  return CounterOf(proposals_->last_proposed()) < options_.last_counter;
}

void Leader::Propose(MonoMs now, LogEntry entry, Actions* out) {
  history_.appended = entry.zxid;
  for (auto& [id, link] : links_) {
    if (!link.forwarding || link.observer) continue;
    if (link.phase == Link::kSynced) link.acks.Sent(now, entry.zxid);
    Send(id, &link, {QuorumPacketType::kProposal, entry.zxid, entry.payload}, out);
  }
  out->push_back(Append{entry});
  proposals_->Add(std::move(entry));
}

void Leader::OnPersisted(Actions* out) {
  if (phase_ != Phase::kServing) return;
  proposals_->OnAck(options_.self, history_.persisted);
  CommitAgreed(out);
}

void Leader::CommitAgreed(Actions* out) {
  if (phase_ != Phase::kServing) return;
  while (std::optional<LogEntry> entry = proposals_->TakeCommitted()) {
    // What was proposed after a sync came has a quorum; and the sync keeps its place before it.
    while (!syncs_.empty() && syncs_.front().upto < entry->zxid) AnswerFirstSync(out);
    for (auto& [id, link] : links_) {
      if (!link.forwarding) continue;
      if (link.observer) {
        Send(id, &link, {QuorumPacketType::kInform, entry->zxid, entry->payload}, out);
      } else {
        Send(id, &link, {QuorumPacketType::kCommit, entry->zxid}, out);
      }
    }
    history_.applied = entry->zxid;
    history_.committed.Add(*entry);
    out->push_back(Deliver{*std::move(entry)});
  }
  AnswerSyncs(out);
}

void Leader::Send(LearnerId id, LearnerLink* link, QuorumPacket packet, Actions* out) {
  if (link->phase == Link::kSynced) {
    out->push_back(SendToLearner{id, std::move(packet)});
  } else {
    link->held_bytes += kHeldPacketBytes + (packet.data == nullptr ? 0 : packet.data->size());
    link->held.push_back(std::move(packet));
  }
}

void Leader::SendTo(LearnerId id, QuorumPacket packet, Actions* out) {
  const auto found = links_.find(id);
  if (found != links_.end()) Send(id, &found->second, std::move(packet), out);
}

void Leader::Sync(std::optional<LearnerId> id, Actions* out) {
  syncs_.push_back({proposals_->last_proposed(), round_ + 1, id});
  // While a round is under way all that come wait for the next one together.
  if (proven_round_ == round_) PingAll(out);
}

void Leader::AnswerSyncs(Actions* out) {
  while (!syncs_.empty() && syncs_.front().upto <= proposals_->last_committed() &&
         syncs_.front().round <= proven_round_) {
    AnswerFirstSync(out);
  }
}

void Leader::AnswerFirstSync(Actions* out) {
  const QuorumPacket answer{QuorumPacketType::kSync, Zxid{0}};
  if (syncs_.front().id) {
    SendTo(*syncs_.front().id, answer, out);
  } else {
    out->push_back(LeaderAnswer{answer});
  }
  syncs_.pop_front();
}

void Leader::PingAll(Actions* out) {
  ++round_;
  for (auto& [id, link] : links_) {
    if (link.phase != Link::kSynced) continue;
    link.pings.push_back(round_);
    out->push_back(SendToLearner{id, {QuorumPacketType::kPing, proposals_->last_proposed()}});
  }
  CheckRound(round_, out);
}

void Leader::OnPingAnswered(LearnerLink* link, Actions* out) {
  if (link->pings.empty()) return;
  link->answered_round = link->pings.front();
  link->pings.pop_front();
  CheckRound(link->answered_round, out);
}

// Whoever answers a PING was this leader's when the PING was sent.
void Leader::CheckRound(uint64_t round, Actions* out) {
  if (phase_ != Phase::kServing || round <= proven_round_) return;
  std::set<PeerId> answered{options_.self};
  for (const auto& [id, link] : links_) {
    if (!link.observer && link.answered_round >= round) answered.insert(link.sid);
  }
  if (!quorum_.IsQuorum(answered)) return;
  proven_round_ = round;
  AnswerSyncs(out);
  if (!syncs_.empty() && syncs_.back().round > round_) PingAll(out);
}

// ---- Liveness.

void Leader::Close(LearnerId id, std::string why, Actions* out) {
  links_.erase(id);
  out->push_back(CloseLearner{id, std::move(why)});
}

void Leader::CloseLate(MonoMs now, Actions* out) {
  std::vector<std::pair<LearnerId, std::string>> late;
  for (const auto& [id, link] : links_) {
    if (now >= link.deadline) {
      late.emplace_back(id, Text("nothing from server ", link.sid, " in time"));
    } else if (link.held_bytes > options_.held_bytes_max) {
      late.emplace_back(id, Text("server ", link.sid, " takes too long to synchronize: ",
                                 link.held_bytes, " bytes wait behind it"));
    } else if (link.acks.LateBy(now, options_.sync_ms())) {
      late.emplace_back(id, Text("server ", link.sid, " does not acknowledge proposals"));
    }
  }
  for (auto& [id, why] : late) Close(id, std::move(why), out);
}

Status Leader::OnTimer(MonoMs now, Actions* out) {
  CloseLate(now, out);
  if (phase_ != Phase::kServing) {
    if (now < phase_ends_) return {};
    return Error{Errc::kBadFrame, "no quorum of followers in time"};
  }
  if (now < next_half_tick_) return {};
  if (promised_ > epoch_) {
    return Error{Errc::kBadFrame, Text("a member has promised itself to epoch ", promised_)};
  }
  next_half_tick_ = MonoMs{now.value + options_.tick_ms / 2};
  odd_half_tick_ = !odd_half_tick_;
  if (!odd_half_tick_ && !HasQuorum()) {
    return Error{Errc::kBadFrame, "a quorum of followers is lost"};
  }
  PingAll(out);
  return {};
}

bool Leader::HasQuorum() const {
  std::set<PeerId> alive{options_.self};
  for (const auto& [id, link] : links_) {
    if (!link.observer && link.forwarding) alive.insert(link.sid);
  }
  return quorum_.IsQuorum(alive);
}

MonoMs Leader::NextDeadline() const {
  MonoMs next = phase_ == Phase::kServing ? next_half_tick_ : phase_ends_;
  for (const auto& [id, link] : links_) next = std::min(next, link.deadline);
  return next;
}

bool Leader::ShouldQuit(MonoMs now, PeerId looking) const {
  return phase_ == Phase::kEpoch && options_.max_time_to_wait_for_epoch_ms >= 0 &&
         now.value - began_.value > options_.max_time_to_wait_for_epoch_ms &&
         connected_.contains(looking);
}

Leader::LearnerCounts Leader::Counts() const {
  LearnerCounts counts;
  for (const auto& [id, link] : links_) {
    if (link.phase == Link::kAwaitInfo) continue;
    const bool synced = link.phase == Link::kSynced;
    if (link.observer) {
      ++counts.observers;
      if (synced) ++counts.synced_observers;
    } else {
      ++counts.followers;
      if (synced) ++counts.synced_followers;
      if (synced && !quorum_.IsVoter(link.sid)) ++counts.synced_non_voting;
    }
  }
  counts.pending_syncs = syncs_.size();
  return counts;
}

PeerId Leader::SidOf(LearnerId id) const {
  const auto found = links_.find(id);
  const bool told = found != links_.end() && found->second.phase != Link::kAwaitInfo;
  return told ? found->second.sid : PeerId{-1};
}

std::deque<LogEntry> Leader::TakeLogged() {
  if (!proposals_) return {};
  return proposals_->open();
}

}  // namespace lockkeeper::zab
