// Elections of whole ensembles with seeded message orders and losses (quorum-protocol 1.6): who
// is elected, whatever the order. Answers are given as zab::Peer gives them (1.4).
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "tests/zab/scripted.h"
#include "zab/election.h"

namespace lockkeeper::zab {
namespace {

// A member waits this long for its leader to lead, or for its followers.
constexpr int64_t kPatienceMs = 1000;

class Ensemble {
 public:
  struct Faults {
    int loss_percent = 0;
    int64_t max_delay_ms = 60;
    int64_t max_round = 1;  // members come from different numbers of elections
  };

  Ensemble(int64_t count, uint64_t seed, const Faults& faults) : random_(seed), faults_(faults) {
    std::set<PeerId> voters;
    for (int64_t sid = 1; sid <= count; ++sid) voters.insert(PeerId{sid});
    for (int64_t sid = 1; sid <= count; ++sid) {
      auto member = std::make_unique<Member>(sid, voters);
      member->own = {PeerId{sid}, Z(Below(2), Below(3)), Below(2)};
      const int64_t rounds = 1 + Below(faults.max_round);
      for (int64_t i = 1; i < rounds; ++i) member->election.Enter(MonoMs{0}, member->own);
      member->starts_at = Below(60);
      members_.push_back(std::move(member));
    }
  }

  // Until everybody follows a leader that leads; false: that took longer than ten minutes.
  bool Run() {
    while (!Agreed() && now_ < 600'000) {
      now_ = NextEvent();
      Deliver();
      for (auto& member : members_) Turn(member.get());
    }
    return Agreed();
  }

  Vote Elected() const { return members_.front()->decision->vote; }
  Vote Best() const {
    Vote best = members_.front()->own;
    for (const auto& member : members_) {
      if (Beats(member->own, best)) best = member->own;
    }
    return best;
  }
  // Of how many members it beats the own vote, or is it.
  size_t NotBeatenBy(const Vote& vote) const {
    return static_cast<size_t>(std::count_if(members_.begin(), members_.end(),
                                             [&](const auto& m) { return !Beats(m->own, vote); }));
  }
  size_t size() const { return members_.size(); }

 private:
  struct Member {
    Member(int64_t sid, const std::set<PeerId>& voters) : options(VoterOf(sid, voters)) {}
    static PeerOptions VoterOf(int64_t sid, const std::set<PeerId>& voters) {
      PeerOptions options = OptionsOf(sid);
      options.config.voters = voters;
      options.observer = false;
      return options;
    }
    const PeerOptions options;
    Election election{options};
    Vote own;
    int64_t starts_at = 0;
    bool started = false;
    std::optional<Decision> decision;
    int64_t patient_until = 0;
  };
  struct Message {
    PeerId from;
    Notification n;
    int64_t at;
  };

  int64_t Below(int64_t bound) {
    return static_cast<int64_t>(random_() % static_cast<uint64_t>(bound));
  }
  Member* Of(PeerId sid) { return members_[static_cast<size_t>(sid.value) - 1].get(); }
  const Member* Of(PeerId sid) const { return members_[static_cast<size_t>(sid.value) - 1].get(); }
  static bool Leads(const Member& m) {
    return m.decision && m.decision->vote.leader == m.options.self;
  }
  size_t FollowersOf(PeerId leader) const {
    return static_cast<size_t>(std::count_if(members_.begin(), members_.end(), [&](const auto& m) {
      return m->decision && m->decision->vote.leader == leader;
    }));
  }
  bool Agreed() const {
    const std::optional<Decision>& first = members_.front()->decision;
    return first && FollowersOf(first->vote.leader) == members_.size() &&
           Leads(*Of(first->vote.leader));
  }

  // A newer message to the same member takes the place of one that is on the way (QP-1.10).
  void Send(const Member& from, PeerId to, const Vote& vote, int64_t round) {
    if (Below(100) < faults_.loss_percent) return;
    const ServerState state = !from.decision ? ServerState::kLooking
                              : Leads(from)  ? ServerState::kLeading
                                             : ServerState::kFollowing;
    Notification n{.state = state, .vote = vote, .round = round, .config = ""};
    on_the_way_[{from.options.self, to}] = {from.options.self, n,
                                            now_ + Below(faults_.max_delay_ms + 1)};
  }
  void SendProposal(const Member& from) {
    for (const auto& to : members_) {
      if (to->options.self == from.options.self) continue;
      Send(from, to->options.self, from.election.proposal(), from.election.round());
    }
  }

