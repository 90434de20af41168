#include "datatree/acl_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace lockkeeper {
namespace {

AclList Only(const std::string& id) { return {{31, "digest", id}}; }

TEST(AclTable, AlwaysHasTheOpenList) {
  AclTable table;
  EXPECT_EQ(table.size(), 1u);
  EXPECT_EQ(*table.Get(AclTable::kOpenId), *OpenAcl());
  EXPECT_EQ(table.Acquire(*OpenAcl()), AclTable::kOpenId);
  for (int i = 0; i < 3; ++i) table.Release(AclTable::kOpenId);
  EXPECT_EQ(*table.Get(AclTable::kOpenId), *OpenAcl());
}

TEST(AclTable, StoresEqualListsOnce) {
  AclTable table;
  const uint32_t a = table.Acquire(Only("a:x"));
  const uint32_t b = table.Acquire(Only("b:x"));
  EXPECT_NE(a, b);
  EXPECT_EQ(table.Acquire(Only("a:x")), a);
  EXPECT_EQ(table.size(), 3u);
  const AclList reversed{{1, "digest", "b:x"}, {1, "digest", "a:x"}};
  const AclList forward{{1, "digest", "a:x"}, {1, "digest", "b:x"}};
  EXPECT_NE(table.Acquire(reversed), table.Acquire(forward)) << "the order is part of the list";
}

TEST(AclTable, ForgetsAListWithItsLastUse) {
  AclTable table;
  const uint32_t a = table.Acquire(Only("a:x"));
  table.AddUse(a);
  table.Release(a);
  EXPECT_EQ(table.size(), 2u);
  const AclRef held = table.Get(a);
  table.Release(a);
  EXPECT_EQ(table.size(), 1u);
  EXPECT_EQ(*held, Only("a:x")) << "whoever holds it keeps it";
  EXPECT_EQ(table.Acquire(Only("b:x")), a) << "the number is free again";
}

TEST(AclTable, CountsUsesAsAMapWould) {
  std::mt19937_64 random(1);
  AclTable table;
  std::map<std::string, std::pair<uint32_t, int>> uses;  // id text -> number, count
  for (int step = 0; step < 20'000; ++step) {
    const std::string id = std::to_string(random() % 30) + ":h";
    const auto known = uses.find(id);
    if (known == uses.end() || random() % 2 == 0) {
      const uint32_t number = table.Acquire(Only(id));
      ASSERT_TRUE(known == uses.end() || number == known->second.first);
      uses[id].first = number;
      ++uses[id].second;
    } else {
      table.Release(known->second.first);
      if (--known->second.second == 0) uses.erase(known);
    }
    ASSERT_EQ(table.size(), uses.size() + 1);
    for (const auto& [text, use] : uses) ASSERT_EQ(*table.Get(use.first), Only(text));
  }
}

}  // namespace
}  // namespace lockkeeper
