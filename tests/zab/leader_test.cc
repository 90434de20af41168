// A member as the leader: discovery (quorum-protocol 2.3, 2.5 to 2.7). Synchronization is in
// leader_sync_test.cc, broadcast in leader_broadcast_test.cc.
#include <gtest/gtest.h>

#include "tests/zab/scripted.h"

namespace lockkeeper::zab {
namespace {

const Lines kStarts{"current epoch 2", "serve as leader under 3 epoch 2 at 2:0"};

bool GaveUp(const Lines& lines) { return Has(lines, "close port"); }

// Server 3 holds 1:1 to 1:5, is elected and waits for followers 1 and 2 (connections 11 and 12).
class LeaderTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(three_.Lead().back(), "open port"); }
  Lines Acks(int64_t sid, Zxid last, int32_t epoch) {
    return three_.FromLearner(static_cast<LearnerId>(10 + sid), AckEpoch(last, epoch));
  }
  // Learner `sid` is closed by `lines`, and nothing else happens.
  static void ExpectClosed(int64_t sid, const Lines& lines) {
    ASSERT_EQ(lines.size(), 1u) << ::testing::PrintToString(lines);
    EXPECT_TRUE(lines[0].starts_with("close " + std::to_string(10 + sid) + ":")) << lines[0];
  }

  Member three_{OptionsOf(3), HistoryOf(EntriesOf(1, 1, 5), 1, 1)};
};

// ---- The choice of the epoch.

TEST_F(LeaderTest, TheEpochIsDurableBeforeItIsSent) {  // QP-2.3
  EXPECT_EQ(three_.Joins(1, 1), (Lines{"accepted epoch 2", "to 11: LEADERINFO 2:0 int 65536"}));
  EXPECT_EQ(three_.peer().history().current_epoch, 1) << "not before a quorum acknowledges it";
}

TEST_F(LeaderTest, TheEpochIsOneMoreThanAnyPromise) {  // QP-2.4
  EXPECT_EQ(three_.Joins(1, 7).front(), "accepted epoch 8");
}

TEST_F(LeaderTest, ItsOwnPromiseCounts) {  // QP-2.4
  Member three(OptionsOf(3), HistoryOf(EntriesOf(1, 1, 5), 6, 1));
  three.Lead();
  EXPECT_EQ(three.Joins(1, 1).front(), "accepted epoch 7");
}

// Their promises raise the epoch, as every one that is seen; they make it final never.
TEST_F(LeaderTest, ObserversAndStrangersAreNoQuorum) {  // QP-2.4, P30
  EXPECT_EQ(three_.Joins(4, 9, kObserver), Lines{});
  EXPECT_EQ(three_.Joins(5, 11), Lines{}) << "a follower outside the configuration";
  EXPECT_EQ(three_.Joins(1, 1),
            (Lines{"accepted epoch 12", "to 11: LEADERINFO 12:0 int 65536",
                   "to 14: LEADERINFO 12:0 int 65536", "to 15: LEADERINFO 12:0 int 65536"}));
  EXPECT_EQ(Acks(4, Z(1, 5), 1), Lines{});
  EXPECT_EQ(Acks(5, Z(1, 5), 1), Lines{}) << "nor of acknowledged epochs";
  EXPECT_EQ(Acks(1, Z(1, 5), 1).front(), "current epoch 12");
  EXPECT_EQ(three_.FromLearner(14, Packet(Type::kAck, Z(12, 0))), Lines{});
  EXPECT_EQ(three_.FromLearner(15, Packet(Type::kAck, Z(12, 0))), Lines{}) << "nor of NEWLEADER";
  EXPECT_EQ(three_.FromLearner(11, Packet(Type::kAck, Z(12, 0))).front(),
            "serve as leader under 3 epoch 12 at 12:0");
}

// The role of the connection counts, not only the number (P30).
TEST_F(LeaderTest, AVoterThatComesAsAnObserverIsNotCounted) {
  EXPECT_EQ(three_.Joins(2, 1, kObserver), Lines{});
  three_.Joins(1, 1);
  EXPECT_EQ(Acks(2, Z(1, 5), 1), Lines{});
  Acks(1, Z(1, 5), 1);
  EXPECT_EQ(three_.FromLearner(12, Packet(Type::kAck, Z(2, 0))), Lines{});
  three_.FromLearner(11, Packet(Type::kAck, Z(2, 0)));
  three_.Propose();
  three_.Persisted(Z(2, 1));
  EXPECT_EQ(three_.FromLearner(12, Packet(Type::kAck, Z(2, 1))), Lines{});
  three_.LearnerLost(11);
  EXPECT_TRUE(GaveUp(three_.Wait(2000)));
}

