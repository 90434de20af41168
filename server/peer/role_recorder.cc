#include "server/peer/role_recorder.h"

#include <string>
#include <utility>
#include <variant>

namespace lockkeeper {

void RoleRecorder::Note(MonoMs now, const zab::Peer& peer, const zab::Action& action) {
  if (const auto* sent = std::get_if<zab::SendToLearner>(&action))
    return ToLearner(now, peer, *sent);
  if (const auto* append = std::get_if<zab::Append>(&action)) {
    if (leading_) {
      metrics_.proposal_count.Add(1);
      metrics_.proposal_size.Record(static_cast<int64_t>(append->entry.payload->size()), now);
    } else {
      metrics_.learner_proposal_received_count.Add(1);
    }
  } else if (std::holds_alternative<zab::Deliver>(action)) {
    (leading_ ? metrics_.commit_count : metrics_.learner_commit_received_count).Add(1);
  } else if (std::holds_alternative<zab::SendNotification>(action)) {
    if (peer.state() == ServerState::kLooking) Looking(now);
  } else if (std::holds_alternative<zab::ConnectToLeader>(action)) {
    leading_ = false;
    Elected(now, peer.state() == ServerState::kObserving);
  } else if (std::holds_alternative<zab::OpenLearnerPort>(action)) {
    leading_ = true;
    Elected(now, /*observer=*/false);
  } else if (const auto* to_leader = std::get_if<zab::SendToLeader>(&action)) {
    if (to_leader->packet.type == QuorumPacketType::kAckEpoch) syncing_since_ = now;
  } else if (const auto* serving = std::get_if<zab::StartServing>(&action)) {
    Serving(now, *serving);
  } else if (std::holds_alternative<zab::StopServing>(action)) {
    serving_since_.reset();
    unavailable_since_ = now;
  } else if (std::holds_alternative<zab::SendSnapshot>(action)) {
    metrics_.snap_count.Add(1);
  } else if (std::holds_alternative<zab::CloseLearnerPort>(action)) {
    leading_ = false;
    queues_.clear();
  }
}

void RoleRecorder::Looking(MonoMs now) {
  if (looking_since_) return;
  looking_since_ = now;
  if (!unavailable_since_) unavailable_since_ = now;
  metrics_.looking_count.Add(1);
}

// An observer takes no part in the election, and sends nothing while it looks.
void RoleRecorder::Elected(MonoMs now, bool observer) {
  Looking(now);
  const int64_t took = now.value - std::exchange(looking_since_, {})->value;
  if (!observer) metrics_.election_time.Record(took);
}

void RoleRecorder::ToLearner(MonoMs now, const zab::Peer& peer, const zab::SendToLearner& action) {
  if (action.packet.type == QuorumPacketType::kDiff) metrics_.diff_count.Add(1);
  if (peer.leader() == nullptr) return;
  Queue& queue = queues_[action.to];
  if (queue.packets++ > 0) return;
  queue.sid = peer.leader()->SidOf(action.to);
  queue.since = now;
}

void RoleRecorder::Sent(MonoMs now) {
  for (const auto& [id, queue] : std::exchange(queues_, {})) {
    const std::string key = std::to_string(queue.sid.value);
    metrics_.learner_handler_qp_size.Record(key, queue.packets);
    metrics_.learner_handler_qp_time_ms.Record(key, now.value - queue.since.value);
  }
}

void RoleRecorder::Serving(MonoMs now, const zab::StartServing& action) {
  serving_since_ = now;
  if (syncing_since_ && action.role != zab::Role::kLeader) {
    const int64_t took = now.value - syncing_since_->value;
    (action.role == zab::Role::kFollower ? metrics_.follower_sync_time
                                         : metrics_.observer_sync_time)
        .Record(took);
  }
  syncing_since_.reset();
  if (!unavailable_since_) return;
  const int64_t gap = now.value - std::exchange(unavailable_since_, {})->value;
  metrics_.unavailable_time.Record(gap);
  if (action.role == zab::Role::kLeader) metrics_.leader_unavailable_time.Record(gap);
}

}  // namespace lockkeeper
