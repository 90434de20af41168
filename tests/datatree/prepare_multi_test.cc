// Several operations as one transaction (client-protocol 8.2).
#include <gtest/gtest.h>

#include "datatree/prepare.h"
#include "tests/datatree/tree_test_util.h"

namespace lockkeeper {
namespace {

constexpr ErrorCode kSkipped = ErrorCode::kRuntimeInconsistency;

std::vector<SubTxn> SubTxnsIn(std::string_view payload) {
  EXPECT_EQ(TypeIn(payload), OpCode::kMulti);
  return BodyAs<MultiTxn>(payload).txns.value_or(std::vector<SubTxn>{});
}

TEST(EmptyMulti, IsATransactionLikeAnyOther) {  // CP-8.1
  TestTree t;
  const ApplyOutcome outcome = t.Run(OpCode::kMulti, Multi({}));
  EXPECT_EQ(outcome.result.error, kOk);
  EXPECT_TRUE(outcome.multi.empty());
  EXPECT_EQ(t.tree.last_zxid(), Zxid{1});
}

TEST(MultiElements, SeeEarlierOnes) {  // CP-8.4, CP-8.13
  TestTree t;
  EXPECT_EQ(t.RunMulti({{OpCode::kCreate, NewNode("/a")},
                        {OpCode::kSetData, SetDataRequest{"/a", "x", 0}},
                        {OpCode::kCheck, CheckVersionRequest{"/a", 1}},
                        {OpCode::kCreate2, NewNode("/a/s", "", 2)},
                        {OpCode::kCreate2, NewNode("/a/s", "", 2)},
                        {OpCode::kDelete, DeleteRequest{"/a/s0000000000"}},
                        {OpCode::kDelete, DeleteRequest{"/a/s0000000001"}},
                        {OpCode::kDelete, DeleteRequest{"/a", 1}}}),
            std::vector<ErrorCode>(8, kOk));
  EXPECT_FALSE(t.Has("/a"));
  EXPECT_EQ(t.preparer.pending().size(), 0u);
}

TEST(MultiElements, CannotDeleteAParentBeforeItsChild) {  // CP-8.13
  TestTree t;
  t.Create("/p");
  t.Create("/p/c");
  EXPECT_EQ(t.RunMulti(
                {{OpCode::kDelete, DeleteRequest{"/p"}}, {OpCode::kDelete, DeleteRequest{"/p/c"}}}),
            (std::vector{ErrorCode::kNotEmpty, kSkipped}));
  EXPECT_EQ(t.RunMulti(
                {{OpCode::kDelete, DeleteRequest{"/p/c"}}, {OpCode::kDelete, DeleteRequest{"/p"}}}),
            (std::vector{kOk, kOk}));
}

TEST(MultiElements, ShareZxidAndTime) {  // CP-8.5, QP-6.5
  TestTree t;
  t.Create("/old");
  const ApplyOutcome outcome =
      t.Run(OpCode::kMulti, Multi({{OpCode::kCreate, NewNode("/a")},
                                   {OpCode::kSetData, SetDataRequest{"/old", "x", -1}},
                                   {OpCode::kCreate2, NewNode("/a/b")}}));
  ASSERT_EQ(outcome.multi.size(), 3u);
  EXPECT_EQ(t.StatOf("/a").czxid, t.zxid());
  EXPECT_EQ(t.StatOf("/a").pzxid, t.zxid());
  EXPECT_EQ(t.StatOf("/old").mzxid, t.zxid());
  EXPECT_EQ(t.StatOf("/a/b").ctime, t.time());
  EXPECT_EQ(t.StatOf("/old").mtime, t.time());
}

TEST(MultiElements, ReportTheStatOfTheirMoment) {  // CP-8.2
  TestTree t;
  const ApplyOutcome outcome =
      t.Run(OpCode::kMulti, Multi({{OpCode::kCreate2, NewNode("/a", "12")},
                                   {OpCode::kSetData, SetDataRequest{"/a", "345", -1}},
                                   {OpCode::kCreate, NewNode("/a/b")}}));
  ASSERT_EQ(outcome.multi.size(), 3u);
  EXPECT_EQ(outcome.multi[0].stat.version, 0);
  EXPECT_EQ(outcome.multi[0].stat.data_length, 2);
  EXPECT_EQ(outcome.multi[0].stat.num_children, 0);
  EXPECT_EQ(outcome.multi[1].stat.version, 1);
  EXPECT_EQ(outcome.multi[1].stat.data_length, 3);
  EXPECT_EQ(outcome.multi[1].stat.num_children, 0);
  EXPECT_EQ(t.StatOf("/a").num_children, 1);
}

TEST(MultiPayload, HoldsEveryElement) {
  TestTree t;
  t.Create("/a");
  const std::string payload =
      t.Prepare(OpCode::kMulti, Multi({{OpCode::kCreate, NewNode("/b", "x", 1)},
                                       {OpCode::kCheck, CheckVersionRequest{"/a", 0}},
                                       {OpCode::kDelete, DeleteRequest{"/a"}}}));
  const std::vector<SubTxn> txns = SubTxnsIn(payload);
  ASSERT_EQ(txns.size(), 3u);
  EXPECT_EQ(txns[0].type, 1);
  EXPECT_EQ(txns[0].data, Encoded(CreateTxn{"/b", "x", OpenList(), true, 2}));
  EXPECT_EQ(txns[1].type, 13);
  EXPECT_EQ(txns[1].data, Encoded(CheckVersionTxn{"/a", 1}));  // the version + 1, as ZooKeeper
  EXPECT_EQ(txns[2].type, 2);
  EXPECT_EQ(txns[2].data, Encoded(DeleteTxn{"/a"}));
  t.ApplyAll();
}

// The record of both is the same; ZooKeeper 3.8.0 and 3.8.1 apply nothing of a multi with the
// other.
TEST(MultiPayload, InAnEnsembleCreate2IsWrittenAsCreate) {  // QP-6.9, P3
  TestTree t({.tree = {}, .rules = {.no_create2_in_multi = true}});
  const std::string payload =
      t.Prepare(OpCode::kMulti, Multi({{OpCode::kCreate2, NewNode("/b", "x")},
                                       {OpCode::kCreate2, NewNode("/s", "", 2)},
                                       {OpCode::kCreateContainer, NewNode("/c", "", 4)}}));
  const std::vector<SubTxn> txns = SubTxnsIn(payload);
  ASSERT_EQ(txns.size(), 3u);
  EXPECT_EQ(txns[0].type, 1);
  EXPECT_EQ(txns[0].data, Encoded(CreateTxn{"/b", "x", OpenList(), false, 1}));
  EXPECT_EQ(txns[1].type, 1);
  EXPECT_EQ(txns[2].type, 19);
  t.ApplyAll();
  EXPECT_TRUE(t.Has("/b") && t.Has("/s0000000001") && t.Has("/c"));
  EXPECT_EQ(TypeIn(t.Prepare(OpCode::kCreate2, NewNode("/top"))), OpCode::kCreate2);
}

// The failing element stands at every place once.
TEST(FailedMulti, IsUndoneWhereverItFails) {  // CP-8.3, CP-8.6, QP-6.5
  for (size_t bad = 0; bad < 5; ++bad) {
    TestTree t;
    t.Create("/p");
    t.Create("/p/old");
    std::vector<MultiElement> elements{
        {OpCode::kCreate, NewNode("/p/s", "", 2)},
        {OpCode::kSetData, SetDataRequest{"/p/old", "new", 0}},
        {OpCode::kDelete, DeleteRequest{"/p/old"}},
        {OpCode::kCreate, NewNode("/p/e", "", 1)},
    };
    elements.insert(elements.begin() + static_cast<int64_t>(bad),
                    {OpCode::kCheck, CheckVersionRequest{"/no", -1}});
    const std::string nodes = DumpNodes(t.tree);
    const uint64_t digest = t.tree.digest();

    const std::string payload = t.Prepare(OpCode::kMulti, Multi(elements));
    EXPECT_EQ(t.preparer.pending().size(), 0u);
    EXPECT_EQ(t.preparer.pending().digest(), digest);
    const std::vector<SubTxn> txns = SubTxnsIn(payload);
    ASSERT_EQ(txns.size(), 5u);
    std::vector<ErrorCode> expected;
    for (size_t i = 0; i < 5; ++i) {
      const ErrorCode code = i < bad ? kOk : i == bad ? ErrorCode::kNoNode : kSkipped;
      expected.push_back(code);
      EXPECT_EQ(txns[i].type, i < bad ? static_cast<int32_t>(elements[i].type) : -1);
      if (i < bad) continue;
      EXPECT_EQ(txns[i].data, Encoded(ErrorTxn{static_cast<int32_t>(code)}));
    }

    const ApplyOutcome outcome = t.ApplyAll();
    EXPECT_EQ(outcome.result.error, kOk);  // the failure is in the elements only
    ASSERT_EQ(outcome.multi.size(), 5u);
    for (size_t i = 0; i < 5; ++i) EXPECT_EQ(outcome.multi[i].error, expected[i]);
    EXPECT_TRUE(t.changes.empty());
    EXPECT_EQ(DumpNodes(t.tree), nodes);
    EXPECT_EQ(t.tree.last_zxid(), Zxid{t.zxid()});
    EXPECT_EQ(t.Run(OpCode::kCreate, NewNode("/p/s", "", 2)).result.path, "/p/s0000000001");
  }
}

TEST(FailedMulti, LeavesWhatWasInFlightBeforeIt) {
  TestTree t;
  t.Create("/p");
  t.Prepare(OpCode::kSetData, SetDataRequest{"/p", "one", -1});
  t.Prepare(OpCode::kCreate, NewNode("/p/e", "", 1));
  const uint64_t digest = t.preparer.pending().digest();
  t.Prepare(OpCode::kMulti, Multi({{OpCode::kSetData, SetDataRequest{"/p", "two", 1}},
                                   {OpCode::kDelete, DeleteRequest{"/p/e"}},
                                   {OpCode::kDelete, DeleteRequest{"/p", 2}},
                                   {OpCode::kCreate, NewNode("/p/e", "", 1)}}));
  EXPECT_EQ(t.preparer.pending().digest(), digest);
  EXPECT_EQ(t.preparer.pending().EphemeralPathsOf(kAlice), std::vector<std::string>{"/p/e"});
  const std::optional<PendingNode> p = t.preparer.pending().Find("/p");
  ASSERT_TRUE(p.has_value());
  EXPECT_EQ(p->stat.version, 1);
  EXPECT_EQ(p->child_count, 1u);
  t.Prepare(OpCode::kSetData, SetDataRequest{"/p", "three", 1});
  t.ApplyAll();
  EXPECT_EQ(t.DataOf("/p"), "three");
  EXPECT_TRUE(t.Has("/p/e"));
  EXPECT_EQ(t.preparer.pending().size(), 0u);
}

TEST(FailedMulti, RecordsAnEmptyAclAsAnElementsError) {  // CP-8.9
  TestTree t;
  EXPECT_EQ(t.RunMulti({{OpCode::kCreate, NewNode("/a", "", 0, std::vector<Acl>{})}}),
            std::vector{ErrorCode::kInvalidAcl});
}

}  // namespace
}  // namespace lockkeeper
