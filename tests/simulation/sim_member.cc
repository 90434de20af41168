#include "tests/simulation/sim_member.h"

#include <algorithm>
#include <limits>
#include <sstream>
#include <utility>

namespace lockkeeper::simulation {
namespace {

using Type = QuorumPacketType;

std::string Hex(Zxid zxid) {
  std::ostringstream text;
  text << zxid;
  return text.str();
}

bool IsWorthTracing(const QuorumPacket& packet) {
  switch (packet.type) {
    case Type::kPing:
    case Type::kRequest:
    case Type::kProposal:
    case Type::kCommit:
    case Type::kInform:
      return false;
    case Type::kAck:
      return static_cast<int32_t>(packet.zxid.value) == 0;
    default:
      return true;
  }
}

std::string Described(const QuorumPacket& packet) {
  std::string text = "packet " + std::to_string(static_cast<int>(packet.type)) + " with ";
  text += Hex(packet.zxid);
  if (packet.type == Type::kAckEpoch) text += " epoch " + std::to_string(*DecodeInt(packet.data));
  return text;
}

zab::PeerOptions Believed(zab::PeerOptions options, PlantedBug bug) {
  if (bug != PlantedBug::kDifferentVoters || options.config.voters.size() < 3) return options;
  // Each leaves out the one before itself and the one before that.
  const auto count = static_cast<int64_t>(options.config.voters.size());
  for (const int64_t back : {1, 2}) {
    options.config.voters.erase(PeerId{(options.self.value - 1 + count - back) % count + 1});
  }
  return options;
}

}  // namespace

SimMember::SimMember(const Surroundings& surroundings, const zab::PeerOptions& options)
    : around_(surroundings),
      options_(Believed(options, surroundings.bug)),
      clock_speed_percent_(100 + around_.dice->Between(-around_.plan->clock_skew_percent,
                                                       around_.plan->clock_skew_percent)) {
  around_.network->Join(options_.self, this);
}

void SimMember::Trace(const std::string& text) {
  if (!around_.trace) return;
  std::ostringstream line;
  line << around_.events->now() << " server " << options_.self << ": " << text;
  around_.trace(line.str());
}

// ---- The process.

void SimMember::Start() {
  if (Up()) return;
  around_.checker->Started(options_.self, disk_);
  if (EpochOf(disk_.LastLogged()) > disk_.current_epoch) {
    Saw("start with a log of a later epoch");
    if (around_.bug == PlantedBug::kEpochBeforeLog) disk_.current_epoch = disk_.accepted_epoch;
  }
  state_ = disk_.Load();
  zab::History history{.accepted_epoch = disk_.accepted_epoch,
                       .current_epoch = disk_.current_epoch,
                       .appended = state_.zxid,
                       .persisted = state_.zxid,
                       .applied = state_.zxid,
                       .committed = zab::CommittedLog(options_.commit_log_count)};
  for (const LogEntry& entry : disk_.log()) history.committed.Add(entry);
  Trace("starts with epoch " + std::to_string(disk_.current_epoch) + " of " +
        std::to_string(disk_.accepted_epoch) + ", log to " + Hex(state_.zxid));
  peer_ = std::make_unique<zab::Peer>(options_, std::move(history));
  Tell([this](zab::Actions* out) { peer_->Start(Now(), out); });
}

void SimMember::Crash() {
  if (!Up()) return;
  Trace("crashes");
  disk_.Crash(around_.dice);
  peer_.reset();
  ++incarnation_;
  received_.reset();
  leader_conn_ = 0;
  learner_conns_.clear();
  listening_ = syncing_ = serves_ = false;
  paused_until_ = 0;
  deferred_.clear();
  submitted_.clear();
  crash_after_ = -1;
  around_.network->Drop(options_.self);
}

void SimMember::Pause(int64_t ms) {
  if (!Up()) return;
  Trace("pauses");
  paused_until_ = std::max(paused_until_, around_.events->now() + ms);
  const uint64_t incarnation = incarnation_;
  around_.events->At(paused_until_, [this, incarnation] {
    if (incarnation == incarnation_ && Up()) Trace("goes on");
    while (incarnation == incarnation_ && Up() && around_.events->now() >= paused_until_ &&
           !deferred_.empty()) {
      const std::function<void()> what = std::move(deferred_.front());
      deferred_.pop_front();
      what();
    }
  });
}

void SimMember::Do(std::function<void()> what) {
  if (!Up()) return;
  if (around_.events->now() < paused_until_ || !deferred_.empty()) {
    deferred_.push_back(std::move(what));
  } else {
    what();
  }
}

MonoMs SimMember::Now() const { return MonoMs{around_.events->now() * clock_speed_percent_ / 100}; }

void SimMember::Tell(const std::function<void(zab::Actions*)>& event) {
  zab::Actions actions;
  const uint64_t incarnation = incarnation_;
  event(&actions);
  for (zab::Action& action : actions) {
    if (crash_after_ == 0) Crash();
    if (incarnation != incarnation_) return;
    if (crash_after_ > 0) --crash_after_;
    std::visit([this](auto& a) { Carry(a); }, action);
    if (incarnation != incarnation_) return;
  }
  PlanTimer();
}

void SimMember::PlanTimer() {
  const MonoMs deadline = peer_->NextDeadline();
  const uint64_t timer = ++timer_;
  if (deadline.value == std::numeric_limits<int64_t>::max()) return;
  const uint64_t incarnation = incarnation_;
  const int64_t when = deadline.value * 100 / clock_speed_percent_ + 1;
  around_.events->At(when, [this, timer, incarnation] {
    if (incarnation != incarnation_ || timer != timer_) return;
    Do([this] { Tell([this](zab::Actions* out) { peer_->OnTimer(Now(), out); }); });
  });
}

void SimMember::Submit(const std::string& payload) {
  if (!serving()) return;
  Do([this, payload] {
    if (!serving()) return;
    submitted_.insert(payload);
    const auto data = std::make_shared<const std::string>(payload);
    Tell([&](zab::Actions* out) {
      if (!peer_->leading()) {
        out->push_back(zab::SendToLeader{{Type::kRequest, Zxid{-1}, data}});
      } else if (peer_->MayPropose(Now(), out)) {
        peer_->Propose(Now(), {peer_->NextProposal(), data}, out);
      } else {
        Saw("zxids of an epoch used up");
      }
    });
  });
}

// ---- The network.

void SimMember::HearNotification(PeerId from, const Notification& n) {
  Do([this, from, n] {
    Tell([&](zab::Actions* out) { peer_->OnNotification(Now(), from, n, out); });
  });
}

void SimMember::LeaderConnected(uint64_t conn) {
  Do([this, conn] {
    if (conn != leader_conn_) return;
    Tell([this](zab::Actions* out) { peer_->OnLeaderConnected(Now(), out); });
  });
}

void SimMember::LeaderLost(uint64_t conn) {
  Do([this, conn] {
    if (conn != leader_conn_) return;
    leader_conn_ = 0;
    Tell([this](zab::Actions* out) { peer_->OnLeaderLost(Now(), "connection lost", out); });
  });
}

void SimMember::LeaderParcel(uint64_t conn, const Parcel& parcel) {
  Do([this, conn, parcel] {
    if (conn != leader_conn_) return;
    if (parcel.packet.type == Type::kSnap) Saw("SNAP");
    if (parcel.packet.type == Type::kTrunc) Saw("TRUNC");
    Tell([&](zab::Actions* out) { peer_->OnLeaderPacket(Now(), parcel.packet, out); });
  });
}

void SimMember::LeaderSnapshotEnd(uint64_t conn, std::shared_ptr<const SimState> state) {
  Do([this, conn, state = std::move(state)] {
    if (conn != leader_conn_) return;
    received_ = state;
    Tell([this](zab::Actions* out) { peer_->OnSnapshotReceived(Now(), out); });
  });
}

void SimMember::LearnerConnected(uint64_t conn) {
  learner_conns_.insert(conn);
  Do([this, conn] {
    Tell([&](zab::Actions* out) { peer_->OnLearnerConnected(Now(), conn, out); });
  });
}

void SimMember::LearnerLost(uint64_t conn) {
  learner_conns_.erase(conn);
  Do([this, conn] { peer_->OnLearnerLost(conn); });
}

void SimMember::LearnerParcel(uint64_t conn, const Parcel& parcel) {
  Do([this, conn, parcel] {
    Tell([&](zab::Actions* out) { peer_->OnLearnerPacket(Now(), conn, parcel.packet, out); });
  });
}

// ---- Actions.

void SimMember::Carry(zab::SendNotification& action) {
  around_.network->Notify(options_.self, action.to, action.notification);
}

void SimMember::Carry(zab::ConnectToLeader& action) {
  Trace("goes to leader " + std::to_string(action.leader.value));
  leader_conn_ = around_.network->Connect(options_.self, action.leader);
}

void SimMember::Carry(zab::DisconnectLeader&) {
  Trace("leaves its leader: " + peer_->last_reason());
  around_.network->Close(leader_conn_, options_.self);
  leader_conn_ = 0;
}

void SimMember::Carry(zab::SendToLeader& action) {
  if (action.packet.type == Type::kAckEpoch && action.packet.data != nullptr &&
      DecodeInt(action.packet.data) == -1) {
    Saw("the same epoch again");
  }
  if (IsWorthTracing(action.packet)) Trace("to its leader: " + Described(action.packet));
  around_.network->Send(leader_conn_, true, {std::move(action.packet)});
}

void SimMember::Carry(zab::AnswerPing& action) {
  around_.network->Send(leader_conn_, true, {{Type::kPing, action.zxid, EncodeTouches({})}});
}

void SimMember::Carry(zab::LeaderAnswer&) {}

void SimMember::Carry(zab::OpenLearnerPort&) {
  Trace("is elected");
  listening_ = true;
}

void SimMember::Carry(zab::CloseLearnerPort&) {
  Trace("leads no more: " + peer_->last_reason());
  listening_ = false;
  for (const uint64_t conn : std::exchange(learner_conns_, {})) {
    around_.network->Close(conn, options_.self);
  }
}

void SimMember::Carry(zab::SendToLearner& action) {
  if (IsWorthTracing(action.packet)) Trace("to a learner: " + Described(action.packet));
  if (around_.bug == PlantedBug::kCommitBeforeQuorum ||
      around_.bug == PlantedBug::kNewLeaderBeforeSync) {
    return SendMutated(action.to, std::move(action.packet));
  }
  around_.network->Send(action.to, false, {std::move(action.packet)});
}

void SimMember::SendMutated(uint64_t conn, QuorumPacket packet) {
  const auto send = [&](QuorumPacket p) { around_.network->Send(conn, false, {std::move(p)}); };
  const bool early_commit = around_.bug == PlantedBug::kCommitBeforeQuorum && leading();
  if (early_commit && packet.type == Type::kProposal) {
    const Zxid zxid = packet.zxid;
    send(std::move(packet));
    send({Type::kCommit, zxid});
  } else if (early_commit && packet.type == Type::kCommit) {
    return;
  } else if (around_.bug == PlantedBug::kNewLeaderBeforeSync && packet.type == Type::kDiff) {
    send(std::move(packet));
    send({Type::kNewLeader, Zxid{peer_->leader()->epoch() << 32},
          std::make_shared<const std::string>(options_.config.text)});
  } else if (around_.bug == PlantedBug::kNewLeaderBeforeSync && packet.type == Type::kNewLeader) {
    return;
  } else {
    send(std::move(packet));
  }
}

void SimMember::Carry(zab::SendSnapshot& action) {
  auto state = std::make_shared<SimState>(state_);
  if (around_.bug == PlantedBug::kSnapshotIsOlder && !state->history.empty()) {
    state->history.pop_back();
  }
  around_.network->Send(action.to, false, {{Type::kSnap, action.zxid}});
  around_.network->Send(action.to, false, {{}, std::move(state)});
}

void SimMember::Carry(zab::CloseLearner& action) {
  Trace("closes a learner: " + action.why);
  learner_conns_.erase(action.id);
  around_.network->Close(action.id, options_.self);
}

void SimMember::Carry(zab::FetchLog& action) {
  std::vector<LogEntry> entries;
  for (const LogEntry& entry : disk_.log()) {
    if (entry.zxid <= action.from) entries.clear();
    if (entry.zxid <= action.upto) entries.push_back(entry);
  }
  if (!entries.empty() && entries.front().zxid > action.from) entries.clear();
  Saw(entries.empty() ? "DIFF from log files impossible" : "DIFF from log files");
  const uint64_t incarnation = incarnation_;
  around_.events->After(around_.dice->Between(0, 20), [=, this, id = action.for_learner] {
    if (incarnation != incarnation_) return;
    Do([=, this] {
      Tell([&](zab::Actions* out) { peer_->OnLogFetched(Now(), id, entries, out); });
    });
  });
}

void SimMember::Carry(zab::LearnerMessage& action) {
  if (action.packet.type != Type::kRequest) return;
  Tell([&](zab::Actions* out) {
    if (!peer_->MayPropose(Now(), out)) return;
    peer_->Propose(Now(), {peer_->NextProposal(), action.packet.data}, out);
  });
}

void SimMember::Carry(zab::Append& action) {
  disk_.Append(action.entry);
  if (around_.bug == PlantedBug::kAcknowledgeBeforeSync) {
    const uint64_t incarnation = incarnation_;
    around_.events->After(0, [this, incarnation, upto = action.entry.zxid] {
      if (incarnation != incarnation_) return;
      Do([=, this] { Tell([&](zab::Actions* out) { peer_->OnPersisted(Now(), upto, out); }); });
    });
  }
  if (!syncing_) StartSync();
}

// Whatever has come until now shares one sync.
void SimMember::StartSync() {
  syncing_ = true;
  const uint64_t incarnation = incarnation_;
  const Zxid upto = disk_.LastLogged();
  const int64_t slow = around_.bug == PlantedBug::kAcknowledgeBeforeSync ? 20 : 1;
  const int64_t ms = around_.dice->Between(0, around_.plan->max_sync_ms) * disk_factor_ * slow;
  around_.events->After(ms, [=, this] {
    if (incarnation != incarnation_) return;
    disk_.Synced(upto);
    syncing_ = false;
    if (disk_.LastLogged() > upto) StartSync();
    Do([=, this] { Tell([&](zab::Actions* out) { peer_->OnPersisted(Now(), upto, out); }); });
  });
}

void SimMember::Carry(zab::WriteAcceptedEpoch& action) {
  if (around_.bug == PlantedBug::kForgetAcceptedEpoch) return;
  disk_.accepted_epoch = action.epoch;
}

void SimMember::Carry(zab::WriteCurrentEpoch& action) { disk_.current_epoch = action.epoch; }

void SimMember::Carry(zab::Truncate& action) {
  bool possible = true;
  if (around_.bug != PlantedBug::kSkipTruncate) {
    const size_t before = disk_.log().size();
    possible = disk_.Truncate(action.upto);
    state_ = disk_.Load();
    Saw(possible ? "TRUNC done" : "TRUNC impossible");
    if (before - disk_.log().size() > 1) Saw("TRUNC of several entries");
  }
  Tell([&](zab::Actions* out) { peer_->OnTruncated(Now(), possible, out); });
}

void SimMember::Carry(zab::InstallSnapshot& action) {
  SimState state = *received_;
  received_.reset();
  state.zxid = action.zxid;
  state_ = state;
  const std::vector<LogEntry> old = disk_.log();
  disk_.InstallBase(state);
  if (around_.bug == PlantedBug::kKeepOldLogAfterSnapshot) {
    for (const LogEntry& entry : old) disk_.Append(entry);
    disk_.Synced(disk_.LastLogged());
  }
}

void SimMember::Carry(zab::DiscardSnapshot&) {
  Saw("snapshot cut off");
  received_.reset();
}

// What a leader sends before it serves is committed only if a quorum takes it over.
void SimMember::Carry(zab::Deliver& action) {
  if (serves_) around_.checker->Delivered(options_.self, state_, action.entry);
  state_.Apply(action.entry);
  if (submitted_.erase(*action.entry.payload) > 0) {
    around_.checker->Acknowledged(*action.entry.payload);
  }
  if (serves_ && around_.dice->OneIn(60)) disk_.Checkpoint(state_);
}

void SimMember::Carry(zab::StartServing& action) {
  Trace("serves epoch " + std::to_string(action.epoch) + " of " +
        std::to_string(action.leader.value));
  serves_ = true;
  if (action.role == zab::Role::kLeader) {
    around_.checker->Leads(options_.self, action.epoch, state_);
    state_.zxid = action.last;
  } else {
    around_.checker->Serves(options_.self, state_);
  }
}

void SimMember::Carry(zab::StopServing&) {
  serves_ = false;
  submitted_.clear();
}

void SimMember::Carry(zab::FastForward& action) {
  Saw("uncommitted tail before an election");
  state_.Apply(action.entry);
}

}  // namespace lockkeeper::simulation
