// A learner in synchronization (quorum-protocol 3.7 to 3.10). The actions of a list are durable in
// their order, so the order of these lines is what a crash between any two of them leaves.
#include <gtest/gtest.h>

#include "tests/zab/scripted.h"

namespace lockkeeper::zab {
namespace {

const Lines kAcknowledged{"current epoch 3", "to leader: ACK 3:0"};

// Server 1 holds 1:1 to 1:5; leader 3 of epoch 3 is about to say DIFF, TRUNC or SNAP.
class LearnerSync : public ::testing::Test {
 protected:
  void SetUp() override {
    one_.Start();
    one_.Follow3();
    ASSERT_TRUE(Has(one_.Discover(3), "to leader: ACKEPOCH 1:5 int 1"));
  }
  Lines Tell(Type type, Zxid zxid = Zxid{-1}) { return one_.FromLeader(Packet(type, zxid)); }
  Lines TellCommitted(Zxid zxid) {
    return InOrder({Tell(Type::kProposal, zxid), Tell(Type::kCommit, zxid)});
  }
  void ExpectLeft(const Lines& lines) {
    EXPECT_TRUE(Has(lines, "leave the leader")) << ::testing::PrintToString(lines);
    EXPECT_EQ(one_.peer().state(), ServerState::kLooking);
  }

