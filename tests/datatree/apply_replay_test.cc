// Replay over a state that already holds later changes, as a snapshot does that was taken while
// writes went on (storage-and-operations 3.5, quorum-protocol 6.5).
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "datatree/data_tree.h"
#include "tests/datatree/random_history.h"
#include "tests/datatree/tree_test_util.h"

namespace lockkeeper {
namespace {

void ApplyRange(const std::vector<std::string>& payloads, size_t begin, size_t end,
                DataTree* tree) {
  for (size_t i = begin; i < end; ++i) {
    ASSERT_TRUE(tree->Apply(payloads[i], nullptr).has_value()) << PrintBytes(payloads[i]);
  }
}

std::string FinalState(const std::vector<std::string>& payloads) {
  DataTree tree(HistoryOptions());
  ApplyRange(payloads, 0, payloads.size(), &tree);
  return DumpTree(tree);
}

class RandomReplay : public ::testing::TestWithParam<uint64_t> {};

TEST_P(RandomReplay, OfTheWholeHistoryOverItselfChangesNothing) {  // SO-3.12, QP-6.6
  const std::vector<std::string> payloads = RandomPayloads(GetParam());
  DataTree tree(HistoryOptions());
  ApplyRange(payloads, 0, payloads.size(), &tree);
  const std::string expected = DumpTree(tree);
  for (int round = 0; round < 2; ++round) {
    ApplyRange(payloads, 0, payloads.size(), &tree);
    ASSERT_EQ(DumpTree(tree), expected);
    ASSERT_EQ(tree.last_zxid(), Zxid{static_cast<int64_t>(payloads.size())});
  }
}

TEST_P(RandomReplay, OfAnySuffixOverAnyLaterStateConverges) {  // SO-3.12, QP-6.6
  const std::vector<std::string> payloads = RandomPayloads(GetParam());
  const std::string expected = FinalState(payloads);
  RandomRequests random(GetParam() + 1000);
  for (int round = 0; round < 20; ++round) {
    const size_t from = random.Below(payloads.size());
    const size_t ahead = from + random.Below(payloads.size() - from + 1);
    DataTree tree(HistoryOptions());
    ApplyRange(payloads, 0, ahead, &tree);
    ApplyRange(payloads, from, payloads.size(), &tree);
    ASSERT_EQ(DumpTree(tree), expected) << "replayed from " << from << " over " << ahead;
  }
}

// --- one subtree ahead of the others ----------------------------------------------------------

bool IsIn(std::string_view subtree, std::string_view path) {
  return path == subtree || path.starts_with(std::string(subtree) + "/");
}

std::string_view FirstPathIn(std::string_view body) {
  return Decode<PathRequest>(body)->path;  // every body starts with its path
}

// What a transaction does below `subtree`, as transactions of the same zxid.
std::vector<std::string> PartIn(std::string_view subtree, std::string_view payload) {
  const TxnHeader header = HeaderIn(payload);
  const auto part = [&](int32_t type, std::string_view body) {
    return PayloadOf(static_cast<OpCode>(type), header.zxid, body, SessionId{header.client_id},
                     header.time);
  };
  std::vector<std::string> parts;
  switch (static_cast<OpCode>(header.type)) {
    case OpCode::kError:
    case OpCode::kCreateSession:
      break;
    case OpCode::kCloseSession: {
      const auto txn = BodyAs<CloseSessionTxn>(payload);
      for (std::string_view path : txn.paths_to_delete.value_or(std::vector<std::string_view>{})) {
        if (IsIn(subtree, path)) parts.push_back(part(2, Encoded(DeleteTxn{path})));
      }
      break;
    }
    case OpCode::kMulti: {
      const auto txn = BodyAs<MultiTxn>(payload);
      for (const SubTxn& sub : txn.txns.value_or(std::vector<SubTxn>{})) {
        if (sub.type == -1) return {};
        if (IsIn(subtree, FirstPathIn(sub.data))) parts.push_back(part(sub.type, sub.data));
      }
      break;
    }
    default:
      if (IsIn(subtree, FirstPathIn(BodyIn(payload)))) {
        parts.push_back(part(header.type, BodyIn(payload)));
      }
  }
  return parts;
}

TEST_P(RandomReplay, OverAStateWithOneSubtreeAheadConverges) {  // SO-3.12, QP-6.6
  const std::vector<std::string> payloads = RandomPayloads(GetParam());
  const std::string expected = FinalState(payloads);
  RandomRequests random(GetParam() + 2000);
  for (int round = 0; round < 20; ++round) {
    const size_t from = random.Below(payloads.size());
    const size_t ahead = from + random.Below(payloads.size() - from + 1);
    DataTree tree(HistoryOptions());
    ApplyRange(payloads, 0, from, &tree);
    for (size_t i = from; i < ahead; ++i) {
      const std::vector<std::string> parts = PartIn("/a", payloads[i]);
      ApplyRange(parts, 0, parts.size(), &tree);
    }
    ApplyRange(payloads, from, payloads.size(), &tree);
    ASSERT_EQ(DumpTree(tree), expected) << "from " << from << ", /a at " << ahead;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomReplay, ::testing::Range(uint64_t{1}, uint64_t{9}));

}  // namespace
}  // namespace lockkeeper
