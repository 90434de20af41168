#include "datatree/digest.h"

#include <gtest/gtest.h>

#include "protocol/jute.h"

namespace lockkeeper {
namespace {

TEST(NodeDigest, EqualsZooKeepers) {  // QP-7.1
  EXPECT_EQ(NodeDigest(DigestPrefix("/", EmptyString()), NodeStat{}), 68323592u);
  EXPECT_EQ(NodeDigest(DigestPrefix("/zookeeper", EmptyString()), NodeStat{}), 1303661912u);
  const NodeStat a{.czxid = 0x100000002,
                   .mzxid = 0x100000002,
                   .pzxid = 0x100000002,
                   .ctime = 1795227269819,
                   .mtime = 1795227269819};
  EXPECT_EQ(NodeDigest(DigestPrefix("/a", "hello"), a), 74240336u);
  const NodeStat root{.pzxid = 0x100000002, .cversion = 1};
  EXPECT_EQ(NodeDigest(DigestPrefix("", EmptyString()), root), 3942836307u);
}

TEST(NodeDigest, TakesNullDataForNothing) {
  EXPECT_EQ(DigestPrefix("/a", {}), DigestPrefix("/a", EmptyString()));
  EXPECT_EQ(DigestPrefix("/", "x"), DigestPrefix("", "x"));
}

TEST(NodeDigest, DependsOnEveryField) {
  const uint32_t prefix = DigestPrefix("/a", "x");
  const uint64_t none = NodeDigest(prefix, {});
  EXPECT_NE(NodeDigest(DigestPrefix("/b", "x"), {}), none);
  EXPECT_NE(NodeDigest(DigestPrefix("/a", "y"), {}), none);
  const NodeStat one[] = {{.czxid = 1},    {.mzxid = 1},     {.pzxid = 1},
                          {.ctime = 1},    {.mtime = 1},     {.version = 1},
                          {.cversion = 1}, {.aversion = -1}, {.owner = 1}};
  for (const NodeStat& stat : one) EXPECT_NE(NodeDigest(prefix, stat), none);
}

TEST(NodeDigest, LeavesOutWhatIsBelowZookeeper) {  // SO-9.4
  EXPECT_FALSE(IsOutsideDigest("/"));
  EXPECT_FALSE(IsOutsideDigest("/zookeeper"));
  EXPECT_FALSE(IsOutsideDigest("/zookeepers/a"));
  EXPECT_TRUE(IsOutsideDigest("/zookeeper/config"));
  EXPECT_TRUE(IsOutsideDigest("/zookeeper/a/b"));
}

}  // namespace
}  // namespace lockkeeper
