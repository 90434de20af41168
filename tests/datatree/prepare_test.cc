// Which check decides (client-protocol 7.1), and what the transaction says (5, 7.9).
#include "datatree/prepare.h"

#include <gtest/gtest.h>

#include "datatree/owner.h"
#include "tests/datatree/tree_test_util.h"

namespace lockkeeper {
namespace {

TestTreeOptions WithTtl() {
  TestTreeOptions options;
  options.tree.owner_rules.extended_types = true;
  return options;
}

// A tree with one node for every reason to be refused.
//   /closed   nobody may do anything        /eph     an ephemeral
//   /readable only READ                     /full    has a child
//   /v3       data version 3, aversion 0
class Refusals : public ::testing::Test {
 protected:
  Refusals() {
    EXPECT_EQ(t.Create("/eph", "", 1), ErrorCode::kOk);
    EXPECT_EQ(t.Create("/full"), ErrorCode::kOk);
    EXPECT_EQ(t.Create("/full/child"), ErrorCode::kOk);
    EXPECT_EQ(t.Create("/v3"), ErrorCode::kOk);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(t.SetData("/v3", "x"), ErrorCode::kOk);
    EXPECT_EQ(t.Create("/readable", "", 0, WorldMay(kPermRead)), ErrorCode::kOk);
    EXPECT_EQ(t.Create("/closed"), ErrorCode::kOk);
    EXPECT_EQ(t.Create("/closed/child"), ErrorCode::kOk);
    EXPECT_EQ(t.SetAcl("/closed", WorldMay(0)), ErrorCode::kOk);
  }
  TestTree t;
};

TEST_F(Refusals, OfCreateComeInTheOrderOfTheTable) {  // CP-7.1, CP-6.1, CP-6.2, CP-6.8
  struct Row {
    const char* why;
    CreateRequest request;
    ErrorCode expected;
  };
  const JuteVector<Acl> bad_acl = std::vector<Acl>{};
  const Row rows[] = {
      {"flags before TTL, path, ACL", NewNode("foo", "", 7, bad_acl), ErrorCode::kBadArguments},
      {"negative flags", NewNode("/a", "", -1), ErrorCode::kBadArguments},
      {"flags 99", NewNode("/a", "", 99), ErrorCode::kBadArguments},
      {"TTL switched off before path", NewNode("foo", "", 5, bad_acl), ErrorCode::kUnimplemented},
      {"no slash before ACL", NewNode("foo", "", 0, bad_acl), ErrorCode::kBadArguments},
      {"empty path", NewNode("", "", 0, bad_acl), ErrorCode::kBadArguments},
      {"NUL before ACL", NewNode(std::string_view("/a\0b", 4), "", 0, bad_acl),
       ErrorCode::kBadArguments},
      {"ACL before parent", NewNode("/no/a", "", 0, bad_acl), ErrorCode::kInvalidAcl},
      {"null ACL", NewNode("/no/a", "", 0, std::nullopt), ErrorCode::kInvalidAcl},
      {"parent before full path", NewNode("/no/a/"), ErrorCode::kNoNode},
      {"double slash has no parent", NewNode("/full//q"), ErrorCode::kNoNode},
      {"dot has no child", NewNode("/full/./x"), ErrorCode::kNoNode},
      {"dot dot has no child", NewNode("/full/../x"), ErrorCode::kNoNode},
      {"permission before full path", NewNode("/closed/.."), ErrorCode::kNoAuth},
      {"permission before existence", NewNode("/closed/child"), ErrorCode::kNoAuth},
      {"trailing slash", NewNode("/full/"), ErrorCode::kBadArguments},
      {"leading double slash", NewNode("//p"), ErrorCode::kBadArguments},
      {"dot", NewNode("/full/."), ErrorCode::kBadArguments},
      {"first-level dot", NewNode("/."), ErrorCode::kBadArguments},
      {"first-level dot dot", NewNode("/.."), ErrorCode::kBadArguments},
      {"malformed UTF-8, CP-1.14", NewNode("/a\xff"), ErrorCode::kBadArguments},
      {"exists", NewNode("/full/child"), ErrorCode::kNodeExists},
      {"the root exists", NewNode("/"), ErrorCode::kNodeExists},
      {"an ephemeral again, CP-5.13", NewNode("/eph", "", 1), ErrorCode::kNodeExists},
      {"child of an ephemeral, CP-5.13", NewNode("/eph/a"), ErrorCode::kNoChildrenForEphemerals},
      {"below the configuration, CP-6.9", NewNode("/zookeeper/config/a"), ErrorCode::kNoAuth},
      {"nothing wrong", NewNode("/full/new"), ErrorCode::kOk},
  };
  for (const Row& row : rows) {
    for (OpCode op : {OpCode::kCreate, OpCode::kCreate2, OpCode::kCreateContainer}) {
      const std::string before = DumpTree(t.tree);
      EXPECT_EQ(t.Do(op, row.request), row.expected) << row.why;
      if (row.expected == ErrorCode::kOk) {
        EXPECT_EQ(t.Delete(row.request.path), ErrorCode::kOk);
      } else {
        EXPECT_EQ(DumpTree(t.tree), before) << row.why;
      }
    }
  }
}

TEST_F(Refusals, OfDeleteComeInTheOrderOfTheTable) {  // CP-7.2, CP-7.6, CP-6.5 to CP-6.7
  struct Row {
    const char* why;
    DeleteRequest request;
    ErrorCode expected;
  };
  const Row rows[] = {
      {"no slash", {"foo", 9}, ErrorCode::kBadArguments},
      {"NUL", {std::string_view("/a\0", 3), -1}, ErrorCode::kBadArguments},
      {"the root", {"/", -1}, ErrorCode::kBadArguments},
      {"/zookeeper", {"/zookeeper", -1}, ErrorCode::kBadArguments},
      {"/zookeeper/quota", {"/zookeeper/quota", -1}, ErrorCode::kBadArguments},
      {"/zookeeper/config", {"/zookeeper/config", -1}, ErrorCode::kBadArguments},
      {"parent is missing", {"/no/a", 9}, ErrorCode::kNoNode},
      {"permission before existence", {"/closed/no", 9}, ErrorCode::kNoAuth},
      {"permission on the parent", {"/closed/child", -1}, ErrorCode::kNoAuth},
      {"missing before version", {"/full/no", 9}, ErrorCode::kNoNode},
      {"other malformed paths name nothing", {"/full/", -1}, ErrorCode::kNoNode},
      {"version before children", {"/full", 9}, ErrorCode::kBadVersion},
      {"-2 is a version, CP-7.5", {"/v3", -2}, ErrorCode::kBadVersion},
      {"children", {"/full", 0}, ErrorCode::kNotEmpty},
      {"READ suffices on the node itself", {"/readable", 0}, ErrorCode::kOk},
      {"the version matches", {"/v3", 3}, ErrorCode::kOk},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(t.Do(OpCode::kDelete, row.request), row.expected) << row.why;
  }
}

TEST_F(Refusals, OfSetDataComeInTheOrderOfTheTable) {  // CP-7.3, CP-7.5, CP-6.6, CP-6.9
  struct Row {
    const char* why;
    SetDataRequest request;
    ErrorCode expected;
  };
  const Row rows[] = {
      {"null path", {{}, "x", -1}, ErrorCode::kBadArguments},
      {"empty path", {"", "x", -1}, ErrorCode::kBadArguments},
      {"malformed before missing", {"/no//a", "x", 9}, ErrorCode::kBadArguments},
      {"trailing slash", {"/full/", "x", -1}, ErrorCode::kBadArguments},
      {"missing", {"/no", "x", 9}, ErrorCode::kNoNode},
      {"permission before version", {"/closed", "x", 9}, ErrorCode::kNoAuth},
      {"READ is not WRITE", {"/readable", "x", 0}, ErrorCode::kNoAuth},
      {"the configuration", {"/zookeeper/config", "x", -1}, ErrorCode::kNoAuth},
      {"version", {"/v3", "x", 2}, ErrorCode::kBadVersion},
      {"-2 is a version", {"/v3", "x", -2}, ErrorCode::kBadVersion},
      {"the version matches", {"/v3", "x", 3}, ErrorCode::kOk},
      {"-1 matches any", {"/v3", "x", -1}, ErrorCode::kOk},
      {"the root has data too", {"/", "x", 0}, ErrorCode::kOk},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(t.Do(OpCode::kSetData, row.request), row.expected) << row.why;
  }
}

TEST_F(Refusals, OfSetAclComeInTheOrderOfTheTable) {  // CP-7.4, CP-6.6, CP-6.9
  struct Row {
    const char* why;
    SetAclRequest request;
    ErrorCode expected;
  };
  const JuteVector<Acl> empty = std::vector<Acl>{};
  const Row rows[] = {
      {"path before ACL", {"/no/", empty, 9}, ErrorCode::kBadArguments},
      {"null path", {{}, OpenList(), 9}, ErrorCode::kBadArguments},
      {"ACL before missing", {"/no", empty, 9}, ErrorCode::kInvalidAcl},
      {"missing", {"/no", OpenList(), 9}, ErrorCode::kNoNode},
      {"permission before version", {"/closed", OpenList(), 9}, ErrorCode::kNoAuth},
      {"READ is not ADMIN", {"/readable", OpenList(), 0}, ErrorCode::kNoAuth},
      {"the configuration", {"/zookeeper/config", OpenList(), -1}, ErrorCode::kNoAuth},
      {"the data version does not count", {"/v3", OpenList(), 3}, ErrorCode::kBadVersion},
      {"the aversion does", {"/v3", OpenList(), 0}, ErrorCode::kOk},
      {"and has grown", {"/v3", OpenList(), 1}, ErrorCode::kOk},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(t.Do(OpCode::kSetAcl, row.request), row.expected) << row.why;
  }
}

TEST_F(Refusals, OfCheckComeInTheOrderOfTheTable) {  // CP-8.7
  EXPECT_EQ(t.SetAcl("/full", WorldMay(kPermWrite)), ErrorCode::kOk);
  struct Row {
    const char* why;
    CheckVersionRequest request;
    ErrorCode expected;
  };
  const Row rows[] = {
      {"path before missing", {"/no/", 9}, ErrorCode::kBadArguments},
      {"missing", {"/no", -1}, ErrorCode::kNoNode},
      {"READ before version", {"/full", 9}, ErrorCode::kNoAuth},
      {"version", {"/v3", 2}, ErrorCode::kBadVersion},
      {"-2 is a version", {"/v3", -2}, ErrorCode::kBadVersion},
      {"the version matches", {"/v3", 3}, ErrorCode::kOk},
      {"-1 only asks for existence", {"/readable", -1}, ErrorCode::kOk},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(t.RunMulti({{OpCode::kCheck, row.request}}), std::vector{row.expected}) << row.why;
  }
}

TEST_F(Refusals, DoNotBindTheSuperUserExceptReservedNodesAndVersions) {  // CP-6.7, CP-6.9, CP-7.20
  t.identities = {{"super", ""}};
  EXPECT_EQ(t.Create("/closed/new"), ErrorCode::kOk);
  EXPECT_EQ(t.SetData("/closed", "x"), ErrorCode::kOk);
  EXPECT_EQ(t.SetData("/zookeeper/config", "x"), ErrorCode::kOk);
  EXPECT_EQ(t.SetAcl("/zookeeper/config", WorldMay(kPermAll)), ErrorCode::kOk);
  EXPECT_EQ(t.Delete("/zookeeper/config"), ErrorCode::kBadArguments);
  EXPECT_EQ(t.Delete("/v3", 1), ErrorCode::kBadVersion);
  EXPECT_EQ(t.SetAcl("/v3", std::vector<Acl>{Entry(31, "super", "")}), ErrorCode::kInvalidAcl);
}

TEST_F(Refusals, LeaveARecordWithTheCodeAndNoDigest) {  // CP-3.4, SO-2.4, QP-5.8, P2
  const std::string payload = t.Prepare(OpCode::kDelete, DeleteRequest{"/no"});
  EXPECT_EQ(payload,
            Encoded(TxnHeader{kAlice.value, 42, t.zxid(), t.time(), -1}) + Encoded(ErrorTxn{-101}));
  EXPECT_EQ(t.ApplyAll().result.error, ErrorCode::kNoNode);
  EXPECT_EQ(t.tree.last_zxid(), Zxid{t.zxid()});
}

TEST(Reconfig, IsDisabledOrNotThereOnOneServer) {  // CP-4.9
  TestTree off;
  EXPECT_EQ(off.Do(OpCode::kReconfig, ReconfigRequest{}), ErrorCode::kReconfigDisabled);
  TestTreeOptions options;
  options.rules.reconfig_enabled = true;
  TestTree on(options);
  EXPECT_EQ(on.Do(OpCode::kReconfig, ReconfigRequest{}), ErrorCode::kUnimplemented);
}

// --- kinds of nodes (5.2) ---------------------------------------------------------------------

struct KindRow {
  OpCode op;
  int32_t flags;
  bool extended_types;
  ErrorCode error;
  OpCode txn_type;
  OwnerKind kind;
  bool sequential;
};

void PrintTo(const KindRow& row, std::ostream* out) {
  *out << "op " << static_cast<int32_t>(row.op) << " flags " << row.flags
       << (row.extended_types ? " extended" : "");
}

void ExpectKind(const KindRow& row, const TestTree& t, const ApplyOutcome& outcome,
                const OpResult& result) {
  ASSERT_EQ(result.error, row.error);
  if (row.error != ErrorCode::kOk) return;
  EXPECT_EQ(result.type, row.txn_type);
  EXPECT_EQ(result.path, row.sequential ? "/n0000000000" : "/n");
  const NodeStat stat = t.StoredStatOf(result.path);
  EXPECT_EQ(KindOfOwner(t.tree.owner_rules(), stat.owner), row.kind);
  const int64_t shown = row.kind == OwnerKind::kSession ? kAlice.value : 0;  // CP-5.8, CP-5.14
  EXPECT_EQ(result.stat.ephemeral_owner, shown);
  EXPECT_EQ(stat.czxid, outcome.header.zxid);  // CP-7.9
  EXPECT_EQ(stat.mzxid, outcome.header.zxid);
  EXPECT_EQ(stat.pzxid, outcome.header.zxid);
  EXPECT_EQ(stat.ctime, outcome.header.time);
  EXPECT_EQ(stat.mtime, outcome.header.time);
  EXPECT_EQ(stat.version + stat.cversion + stat.aversion, 0);
}

RequestBody CreateBody(OpCode op, int32_t flags) {
  if (op == OpCode::kCreateTtl) return NewTtlNode("/n", 500, flags);
  return NewNode("/n", "data", flags);
}
MultiElementBody ElementBody(OpCode op, int32_t flags) {
  if (op == OpCode::kCreateTtl) return NewTtlNode("/n", 500, flags);
  return NewNode("/n", "data", flags);
}

class TopLevelCreate : public ::testing::TestWithParam<KindRow> {};

TEST_P(TopLevelCreate, MakesTheKindOfTheTable) {  // CP-5.1, CP-5.5, CP-5.7, CP-5.12
  const KindRow& row = GetParam();
  TestTree t(row.extended_types ? WithTtl() : TestTreeOptions{});
  const ApplyOutcome outcome = t.Run(row.op, CreateBody(row.op, row.flags));
  ExpectKind(row, t, outcome, outcome.result);
}

constexpr ErrorCode kBad = ErrorCode::kBadArguments;
constexpr ErrorCode kOff = ErrorCode::kUnimplemented;
constexpr OpCode kC = OpCode::kCreate;
constexpr OpCode kC2 = OpCode::kCreate2;
constexpr OpCode kCc = OpCode::kCreateContainer;
constexpr OpCode kCt = OpCode::kCreateTtl;
constexpr OwnerKind kPlain = OwnerKind::kNone;
constexpr OwnerKind kEphemeral = OwnerKind::kSession;
constexpr OwnerKind kContainer = OwnerKind::kContainer;
constexpr OwnerKind kTtl = OwnerKind::kTtl;

INSTANTIATE_TEST_SUITE_P(
    Table52, TopLevelCreate,
    ::testing::Values(
        KindRow{kC, 0, false, kOk, kC, kPlain, false},
        KindRow{kC, 1, false, kOk, kC, kEphemeral, false},
        KindRow{kC, 2, false, kOk, kC, kPlain, true},
        KindRow{kC, 3, false, kOk, kC, kEphemeral, true},
        KindRow{kC, 4, false, kOk, kC, kPlain, false}, KindRow{kC, 5, false, kOff},
        KindRow{kC, 6, false, kOff}, KindRow{kC, 5, true, kBad}, KindRow{kC, 6, true, kBad},
        KindRow{kC, -1, true, kBad}, KindRow{kC, 7, true, kBad},
        KindRow{kC2, 0, false, kOk, kC2, kPlain, false},
        KindRow{kC2, 1, false, kOk, kC2, kEphemeral, false},
        KindRow{kC2, 3, false, kOk, kC2, kEphemeral, true},
        KindRow{kC2, 4, false, kOk, kC2, kPlain, false}, KindRow{kC2, 5, false, kOff},
        KindRow{kC2, 6, true, kBad}, KindRow{kCc, 4, false, kOk, kCc, kContainer, false},
        KindRow{kCc, 0, false, kOk, kCc, kContainer, false},
        KindRow{kCc, 1, false, kOk, kCc, kContainer, false},
        KindRow{kCc, 2, false, kOk, kCc, kContainer, true},
        KindRow{kCc, 3, false, kOk, kCc, kContainer, true}, KindRow{kCc, 5, false, kOff},
        KindRow{kCc, 6, false, kOff}, KindRow{kCc, 5, true, kBad}, KindRow{kCc, 99, true, kBad},
        KindRow{kCt, 5, true, kOk, kCt, kTtl, false}, KindRow{kCt, 6, true, kOk, kCt, kTtl, true},
        KindRow{kCt, 5, false, kOff}, KindRow{kCt, 6, false, kOff}, KindRow{kCt, 0, true, kBad},
        KindRow{kCt, 3, false, kBad}, KindRow{kCt, 4, true, kBad}, KindRow{kCt, 7, true, kBad}));

class CreateInMulti : public ::testing::TestWithParam<KindRow> {};

TEST_P(CreateInMulti, MakesTheKindOfTheTable) {  // client-protocol 8.3
  const KindRow& row = GetParam();
  TestTree t(row.extended_types ? WithTtl() : TestTreeOptions{});
  const ApplyOutcome outcome =
      t.Run(OpCode::kMulti, Multi({{row.op, ElementBody(row.op, row.flags)}}));
  ASSERT_EQ(outcome.multi.size(), 1u);
  ExpectKind(row, t, outcome, outcome.multi[0]);
}

INSTANTIATE_TEST_SUITE_P(Table83, CreateInMulti,
                         ::testing::Values(KindRow{kC, 0, false, kOk, kC, kPlain, false},
                                           KindRow{kC, 3, false, kOk, kC, kEphemeral, true},
                                           KindRow{kC, 4, false, kOk, kCc, kContainer, false},
                                           KindRow{kC2, 2, false, kOk, kC2, kPlain, true},
                                           KindRow{kC2, 4, false, kOk, kCc, kContainer, false},
                                           KindRow{kCc, 0, false, kOk, kCc, kContainer, false},
                                           KindRow{kCc, 3, false, kOk, kCc, kContainer, true},
                                           KindRow{kCc, 4, false, kOk, kCc, kContainer, false},
                                           KindRow{kCt, 5, true, kOk, kCt, kTtl, false},
                                           KindRow{kCt, 6, true, kOk, kCt, kTtl, true},
                                           KindRow{kCt, 5, false, kOff},
                                           KindRow{kCt, 0, false, kOk, kC, kPlain, false},
                                           KindRow{kCt, 1, true, kOk, kC, kEphemeral, false},
                                           KindRow{kCt, 2, false, kOk, kC, kPlain, true},
                                           KindRow{kCt, 4, false, kOk, kCc, kContainer, false},
                                           KindRow{kCt, 7, true, kBad},
                                           KindRow{kCt, -1, true, kBad}));

TEST(CreateTtl, TakesTtlsFromOneTo40Bits) {  // CP-5.6, CP-5.7, CP-13.5, QP-6.8
  TestTree t(WithTtl());
  const auto create = [&](int64_t ttl_ms, int32_t flags) {
    return t.Do(OpCode::kCreateTtl, NewTtlNode("/t", ttl_ms, flags));
  };
  for (int64_t ttl_ms : {int64_t{0}, int64_t{-1}, int64_t{1} << 40}) {
    EXPECT_EQ(create(ttl_ms, 5), ErrorCode::kBadArguments) << ttl_ms;
  }
  for (int32_t flags : {0, 1, 2, 3, 4}) EXPECT_EQ(create(-1, flags), ErrorCode::kBadArguments);
  for (int64_t ttl_ms : {int64_t{1}, (int64_t{1} << 40) - 1}) {
    EXPECT_EQ(create(ttl_ms, 5), ErrorCode::kOk);
    EXPECT_EQ(TtlMsOf(t.StoredStatOf("/t").owner), ttl_ms);
    EXPECT_EQ(t.Delete("/t"), ErrorCode::kOk);
  }
  EXPECT_TRUE(t.tree.ttl_nodes().empty());
}

// --- sequence numbers (5.3) -------------------------------------------------------------------

TEST(SequenceNumbers, AreTheParentsCreationCounter) {  // CP-5.2 to CP-5.4, CP-7.13, QP-6.4
  TestTree t;
  const auto sequential = [&](std::string_view prefix, int32_t flags = 2) {
    const ApplyOutcome outcome = t.Run(OpCode::kCreate, NewNode(prefix, "", flags));
    EXPECT_EQ(outcome.result.error, ErrorCode::kOk);
    return outcome.result.path;
  };
  EXPECT_EQ(sequential("/"), "/0000000000");
  EXPECT_EQ(t.Create("/p"), ErrorCode::kOk);
  EXPECT_EQ(sequential("/p/"), "/p/0000000000");
  EXPECT_EQ(sequential("/p/x-"), "/p/x-0000000001");
  EXPECT_EQ(sequential("/p/x-", 3), "/p/x-0000000002");
  EXPECT_EQ(t.Create("/p/plain"), ErrorCode::kOk);
  EXPECT_EQ(t.Create("/p/plain"), ErrorCode::kNodeExists);
  EXPECT_EQ(t.Delete("/p/plain"), ErrorCode::kOk);
  EXPECT_EQ(sequential("/p/y"), "/p/y0000000004");
  EXPECT_EQ(t.StatOf("/p").cversion, 2 * 5 - 4);
  EXPECT_EQ(t.StatOf("/p").num_children, 4);
  // A new incarnation starts again.
  for (const char* child :
       {"/p/0000000000", "/p/x-0000000001", "/p/x-0000000002", "/p/y0000000004"}) {
    EXPECT_EQ(t.Delete(child), ErrorCode::kOk);
  }
  EXPECT_EQ(t.Delete("/p"), ErrorCode::kOk);
  EXPECT_EQ(t.Create("/p"), ErrorCode::kOk);
  EXPECT_EQ(sequential("/p/"), "/p/0000000000");
}

TEST(SequenceNumbers, CountCreatesInFlight) {
  TestTree t;
  t.Prepare(OpCode::kCreate, NewNode("/s", "", 2));
  t.Prepare(OpCode::kCreate, NewNode("/s", "", 2));
  t.Prepare(OpCode::kDelete, DeleteRequest{"/s0000000000"});
  t.Prepare(OpCode::kCreate, NewNode("/s", "", 2));
  EXPECT_EQ(t.ApplyAll().result.path, "/s0000000002");
}

TEST(SequenceNumbers, StopAtTheLastInt) {  // QP-6.4
  TestTree t;
  // A log whose parent has counted that far.
  ASSERT_TRUE(t.tree
                  .Apply(PayloadOf(OpCode::kCreate, 1,
                                   CreateTxn{"/a", "", OpenList(), false,
                                             std::numeric_limits<int32_t>::max()}),
                         nullptr)
                  .has_value());
  EXPECT_EQ(t.Run(OpCode::kCreate, NewNode("/s", "", 2)).result.path, "/s2147483647");
  EXPECT_EQ(t.Create("/s", "", 2), ErrorCode::kNodeExists);
  EXPECT_EQ(t.StoredStatOf("/").cversion, std::numeric_limits<int32_t>::max());
  EXPECT_EQ(t.Create("/plain"), ErrorCode::kOk);
}

// --- what the transactions carry (7.9) --------------------------------------------------------

TEST(Transactions, CarryWhatTheTableSays) {  // SO-2.3, QP-6.1
  TestTree t(WithTtl());
  t.identities = {{"digest", "bob:hash"}, {"ip", "1.2.3.4"}};
  const JuteVector<Acl> auth = std::vector<Acl>{Entry(5, "auth", "ignored")};
  const JuteVector<Acl> expanded = std::vector<Acl>{Entry(5, "digest", "bob:hash")};
  const auto digest = [&] {
    return Encoded(TxnDigest{2, static_cast<int64_t>(t.preparer.pending().digest())});
  };
  const auto head = [&](OpCode type) {
    return Encoded(TxnHeader{kAlice.value, 42, t.zxid(), t.time(), static_cast<int32_t>(type)});
  };
  std::string got = t.Prepare(OpCode::kCreate, NewNode("/a", "d", 1, auth));
  EXPECT_EQ(got,
            head(OpCode::kCreate) + Encoded(CreateTxn{"/a", "d", expanded, true, 1}) + digest());
  got = t.Prepare(OpCode::kCreate2, NewNode("/b", {}, 2));
  EXPECT_EQ(got, head(OpCode::kCreate2) +
                     Encoded(CreateTxn{"/b0000000001", {}, OpenList(), false, 2}) + digest());
  got = t.Prepare(OpCode::kCreateContainer, NewNode("/c", "", 4));
  EXPECT_EQ(got, head(OpCode::kCreateContainer) +
                     Encoded(CreateContainerTxn{"/c", EmptyString(), OpenList(), 3}) + digest());
  got = t.Prepare(OpCode::kCreateTtl, NewTtlNode("/t", 900));
  EXPECT_EQ(got, head(OpCode::kCreateTtl) +
                     Encoded(CreateTtlTxn{"/t", EmptyString(), OpenList(), 4, 900}) + digest());
  got = t.Prepare(OpCode::kSetData, SetDataRequest{"/c", "new", 0});
  EXPECT_EQ(got, head(OpCode::kSetData) + Encoded(SetDataTxn{"/c", "new", 1}) + digest());
  got = t.Prepare(OpCode::kSetAcl, SetAclRequest{"/c", auth, -1});
  EXPECT_EQ(got, head(OpCode::kSetAcl) + Encoded(SetAclTxn{"/c", expanded, 1}) + digest());
  got = t.Prepare(OpCode::kDelete, DeleteRequest{"/t"});
  EXPECT_EQ(got, head(OpCode::kDelete) + Encoded(DeleteTxn{"/t"}) + digest());
  got = t.PrepareClose(kAlice);
  EXPECT_EQ(got, head(OpCode::kCloseSession) +
                     Encoded(CloseSessionTxn{std::vector<std::string_view>{"/a"}}) + digest());
  got = t.PrepareOpen(kBob, 12345);
  EXPECT_EQ(got, Encoded(TxnHeader{kBob.value, 42, t.zxid(), t.time(), -10}) +
                     Encoded(CreateSessionTxn{12345}) + digest());
  t.ApplyAll();
  EXPECT_EQ(t.preparer.pending().size(), 0u);
}

TEST(Transactions, CarryNoDigestWhenItIsSwitchedOff) {
  TestTreeOptions options;
  options.tree.digest_enabled = false;
  TestTree t(options);
  EXPECT_EQ(BodyIn(t.Prepare(OpCode::kSetData, SetDataRequest{"/", "x", -1})),
            Encoded(SetDataTxn{"/", "x", 1}));
  EXPECT_FALSE(t.ApplyAll().recorded_digest.has_value());
  EXPECT_EQ(t.tree.digest(), 0u);
  EXPECT_TRUE(t.tree.digest_history().empty());
}

TEST(Transactions, ThatNobodyCouldReadAreRefusedAndUndone) {
  // "auth" stands for all identities: a short request asks for a long record.
  TestTreeOptions options;
  options.rules.payload_bytes_max = 400;
  TestTree t(options);
  for (int i = 0; i < 40; ++i) t.identities.push_back({"digest", "u:" + std::to_string(i)});
  const JuteVector<Acl> auth = std::vector<Acl>{Entry(31, "auth", "")};
  t.Prepare(OpCode::kCreate, NewNode("/before", "", 2));
  const uint64_t digest = t.preparer.pending().digest();
  const size_t pending = t.preparer.pending().size();
  EXPECT_EQ(ErrorIn(t.Prepare(OpCode::kCreate, NewNode("/long", "", 0, auth))),
            ErrorCode::kBadArguments);
  EXPECT_EQ(
      ErrorIn(t.Prepare(OpCode::kMulti, Multi({{OpCode::kCreate, NewNode("/x", "", 2)},
                                               {OpCode::kCreate, NewNode("/long", "", 0, auth)}}))),
      ErrorCode::kBadArguments);
  EXPECT_EQ(t.preparer.pending().digest(), digest);
  EXPECT_EQ(t.preparer.pending().size(), pending);
  t.Prepare(OpCode::kCreate, NewNode("/after", "", 2));
  EXPECT_EQ(t.ApplyAll().result.path, "/after0000000001");
  EXPECT_FALSE(t.Has("/long"));
}

TEST(Transactions, ThatRefuseTheirMultiAreKeptEvenIfTooLong) {
  // The refusal of a long multi must itself be short.
  TestTreeOptions options;
  options.rules.payload_bytes_max = 200;
  TestTree t(options);
  std::vector<MultiElement> elements;
  for (int i = 0; i < 50; ++i) elements.push_back({OpCode::kDelete, DeleteRequest{"/no"}});
  const std::string payload = t.Prepare(OpCode::kMulti, Multi(std::move(elements)));
  EXPECT_LE(payload.size(), 200u);
  EXPECT_EQ(ErrorIn(payload), ErrorCode::kBadArguments);
  t.ApplyAll();
}

// --- quotas (storage-and-operations 9.3) ------------------------------------------------------

class Quota : public ::testing::Test {
 protected:
  void SetLimits(TestTree& t, std::string_view limits, bool with_stats = true) {
    EXPECT_EQ(t.Create("/q", "1234"), ErrorCode::kOk);
    EXPECT_EQ(t.Create("/zookeeper/quota/q"), ErrorCode::kOk);
    EXPECT_EQ(t.Create("/zookeeper/quota/q/zookeeper_limits", limits), ErrorCode::kOk);
    if (with_stats) {
      EXPECT_EQ(t.Create("/zookeeper/quota/q/zookeeper_stats"), ErrorCode::kOk);
    }
  }
  static TestTreeOptions Enforced() {
    TestTreeOptions options;
    options.rules.enforce_quota = true;
    return options;
  }
};

TEST_F(Quota, HardLimitsRefuse) {  // CP-7.21, SO-9.2
  TestTree t(Enforced());
  SetLimits(t, "count=1,bytes=1=;byteHardLimit=10;countHardLimit=2");
  EXPECT_EQ(t.Create("/q/a", "1234567"), ErrorCode::kQuotaExceeded);  // 11 bytes
  EXPECT_EQ(t.Create("/q/a", "123456"), ErrorCode::kOk);              // 10 bytes, 2 nodes
  EXPECT_EQ(t.Create("/q/b"), ErrorCode::kQuotaExceeded);
  EXPECT_EQ(t.SetData("/q", "12345"), ErrorCode::kQuotaExceeded);
  EXPECT_EQ(t.SetData("/q", "abcd"), ErrorCode::kOk) << "the same size";
  EXPECT_EQ(t.SetData("/q", "12345", 99), ErrorCode::kQuotaExceeded) << "before the version";
  EXPECT_EQ(t.SetData("/q", ""), ErrorCode::kOk);
  EXPECT_EQ(t.SetData("/q/a", "1234567890"), ErrorCode::kOk);
  EXPECT_EQ(
      t.RunMulti({{OpCode::kDelete, DeleteRequest{"/q/a"}}, {OpCode::kCreate, NewNode("/q/c")}}),
      (std::vector{ErrorCode::kOk, ErrorCode::kQuotaExceeded}))
      << "against the applied statistics";
  t.identities = {{"super", ""}};
  EXPECT_EQ(t.Create("/q/b"), ErrorCode::kQuotaExceeded);
  EXPECT_EQ(t.Create("/qq", "far too long for the quota"), ErrorCode::kOk);
}

TEST_F(Quota, SoftLimitsNeverRefuse) {  // CP-7.21, SO-9.2
  TestTree t(Enforced());
  SetLimits(t, "count=1,bytes=1");
  EXPECT_EQ(t.Create("/q/a", "1234567"), ErrorCode::kOk);
}

TEST_F(Quota, IsOnlyEnforcedWhenSwitchedOn) {  // SO-9.2
  TestTree t;
  SetLimits(t, "count=-1,bytes=-1=;byteHardLimit=1;countHardLimit=1");
  EXPECT_EQ(t.Create("/q/a", "1234567"), ErrorCode::kOk);
}

TEST_F(Quota, IsNotEnforcedWithoutItsStatistics) {
  TestTree t(Enforced());
  SetLimits(t, "count=-1,bytes=-1=;byteHardLimit=1;countHardLimit=1", false);
  EXPECT_EQ(t.Create("/q/a", "1234567"), ErrorCode::kOk);
}

TEST_F(Quota, WithUnreadableLimitsRefusesWrites) {  // client-protocol 6.3
  TestTree t(Enforced());
  SetLimits(t, "count=many");
  EXPECT_EQ(t.Create("/q/a"), ErrorCode::kMarshallingError);
  EXPECT_EQ(t.SetData("/q", "x"), ErrorCode::kMarshallingError);
  EXPECT_EQ(t.Delete("/q"), ErrorCode::kOk);
}

TEST_F(Quota, OfTheLongestPathApplies) {
  TestTree t(Enforced());
  SetLimits(t, "count=-1,bytes=-1=;countHardLimit=1");
  ASSERT_EQ(t.Create("/zookeeper/quota/q/in"), ErrorCode::kOk);
  ASSERT_EQ(t.Create("/zookeeper/quota/q/in/zookeeper_limits", "count=-1,bytes=-1"),
            ErrorCode::kOk);
  ASSERT_EQ(t.Create("/zookeeper/quota/q/in/zookeeper_stats"), ErrorCode::kOk);
  EXPECT_EQ(t.Create("/q/out"), ErrorCode::kQuotaExceeded);
  EXPECT_EQ(t.Create("/q/in"), ErrorCode::kOk) << "the quota of /q/in itself allows it";
}

// --- removal of containers (5.5) --------------------------------------------------------------

TEST(DeleteContainer, ChecksAgain) {  // CP-5.10
  TestTree t;
  t.identities = {};
  const auto remove = [&](std::string_view path) {
    return t.Do(OpCode::kDeleteContainer, PathRequest{path});
  };
  EXPECT_EQ(t.Create("/eph", "", 1), ErrorCode::kOk);
  EXPECT_EQ(t.Do(OpCode::kCreateContainer, NewNode("/c", "", 4)), ErrorCode::kOk);
  EXPECT_EQ(t.Create("/c/child"), ErrorCode::kOk);
  EXPECT_EQ(remove("foo"), ErrorCode::kBadArguments);
  EXPECT_EQ(remove("/"), ErrorCode::kBadArguments);
  EXPECT_EQ(remove("/zookeeper/quota"), ErrorCode::kBadArguments);
  EXPECT_EQ(remove("/no"), ErrorCode::kNoNode);
  EXPECT_EQ(remove("/c"), ErrorCode::kNotEmpty);
  EXPECT_EQ(remove("/eph"), ErrorCode::kBadVersion);
  EXPECT_EQ(t.Delete("/c/child"), ErrorCode::kOk);
  // No permission is asked for: it is the server that removes.
  EXPECT_EQ(t.SetAcl("/", WorldMay(kPermRead)), ErrorCode::kOk);
  const int64_t before = t.StoredStatOf("/").cversion;
  EXPECT_EQ(remove("/c"), ErrorCode::kOk);
  EXPECT_FALSE(t.Has("/c"));
  EXPECT_EQ(t.StoredStatOf("/").cversion, before);
  EXPECT_EQ(t.StoredStatOf("/").pzxid, t.zxid());
  EXPECT_TRUE(t.tree.containers().empty());
}

TEST(DeleteContainer, SparesAnotherKindOfNodeThatHasThePathNow) {  // CP-5.10
  TestTree t;
  EXPECT_EQ(t.Create("/plain"), ErrorCode::kOk);
  EXPECT_EQ(t.Do(OpCode::kDeleteContainer, PathRequest{"/plain"}), ErrorCode::kBadVersion);
  EXPECT_TRUE(t.Has("/plain"));
}

TEST(DeleteContainer, LosesTheRaceAgainstAChildInFlight) {
  TestTree t;
  EXPECT_EQ(t.Do(OpCode::kCreateContainer, NewNode("/c", "", 4)), ErrorCode::kOk);
  t.Prepare(OpCode::kCreate, NewNode("/c/child"));
  EXPECT_EQ(ErrorIn(t.Prepare(OpCode::kDeleteContainer, PathRequest{"/c"})), ErrorCode::kNotEmpty);
  t.ApplyAll();
  EXPECT_TRUE(t.Has("/c/child"));
}

}  // namespace
}  // namespace lockkeeper