  Member one_{OptionsOf(1), HistoryOf(EntriesOf(1, 1, 5), 1, 1)};
};

// ---- DIFF.

TEST_F(LearnerSync, AtNewLeaderTheLogThenTheEpochThenTheAck) {  // QP-3.12, P4, P5
  EXPECT_EQ(Tell(Type::kDiff, Z(2, 2)), Lines{});
  EXPECT_EQ(TellCommitted(Z(2, 1)), Lines{}) << "nothing before NEWLEADER";
  EXPECT_EQ(TellCommitted(Z(2, 2)), Lines{});
  EXPECT_EQ(one_.FromLeader(NewLeader(3)), (Lines{"log 2:1", "log 2:2", "apply 2:1", "apply 2:2"}));
  EXPECT_EQ(one_.Persisted(Z(2, 1)), Lines{}) << "not all of it is on disk";
  EXPECT_EQ(one_.peer().history().current_epoch, 1);
  EXPECT_EQ(one_.Persisted(Z(2, 2)), kAcknowledged);
  EXPECT_EQ(one_.peer().history().current_epoch, 3);
}

TEST_F(LearnerSync, WithoutTheDiskThereIsNeitherEpochNorAck) {  // QP-3.12, P5
  Tell(Type::kDiff, Z(2, 1));
  TellCommitted(Z(2, 1));
  one_.FromLeader(NewLeader(3));
  const Lines lines = one_.Wait(100'000);
  EXPECT_TRUE(Has(lines, "leave the leader")) << "the leader has been silent for initLimit";
  EXPECT_EQ(Only(lines, "to leader"), Lines{});
  EXPECT_EQ(Only(lines, "current epoch"), Lines{});
  EXPECT_EQ(Only(lines, "notify"), Lines{}) << "nor a vote (P14)";
}

TEST_F(LearnerSync, NothingToLogIsAcknowledgedAtOnce) {  // quorum-protocol 3.7
  Tell(Type::kDiff, Z(1, 5));
  EXPECT_EQ(one_.FromLeader(NewLeader(3)), kAcknowledged);
}

TEST_F(LearnerSync, AcknowledgesTheEpochTwiceAndProposalsOnlyAfterTheFirst) {  // QP-3.15
  Tell(Type::kDiff, Z(2, 1));
  TellCommitted(Z(2, 1));
  Tell(Type::kProposal, Z(3, 1));  // outstanding when the synchronization was made
  EXPECT_EQ(one_.FromLeader(NewLeader(3)), (Lines{"log 2:1", "apply 2:1"}));
  EXPECT_EQ(one_.Persisted(Z(2, 1)), kAcknowledged) << "no ACK of 2:1";
  EXPECT_EQ(Tell(Type::kUpToDate),
            (Lines{"to leader: ACK 3:0", "serve as follower under 3 epoch 3 at 2:1", "log 3:1"}));
  EXPECT_EQ(one_.Persisted(Z(3, 1)), Lines{"to leader: ACK 3:1"});
  EXPECT_EQ(Tell(Type::kCommit, Z(3, 1)), Lines{"apply 3:1"}) << "P15: not before its COMMIT";
}

TEST_F(LearnerSync, UpToDateBeforeTheAckIsAnError) {
  Tell(Type::kDiff, Z(2, 1));
  TellCommitted(Z(2, 1));
  one_.FromLeader(NewLeader(3));
  EXPECT_EQ(Tell(Type::kUpToDate), Lines{"leave the leader"});
}

TEST_F(LearnerSync, NewLeaderOfAnotherEpochIsAnError) {
  Tell(Type::kDiff, Z(1, 5));
  ExpectLeft(one_.FromLeader(NewLeader(4)));
}

TEST_F(LearnerSync, AnythingElseInThePlaceOfDiffTruncAndSnapIsAnError) {  // quorum-protocol 3.1
  ExpectLeft(one_.FromLeader(NewLeader(3)));
}

TEST_F(LearnerSync, TheCommittedLogStaysContiguous) {  // QP-3.16, P8
  Tell(Type::kDiff, Z(2, 2));
  TellCommitted(Z(2, 1));
  TellCommitted(Z(2, 2));
  one_.FromLeader(NewLeader(3));
  const auto& held = one_.peer().history().committed.entries();
  EXPECT_EQ(ZxidsOf({held.begin(), held.end()}),
            (std::vector{Z(1, 1), Z(1, 2), Z(1, 3), Z(1, 4), Z(1, 5), Z(2, 1), Z(2, 2)}));
}

TEST_F(LearnerSync, AHoleMakesItLeave) {  // QP-3.19
  Tell(Type::kDiff, Z(2, 3));
  TellCommitted(Z(2, 1));
  ExpectLeft(Tell(Type::kProposal, Z(2, 3)));
  EXPECT_EQ(one_.peer().history().appended, Z(1, 5)) << "nothing of it is kept";
}

TEST_F(LearnerSync, AHoleBehindWhatItHasMakesItLeave) {  // QP-3.19
  Tell(Type::kDiff, Z(1, 8));
  ExpectLeft(Tell(Type::kProposal, Z(1, 7)));
}

TEST_F(LearnerSync, AStepBackwardMakesItLeave) {  // QP-3.19
  Tell(Type::kDiff, Z(2, 3));
  TellCommitted(Z(2, 1));
  ExpectLeft(Tell(Type::kProposal, Z(1, 6)));
}

TEST_F(LearnerSync, ACommitThatDoesNotMatchMakesItLeave) {  // quorum-protocol 3.7 f
  Tell(Type::kDiff, Z(2, 2));
  Tell(Type::kProposal, Z(2, 1));
  Tell(Type::kProposal, Z(2, 2));
  ExpectLeft(Tell(Type::kCommit, Z(2, 2)));
}

TEST_F(LearnerSync, UnknownPacketsAndPingsAreIgnored) {  // QP-4.10
  Tell(Type::kDiff, Z(1, 5));
  EXPECT_EQ(Tell(static_cast<Type>(77)), Lines{});
  EXPECT_EQ(Tell(Type::kPing, Z(3, 0)), Lines{});
  EXPECT_EQ(one_.FromLeader(NewLeader(3)), kAcknowledged);
}

// ---- Between NEWLEADER and UPTODATE.

TEST_F(LearnerSync, TrafficInTheGapIsCarriedOutAtUpToDate) {  // QP-3.11
  Tell(Type::kDiff, Z(1, 5));
  one_.FromLeader(NewLeader(3));
  EXPECT_EQ(TellCommitted(Z(3, 1)), Lines{});
  EXPECT_EQ(Tell(Type::kProposal, Z(3, 2)), Lines{});
  EXPECT_EQ(Tell(Type::kPing, Z(3, 2)), Lines{}) << "without an answer";
  EXPECT_EQ(Tell(Type::kUpToDate),
            (Lines{"to leader: ACK 3:0", "serve as follower under 3 epoch 3 at 1:5", "log 3:1",
                   "log 3:2", "apply 3:1"}));
  EXPECT_EQ(one_.Persisted(Z(3, 2)), (Lines{"to leader: ACK 3:1", "to leader: ACK 3:2"}));
}

TEST_F(LearnerSync, ACommitInTheGapMayBeOfAnEarlierProposal) {  // QP-3.11, P7
  Tell(Type::kDiff, Z(1, 5));
  Tell(Type::kProposal, Z(3, 1));
  one_.FromLeader(NewLeader(3));
  EXPECT_EQ(Tell(Type::kCommit, Z(3, 1)), Lines{});
  const Lines lines = Tell(Type::kUpToDate);
  EXPECT_EQ(Only(lines, "log"), Lines{"log 3:1"});
  EXPECT_EQ(lines.back(), "apply 3:1");
}

TEST_F(LearnerSync, ACommitInTheGapOfNothingMakesItLeaveUnharmed) {  // QP-3.11, QP-5.12
  Tell(Type::kDiff, Z(1, 5));
  one_.FromLeader(NewLeader(3));
  ExpectLeft(Tell(Type::kCommit, Z(3, 1)));
  EXPECT_EQ(one_.peer().history().applied, Z(1, 5));
}

TEST_F(LearnerSync, TrafficInTheGapWhileTheLogIsWrittenIsHeldToo) {  // QP-3.11, P6
  Tell(Type::kDiff, Z(2, 1));
  TellCommitted(Z(2, 1));
  one_.FromLeader(NewLeader(3));
  EXPECT_EQ(Tell(Type::kProposal, Z(3, 1)), Lines{});
  EXPECT_EQ(one_.Persisted(Z(2, 1)), kAcknowledged);
  EXPECT_EQ(Only(Tell(Type::kUpToDate), "log"), Lines{"log 3:1"});
}

TEST_F(LearnerSync, InTheGapASilentLeaderIsLeftAfterSyncLimitTicks) {  // quorum-protocol 3.7 i 5
  Tell(Type::kDiff, Z(1, 5));
  one_.FromLeader(NewLeader(3));
  EXPECT_EQ(one_.Wait(9'999), Lines{});
  ExpectLeft(one_.Wait(1));
}

// ---- SNAP.

TEST_F(LearnerSync, ASnapshotIsInstalledBeforeTheEpochAndTheAck) {  // QP-3.13
  EXPECT_EQ(Tell(Type::kSnap, Z(2, 9)), Lines{});
  EXPECT_EQ(one_.SnapshotReceived(), Lines{}) << "until NEWLEADER the old data is valid";
  EXPECT_EQ(one_.peer().history().applied, Z(1, 5));
  EXPECT_EQ(one_.FromLeader(NewLeader(3)), Lines{"install snapshot 2:9"} + kAcknowledged);
  EXPECT_EQ(one_.peer().history().applied, Z(2, 9));
  EXPECT_TRUE(one_.peer().history().committed.empty()) << "QP-3.16: 1:5 and 2:10 do not join";
  EXPECT_TRUE(Has(Tell(Type::kUpToDate), "serve as follower under 3 epoch 3 at 2:9"));
}

TEST_F(LearnerSync, ASnapshotMayTakeLongerThanInitLimitWhileItComes) {  // 5.4
  Tell(Type::kSnap, Z(2, 9));
  for (int i = 0; i < 60; ++i) {
    EXPECT_EQ(one_.Wait(1000), Lines{}) << i;
    one_.peer().OnSnapshotPart(one_.now());
  }
  EXPECT_NE(one_.Wait(20'000), Lines{}) << "nothing of it comes any more";
}

TEST_F(LearnerSync, WhatFollowsTheSnapshotIsLoggedBehindIt) {  // QP-3.13, QP-3.18
  Tell(Type::kSnap, Z(3, 4));
  one_.SnapshotReceived();
  TellCommitted(Z(3, 5));
  EXPECT_EQ(one_.FromLeader(NewLeader(3)), (Lines{"install snapshot 3:4", "log 3:5", "apply 3:5"}));
  EXPECT_EQ(one_.Persisted(Z(3, 5)), kAcknowledged);
}

// A snapshot may hold more than what was committed when its history was queued (6.5).
TEST_F(LearnerSync, WhatTheSnapshotHasAlreadyIsNeitherLoggedNorAppliedAgain) {  // 3.4
  Tell(Type::kSnap, Z(3, 4));
  one_.SnapshotReceived();
  TellCommitted(Z(3, 3));
  TellCommitted(Z(3, 4));
  TellCommitted(Z(3, 5));
  EXPECT_EQ(one_.FromLeader(NewLeader(3)), (Lines{"install snapshot 3:4", "log 3:5", "apply 3:5"}));
}

TEST_F(LearnerSync, ConnectionLossInASnapshotDiscardsIt) {  // QP-3.14, P13, P21
  Tell(Type::kSnap, Z(2, 9));
  const Lines lines = one_.LeaderLost();
  EXPECT_EQ(lines, (Lines{"leave the leader", "drop snapshot",
                          "notify 2: LOOKING for 1 at 1:5 epoch 1 round 2",
                          "notify 3: LOOKING for 1 at 1:5 epoch 1 round 2"}));
}

TEST_F(LearnerSync, ConnectionLossBehindASnapshotDiscardsItToo) {  // QP-3.14
  Tell(Type::kSnap, Z(2, 9));
  one_.SnapshotReceived();
  EXPECT_TRUE(Has(one_.LeaderLost(), "drop snapshot"));
  one_.Follow3();
  EXPECT_TRUE(Has(one_.Discover(4), "to leader: ACKEPOCH 1:5 int 1"));
  EXPECT_EQ(Tell(Type::kDiff, Z(1, 5)), Lines{});
  EXPECT_EQ(one_.FromLeader(NewLeader(4)), (Lines{"current epoch 4", "to leader: ACK 4:0"}))
      << "nothing of the old snapshot is installed";
}

TEST_F(LearnerSync, APacketInTheMiddleOfASnapshotIsAnError) {
  Tell(Type::kSnap, Z(2, 9));
  const Lines lines = one_.FromLeader(NewLeader(3));
  ExpectLeft(lines);
  EXPECT_TRUE(Has(lines, "drop snapshot"));
}

// ---- TRUNC.

TEST_F(LearnerSync, TheLogIsCutBeforeAnythingElse) {  // quorum-protocol 3.7 c, QP-3.17
  EXPECT_EQ(Tell(Type::kTrunc, Z(1, 3)), Lines{"cut at 1:3"});
  EXPECT_EQ(one_.Truncated(), Lines{});
  EXPECT_EQ(one_.peer().history().applied, Z(1, 3));
  EXPECT_EQ(one_.peer().history().committed.newest(), Z(1, 3));
  EXPECT_EQ(TellCommitted(Z(2, 1)), Lines{});
  EXPECT_EQ(one_.FromLeader(NewLeader(3)), (Lines{"log 2:1", "apply 2:1"}));
  EXPECT_EQ(one_.Persisted(Z(2, 1)), kAcknowledged);
}

TEST_F(LearnerSync, ATruncationBeyondItsEndIsAnError) { ExpectLeft(Tell(Type::kTrunc, Z(1, 6))); }

// quorum-protocol 3.9, P12: disk and vote stay, the same leader is asked for everything.
TEST_F(LearnerSync, WhereTheLogCannotBeCutEverythingIsAskedFor) {
  Tell(Type::kTrunc, Z(1, 3));
  const Lines left = one_.Truncated(false);
  ExpectLeft(left);
  EXPECT_TRUE(Has(left, "notify 2: LOOKING for 1 at 1:5 epoch 1 round 2"));
  one_.Follow3();
  EXPECT_EQ(one_.Discover(3),
            (Lines{"to leader: FOLLOWERINFO 3:0", "to leader: ACKEPOCH 0:0 int -1"}));
  Tell(Type::kSnap, Z(3, 0));
  one_.SnapshotReceived();
  EXPECT_EQ(one_.FromLeader(NewLeader(3)), Lines{"install snapshot 3:0"} + kAcknowledged);
}

TEST_F(LearnerSync, ADiffToWhoAskedForEverythingIsAnError) {  // P12
  Tell(Type::kTrunc, Z(1, 3));
  one_.Truncated(false);
  one_.Follow3();
  one_.Discover(3);
  ExpectLeft(Tell(Type::kDiff, Z(1, 3)));
}

// Such a leader cannot lead with it, and while it has this server's vote the others do not look for
// a better one.
TEST_F(LearnerSync, WhoCannotBeBroughtUpToDateTwiceVotesForNobodyForAWhile) {
  Tell(Type::kTrunc, Z(1, 3));
  one_.Truncated(false);
  one_.Follow3();
  one_.Discover(4);
  Tell(Type::kTrunc, Z(1, 3));
  EXPECT_EQ(Only(one_.Truncated(false), "notify"), Lines{});
  const int64_t init_ms = OptionsOf(1).init_ms();
  EXPECT_EQ(Only(one_.Wait(init_ms - 1), "notify"), Lines{});
  EXPECT_FALSE(Only(one_.Wait(init_ms), "notify").empty());
}

// A leader that is not elected yet must be measured by what this server really has (P31).
TEST_F(LearnerSync, ANewLeaderIsToldTheTruthThough) {
  Tell(Type::kTrunc, Z(1, 3));
  one_.Truncated(false);
  one_.Follow3();
  EXPECT_TRUE(Has(one_.Discover(4), "to leader: ACKEPOCH 1:5 int 1"));
}

// ---- Observers.

class ObserverSync : public ::testing::Test {
 protected:
  void SetUp() override {
    four_.Start();
    four_.Follow3();
    four_.Discover(3);
  }
  Member four_{OptionsOf(4), HistoryOf(EntriesOf(1, 1, 5), 1, 1)};
};

TEST_F(ObserverSync, AcknowledgesOnlyTheEpoch) {  // QP-3.21
  Lines all =
      InOrder({four_.FromLeader(Packet(Type::kDiff, Z(2, 1))),
               four_.FromLeader(Packet(Type::kProposal, Z(2, 1))),
               four_.FromLeader(Packet(Type::kCommit, Z(2, 1))),
               four_.FromLeader(Packet(Type::kInform, Z(2, 2))), four_.FromLeader(NewLeader(3)),
               four_.Persisted(Z(2, 2)), four_.FromLeader(Packet(Type::kInform, Z(3, 1))),
               four_.FromLeader(Packet(Type::kUpToDate)), four_.Persisted(Z(3, 1))});
  EXPECT_EQ(Only(all, "to leader"), (Lines{"to leader: ACK 3:0", "to leader: ACK 3:0"}));
  EXPECT_EQ(Only(all, "apply"), (Lines{"apply 2:1", "apply 2:2", "apply 3:1"}));
  EXPECT_EQ(four_.peer().history().applied, Z(3, 1));
}

// Content of the synchronization is applied before clients come, live traffic after.
TEST_F(ObserverSync, ServesWithTheWholeSynchronizationApplied) {  // QP-3.21
  four_.FromLeader(Packet(Type::kDiff, Z(2, 1)));
  four_.FromLeader(Packet(Type::kInform, Z(2, 1)));
  four_.FromLeader(NewLeader(3));
  four_.Persisted(Z(2, 1));
  EXPECT_EQ(four_.FromLeader(Packet(Type::kInform, Z(3, 1))), Lines{});
  EXPECT_EQ(four_.FromLeader(Packet(Type::kUpToDate)),
            (Lines{"to leader: ACK 3:0", "serve as observer under 3 epoch 3 at 2:1", "log 3:1",
                   "apply 3:1"}));
}

TEST_F(ObserverSync, AHoleMakesItLeave) {  // QP-3.19
  four_.FromLeader(Packet(Type::kDiff, Z(1, 7)));
  EXPECT_TRUE(Has(four_.FromLeader(Packet(Type::kInform, Z(1, 7))), "leave the leader"));
}

}  // namespace
}  // namespace lockkeeper::zab