  int64_t NextEvent() const {
    int64_t next = now_ + kPatienceMs;
    for (const auto& [pair, message] : on_the_way_) next = std::min(next, message.at);
    for (const auto& m : members_) {
      if (!m->started) next = std::min(next, m->starts_at);
      if (m->started) {
        next = std::min(next, m->decision ? m->patient_until : m->election.NextDeadline().value);
      }
    }
    return std::max(next, now_ + 1);
  }

  void Deliver() {
    std::vector<std::pair<PeerId, PeerId>> due;
    for (const auto& [pair, message] : on_the_way_) {
      if (message.at <= now_ && Of(pair.second)->started) due.push_back(pair);
    }
    std::shuffle(due.begin(), due.end(), random_);
    for (const auto& pair : due) {
      const Message message = on_the_way_.at(pair);
      if (message.at > now_) continue;  // replaced meanwhile
      on_the_way_.erase(pair);
      Hear(Of(pair.second), message);
    }
  }

  void Hear(Member* to, const Message& message) {
    const bool looking = message.n.state == ServerState::kLooking;
    if (to->decision) {
      if (looking) Send(*to, message.from, to->decision->vote, to->decision->round);
      return;
    }
    const int64_t round = to->election.round();
    Take(to, to->election.OnNotification(MonoMs{now_}, message.from, message.n));
    if (!to->decision && looking && message.n.round < round) {
      Send(*to, message.from, to->election.proposal(), to->election.round());
    }
  }

  void Turn(Member* m) {
    if (!m->started) {
      if (now_ < m->starts_at) return;
      m->started = true;
      Look(m);
    } else if (!m->decision) {
      Take(m, m->election.OnTimer(MonoMs{now_}));
    } else if (now_ >= m->patient_until) {
      m->patient_until = now_ + kPatienceMs;
      const PeerId leader = m->decision->vote.leader;
      const bool useless =
          Leads(*m) ? FollowersOf(leader) <= members_.size() / 2 : !Leads(*Of(leader));
      if (useless) Look(m);
    }
  }

  void Look(Member* m) {
    m->decision.reset();
    m->election.Enter(MonoMs{now_}, m->own);
    SendProposal(*m);
  }

  void Take(Member* m, const Election::Outcome& outcome) {
    if (outcome.send_proposal) SendProposal(*m);
    if (!outcome.decision) return;
    m->decision = outcome.decision;
    m->patient_until = now_ + kPatienceMs;
  }

  std::mt19937_64 random_;
  const Faults faults_;
  int64_t now_ = 0;
  std::vector<std::unique_ptr<Member>> members_;
  std::map<std::pair<PeerId, PeerId>, Message> on_the_way_;
};

class ElectionModel : public ::testing::TestWithParam<int> {};

// Messages that overtake each other, and lose older ones, change nothing as long as the newest of
// each member arrives within the wait of 200 ms.
TEST_P(ElectionModel, WhateverTheOrderTheBestVoteIsElected) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Ensemble ensemble(GetParam(), seed, {});
    ASSERT_TRUE(ensemble.Run()) << "seed " << seed;
    ASSERT_EQ(ensemble.Elected(), ensemble.Best()) << "seed " << seed;
  }
}

// With losses, delays beyond the wait and rounds that differ, a better member may not be heard in
// time. But every election ends with one leader for all, and more than half of the members have
// nothing that it lacks.
TEST_P(ElectionModel, WithLossesTheyAgreeOnAVoteThatIsNoWorseThanThoseOfAQuorum) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    Ensemble ensemble(GetParam(), seed, {.loss_percent = 30, .max_delay_ms = 300, .max_round = 4});
    ASSERT_TRUE(ensemble.Run()) << "seed " << seed;
    ASSERT_GT(ensemble.NotBeatenBy(ensemble.Elected()), ensemble.size() / 2) << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Members, ElectionModel, ::testing::Values(2, 3, 4, 5, 7));

}  // namespace
}  // namespace lockkeeper::zab
