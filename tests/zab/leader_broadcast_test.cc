// A leader that serves: proposals, commits, liveness (quorum-protocol 5.1, 5.2, 5.4, 4.4, 4.6).
#include <gtest/gtest.h>

#include "tests/zab/scripted.h"

namespace lockkeeper::zab {
namespace {

// Server 3 leads epoch 2 with the followers 1 and 2 (connections 11 and 12).
class LeaderBroadcast : public ::testing::Test {
 protected:
  explicit LeaderBroadcast(const PeerOptions& options = OptionsOf(3))
      : three_(options, HistoryOf(EntriesOf(1, 1, 5), 1, 1)) {}
  void SetUp() override {
    three_.LeadToTheEnd();
    three_.Synchronizes(2, Z(1, 5));
    ASSERT_EQ(three_.peer().leader()->Counts().synced_followers, 2u);
  }
  Lines Acks(int64_t sid, Zxid zxid) {
    return three_.FromLearner(static_cast<LearnerId>(10 + sid), Packet(Type::kAck, zxid));
  }
  Lines Sync(std::optional<LearnerId> id) {
    Actions actions;
    three_.peer().Sync(id, &actions);
    return Texts(actions);
  }
  // What the answer to a PING leads to, without the PING itself, which goes to the server's core.
  Lines AnswersPing(LearnerId id) {
    const Lines all = three_.FromLearner(id, Packet(Type::kPing, Z(2, 0)));
    return Lines(all.begin() + 1, all.end());
  }
  // Second after second, while the learners of `alive` answer PINGs: all that was done.
  Lines Seconds(int count, const std::vector<LearnerId>& alive) {
    Lines all;
    for (int i = 0; i < count; ++i) {
      all = all + three_.Wait(1000);
      for (const LearnerId id : alive) three_.FromLearner(id, Packet(Type::kPing, Z(2, 0)));
    }
    return all;
  }

