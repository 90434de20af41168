// The checkpoint on disk: what was committed comes back whole, what was not leaves no trace.
#include "server/storage/checkpoint_store.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "server/storage/file_system.h"
#include "tests/datatree/random_history.h"
#include "tests/datatree/tree_test_util.h"
#include "tests/server/storage/fake_file_system.h"
#include "tests/server/storage/temporary_directory.h"

namespace lockkeeper {
namespace {

using IfMissing = CheckpointStore::IfMissing;
constexpr char kStorePath[] = "/data/checkpoint";

std::unique_ptr<CheckpointStore> OpenOrDie(FileSystem& fs, const std::string& dir = kStorePath,
                                           const CheckpointTables& tables = {}) {
  auto store = CheckpointStore::Open(fs, dir, IfMissing::kMake, tables);
  EXPECT_TRUE(store) << store.error().message;
  return store ? std::move(*store) : nullptr;
}

// A tree whose checkpoints go to a store.
struct Checkpointed {
  DataTree tree{HistoryOptions()};
  CheckpointBatch batch;

  FrozenState FreezeAndCopy() {
    FrozenState frozen = tree.checkpoint_tracker().Freeze(
        tree.last_zxid(), tree.digest(), [this](const StoredNode& node) { batch.Add(node); });
    while (tree.checkpoint_tracker().CopySome(100, 1 << 20)) {
    }
    return frozen;
  }
  Status Commit(CheckpointStore* store) {
    const FrozenState frozen = FreezeAndCopy();
    return store->Commit(frozen, &batch, 1234);
  }
  void Apply(const std::vector<std::string>& payloads, size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) ASSERT_TRUE(tree.Apply(payloads[i], nullptr));
  }
};

std::string LoadAndDump(CheckpointStore* store) {
  DataTree tree(HistoryOptions());
  const Status loaded = store->Load(&tree);
  return loaded ? DumpTree(tree) : loaded.error().message;
}

TEST(CheckpointStore, IsEmptyWhenNew) {
  FakeFileSystem fs;
  EXPECT_FALSE(OpenOrDie(fs)->meta());
  EXPECT_FALSE(OpenOrDie(fs)->meta()) << "opened again";
}

TEST(CheckpointStore, IsNotMadeWhenThatIsNotWanted) {
  FakeFileSystem fs;
  EXPECT_FALSE(CheckpointStore::Open(fs, kStorePath, IfMissing::kRefuse));
}

// Each of the ways on which a checkpoint reaches the disk, for checkpoints of any size.
class CheckpointStoreOnEveryWay : public testing::TestWithParam<CheckpointTables> {
 protected:
  static std::unique_ptr<CheckpointStore> Open(FileSystem& fs,
                                               const std::string& dir = kStorePath) {
    return OpenOrDie(fs, dir, GetParam());
  }
  // A checkpoint of the first payloads: what it must give back.
  static std::string PutFirst(FileSystem& fs, const std::vector<std::string>& payloads) {
    Checkpointed c;
    c.Apply(payloads, 0, kFirst);
    c.tree.StartWholeCheckpoint();
    EXPECT_TRUE(c.Commit(Open(fs).get()));
    return DumpTree(c.tree);
  }
  // A copy of the disk with that checkpoint, its tree, and as many payloads again.
  struct GoneOn {
    GoneOn(const FakeFileSystem& original, const std::vector<std::string>& payloads)
        : fs(original.Clone()), store(Open(*fs)) {
      EXPECT_TRUE(store->Load(&c.tree));
      c.tree.checkpoint_tracker().Start(store->meta()->zxid);
      c.Apply(payloads, kFirst, 2 * kFirst);
      after = DumpTree(c.tree);
    }
    std::unique_ptr<FakeFileSystem> fs;
    std::unique_ptr<CheckpointStore> store;
    Checkpointed c;
    std::string after;
  };

