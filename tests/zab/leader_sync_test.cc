// A leader that brings learners up to date (quorum-protocol 3.1, 3.3 to 3.6, 3.8).
#include <gtest/gtest.h>

#include "tests/zab/scripted.h"

namespace lockkeeper::zab {
namespace {

// Server 3 holds 1:1 to 1:5 and leads epoch 2 with follower 1 (connection 11).
class LeaderSync : public ::testing::Test {
 protected:
  explicit LeaderSync(const PeerOptions& options = OptionsOf(3))
      : three_(options, HistoryOf(EntriesOf(1, 1, 5), 1, 1)) {}
  void SetUp() override {
    three_.LeadToTheEnd();
    ASSERT_TRUE(three_.peer().leading());
  }
  // Proposes `count` entries that follower 1 and this server have on disk.
  void Commit(int count) {
    for (int i = 0; i < count; ++i) {
      three_.Propose();
      const Zxid zxid = three_.peer().history().appended;
      three_.Persisted(zxid);
      three_.FromLearner(11, Packet(Type::kAck, zxid));
      ASSERT_EQ(three_.peer().history().applied, zxid);
    }
  }
  // Learner `sid` comes and says that it stands at `last`: what it is sent.
  Lines Comes(int64_t sid, Zxid last, Type type = Type::kFollowerInfo) {
    three_.Joins(sid, 0, type);
    return three_.FromLearner(static_cast<LearnerId>(10 + sid), AckEpoch(last, 1));
  }
  Lines Acks(int64_t sid, Zxid zxid) {
    return three_.FromLearner(static_cast<LearnerId>(10 + sid), Packet(Type::kAck, zxid));
  }

