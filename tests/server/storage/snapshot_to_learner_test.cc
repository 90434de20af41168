// The stream behind a SNAP packet, byte for byte (quorum-protocol 3.5 and 12).
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "server/peer/snapshot_receiver.h"
#include "server/storage/tree_snapshot.h"
#include "tests/datatree/random_history.h"
#include "tests/datatree/tree_test_util.h"
#include "tests/server/storage/recovery_test_util.h"
#include "tests/server/storage/snapshot_test_util.h"

namespace lockkeeper {
namespace {

std::vector<std::string> Chunks(const DataTree& tree, size_t chunk_bytes) {
  std::vector<std::string> chunks;
  EXPECT_TRUE(StreamSnapshot(tree, chunk_bytes,
                             [&](std::string chunk) { chunks.push_back(std::move(chunk)); }));
  return chunks;
}

std::string Joined(const std::vector<std::string>& chunks) {
  std::string all;
  for (const std::string& chunk : chunks) all += chunk;
  return all;
}

TEST(SnapshotToLearner, OfAnEmptyTreeEqualsTheGoldenVectors_QP_3_6_QP_12_1) {
  const std::string stream = Joined(Chunks(DataTree(DataTreeOptions{}), 1 << 20));
  const std::string begin =
      FromHex(
          "00000000 00000001 0000000000000001 00000001 00000001 00000005 776f726c64 00000006 "
          "616e796f6e65"
          "00000000 00000000 ffffffffffffffff") +
      std::string(60, '\0');
  const std::string end = FromHex("00000001 2f 0000000a 42656e57617348657265");
  EXPECT_EQ(stream.substr(0, begin.size()), begin);
  ASSERT_GT(stream.size(), end.size());
  EXPECT_EQ(stream.substr(stream.size() - end.size()), end);
}

// Only the order of siblings is free.
TEST(SnapshotToLearner, HasTheContentOfZooKeepersSnapshotFile_QP_3_6) {
  const std::string stream = Joined(Chunks(DataTree(DataTreeOptions{}), 1 << 20));
  const std::string signature = FromHex("0000000a 42656e57617348657265");
  EXPECT_EQ(stream.size(), kFreshFirstSeal - kSnapshotHeaderBytes + signature.size());
  SnapshotContent content;
  const SnapshotHandlers handlers = Collect(&content);
  SnapshotContentParser parser("the stream", {}, handlers, 0);
  const auto taken = parser.Consume(stream);
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_TRUE(parser.done());
  EXPECT_EQ(stream.substr(*taken), signature);
  SnapshotContent expected = FreshContent();
  for (SnapshotContent* c : {&content, &expected}) {
    std::sort(c->nodes.begin(), c->nodes.end(),
              [](const NodeCopy& a, const NodeCopy& b) { return a.path < b.path; });
  }
  EXPECT_EQ(content.sessions, expected.sessions);
  EXPECT_EQ(content.acls, expected.acls);
  EXPECT_EQ(content.nodes, expected.nodes);
}

TEST(SnapshotToLearner, BecomesAnEqualTreeInPiecesOfAnySize_QP_3_6) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    const auto tree = TreeAfter(RandomPayloads(seed), kHistoryTransactions);
    const std::string whole = Joined(Chunks(*tree, 1 << 30));
    for (const size_t chunk_bytes : {size_t{1}, size_t{100}, size_t{4096}, size_t{1} << 20}) {
      SnapshotReceiver receiver(tree->last_zxid(), HistoryOptions(), 1 << 20);
      std::string waiting;
      std::string all;
      for (const std::string& chunk : Chunks(*tree, chunk_bytes)) {
        all += chunk;
        waiting += chunk;
        const auto taken = receiver.Consume(waiting);
        ASSERT_TRUE(taken) << taken.error().message;
        waiting.erase(0, *taken);
      }
      ASSERT_EQ(all, whole);
      ASSERT_TRUE(receiver.done());
      ASSERT_TRUE(waiting.empty());
      const auto received = receiver.TakeTree();
      EXPECT_EQ(DumpTree(*received), DumpTree(*tree));
      EXPECT_EQ(received->last_zxid(), tree->last_zxid());
    }
  }
}

TEST(SnapshotToLearner, ComesInPiecesOfTheWantedSize) {
  const auto tree = TreeAfter(RandomPayloads(1), kHistoryTransactions);
  constexpr size_t kChunkBytes = 1000;
  const std::vector<std::string> chunks = Chunks(*tree, kChunkBytes);
  size_t longest_item = 0;
  for (const std::string& chunk : Chunks(*tree, 1)) {
    longest_item = std::max(longest_item, chunk.size());
  }
  ASSERT_GT(chunks.size(), 3u);
  for (size_t i = 0; i + 1 < chunks.size(); ++i) {
    EXPECT_GE(chunks[i].size(), kChunkBytes);
    EXPECT_LT(chunks[i].size(), kChunkBytes + longest_item);
  }
}

}  // namespace
}  // namespace lockkeeper