 private:
  static constexpr size_t kFirst = 300;
};
constexpr CheckpointTables kCollected;
constexpr CheckpointTables kCollectedInSmallTables{.collected_bytes = 1};
constexpr CheckpointTables kDirect{.direct_bytes = 0};
INSTANTIATE_TEST_SUITE_P(Tables, CheckpointStoreOnEveryWay,
                         testing::Values(kCollected, kCollectedInSmallTables, kDirect));

TEST_P(CheckpointStoreOnEveryWay, GivesBackTheTreeOfItsLastCheckpoint) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const TemporaryDirectory dir;
    const std::string path = dir.path() + "/checkpoint";
    const std::vector<std::string> payloads = RandomPayloads(seed);
    Checkpointed c;
    std::string expected;
    for (size_t step = 0; step < 5; ++step) {
      c.Apply(payloads, step * 200, (step + 1) * 200);
      if (step == 0) c.tree.StartWholeCheckpoint();
      const auto store = Open(PosixFileSystem(), path);
      if (step > 0) {
        EXPECT_EQ(LoadAndDump(store.get()), expected) << "before step " << step;
      }
      const Status committed = c.Commit(store.get());
      ASSERT_TRUE(committed) << committed.error().message;
      expected = DumpTree(c.tree);
      EXPECT_EQ(LoadAndDump(store.get()), expected) << "after step " << step;
      EXPECT_EQ(store->meta()->zxid, c.tree.last_zxid());
      EXPECT_EQ(store->meta()->generations.size(), step + 1);
      EXPECT_EQ(store->meta()->written_ms, 1234);
    }
  }
}

TEST(CheckpointStore, GoesOnAfterItWasLoaded) {
  FakeFileSystem fs;
  const std::vector<std::string> payloads = RandomPayloads(1);
  {
    Checkpointed c;
    c.Apply(payloads, 0, 500);
    c.tree.StartWholeCheckpoint();
    ASSERT_TRUE(c.Commit(OpenOrDie(fs).get()));
  }
  Checkpointed c;
  {
    const auto store = OpenOrDie(fs);
    ASSERT_TRUE(store->Load(&c.tree));
    c.tree.checkpoint_tracker().Start(store->meta()->zxid);
    c.Apply(payloads, 500, payloads.size());
    ASSERT_TRUE(c.Commit(store.get()));
  }
  EXPECT_EQ(LoadAndDump(OpenOrDie(fs).get()), DumpTree(c.tree));
}

TEST(CheckpointStore, ForgetsAFirstCheckpointThatWasNeverFinished) {
  FakeFileSystem fs;
  Checkpointed c;
  c.Apply(RandomPayloads(1), 0, 100);
  c.tree.StartWholeCheckpoint();
  c.FreezeAndCopy();
  ASSERT_TRUE(OpenOrDie(fs)->WritePart(&c.batch));
  EXPECT_EQ(c.batch.nodes(), 0u);
  fs.CrashProcess();
  const auto store = OpenOrDie(fs);
  EXPECT_FALSE(store->meta());
  const auto stats = store->Stats();
  ASSERT_TRUE(stats);
  EXPECT_EQ(stats->nodes, 0u);
}

TEST(CheckpointStore, IsEmptyOrAsItWasWhenTheMachineStopsWhileItIsDiscarded) {
  FakeFileSystem original;
  Checkpointed c;
  c.Apply(RandomPayloads(1), 0, 300);
  c.tree.StartWholeCheckpoint();
  ASSERT_TRUE(c.Commit(OpenOrDie(original).get()));
  const std::string expected = DumpTree(c.tree);
  size_t whole = 0;
  size_t empty = 0;
  for (uint64_t n = 1;; ++n) {
    const auto fs = original.Clone();
    auto store = OpenOrDie(*fs);
    fs->StopAtOperation(n);
    const bool done = store->Discard().ok();
    store.reset();
    fs->LosePower({.kind = Survivors::Kind::kAnySectors, .seed = n});
    store = OpenOrDie(*fs);
    ASSERT_NE(store, nullptr) << "stopped at operation " << n;
    if (store->meta()) {
      ++whole;
      EXPECT_EQ(LoadAndDump(store.get()), expected) << n;
    } else {
      ++empty;
    }
    if (done) break;
  }
  EXPECT_GT(whole, 0u);
  EXPECT_GT(empty, 0u);
}

