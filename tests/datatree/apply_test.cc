// What each transaction does to the tree, and what watches hear of it (client-protocol 7.4, 9.4;
// quorum-protocol 6.4).
#include <gtest/gtest.h>

#include "datatree/data_tree.h"
#include "datatree/owner.h"
#include "tests/datatree/tree_test_util.h"

namespace lockkeeper {
namespace {

std::string Text(const std::vector<Change>& changes) {
  std::string text;
  for (const Change& change : changes) {
    constexpr std::string_view kKinds[] = {"created ", "deleted ", "data "};
    if (!text.empty()) text += ", ";
    text += kKinds[static_cast<size_t>(change.kind)];
    text += change.path;
  }
  return text;
}

// --- stats ------------------------------------------------------------------------------------

TEST(Create, SetsTheNodesStatAndItsParents) {  // CP-7.9, CP-7.10, QP-6.2
  TestTree t;
  t.Create("/p");
  const Stat before = t.StatOf("/p");
  const int64_t p_time = t.time();
  t.Create("/p/c", "12345");
  const Stat c = t.StatOf("/p/c");
  EXPECT_EQ(c.czxid, 2);
  EXPECT_EQ(c.mzxid, 2);
  EXPECT_EQ(c.pzxid, 2);
  EXPECT_EQ(c.ctime, t.time());
  EXPECT_EQ(c.mtime, t.time());
  EXPECT_EQ(c.version + c.cversion + c.aversion + c.num_children, 0);
  EXPECT_EQ(c.data_length, 5);
  const Stat p = t.StatOf("/p");
  EXPECT_EQ(p.pzxid, 2);
  EXPECT_EQ(p.cversion, before.cversion + 1);
  EXPECT_EQ(p.num_children, 1);
  EXPECT_EQ(p.version, 0);
  EXPECT_EQ(p.mzxid, 1);
  EXPECT_EQ(p.mtime, p_time);
}

TEST(PathIn, IsThatOfASingleOperation) {
  const std::string set = PayloadOf(OpCode::kSetData, 1, SetDataTxn{"/a", "x", 1});
  EXPECT_EQ(DataTree::PathIn(set), "/a");
  EXPECT_EQ(DataTree::PathIn(PayloadOf(OpCode::kDelete, 1, DeleteTxn{"/a/b"})), "/a/b");
  EXPECT_EQ(DataTree::PathIn(""), "");
  EXPECT_EQ(DataTree::PathIn("short"), "");
  EXPECT_EQ(DataTree::PathIn(std::string_view(set).substr(0, 36)), "") << "a length and no path";
  EXPECT_EQ(DataTree::PathIn(PayloadOf(OpCode::kMulti, 1, std::string_view("\x7f\xff\xff\xff/a"))),
            "");
}

TEST(Delete, RaisesTheParentsPzxidAndVisibleCversion) {  // CP-7.10, CP-7.13, SO-3.6
  TestTree t;
  t.Create("/p");
  for (const char* path : {"/p/a", "/p/b", "/p/c"}) t.Create(path);
  EXPECT_EQ(t.StatOf("/p").cversion, 3);
  for (const char* path : {"/p/a", "/p/b", "/p/c"}) t.Delete(path);
  const Stat p = t.StatOf("/p");
  EXPECT_EQ(p.cversion, 6);
  EXPECT_EQ(p.pzxid, t.zxid());
  EXPECT_EQ(p.mzxid, 1);
  EXPECT_EQ(p.num_children, 0);
  EXPECT_EQ(t.StoredStatOf("/p").cversion, 3);
}

TEST(SetData, ChangesTheNodeOnly) {  // CP-7.11
  TestTree t;
  t.Create("/p");
  t.Create("/p/c", "one");
  const Stat parent = t.StatOf("/p");
  const ApplyOutcome outcome =
      t.Run(OpCode::kSetData, SetDataRequest{"/p/c", "one", 0});  // the same data all the same
  const Stat c = t.StatOf("/p/c");
  EXPECT_EQ(Print(outcome.result.stat), Print(c));
  EXPECT_EQ(c.version, 1);
  EXPECT_EQ(c.mzxid, t.zxid());
  EXPECT_EQ(c.mtime, t.time());
  EXPECT_EQ(c.czxid, 2);
  EXPECT_EQ(c.pzxid, 2);
  EXPECT_EQ(Print(t.StatOf("/p")), Print(parent));
}

TEST(SetAcl, RaisesTheAversionOnly) {  // CP-7.12
  TestTree t;
  t.Create("/a");
  Stat expected = t.StatOf("/a");
  const ApplyOutcome outcome = t.Run(OpCode::kSetAcl, SetAclRequest{"/a", WorldMay(31 + 32), 0});
  ++expected.aversion;
  EXPECT_EQ(Print(outcome.result.stat), Print(expected));
  EXPECT_EQ(Print(t.StatOf("/a")), Print(expected));
  EXPECT_EQ(t.AclTextOf("/a"), " 63:world:anyone");
}

TEST(Data, IsKeptNullOrEmptyAsGiven) {  // CP-1.2
  TestTree t;
  t.Create("/null", {});
  t.Create("/empty", EmptyString());
  const auto is_null = [&](std::string_view path) {
    return IsNull(t.tree.nodes().DataOf(t.tree.nodes().Lookup(path)));
  };
  EXPECT_TRUE(is_null("/null"));
  EXPECT_FALSE(is_null("/empty"));
  t.SetData("/null", EmptyString());
  t.SetData("/empty", {});
  EXPECT_FALSE(is_null("/null"));
  EXPECT_TRUE(is_null("/empty"));
  EXPECT_EQ(t.StatOf("/empty").data_length, 0);
}

TEST(CloseSession, RemovesTheSessionAndItsEphemerals) {  // CP-10.4
  TestTree t;
  t.Open(kAlice, 4000);
  t.Open(kBob, 5000);
  t.session = kAlice;
  t.Create("/p");
  t.Create("/p/e", "", 1);
  t.Create("/e", "", 3);
  t.session = kBob;
  t.Create("/p/bobs", "", 1);
  EXPECT_EQ(t.tree.sessions(), (std::map<SessionId, int32_t>{{kAlice, 4000}, {kBob, 5000}}));
  EXPECT_EQ(t.tree.EphemeralPathsOf(kAlice), (std::vector<std::string>{"/e0000000001", "/p/e"}));
  EXPECT_EQ(t.tree.ephemeral_count(), 3u);
  t.Close(kAlice);
  EXPECT_EQ(t.tree.sessions(), (std::map<SessionId, int32_t>{{kBob, 5000}}));
  EXPECT_TRUE(t.tree.EphemeralPathsOf(kAlice).empty());
  EXPECT_FALSE(t.Has("/p/e"));
  EXPECT_TRUE(t.Has("/p/bobs"));
  EXPECT_EQ(t.StatOf("/p").pzxid, t.zxid());
  EXPECT_EQ(t.StatOf("/").pzxid, t.zxid());
}

TEST(CreateSession, StoresTheTimeout) {
  TestTree t;
  t.Open(kAlice, 4000);
  t.Open(kAlice, 6000);
  EXPECT_EQ(t.tree.sessions().at(kAlice), 6000);
}

// --- changes (9.4) ----------------------------------------------------------------------------

TEST(Changes, FollowTheTableOfTriggers) {  // CP-9.8, CP-8.6
  TestTree t;
  t.Create("/p");
  EXPECT_EQ(Text(t.changes), "created /p");
  t.Do(OpCode::kCreateContainer, NewNode("/p/c", "", 4));
  EXPECT_EQ(Text(t.changes), "created /p/c");
  t.SetData("/p", "x");
  EXPECT_EQ(Text(t.changes), "data /p");
  t.SetAcl("/p", WorldMay(31));
  EXPECT_EQ(Text(t.changes), "");
  t.Do(OpCode::kDeleteContainer, PathRequest{"/p/c"});
  EXPECT_EQ(Text(t.changes), "deleted /p/c");
  t.Delete("/no");
  EXPECT_EQ(Text(t.changes), "");
  t.Open(kAlice);
  EXPECT_EQ(Text(t.changes), "");
  t.Create("/p/e1", "", 1);
  t.Create("/p/e0", "", 1);
  t.Close(kAlice);
  EXPECT_EQ(Text(t.changes), "deleted /p/e0, deleted /p/e1");
}

TEST(Changes, OfAMultiStandInTheOrderOfItsElements) {  // CP-9.23
  TestTree t;
  t.Create("/old");
  t.RunMulti({{OpCode::kCreate, NewNode("/a")},
              {OpCode::kSetData, SetDataRequest{"/old", "x", -1}},
              {OpCode::kCheck, CheckVersionRequest{"/a", 0}},
              {OpCode::kCreate, NewNode("/a/b")},
              {OpCode::kDelete, DeleteRequest{"/a/b"}}});
  EXPECT_EQ(Text(t.changes), "created /a, data /old, created /a/b, deleted /a/b");
  for (const Change& change : t.changes) EXPECT_EQ(change.zxid, Zxid{t.zxid()});
}

TEST(Changes, CarryTheAclsThatDecideWhoHearsOfThem) {  // client-protocol 9.7
  TestTree t;
  t.Create("/p", "", 0, WorldMay(30));
  t.Create("/p/c", "", 0, WorldMay(29));
  ASSERT_EQ(t.changes.size(), 1u);
  EXPECT_EQ(Text(*t.changes[0].acl), " 29:world:anyone");
  EXPECT_EQ(Text(*t.changes[0].parent_acl), " 30:world:anyone");
  t.SetAcl("/p/c", WorldMay(2));
  t.SetData("/p/c", "x");
  ASSERT_EQ(t.changes.size(), 1u);
  EXPECT_EQ(Text(*t.changes[0].acl), " 2:world:anyone");
  EXPECT_EQ(t.changes[0].parent_acl, nullptr);
  t.Delete("/p/c");
  ASSERT_EQ(t.changes.size(), 1u);
  EXPECT_EQ(Text(*t.changes[0].acl), " 2:world:anyone") << "its last one";
  EXPECT_EQ(Text(*t.changes[0].parent_acl), " 30:world:anyone");
}

TEST(Changes, AreNotListedForNobody) {
  TestTree t;
  const std::string payload = t.Prepare(OpCode::kCreate, NewNode("/a"));
  EXPECT_TRUE(t.tree.Apply(payload, nullptr).has_value());
  EXPECT_TRUE(t.Has("/a"));
}

// --- forms of other servers -------------------------------------------------------------------

TEST(CreateV0, CountsTheChildItself) {  // SO-2.3, QP-6.1
  DataTree tree({});
  const JuteVector<Acl> open = OpenList();
  for (OpCode type : {OpCode::kCreate, OpCode::kCreate2}) {
    const std::string path = type == OpCode::kCreate ? "/v0" : "/v0e";
    const int64_t zxid = type == OpCode::kCreate ? 1 : 2;
    const auto outcome = tree.Apply(
        PayloadOf(type, zxid, CreateTxnV0{path, "x", open, type == OpCode::kCreate2}), nullptr);
    ASSERT_TRUE(outcome.has_value());
    EXPECT_EQ(outcome->result.error, ErrorCode::kOk);
    EXPECT_EQ(outcome->result.path, path);
    EXPECT_FALSE(outcome->recorded_digest.has_value());
    EXPECT_EQ(tree.nodes().StatOf(NodeStore::kRoot).cversion, zxid);
    EXPECT_EQ(tree.nodes().StatOf(NodeStore::kRoot).pzxid, zxid);
  }
  EXPECT_EQ(tree.EphemeralPathsOf(kAlice), std::vector<std::string>{"/v0e"});
}

TEST(CreateV0, WorksInsideAMulti) {
  DataTree tree({});
  const std::string v0 = Encoded(CreateTxnV0{"/a", "x", OpenList(), false});
  const MultiTxn multi{std::vector<SubTxn>{{1, v0}}};
  ASSERT_TRUE(tree.Apply(PayloadOf(OpCode::kMulti, 1, multi), nullptr).has_value());
  EXPECT_NE(tree.nodes().Lookup("/a"), kNoNode);
}

TEST(Create, WithParentCversionMinusOneCountsItself) {  // QP-6.3
  DataTree tree({});
  for (int64_t zxid : {1, 2}) {
    const std::string path = "/n" + std::to_string(zxid);
    const CreateTxn txn{path, "x", OpenList(), false, -1};
    ASSERT_TRUE(tree.Apply(PayloadOf(OpCode::kCreate, zxid, txn), nullptr).has_value());
    EXPECT_EQ(tree.nodes().StatOf(NodeStore::kRoot).cversion, zxid);
  }
}

TEST(CloseSession, WithoutBodyRemovesWhatTheSessionOwns) {  // SO-2.3, QP-6.7
  TestTree t;
  t.Open(kAlice);
  t.Create("/a", "", 1);
  t.Create("/b", "", 1);
  std::vector<Change> changes;
  const auto outcome =
      t.tree.Apply(PayloadOf(OpCode::kCloseSession, 9, std::string_view()), &changes);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(Text(changes), "deleted /a, deleted /b");
  EXPECT_TRUE(t.tree.sessions().empty());
  EXPECT_EQ(t.tree.ephemeral_count(), 0u);
}

TEST(CloseSession, RemovesListedAndUnlistedNodes) {  // QP-6.7, P19
  TestTree t;
  t.Create("/listed");  // another server's log may list what is no ephemeral here
  t.Create("/unlisted", "", 1);
  const CloseSessionTxn txn{std::vector<std::string_view>{"/gone", "/listed"}};
  ASSERT_TRUE(t.tree.Apply(PayloadOf(OpCode::kCloseSession, 9, txn), nullptr).has_value());
  EXPECT_FALSE(t.Has("/listed"));
  EXPECT_FALSE(t.Has("/unlisted"));
}

TEST(CloseSession, GoesOnBehindMissingNodes) {  // QP-6.7
  TestTree t;
  t.Open(kAlice);
  t.Create("/p");
  t.Create("/p/last", "", 1);
  const CloseSessionTxn txn{
      std::vector<std::string_view>{"/p/gone", "/no/parent", "/p/last", "/p/last"}};
  std::vector<Change> changes;
  const auto outcome = t.tree.Apply(PayloadOf(OpCode::kCloseSession, 9, txn), &changes);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->result.error, ErrorCode::kOk);
  EXPECT_EQ(Text(changes), "deleted /p/last");
  EXPECT_TRUE(t.tree.sessions().empty());
  EXPECT_EQ(t.StoredStatOf("/p").pzxid, 9);
  // The rule of a delete also where nothing is left to be removed.
  const CloseSessionTxn again{std::vector<std::string_view>{"/p/gone"}};
  ASSERT_TRUE(t.tree.Apply(PayloadOf(OpCode::kCloseSession, 10, again), nullptr).has_value());
  EXPECT_EQ(t.StoredStatOf("/p").pzxid, 10);
}

// An Apache server that has applied a failed multi sends it on with other types: -1 in front of the
// records that stood there, whose first four bytes are then taken for a code (the length of "/m2").
TEST(FailedMulti, RewrittenByAnotherServerIsStillOne) {  // QP-4.11, P38
  TestTree t;
  const std::string before = DumpNodes(t.tree);
  const std::string create = Encoded(CreateTxn{"/m2", "data", OpenList(), false, 1});
  const std::string removal = Encoded(DeleteTxn{"/m2"});
  const std::string change = Encoded(SetDataTxn{"/m2", {}, 1});
  const auto code = [](ErrorCode error) { return Encoded(ErrorTxn{static_cast<int32_t>(error)}); };
  const std::string failed = code(ErrorCode::kBadVersion);
  const std::string skipped = code(ErrorCode::kRuntimeInconsistency);
  const std::string surplus = failed + "and more";
  const std::vector<SubTxn> rewritten[] = {
      {{-1, create}, {-1, failed}, {-1, skipped}},
      {{-1, removal}, {-1, surplus}, {-1, skipped}},
      {{-1, change}, {-1, failed}, {-1, skipped}},
  };
  int64_t zxid = 0;
  for (const std::vector<SubTxn>& txns : rewritten) {
    std::vector<Change> changes;
    const std::string payload = PayloadOf(OpCode::kMulti, ++zxid, MultiTxn{txns}) +
                                Encoded(TxnDigest{2, static_cast<int64_t>(t.tree.digest())});
    const auto outcome = t.tree.Apply(payload, &changes);
    ASSERT_TRUE(outcome.has_value()) << zxid;
    ASSERT_EQ(outcome->multi.size(), 3u);
    EXPECT_EQ(outcome->multi[0].error, static_cast<ErrorCode>(3));
    EXPECT_EQ(outcome->multi[1].error, ErrorCode::kBadVersion);
    EXPECT_EQ(outcome->multi[2].error, ErrorCode::kRuntimeInconsistency);
    EXPECT_TRUE(outcome->recorded_digest.has_value()) << "behind the surplus";
    EXPECT_TRUE(changes.empty());
    EXPECT_EQ(DumpNodes(t.tree), before);
    EXPECT_EQ(t.tree.last_zxid(), Zxid{zxid});
  }
}

// Replayed over what came later, it is again nothing but a zxid.
TEST(ErrorTransactions, TakeAZxidAndChangeNothing) {  // QP-6.10
  TestTree t;
  t.Open(kAlice);
  t.Create("/a", "x", 1);
  const std::string before = DumpTree(t.tree);
  for (const ErrorCode code : {ErrorCode::kNoNode, ErrorCode::kSessionExpired}) {
    for (const int64_t zxid : {3, 1}) {
      std::vector<Change> changes;
      const ErrorTxn txn{static_cast<int32_t>(code)};
      const auto outcome = t.tree.Apply(PayloadOf(OpCode::kError, zxid, txn), &changes);
      ASSERT_TRUE(outcome.has_value());
      EXPECT_EQ(outcome->result.error, code);
      EXPECT_TRUE(changes.empty());
      EXPECT_EQ(DumpTree(t.tree), before);
      EXPECT_EQ(t.tree.last_zxid(), Zxid{3});
    }
  }
}

TEST(Reconfig, IsAppliedAsSetDataWithItsVersion) {  // SO-2.3
  DataTree tree({});
  std::vector<Change> changes;
  const SetDataTxn txn{"/zookeeper/config", "server.1=...", -1};
  ASSERT_TRUE(tree.Apply(PayloadOf(OpCode::kReconfig, 3, txn), &changes).has_value());
  const NodeId config = tree.nodes().Lookup("/zookeeper/config");
  EXPECT_EQ(tree.nodes().DataOf(config), "server.1=...");
  EXPECT_EQ(tree.nodes().StatOf(config).version, -1);
  EXPECT_EQ(tree.nodes().StatOf(config).mzxid, 3);
  EXPECT_EQ(Text(changes), "data /zookeeper/config");
}

TEST(Owners, AreReadAsTheServerIsConfigured) {  // client-protocol 5.4, QP-6.8
  const auto kind_in = [](const OwnerRules& rules, const CreateTtlTxn& txn) {
    DataTree tree({.owner_rules = rules});
    EXPECT_TRUE(tree.Apply(PayloadOf(OpCode::kCreateTtl, 1, txn), nullptr).has_value());
    return std::pair(tree.ttl_nodes().size(), tree.ephemeral_count());
  };
  const CreateTtlTxn txn{"/t", "", OpenList(), 1, 1000};
  EXPECT_EQ(kind_in({.extended_types = true}, txn), std::pair(size_t{1}, size_t{0}));
  EXPECT_EQ(kind_in({.extended_types = false}, txn), std::pair(size_t{0}, size_t{1}));
}

// --- single rules of replay (storage-and-operations 3.5, quorum-protocol 6.5) -----------------

TEST(Replay, OfACreateKeepsTheNodeButTakesTheAcl) {  // SO-3.12, P20
  TestTree t;
  t.Create("/p");
  const std::string create = t.Prepare(OpCode::kCreate, NewNode("/p/a", "old", 0, WorldMay(30)));
  t.ApplyAll();
  t.SetData("/p/a", "new");
  t.SetAcl("/p/a", WorldMay(31));
  const uint64_t digest = t.tree.digest();
  std::vector<Change> changes;
  const auto outcome = t.tree.Apply(create, &changes);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->result.error, ErrorCode::kNodeExists);
  EXPECT_TRUE(changes.empty());
  EXPECT_EQ(t.DataOf("/p/a"), "new");
  EXPECT_EQ(t.AclTextOf("/p/a"), " 30:world:anyone");
  EXPECT_EQ(t.tree.digest(), digest);
  EXPECT_EQ(t.tree.last_zxid(), Zxid{t.zxid()}) << "never goes back";
}

