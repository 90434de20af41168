// What goes into a checkpoint's batch comes out of it, whatever its size.
#include "server/storage/checkpoint_batch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "server/storage/checkpoint_format.h"

namespace lockkeeper {
namespace {

using Entries = std::map<std::string, std::string, std::less<>>;

// Adds a znode; what it must give back goes into `expected`, which has the order of the keys.
void Add(std::string_view path, std::string_view data, CheckpointBatch* batch, Entries* expected) {
  StoredNode node;
  node.path = path;
  node.data = data;
  batch->Add(node);
  std::string key;
  std::string value;
  SetNodeKey(path, &key);
  SetNodeValue(node, &value);
  expected->emplace(key, value);
}

void ExpectGivesBack(const CheckpointBatch& batch, const Entries& expected) {
  auto next = expected.begin();
  batch.ForEach([&](std::string_view key, std::string_view value) {
    ASSERT_NE(next, expected.end());
    EXPECT_EQ(key, next->first);
    EXPECT_EQ(value, next->second);
    ++next;
  });
  EXPECT_EQ(next, expected.end());
  EXPECT_EQ(batch.nodes(), expected.size());
}

TEST(CheckpointBatch, GivesBackZnodesOfAnySize) {
  CheckpointBatch batch;
  Entries expected;
  // Together more than a piece of the batch's memory, and one of them alone.
  for (const size_t size : {10, 0, 200'000, 100'000, 700'000, 3}) {
    const std::string data(size, static_cast<char>('a' + expected.size()));
    Add("/z" + std::to_string(expected.size()), data, &batch, &expected);
  }
  ExpectGivesBack(batch, expected);
  uint64_t bytes = 0;
  for (const auto& [key, value] : expected) bytes += key.size() + value.size();
  EXPECT_EQ(batch.bytes(), bytes);
}

TEST(CheckpointBatch, GivesBackZnodesInTheOrderOfTheirKeys) {
  std::mt19937 random(1);
  const auto pick = [&random](size_t count) { return random() % count; };
  // Few different bytes: long beginnings in common, and paths that are the beginning of others.
  constexpr std::string_view kBytes = "aab/\x01\x02\x7f\xc3";
  for (int round = 0; round < 50; ++round) {
    CheckpointBatch batch;
    Entries expected;
    std::vector<std::string> paths{""};
    while (paths.size() < 300) {
      std::string path = paths[pick(paths.size())];
      for (size_t more = 1 + pick(12); more > 0; --more) path += kBytes[pick(kBytes.size())];
      if (std::ranges::find(paths, path) == paths.end()) paths.push_back(path);
    }
    for (const std::string& path : paths) Add(path, path, &batch, &expected);
    ExpectGivesBack(batch, expected);
  }
}

TEST(CheckpointBatch, OfNothingHasNothing) {
  const CheckpointBatch batch;
  batch.ForEach([](std::string_view, std::string_view) { ADD_FAILURE(); });
  EXPECT_EQ(batch.bytes(), 0u);
}

}  // namespace
}  // namespace lockkeeper