TEST_P(CheckpointStoreOnEveryWay, KeepsTheCheckpointBeforeOrHasTheNewOneWhenTheMachineStops) {
  const std::vector<std::string> payloads = RandomPayloads(2);
  FakeFileSystem original;
  const std::string before = PutFirst(original, payloads);
  for (uint64_t n = 1;; ++n) {
    GoneOn next(original, payloads);
    next.fs->StopAtOperation(n);
    const bool committed = next.c.Commit(next.store.get()).ok();
    next.store.reset();
    next.fs->LosePower({.kind = Survivors::Kind::kAnySectors, .seed = n});
    next.store = OpenOrDie(*next.fs);
    ASSERT_NE(next.store, nullptr) << "stopped at operation " << n;
    const std::string found = LoadAndDump(next.store.get());
    EXPECT_TRUE(found == next.after || (!committed && found == before))
        << "stopped at operation " << n << ": " << found;
    if (committed) break;
  }
}

TEST_P(CheckpointStoreOnEveryWay, SaysThatTheDiskIsFullAndKeepsTheCheckpointBefore_SO_12_4) {
  const std::vector<std::string> payloads = RandomPayloads(6);
  FakeFileSystem original;
  const std::string before = PutFirst(original, payloads);
  size_t refused = 0;
  for (uint64_t n = 1;; ++n) {
    GoneOn next(original, payloads);
    next.fs->FillAtWrite(n);
    const Status committed = next.c.Commit(next.store.get());
    next.store.reset();
    next.fs->CrashProcess();
    next.store = Open(*next.fs);
    ASSERT_NE(next.store, nullptr) << "full at write " << n;
    const std::string found = LoadAndDump(next.store.get());
    if (committed) {
      EXPECT_EQ(found, next.after) << n;
      break;
    }
    ++refused;
    EXPECT_NE(committed.error().message.find("No space left on device"), std::string::npos)
        << committed.error().message;
    EXPECT_TRUE(found == before || found == next.after) << "full at write " << n << ": " << found;
  }
  EXPECT_GT(refused, 0u);
}

// Small ones collect in LevelDB's log, large ones leave it out, in one store.
TEST(CheckpointStore, HasEveryCheckpointOnDiskWhenItIsCommittedWhateverItsSize) {
  const std::vector<std::string> payloads = RandomPayloads(4);
  FakeFileSystem fs;
  Checkpointed c;
  constexpr uint64_t kLarge = 800;
  const auto store = OpenOrDie(fs, kStorePath, {.direct_bytes = kLarge});
  c.tree.StartWholeCheckpoint();
  size_t applied = 0;
  size_t without_log = 0;
  for (const size_t count : {300, 5, 5, 200, 5, 200, 200, 5, 5}) {
    c.Apply(payloads, applied, applied + count);
    applied += count;
    const FrozenState frozen = c.FreezeAndCopy();
    const bool large = c.batch.bytes() >= kLarge;
    const uint64_t logged = store->env().written(StoreFileKind::kLog).bytes;
    ASSERT_TRUE(store->Commit(frozen, &c.batch, 1));
    const bool left_out = store->env().written(StoreFileKind::kLog).bytes == logged;
    EXPECT_TRUE(left_out || !large) << applied;
    without_log += left_out ? 1 : 0;
    const auto after = fs.Clone();
    after->LosePower({.kind = Survivors::Kind::kAnySectors, .seed = applied});
    EXPECT_EQ(LoadAndDump(OpenOrDie(*after).get()), DumpTree(c.tree)) << applied;
  }
  EXPECT_GT(without_log, 2u);
  EXPECT_LT(without_log, 7u);
}

