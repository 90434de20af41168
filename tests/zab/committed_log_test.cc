#include "zab/committed_log.h"

#include <gtest/gtest.h>

#include "tests/zab/scripted.h"

namespace lockkeeper::zab {
namespace {

CommittedLog LogOf(const std::vector<LogEntry>& entries, size_t limit = 500) {
  CommittedLog log(limit);
  for (const LogEntry& entry : entries) log.Add(entry);
  return log;
}

TEST(CommittedLog, FollowsIsOneMoreOrALaterEpoch) {  // QP-3.16
  EXPECT_TRUE(Follows(Z(1, 5), Z(1, 6)));
  EXPECT_TRUE(Follows(Z(1, 5), Z(2, 1)));
  EXPECT_TRUE(Follows(Z(1, 5), Z(4, 1)));
  EXPECT_TRUE(Follows(Zxid{0}, Z(0, 1)));
  EXPECT_FALSE(Follows(Z(1, 5), Z(1, 5)));
  EXPECT_FALSE(Follows(Z(1, 5), Z(1, 7)));
  EXPECT_FALSE(Follows(Z(1, 5), Z(1, 4)));
  EXPECT_FALSE(Follows(Z(2, 1), Z(1, 9)));
}

TEST(CommittedLog, KeepsTheNewest) {  // quorum-protocol 3.2
  CommittedLog log = LogOf(EntriesOf(1, 1, 5), 3);
  EXPECT_EQ(log.oldest(), Z(1, 3));
  EXPECT_EQ(log.newest(), Z(1, 5));
  log.Add(EntryAt(Z(2, 1)));
  EXPECT_EQ(log.oldest(), Z(1, 4));
  EXPECT_EQ(log.newest(), Z(2, 1));
  EXPECT_EQ(log.entries().size(), 3u);
}

TEST(CommittedLog, MayBeginAnywhere) {
  EXPECT_TRUE(CommittedLog(3).empty());
  const CommittedLog log = LogOf({EntryAt(Z(7, 4711))});
  EXPECT_EQ(log.oldest(), Z(7, 4711));
  EXPECT_EQ(log.newest(), Z(7, 4711));
}

TEST(CommittedLog, PassesOverWhatItHas) {  // quorum-protocol 3.2, last sentence
  CommittedLog log = LogOf(EntriesOf(1, 1, 3));
  log.Add({Z(1, 3), std::make_shared<const std::string>("another")});
  log.Add(EntryAt(Z(1, 1)));
  log.Add(EntryAt(Z(0, 9)));
  ASSERT_EQ(log.entries().size(), 3u);
  EXPECT_EQ(*log.entries().back().payload, "txn 1:3");
}

// A hole here would be served as a DIFF: lost data in a learner (P8).
TEST(CommittedLogDeathTest, EndsTheProcessRatherThanTakeAHole) {  // QP-3.16
  CommittedLog log = LogOf(EntriesOf(1, 1, 3));
  EXPECT_DEATH(log.Add(EntryAt(Z(1, 5))), "a hole after 0x100000003: 0x100000005");
}

TEST(CommittedLog, IsCutBackWithTheLog) {  // quorum-protocol 3.9
  CommittedLog log = LogOf(EntriesOf(1, 1, 5));
  log.Truncate(Z(1, 9));
  EXPECT_EQ(log.newest(), Z(1, 5));
  log.Truncate(Z(1, 3));
  EXPECT_EQ(log.newest(), Z(1, 3));
  log.Add(EntryAt(Z(2, 1)));  // goes on from there
  EXPECT_EQ(log.newest(), Z(2, 1));
  log.Truncate(Z(2, 0));  // a zxid of no entry
  EXPECT_EQ(log.newest(), Z(1, 3));
  log.Truncate(Zxid{0});
  EXPECT_TRUE(log.empty());
}

// After a snapshot of somebody else nothing needs to join to what was there before.
TEST(CommittedLog, BeginsAgainAfterClear) {
  CommittedLog log = LogOf(EntriesOf(1, 1, 3));
  log.Clear();
  EXPECT_TRUE(log.empty());
  log.Add(EntryAt(Z(1, 8)));
  EXPECT_EQ(log.oldest(), Z(1, 8));
}

}  // namespace
}  // namespace lockkeeper::zab
