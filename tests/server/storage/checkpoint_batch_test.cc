// What goes into a checkpoint's batch comes out of it, whatever its size.
#include "server/storage/checkpoint_batch.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/storage/checkpoint_format.h"

namespace lockkeeper {
namespace {

TEST(CheckpointBatch, GivesBackItsZnodesInTheOrderOfAdd) {
  CheckpointBatch batch;
  std::vector<std::pair<std::string, std::string>> expected;
  uint64_t bytes = 0;
  // Together more than a piece of the batch's memory, and one of them alone.
  for (const size_t size : {10, 0, 200'000, 100'000, 700'000, 3}) {
    const std::string path = "/z" + std::to_string(expected.size());
    const std::string data(size, static_cast<char>('a' + expected.size()));
    StoredNode node;
    node.path = path;
    node.data = data;
    batch.Add(node);
    std::string key;
    std::string value;
    SetNodeKey(path, &key);
    SetNodeValue(node, &value);
    bytes += key.size() + value.size();
    expected.emplace_back(key, value);
  }
  std::vector<std::pair<std::string, std::string>> found;
  batch.ForEach(
      [&found](std::string_view key, std::string_view value) { found.emplace_back(key, value); });
  EXPECT_EQ(found, expected);
  EXPECT_EQ(batch.bytes(), bytes);
  EXPECT_EQ(batch.nodes(), expected.size());
}

TEST(CheckpointBatch, OfNothingHasNothing) {
  const CheckpointBatch batch;
  batch.ForEach([](std::string_view, std::string_view) { ADD_FAILURE(); });
  EXPECT_EQ(batch.bytes(), 0u);
}

}  // namespace
}  // namespace lockkeeper
