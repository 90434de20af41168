#include "server/peer/ensemble_member.h"

#include <glog/logging.h>

#include <utility>

namespace lockkeeper {
namespace {

// Most touches that fit into a packet which every member takes (QP-4.12).
constexpr size_t kTouchesMax = kQuorumBufferMax / 2 / kTouchBytes;

// What cannot be applied must not get into the log: this server would never start again.
bool CanBeTaken(const QuorumPacket& packet) {
  const bool activates = packet.type == QuorumPacketType::kInformAndActivate;
  if (packet.type != QuorumPacketType::kProposal && packet.type != QuorumPacketType::kInform &&
      !activates) {
    return true;
  }
  const size_t skip = activates ? sizeof(int64_t) : 0;
  if (packet.data == nullptr || packet.data->size() < skip) return false;
  return DataTree::CanApply(std::string_view(*packet.data).substr(skip));
}

}  // namespace

EnsembleMember::EnsembleMember(const zab::PeerOptions& options, zab::History history,
                               PeerTransport* network, EnsembleHost* host)
    : peer_(options, std::move(history)), network_(*network), host_(*host) {}

// ---- Events.

template <class Event>
void EnsembleMember::Tell(const Event& event) {
  if (failed_) return;
  zab::Actions actions;
  event(&actions);
  for (zab::Action& action : actions) {
    if (failed_) return;
    if (recorder_ != nullptr) recorder_->Note(now_, peer_, action);
    std::visit([this](auto& a) { Carry(a); }, action);
  }
}

void EnsembleMember::Start(MonoMs now) {
  now_ = now;
  Tell([&](zab::Actions* out) { peer_.Start(now, out); });
}

void EnsembleMember::Stop() {
  Tell([&](zab::Actions* out) { peer_.Stop(out); });
  Flush();
}

void EnsembleMember::OnTimer(MonoMs now) {
  now_ = now;
  if (now < peer_.NextDeadline()) return;
  Tell([&](zab::Actions* out) { peer_.OnTimer(now, out); });
}

void EnsembleMember::OnPersisted(MonoMs now, Zxid upto) {
  now_ = now;
  Tell([&](zab::Actions* out) { peer_.OnPersisted(now, upto, out); });
}

void EnsembleMember::Handle(MonoMs now, std::vector<PeerEvent> events) {
  now_ = now;
  for (PeerEvent& event : events) {
    std::visit([&](auto& e) { On(now, e); }, event);
  }
}

void EnsembleMember::On(MonoMs now, NotificationCame& event) {
  Tell([&](zab::Actions* out) { peer_.OnNotification(now, event.from, event.notification, out); });
}

void EnsembleMember::On(MonoMs now, LeaderLinkUp& event) {
  if (event.link != leader_link_) return;
  Tell([&](zab::Actions* out) { peer_.OnLeaderConnected(now, out); });
}

void EnsembleMember::On(MonoMs now, LeaderPackets& event) {
  for (const QuorumPacket& packet : event.packets) {
    if (event.link != leader_link_) return;  // also when a packet before has ended it
    if (!CanBeTaken(packet)) return LeaveRole(now, "the leader sends what is no transaction");
    Tell([&](zab::Actions* out) { peer_.OnLeaderPacket(now, packet, out); });
  }
}

void EnsembleMember::On(MonoMs now, LeaderSnapshot& event) {
  if (event.link != leader_link_) return;
  received_ = std::move(event.tree);
  Tell([&](zab::Actions* out) { peer_.OnSnapshotReceived(now, out); });
}

void EnsembleMember::On(MonoMs now, LeaderSnapshotPart& event) {
  if (event.link == leader_link_) peer_.OnSnapshotPart(now);
}

void EnsembleMember::On(MonoMs now, LeaderLinkDown& event) {
  if (event.link != leader_link_) return;
  leader_link_ = 0;
  Tell([&](zab::Actions* out) { peer_.OnLeaderLost(now, event.why, out); });
}

void EnsembleMember::On(MonoMs now, LearnerLinkUp& event) {
  LOG(INFO) << "learner connected from " << event.address;
  Tell([&](zab::Actions* out) { peer_.OnLearnerConnected(now, event.link, out); });
}

void EnsembleMember::On(MonoMs now, LearnerPackets& event) {
  for (const QuorumPacket& packet : event.packets) {
    Tell([&](zab::Actions* out) { peer_.OnLearnerPacket(now, event.link, packet, out); });
  }
}

void EnsembleMember::On(MonoMs now, LearnerTakes& event) { peer_.OnLearnerTakes(now, event.link); }

void EnsembleMember::On(MonoMs, LearnerLinkDown& event) {
  LOG(INFO) << "connection of a learner ended: " << event.why;
  to_learners_.erase(event.link);
  peer_.OnLearnerLost(event.link);
}

void EnsembleMember::On(MonoMs now, PortFailed& event) {
  if (event.election) {
    failed_ = true;
    host_.Fail(event.error);
    return;
  }
  LOG(ERROR) << event.error.message;
  Tell([&](zab::Actions* out) { peer_.OnLearnerPortFailed(now, event.error.message, out); });
}

// ---- Requests.

bool EnsembleMember::MayPropose(MonoMs now) {
  bool may = false;
  Tell([&](zab::Actions* out) { may = peer_.MayPropose(now, out); });
  return may;
}

void EnsembleMember::Propose(MonoMs now, LogEntry entry) {
  Tell([&](zab::Actions* out) { peer_.Propose(now, std::move(entry), out); });
}

void EnsembleMember::Sync(MonoMs, std::optional<LinkId> learner) {
  Tell([&](zab::Actions* out) { peer_.Sync(learner, out); });
}

void EnsembleMember::AnswerLearner(LinkId learner, QuorumPacket packet) {
  Tell([&](zab::Actions* out) { peer_.SendToLearnerInOrder(learner, std::move(packet), out); });
}

void EnsembleMember::LeaveRole(MonoMs now, const std::string& why) {
  now_ = now;
  Tell([&](zab::Actions* out) { peer_.LeaveRole(now, why, out); });
}

void EnsembleMember::SendToLeader(QuorumPacket packet) { to_leader_.push_back(std::move(packet)); }

void EnsembleMember::Flush() {
  if (recorder_ != nullptr) recorder_->Sent(now_);
  if (!to_leader_.empty()) network_.SendToLeader(leader_link_, std::exchange(to_leader_, {}));
  for (auto& [learner, packets] : std::exchange(to_learners_, {})) {
    network_.SendToLearner(learner, std::move(packets));
  }
}

// ---- Actions: the network.

void EnsembleMember::Carry(zab::SendNotification& action) {
  network_.Notify(action.to, action.notification);
}

void EnsembleMember::Carry(zab::ConnectToLeader& action) {
  LOG(INFO) << "following server " << action.leader;
  leader_link_ = next_link_++;
  network_.ConnectToLeader(leader_link_, action.leader);
}

void EnsembleMember::Carry(zab::DisconnectLeader&) {
  LOG(WARNING) << "leaving the leader: " << peer_.last_reason();
  to_leader_.clear();
  if (leader_link_ != 0) network_.DisconnectLeader(std::exchange(leader_link_, 0));
}

void EnsembleMember::Carry(zab::SendToLeader& action) {
  to_leader_.push_back(std::move(action.packet));
}

// What does not fit into one answer goes before it; the leader counts the answer itself only.
void EnsembleMember::Carry(zab::AnswerPing& action) {
  std::vector<SessionTouch> touches = host_.TakeTouches();
  while (touches.size() > kTouchesMax) {
    const std::vector<SessionTouch> part(touches.end() - kTouchesMax, touches.end());
    touches.resize(touches.size() - kTouchesMax);
    to_leader_.push_back({QuorumPacketType::kPing, zab::kMoreTouches, EncodeTouches(part)});
  }
  to_leader_.push_back({QuorumPacketType::kPing, action.zxid, EncodeTouches(touches)});
}

void EnsembleMember::Carry(zab::LeaderAnswer& action) { host_.OnLeaderAnswer(action.packet); }

void EnsembleMember::Carry(zab::OpenLearnerPort&) {
  LOG(INFO) << "elected, waiting for followers";
  network_.OpenLearnerPort();
}

void EnsembleMember::Carry(zab::CloseLearnerPort&) {
  LOG(WARNING) << "leading no more: " << peer_.last_reason();
  to_learners_.clear();
  network_.CloseLearnerPort();
}

void EnsembleMember::Carry(zab::SendToLearner& action) {
  to_learners_[action.to].push_back(std::move(action.packet));
}

void EnsembleMember::FlushLearner(LinkId learner) {
  const auto found = to_learners_.find(learner);
  if (found == to_learners_.end()) return;
  network_.SendToLearner(learner, std::move(found->second));
  to_learners_.erase(found);
}

void EnsembleMember::Carry(zab::SendSnapshot& action) {
  LOG(INFO) << "sending the whole state at " << action.zxid << " to a learner";
  to_learners_[action.to].push_back({QuorumPacketType::kSnap, action.zxid});
  FlushLearner(action.to);
  const Status streamed = network_.StreamToLearner(action.to, host_.StateNow());
  if (streamed) return;
  LOG(ERROR) << "the state cannot be sent: " << streamed.error().message;
  network_.CloseLearner(action.to);
  peer_.OnLearnerLost(action.to);
}

void EnsembleMember::Carry(zab::CloseLearner& action) {
  LOG(WARNING) << "closing the connection of a learner: " << action.why;
  FlushLearner(action.id);
  network_.CloseLearner(action.id);
}

void EnsembleMember::Carry(zab::FetchLog& action) {
  const std::vector<LogEntry> entries = host_.ReadLog(action.from, action.upto);
  Tell([&](zab::Actions* out) { peer_.OnLogFetched(now_, action.for_learner, entries, out); });
}

void EnsembleMember::Carry(zab::LearnerMessage& action) {
  host_.OnLearnerMessage(action.from, action.packet);
}

// ---- Actions: the disk and the state.

void EnsembleMember::Carry(zab::Append& action) { host_.AppendToLog(std::move(action.entry)); }

void EnsembleMember::WriteEpoch(EpochKind kind, int64_t epoch) {
  const Status written = host_.WriteEpoch(kind, epoch);
  if (written) return;
  failed_ = true;
  host_.Fail(written.error());
}

void EnsembleMember::Carry(zab::WriteAcceptedEpoch& action) {
  WriteEpoch(EpochKind::kAccepted, action.epoch);
}

void EnsembleMember::Carry(zab::WriteCurrentEpoch& action) {
  WriteEpoch(EpochKind::kCurrent, action.epoch);
}

void EnsembleMember::Carry(zab::Truncate& action) {
  LOG(WARNING) << "the leader does not have what was logged after " << action.upto << ": cutting";
  const Result<bool> done = host_.TruncateTo(action.upto);
  if (!done) {
    failed_ = true;
    host_.Fail(done.error());
    return;
  }
  Tell([&](zab::Actions* out) { peer_.OnTruncated(now_, *done, out); });
}

void EnsembleMember::Carry(zab::InstallSnapshot& action) {
  const Status installed = host_.InstallState(std::move(received_), action.zxid);
  if (installed) return;
  failed_ = true;
  host_.Fail(installed.error());
}

void EnsembleMember::Carry(zab::DiscardSnapshot&) { received_.reset(); }

void EnsembleMember::Carry(zab::Deliver& action) { host_.Deliver(std::move(action.entry)); }

void EnsembleMember::Carry(zab::StartServing& action) { host_.StartServing(action); }

void EnsembleMember::Carry(zab::StopServing&) { host_.StopServing(peer_.last_reason()); }

void EnsembleMember::Carry(zab::FastForward& action) { host_.Deliver(std::move(action.entry)); }

}  // namespace lockkeeper