TEST(Replay, OfACreateRaisesTheParentWhoseCountIsBehind) {  // SO-3.12, P18, for every type
  const auto create = [](OpCode type) {
    if (type == OpCode::kCreateContainer) {
      return PayloadOf(type, 9, CreateContainerTxn{"/p/a", "", OpenList(), 5});
    }
    if (type == OpCode::kCreateTtl) {
      return PayloadOf(type, 9, CreateTtlTxn{"/p/a", "", OpenList(), 5, 100});
    }
    return PayloadOf(type, 9, CreateTxn{"/p/a", "", OpenList(), false, 5});
  };
  for (OpCode type :
       {OpCode::kCreate, OpCode::kCreate2, OpCode::kCreateContainer, OpCode::kCreateTtl}) {
    TestTree t;
    t.Create("/p");
    t.Create("/p/a");
    ASSERT_TRUE(t.tree.Apply(create(type), nullptr).has_value());
    EXPECT_EQ(t.StoredStatOf("/p").cversion, 5);
    EXPECT_EQ(t.StoredStatOf("/p").pzxid, 9);
  }
}

TEST(Replay, NeverLowersTheParentsCountAndPzxid) {  // SO-3.12, QP-6.3, P18
  TestTree t;
  t.Create("/p");
  for (const char* path : {"/p/a", "/p/b", "/p/c"}) t.Create(path);
  ASSERT_TRUE(t.tree
                  .Apply(PayloadOf(OpCode::kCreate, 2, CreateTxn{"/p/z", "", OpenList(), false, 1}),
                         nullptr)
                  .has_value());
  EXPECT_EQ(t.StoredStatOf("/p").cversion, 3);
  EXPECT_EQ(t.StoredStatOf("/p").pzxid, 4);
  ASSERT_TRUE(t.tree.Apply(PayloadOf(OpCode::kDelete, 3, DeleteTxn{"/p/z"}), nullptr).has_value());
  EXPECT_EQ(t.StoredStatOf("/p").pzxid, 4);
}

