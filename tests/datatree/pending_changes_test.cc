// The state that will be, before it is (client-protocol 7.0).
#include "datatree/pending_changes.h"

#include <gtest/gtest.h>

#include "tests/datatree/tree_test_util.h"

namespace lockkeeper {
namespace {

using Paths = std::vector<std::string>;

TEST(PendingChanges, ShowTheTreeWhenNothingIsInFlight) {
  TestTree t;
  t.Create("/a", "data", 1, WorldMay(kPermAll));
  const PendingChanges& pending = t.preparer.pending();
  EXPECT_EQ(pending.size(), 0u);
  EXPECT_EQ(pending.digest(), t.tree.digest());
  EXPECT_EQ(pending.EphemeralPathsOf(kAlice), Paths{"/a"});
  EXPECT_FALSE(pending.Find("/no").has_value());
  const std::optional<PendingNode> node = pending.Find("/a");
  ASSERT_TRUE(node.has_value());
  EXPECT_EQ(node->stat, t.StoredStatOf("/a"));
  EXPECT_EQ(node->data_bytes, 4u);
  EXPECT_EQ(node->child_count, 0u);
  EXPECT_EQ(Text(*node->acl), t.AclTextOf("/a"));
}

TEST(PendingChanges, TakeTheEmptyPathForTheRoot) {
  TestTree t;
  t.Prepare(OpCode::kCreate, NewNode("/a"));
  const auto by_slash = t.preparer.pending().Find("/");
  const auto by_nothing = t.preparer.pending().Find("");
  ASSERT_TRUE(by_slash && by_nothing);
  EXPECT_EQ(by_slash->stat.cversion, 1);
  EXPECT_EQ(by_nothing->stat.cversion, 1);
}

TEST(PendingChanges, HideWhatIsBeingDeletedAndShowWhatIsBeingCreated) {
  TestTree t;
  t.Create("/old");
  t.Prepare(OpCode::kDelete, DeleteRequest{"/old"});
  t.Prepare(OpCode::kCreate, NewNode("/new", "12345"));
  const PendingChanges& pending = t.preparer.pending();
  EXPECT_FALSE(pending.Find("/old").has_value());
  const std::optional<PendingNode> node = pending.Find("/new");
  ASSERT_TRUE(node.has_value());
  EXPECT_EQ(node->data_bytes, 5u);
  EXPECT_EQ(node->stat.czxid, t.zxid());
  EXPECT_TRUE(t.Has("/old"));
  EXPECT_FALSE(t.Has("/new"));
}

TEST(PendingChanges, DecideForWhoComesLater) {
  TestTree t;
  t.Create("/a");
  t.Prepare(OpCode::kSetData, SetDataRequest{"/a", "x", 0});
  EXPECT_EQ(ErrorIn(t.Prepare(OpCode::kSetData, SetDataRequest{"/a", "y", 0})),
            ErrorCode::kBadVersion);
  t.Prepare(OpCode::kSetAcl, SetAclRequest{"/a", WorldMay(kPermRead), 0});
  EXPECT_EQ(ErrorIn(t.Prepare(OpCode::kSetData, SetDataRequest{"/a", "y", 1})), ErrorCode::kNoAuth);
  t.Prepare(OpCode::kDelete, DeleteRequest{"/a", 1});
  EXPECT_EQ(ErrorIn(t.Prepare(OpCode::kDelete, DeleteRequest{"/a"})), ErrorCode::kNoNode);
  t.Prepare(OpCode::kCreate, NewNode("/a", "", 1));
  EXPECT_EQ(ErrorIn(t.Prepare(OpCode::kCreate, NewNode("/a/b"))),
            ErrorCode::kNoChildrenForEphemerals);
  t.ApplyAll();
  EXPECT_EQ(t.StatOf("/a").ephemeral_owner, kAlice.value);
}

TEST(PendingChanges, AreForgottenOnceApplied) {
  TestTree t;
  for (int i = 0; i < 5; ++i) t.Prepare(OpCode::kSetData, SetDataRequest{"/", "x", i});
  EXPECT_EQ(t.preparer.pending().size(), 1u);
  for (int i = 0; i < 4; ++i) {
    t.ApplyNext();
    EXPECT_EQ(t.preparer.pending().size(), 1u) << "a later change of the same path is in flight";
    EXPECT_EQ(t.preparer.pending().Find("/")->stat.version, 5);
  }
  t.ApplyNext();
  EXPECT_EQ(t.preparer.pending().size(), 0u);
}

TEST(PendingChanges, AreForgottenWhenAbandoned) {
  TestTree t;
  t.Create("/a");
  const uint64_t digest = t.tree.digest();
  t.Prepare(OpCode::kCreate, NewNode("/e", "", 1));
  t.Prepare(OpCode::kDelete, DeleteRequest{"/a"});
  t.preparer.Abandon();
  t.in_flight.clear();
  EXPECT_EQ(t.preparer.pending().size(), 0u);
  EXPECT_EQ(t.preparer.pending().digest(), digest);
  EXPECT_TRUE(t.preparer.pending().EphemeralPathsOf(kAlice).empty());
  EXPECT_EQ(t.SetData("/a", "x", 0), ErrorCode::kOk);
}

TEST(PendingChanges, KnowTheDigestThatTheTreeWillHave) {  // QP-7.2
  TestTree t;
  std::vector<uint64_t> expected;
  t.Prepare(OpCode::kCreate, NewNode("/a", "one", 1));
  expected.push_back(t.preparer.pending().digest());
  t.Prepare(OpCode::kCreate, NewNode("/b"));
  expected.push_back(t.preparer.pending().digest());
  t.Prepare(OpCode::kCreate, NewNode("/b/s", "", 2));
  expected.push_back(t.preparer.pending().digest());
  t.Prepare(OpCode::kSetAcl, SetAclRequest{"/b", WorldMay(31), -1});
  expected.push_back(t.preparer.pending().digest());
  t.Prepare(OpCode::kDelete, DeleteRequest{"/b/s0000000000"});
  expected.push_back(t.preparer.pending().digest());
  t.PrepareClose(kAlice);
  expected.push_back(t.preparer.pending().digest());
  for (uint64_t digest : expected) {
    t.ApplyNext();
    EXPECT_EQ(t.tree.digest(), digest);
  }
}

TEST(PendingChanges, DoNotCountNodesOutsideTheDigest) {  // SO-9.4
  TestTree t;
  const uint64_t digest = t.tree.digest();
  t.Prepare(OpCode::kCreate, NewNode("/zookeeper/quota/x", "data"));
  EXPECT_EQ(t.preparer.pending().digest(), digest) << "/zookeeper/quota does not count either";
  t.ApplyAll();
  EXPECT_EQ(t.tree.digest(), digest);
  t.Prepare(OpCode::kCreate, NewNode("/zookeeper/x"));
  EXPECT_NE(t.preparer.pending().digest(), digest) << "/zookeeper itself has a new child";
  t.ApplyAll();
}

// --- closing a session with changes in flight (10.3) ------------------------------------------

Paths PathsIn(std::string_view payload) {
  const auto txn = BodyAs<CloseSessionTxn>(payload);
  EXPECT_TRUE(txn.paths_to_delete.has_value());
  Paths paths;
  if (txn.paths_to_delete) paths.assign(txn.paths_to_delete->begin(), txn.paths_to_delete->end());
  return paths;
}

TEST(CloseSession, ListsCreatesAndLeavesOutDeletesInFlight) {  // CP-10.4
  TestTree t;
  t.Open(kAlice);
  t.Create("/applied", "", 1);
  t.Create("/going", "", 1);
  t.Create("/changed", "", 1);
  t.session = kBob;
  t.Create("/bobs", "", 1);
  t.session = kAlice;
  t.Prepare(OpCode::kDelete, DeleteRequest{"/going"});
  t.Prepare(OpCode::kCreate, NewNode("/coming", "", 1));
  t.Prepare(OpCode::kCreate, NewNode("/gone", "", 1));
  t.Prepare(OpCode::kDelete, DeleteRequest{"/gone"});
  t.Prepare(OpCode::kSetData, SetDataRequest{"/changed", "x", -1});
  t.Prepare(OpCode::kCreate, NewNode("/persistent"));
  t.Prepare(OpCode::kDelete, DeleteRequest{"/applied"});
  t.session = kBob;
  t.Prepare(OpCode::kCreate, NewNode("/applied", "", 1));  // Bob's now
  EXPECT_EQ(PathsIn(t.PrepareClose(kAlice)), (Paths{"/changed", "/coming"}));
  EXPECT_TRUE(t.preparer.pending().EphemeralPathsOf(kAlice).empty());
  EXPECT_EQ(t.preparer.pending().EphemeralPathsOf(kBob), (Paths{"/applied", "/bobs"}));
  t.ApplyAll();
  EXPECT_TRUE(t.Has("/persistent"));
  EXPECT_TRUE(t.Has("/applied"));
  EXPECT_TRUE(t.Has("/bobs"));
  EXPECT_FALSE(t.Has("/coming"));
  EXPECT_FALSE(t.Has("/changed"));
  EXPECT_EQ(t.StatOf("/").pzxid, t.zxid());
  EXPECT_TRUE(t.tree.sessions().empty());
  EXPECT_EQ(t.preparer.pending().size(), 0u);
}

TEST(CloseSession, FreesParentsForWhoComesLater) {
  TestTree t;
  t.Create("/p");
  t.Create("/p/e", "", 1);
  t.PrepareClose(kAlice);
  EXPECT_EQ(ErrorIn(t.Prepare(OpCode::kSetData, SetDataRequest{"/p/e", "x", -1})),
            ErrorCode::kNoNode);
  t.Prepare(OpCode::kCreate, NewNode("/p/e"));
  t.Prepare(OpCode::kDelete, DeleteRequest{"/p/e"});
  t.Prepare(OpCode::kDelete, DeleteRequest{"/p"});
  EXPECT_EQ(t.ApplyAll().result.error, ErrorCode::kOk);
  EXPECT_FALSE(t.Has("/p"));
}

TEST(CloseSession, HasNoBodyWhenItsListIsSwitchedOff) {  // SO-2.3
  TestTreeOptions options;
  options.rules.close_session_txn = false;
  TestTree t(options);
  t.Open(kAlice);
  t.Create("/e", "", 1);
  t.Create("/f", "", 1);
  const std::string payload = t.PrepareClose(kAlice);
  EXPECT_EQ(payload.size(), 32u + Encoded(TxnDigest{}).size());
  EXPECT_EQ(t.preparer.pending().digest(),
            static_cast<uint64_t>(BodyAs<TxnDigest>(payload).tree_digest));
  const uint64_t digest = t.preparer.pending().digest();
  t.ApplyAll();
  EXPECT_EQ(t.tree.digest(), digest);
  EXPECT_FALSE(t.Has("/e"));
  EXPECT_FALSE(t.Has("/f"));
  EXPECT_TRUE(t.tree.sessions().empty());
}

TEST(CloseSession, ListsNothingRatherThanTooMuch) {
  TestTreeOptions options;
  options.rules.payload_bytes_max = 1000;
  TestTree t(options);
  t.Open(kAlice);
  for (int i = 0; i < 40; ++i) {
    t.Create("/a-rather-long-name-" + std::to_string(i), "", 1);
  }
  const std::string payload = t.PrepareClose(kAlice);
  EXPECT_LE(payload.size(), 1000u);
  EXPECT_TRUE(PathsIn(payload).empty());
  t.ApplyAll();
  EXPECT_EQ(t.tree.ephemeral_count(), 0u);
  EXPECT_EQ(t.StatOf("/").num_children, 1);
}

}  // namespace
}  // namespace lockkeeper
