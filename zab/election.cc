#include "zab/election.h"

#include <algorithm>
#include <tuple>

namespace lockkeeper::zab {

bool Beats(const Vote& a, const Vote& b) {
  return std::tuple(a.peer_epoch, a.zxid, a.leader) > std::tuple(b.peer_epoch, b.zxid, b.leader);
}

Election::Election(const PeerOptions& options)
    : options_(options), quorum_(options.config.voters) {}

void Election::Enter(MonoMs now, const Vote& own) {
  ++round_;
  own_ = own;
  in_round_.clear();
  established_.clear();
  wait_ms_ = options_.min_notification_interval_ms;
  finalizing_ = false;
  resend_at_ = MonoMs{now.value + wait_ms_};
  Propose(own);
  MaybeFinalize(now);
}

// What is sent to oneself counts at once.
void Election::Propose(const Vote& vote) {
  proposal_ = vote;
  if (quorum_.IsVoter(options_.self)) {
    in_round_[options_.self] = {vote, round_, ServerState::kLooking, 0};
  }
}

void Election::MaybeFinalize(MonoMs now) {
  finalizing_ = IsQuorum(in_round_, {proposal_, round_, ServerState::kLooking, 0});
  if (finalizing_) finalize_at_ = MonoMs{now.value + options_.finalize_wait_ms};
}

Election::Outcome Election::OnTimer(MonoMs now) {
  if (now < NextDeadline()) return {};
  if (finalizing_) return {.decision = Decision{proposal_, round_}};
  wait_ms_ = std::min(2 * wait_ms_, options_.max_notification_interval_ms);
  resend_at_ = MonoMs{now.value + wait_ms_};
  return {.send_proposal = true};
}

Election::Outcome Election::OnNotification(MonoMs now, PeerId from, const Notification& n) {
  if (finalizing_) {
    // Only a better vote matters now; any other message only lengthens the silence to wait for.
    if (!Beats(n.vote, proposal_)) {
      finalize_at_ = MonoMs{now.value + options_.finalize_wait_ms};
      return {};
    }
    finalizing_ = false;
  }
  if (!quorum_.IsVoter(from) || !quorum_.IsVoter(n.vote.leader)) return {};
  switch (n.state) {
    case ServerState::kLooking:
      return OnLooking(now, from, n);
    case ServerState::kFollowing:
    case ServerState::kLeading:
      return OnEstablished(from, n);
    case ServerState::kObserving:
      return {};
  }
  return {};
}

Election::Outcome Election::OnLooking(MonoMs now, PeerId from, const Notification& n) {
  // A database that is missing takes no part (QP-1.26).
  if (own_.zxid == Zxid{-1} || n.vote.zxid == Zxid{-1}) return {};
  if (n.round < round_) return {};
  Outcome outcome;
  if (n.round > round_) {
    round_ = n.round;
    in_round_.clear();
    Propose(Beats(n.vote, own_) ? n.vote : own_);
    outcome.send_proposal = true;
  } else if (Beats(n.vote, proposal_)) {
    Propose(n.vote);
    outcome.send_proposal = true;
  }
  in_round_[from] = {n.vote, n.round, ServerState::kLooking, 0};
  MaybeFinalize(now);
  return outcome;
}

Election::Outcome Election::OnEstablished(PeerId from, const Notification& n) {
  const Counted candidate{n.vote, n.round, n.state, n.version};
  if (n.round == round_) {
    in_round_[from] = {n.vote, n.round, n.state, 0};
    if (IsQuorum(in_round_, candidate) && LeaderOk(in_round_, n.vote.leader, n.round)) {
      return {.decision = Decision{n.vote, n.round}};
    }
  }
  established_[from] = candidate;
  if (IsQuorum(established_, candidate) && LeaderOk(established_, n.vote.leader, n.round)) {
    round_ = n.round;
    return {.decision = Decision{n.vote, n.round}};
  }
  return {};
}

bool Election::Same(const Counted& a, const Counted& b) {
  if (a.state == ServerState::kLooking || b.state == ServerState::kLooking) {
    return a.vote == b.vote && a.round == b.round;
  }
  if (a.vote.leader != b.vote.leader) return false;
  return (a.version > 0) != (b.version > 0) || a.vote.peer_epoch == b.vote.peer_epoch;
}

bool Election::IsQuorum(const Votes& votes, const Counted& candidate) const {
  std::set<PeerId> supporters;
  for (const auto& [peer, counted] : votes) {
    if (Same(counted, candidate)) supporters.insert(peer);
  }
  return quorum_.IsQuorum(supporters);
}

bool Election::LeaderOk(const Votes& votes, PeerId leader, int64_t round) const {
  if (leader == options_.self) return round == round_;
  const auto found = votes.find(leader);
  return found != votes.end() && found->second.state == ServerState::kLeading;
}

}  // namespace lockkeeper::zab