TEST(Replay, OfADeleteRaisesThePzxidEvenIfTheNodeIsGone) {  // SO-3.12
  TestTree t;
  t.Create("/p");
  const auto outcome = t.tree.Apply(PayloadOf(OpCode::kDelete, 9, DeleteTxn{"/p/gone"}), nullptr);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->result.error, ErrorCode::kNoNode);
  EXPECT_EQ(t.StoredStatOf("/p").pzxid, 9);
}

TEST(Replay, IgnoresWhatIsMissing) {  // SO-3.12
  TestTree t;
  const std::string before = DumpTree(t.tree);
  const auto error_of = [&](const std::string& payload) {
    const auto outcome = t.tree.Apply(payload, nullptr);
    EXPECT_TRUE(outcome.has_value());
    return outcome ? outcome->result.error : ErrorCode::kOk;
  };
  const CreateTxn create{"/no/a", "", OpenList(), false, 1};
  EXPECT_EQ(error_of(PayloadOf(OpCode::kCreate, 1, create)), ErrorCode::kNoNode);
  EXPECT_EQ(error_of(PayloadOf(OpCode::kDelete, 2, DeleteTxn{"/no/a"})), ErrorCode::kNoNode);
  EXPECT_EQ(error_of(PayloadOf(OpCode::kSetData, 3, SetDataTxn{"/no", "", 1})), ErrorCode::kNoNode);
  EXPECT_EQ(error_of(PayloadOf(OpCode::kSetAcl, 4, SetAclTxn{"/no", OpenList(), 1})),
            ErrorCode::kNoNode);
  EXPECT_EQ(DumpTree(t.tree), before);
  EXPECT_EQ(t.tree.last_zxid(), Zxid{4});
}

