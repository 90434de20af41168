#include "datatree/hash_index.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace lockkeeper {
namespace {

// Nodes whose hashes the test chooses.
class Indexed {
 public:
  void Insert(uint64_t hash, HashIndex::Id node) {
    hashes_[node] = hash;
    index_.Insert(hash, node);
  }
  void Erase(HashIndex::Id node) {
    index_.Erase(hashes_.at(node), node);
    hashes_.erase(node);
  }
  HashIndex::Id Find(uint64_t hash, HashIndex::Id wanted) const {
    return index_.Find(hash, [&](HashIndex::Id n) { return n == wanted; });
  }
  const std::map<HashIndex::Id, uint64_t>& hashes() const { return hashes_; }
  size_t reserved_bytes() const { return index_.reserved_bytes(); }

 private:
  std::map<HashIndex::Id, uint64_t> hashes_;
  HashIndex index_;
};

class RandomIndex : public ::testing::TestWithParam<uint64_t> {};

// With few hashes, or few low bits, everything collides.
TEST_P(RandomIndex, BehavesAsAMap) {
  std::mt19937_64 random(GetParam());
  const uint64_t masks[] = {~uint64_t{0}, 0xFFC0'0000'0000'0007, 0x3, 0xFF'0000'0000};
  for (uint64_t mask : masks) {
    Indexed index;
    for (int step = 0; step < 20'000; ++step) {
      const auto node = static_cast<HashIndex::Id>(random() % 300);
      const auto known = index.hashes().find(node);
      if (known == index.hashes().end()) {
        ASSERT_EQ(index.Find(random() & mask, node), HashIndex::kNone);
        index.Insert(random() & mask, node);
      } else if (random() % 2 == 0) {
        const uint64_t hash = known->second;
        index.Erase(node);
        ASSERT_EQ(index.Find(hash, node), HashIndex::kNone);
      } else {
        ASSERT_EQ(index.Find(known->second, node), node);
      }
    }
    for (const auto& [node, hash] : index.hashes()) ASSERT_EQ(index.Find(hash, node), node);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomIndex, ::testing::Range<uint64_t>(1, 5));

TEST(HashIndex, IsEmptyAtFirst) {
  Indexed index;
  EXPECT_EQ(index.Find(0, 1), HashIndex::kNone);
  EXPECT_EQ(index.Find(~uint64_t{0}, 1), HashIndex::kNone);
}

TEST(HashIndex, DoesNotGrowByDeletedPlaces) {
  Indexed index;
  std::mt19937_64 random(1);
  for (HashIndex::Id node = 0; node < 20'000; ++node) index.Insert(random(), node);
  const size_t before = index.reserved_bytes();
  for (HashIndex::Id node = 20'000; node < 400'000; ++node) {
    index.Erase(node - 20'000);
    index.Insert(random(), node);
  }
  EXPECT_LE(index.reserved_bytes(), 2 * before);
}

TEST(HashIndex, HashesDependOnParentNameAndSeed) {
  std::set<uint64_t> hashes;
  size_t made = 0;
  for (uint64_t seed : {0, 1}) {
    for (HashIndex::Id parent : {0u, 1u, 0xFFFFFFFEu}) {
      std::string name;
      for (int length = 0; length < 40; ++length) {
        for (char last : {'a', 'b', '\0'}) {
          hashes.insert(HashIndex::Hash(parent, name + last, seed));
          ++made;
        }
        name += 'x';
      }
    }
  }
  EXPECT_EQ(hashes.size(), made);
}

// Sequential names, the usual ones, must fill segments and places evenly.
TEST(HashIndex, HashesOfSequentialNamesSpread) {
  constexpr int kNames = 102'400;
  std::vector<int> by_high(1024);
  std::vector<int> by_low(1024);
  for (int i = 0; i < kNames; ++i) {
    const uint64_t hash = HashIndex::Hash(7, "node-" + std::to_string(i), 42);
    ++by_high[hash >> 54];
    ++by_low[(hash & 0xFFFFFFFF) >> 22];
  }
  for (int i = 0; i < 1024; ++i) {  // 100 each; six standard deviations
    EXPECT_NEAR(by_high[static_cast<size_t>(i)], 100, 60);
    EXPECT_NEAR(by_low[static_cast<size_t>(i)], 100, 60);
  }
}

}  // namespace
}  // namespace lockkeeper
