// Fast leader election (quorum-protocol 1.5 to 1.7), one election at a time; the elections of
// whole ensembles are in election_model_test.cc, what a member sends because of them in
// looking_test.cc.
#include "zab/election.h"

#include <gtest/gtest.h>

#include "tests/zab/scripted.h"

namespace lockkeeper::zab {
namespace {

constexpr int64_t kNobody = INT64_MIN;
constexpr ServerState kFollowing = ServerState::kFollowing;
constexpr ServerState kLeading = ServerState::kLeading;

Vote VoteFor(int64_t leader, Zxid zxid, int64_t epoch) { return {PeerId{leader}, zxid, epoch}; }

PeerOptions FiveVoters(int64_t self) {
  PeerOptions options = OptionsOf(self);
  options.config.voters.insert({PeerId{4}, PeerId{5}});
  return options;
}

// An election with a clock. Decision 0: none.
class Looker {
 public:
  explicit Looker(PeerOptions options, Vote own) : options_(std::move(options)) { Enter(own); }
  void Enter(const Vote& own) { election_.Enter(now_, own); }

  // True if the proposal is to be sent because of it.
  bool Hear(int64_t from, const Notification& n) {
    return Take(election_.OnNotification(now_, PeerId{from}, n));
  }
  // True if the proposal is to be sent at its end.
  bool Wait(int64_t ms) {
    now_ = MonoMs{now_.value + ms};
    return Take(election_.OnTimer(now_));
  }
  int64_t decided() const { return decision_ ? decision_->vote.leader.value : 0; }
  const Decision& decision() const { return *decision_; }
  Election& election() { return election_; }
  const Vote& proposal() const { return election_.proposal(); }

 private:
  bool Take(const Election::Outcome& outcome) {
    if (outcome.decision) decision_ = outcome.decision;
    return outcome.send_proposal;
  }

