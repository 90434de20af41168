// When container and TTL nodes go (client-protocol 5.4, 5.5). Time is what the test says.
#include "server/pipeline/container_reaper.h"

#include <gtest/gtest.h>

#include "tests/datatree/tree_test_util.h"

namespace lockkeeper {
namespace {

class Reaping : public ::testing::Test {
 protected:
  Reaping() : t(Options()) {}
  static TestTreeOptions Options() {
    TestTreeOptions options;
    options.tree.owner_rules.extended_types = true;
    return options;
  }
  void CreateContainer(std::string_view path) {
    EXPECT_EQ(t.Do(OpCode::kCreateContainer, NewNode(path, "", 4)), ErrorCode::kOk);
  }
  // Had a child once.
  void CreateUsedContainer(const std::string& path) {
    CreateContainer(path);
    EXPECT_EQ(t.Create(path + "/c"), ErrorCode::kOk);
    EXPECT_EQ(t.Delete(path + "/c"), ErrorCode::kOk);
  }
  // Everything the reaper names in its look at `now`.
  // REQUIRES: kNoPause.
  std::vector<std::string> AllAt(ContainerReaper& reaper, int64_t now, int64_t wall) {
    std::vector<std::string> paths;
    while (const auto path = reaper.Next(t.tree, MonoMs{now}, WallMs{wall})) {
      paths.push_back(*path);
    }
    std::sort(paths.begin(), paths.end());
    return paths;
  }
  using Paths = std::vector<std::string>;
  static constexpr int64_t kNoPause = 60'001;  // a minute: less than one ms for each
  TestTree t;
};

TEST_F(Reaping, StartsOneIntervalAfterTheServer) {
  CreateUsedContainer("/c");
  ContainerReaper reaper({.check_interval_ms = 1000}, MonoMs{500});
  EXPECT_EQ(reaper.NextDeadline(), MonoMs{1500});
  EXPECT_FALSE(reaper.Next(t.tree, MonoMs{1499}, WallMs{0}).has_value());
  EXPECT_EQ(reaper.NextDeadline(), MonoMs{1500});
  EXPECT_EQ(reaper.Next(t.tree, MonoMs{1500}, WallMs{0}), "/c");
  EXPECT_FALSE(reaper.Next(t.tree, MonoMs{1500}, WallMs{0}).has_value());
  EXPECT_EQ(reaper.NextDeadline(), MonoMs{2500});
}

TEST_F(Reaping, TakesContainersThatLostTheirLastChild) {  // CP-5.10
  CreateUsedContainer("/used");
  CreateContainer("/never-used");
  CreateUsedContainer("/used-again");
  t.Create("/used-again/c");
  t.Create("/plain");
  t.Create("/plain/c");
  t.Delete("/plain/c");
  t.Create("/ephemeral", "", 1);
  ContainerReaper reaper({.max_per_minute = kNoPause}, MonoMs{0});
  EXPECT_EQ(AllAt(reaper, 60'000, t.time()), Paths{"/used"});
}

TEST_F(Reaping, TakesNeverUsedContainersOnlyAfterTheirLimit) {  // CP-5.10
  CreateContainer("/never-used");
  const int64_t created = t.time();
  ContainerReaper by_default({.check_interval_ms = 10, .max_per_minute = kNoPause}, MonoMs{0});
  EXPECT_EQ(AllAt(by_default, 10, created + 1'000'000'000), Paths{});
  ContainerReaper limited(
      {.check_interval_ms = 10, .max_per_minute = kNoPause, .max_never_used_ms = 5000}, MonoMs{0});
  EXPECT_EQ(AllAt(limited, 10, created + 5000), Paths{});
  EXPECT_EQ(AllAt(limited, 20, created + 5001), Paths{"/never-used"});
}

TEST_F(Reaping, TakesTtlNodesThatNobodyTouched) {  // CP-5.9
  EXPECT_EQ(t.Do(OpCode::kCreateTtl, NewTtlNode("/ttl", 1000)), ErrorCode::kOk);
  const int64_t created = t.time();
  ContainerReaper reaper({.check_interval_ms = 10, .max_per_minute = kNoPause}, MonoMs{0});
  EXPECT_EQ(AllAt(reaper, 10, created + 1000), Paths{});
  EXPECT_EQ(AllAt(reaper, 20, created + 1001), Paths{"/ttl"});
  // A child keeps it; creating and deleting the child does not count as touching it.
  t.Create("/ttl/c");
  EXPECT_EQ(AllAt(reaper, 30, created + 9999), Paths{});
  t.Delete("/ttl/c");
  EXPECT_EQ(AllAt(reaper, 40, created + 1001), Paths{"/ttl"});
  // setData does.
  t.SetData("/ttl", "x");
  EXPECT_GT(t.time(), created);
  EXPECT_EQ(AllAt(reaper, 50, t.time() + 1000), Paths{});
  EXPECT_EQ(AllAt(reaper, 60, t.time() + 1001), Paths{"/ttl"});
}

TEST_F(Reaping, IsSpreadOverTheMinute) {  // client-protocol 5.5
  for (int i = 0; i < 4; ++i) CreateUsedContainer("/c" + std::to_string(i));
  ContainerReaper reaper({.check_interval_ms = 1000, .max_per_minute = 60}, MonoMs{0});
  int named = 0;
  for (int64_t now = 1000; now < 5000; now += 100) {
    while (reaper.Next(t.tree, MonoMs{now}, WallMs{0})) ++named;
    EXPECT_EQ(named, std::min<int64_t>(4, 1 + (now - 1000) / 1000)) << now;
    EXPECT_GT(reaper.NextDeadline().value, now);
    EXPECT_LE(reaper.NextDeadline().value, now + 1000);
  }
}

TEST_F(Reaping, LooksAgainOnlyWhenTheListIsDone) {
  for (int i = 0; i < 3; ++i) CreateUsedContainer("/c" + std::to_string(i));
  ContainerReaper reaper({.check_interval_ms = 100, .max_per_minute = 60}, MonoMs{0});
  std::vector<std::string> named;
  for (int64_t now = 100; now <= 2100; now += 10) {
    if (const auto path = reaper.Next(t.tree, MonoMs{now}, WallMs{0})) named.push_back(*path);
  }
  std::sort(named.begin(), named.end());
  EXPECT_EQ(named, (Paths{"/c0", "/c1", "/c2"})) << "each once, though nobody deletes them";
}

}  // namespace
}  // namespace lockkeeper
