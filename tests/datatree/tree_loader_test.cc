// Whole znodes become a tree, or a clear error.
#include "datatree/tree_loader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "datatree/path.h"
#include "datatree/tree_walk.h"
#include "tests/datatree/random_history.h"
#include "tests/datatree/tree_test_util.h"

namespace lockkeeper {
namespace {

StoredNode Plain(std::string_view path, int64_t acl_key = kOpenAclKey) {
  return {path, "x", acl_key, {.czxid = 5, .mzxid = 5, .pzxid = 5}};
}

struct Loading {
  DataTree tree{HistoryOptions()};
  TreeLoader loader{&tree};

  std::string AddError(const StoredNode& node) {
    const Status added = loader.AddNode(node);
    return added ? "" : added.error().message;
  }
};

// Under keys of its own, in the order of the walk.
void CopyTree(const DataTree& from, DataTree* to) {
  TreeLoader loader(to);
  for (const auto& [session, timeout_ms] : from.sessions()) {
    loader.AddSession(session, timeout_ms);
  }
  from.acls().ForEach([&](uint32_t id, const AclRef& acl) {
    if (id == AclTable::kOpenId) return;
    loader.AddAcl(1'000'000'000'000 - id, *acl);
  });
  const Status walked = ForEachNode(from, [&](StoredNode node) {
    if (node.acl_key != kOpenAclKey) node.acl_key = 1'000'000'000'000 - node.acl_key;
    return loader.AddNode(node);
  });
  ASSERT_TRUE(walked) << walked.error().message;
  loader.Finish(from.last_zxid());
}

TEST(TreeLoader, CopiesAnyTreeWithEverythingThatTransactionsDecide) {  // SO-3.11, SO-3.5
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const std::vector<std::string> payloads = RandomPayloads(seed);
    DataTree tree(HistoryOptions());
    for (const std::string& payload : payloads) ASSERT_TRUE(tree.Apply(payload, nullptr));
    DataTree copy(HistoryOptions());
    CopyTree(tree, &copy);
    ASSERT_EQ(DumpTree(copy), DumpTree(tree)) << "seed " << seed;
    ASSERT_EQ(copy.acls().size(), tree.acls().size());
    // And it goes on in the same way.
    for (const std::string& payload : payloads) {
      ASSERT_TRUE(copy.Apply(payload, nullptr));
      ASSERT_TRUE(tree.Apply(payload, nullptr));
    }
    ASSERT_EQ(DumpTree(copy), DumpTree(tree)) << "seed " << seed;
  }
}

TEST(TreeLoader, TakesSiblingsInAnyOrderAndChildrenFarFromTheirParents) {
  Loading l;
  for (const char* path : {"/b", "/a", "/b/c", "/a/z", "/b/c/d", "/a/y", "/bc", "/b/ca"}) {
    EXPECT_EQ(l.AddError(Plain(path)), "") << path;
  }
  l.loader.Finish(Zxid{9});
  for (const char* path : {"/a/y", "/a/z", "/b/c/d", "/b/ca", "/bc"}) {
    EXPECT_NE(l.tree.nodes().Lookup(path), kNoNode) << path;
  }
}

TEST(TreeLoader, RefusesAZnodeBeforeItsParent) {
  Loading l;
  EXPECT_EQ(l.AddError(Plain("/a/b")), "znode \"/a/b\" stands before its parent");
}

TEST(TreeLoader, RefusesAZnodeTwice) {
  Loading l;
  EXPECT_EQ(l.AddError(Plain("/a")), "");
  EXPECT_EQ(l.AddError(Plain("/a")), "znode \"/a\" stands twice");
}

TEST(TreeLoader, RefusesWhatIsNoPath) {
  for (const char* path : {"a", "/", "//a", "/a/", "/a//b"}) {
    Loading l;
    ASSERT_EQ(l.AddError(Plain("/a")), "");
    EXPECT_NE(l.AddError(Plain(path)), "") << path;
  }
}

TEST(TreeLoader, KeepsAZnodeWithALostAclForTheSuperUserAlone) {  // SO-3.7, P20
  Loading l;
  EXPECT_EQ(l.AddError(Plain("/a", 77)), "");
  l.loader.Finish(Zxid{9});
  EXPECT_EQ(l.loader.nodes_with_unknown_acl(), 1u);
  const AclList& acl = *l.tree.AclOf(l.tree.nodes().Lookup("/a"));
  EXPECT_EQ(acl, (AclList{{kPermAll, "super", ""}}));
}

TEST(TreeLoader, TakesTheLastOfTwoAclsWithOneKey) {
  Loading l;
  const AclList last{{2, "world", "anyone"}};
  l.loader.AddAcl(5, {{4, "world", "anyone"}});
  l.loader.AddAcl(5, last);
  ASSERT_EQ(l.AddError(Plain("/a", 5)), "");
  l.loader.Finish(Zxid{9});
  EXPECT_EQ(*l.tree.AclOf(l.tree.nodes().Lookup("/a")), last);
  EXPECT_EQ(l.tree.acls().size(), 3u);  // open, the configuration's, and this one
}

TEST(TreeLoader, RefusesAnAclUnderANumberThatCannotBe) {
  Loading l;
  const AclList acl{{1, "world", "anyone"}};
  EXPECT_FALSE(l.loader.RestoreAcl(AclTable::kOpenId, acl));
  EXPECT_FALSE(l.loader.RestoreAcl(NodeStore::kAclIdMax + 1, acl));
}

TEST(TreeLoader, DropsAclsThatNoZnodeUsesAndGivesTheirNumbersOutAgain) {
  Loading l;
  ASSERT_TRUE(l.loader.RestoreAcl(3, {{2, "world", "anyone"}}));
  ASSERT_TRUE(l.loader.RestoreAcl(7, {{4, "world", "anyone"}}));
  ASSERT_EQ(l.AddError(Plain("/a", 7)), "");
  l.loader.Finish(Zxid{9});
  EXPECT_EQ(l.tree.nodes().AclIdOf(l.tree.nodes().Lookup("/a")), 7u);
  EXPECT_EQ(l.tree.acls().size(), 3u);  // open, the configuration's, and number 7
}

TEST(TreeLoader, GivesTheConfigurationItsAclWhenTheFileHasNoSuchZnode) {
  Loading l;
  l.loader.Finish(Zxid{9});
  EXPECT_EQ(*l.tree.AclOf(l.tree.nodes().Lookup(kConfigPath)), ConfigAcl());
}

TEST(TreeLoader, RecomputesQuotaStatistics) {  // SO-9.4
  Loading l;
  const StoredNode stale{
      "/zookeeper/quota/q/zookeeper_stats", "count=99,bytes=99", kOpenAclKey, {}};
  for (const StoredNode& node :
       {Plain("/q"), Plain("/q/child"), Plain("/zookeeper/quota/q"),
        StoredNode{"/zookeeper/quota/q/zookeeper_limits", "count=5,bytes=-1", kOpenAclKey, {}},
        stale}) {
    ASSERT_EQ(l.AddError(node), "");
  }
  l.loader.Finish(Zxid{9});
  EXPECT_EQ(l.tree.nodes().DataOf(l.tree.nodes().Lookup(stale.path)), "count=2,bytes=2");
  EXPECT_EQ(l.tree.quotas().subjects().count("/q"), 1u);
}

}  // namespace
}  // namespace lockkeeper