  const PeerOptions options_;
  Election election_{options_};
  MonoMs now_{5000};
  std::optional<Decision> decision_;
};

const Vote kOwn1 = VoteFor(1, Z(1, 5), 1);
const Notification kFor3 = Looking(3, Z(1, 5), 1);

// ---- Votes.

TEST(Vote, TheHigherEpochThenZxidThenServerWins) {  // QP-1.17
  EXPECT_TRUE(Beats(VoteFor(1, Z(1, 1), 3), VoteFor(2, Z(2, 9), 2)));
  EXPECT_TRUE(Beats(VoteFor(1, Z(2, 2), 2), VoteFor(9, Z(2, 1), 2)));
  EXPECT_TRUE(Beats(VoteFor(2, Z(2, 2), 2), VoteFor(1, Z(2, 2), 2)));
  EXPECT_FALSE(Beats(VoteFor(2, Z(2, 2), 2), VoteFor(2, Z(2, 2), 2)));
  EXPECT_TRUE(Beats(VoteFor(1, Zxid{0}, 0), VoteFor(1, Zxid{-1}, 0))) << "signed";
  EXPECT_TRUE(Beats(VoteFor(1, Zxid{0}, 0), VoteFor(kNobody, Zxid{INT64_MIN}, INT64_MIN)))
      << "any vote beats an observer's";
}

// ---- Rounds.

TEST(Election, ABetterVoteOfTheSameRoundIsTakenOverAndSent) {  // quorum-protocol 1.6
  Looker one(FiveVoters(1), kOwn1);
  EXPECT_EQ(one.election().round(), 1);
  EXPECT_TRUE(one.Hear(3, kFor3));
  EXPECT_EQ(one.proposal(), kFor3.vote);
  EXPECT_FALSE(one.Hear(2, Looking(2, Z(1, 5), 1))) << "3 is better than 2";
  EXPECT_EQ(one.proposal(), kFor3.vote);
}

TEST(Election, AnOlderRoundIsDropped) {  // quorum-protocol 1.6
  Looker one(OptionsOf(1), kOwn1);
  one.Enter(kOwn1);
  ASSERT_EQ(one.election().round(), 2);
  EXPECT_FALSE(one.Hear(3, kFor3));
  EXPECT_EQ(one.proposal(), kOwn1);
}

TEST(Election, ANewerRoundIsAdoptedAndTheVotesAreCleared) {  // QP-1.18
  Looker one(FiveVoters(1), kOwn1);
  one.Hear(5, Looking(5, Z(1, 9), 1));
  ASSERT_EQ(one.proposal().leader, PeerId{5});
  EXPECT_TRUE(one.Hear(2, Looking(2, Z(1, 2), 1, 6)));
  EXPECT_EQ(one.proposal(), kOwn1) << "neither 2's vote nor 5's of the old round";
  EXPECT_TRUE(one.Hear(3, Looking(3, Z(1, 7), 1, 8)));
  EXPECT_EQ(one.proposal(), VoteFor(3, Z(1, 7), 1));
  // 5's and 2's votes of the old rounds are forgotten: 1 and 3 are no quorum of five.
  EXPECT_EQ(one.election().round(), 8);
  one.Wait(10'000);
  EXPECT_EQ(one.decided(), 0);
}

// ---- The decision.

TEST(Election, IsDecidedAfter200MsOfSilence) {  // QP-1.19
  Looker one(OptionsOf(1), kOwn1);
  one.Hear(3, kFor3);
  one.Wait(199);
  EXPECT_EQ(one.decided(), 0);
  one.Wait(1);
  EXPECT_EQ(one.decided(), 3);
  EXPECT_EQ(one.decision().round, 1);
}

TEST(Election, AnyMessageBeginsTheWaitAnew) {  // QP-1.19
  Looker one(OptionsOf(1), kOwn1);
  one.Hear(3, kFor3);
  one.Wait(150);
  one.Hear(2, Looking(2, Z(1, 1), 1));
  one.Wait(150);
  one.Hear(2, Established(kFollowing, 2, Z(1, 1), 1, 7));  // of whatever state and round
  one.Wait(199);
  EXPECT_EQ(one.decided(), 0);
  one.Wait(1);
  EXPECT_EQ(one.decided(), 3);
}

TEST(Election, ABetterVoteEndsTheWait) {  // QP-1.19
  Looker one(FiveVoters(1), kOwn1);
  one.Hear(3, kFor3);
  one.Hear(2, kFor3);
  one.Wait(199);
  EXPECT_TRUE(one.Hear(4, Looking(4, Z(1, 6), 1)));
  one.Wait(400);
  EXPECT_EQ(one.decided(), 0) << "two of five are for 4";
  one.Hear(2, Looking(4, Z(1, 6), 1));
  one.Wait(200);
  EXPECT_EQ(one.decided(), 4);
}

// It is taken back into the loop of 1.6, and only there it turns out to be of no use.
TEST(Election, ABetterVoteThatIsDroppedEndsTheWaitAsWell) {  // quorum-protocol 1.6
  Looker one(OptionsOf(1), kOwn1);
  one.Hear(3, kFor3);
  one.Hear(2, Established(kFollowing, 3, Z(4, 0), 4, 17));
  one.Wait(200);
  EXPECT_EQ(one.decided(), 0);
  one.Hear(3, kFor3);
  one.Wait(200);
  EXPECT_EQ(one.decided(), 3);
}

TEST(Election, AWorseVoteInTheWaitIsNotCounted) {  // quorum-protocol 1.6, "others are discarded"
  Looker one(OptionsOf(1), kOwn1);
  one.Hear(3, kFor3);
  EXPECT_FALSE(one.Hear(2, Looking(2, Z(1, 1), 1, 9)));
  EXPECT_EQ(one.election().round(), 1) << "its newer round neither";
  one.Wait(200);
  EXPECT_EQ(one.decided(), 3);
}

TEST(Election, OfOneMemberIsDecidedAfterTheWaitToo) {
  PeerOptions options = OptionsOf(1);
  options.config.voters = {PeerId{1}};
  Looker one(options, kOwn1);
  EXPECT_EQ(one.decided(), 0);
  one.Wait(200);
  EXPECT_EQ(one.decided(), 1);
}

TEST(Election, VotesOfOrForStrangersAreDropped) {  // P30
  Looker one(OptionsOf(1), kOwn1);
  EXPECT_FALSE(one.Hear(8, kFor3));
  EXPECT_FALSE(one.Hear(3, Looking(8, Z(9, 9), 9)));
  EXPECT_FALSE(one.Hear(3, Established(ServerState::kObserving, 3, Z(9, 9), 9)));
  EXPECT_EQ(one.proposal(), kOwn1);
  one.Wait(200);
  EXPECT_EQ(one.decided(), 0);
}

// ---- Sending again.

TEST(Election, SilenceSendsTheProposalAgainEverMoreSeldom) {  // QP-1.20
  Looker one(OptionsOf(1), kOwn1);
  const int64_t waits[] = {200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000};
  for (const int64_t ms : waits) {
    EXPECT_FALSE(one.Wait(ms - 1)) << ms;
    EXPECT_TRUE(one.Wait(1)) << ms;
  }
  one.Enter(kOwn1);
  EXPECT_FALSE(one.Wait(199));
  EXPECT_TRUE(one.Wait(1)) << "the next election begins with 200 ms again";
}

// Found by simulation: two servers look; the first message of one was lost, and the other's keep
// coming in. If every message put the sending off, the one would never be heard.
TEST(Election, TheProposalIsSentAgainAlthoughMessagesKeepComingIn) {  // QP-1.20
  Looker three(OptionsOf(3), VoteFor(3, Z(1, 5), 1));
  int sent = 0;
  for (int i = 0; i < 20; ++i) {
    sent += three.Hear(1, Looking(1, Z(1, 5), 1, 0)) ? 1 : 0;  // of a round that is over
    sent += three.Wait(50) ? 1 : 0;
  }
  EXPECT_EQ(sent, 2) << "after 200 and after 600 of these 1000 ms";
  EXPECT_EQ(three.decided(), 0);
}

// ---- Established votes.

TEST(Election, JoinsAnEnsembleOfAnotherRound) {  // QP-1.21
  Looker one(OptionsOf(1), kOwn1);
  one.Hear(2, Established(kFollowing, 3, Z(4, 0), 4, 17));
  EXPECT_EQ(one.decided(), 0) << "one of three is no quorum";
  one.Hear(3, Established(kLeading, 3, Z(4, 0), 4, 17));
  EXPECT_EQ(one.decided(), 3) << "at once, without a wait";
  EXPECT_EQ(one.decision().vote, VoteFor(3, Z(4, 0), 4));
  EXPECT_EQ(one.election().round(), 17);
}

TEST(Election, NeverFollowsALeaderThatIsNotHeardLeading) {  // QP-1.22
  Looker one(FiveVoters(1), kOwn1);
  for (const int64_t round : {1, 17}) {
    for (const int64_t from : {2, 3, 4})
      one.Hear(from, Established(kFollowing, 5, Z(4, 0), 4, round));
  }
  one.Wait(100'000);
  EXPECT_EQ(one.decided(), 0);
  one.Hear(5, Looking(5, Z(4, 0), 4, 18));
  EXPECT_EQ(one.decided(), 0) << "it looks itself: its old followers' votes elect nobody";
  one.Hear(5, Established(kLeading, 5, Z(4, 0), 4, 17));
  EXPECT_EQ(one.decided(), 5);
}

TEST(Election, EstablishedVotesCompareByLeaderAndEpoch) {  // QP-1.23
  Looker same(FiveVoters(1), kOwn1);
  same.Hear(2, Established(kFollowing, 5, Z(4, 1), 4, 16));
  same.Hear(3, Established(kFollowing, 5, Z(3, 9), 4, 15));  // other zxids and rounds
  same.Hear(5, Established(kLeading, 5, Z(4, 7), 4, 17));
  EXPECT_EQ(same.decided(), 5);

  Looker different(FiveVoters(1), kOwn1);
  different.Hear(2, Established(kFollowing, 5, Z(4, 1), 3, 16));
  different.Hear(3, Established(kFollowing, 5, Z(4, 1), 4, 16));
  different.Hear(5, Established(kLeading, 5, Z(4, 1), 4, 16));
  EXPECT_EQ(different.decided(), 0) << "two of epoch 4, one of epoch 3";
}

TEST(Election, AVoteOfVersion0ComparesByLeaderOnly) {  // QP-1.23
  Looker mixed(FiveVoters(1), kOwn1);
  mixed.Hear(2, Established(kFollowing, 5, Z(4, 1), 3, 16, 0));
  mixed.Hear(3, Established(kFollowing, 5, Z(4, 1), 2, 16, 0));
  mixed.Hear(5, Established(kLeading, 5, Z(4, 1), 4, 16));
  EXPECT_EQ(mixed.decided(), 5);

  Looker old(FiveVoters(1), kOwn1);
  old.Hear(2, Established(kFollowing, 5, Z(4, 1), 3, 16, 0));
  old.Hear(3, Established(kFollowing, 5, Z(4, 1), 4, 16, 0));
  old.Hear(5, Established(kLeading, 5, Z(4, 1), 4, 16, 0));
  EXPECT_EQ(old.decided(), 0) << "two of version 0 compare the epoch as well";
}

// P24: epochs of votes differ while an ensemble finishes its synchronization.
TEST(Election, EstablishedVotesOfTheSameRoundCompareByLeaderOnly) {  // quorum-protocol 1.5
  Looker one(FiveVoters(1), kOwn1);
  one.Hear(2, Established(kFollowing, 5, Z(1, 5), 3));
  one.Hear(3, Established(kFollowing, 5, Z(1, 5), 4));
  one.Hear(5, Established(kLeading, 5, Z(1, 5), 4));
  EXPECT_EQ(one.decided(), 5);
  EXPECT_EQ(one.election().round(), 1);
}

TEST(Election, ALeaderThatFollowsIsNoLeader) {  // QP-1.22
  Looker one(FiveVoters(1), kOwn1);
  one.Hear(5, Established(kFollowing, 4, Z(4, 0), 4, 17));
  for (const int64_t from : {2, 3, 4}) one.Hear(from, Established(kFollowing, 5, Z(4, 0), 4, 17));
  EXPECT_EQ(one.decided(), 0);
}

TEST(Election, EstablishedVotesOfAnOldRoundAreNoneOfANewOne) {  // QP-1.18
  Looker one(FiveVoters(1), kOwn1);
  one.Hear(2, Established(kFollowing, 5, Z(1, 5), 3));
  one.Hear(4, Looking(4, Z(1, 5), 1, 6));
  one.Hear(3, Established(kFollowing, 5, Z(1, 5), 4, 6));
  one.Hear(5, Established(kLeading, 5, Z(1, 5), 4, 6));
  EXPECT_EQ(one.decided(), 0) << "of epoch 4 and of round 6 there are two";
}

TEST(Election, EstablishedVotesOfAnEarlierElectionAreForgotten) {  // quorum-protocol 1.6, enter
  Looker one(OptionsOf(1), kOwn1);
  one.Hear(2, Established(kFollowing, 3, Z(4, 0), 4, 17));
  one.Enter(kOwn1);
  one.Hear(3, Established(kLeading, 3, Z(4, 0), 4, 17));
  EXPECT_EQ(one.decided(), 0);
}

TEST(Election, LookingVotesNeverCountAsEstablished) {  // P23
  Looker one(FiveVoters(1), kOwn1);
  one.Hear(2, Looking(5, Z(4, 1), 4, 1));
  one.Hear(3, Established(kFollowing, 5, Z(4, 1), 4, 16));
  one.Hear(5, Established(kLeading, 5, Z(4, 1), 4, 16));
  EXPECT_EQ(one.decided(), 0);
}

TEST(Election, MayElectItselfByEstablishedVotesOfItsRound) {  // quorum-protocol 1.6, leaderOK
  Looker three(OptionsOf(3), VoteFor(3, Z(1, 5), 1));
  three.Hear(1, Established(kFollowing, 3, Z(1, 5), 1, 9));
  three.Hear(2, Established(kFollowing, 3, Z(1, 5), 1, 9));
  EXPECT_EQ(three.decided(), 0) << "votes of an earlier life of this server";
  three.Hear(1, Established(kFollowing, 3, Z(1, 5), 1, 1));
  EXPECT_EQ(three.decided(), 3);
}

// ---- Who is not counted.

TEST(Election, AnObserverFinishesByTheVotersVotes) {  // QP-1.25
  Looker nine(OptionsOf(9), VoteFor(kNobody, Zxid{INT64_MIN}, INT64_MIN));
  EXPECT_TRUE(nine.Hear(3, kFor3));
  nine.Wait(200);
  EXPECT_EQ(nine.decided(), 0) << "one voter; its own vote is none";
  nine.Hear(2, kFor3);
  nine.Wait(200);
  EXPECT_EQ(nine.decided(), 3);

  Looker late(OptionsOf(9), VoteFor(kNobody, Zxid{INT64_MIN}, INT64_MIN));
  late.Hear(3, Established(kLeading, 3, Z(4, 0), 4, 17));
  EXPECT_EQ(late.decided(), 0);
  late.Hear(1, Established(kFollowing, 3, Z(4, 0), 4, 17));
  EXPECT_EQ(late.decided(), 3);
}

TEST(Election, AJoinerIsNotCountedEither) {  // QP-1.25
  PeerOptions options = OptionsOf(9);
  options.observer = false;
  Looker nine(options, VoteFor(kNobody, Z(5, 5), 5));
  nine.Hear(3, Looking(3, Z(6, 1), 6));
  nine.Wait(200);
  EXPECT_EQ(nine.decided(), 0);
  nine.Hear(1, Looking(3, Z(6, 1), 6));
  nine.Wait(200);
  EXPECT_EQ(nine.decided(), 3);
}

TEST(Election, AMissingDatabaseNeitherCountsNorIsCounted) {  // QP-1.26, P45
  Looker without(OptionsOf(1), VoteFor(1, Zxid{-1}, 0));
  EXPECT_FALSE(without.Hear(3, kFor3));
  EXPECT_FALSE(without.Hear(2, kFor3));
  without.Wait(200);
  EXPECT_EQ(without.decided(), 0);
  without.Hear(3, Established(kLeading, 3, Z(1, 5), 1));
  without.Hear(2, Established(kFollowing, 3, Z(1, 5), 1));
  EXPECT_EQ(without.decided(), 3) << "it may join those who have the data";

  Looker with(OptionsOf(1), kOwn1);
  EXPECT_FALSE(with.Hear(3, Looking(3, Zxid{-1}, 9)));
  EXPECT_EQ(with.proposal(), kOwn1);
}

}  // namespace
}  // namespace lockkeeper::zab
