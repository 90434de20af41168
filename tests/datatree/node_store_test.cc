// Znodes of all depths against a map of paths. One level and memory: node_memory_test.cc.
#include "datatree/node_store.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace lockkeeper {
namespace {

NodeStat CreatedAt(int64_t zxid) {
  NodeStat stat;
  stat.czxid = stat.mzxid = stat.pzxid = zxid;
  stat.ctime = stat.mtime = zxid + 1000;
  return stat;
}

TEST(NodeStore, FindsNodesByExactPathsOnly) {  // CP-6.6, CP-6.13
  NodeStore store(1);
  const NodeId a = store.Create(NodeStore::kRoot, "a", "", 0, CreatedAt(1));
  const NodeId b = store.Create(a, "b", "", 0, CreatedAt(2));
  const NodeId ab = store.Create(NodeStore::kRoot, "ab", "", 0, CreatedAt(3));
  EXPECT_EQ(store.Lookup("/"), NodeStore::kRoot);
  EXPECT_EQ(store.Lookup(""), NodeStore::kRoot);
  EXPECT_EQ(store.Lookup("/a"), a);
  EXPECT_EQ(store.Lookup("/a/b"), b);
  EXPECT_EQ(store.Lookup("/ab"), ab);
  for (const char* path :
       {"a", "a/b", "/a/", "//", "//a", "/a//b", "/a/b/", "/b", "/a/b/c", "/A"}) {
    EXPECT_EQ(store.Lookup(path), kNoNode) << path;
  }
  EXPECT_EQ(store.PathOf(b), "/a/b");
  EXPECT_EQ(store.PathOf(NodeStore::kRoot), "");
  EXPECT_EQ(store.ParentOf(b), a);
  EXPECT_EQ(store.NameOf(b), "b");
  EXPECT_EQ(store.size(), 4u);
}

TEST(NodeStore, LookingUpManyPathsAtOnceFindsWhatLookingUpEachFinds) {
  NodeStore store(1);
  std::vector<std::string> paths{"",      "/",      "//",   "a",      "a/b",    "/none/x", "/a/",
                                 "/a//b", "/b/c/d", "//n1", "//a/n2", "/a/n2/", "/a/n2//"};
  const NodeId a = store.Create(NodeStore::kRoot, "a", "", 0, CreatedAt(1));
  for (int i = 0; i < 100; ++i) {
    const std::string name = "n" + std::to_string(i);
    store.Create(i % 2 == 0 ? a : NodeStore::kRoot, name, std::string(i * 20, 'x'), 0,
                 CreatedAt(2));
    paths.push_back((i % 2 == 0 ? "/a/" : "/") + name);
  }
  store.Remove(store.Lookup("/a/n4"));
  const auto look_up = [&] {
    std::vector<NodeId> found;
    found.reserve(paths.size());
    for (const std::string& path : paths) found.push_back(store.Lookup(path));
    return found;
  };
  const std::vector<NodeId> before = look_up();
  store.Expect({});
  FoundNodes found;
  for (size_t begin = 0; begin < paths.size(); begin += 20) {
    ExpectedPaths next;
    for (size_t i = begin; i < paths.size(); ++i) next.Add(paths[i]);
    store.Expect(next);
    store.LookupAll(next, &found);
    for (const std::string_view path : next.paths()) {
      EXPECT_EQ(found.Take(path), store.Lookup(path)) << path;
    }
    EXPECT_TRUE(found.empty());
  }
  EXPECT_EQ(look_up(), before);
}

TEST(FoundNodes, CountForTheBytesThatWereLookedUpOnly) {
  const std::string a = "/a";
  const std::string again = a;
  const std::string b = "/b";
  FoundNodes found;
  found.Add(a, 1);
  found.Add(b, 2);
  EXPECT_EQ(found.Take(again), std::nullopt) << "the same path in other bytes";
  EXPECT_EQ(found.Take(std::string_view(a).substr(0, 1)), std::nullopt);
  EXPECT_EQ(found.Take(b), 2u);
  EXPECT_EQ(found.Take(a), std::nullopt) << "out of order";
  found.Clear();
  EXPECT_EQ(found.Take(a), std::nullopt);
}

TEST(NodeStore, GoesAsDeepAsAFrameAllows) {
  NodeStore store(1);
  NodeId node = NodeStore::kRoot;
  std::string path;
  for (int depth = 0; depth < 100'000; ++depth) {
    node = store.Create(node, "d", {}, 0, CreatedAt(1));
    path += "/d";
  }
  EXPECT_EQ(store.Lookup(path), node);
  EXPECT_EQ(store.PathOf(node), path);
}

TEST(NodeStore, KeepsAclNumbersOf24BitsThroughEveryChange) {
  NodeStore store(1);
  const NodeId a = store.Create(NodeStore::kRoot, "a", {}, NodeStore::kAclIdMax, CreatedAt(1));
  EXPECT_EQ(store.AclIdOf(a), NodeStore::kAclIdMax);
  store.SetData(a, "x");
  EXPECT_EQ(store.AclIdOf(a), NodeStore::kAclIdMax);
  store.SetAclId(a, 5);
  EXPECT_EQ(store.AclIdOf(a), 5u);
  EXPECT_EQ(store.DataOf(a), "x");
  store.SetData(a, {});
  store.SetAclId(a, 6);
  EXPECT_TRUE(IsNull(store.DataOf(a)));
}

TEST(NodeStore, TakesNamesWithAnyBytes) {
  NodeStore store(1);
  std::set<NodeId> nodes;
  for (int c = 1; c < 256; ++c) {
    if (c == '/') continue;
    const std::string name(1, static_cast<char>(c));
    nodes.insert(store.Create(NodeStore::kRoot, name, name, 0, CreatedAt(c)));
    EXPECT_TRUE(nodes.contains(store.Lookup("/" + name)));
  }
  EXPECT_EQ(nodes.size(), 254u);
}

struct StoredModel {
  std::optional<std::string> data;
  NodeStat stat;
  uint32_t acl_id = 0;
};

class RandomTree : public ::testing::TestWithParam<uint64_t> {
 protected:
  RandomTree() : random_(GetParam()), store_(GetParam()) { model_[""] = {"", {}, 0}; }

