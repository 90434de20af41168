// The node store against a std::map, and what a znode costs beyond its name and data.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "datatree/node_store.h"

namespace lockkeeper {
namespace {

struct MeasuredNode {
  std::string data;
  bool null_data = false;
  NodeStat stat;
};

NodeStat StatAt(int64_t zxid) {
  NodeStat stat;
  stat.czxid = stat.mzxid = stat.pzxid = zxid;
  stat.ctime = stat.mtime = zxid * 10;
  return stat;
}

TEST(NodeStore, BehavesAsAMap) {
  std::mt19937_64 random(7);
  NodeStore store(42);
  std::map<std::string, MeasuredNode> model;  // below the root only
  const auto name = [&] {
    const size_t length = random() % 50 == 0 ? 70'000 : 1 + random() % 3;
    return std::string(length, "abcd"[random() % 4]);
  };
  const auto data = [&] { return std::string(random() % 20 == 0 ? 5000 : random() % 60, 'd'); };
  for (int64_t step = 1; step <= 20'000; ++step) {
    const std::string child = name();
    const NodeId node = store.FindChild(NodeStore::kRoot, child);
    ASSERT_EQ(node != kNoNode, model.contains(child));
    const uint64_t action = random() % 4;
    if (node == kNoNode) {
      const MeasuredNode added{data(), random() % 5 == 0, StatAt(step)};
      store.Create(NodeStore::kRoot, child,
                   added.null_data ? std::string_view() : std::string_view(added.data), 3,
                   added.stat);
      model[child] = added;
    } else if (action == 0) {
      store.Remove(node);
      model.erase(child);
    } else if (action == 1) {
      MeasuredNode& known = model[child];
      known.data = data();
      known.null_data = false;
      store.SetData(node, known.data);
    } else if (action == 2) {
      MeasuredNode& known = model[child];
      known.stat.version = static_cast<int32_t>(step);
      known.stat.owner = step;
      store.SetStat(node, known.stat);
    } else {
      const MeasuredNode& known = model[child];
      ASSERT_EQ(store.StatOf(node), known.stat);
      ASSERT_EQ(IsNull(store.DataOf(node)), known.null_data);
      ASSERT_EQ(store.DataOf(node), known.null_data ? std::string_view() : known.data);
      ASSERT_EQ(store.AclIdOf(node), 3u);
      ASSERT_EQ(store.PathOf(node), "/" + child);
    }
    ASSERT_EQ(store.ChildCountOf(NodeStore::kRoot), model.size());
  }
  std::map<std::string, int> listed;
  for (NodeId c = store.FirstChild(NodeStore::kRoot); c != kNoNode; c = store.NextSibling(c)) {
    ++listed[std::string(store.NameOf(c))];
  }
  ASSERT_EQ(listed.size(), model.size());
  for (const auto& [child, count] : listed) {
    EXPECT_EQ(count, 1);
    EXPECT_TRUE(model.contains(child));
  }
}

TEST(NodeStore, NeedsAtMost60BytesBeyondNameAndData) {
  constexpr int kNodes = 1'000'000;
  constexpr size_t kNameBytes = 10;
  const std::string data(100, 'x');
  NodeStore store(42);
  NodeId parent = kNoNode;
  for (int i = 0; i < kNodes; ++i) {
    if (i % 1000 == 0) {
      parent = store.Create(NodeStore::kRoot, "p" + std::to_string(i), EmptyString(), 0, StatAt(1));
    }
    char name[16];
    std::snprintf(name, sizeof name, "n%09d", i);
    store.Create(parent, std::string_view(name, kNameBytes), data, 0, StatAt(i + 1));
  }
  const double each = static_cast<double>(store.reserved_bytes()) / kNodes;
  const double beyond = each - static_cast<double>(kNameBytes + data.size());
  RecordProperty("bytes_beyond_name_and_data", std::to_string(beyond));
  EXPECT_LE(beyond, 60.0);
  EXPECT_GT(beyond, 30.0) << "the store cannot be that small: does it count everything?";
}

TEST(NodeStore, UsesTheMemoryOfRemovedNodesAgain) {
  NodeStore store(42);
  size_t after_first = 0;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 20'000; ++i) {
      store.Create(NodeStore::kRoot, std::to_string(i), "some data", 0, StatAt(1));
    }
    if (round == 0) after_first = store.reserved_bytes();
    while (store.FirstChild(NodeStore::kRoot) != kNoNode) {
      store.Remove(store.FirstChild(NodeStore::kRoot));
    }
  }
  EXPECT_LE(store.reserved_bytes(), after_first + after_first / 4);
  EXPECT_EQ(store.size(), 1u);
}

}  // namespace
}  // namespace lockkeeper
