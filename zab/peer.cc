#include "zab/peer.h"

#include <glog/logging.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace lockkeeper::zab {
namespace {

constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();
constexpr MonoMs kNever{std::numeric_limits<int64_t>::max()};

}  // namespace

Peer::Peer(const PeerOptions& options, History history)
    : options_(options),
      history_(std::move(history)),
      election_(options_),
      decided_{{options.self, history_.applied, history_.current_epoch}, -1},
      random_(options.seed) {}

// SplitMix64 (Steele, Lea, Flood 2014).
uint64_t Peer::Random() {
  uint64_t z = (random_ += 0x9E37'79B9'7F4A'7C15);
  z = (z ^ (z >> 30)) * 0xBF58'476D'1CE4'E5B9;
  z = (z ^ (z >> 27)) * 0x94D0'49BB'1331'11EB;
  return z ^ (z >> 31);
}

void Peer::Start(MonoMs now, Actions* out) {
  look_at_ = now;
  MaybeLook(now, out);
}

void Peer::Stop(Actions* out) {
  stopped_ = true;
  looking_ = false;
  LeaveRole(MonoMs{0}, "stopped", out);
}

// What this member offers (quorum-protocol 1.5): an observer nothing, one that is not in the
// configuration only what it knows.
Vote Peer::OwnVote() const {
  if (options_.observer) return {PeerId{kLowest}, Zxid{kLowest}, kLowest};
  const PeerId leader = IsVoter(options_.self) ? options_.self : PeerId{kLowest};
  return {leader, history_.applied, history_.current_epoch};
}

// ---- Looking.

// A vote speaks of what is on disk, so the log must have caught up first (P14).
void Peer::MaybeLook(MonoMs now, Actions* out) {
  if (looking_ || stopped_ || leader_ != nullptr || learner_ != nullptr || now < look_at_ ||
      history_.persisted < history_.appended) {
    return;
  }
  FastForwardLogged(out);
  looking_ = true;
  election_.Enter(now, OwnVote());
  SendProposal(out);
  for (const auto& [from, n] : std::exchange(early_, {})) OnNotification(now, from, n, out);
}

// Nobody knows whether these are committed; the next leader will tell. A history that reaches into
// an epoch holds all that the epoch began with.
void Peer::FastForwardLogged(Actions* out) {
  for (LogEntry& entry : std::exchange(logged_, {})) {
    if (entry.zxid <= history_.applied) continue;
    history_.applied = entry.zxid;
    history_.committed.Add(entry);
    out->push_back(FastForward{std::move(entry)});
  }
  if (EpochOf(history_.applied) <= history_.current_epoch) return;
  history_.current_epoch = EpochOf(history_.applied);
  out->push_back(WriteCurrentEpoch{history_.current_epoch});
}

void Peer::OnTimer(MonoMs now, Actions* out) {
  if (looking_) {
    AfterElection(now, election_.OnTimer(now), out);
  } else if (leader_ != nullptr) {
    Settle(now, leader_->OnTimer(now, out), out);
  } else if (learner_ != nullptr) {
    Settle(now, learner_->OnTimer(now), out);
  } else {
    MaybeLook(now, out);
  }
}

MonoMs Peer::NextDeadline() const {
  if (looking_) return election_.NextDeadline();
  if (leader_ != nullptr) return leader_->NextDeadline();
  if (learner_ != nullptr) return learner_->NextDeadline();
  return stopped_ || history_.persisted < history_.appended ? kNever : look_at_;
}

void Peer::SendProposal(Actions* out) {
  for (const PeerId peer : options_.config.voters) {
    if (peer != options_.self) Answer(peer, election_.proposal(), election_.round(), out);
  }
}

void Peer::Answer(PeerId to, const Vote& vote, int64_t round, Actions* out) {
  out->push_back(SendNotification{
      to, {.state = state(), .vote = vote, .round = round, .config = options_.config.text}});
}

// quorum-protocol 1.4.
void Peer::OnNotification(MonoMs now, PeerId from, const Notification& n, Actions* out) {
  if (stopped_) return;
  if (!looking_ && leader_ == nullptr && learner_ == nullptr) {
    early_[from] = n;
    return;
  }
  if (!IsVoter(from)) {
    Answer(from, looking_ ? election_.proposal() : decided_.vote, election_.round(), out);
    return;
  }
  if (!looking_) {
    if (n.state != ServerState::kLooking) return;
    Answer(from, decided_.vote, decided_.round, out);
    if (leader_ != nullptr && leader_->ShouldQuit(now, from)) {
      LeaveRole(now, "a follower looks for another leader", out);
    }
    return;
  }
  const int64_t round_before = election_.round();
  const Election::Outcome outcome = election_.OnNotification(now, from, n);
  AfterElection(now, outcome, out);
  if (looking_ && n.state == ServerState::kLooking && n.round < round_before) {
    Answer(from, election_.proposal(), election_.round(), out);
  }
}

void Peer::AfterElection(MonoMs now, const Election::Outcome& outcome, Actions* out) {
  if (outcome.send_proposal) SendProposal(out);
  if (outcome.decision) TakeRole(now, *outcome.decision, out);
}

void Peer::TakeRole(MonoMs now, const Decision& decision, Actions* out) {
  looking_ = false;
  decided_ = decision;
  if (decision.vote.leader == options_.self) {
    needs_everything_ = false;
    leader_ = std::make_unique<Leader>(now, options_, &history_, promised_, out);
    UpdateVoteEpoch();
  } else {
    learner_ = std::make_unique<Learner>(now, options_, &history_, decision.vote.leader,
                                         needs_everything_, out);
  }
}

// ---- Roles.

ServerState Peer::state() const {
  if (leader_ != nullptr) return ServerState::kLeading;
  if (learner_ == nullptr) return ServerState::kLooking;
  return options_.observer ? ServerState::kObserving : ServerState::kFollowing;
}

bool Peer::serving() const { return leading() || (learner_ != nullptr && learner_->serving()); }

// Votes of an established server name its epoch, so that late-comers can count them (QP-1.28).
void Peer::UpdateVoteEpoch() {
  if (leading()) decided_.vote.peer_epoch = leader_->epoch();
  if (learner_ != nullptr && learner_->serving()) decided_.vote.peer_epoch = learner_->epoch();
}

void Peer::Settle(MonoMs now, const Status& status, Actions* out) {
  if (status.ok()) {
    UpdateVoteEpoch();
  } else {
    LeaveRole(now, status.error().message, out);
  }
}

void Peer::LeaveRole(MonoMs now, const std::string& why, Actions* out) {
  if (leader_ == nullptr && learner_ == nullptr) return;
  last_reason_ = why;
  if (serving()) out->push_back(StopServing{});
  went_nowhere_ = learner_ != nullptr && learner_->went_nowhere() ? went_nowhere_ + 1 : 0;
  if (leader_ != nullptr) {
    out->push_back(CloseLearnerPort{});
    promised_ = leader_->promised();
    logged_ = leader_->TakeLogged();
    leader_.reset();
  } else {
    out->push_back(DisconnectLeader{});
    if (learner_->holds_snapshot()) out->push_back(DiscardSnapshot{});
    needs_everything_ = learner_->needs_everything();
    logged_ = learner_->TakeLogged();
    learner_.reset();
  }
  look_at_ = now;
  if (options_.observer && options_.observer_election_delay_ms > 0) {
    const auto delay = static_cast<int64_t>(
        Random() % static_cast<uint64_t>(options_.observer_election_delay_ms + 1));
    look_at_ = MonoMs{now.value + delay};
  }
  // The first time, the same leader is asked for everything. A leader that then fails again needs
  // this server's vote to lead and can never have it as a follower: without its vote, the others
  // give up and find each other.
  if (went_nowhere_ > 1) {
    const int64_t init_ms = options_.init_ms();
    look_at_ = MonoMs{now.value + init_ms +
                      static_cast<int64_t>(Random() % static_cast<uint64_t>(init_ms))};
  }
  MaybeLook(now, out);
}

void Peer::OnLeaderConnected(MonoMs now, Actions* out) {
  if (learner_ != nullptr) Settle(now, learner_->OnConnected(now, out), out);
}

void Peer::OnLeaderPacket(MonoMs now, const QuorumPacket& packet, Actions* out) {
  if (learner_ != nullptr) Settle(now, learner_->OnPacket(now, packet, out), out);
}

void Peer::OnLeaderLost(MonoMs now, const std::string& why, Actions* out) {
  if (learner_ != nullptr) LeaveRole(now, why, out);
}

void Peer::OnSnapshotReceived(MonoMs now, Actions* out) {
  if (learner_ != nullptr) Settle(now, learner_->OnSnapshotReceived(now), out);
}

void Peer::OnSnapshotPart(MonoMs now) {
  if (learner_ != nullptr) learner_->OnSnapshotPart(now);
}

void Peer::OnTruncated(MonoMs now, bool possible, Actions* out) {
  if (learner_ != nullptr) Settle(now, learner_->OnTruncated(possible), out);
}

void Peer::OnLearnerConnected(MonoMs now, LearnerId id, Actions* out) {
  if (leader_ != nullptr) {
    leader_->OnLearnerConnected(now, id);
  } else {
    out->push_back(CloseLearner{id, "this server does not lead"});
  }
}

void Peer::OnLearnerPacket(MonoMs now, LearnerId id, const QuorumPacket& packet, Actions* out) {
  if (leader_ == nullptr) return;
  leader_->OnLearnerPacket(now, id, packet, out);
  UpdateVoteEpoch();
}

void Peer::OnLearnerLost(LearnerId id) {
  if (leader_ != nullptr) leader_->OnLearnerLost(id);
}

void Peer::OnLearnerTakes(MonoMs now, LearnerId id) {
  if (leader_ != nullptr) leader_->OnLearnerTakes(now, id);
}

void Peer::OnLearnerPortFailed(MonoMs now, const std::string& why, Actions* out) {
  if (leader_ != nullptr) LeaveRole(now, why, out);
}

void Peer::OnLogFetched(MonoMs now, LearnerId id, std::span<const LogEntry> entries, Actions* out) {
  if (leader_ != nullptr) leader_->OnLogFetched(now, id, entries, out);
}

void Peer::OnPersisted(MonoMs now, Zxid upto, Actions* out) {
  history_.persisted = std::max(history_.persisted, std::min(upto, history_.appended));
  if (leader_ != nullptr) {
    leader_->OnPersisted(out);
  } else if (learner_ != nullptr) {
    learner_->OnPersisted(now, out);
  } else {
    MaybeLook(now, out);
  }
}

// ---- Requests.

bool Peer::MayPropose(MonoMs now, Actions* out) {
  if (!leading()) return false;
  if (leader_->CanPropose()) return true;
  LeaveRole(now, "the zxids of this epoch are used up", out);
  return false;
}

void Peer::Propose(MonoMs now, LogEntry entry, Actions* out) {
  leader_->Propose(now, std::move(entry), out);
}

}  // namespace lockkeeper::zab
