#include "datatree/quota.h"

#include <gtest/gtest.h>

namespace lockkeeper {
namespace {

std::string Reformatted(std::string_view text) {
  const std::optional<QuotaNumbers> numbers = ParseQuota(text);
  return numbers ? FormatQuota(*numbers) : "unreadable";
}

TEST(QuotaText, IsWrittenAsZooKeeperWritesIt) {  // SO-9.1
  EXPECT_EQ(FormatQuota({}), "count=-1,bytes=-1");
  EXPECT_EQ(FormatQuota({.count = 2, .bytes = 10}), "count=2,bytes=10");
  EXPECT_EQ(FormatQuota({.count = 2, .bytes = -1, .count_hard_limit = 3, .byte_hard_limit = 20}),
            "count=2,bytes=-1=;byteHardLimit=20;countHardLimit=3");
  EXPECT_EQ(FormatQuota({.count_hard_limit = 3}), "count=-1,bytes=-1=;countHardLimit=3");
}

TEST(QuotaText, IsReadWithBothSeparators) {  // SO-9.1
  for (const char* text : {"count=2,bytes=10", "count=2,bytes=10=;byteHardLimit=20",
                           "count=2,bytes=10=;byteHardLimit=20;countHardLimit=3"}) {
    EXPECT_EQ(Reformatted(text), text);
  }
  EXPECT_EQ(Reformatted("bytes=10;count=2"), "count=2,bytes=10");
  EXPECT_EQ(Reformatted("count=2,;,bytes=10"), "count=2,bytes=10");
  EXPECT_EQ(Reformatted("countHardLimit=1,byteHardLimit=2"),
            "count=-1,bytes=-1=;byteHardLimit=2;countHardLimit=1");
  EXPECT_EQ(Reformatted("count=-5"), "count=-5,bytes=-1");
  EXPECT_EQ(Reformatted("other=7,count=1"), "count=1,bytes=-1");
  EXPECT_EQ(Reformatted("count=,bytes=3"), "count=-1,bytes=3");
  EXPECT_EQ(Reformatted(""), "count=-1,bytes=-1");
}

TEST(QuotaText, WithoutNumbersIsUnreadable) {
  for (const char* text : {"count", "nonsense", "count=x", "count=1x", "count=1.5", "count= 1",
                           "count=99999999999999999999"}) {
    EXPECT_EQ(Reformatted(text), "unreadable") << text;
  }
}

TEST(QuotaSubject, IsThePathBelowTheQuotaNode) {  // storage-and-operations 9.1
  EXPECT_EQ(QuotaSubject("/zookeeper/quota/a/b/zookeeper_limits", kLimitsName), "/a/b");
  EXPECT_EQ(QuotaSubject("/zookeeper/quota/a/zookeeper_stats", kStatsName), "/a");
  EXPECT_EQ(QuotaSubject("/zookeeper/quota/a/zookeeper_stats", kLimitsName), std::nullopt);
  EXPECT_EQ(QuotaSubject("/zookeeper/quota/zookeeper_limits", kLimitsName), std::nullopt);
  EXPECT_EQ(QuotaSubject("/zookeeper/quota", kLimitsName), std::nullopt);
  EXPECT_EQ(QuotaSubject("/zookeeper/quotas/a/zookeeper_limits", kLimitsName), std::nullopt);
  EXPECT_EQ(QuotaSubject("/zookeeper/quota/a/my_zookeeper_limits", kLimitsName), std::nullopt);
  EXPECT_EQ(QuotaSubject("/a/zookeeper_limits", kLimitsName), std::nullopt);
  EXPECT_EQ(LimitsPathOf("/a/b"), "/zookeeper/quota/a/b/zookeeper_limits");
  EXPECT_EQ(StatsPathOf("/a/b"), "/zookeeper/quota/a/b/zookeeper_stats");
}

TEST(QuotaTable, FindsTheLongestPrefix) {
  QuotaTable table;
  const auto longest = [&](std::string_view path) {
    const std::string* found = table.LongestPrefix(path);
    return found == nullptr ? "none" : *found;
  };
  EXPECT_EQ(longest("/a"), "none");
  table.Add("/a");
  table.Add("/a/b/c");
  EXPECT_EQ(longest("/a"), "/a");
  EXPECT_EQ(longest("/a/b"), "/a");
  EXPECT_EQ(longest("/a/b/c"), "/a/b/c");
  EXPECT_EQ(longest("/a/b/c/d/e"), "/a/b/c");
  EXPECT_EQ(longest("/ab"), "none");
  EXPECT_EQ(longest("/"), "none");
  table.Remove("/a");
  table.Remove("/never/there");
  EXPECT_EQ(longest("/a/b"), "none");
  EXPECT_FALSE(table.empty());
}

}  // namespace
}  // namespace lockkeeper
