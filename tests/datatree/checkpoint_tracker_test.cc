// What a checkpoint writes is the tree at one zxid, whatever happens while it is copied.
#include "datatree/checkpoint_tracker.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "datatree/tree_loader.h"
#include "tests/datatree/random_history.h"
#include "tests/datatree/tree_test_util.h"

namespace lockkeeper {
namespace {

// A disk as a checkpoint store keeps it, in memory.
class ModelDisk {
 public:
  // Of one checkpoint, in the order in which a store carries them out.
  void Commit(const FrozenState& frozen) {
    if (frozen.whole) *this = ModelDisk(std::exchange(incoming_, {}));
    for (const std::string& path : frozen.deleted) nodes_.erase(path);
    for (auto& [path, node] : incoming_) nodes_[path] = std::move(node);
    incoming_.clear();
    for (const auto& [id, acl] : frozen.acls) {
      acl == nullptr ? (void)acls_.erase(id) : (void)(acls_[id] = *acl);
    }
    for (const auto& [session, timeout_ms] : frozen.sessions) {
      timeout_ms ? (void)(sessions_[session] = *timeout_ms) : (void)sessions_.erase(session);
    }
    zxid_ = frozen.zxid;
  }
  CheckpointTracker::CopyNode Copier() {
    return [this](const StoredNode& node) {
      ++copied;
      const auto [place, is_new] = incoming_.emplace(
          node.path, Node{std::string(node.data), IsNull(node.data), node.acl_key, node.stat});
      EXPECT_TRUE(is_new) << node.path << " was copied twice";
    };
  }
  std::string Dump() const {
    DataTree tree(HistoryOptions());
    TreeLoader loader(&tree);
    for (const auto& [session, timeout_ms] : sessions_) loader.AddSession(session, timeout_ms);
    for (const auto& [id, acl] : acls_) EXPECT_TRUE(loader.RestoreAcl(id, acl)) << id;
    for (const auto& [path, node] : nodes_) {
      const Status added =
          loader.AddNode({path, node.is_null ? std::string_view() : std::string_view(node.data),
                          node.acl_key, node.stat});
      EXPECT_TRUE(added) << added.error().message;
    }
    loader.Finish(zxid_);
    EXPECT_EQ(loader.nodes_with_unknown_acl(), 0u);
    EXPECT_EQ(tree.last_zxid(), zxid_);
    return DumpTree(tree);
  }
  bool Has(const std::string& path) const { return nodes_.contains(path); }

  size_t copied = 0;

 private:
  struct Node {
    std::string data;
    bool is_null;
    int64_t acl_key;
    NodeStat stat;
  };
  // As the store orders them: parents first.
  using Nodes = std::map<std::string, Node>;

 public:
  ModelDisk() = default;
  explicit ModelDisk(Nodes nodes) : nodes_(std::move(nodes)) {}

