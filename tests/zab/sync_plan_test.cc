// The decision table of quorum-protocol 3.3: one test a row, one a branch of the walk (QP-3.1).
#include "zab/sync_plan.h"

#include <gtest/gtest.h>

#include "tests/zab/scripted.h"

namespace lockkeeper::zab {
namespace {

using Kind = SyncPlan::Kind;

CommittedLog LogOf(const std::vector<LogEntry>& entries) {
  CommittedLog log(500);
  for (const LogEntry& entry : entries) log.Add(entry);
  return log;
}

std::vector<LogEntry> Joined(std::vector<LogEntry> a, const std::vector<LogEntry>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// "DIFF 1:5 with 1:3 1:4 1:5"
std::string PlanText(const SyncPlan& plan) {
  static const char* const kNames[] = {"DIFF ", "TRUNC ", "SNAP ", "log from "};
  std::string text = kNames[static_cast<size_t>(plan.kind)] + Text(plan.zxid);
  if (!plan.resend.empty()) text += " with";
  for (const LogEntry& entry : plan.resend) {
    text += " " + Text(entry.zxid);
    EXPECT_EQ(*entry.payload, *EntryAt(entry.zxid).payload);
  }
  return text;
}

// The plan for a learner at `peer` of a leader that stands at its newest entry.
std::string Plan(const std::vector<LogEntry>& committed, Zxid peer) {
  const CommittedLog log = LogOf(committed);
  return PlanText(PlanSync({.committed = log, .leader = log.newest(), .peer = peer}));
}

// The plan for a learner at `peer` once the log files have been read, the leader standing at its
// newest entry.
std::string PlanFrom(const std::vector<LogEntry>& logged, const std::vector<LogEntry>& committed,
                     Zxid peer) {
  const CommittedLog log = LogOf(committed);
  return PlanText(PlanWithLog({.committed = log, .leader = log.newest(), .peer = peer}, logged));
}

// ---- Rows.

TEST(SyncPlanRow1, ForcedSnapshot) {  // QP-3.1
  const CommittedLog log = LogOf(EntriesOf(1, 1, 5));
  SyncSituation s{.committed = log, .leader = Z(1, 5), .peer = Z(1, 5), .force_snapshot = true};
  EXPECT_EQ(PlanText(PlanSync(s)), "SNAP 1:5") << "even where nothing is missing";
}

TEST(SyncPlanRow2, NothingIsMissing) {  // QP-3.1
  EXPECT_EQ(Plan(EntriesOf(1, 1, 5), Z(1, 5)), "DIFF 1:5");
  // The follower of an earlier epoch's leader, which stands at the epoch's beginning.
  const CommittedLog log = LogOf(EntriesOf(0xD, 1, 5));
  EXPECT_EQ(PlanText(PlanSync({.committed = log, .leader = Z(0xE, 0), .peer = Z(0xE, 0)})),
            "DIFF 14:0");
  const CommittedLog empty(500);
  EXPECT_EQ(PlanText(PlanSync({.committed = empty, .leader = Zxid{0}, .peer = Zxid{0}})),
            "DIFF 0:0");
}

TEST(SyncPlanRow3, TheLearnerHasMore) {  // QP-3.1
  EXPECT_EQ(Plan(EntriesOf(1, 1, 5), Z(1, 10)), "TRUNC 1:5");
  EXPECT_EQ(Plan(EntriesOf(1, 1, 5), Z(9, 1)), "TRUNC 1:5") << "there is no test of the epoch";
  const CommittedLog log = LogOf(EntriesOf(1, 1, 5));
  EXPECT_EQ(PlanText(PlanSync({.committed = log, .leader = Z(2, 0), .peer = Z(1, 6)})), "TRUNC 1:5")
      << "to the newest entry, not to the beginning of the new leader's epoch";
  const CommittedLog empty(500);
  EXPECT_EQ(PlanText(PlanSync({.committed = empty, .leader = Z(1, 5), .peer = Z(1, 6)})),
            "TRUNC 1:5");
}

TEST(SyncPlanRow4, InTheCommittedLog) {  // QP-3.2: DIFF of the newest, the rest in order, QP-3.1
  EXPECT_EQ(Plan(EntriesOf(1, 1, 5), Z(1, 2)), "DIFF 1:5 with 1:3 1:4 1:5");
  EXPECT_EQ(Plan(EntriesOf(1, 1, 5), Z(1, 1)), "DIFF 1:5 with 1:2 1:3 1:4 1:5");
  // A leader at the beginning of its epoch: who has all that came before gets an empty DIFF.
  const CommittedLog log = LogOf(EntriesOf(0xD, 1, 5));
  EXPECT_EQ(PlanText(PlanSync({.committed = log, .leader = Z(0xE, 0), .peer = Z(0xD, 5)})),
            "DIFF 13:5");
}

TEST(SyncPlanRow5, OlderThanTheCommittedLog) {  // QP-3.1
  EXPECT_EQ(Plan(EntriesOf(1, 3, 5), Z(1, 2)), "log from 1:2");
  EXPECT_EQ(Plan(EntriesOf(1, 3, 5), Zxid{0}), "log from 0:0");
}

TEST(SyncPlanRow6, AnythingElse) {  // QP-3.1
  const CommittedLog log = LogOf(EntriesOf(1, 3, 5));
  SyncSituation s{.committed = log, .leader = Z(1, 5), .peer = Z(1, 2), .may_read_log = false};
  EXPECT_EQ(PlanText(PlanSync(s)), "SNAP 1:5") << "snapshotSizeFactor below 0";
  EXPECT_EQ(Plan(EntriesOf(1, 3, 5), Z(3, 0)), "SNAP 1:5") << "newer, but no entry to cut";
  EXPECT_EQ(Plan(EntriesOf(0xC, 3, 5), Zxid{0xE00000000}), "SNAP 12:5");
  const CommittedLog empty(500);
  EXPECT_EQ(PlanText(PlanSync({.committed = empty, .leader = Z(1, 5), .peer = Z(1, 4)})),
            "SNAP 1:5");
}

// ---- The walk.

TEST(SyncPlanWalk, AZxidWithoutAnEntryIsPassedOver) {  // NE: the beginning of an epoch, QP-3.1
  const std::vector<LogEntry> two = Joined(EntriesOf(0xD, 4, 5), EntriesOf(0xE, 1, 2));
  EXPECT_EQ(Plan(two, Zxid{0xE00000000}), "DIFF 14:2 with 14:1 14:2");
  EXPECT_EQ(Plan(Joined(EntriesOf(1, 4, 5), EntriesOf(4, 1, 1)), Z(2, 0)), "DIFF 4:1 with 4:1")
      << "also of an epoch that has no entry at all";
}

TEST(SyncPlanWalk, NoTruncationAcrossAnEpoch) {  // QP-3.4, QP-3.1, P11
  EXPECT_EQ(Plan(Joined(EntriesOf(1, 1, 3), EntriesOf(2, 1, 2)), Z(1, 4)), "SNAP 2:2");
  EXPECT_EQ(Plan(Joined(EntriesOf(1, 1, 3), EntriesOf(4, 1, 2)), Z(2, 7)), "SNAP 4:2");
}

TEST(SyncPlanWalk, AForkInsideAnEpochIsCutAndTheRestSent) {  // QP-3.3, QP-3.1
  const std::vector<LogEntry> committed = Joined(EntriesOf(1, 4, 5), EntriesOf(2, 3, 4));
  EXPECT_EQ(Plan(committed, Z(2, 1)), "TRUNC 1:5 with 2:3 2:4");
  EXPECT_EQ(Plan(committed, Z(2, 2)), "TRUNC 1:5 with 2:3 2:4");
}

// ---- The log files.

TEST(SyncPlanLogFiles, AreWalkedBeforeTheCommittedLog) {  // QP-3.5
  const std::vector<LogEntry> memory = EntriesOf(1, 6, 8);
  EXPECT_EQ(PlanFrom(EntriesOf(1, 4, 6), memory, Z(1, 4)), "DIFF 1:8 with 1:5 1:6 1:7 1:8");
  EXPECT_EQ(PlanFrom(EntriesOf(1, 2, 6), memory, Z(1, 5)), "DIFF 1:8 with 1:6 1:7 1:8");
}

TEST(SyncPlanLogFiles, MayEndOneEpochAndBeginAnother) {
  const std::vector<LogEntry> logged = Joined(EntriesOf(1, 3, 4), EntriesOf(3, 1, 1));
  EXPECT_EQ(PlanFrom(logged, EntriesOf(3, 1, 2), Z(1, 4)), "DIFF 3:2 with 3:1 3:2");
  EXPECT_EQ(PlanFrom(logged, EntriesOf(3, 1, 2), Z(2, 0)), "DIFF 3:2 with 3:1 3:2");
  EXPECT_EQ(PlanFrom(logged, EntriesOf(3, 1, 2), Z(1, 5)), "SNAP 3:2") << "a fork";
}

TEST(SyncPlanLogFiles, ThatEndBeforeTheCommittedLogLeaveAGap) {  // QP-3.5, P10
  EXPECT_EQ(PlanFrom(EntriesOf(1, 2, 4), EntriesOf(1, 6, 8), Z(1, 3)), "SNAP 1:8");
  // Nothing shows that 1:5 is the one before 1:6: there may have been 2:1 between 1:5 and 3:1.
  EXPECT_EQ(PlanFrom(EntriesOf(1, 2, 5), EntriesOf(1, 6, 8), Z(1, 3)), "SNAP 1:8");
}

TEST(SyncPlanLogFiles, WithAHoleAreOfNoUse) {  // P8
  const std::vector<LogEntry> holed = Joined(EntriesOf(1, 2, 3), EntriesOf(1, 5, 6));
  EXPECT_EQ(PlanFrom(holed, EntriesOf(1, 6, 8), Z(1, 3)), "SNAP 1:8");
}

TEST(SyncPlanLogFiles, MustBeginAtOrBelowTheLearner) {
  EXPECT_EQ(PlanFrom(EntriesOf(1, 4, 6), EntriesOf(1, 6, 8), Z(1, 3)), "SNAP 1:8");
}

// The shell gives nothing, if the files are missing or larger than snapshotSizeFactor allows.
TEST(SyncPlanLogFiles, ThatCannotBeHadMeanASnapshot) {  // QP-3.5
  EXPECT_EQ(PlanFrom({}, EntriesOf(1, 6, 8), Z(1, 3)), "SNAP 1:8");
}

// ---- The table at the end of 3.3: an Apache leader at 1:5 with all its entries in memory.

TEST(SyncPlanObserved, AnswersAsAnApacheLeaderDid) {  // QP-3.1
  struct Row {
    int64_t peer;
    const char* answer;
  };
  constexpr Row kRows[] = {{0x100000002, "DIFF 1:5 with 1:3 1:4 1:5"},
                           {0x100000005, "DIFF 1:5"},
                           {0x10000000a, "TRUNC 1:5"},
                           {0x900000001, "TRUNC 1:5"},
                           {0, "SNAP 1:5"},
                           {5, "SNAP 1:5"},
                           {0x100000000, "SNAP 1:5"},
                           {0x300000000, "SNAP 1:5"}};
  const CommittedLog log = LogOf(EntriesOf(1, 1, 5));
  for (const Row& row : kRows) {
    const SyncSituation s{.committed = log, .leader = Z(1, 5), .peer = Zxid{row.peer}};
    SyncPlan plan = PlanSync(s);
    // Its log files begin at 1:1: none of them holds an entry at or below an older zxid.
    if (plan.kind == Kind::kNeedsLog) plan = PlanWithLog(s, EntriesOf(1, 1, 1));
    EXPECT_EQ(PlanText(plan), row.answer) << Zxid{row.peer};
  }
}

}  // namespace
}  // namespace lockkeeper::zab