TEST(Replay, OfADeleteTakesALaterIncarnationsChildrenAlong) {  // SO-3.12
  TestTree t;
  t.Create("/a");
  const std::string removal = t.Prepare(OpCode::kDelete, DeleteRequest{"/a"});
  t.ApplyAll();
  t.Create("/a");
  t.Create("/a/b");
  t.Create("/a/b/c", "", 1);
  ASSERT_TRUE(t.tree.Apply(removal, nullptr).has_value());
  EXPECT_FALSE(t.Has("/a"));
  EXPECT_EQ(t.tree.ephemeral_count(), 0u);
  EXPECT_EQ(t.tree.nodes().size(), 4u);
}

// --- what is no transaction -------------------------------------------------------------------

TEST(Undecodable, PayloadsAreReportedAndChangeNothing) {  // SO-2.3
  TestTree t;
  t.Open(kAlice);
  t.Create("/a", "x", 1);
  const std::string before = DumpTree(t.tree);
  const std::string create = Encoded(CreateTxn{"/b", "", OpenList(), false, 9});
  const std::string half(create, 0, create.size() / 2);
  const auto multi = [](std::vector<SubTxn> txns) { return Encoded(MultiTxn{std::move(txns)}); };
  const std::pair<const char*, std::string> rows[] = {
      {"nothing", ""},
      {"half a header", PayloadOf(OpCode::kDelete, 9, DeleteTxn{"/a"}).substr(0, 31)},
      {"type 3", PayloadOf(OpCode::kExists, 9, DeleteTxn{"/a"})},
      {"type 99", PayloadOf(static_cast<OpCode>(99), 9, DeleteTxn{"/a"})},
      {"half a create", PayloadOf(OpCode::kCreate, 9, std::string_view(half))},
      {"no ttl", PayloadOf(OpCode::kCreateTtl, 9, CreateContainerTxn{"/b", "", OpenList(), 1})},
      {"container without count", PayloadOf(OpCode::kCreateContainer, 9, DeleteTxn{"/b"})},
      {"delete without path", PayloadOf(OpCode::kDelete, 9, std::string_view("\0\0", 2))},
      {"setData without version", PayloadOf(OpCode::kSetData, 9, CreateResponse{"/a"})},
      {"setACL without list", PayloadOf(OpCode::kSetAcl, 9, CreateResponse{"/a"})},
      {"createSession without timeout", PayloadOf(OpCode::kCreateSession, 9, std::string_view())},
      {"error without code", PayloadOf(OpCode::kError, 9, std::string_view())},
      {"create of a path without slash",
       PayloadOf(OpCode::kCreate, 9, CreateTxn{"b", "", OpenList(), false, 9})},
      {"delete of a path without slash", PayloadOf(OpCode::kDelete, 9, DeleteTxn{"a"})},
      {"null multi", PayloadOf(OpCode::kMulti, 9, std::string_view("\xff\xff\xff\xff"))},
      {"multi with a broken last element",
       PayloadOf(OpCode::kMulti, 9, std::string_view(multi({{1, create}, {1, half}})))},
      {"multi in a multi",
       PayloadOf(OpCode::kMulti, 9, std::string_view(multi({{1, create}, {14, multi({})}})))},
      {"multi that closes a session",
       PayloadOf(OpCode::kMulti, 9, std::string_view(multi({{1, create}, {-11, ""}})))},
  };
  for (const auto& [why, payload] : rows) {
    std::vector<Change> changes;
    EXPECT_FALSE(DataTree::CanApply(payload)) << why;
    const auto outcome = t.tree.Apply(payload, &changes);
    ASSERT_FALSE(outcome.has_value()) << why;
    EXPECT_EQ(outcome.error().code, Errc::kCorruption) << why;
    EXPECT_TRUE(changes.empty()) << why;
    EXPECT_EQ(DumpTree(t.tree), before) << why;
    EXPECT_EQ(t.tree.last_zxid(), Zxid{2}) << why;
  }
}