  Member three_;
};

// ---- What is sent.

TEST_F(LeaderSync, NewLeaderStandsBehindTheWholeSynchronization) {  // QP-3.7, QP-3.2, P9
  Commit(1);
  EXPECT_EQ(Comes(2, Z(1, 4)),
            (Lines{"to 12: DIFF 2:1", "to 12: PROPOSAL 1:5", "to 12: COMMIT 1:5",
                   "to 12: PROPOSAL 2:1", "to 12: COMMIT 2:1", "to 12: NEWLEADER 2:0 'config'"}));
  EXPECT_EQ(Acks(2, Z(2, 0)), Lines{"to 12: UPTODATE -1"});
}

TEST_F(LeaderSync, WhoHasMoreIsCutBack) {  // QP-3.1 row 3
  EXPECT_EQ(Comes(2, Z(1, 7)), (Lines{"to 12: TRUNC 1:5", "to 12: NEWLEADER 2:0 'config'"}));
}

TEST_F(LeaderSync, OpenProposalsAreSentToFollowersBehindWhatIsCommitted) {  // 3.4, P51
  Commit(1);
  three_.Propose();
  three_.Propose();
  EXPECT_EQ(Comes(2, Z(2, 1)), (Lines{"to 12: DIFF 2:1", "to 12: PROPOSAL 2:2",
                                      "to 12: PROPOSAL 2:3", "to 12: NEWLEADER 2:0 'config'"}));
  EXPECT_EQ(Comes(4, Z(2, 1), kObserver),
            (Lines{"to 14: DIFF 2:1", "to 14: NEWLEADER 2:0 'config'"}));
}

TEST_F(LeaderSync, ASnapshotComesBeforeOpenProposals) {  // 3.1
  three_.Propose();
  three_.Joins(2, 0);
  EXPECT_EQ(three_.FromLearner(12, AckEpoch(Z(3, 0), 1)),
            (Lines{"to 12: SNAP 2:0", "to 12: PROPOSAL 2:1", "to 12: NEWLEADER 2:0 'config'"}));
}

TEST_F(LeaderSync, OlderHistoryComesFromTheLogFiles) {  // QP-3.5
  PeerOptions options = OptionsOf(3);
  History history = HistoryOf({}, 1, 1);
  for (const LogEntry& entry : EntriesOf(1, 4, 5)) history.committed.Add(entry);
  history.applied = history.appended = history.persisted = Z(1, 5);
  Member three(options, std::move(history));
  three.LeadToTheEnd();
  three.Joins(2, 0);
  EXPECT_EQ(three.FromLearner(12, AckEpoch(Z(1, 2), 1)), Lines{"fetch log 1:2 to 1:4 for 12"});
  EXPECT_EQ(three.Propose(), (Lines{"to 11: PROPOSAL 2:1", "log 2:1"})) << "not forwarded yet";
  EXPECT_EQ(three.LogFetched(12, EntriesOf(1, 2, 4)),
            (Lines{"to 12: DIFF 1:5", "to 12: PROPOSAL 1:3", "to 12: COMMIT 1:3",
                   "to 12: PROPOSAL 1:4", "to 12: COMMIT 1:4", "to 12: PROPOSAL 1:5",
                   "to 12: COMMIT 1:5", "to 12: PROPOSAL 2:1", "to 12: NEWLEADER 2:0 'config'"}));
  EXPECT_EQ(three.LogFetched(12, EntriesOf(1, 2, 4)), Lines{}) << "once";
}

TEST_F(LeaderSync, LogFilesThatCannotBeHadMeanASnapshot) {  // QP-3.5
  Member three(OptionsOf(3), HistoryOf(EntriesOf(1, 3, 5), 1, 1));
  three.LeadToTheEnd();
  three.Joins(2, 0);
  three.FromLearner(12, AckEpoch(Zxid{0}, 0));
  EXPECT_EQ(three.LogFetched(12, {}), (Lines{"to 12: SNAP 2:0", "to 12: NEWLEADER 2:0 'config'"}));
}

TEST_F(LeaderSync, ALearnerThatIsGoneGetsNoLog) {
  Member three(OptionsOf(3), HistoryOf(EntriesOf(1, 3, 5), 1, 1));
  three.LeadToTheEnd();
  three.Joins(2, 0);
  three.FromLearner(12, AckEpoch(Zxid{0}, 0));
  three.LearnerLost(12);
  EXPECT_EQ(three.LogFetched(12, EntriesOf(1, 1, 3)), Lines{});
}

class ThrottledLeader : public LeaderSync {
 protected:
  ThrottledLeader() : LeaderSync(Throttled()) {}
  static PeerOptions Throttled() {
    PeerOptions options = OptionsOf(3);
    options.force_snapshot_sync = true;
    options.max_concurrent_snap_syncs = 1;
    return options;
  }
};

TEST_F(ThrottledLeader, OnlySoManyObserversSynchronizeAtOnce) {  // quorum-protocol 9.4
  EXPECT_EQ(Comes(4, Zxid{0}, kObserver).front(), "to 14: SNAP 2:0");
  EXPECT_TRUE(Comes(5, Zxid{0}, kObserver).front().starts_with("close 15:"));
  EXPECT_EQ(Comes(2, Zxid{0}).front(), "to 12: SNAP 2:0") << "followers always";
  Acks(2, Z(2, 0));
  Acks(4, Z(2, 0));
  EXPECT_EQ(Comes(5, Zxid{0}, kObserver).front(), "to 15: SNAP 2:0");
}

// ---- Between NEWLEADER and UPTODATE.

TEST_F(LeaderSync, NothingIsSentBeforeUpToDateAndEverythingRightAfterIt) {  // QP-3.9, P7
  three_.Propose();
  Comes(2, Z(1, 5));  // gets PROPOSAL 2:1 and NEWLEADER
  three_.Persisted(Z(2, 1));
  const Lines commit = Acks(1, Z(2, 1));
  EXPECT_EQ(commit, (Lines{"to 11: COMMIT 2:1", "apply 2:1"})) << "held back from 12";
  EXPECT_EQ(Only(three_.Propose(), "to 12"), Lines{});
  EXPECT_EQ(Only(three_.Wait(1000), "to 12"), Lines{});
  EXPECT_EQ(Acks(2, Z(2, 0)),
            (Lines{"to 12: UPTODATE -1", "to 12: COMMIT 2:1", "to 12: PROPOSAL 2:2"}));
  EXPECT_EQ(Only(three_.Propose(), "to 12"), Lines{"to 12: PROPOSAL 2:3"});
}

TEST_F(LeaderSync, AnObserverGetsWhatWasHeldAsInforms) {  // QP-3.9, QP-4.9
  Comes(4, Z(1, 5), kObserver);
  Commit(2);
  EXPECT_EQ(Acks(4, Z(2, 0)),
            (Lines{"to 14: UPTODATE -1", "to 14: INFORM 2:1", "to 14: INFORM 2:2"}));
}

TEST_F(LeaderSync, AnswersAreHeldInTheirPlace) {  // QP-3.9, 5.2
  Comes(2, Z(1, 5));
  Commit(1);
  Actions actions;
  three_.peer().SendToLearnerInOrder(12, Packet(Type::kRevalidate), &actions);
  EXPECT_TRUE(actions.empty());
  EXPECT_EQ(Acks(2, Z(2, 0)), (Lines{"to 12: UPTODATE -1", "to 12: PROPOSAL 2:1",
                                     "to 12: COMMIT 2:1", "to 12: REVALIDATE -1"}));
}

TEST_F(LeaderSync, AProposalIsAcknowledgedBeforeNewLeaderWithoutHarm) {  // QP-3.10, P6
  three_.Propose();
  Comes(2, Z(1, 5));
  three_.Persisted(Z(2, 1));
  EXPECT_EQ(Acks(2, Z(2, 1)), (Lines{"to 11: COMMIT 2:1", "apply 2:1"})) << "it counts";
  EXPECT_EQ(Acks(2, Z(2, 0)), (Lines{"to 12: UPTODATE -1", "to 12: COMMIT 2:1"}));
}

TEST_F(LeaderSync, AnotherPacketInThePlaceOfTheAckCloses) {  // 3.6 step 2
  Comes(2, Z(1, 5));
  const Lines lines = three_.FromLearner(12, Packet(Type::kPing, Z(2, 0)));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_TRUE(lines[0].starts_with("close 12:"));
}

TEST_F(LeaderSync, TheSecondAckOfTheEpochChangesNothing) {  // QP-3.15
  Comes(2, Z(1, 5));
  Acks(2, Z(2, 0));
  EXPECT_EQ(Acks(2, Z(2, 0)), Lines{});
}

TEST_F(LeaderSync, WhoDoesNotAcknowledgeInInitLimitIsClosed) {  // 2.5
  Comes(2, Z(1, 5));
  Lines closed;
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(closed.empty());
    closed = Only(three_.Wait(1000), "close");
    three_.FromLearner(11, Packet(Type::kPing, Z(2, 0)));
  }
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_TRUE(closed[0].starts_with("close 12:"));
}

// A large state takes longer than initLimit to send; who takes it is not silent.
TEST_F(LeaderSync, WhoTakesWhatItIsSentIsWaitedFor) {  // 2.5
  Comes(2, Z(1, 5));
  for (int i = 0; i < 60; ++i) {
    EXPECT_EQ(Only(three_.Wait(1000), "close"), Lines{}) << i;
    three_.FromLearner(11, Packet(Type::kPing, Z(2, 0)));
    three_.peer().OnLearnerTakes(three_.now(), 12);
  }
  EXPECT_EQ(Acks(2, Z(2, 0)), Lines{"to 12: UPTODATE -1"});
}

// What is proposed meanwhile waits for it, but not without end.
TEST(LeaderSyncBounds, WhoSynchronizesTooLongForItsQueueIsClosed) {
  PeerOptions options = OptionsOf(3);
  options.held_bytes_max = 1000;
  Member three(options, HistoryOf(EntriesOf(1, 1, 5), 1, 1));
  three.LeadToTheEnd();
  three.Joins(2, 0);
  three.FromLearner(12, AckEpoch(Z(1, 5), 1));
  EXPECT_EQ(Only(three.Wait(1000), "close"), Lines{});
  for (int i = 0; i < 20; ++i) three.Propose();
  const Lines closed = Only(three.Wait(1000), "close");
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_TRUE(closed[0].starts_with("close 12:")) << closed[0];
}

// ---- Serving.

TEST(LeaderStart, ANewLeaderStandsAtTheBeginningOfItsEpoch) {  // QP-3.22, QP-3.7
  Member three(OptionsOf(3), HistoryOf(EntriesOf(1, 1, 5), 1, 1));
  three.Lead();
  three.Joins(1, 1);
  three.FromLearner(11, AckEpoch(Z(1, 5), 1));
  EXPECT_EQ(three.peer().history().applied, Z(1, 5));
  EXPECT_EQ(three.FromLearner(11, Packet(Type::kAck, Z(2, 0))),
            (Lines{"serve as leader under 3 epoch 2 at 2:0", "to 11: UPTODATE -1"}));
  EXPECT_EQ(three.peer().history().applied, Z(2, 0));
  EXPECT_EQ(three.peer().NextProposal(), Z(2, 1));
}

// Who had acknowledged NEWLEADER before the quorum was there is told once it is.
TEST(LeaderStart, UpToDateWaitsForTheQuorum) {  // 3.6 step 5
  PeerOptions options = OptionsOf(3);
  options.config.voters.insert({PeerId{4}, PeerId{5}});
  Member three(options, HistoryOf(EntriesOf(1, 1, 5), 1, 1));
  three.Start();
  for (const int64_t sid : {1, 2}) three.Hear(sid, Looking(3, Z(1, 5), 1));
  three.Wait(200);
  for (const int64_t sid : {1, 2}) three.Joins(sid, 1);
  for (const LearnerId id : {11u, 12u}) three.FromLearner(id, AckEpoch(Z(1, 5), 1));
  EXPECT_EQ(three.FromLearner(11, Packet(Type::kAck, Z(2, 0))), Lines{});
  EXPECT_EQ(three.FromLearner(12, Packet(Type::kAck, Z(2, 0))),
            (Lines{"serve as leader under 3 epoch 2 at 2:0", "to 11: UPTODATE -1",
                   "to 12: UPTODATE -1"}));
}

TEST_F(LeaderSync, TheCommittedLogStaysContiguousOverEpochs) {  // QP-3.16
  Commit(2);
  const auto& held = three_.peer().history().committed.entries();
  EXPECT_EQ(ZxidsOf({held.begin(), held.end()}),
            (std::vector{Z(1, 1), Z(1, 2), Z(1, 3), Z(1, 4), Z(1, 5), Z(2, 1), Z(2, 2)}));
}

}  // namespace
}  // namespace lockkeeper::zab