 private:
  Nodes nodes_;
  Nodes incoming_;
  std::map<uint32_t, AclList> acls_;
  std::map<SessionId, int32_t> sessions_;
  Zxid zxid_;
};

FrozenState FreezeNow(DataTree* tree, ModelDisk* disk) {
  return tree->checkpoint_tracker().Freeze(tree->last_zxid(), tree->digest(), disk->Copier());
}

void CopyRest(DataTree* tree) {
  while (tree->checkpoint_tracker().CopySome(3, 1 << 20)) {
  }
}

class CheckpointOfRandomHistory : public ::testing::TestWithParam<uint64_t> {};

TEST_P(CheckpointOfRandomHistory, IsTheTreeAtTheMomentItWasFrozen) {
  const std::vector<std::string> payloads = RandomPayloads(GetParam());
  RandomRequests random(GetParam() + 1);
  DataTree tree(HistoryOptions());
  ModelDisk disk;
  const size_t started_at = random.Below(payloads.size() / 2);
  std::optional<FrozenState> frozen;
  std::string expected;
  size_t checkpoints = 0;
  for (size_t i = 0; i < payloads.size(); ++i) {
    if (i == started_at) tree.StartWholeCheckpoint();
    ASSERT_TRUE(tree.Apply(payloads[i], nullptr).has_value());
    if (i < started_at) continue;
    CheckpointTracker& tracker = tree.checkpoint_tracker();
    if (!frozen && random.Below(10) == 0) {
      expected = DumpTree(tree);
      frozen = FreezeNow(&tree, &disk);
      EXPECT_EQ(frozen->node_count, tree.nodes().size());
      EXPECT_EQ(frozen->digest, tree.digest());
    }
    if (frozen && random.Below(3) == 0 && !tracker.CopySome(1 + random.Below(8), 1 << 20)) {
      disk.Commit(*frozen);
      frozen.reset();
      ++checkpoints;
      ASSERT_EQ(disk.Dump(), expected) << "after " << i;
    }
  }
  EXPECT_GT(checkpoints, 3u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, CheckpointOfRandomHistory, ::testing::Range<uint64_t>(1, 41));

TEST(CheckpointTracker, NotesNothingBeforeItIsStarted) {
  TestTree t;
  t.Create("/a");
  EXPECT_FALSE(t.tree.checkpoint_tracker().dirty());
  EXPECT_EQ(t.tree.checkpoint_tracker().dirty_bytes(), 0u);
}

TEST(CheckpointTracker, WritesOneZnodeForManyChangesOfIt) {
  TestTree t;
  ModelDisk disk;
  t.Create("/a");
  t.tree.StartWholeCheckpoint();
  FrozenState whole = FreezeNow(&t.tree, &disk);
  CopyRest(&t.tree);
  disk.Commit(whole);
  disk.copied = 0;
  for (int i = 0; i < 100; ++i) t.SetData("/a", "x");
  const FrozenState frozen = FreezeNow(&t.tree, &disk);
  CopyRest(&t.tree);
  EXPECT_EQ(disk.copied, 1u);
  EXPECT_TRUE(frozen.deleted.empty());
}

TEST(CheckpointTracker, ForgetsZnodesThatCameAndWentBetweenTwoCheckpoints) {
  TestTree t;
  ModelDisk disk;
  t.tree.checkpoint_tracker().Start(t.tree.last_zxid());
  t.Create("/lock");
  const FrozenState first = FreezeNow(&t.tree, &disk);
  CopyRest(&t.tree);
  disk.Commit(first);
  for (int i = 0; i < 10; ++i) {
    t.Create("/lock/holder");
    t.Do(OpCode::kDelete, DeleteRequest{"/lock/holder", -1});
  }
  const FrozenState second = FreezeNow(&t.tree, &disk);
  CopyRest(&t.tree);
  EXPECT_TRUE(second.deleted.empty());
  disk.Commit(second);
  EXPECT_FALSE(disk.Has("/lock/holder"));
}

TEST(CheckpointTracker, DeletesWhatTheRunningCheckpointStillWrites) {
  TestTree t;
  ModelDisk disk;
  t.tree.checkpoint_tracker().Start(t.tree.last_zxid());
  t.Create("/a");
  const FrozenState first = FreezeNow(&t.tree, &disk);
  t.Do(OpCode::kDelete, DeleteRequest{"/a", -1});
  CopyRest(&t.tree);
  disk.Commit(first);
  EXPECT_TRUE(disk.Has("/a"));
  const FrozenState second = FreezeNow(&t.tree, &disk);
  CopyRest(&t.tree);
  EXPECT_EQ(second.deleted, std::vector<std::string>{"/a"});
  disk.Commit(second);
  EXPECT_FALSE(disk.Has("/a"));
}

TEST(CheckpointTracker, CountsWhatACheckpointWouldWrite) {
  TestTree t;
  ModelDisk disk;
  t.tree.checkpoint_tracker().Start(t.tree.last_zxid());
  const std::string data(5000, 'x');
  t.Create("/a", data);
  EXPECT_GE(t.tree.checkpoint_tracker().dirty_bytes(), data.size());
  FreezeNow(&t.tree, &disk);
  EXPECT_EQ(t.tree.checkpoint_tracker().dirty_bytes(), 0u);
  CopyRest(&t.tree);
}

}  // namespace
}  // namespace lockkeeper