// What is corrupt alone is corrupt as an element, and nothing of the multi is applied.
TEST(Undecodable, PathsInAMultiVoidAllOfIt) {
  const std::string good = Encoded(CreateTxn{"/b", "", OpenList(), false, 1});
  const std::pair<int32_t, std::string> rows[] = {
      {1, Encoded(CreateTxn{"b", "", OpenList(), false, 1})},
      {19, Encoded(CreateContainerTxn{"b", "", OpenList(), 1})},
      {21, Encoded(CreateTtlTxn{"b", "", OpenList(), 1, 1})},
      {2, Encoded(DeleteTxn{"b"})},
  };
  for (const auto& [type, body] : rows) {
    DataTree tree({});
    const std::string before = DumpTree(tree);
    const MultiTxn multi{std::vector<SubTxn>{{1, good}, {type, body}}};
    EXPECT_FALSE(tree.Apply(PayloadOf(OpCode::kMulti, 1, multi), nullptr).has_value()) << type;
    EXPECT_EQ(DumpTree(tree), before) << type;
  }
}

// Every transaction cut anywhere: either still one (a digest or closeSession's list is missing, a
// create has become version 0) or refused without a trace.
TEST(Undecodable, CutPayloadsChangeNothing) {
  TestTree source;
  std::vector<std::string> history;
  history.push_back(source.PrepareOpen(kAlice));
  history.push_back(source.Prepare(OpCode::kCreate, NewNode("/a", "data", 1)));
  history.push_back(source.Prepare(OpCode::kCreateContainer, NewNode("/c", "", 4)));
  history.push_back(source.Prepare(OpCode::kSetData, SetDataRequest{"/c", "longer data", -1}));
  history.push_back(source.Prepare(OpCode::kSetAcl, SetAclRequest{"/c", WorldMay(3), -1}));
  history.push_back(
      source.Prepare(OpCode::kMulti, Multi({{OpCode::kCreate, NewNode("/m", "x")},
                                            {OpCode::kSetData, SetDataRequest{"/m", "y", 0}},
                                            {OpCode::kDelete, DeleteRequest{"/c"}}})));
  history.push_back(source.Prepare(OpCode::kDelete, DeleteRequest{"/m"}));
  history.push_back(source.Prepare(OpCode::kDelete, DeleteRequest{"/m"}));  // refused
  history.push_back(source.PrepareClose(kAlice));
  for (size_t n = 0; n < history.size(); ++n) {
    DataTree tree({});
    for (size_t i = 0; i < n; ++i) ASSERT_TRUE(tree.Apply(history[i], nullptr).has_value());
    EXPECT_TRUE(DataTree::CanApply(history[n])) << n;
    const std::string before = DumpTree(tree);
    const std::string& payload = history[n];
    for (size_t length = 0; length < payload.size(); ++length) {
      std::vector<Change> changes;
      const std::string_view cut = std::string_view(payload).substr(0, length);
      const bool can_be_applied = DataTree::CanApply(cut);
      const bool applied = tree.Apply(cut, &changes).has_value();
      EXPECT_EQ(can_be_applied, applied) << n << " cut at " << length;
      if (applied) {
        const OpCode type = TypeIn(payload);
        const bool may_be_cut = type == OpCode::kCreate || type == OpCode::kCloseSession ||
                                payload.size() - length <= Encoded(TxnDigest{}).size();
        EXPECT_TRUE(may_be_cut) << n << " cut at " << length;
        break;
      }
      ASSERT_EQ(DumpTree(tree), before) << n << " cut at " << length;
      ASSERT_TRUE(changes.empty());
    }
  }
}

}  // namespace
}  // namespace lockkeeper
