// What a member sends to the election port, and its way from one role to the next election
// (quorum-protocol 1.4, 1.5, 1.7).
#include <gtest/gtest.h>

#include "tests/zab/scripted.h"

namespace lockkeeper::zab {
namespace {

constexpr ServerState kFollowing = ServerState::kFollowing;
constexpr ServerState kLeading = ServerState::kLeading;

History Held() { return HistoryOf(EntriesOf(1, 1, 5), 1, 1); }

// A follower of 3 in epoch 2, elected in round 1.
void Serve(Member* one) {
  one->Start();
  one->Follow3();
  one->FollowToTheEnd(2);
  ASSERT_TRUE(one->peer().serving());
}

// ---- Votes that are sent.

TEST(Looking, BeginsWithItsOwnVoteToEveryOtherVoter) {  // quorum-protocol 1.5, 1.6
  Member one(OptionsOf(1), Held());
  EXPECT_EQ(one.Start(), (Lines{"notify 2: LOOKING for 1 at 1:5 epoch 1 round 1",
                                "notify 3: LOOKING for 1 at 1:5 epoch 1 round 1"}));
  EXPECT_EQ(one.peer().state(), ServerState::kLooking);
}

TEST(Looking, AnObserverOffersNothing) {  // quorum-protocol 1.5
  Member four(OptionsOf(4), Held());
  EXPECT_EQ(Only(four.Start(), "notify 1"),
            Lines{"notify 1: LOOKING for nobody at nothing epoch none round 1"});
}

TEST(Looking, AJoinerOffersWhatItHasButNotItself) {  // quorum-protocol 1.5
  PeerOptions options = OptionsOf(4);
  options.observer = false;
  Member four(options, Held());
  EXPECT_EQ(Only(four.Start(), "notify 1"),
            Lines{"notify 1: LOOKING for nobody at 1:5 epoch 1 round 1"});
}

TEST(Looking, SendsTheConfigurationAlong) {
  Member one(OptionsOf(1), Held());
  Actions actions;
  one.peer().Start(MonoMs{0}, &actions);
  ASSERT_EQ(actions.size(), 2u);
  const Notification& n = std::get<SendNotification>(actions[0]).notification;
  EXPECT_EQ(n.config, "config");
  EXPECT_EQ(n.version, 2);
}

// ---- Answers.

TEST(Looking, ANonVoterIsAnsweredAtOnceWithTheLogicalClock) {  // QP-1.14
  Member one(OptionsOf(1), Held());
  one.Start();
  one.Hear(2, Looking(2, Z(1, 5), 1, 8));
  EXPECT_EQ(one.Hear(9, Looking(INT64_MIN, Zxid{INT64_MIN}, INT64_MIN)),
            Lines{"notify 9: LOOKING for 2 at 1:5 epoch 1 round 8"});
  EXPECT_EQ(one.peer().vote().leader, PeerId{1}) << "not decided";
}

TEST(Looking, AnEstablishedMemberAnswersANonVoterWithTheLogicalClockToo) {  // QP-1.14
  Member one(OptionsOf(1), Held());
  one.Start();
  one.Hear(2, Established(kFollowing, 3, Z(1, 5), 1, 0));
  one.Follow3();
  EXPECT_EQ(one.Hear(9, Established(ServerState::kObserving, 3, Z(1, 5), 1)),
            Lines{"notify 9: FOLLOWING for 3 at 99:0 epoch 99 round 1"})
      << "whatever its state";
}

TEST(Looking, AVoterThatLooksIsAnsweredWithTheRoundOfTheVote) {  // QP-1.15
  Member one(OptionsOf(1), Held());
  one.Start();
  one.Follow3();
  EXPECT_EQ(one.Hear(2, Looking(2, Z(1, 5), 1, 30)),
            Lines{"notify 2: FOLLOWING for 3 at 99:0 epoch 99 round 1"});
  EXPECT_EQ(one.Hear(2, Established(kFollowing, 2, Z(1, 5), 1, 30)), Lines{});
  EXPECT_EQ(one.peer().round(), 1);
}

TEST(Looking, AVoterOfAnOlderRoundIsToldTheProposal) {  // QP-1.16
  Member one(OptionsOf(1), Held());
  one.Start();
  one.Hear(3, Looking(3, Z(1, 9), 1, 8));
  one.Wait(190);
  EXPECT_EQ(one.Hear(2, Looking(2, Z(1, 5), 1, 7)),
            Lines{"notify 2: LOOKING for 3 at 1:9 epoch 1 round 8"});
  EXPECT_EQ(one.Hear(2, Established(kFollowing, 2, Z(1, 5), 1, 7)), Lines{})
      << "only one that looks";
}

// Nobody adopts it where reconfiguration is not enabled, so an election that began anew would do so
// without end.
TEST(Looking, ANewerConfigurationBeginsNoNewElection) {  // QP-1.27
  Member told(OptionsOf(1), Held());
  Member spared(OptionsOf(1), Held());
  EXPECT_EQ(told.Start(), spared.Start());
  for (const int64_t from : {2, 3}) {
    const Notification n = Looking(3, Z(1, 5), 1);
    Notification newer = n;
    newer.config = "server.1=a:1:1:participant;1\nversion=700000000";
    EXPECT_EQ(told.Hear(from, newer), spared.Hear(from, n)) << from;
  }
  const Lines decided = told.Wait(200);
  EXPECT_EQ(decided, spared.Wait(200));
  EXPECT_TRUE(Has(decided, "connect to 3"));
  EXPECT_EQ(told.peer().round(), 1);
}

TEST(Looking, ANewerConfigurationIsIgnoredWhileEstablished) {  // QP-1.27
  Member one(OptionsOf(1), Held());
  Serve(&one);
  Notification n = Established(kLeading, 2, Z(7, 0), 7, 9);
  n.config = "server.1=a:1:1:participant;1\nversion=700000000";
  EXPECT_EQ(one.Hear(2, n), Lines{});
  n.state = ServerState::kLooking;
  EXPECT_EQ(one.Hear(2, n), Lines{"notify 2: FOLLOWING for 3 at 99:0 epoch 2 round 1"});
  EXPECT_TRUE(one.peer().serving());
}

TEST(Looking, AfterSynchronizationTheVoteNamesTheEpoch) {  // QP-1.28
  Member one(OptionsOf(1), Held());
  Serve(&one);
  EXPECT_EQ(one.Hear(2, Looking(2, Z(1, 5), 1)),
            Lines{"notify 2: FOLLOWING for 3 at 99:0 epoch 2 round 1"});

  Member three(OptionsOf(3), Held());
  three.Lead();
  EXPECT_EQ(three.Hear(2, Looking(2, Z(1, 5), 1)),
            Lines{"notify 2: LEADING for 3 at 1:5 epoch 1 round 1"});
  three.Joins(1, 1);
  three.FromLearner(11, AckEpoch(Z(1, 5), 1));
  three.FromLearner(11, Packet(Type::kAck, Z(2, 0)));
  EXPECT_EQ(three.Hear(2, Looking(2, Z(1, 5), 1)),
            Lines{"notify 2: LEADING for 3 at 1:5 epoch 2 round 1"});

  Member four(OptionsOf(4), Held());
  Serve(&four);
  EXPECT_EQ(four.peer().state(), ServerState::kObserving);
  EXPECT_EQ(four.peer().vote().peer_epoch, 2);
}

// ---- From a role to the next election.

TEST(Looking, TheVoteIsMadeFromWhatIsLogged) {  // P14, QP-3.23
  Member one(OptionsOf(1), Held());
  Serve(&one);
  one.FromLeader(Packet(Type::kProposal, Z(2, 1)));
  one.FromLeader(Packet(Type::kProposal, Z(2, 2)));
  EXPECT_EQ(one.LeaderLost(), (Lines{"stop serving", "leave the leader"}))
      << "the log has not caught up";
  EXPECT_EQ(one.Persisted(Z(2, 1)), Lines{});
  EXPECT_EQ(one.Persisted(Z(2, 2)), (Lines{"fast-forward 2:1", "fast-forward 2:2",
                                           "notify 2: LOOKING for 1 at 2:2 epoch 2 round 2",
                                           "notify 3: LOOKING for 1 at 2:2 epoch 2 round 2"}));
}

// Found by simulation.
TEST(Looking, NotificationsThatComeWhileTheLogCatchesUpAreNotLost) {  // P14
  Member one(OptionsOf(1), Held());
  Serve(&one);
  one.FromLeader(Packet(Type::kProposal, Z(2, 1)));
  one.LeaderLost();
  EXPECT_EQ(one.Hear(2, Looking(2, Z(2, 0), 2, 2)), Lines{});
  EXPECT_EQ(one.Hear(2, Looking(2, Z(2, 3), 2, 2)), Lines{});  // the newest counts
  EXPECT_EQ(one.Hear(9, Looking(INT64_MIN, Zxid{INT64_MIN}, INT64_MIN)), Lines{});
  const Lines lines = one.Persisted(Z(2, 1));
  EXPECT_TRUE(Has(lines, "notify 2: LOOKING for 1 at 2:1 epoch 2 round 2"));
  EXPECT_TRUE(Has(lines, "notify 3: LOOKING for 2 at 2:3 epoch 2 round 2"));
  EXPECT_TRUE(Has(lines, "notify 9: LOOKING for 2 at 2:3 epoch 2 round 2"));
  EXPECT_EQ(one.Wait(200), Lines{"connect to 2"}) << "1 and 2 are a quorum";
}

// Found by simulation: the first message of one of two servers was lost.
TEST(Looking, TheProposalIsSentAgainAlthoughMessagesKeepComingIn) {  // QP-1.20
  Member three(OptionsOf(3), Held());
  three.Start();
  Lines sent;
  for (int i = 0; i < 10; ++i) {
    three.Hear(2, Established(kFollowing, 1, Z(1, 5), 1, 0));
    sent = sent + Only(three.Wait(100), "notify 1");
  }
  EXPECT_EQ(sent, (Lines{"notify 1: LOOKING for 3 at 1:5 epoch 1 round 1",
                         "notify 1: LOOKING for 3 at 1:5 epoch 1 round 1"}));
}

TEST(Looking, AnObserverWaitsALittleBeforeItLooksAgain) {  // quorum-protocol 1.7
  std::set<int64_t> waits;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    PeerOptions options = OptionsOf(4);
    options.seed = seed;
    Member four(options, Held());
    Serve(&four);
    const MonoMs lost = four.now();
    four.LeaderLost();
    int64_t waited = 0;
    while (Only(four.Wait(1), "notify").empty() && waited < 500) ++waited;
    EXPECT_LE(waited, 200);
    EXPECT_GT(four.now(), lost);
    waits.insert(waited);
  }
  EXPECT_GT(waits.size(), 5u) << "different ones";
}

TEST(Looking, AStoppedMemberIsSilent) {
  Member one(OptionsOf(1), Held());
  Serve(&one);
  Actions actions;
  one.peer().Stop(&actions);
  EXPECT_EQ(Texts(actions), (Lines{"stop serving", "leave the leader"}));
  EXPECT_EQ(one.Hear(2, Looking(2, Z(1, 5), 1)), Lines{});
  EXPECT_EQ(one.Wait(100'000), Lines{});
}

// Found by simulation: the server crashed while it logged a DIFF of epochs 2 and 3 from a leader of
// epoch 4. Its log reaches into epoch 2, so it holds what epoch 2 began with, and nothing more: a
// vote with epoch 3 or 4 would outrank servers that hold the rest. The shell hands over the file
// currentEpoch as it is, also where the log is ahead of it, and never takes acceptedEpoch for it;
// the peer raises it to the epoch of the last entry, on disk first.
TEST(Looking, ACrashWhileADiffWasLoggedDoesNotCountAsHoldingTheNewEpoch) {  // P4, QP-3.12
  std::vector<LogEntry> entries = EntriesOf(1, 1, 5);
  entries.push_back(EntryAt(Z(2, 1)));
  const Lines expected{"notify 2: LOOKING for 1 at 2:1 epoch 2 round 1",
                       "notify 3: LOOKING for 1 at 2:1 epoch 2 round 1"};
  Member behind(OptionsOf(1), HistoryOf(entries, 4, 1));
  EXPECT_EQ(behind.Start(), Lines{"current epoch 2"} + expected);
  Member raised(OptionsOf(1), HistoryOf(entries, 4, 2));
  EXPECT_EQ(raised.Start(), expected) << "also if the shell has raised it";
}

}  // namespace
}  // namespace lockkeeper::zab