  uint64_t Below(uint64_t n) { return random_() % n; }
  std::map<std::string, StoredModel>::iterator AnyNode() {
    auto node = model_.begin();
    std::advance(node, static_cast<int64_t>(Below(model_.size())));
    return node;
  }
  // Sizes on both sides of the arena's limit and of the 16-bit name length of a lean znode.
  std::string Name() {
    if (Below(200) == 0) return std::string(65'530 + Below(20), 'n');
    return std::string(1 + Below(2), static_cast<char>('a' + Below(6)));
  }
  std::optional<std::string> Data() {
    if (Below(6) == 0) return std::nullopt;
    return std::string(Below(10) == 0 ? 900 + Below(300) : Below(40), static_cast<char>(random_()));
  }
  static std::string_view View(const std::optional<std::string>& data) {
    return data ? std::string_view(*data) : std::string_view();
  }
  size_t ChildrenOf(const std::string& path) const {
    size_t count = 0;
    for (auto n = model_.upper_bound(path + "/"); n != model_.end(); ++n) {
      if (!n->first.starts_with(path + "/")) break;
      count += n->first.find('/', path.size() + 1) == std::string::npos;
    }
    return count;
  }

  void Create(int64_t step) {
    const auto parent = AnyNode();
    const std::string name = Name();
    const std::string path = parent->first + "/" + name;
    if (model_.contains(path) || path.size() > 200'000) return;
    StoredModel node{Data(), CreatedAt(step), static_cast<uint32_t>(Below(100))};
    if (Below(3) == 0) node.stat.owner = step;
    if (Below(9) == 0) node.stat.aversion = -1;
    store_.Create(store_.Lookup(parent->first), name, View(node.data), node.acl_id, node.stat);
    model_[path] = node;
  }
  void Change(int64_t step) {
    const auto changed = AnyNode();
    const NodeId node = store_.Lookup(changed->first);
    ASSERT_NE(node, kNoNode);
    switch (Below(4)) {
      case 0:
        changed->second.data = Data();
        store_.SetData(node, View(changed->second.data));
        break;
      case 1:
        changed->second.stat.version = static_cast<int32_t>(step);
        changed->second.stat.mzxid = step;
        changed->second.stat.czxid = -step;
        store_.SetStat(node, changed->second.stat);
        break;
      case 2:
        store_.SetStat(node, changed->second.stat);  // what it is already
        break;
      default:
        changed->second.acl_id = static_cast<uint32_t>(step);
        store_.SetAclId(node, changed->second.acl_id);
    }
  }
  void Remove() {
    const auto removed = AnyNode();
    if (removed->first.empty() || ChildrenOf(removed->first) > 0) return;
    store_.Remove(store_.Lookup(removed->first));
    model_.erase(removed);
  }
  void ExpectEqual() const {
    ASSERT_EQ(store_.size(), model_.size());
    for (const auto& [path, expected] : model_) {
      const NodeId node = store_.Lookup(path);
      ASSERT_NE(node, kNoNode);
      ASSERT_EQ(store_.PathOf(node), path);
      ASSERT_EQ(IsNull(store_.DataOf(node)), !expected.data.has_value());
      ASSERT_EQ(store_.DataOf(node), View(expected.data));
      ASSERT_EQ(store_.StatOf(node), expected.stat);
      ASSERT_EQ(store_.AclIdOf(node), expected.acl_id);
      std::set<NodeId> children;
      for (NodeId c = store_.FirstChild(node); c != kNoNode; c = store_.NextSibling(c)) {
        ASSERT_EQ(store_.ParentOf(c), node);
        ASSERT_TRUE(children.insert(c).second);
      }
      ASSERT_EQ(children.size(), ChildrenOf(path));
      ASSERT_EQ(store_.ChildCountOf(node), children.size());
    }
  }

  std::mt19937_64 random_;
  NodeStore store_;
  std::map<std::string, StoredModel> model_;
};

TEST_P(RandomTree, BehavesAsAMapOfPaths) {
  for (int64_t step = 1; step <= 20'000; ++step) {
    // It grows for a while, then shrinks, and so on.
    const uint64_t growing = step / 2000 % 2 == 0 ? 5 : 2;
    const uint64_t action = Below(10);
    if (action < growing) {
      Create(step);
    } else if (action < 7) {
      Remove();
    } else {
      ASSERT_NO_FATAL_FAILURE(Change(step));
    }
    if (step % 1000 != 0) continue;
    ASSERT_NO_FATAL_FAILURE(ExpectEqual());
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomTree, ::testing::Range<uint64_t>(1, 5));

}  // namespace
}  // namespace lockkeeper