TEST_F(LeaderTest, WhoComesLateGetsTheEpochThatIsFixed) {  // QP-2.12
  three_.Joins(1, 1);
  EXPECT_EQ(three_.Joins(2, 1), Lines{"to 12: LEADERINFO 2:0 int 65536"});
  Acks(1, Z(1, 5), 1);
  three_.FromLearner(11, Packet(Type::kAck, Z(2, 0)));
  ASSERT_TRUE(three_.peer().leading());
  EXPECT_EQ(three_.Joins(4, 1, kObserver), Lines{"to 14: LEADERINFO 2:0 int 65536"});
  EXPECT_EQ(Acks(4, Z(1, 5), 1), (Lines{"to 14: DIFF 1:5", "to 14: NEWLEADER 2:0 'config'"}));
  EXPECT_EQ(three_.FromLearner(14, Packet(Type::kAck, Z(2, 0))), Lines{"to 14: UPTODATE -1"});
}

TEST_F(LeaderTest, AMemberOfOneLeadsAlone) {
  PeerOptions options = OptionsOf(3);
  options.config.voters = {PeerId{3}};
  Member alone(options, HistoryOf(EntriesOf(1, 1, 5), 1, 1));
  alone.Start();
  EXPECT_EQ(alone.Wait(200), (Lines{"open port", "accepted epoch 2"} + kStarts));
}

// ---- The acknowledged epoch.

TEST_F(LeaderTest, AQuorumOfAcknowledgementsMakesItsEpoch) {  // quorum-protocol 2.3 step 5
  three_.Joins(1, 1);
  EXPECT_EQ(Acks(1, Z(1, 5), 1),
            (Lines{"current epoch 2", "to 11: DIFF 1:5", "to 11: NEWLEADER 2:0 'config'"}));
}

TEST_F(LeaderTest, AnEpochThatWasPromisedBeforeIsNotCountedButItsZxidIsUsed) {  // QP-2.5
  three_.Joins(1, 1);
  three_.Joins(2, 1);
  EXPECT_EQ(Acks(1, Z(1, 4), -1), Lines{});
  EXPECT_EQ(Acks(2, Z(1, 5), 1), (Lines{"current epoch 2", "to 11: DIFF 1:5", "to 11: PROPOSAL 1:5",
                                        "to 11: COMMIT 1:5", "to 11: NEWLEADER 2:0 'config'",
                                        "to 12: DIFF 1:5", "to 12: NEWLEADER 2:0 'config'"}));
}

TEST_F(LeaderTest, AFollowerOfANewerEpochIsNotLed) {  // QP-2.7, P31
  three_.Joins(1, 1);
  ExpectClosed(1, Acks(1, Z(1, 1), 2));
  EXPECT_EQ(three_.peer().history().current_epoch, 1);
}

TEST_F(LeaderTest, AFollowerWithANewerZxidIsNotLed) {  // QP-2.7, P31
  three_.Joins(1, 1);
  ExpectClosed(1, Acks(1, Z(1, 6), 1));
}

TEST_F(LeaderTest, AFollowerOfAnOlderEpochMayHaveAHigherZxid) {  // QP-2.7
  three_.Joins(1, 1);
  EXPECT_EQ(Acks(1, Z(1, 6), 0).front(), "current epoch 2");
}

TEST_F(LeaderTest, TheOthersElectItAllTheSame) {  // quorum-protocol 2.3 step 5
  three_.Joins(1, 1);
  three_.Joins(2, 1);
  ExpectClosed(1, Acks(1, Z(1, 6), 1));
  EXPECT_EQ(Acks(2, Z(1, 5), 1).front(), "current epoch 2");
}

TEST_F(LeaderTest, OnceItIsElectedNobodyIsMeasuredAnyMore) {  // QP-2.7
  three_.Joins(1, 1);
  three_.Joins(2, 1);
  Acks(1, Z(1, 5), 1);
  EXPECT_EQ(Acks(2, Z(1, 9), 1), (Lines{"to 12: TRUNC 1:5", "to 12: NEWLEADER 2:0 'config'"}));
}

TEST_F(LeaderTest, AnythingButAnAckEpochCloses) {
  three_.Joins(1, 1);
  ExpectClosed(1, three_.FromLearner(11, Packet(Type::kAck, Z(2, 0))));
  three_.Joins(1, 1);
  ExpectClosed(1, three_.FromLearner(11, Packet(Type::kAckEpoch, Z(1, 5))));  // null data: P57
}

// ---- The first packet.

TEST_F(LeaderTest, AFirstPacketOfAnotherTypeCloses) {  // QP-2.11
  for (const Type type : {Type::kAckEpoch, Type::kAck, Type::kPing, Type::kRequest}) {
    three_.LearnerConnects(11);
    ExpectClosed(1, three_.FromLearner(11, Packet(type)));
  }
}

TEST_F(LeaderTest, InfoOf12BytesOrNoneIsAccepted) {  // QP-2.11
  QuorumPacket info = Info(Type::kObserverInfo, 4, 1);
  info.data = std::make_shared<const std::string>(info.data->substr(0, 12));
  three_.LearnerConnects(14);
  EXPECT_EQ(three_.FromLearner(14, info), Lines{});
  for (const LearnerId id : {21u, 22u}) {  // each gets a number of its own
    three_.LearnerConnects(id);
    EXPECT_EQ(three_.FromLearner(id, Packet(Type::kObserverInfo, Z(1, 0))), Lines{});
  }
  EXPECT_EQ(three_.Joins(1, 1).size(), 5u) << "the epoch, and LEADERINFO for four";
}

