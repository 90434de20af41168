// A member as a learner, discovery and broadcast (quorum-protocol 2.4, 5.3, 5.4); the leader, 3,
// is the script. Synchronization is in learner_sync_test.cc.
#include <gtest/gtest.h>

#include "tests/zab/scripted.h"

namespace lockkeeper::zab {
namespace {

// Holds 1:1 to 1:5 of epoch 1; elected, on its way to leader 3.
class LearnerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    one_.Start();
    ASSERT_EQ(one_.Follow3().back(), "connect to 3");
  }
  // Follower of epoch 2 that has nothing to catch up.
  void Serve() {
    one_.FollowToTheEnd(2);
    ASSERT_TRUE(one_.peer().serving());
  }
  void ExpectLeft(const Lines& lines) {
    EXPECT_TRUE(Has(lines, "leave the leader")) << ::testing::PrintToString(lines);
    EXPECT_EQ(one_.peer().state(), ServerState::kLooking);
  }

  Member one_{OptionsOf(1), HistoryOf(EntriesOf(1, 1, 5), 1, 1)};
};

// ---- Discovery.

TEST_F(LearnerTest, SaysWhatItHasPromised) {  // quorum-protocol 2.2
  Actions actions;
  one_.peer().OnLeaderConnected(one_.now(), &actions);
  ASSERT_EQ(Texts(actions), Lines{"to leader: FOLLOWERINFO 1:0"});
  const QuorumPacket& info = std::get<SendToLeader>(actions[0]).packet;
  EXPECT_EQ(DecodeLearnerInfo(info.data)->sid, PeerId{1});
  EXPECT_EQ(DecodeLearnerInfo(info.data)->protocol_version, 0x10000);
  EXPECT_EQ(info.data->size(), 20u);
  EXPECT_EQ(info.identities, std::nullopt);
}

TEST(Learner, AnObserverSaysSo) {
  Member four(OptionsOf(4), HistoryOf({}, 3, 2));
  four.Start();
  four.Follow3();
  EXPECT_EQ(four.Connected(), Lines{"to leader: OBSERVERINFO 3:0"});
}

TEST_F(LearnerTest, TheEpochIsDurableBeforeItIsAcknowledged) {  // QP-2.3
  one_.Connected();
  EXPECT_EQ(one_.FromLeader(LeaderInfo(4)),
            (Lines{"accepted epoch 4", "to leader: ACKEPOCH 1:5 int 1"}));
  EXPECT_EQ(one_.peer().history().accepted_epoch, 4);
  EXPECT_EQ(one_.peer().history().current_epoch, 1) << "it does not hold its history yet";
}

TEST_F(LearnerTest, ThePromiseOfTheSameEpochIsNotGivenTwice) {  // QP-2.5
  one_.Connected();
  one_.FromLeader(LeaderInfo(4));
  one_.LeaderLost();
  one_.Follow3();
  EXPECT_EQ(one_.Connected(), Lines{"to leader: FOLLOWERINFO 4:0"});
  EXPECT_EQ(one_.FromLeader(LeaderInfo(4)), Lines{"to leader: ACKEPOCH 1:5 int -1"});
}

TEST_F(LearnerTest, AnOlderEpochIsRefused) {  // QP-2.6
  one_.Connected();
  ExpectLeft(one_.FromLeader(LeaderInfo(0)));
  EXPECT_EQ(one_.peer().history().accepted_epoch, 1);
  EXPECT_NE(one_.peer().last_reason().find("epoch 1 was promised"), std::string::npos);
}

TEST_F(LearnerTest, ALeaderWithoutLeaderInfoIsLeft) {  // quorum-protocol 2.4 step 4
  one_.Connected();
  ExpectLeft(one_.FromLeader(NewLeader(2)));
}

TEST_F(LearnerTest, DataThatApacheReadsIsNeverNull) {  // P57
  one_.Connected();
  Actions actions;
  one_.peer().OnLeaderPacket(one_.now(), LeaderInfo(2), &actions);
  const QuorumPacket& ack = std::get<SendToLeader>(actions.back()).packet;
  ASSERT_EQ(ack.type, Type::kAckEpoch);
  ASSERT_NE(ack.data, nullptr);
  EXPECT_EQ(ack.data->size(), 4u);
  ASSERT_NE(EncodeTouches({}), nullptr) << "the data of the answer to a PING";
  EXPECT_TRUE(EncodeTouches({})->empty());
}

