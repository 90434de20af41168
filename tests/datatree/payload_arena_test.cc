#include "datatree/payload_arena.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <map>
#include <random>

namespace lockkeeper {
namespace {

TEST(PayloadArena, ServesFreedBlocksAgain) {
  PayloadArena arena;
  char* const block = arena.Allocate(100);
  const size_t reserved = arena.reserved_bytes();
  arena.Free(block, 100);
  EXPECT_EQ(arena.Allocate(97), block) << "the same size class: 97 to 100 bytes";
  EXPECT_NE(arena.Allocate(97), block);
  EXPECT_EQ(arena.reserved_bytes(), reserved);
}

TEST(PayloadArena, AlignsToFourBytes) {
  PayloadArena arena;
  for (size_t bytes = 1; bytes <= PayloadArena::kSmallMax; ++bytes) {
    ASSERT_EQ(reinterpret_cast<uintptr_t>(arena.Allocate(bytes)) % 4, 0u) << bytes;
  }
}

TEST(PayloadArena, GivesLargeBlocksBack) {
  PayloadArena arena;
  EXPECT_EQ(arena.reserved_bytes(), 0u);
  char* const large = arena.Allocate(PayloadArena::kSmallMax + 1);
  EXPECT_EQ(arena.reserved_bytes(), PayloadArena::kSmallMax + 1);
  arena.Free(large, PayloadArena::kSmallMax + 1);
  EXPECT_EQ(arena.reserved_bytes(), 0u);
}

// Every block keeps its bytes until it is freed: no two overlap.
TEST(PayloadArena, NeverGivesOutABlockTwice) {
  std::mt19937_64 random(3);
  PayloadArena arena;
  struct Block {
    size_t bytes;
    char mark;
  };
  std::map<char*, Block> blocks;
  const auto free = [&](std::map<char*, Block>::iterator b) {
    for (size_t i = 0; i < b->second.bytes; ++i) ASSERT_EQ(b->first[i], b->second.mark);
    arena.Free(b->first, b->second.bytes);
    blocks.erase(b);
  };
  for (int step = 0; step < 50'000; ++step) {
    if (blocks.size() < 2000 && random() % 5 < 3) {
      const size_t bytes = 1 + random() % (random() % 10 == 0 ? 3000 : 300);
      const char mark = static_cast<char>(random());
      char* const block = arena.Allocate(bytes);
      std::memset(block, mark, bytes);
      ASSERT_TRUE(blocks.emplace(block, Block{bytes, mark}).second);
    } else if (!blocks.empty()) {
      auto b = blocks.lower_bound(blocks.begin()->first + random() % (1 << 21));
      if (b == blocks.end()) b = blocks.begin();
      free(b);
    }
  }
  while (!blocks.empty()) free(blocks.begin());
}

TEST(PayloadArena, WastesNothingOfAChunkItLeaves) {
  PayloadArena arena;
  // 1023 blocks of 1024 bytes and one of 520 leave 504 bytes in the first chunk.
  for (int i = 0; i < 1023; ++i) arena.Allocate(1024);
  arena.Allocate(520);
  const size_t one_chunk = arena.reserved_bytes();
  arena.Allocate(1024);  // needs a second chunk
  const size_t two_chunks = arena.reserved_bytes();
  EXPECT_GT(two_chunks, one_chunk);
  EXPECT_NE(arena.Allocate(504), nullptr);
  for (int i = 0; i < 1023; ++i) arena.Allocate(1024);
  EXPECT_EQ(arena.reserved_bytes(), two_chunks) << "the 504 bytes came from the first chunk";
}

}  // namespace
}  // namespace lockkeeper
