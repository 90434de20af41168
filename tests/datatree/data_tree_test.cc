// What the tree keeps besides znodes: system nodes, quota statistics, digests, counts.
#include "datatree/data_tree.h"

#include <gtest/gtest.h>

#include "tests/datatree/tree_test_util.h"

namespace lockkeeper {
namespace {

TEST(FreshTree, HasTheReservedNodes) {  // CP-6.10, CP-4.7
  TestTree t;
  EXPECT_EQ(t.tree.nodes().size(), 4u);
  EXPECT_EQ(t.tree.CountDescendants(NodeStore::kRoot), 3);
  EXPECT_EQ(Print(t.StatOf("/")), Print(Stat{.cversion = -1, .num_children = 1}));
  EXPECT_EQ(Print(t.StatOf("/zookeeper")), Print(Stat{.cversion = -2, .num_children = 2}));
  EXPECT_EQ(Print(t.StatOf("/zookeeper/quota")), Print(Stat{}));
  EXPECT_EQ(Print(t.StatOf("/zookeeper/config")), Print(Stat{.aversion = -1}));
  EXPECT_EQ(t.AclTextOf("/zookeeper/config"), " 1:world:anyone");
  for (const char* path : {"/", "/zookeeper", "/zookeeper/quota"}) {
    EXPECT_EQ(t.AclTextOf(path), " 31:world:anyone");
    EXPECT_FALSE(IsNull(t.tree.nodes().DataOf(t.tree.nodes().Lookup(path))));
  }
  EXPECT_EQ(t.tree.last_zxid(), Zxid{0});
  EXPECT_EQ(t.tree.digest(), 0x51c6d660u);  // SO-3.16
}

// Data, mzxid and mtime as a real member shows them; digest and zxid know nothing of it.
TEST(Membership, IsShownByTheConfigZnodeWithoutATransaction) {  // QP-8.8, CP-6.10
  TestTree t;
  t.tree.SetMembership("server.1=a:1:2:participant\nversion=0", 0, WallMs{1234});
  const NodeId node = t.tree.nodes().Lookup("/zookeeper/config");
  EXPECT_EQ(t.tree.nodes().DataOf(node), "server.1=a:1:2:participant\nversion=0");
  EXPECT_EQ(Print(t.StatOf("/zookeeper/config")),
            Print(Stat{.mtime = 1234, .version = -1, .aversion = -1, .data_length = 36}));
  t.tree.SetMembership("version=100000000", 0x100000000, WallMs{1235});
  EXPECT_EQ(t.StatOf("/zookeeper/config").mzxid, 0x100000000);
  EXPECT_EQ(t.AclTextOf("/zookeeper/config"), " 1:world:anyone");
  EXPECT_EQ(t.tree.last_zxid(), Zxid{0});
  EXPECT_EQ(t.tree.digest(), 0x51c6d660u);
}

TEST(ZookeeperNode, TakesChildrenOfAnybody) {  // CP-6.11
  TestTree t;
  EXPECT_EQ(t.Create("/zookeeper/foo"), ErrorCode::kOk);
  EXPECT_EQ(t.Delete("/zookeeper/foo"), ErrorCode::kOk);
}

// A ZooKeeper leader's transactions with the digests it wrote into them.
TEST(TreeDigest, EqualsZooKeepers) {  // SO-3.16
  DataTree tree({});
  const SessionId session{0x100000e433b0000};
  const auto apply = [&](const std::string& payload) {
    EXPECT_TRUE(tree.Apply(payload, nullptr).has_value());
    return tree.digest();
  };
  EXPECT_EQ(
      apply(PayloadOf(OpCode::kCreateSession, 1, CreateSessionTxn{10000}, session, 1795226949000)),
      0x51c6d660u);
  EXPECT_EQ(apply(PayloadOf(OpCode::kCreate, 2, CreateTxn{"/a", "hello", OpenList(), false, 1},
                            session, 1795226949235)),
            0x149deadcdu);
  EXPECT_EQ(apply(PayloadOf(OpCode::kCreate, 3, CreateTxn{"/a/e", "x", OpenList(), true, 1},
                            session, 1795226949245)),
            0x16ce1aec7u);
  EXPECT_EQ(
      apply(PayloadOf(OpCode::kSetData, 4, SetDataTxn{"/a", "world", 1}, session, 1795226949249)),
      0x1140949c1u);
}

TEST(TreeDigest, EqualsZooKeepersInAnEnsemble) {  // QP-7.1
  DataTree tree({});
  ASSERT_TRUE(
      tree.Apply(PayloadOf(OpCode::kCreate, 0x100000002,
                           CreateTxn{"/a", "hello", OpenList(), false, 1}, kAlice, 1795227269819),
                 nullptr)
          .has_value());
  EXPECT_EQ(tree.digest(), 5320738555u);
  ASSERT_TRUE(tree.Apply(PayloadOf(OpCode::kSetData, 0x100000003, SetDataTxn{"/a", "world", 1},
                                   kAlice, 1795227269837),
                         nullptr)
                  .has_value());
  EXPECT_EQ(tree.digest(), 5645837775u);
}

TEST(TreeDigest, IsReportedByTheProposerAndNotEnforced) {  // SO-3.17
  DataTree tree({});
  const std::string payload =
      PayloadOf(OpCode::kSetData, 1, SetDataTxn{"/", "x", 1}) + Encoded(TxnDigest{2, 0x1234});
  const auto outcome = tree.Apply(payload, nullptr);
  ASSERT_TRUE(outcome.has_value());
  ASSERT_TRUE(outcome->recorded_digest.has_value());
  EXPECT_EQ(outcome->recorded_digest->version, 2);
  EXPECT_EQ(outcome->recorded_digest->tree_digest, 0x1234);
  EXPECT_NE(tree.digest(), 0x1234u);
}

TEST(DigestHistory, HoldsEvery128thZxidAndTheLast1024) {  // storage-and-operations 3.7
  DataTree tree({});
  int64_t zxid = 0;
  const auto write = [&] {
    ++zxid;
    ASSERT_TRUE(tree.Apply(PayloadOf(OpCode::kSetData, zxid, SetDataTxn{"/", "x", 1}), nullptr)
                    .has_value());
  };
  while (zxid < 127) write();
  EXPECT_TRUE(tree.digest_history().empty());
  write();
  ASSERT_EQ(tree.digest_history().size(), 1u);
  EXPECT_EQ(tree.digest_history().front().zxid, Zxid{128});
  EXPECT_EQ(tree.digest_history().front().digest, tree.digest());
  while (zxid < 128 * 1030) write();
  EXPECT_EQ(tree.digest_history().size(), 1024u);
  EXPECT_EQ(tree.digest_history().front().zxid, Zxid{128 * 7});
  EXPECT_EQ(tree.digest_history().back().zxid, Zxid{128 * 1030});
}

TEST(ApproximateDataBytes, CountPathsAndData) {
  TestTree t;
  const int64_t fresh = t.tree.approximate_data_bytes();
  EXPECT_EQ(fresh, static_cast<int64_t>(std::string("//zookeeper/zookeeper/quota"
                                                    "/zookeeper/config")
                                            .size()));
  t.Create("/abc", "12345");
  EXPECT_EQ(t.tree.approximate_data_bytes(), fresh + 9);
  t.SetData("/abc", "1");
  EXPECT_EQ(t.tree.approximate_data_bytes(), fresh + 5);
  t.Delete("/abc");
  EXPECT_EQ(t.tree.approximate_data_bytes(), fresh);
}

TEST(CountDescendants, CountsAllDepths) {  // CP-4.7
  TestTree t;
  std::string path;
  for (int depth = 0; depth < 50; ++depth) {
    path += "/d";
    t.Create(path);
  }
  t.Create("/d/other");
  EXPECT_EQ(t.tree.CountDescendants(t.tree.nodes().Lookup("/d")), 50);
  EXPECT_EQ(t.tree.CountDescendants(t.tree.nodes().Lookup(path)), 0);
}

// --- quota statistics (storage-and-operations 9) ----------------------------------------------

class QuotaStatistics : public ::testing::Test {
 protected:
  QuotaStatistics() {
    t.Create("/q", "1234");
    t.Create("/q/a", "12");
    t.Create("/zookeeper/quota/q");
    t.Create("/zookeeper/quota/q/zookeeper_limits", "count=9,bytes=9");
    t.Create("/zookeeper/quota/q/zookeeper_stats", "whatever");
  }
  std::string Stats() const { return t.DataOf("/zookeeper/quota/q/zookeeper_stats"); }
  TestTree t;
};

TEST_F(QuotaStatistics, AreFilledInWhenTheNodeIsCreated) {  // CP-6.12, SO-9.3
  EXPECT_EQ(Stats(), "count=2,bytes=6");
  EXPECT_EQ(t.tree.quotas().subjects().count("/q"), 1u);
}

TEST_F(QuotaStatistics, FollowEveryChangeBelow) {  // CP-6.12, SO-9.3, SO-9.4
  const NodeStat stat = t.StoredStatOf("/zookeeper/quota/q/zookeeper_stats");
  t.Create("/q/b", "123");
  EXPECT_EQ(Stats(), "count=3,bytes=9");
  EXPECT_EQ(t.changes.size(), 1u) << "no watch hears of the statistics";
  t.Create("/q/b/c", "1", 1);
  EXPECT_EQ(Stats(), "count=4,bytes=10");
  t.SetData("/q/b", "1");
  EXPECT_EQ(Stats(), "count=4,bytes=8");
  t.SetData("/q", {});
  EXPECT_EQ(Stats(), "count=4,bytes=4");
  t.Close(kAlice);
  EXPECT_EQ(Stats(), "count=3,bytes=3");
  t.Create("/qq", "beside it");
  t.Delete("/q/b");
  EXPECT_EQ(Stats(), "count=2,bytes=2");
  EXPECT_EQ(t.StoredStatOf("/zookeeper/quota/q/zookeeper_stats"), stat);
}

TEST_F(QuotaStatistics, EndWithTheLimits) {  // storage-and-operations 9.1
  t.Delete("/zookeeper/quota/q/zookeeper_limits");
  EXPECT_TRUE(t.tree.quotas().empty());
  t.Create("/q/b");
  EXPECT_EQ(Stats(), "count=2,bytes=6");
}

TEST_F(QuotaStatistics, ThatAClientBrokeAreLeftAlone) {
  t.SetData("/zookeeper/quota/q/zookeeper_stats", "nonsense");
  EXPECT_EQ(t.Create("/q/b"), ErrorCode::kOk);
  EXPECT_EQ(Stats(), "nonsense");
}

TEST_F(QuotaStatistics, OfTheLongestPathAreKept) {
  t.Create("/zookeeper/quota/q/a");
  t.Create("/zookeeper/quota/q/a/zookeeper_limits", "count=1,bytes=1");
  t.Create("/zookeeper/quota/q/a/zookeeper_stats");
  t.Create("/q/a/x", "1");
  EXPECT_EQ(t.DataOf("/zookeeper/quota/q/a/zookeeper_stats"), "count=2,bytes=3");
  EXPECT_EQ(Stats(), "count=2,bytes=6");
}

TEST_F(QuotaStatistics, OfTheRootDoNotExist) {  // storage-and-operations 9.1
  t.Create("/zookeeper/quota/zookeeper_limits", "count=1,bytes=1");
  EXPECT_EQ(t.tree.quotas().subjects().size(), 1u);
}

TEST_F(QuotaStatistics, OfAMissingSubtreeAreZero) {
  t.Create("/zookeeper/quota/later");
  t.Create("/zookeeper/quota/later/zookeeper_limits", "count=9,bytes=9");
  t.Create("/zookeeper/quota/later/zookeeper_stats");
  EXPECT_EQ(t.DataOf("/zookeeper/quota/later/zookeeper_stats"), "count=0,bytes=0");
  t.Create("/later", "123");
  EXPECT_EQ(t.DataOf("/zookeeper/quota/later/zookeeper_stats"), "count=1,bytes=3");
}

}  // namespace
}  // namespace lockkeeper