TEST_F(LearnerTest, WaitsInitLimitForEachPacketOfDiscovery) {  // quorum-protocol 2.4 step 2, 5.4
  one_.Connected();
  EXPECT_EQ(one_.Wait(19'999), Lines{});
  one_.FromLeader(LeaderInfo(2));
  EXPECT_EQ(one_.Wait(19'999), Lines{});
  ExpectLeft(one_.Wait(1));
}

TEST_F(LearnerTest, ALeaderThatCannotBeReachedIsGivenUp) {
  ExpectLeft(one_.LeaderLost());
  EXPECT_EQ(one_.peer().round(), 2) << "a new election";
}

// ---- Liveness.

TEST_F(LearnerTest, WithoutAPacketForSyncLimitTicksItLooks) {  // QP-5.5
  Serve();
  EXPECT_EQ(one_.Wait(9'999), Lines{});
  one_.FromLeader(Packet(Type::kPing, Z(2, 0)));
  EXPECT_EQ(one_.Wait(9'999), Lines{});
  const Lines lines = one_.Wait(1);
  ExpectLeft(lines);
  EXPECT_EQ(lines.front(), "stop serving");
}

TEST_F(LearnerTest, APingIsAnsweredAtOnceWithItsZxid) {  // QP-4.4
  Serve();
  EXPECT_EQ(one_.FromLeader(Packet(Type::kPing, Z(2, 7))), Lines{"answer PING 2:7"});
}

// ---- Broadcast.

TEST_F(LearnerTest, AcknowledgesAfterTheDiskAndInOrder) {  // QP-5.3
  Serve();
  EXPECT_EQ(one_.FromLeader(Packet(Type::kProposal, Z(2, 1))), Lines{"log 2:1"});
  EXPECT_EQ(one_.FromLeader(Packet(Type::kProposal, Z(2, 2))), Lines{"log 2:2"});
  EXPECT_EQ(one_.FromLeader(Packet(Type::kProposal, Z(2, 3))), Lines{"log 2:3"});
  EXPECT_EQ(one_.Persisted(Z(2, 2)), (Lines{"to leader: ACK 2:1", "to leader: ACK 2:2"}));
  EXPECT_EQ(one_.Persisted(Z(2, 2)), Lines{}) << "once each";
  EXPECT_EQ(one_.Persisted(Z(2, 3)), Lines{"to leader: ACK 2:3"});
}

TEST_F(LearnerTest, NeverAcknowledgesWhatIsNotOnDisk) {  // QP-5.3
  Serve();
  EXPECT_EQ(one_.FromLeader(Packet(Type::kProposal, Z(2, 1))), Lines{"log 2:1"});
  EXPECT_EQ(one_.FromLeader(Packet(Type::kCommit, Z(2, 1))), Lines{"apply 2:1"})
      << "others have it on disk";
  EXPECT_EQ(one_.Wait(9'000), Lines{});
}

TEST_F(LearnerTest, AppliesWhatIsCommittedInOrder) {  // QP-5.2
  Serve();
  one_.FromLeader(Packet(Type::kProposal, Z(2, 1)));
  one_.FromLeader(Packet(Type::kProposal, Z(2, 2)));
  EXPECT_EQ(one_.FromLeader(Packet(Type::kCommit, Z(2, 1))), Lines{"apply 2:1"});
  EXPECT_EQ(one_.FromLeader(Packet(Type::kCommit, Z(2, 2))), Lines{"apply 2:2"});
  EXPECT_EQ(one_.peer().history().applied, Z(2, 2));
  EXPECT_EQ(one_.peer().history().committed.newest(), Z(2, 2));
}

TEST_F(LearnerTest, ACommitOutOfOrderMakesItLeave) {  // QP-5.12
  Serve();
  one_.FromLeader(Packet(Type::kProposal, Z(2, 1)));
  one_.FromLeader(Packet(Type::kProposal, Z(2, 2)));
  EXPECT_EQ(one_.FromLeader(Packet(Type::kCommit, Z(2, 2))),
            (Lines{"stop serving", "leave the leader"}));
  EXPECT_EQ(one_.peer().history().applied, Z(1, 5)) << "nothing was applied";
  EXPECT_EQ(Only(one_.Persisted(Z(2, 2)), "fast-forward"),
            (Lines{"fast-forward 2:1", "fast-forward 2:2"}));
}

TEST_F(LearnerTest, ACommitOfNothingMakesItLeave) {  // QP-5.12
  Serve();
  ExpectLeft(one_.FromLeader(Packet(Type::kCommit, Z(2, 1))));
  EXPECT_EQ(one_.peer().history().applied, Z(1, 5));
  EXPECT_EQ(one_.peer().history().appended, Z(1, 5));
}

TEST_F(LearnerTest, AProposalTwiceOrBackwardOrAheadMakesItLeave) {  // quorum-protocol 5.3, QP-3.19
  for (const Zxid wrong : {Z(2, 2), Z(2, 1), Z(2, 4), Z(1, 6)}) {
    Member one(OptionsOf(1), HistoryOf(EntriesOf(1, 1, 5), 1, 1));
    one.Start();
    one.Follow3();
    one.FollowToTheEnd(2);
    one.FromLeader(Packet(Type::kProposal, Z(2, 1)));
    one.FromLeader(Packet(Type::kProposal, Z(2, 2)));
    EXPECT_EQ(one.FromLeader(Packet(Type::kProposal, wrong)),
              (Lines{"stop serving", "leave the leader"}))
        << wrong;
  }
}

// Only a snapshot may be ahead of the first proposals; once it serves, nothing is repeated.
TEST_F(LearnerTest, TheFirstLiveProposalIsNoExceptionToThat) {  // quorum-protocol 5.3
  Serve();
  ExpectLeft(one_.FromLeader(Packet(Type::kProposal, Z(1, 5))));
}

TEST_F(LearnerTest, AnswersOfTheLeaderKeepTheirPlaceAmongTheCommits) {  // QP-4.6, 5.2
  Serve();
  one_.FromLeader(Packet(Type::kProposal, Z(2, 1)));
  EXPECT_EQ(one_.FromLeader(Packet(Type::kCommit, Z(2, 1))), Lines{"apply 2:1"});
  EXPECT_EQ(one_.FromLeader(Packet(Type::kSync, Zxid{0})), Lines{"leader answers SYNC 0:0"});
  EXPECT_EQ(one_.FromLeader(Packet(Type::kRevalidate)), Lines{"leader answers REVALIDATE -1"});
}

TEST_F(LearnerTest, UnknownPacketsAreIgnored) {  // QP-4.10
  Serve();
  EXPECT_EQ(one_.FromLeader(Packet(static_cast<Type>(77), Z(2, 9))), Lines{});
  EXPECT_EQ(one_.FromLeader(Packet(Type::kUpToDate)), Lines{}) << "12 after start";
  EXPECT_TRUE(one_.peer().serving());
}

// ---- Observers.

TEST(Learner, AnObserverLogsAndAppliesInformsAndAcknowledgesNothing) {  // QP-4.9
  Member four(OptionsOf(4), HistoryOf(EntriesOf(1, 1, 5), 1, 1));
  four.Start();
  four.Follow3();
  EXPECT_EQ(Only(four.FollowToTheEnd(2), "serve"),
            Lines{"serve as observer under 3 epoch 2 at 1:5"});
  EXPECT_EQ(four.FromLeader(Packet(Type::kInform, Z(2, 1))), (Lines{"log 2:1", "apply 2:1"}));
  EXPECT_EQ(four.Persisted(Z(2, 1)), Lines{});
  EXPECT_EQ(four.FromLeader(Packet(Type::kProposal, Z(2, 2))), Lines{}) << "4.1: ignored";
  EXPECT_EQ(four.FromLeader(Packet(Type::kCommit, Z(2, 2))), Lines{});
  EXPECT_EQ(four.FromLeader(Packet(Type::kInform, Z(2, 2))), (Lines{"log 2:2", "apply 2:2"}));
}

// ---- The tail.

TEST_F(LearnerTest, AnUncommittedTailThatTheNextLeaderLacksIsGone) {  // QP-3.23
  Serve();
  one_.FromLeader(Packet(Type::kProposal, Z(2, 1)));
  one_.FromLeader(Packet(Type::kCommit, Z(2, 1)));
  one_.FromLeader(Packet(Type::kProposal, Z(2, 2)));
  one_.Persisted(Z(2, 2));
  EXPECT_EQ(one_.LeaderLost(), (Lines{"stop serving", "leave the leader", "fast-forward 2:2",
                                      "notify 2: LOOKING for 1 at 2:2 epoch 2 round 2",
                                      "notify 3: LOOKING for 1 at 2:2 epoch 2 round 2"}));
  one_.Follow3();
  EXPECT_TRUE(Has(one_.Discover(3), "to leader: ACKEPOCH 2:2 int 2"));
  EXPECT_EQ(one_.FromLeader(Packet(Type::kTrunc, Z(2, 1))), Lines{"cut at 2:1"});
  one_.Truncated();
  EXPECT_EQ(one_.FromLeader(NewLeader(3)), (Lines{"current epoch 3", "to leader: ACK 3:0"}));
  EXPECT_EQ(one_.peer().history().appended, Z(2, 1));
  EXPECT_EQ(one_.peer().history().committed.newest(), Z(2, 1)) << "nor is it sent on as a DIFF";
  EXPECT_TRUE(
      Has(one_.FromLeader(Packet(Type::kUpToDate)), "serve as follower under 3 epoch 3 at 2:1"));
  EXPECT_EQ(one_.FromLeader(Packet(Type::kProposal, Z(3, 1))), Lines{"log 3:1"});
}

TEST_F(LearnerTest, AnUncommittedTailThatTheNextLeaderHasIsKept) {  // QP-3.23
  Serve();
  one_.FromLeader(Packet(Type::kProposal, Z(2, 1)));
  one_.Persisted(Z(2, 1));
  one_.LeaderLost();
  one_.Follow3();
  EXPECT_TRUE(Has(one_.FollowToTheEnd(3), "serve as follower under 3 epoch 3 at 2:1"));
}

TEST_F(LearnerTest, MayLeaveAnyTimeAndLooksAgain) {
  Serve();
  const Lines lines = one_.LeavesRole();
  EXPECT_EQ((Lines{lines.begin(), lines.begin() + 2}), (Lines{"stop serving", "leave the leader"}));
  EXPECT_FALSE(Only(lines, "notify").empty());
  EXPECT_EQ(one_.peer().last_reason(), "a test says so");
}

}  // namespace
}  // namespace lockkeeper::zab