TEST(CheckpointStore, PutsTheFirstCheckpointOnDiskInPartsOfAnySize) {
  FakeFileSystem fs;
  Checkpointed c;
  c.Apply(RandomPayloads(5), 0, 500);
  c.tree.StartWholeCheckpoint();
  const auto store = OpenOrDie(fs, kStorePath, {.collected_bytes = 2 << 10});
  CheckpointTracker& tracker = c.tree.checkpoint_tracker();
  const FrozenState frozen = tracker.Freeze(c.tree.last_zxid(), c.tree.digest(),
                                            [&c](const StoredNode& node) { c.batch.Add(node); });
  while (tracker.CopySome(10, 1 << 20)) ASSERT_TRUE(store->WritePart(&c.batch));
  ASSERT_TRUE(store->Commit(frozen, &c.batch, 1));
  const auto after = fs.Clone();
  after->LosePower({.kind = Survivors::Kind::kAnySectors, .seed = 1});
  EXPECT_EQ(LoadAndDump(OpenOrDie(*after).get()), DumpTree(c.tree));
}

TEST(CheckpointStore, IsDamagedAndNotEmptyWithoutItsRoot) {
  FakeFileSystem fs;
  Checkpointed c;
  c.Apply(RandomPayloads(1), 0, 100);
  c.tree.StartWholeCheckpoint();
  ASSERT_TRUE(c.Commit(OpenOrDie(fs).get()));
  ASSERT_TRUE(fs.Remove(std::string(kStorePath) + "/CURRENT"));
  const auto store = CheckpointStore::Open(fs, kStorePath, IfMissing::kMake);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Errc::kCorruption);
  EXPECT_NE(store.error().message.find("CURRENT is missing"), std::string::npos);
}

TEST(CheckpointStore, IsMadeAgainAfterItsFirstCreationWasInterrupted) {
  for (uint64_t n = 1;; ++n) {
    FakeFileSystem fs;
    fs.StopAtOperation(n);
    const bool made = CheckpointStore::Open(fs, kStorePath, IfMissing::kMake).has_value();
    fs.LosePower({.kind = Survivors::Kind::kAnySectors, .seed = n});
    ASSERT_NE(OpenOrDie(fs), nullptr) << "stopped at operation " << n;
    if (made) break;
  }
}

TEST(CheckpointStore, RefusesAStoreOfANewerServer) {
  FakeFileSystem fs;
  {
    LevelDbEnv env(fs, 0);
    leveldb::Options options;
    options.create_if_missing = true;
    options.env = &env;
    leveldb::DB* db = nullptr;
    ASSERT_TRUE(leveldb::DB::Open(options, kStorePath, &db).ok());
    CheckpointMeta meta;
    meta.version = kCheckpointVersion + 1;
    EXPECT_TRUE(db->Put({}, "m", MetaValue(meta)).ok());
    delete db;
  }
  const auto store = CheckpointStore::Open(fs, kStorePath, IfMissing::kMake);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Errc::kDataDir);
}

TEST(CheckpointStore, NeverLoadsAnotherTreeThanItWasGiven) {
  FakeFileSystem original;
  Checkpointed c;
  c.Apply(RandomPayloads(3), 0, 300);
  c.tree.StartWholeCheckpoint();
  ASSERT_TRUE(c.Commit(OpenOrDie(original).get()));
  const std::string expected = DumpTree(c.tree);
  size_t refused = 0;
  const auto names = original.List(kStorePath);
  ASSERT_TRUE(names);
  for (const std::string& name : *names) {
    const std::string path = std::string(kStorePath) + "/" + name;
    const size_t size = original.Content(path).size();
    for (size_t offset = 0; offset < size; offset += 1 + size / 50) {
      const auto fs = original.Clone();
      fs->FlipBit(path, offset, 3);
      const auto store = CheckpointStore::Open(*fs, kStorePath, IfMissing::kMake);
      if (!store) {
        ++refused;
        continue;
      }
      if (!(*store)->meta()) continue;  // recovery goes on from other sources
      DataTree tree(HistoryOptions());
      const Status loaded = (*store)->Load(&tree);
      refused += loaded ? 0 : 1;
      if (loaded) {
        EXPECT_EQ(DumpTree(tree), expected) << path << " at " << offset;
      }
    }
  }
  EXPECT_GT(refused, 0u);
}

}  // namespace
}  // namespace lockkeeper