  Member three_;
};

// ---- Proposals and commits.

TEST_F(LeaderBroadcast, ProposesToFollowersAndTheOwnLog) {  // QP-5.2
  EXPECT_EQ(three_.Propose(), (Lines{"to 11: PROPOSAL 2:1", "to 12: PROPOSAL 2:1", "log 2:1"}));
  EXPECT_EQ(three_.Propose(), (Lines{"to 11: PROPOSAL 2:2", "to 12: PROPOSAL 2:2", "log 2:2"}));
}

TEST_F(LeaderBroadcast, ItsOwnAckCountsAfterItsOwnDisk) {  // QP-5.2
  three_.Propose();
  EXPECT_EQ(Acks(1, Z(2, 1)), Lines{}) << "one of three";
  EXPECT_EQ(three_.Persisted(Z(2, 1)),
            (Lines{"to 11: COMMIT 2:1", "to 12: COMMIT 2:1", "apply 2:1"}));
}

TEST_F(LeaderBroadcast, AQuorumOfFollowersSuffices) {  // QP-5.2
  three_.Propose();
  Acks(1, Z(2, 1));
  EXPECT_EQ(Acks(2, Z(2, 1)), (Lines{"to 11: COMMIT 2:1", "to 12: COMMIT 2:1", "apply 2:1"}));
  EXPECT_EQ(three_.Persisted(Z(2, 1)), Lines{}) << "once";
}

TEST_F(LeaderBroadcast, CommitsInTheOrderOfTheZxids) {  // QP-5.2, P34
  three_.Propose();
  three_.Propose();
  three_.Propose();
  three_.Persisted(Z(2, 1));
  EXPECT_EQ(Only(Acks(1, Z(2, 3)), "apply"), Lines{"apply 2:1"});
  EXPECT_EQ(Acks(2, Z(2, 2)), (Lines{"to 11: COMMIT 2:2", "to 12: COMMIT 2:2", "apply 2:2"}));
  EXPECT_EQ(Only(three_.Persisted(Z(2, 3)), "apply"), Lines{"apply 2:3"});
}

TEST_F(LeaderBroadcast, ObserversAcksAreNotCounted) {  // P30
  three_.Synchronizes(4, Z(1, 5), kObserver);
  three_.Propose();
  three_.Persisted(Z(2, 1));
  EXPECT_EQ(Acks(4, Z(2, 1)), Lines{});
}

TEST_F(LeaderBroadcast, ObserversGetInformsOnly) {  // QP-4.9
  three_.Synchronizes(4, Z(1, 5), kObserver);
  EXPECT_EQ(Only(three_.Propose(), "to 14"), Lines{});
  three_.Persisted(Z(2, 1));
  EXPECT_EQ(Only(Acks(1, Z(2, 1)), "to 14"), Lines{"to 14: INFORM 2:1"});
}

TEST_F(LeaderBroadcast, RequestsAreHandedOnAndUnknownPacketsIgnored) {  // QP-4.10
  EXPECT_EQ(three_.FromLearner(11, Packet(Type::kRequest)), Lines{"from 11: REQUEST -1"});
  EXPECT_EQ(three_.FromLearner(11, Packet(Type::kRevalidate)), Lines{"from 11: REVALIDATE -1"});
  EXPECT_EQ(three_.FromLearner(11, Packet(static_cast<Type>(77))), Lines{});
  EXPECT_EQ(three_.FromLearner(11, Packet(Type::kSync, Zxid{0})), Lines{});
  EXPECT_EQ(three_.peer().leader()->Counts().synced_followers, 2u);
}

// ---- SYNC.

TEST_F(LeaderBroadcast, ASyncIsAnsweredOnceAQuorumStillFollows) {  // QP-4.6
  EXPECT_EQ(Sync(11), (Lines{"to 11: PING 2:0", "to 12: PING 2:0"}));
  EXPECT_EQ(AnswersPing(12), Lines{"to 11: SYNC 0:0"});
  EXPECT_EQ(AnswersPing(11), Lines{});
  Sync(std::nullopt);
  EXPECT_EQ(AnswersPing(11), Lines{"leader answers SYNC 0:0"});
}

TEST_F(LeaderBroadcast, SyncsOfOneRoundTripShareTheNext) {  // QP-4.6
  Sync(11);
  EXPECT_EQ(Sync(12), Lines{}) << "the PINGs on their way were sent before it came";
  EXPECT_EQ(Sync(std::nullopt), Lines{});
  EXPECT_EQ(AnswersPing(11), (Lines{"to 11: SYNC 0:0", "to 11: PING 2:0", "to 12: PING 2:0"}));
  EXPECT_EQ(AnswersPing(12), Lines{}) << "of the first round";
  EXPECT_EQ(AnswersPing(12), (Lines{"to 12: SYNC 0:0", "leader answers SYNC 0:0"}));
}

// It may have a successor whose writes it does not know.
TEST_F(LeaderBroadcast, ALeaderWithoutAQuorumAnswersNoSync) {  // QP-4.6
  three_.Synchronizes(4, Z(1, 5), kObserver);
  Seconds(1, {11, 12, 14});
  Sync(std::nullopt);
  for (int second = 0; second < 3; ++second) {
    EXPECT_EQ(AnswersPing(14), Lines{}) << "an observer";
    three_.Wait(1000);
  }
  EXPECT_EQ(AnswersPing(12), Lines{"leader answers SYNC 0:0"});
}

TEST_F(LeaderBroadcast, ASyncWaitsForWhatWasOpenWhenItCame) {  // QP-4.6
  three_.Propose();
  three_.Propose();
  Sync(11);
  three_.Propose();
  Sync(12);
  Sync(std::nullopt);
  EXPECT_EQ(Only(AnswersPing(11), "to 11: SYNC"), Lines{});
  EXPECT_EQ(AnswersPing(11), Lines{});
  three_.Persisted(Z(2, 3));
  EXPECT_EQ(Only(Acks(1, Z(2, 1)), "to 11: SYNC"), Lines{});
  EXPECT_EQ(Acks(1, Z(2, 2)),
            (Lines{"to 11: COMMIT 2:2", "to 12: COMMIT 2:2", "apply 2:2", "to 11: SYNC 0:0"}))
      << "behind the commits it waited for, not for 2:3";
  const Lines last = Acks(1, Z(2, 3));
  EXPECT_EQ(Lines(last.end() - 2, last.end()),
            (Lines{"to 12: SYNC 0:0", "leader answers SYNC 0:0"}))
      << "in the order they came";
}

// No PING was answered, but 2:2 has a quorum and was proposed after the syncs came.
TEST_F(LeaderBroadcast, ASyncKeepsItsPlaceBetweenCommitsOfOneQuorum) {  // QP-4.6
  three_.Propose();
  Sync(11);
  Sync(std::nullopt);
  three_.Propose();
  three_.Persisted(Z(2, 2));
  EXPECT_EQ(Acks(1, Z(2, 2)), (Lines{"to 11: COMMIT 2:1", "to 12: COMMIT 2:1", "apply 2:1",
                                     "to 11: SYNC 0:0", "leader answers SYNC 0:0",
                                     "to 11: COMMIT 2:2", "to 12: COMMIT 2:2", "apply 2:2"}));
}

TEST_F(LeaderBroadcast, ASyncOfALearnerThatIsGoneHoldsUpNobody) {  // QP-4.6
  three_.Propose();
  Sync(11);
  Sync(12);
  three_.LearnerLost(11);
  AnswersPing(12);
  AnswersPing(12);
  three_.Persisted(Z(2, 1));
  EXPECT_EQ(Only(Acks(2, Z(2, 1)), "to 12: SYNC"), Lines{"to 12: SYNC 0:0"});
}

// ---- The end of an epoch's zxids.

class LeaderRollover : public LeaderBroadcast {
 protected:
  LeaderRollover() : LeaderBroadcast(ShortEpochs()) {}
  static PeerOptions ShortEpochs() {
    PeerOptions options = OptionsOf(3);
    options.last_counter = 2;
    return options;
  }
};

TEST_F(LeaderRollover, StepsDownRatherThanUseUpTheCounters) {  // QP-5.1, P33
  EXPECT_EQ(OptionsOf(3).last_counter, 0xFFFF'FFFE);
  EXPECT_EQ(three_.Propose().back(), "log 2:1");
  EXPECT_EQ(three_.Propose().back(), "log 2:2");
  three_.Persisted(Z(2, 2));
  EXPECT_EQ(three_.Propose(),
            (Lines{"stop serving", "close port", "fast-forward 2:1", "fast-forward 2:2",
                   "notify 1: LOOKING for 3 at 2:2 epoch 2 round 2",
                   "notify 2: LOOKING for 3 at 2:2 epoch 2 round 2"}));
  three_.Hear(1, Looking(3, Z(2, 2), 2, 2));
  three_.Wait(200);
  three_.Joins(1, 2);
  three_.FromLearner(11, AckEpoch(Z(2, 2), 2));
  three_.FromLearner(11, Packet(Type::kAck, Z(3, 0)));
  EXPECT_EQ(three_.Propose(), (Lines{"to 11: PROPOSAL 3:1", "log 3:1"})) << "writes go on";
}

// ---- Liveness.

// A learner with more sessions than fit into one PING sends the rest before its answer.
TEST_F(LeaderBroadcast, MoreTouchesThanFitAreNoAnswer) {
  Sync(std::nullopt);
  EXPECT_EQ(three_.FromLearner(11, Packet(Type::kPing, kMoreTouches)), Lines{"from 11: PING -1"});
  EXPECT_EQ(AnswersPing(11), Lines{"leader answers SYNC 0:0"});
}

TEST_F(LeaderBroadcast, PingsEveryHalfTickWithTheLastProposal) {  // QP-4.4
  three_.Propose();
  three_.Joins(4, 0, kObserver);  // is not synchronized: no PING
  EXPECT_EQ(three_.Wait(999), Lines{});
  EXPECT_EQ(three_.Wait(1), (Lines{"to 11: PING 2:1", "to 12: PING 2:1"}));
  EXPECT_EQ(three_.Wait(1000), (Lines{"to 11: PING 2:1", "to 12: PING 2:1"}));
  EXPECT_EQ(three_.FromLearner(11, Packet(Type::kPing, Z(2, 1))), Lines{"from 11: PING 2:1"})
      << "its sessions; no answer to the answer";
}

TEST_F(LeaderBroadcast, StopsAtTheNextTickAfterItsQuorumHasGone) {  // QP-5.4, P32
  three_.LearnerLost(11);
  EXPECT_EQ(Only(Seconds(4, {12}), "stop"), Lines{}) << "2 and 3 are a quorum";
  three_.LearnerLost(12);
  const Lines lines = three_.Wait(2000);
  EXPECT_EQ(Only(lines, "stop"), Lines{"stop serving"});
  EXPECT_TRUE(Has(lines, "close port"));
  EXPECT_EQ(three_.peer().state(), ServerState::kLooking);
}

TEST_F(LeaderBroadcast, SilentFollowersDoNotKeepItAlive) {  // QP-5.4
  EXPECT_EQ(Only(three_.Wait(9'999), "stop"), Lines{});
  EXPECT_EQ(Only(three_.Wait(2'001), "stop"), Lines{"stop serving"})
      << "syncLimit ticks, and the next check";
}

TEST_F(LeaderBroadcast, ObserversAndStrangersDoNotKeepItAlive) {  // QP-5.4, P30
  three_.Synchronizes(4, Z(1, 5), kObserver);
  three_.Synchronizes(5, Z(1, 5));  // a follower outside the configuration
  three_.LearnerLost(11);
  three_.LearnerLost(12);
  EXPECT_EQ(Only(Seconds(2, {14, 15}), "stop"), Lines{"stop serving"});
}

TEST_F(LeaderBroadcast, AFollowerThatAcknowledgesNothingIsDisconnected) {  // QP-5.6
  three_.Propose();
  three_.Persisted(Z(2, 1));
  Acks(1, Z(2, 1));
  EXPECT_EQ(Only(Seconds(9, {11, 12}), "close"), Lines{}) << "12 answers PINGs";
  const Lines lines = Seconds(1, {11, 12});
  EXPECT_EQ(Only(lines, "close"), Lines{"close 12: server 2 does not acknowledge proposals"});
  EXPECT_TRUE(Has(lines, "to 11: PING 2:1"));
  EXPECT_EQ(three_.Propose(), (Lines{"to 11: PROPOSAL 2:2", "log 2:2"})) << "others go on";
}

TEST_F(LeaderBroadcast, AFollowerThatIsOnlySlowIsNot) {  // QP-5.6
  for (int second = 1; second <= 30; ++second) {
    three_.Propose();
    Seconds(1, {11, 12});
    if (second <= 8) continue;
    Acks(1, Z(2, second - 8));
    Acks(2, Z(2, second - 8));  // eight seconds behind for ever
  }
  EXPECT_EQ(three_.peer().leader()->Counts().synced_followers, 2u);
}

TEST_F(LeaderBroadcast, AProposalThatWasHeldIsTimedFromUpToDate) {  // QP-5.6, QP-3.9
  three_.Joins(5, 0);
  three_.FromLearner(15, AckEpoch(Z(1, 5), 1));
  three_.Propose();
  Acks(1, Z(2, 1));
  Acks(2, Z(2, 1));
  Seconds(9, {11, 12});
  Acks(5, Z(2, 0));
  EXPECT_EQ(Only(Seconds(9, {11, 12, 15}), "close"), Lines{});
  EXPECT_EQ(Only(Seconds(2, {11, 12, 15}), "close").size(), 1u)
      << "non-voters must acknowledge too";
}

// ---- A later epoch.

// Three servers, of which two serve: the third must not stay outside until something else fails.
TEST_F(LeaderBroadcast, StepsDownForAMemberThatHasPromisedALaterEpoch) {
  three_.LearnerLost(12);
  EXPECT_EQ(three_.Joins(2, 7), Lines{"to 12: LEADERINFO 2:0 int 65536"});
  const Lines lines = three_.Wait(1000);
  EXPECT_TRUE(Has(lines, "stop serving"));
  EXPECT_EQ(three_.peer().state(), ServerState::kLooking);
  EXPECT_EQ(three_.peer().last_reason(), "a member has promised itself to epoch 7");
  const History& own = three_.peer().history();
  three_.Hear(1, Looking(3, own.applied, own.current_epoch, three_.peer().round()));
  three_.Wait(200);
  EXPECT_TRUE(Has(three_.Joins(1, 2), "accepted epoch 8"))
      << "though whoever promised is not there";
}

TEST_F(LeaderBroadcast, StaysForAStrangerAndForAMemberWhosePromiseIsDamaged) {
  three_.Joins(99, 7);
  three_.LearnerLost(12);
  three_.Joins(2, 1'000'000);
  EXPECT_FALSE(Has(Seconds(5, {11}), "stop serving"));
}

// ---- The tail.

TEST_F(LeaderBroadcast, AnUncommittedTailIsPartOfItsVote) {  // QP-3.23, P14
  three_.Propose();
  three_.Propose();
  three_.LearnerLost(11);
  three_.LearnerLost(12);
  const Lines lines = three_.Wait(2000);
  EXPECT_EQ(Only(lines, "notify"), Lines{}) << "the log has not caught up";
  EXPECT_EQ(three_.Persisted(Z(2, 2)), (Lines{"fast-forward 2:1", "fast-forward 2:2",
                                              "notify 1: LOOKING for 3 at 2:2 epoch 2 round 2",
                                              "notify 2: LOOKING for 3 at 2:2 epoch 2 round 2"}));
}

TEST_F(LeaderBroadcast, MayResignAnyTimeAndLooksAgain) {
  EXPECT_FALSE(Only(three_.LeavesRole(), "notify").empty());
  EXPECT_EQ(three_.peer().state(), ServerState::kLooking);
  EXPECT_EQ(three_.LeavesRole(), Lines{}) << "there is no role to leave";
}

}  // namespace
}  // namespace lockkeeper::zab