TEST_F(LeaderTest, ALearnerOlderThan34IsRefused) {  // QP-2.11, quorum-protocol 2.7
  QuorumPacket info = Info(Type::kFollowerInfo, 1, 1);
  info.data = std::make_shared<const std::string>(info.data->substr(0, 8));
  three_.LearnerConnects(11);
  ExpectClosed(1, three_.FromLearner(11, info));
}

TEST_F(LeaderTest, ALearnerWithANewerConfigurationIsRefused) {  // QP-2.8
  three_.LearnerConnects(11);
  ExpectClosed(1, three_.FromLearner(11, Info(Type::kFollowerInfo, 1, 1, 1)));
  three_.LearnerConnects(11);
  EXPECT_EQ(three_.FromLearner(11, Info(Type::kFollowerInfo, 1, 1, 0)).front(), "accepted epoch 2");
}

TEST_F(LeaderTest, ALearnerWithItsOwnNumberIsRefused) { ExpectClosed(3, three_.Joins(3, 1)); }

TEST_F(LeaderTest, TheNewerConnectionOfAServerCounts) {
  three_.Joins(1, 1);
  three_.LearnerConnects(31);
  const Lines lines = three_.FromLearner(31, Info(Type::kFollowerInfo, 1, 2));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_TRUE(lines[0].starts_with("close 11:"));
  EXPECT_EQ(lines[1], "to 31: LEADERINFO 2:0 int 65536");
}

TEST_F(LeaderTest, APacketBeforeItsTimeCloses) {
  three_.Joins(4, 1, kObserver);
  ExpectClosed(4, Acks(4, Z(1, 5), 1));  // there is no LEADERINFO yet
}

TEST(Leader, WhoDoesNotLeadClosesLearners) {
  Member one(OptionsOf(1));
  one.Start();
  const Lines lines = one.LearnerConnects(12);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_TRUE(lines[0].starts_with("close 12:"));
}

// ---- The three waits.

TEST_F(LeaderTest, WaitsInitLimitForAQuorumOfFollowers) {  // QP-2.9
  EXPECT_EQ(three_.Wait(19'999), Lines{});
  EXPECT_EQ(three_.Wait(1), (Lines{"close port", "notify 1: LOOKING for 3 at 1:5 epoch 1 round 2",
                                   "notify 2: LOOKING for 3 at 1:5 epoch 1 round 2"}));
}

TEST_F(LeaderTest, WaitsInitLimitForAQuorumThatAcknowledgesTheEpoch) {  // QP-2.9
  three_.Wait(15'000);
  three_.Joins(1, 1);
  EXPECT_EQ(three_.Wait(19'999), Lines{});
  EXPECT_TRUE(GaveUp(three_.Wait(1)));
}

TEST_F(LeaderTest, WaitsInitLimitForAQuorumThatAcknowledgesNewLeader) {  // QP-2.9
  three_.Joins(1, 1);
  three_.Wait(15'000);
  Acks(1, Z(1, 5), 1);
  EXPECT_EQ(three_.Wait(19'999), Lines{});
  EXPECT_TRUE(GaveUp(three_.Wait(1)));
  EXPECT_EQ(three_.peer().vote().peer_epoch, 1) << "the vote of the election";
}

TEST_F(LeaderTest, ALearnerThatStaysSilentInDiscoveryIsClosedAlone) {  // quorum-protocol 2.5
  three_.Joins(1, 1);
  Acks(1, Z(1, 5), 1);
  three_.FromLearner(11, Packet(Type::kAck, Z(2, 0)));
  three_.LearnerConnects(12);
  Lines lines;
  for (int i = 0; i < 20; ++i) {
    lines = lines + Only(three_.Wait(1000), "close");
    three_.FromLearner(11, Packet(Type::kPing, Z(2, 0)));
  }
  ExpectClosed(2, lines);
  EXPECT_TRUE(three_.peer().leading());
}

// quorum-protocol 2.6: a follower that had come and looks again will not make the quorum.
TEST(Leader, MayQuitEarlyIfAFollowerLooksAgain) {
  PeerOptions options = OptionsOf(3);
  options.config.voters.insert({PeerId{4}, PeerId{5}});
  for (const int64_t limit : {-1, 500}) {
    options.max_time_to_wait_for_epoch_ms = limit;
    Member three(options, HistoryOf(EntriesOf(1, 1, 5), 1, 1));
    three.Start();
    three.Hear(1, Looking(3, Z(1, 5), 1));
    three.Hear(2, Looking(3, Z(1, 5), 1));
    three.Wait(200);
    three.Joins(1, 1);
    EXPECT_FALSE(GaveUp(three.Hear(1, Looking(1, Z(1, 5), 1, 2)))) << "not yet";
    three.Wait(501);
    EXPECT_FALSE(GaveUp(three.Hear(2, Looking(2, Z(1, 5), 1, 2)))) << "it had never come";
    EXPECT_EQ(GaveUp(three.Hear(1, Looking(1, Z(1, 5), 1, 2))), limit == 500);
  }
}

}  // namespace
}  // namespace lockkeeper::zab
