// LevelDB on a disk that crashes, fills up or fails a sync at every single step.
//
// The promise: the open succeeds, every batch whose write was acknowledged is there whole, and the
// one that was interrupted is there whole or not at all.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/server/storage/fake_file_system.h"
#include "tests/server/storage/leveldb_test_util.h"

namespace lockkeeper {
namespace {

constexpr int kBatches = 24;

// A build with sanitizers crashes at some of the steps only: it is ten times slower.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr uint64_t kStep = 7;
#else
constexpr uint64_t kStep = 1;
#endif

// What became of a process that wrote batches until the disk failed it.
struct Life {
  int acknowledged = 0;   // the last batch that was
  int attempted = 0;      // the last batch
  leveldb::Status ended;  // OK: it wrote them all
  std::optional<Error> failure;
};

Life WriteBatches(FakeFileSystem& fs, int first, int last, uint64_t sync_every_bytes) {
  Life life{.acknowledged = first - 1, .attempted = first - 1};
  OpenStore store = OpenLevelDb(fs, {.sync_every_bytes = sync_every_bytes});
  life.ended = store.opened;
  while (life.ended.ok() && life.attempted < last) {
    ++life.attempted;
    life.ended = WriteSynced(store.db.get(), life.attempted);
    if (life.ended.ok()) life.acknowledged = life.attempted;
  }
  if (store.db != nullptr && !life.ended.ok()) {
    EXPECT_FALSE(WriteSynced(store.db.get(), life.attempted + 1).ok()) << "written after an error";
  }
  store.db.reset();
  life.failure = store.env->failure();
  return life;
}

// The number of the last batch that the store has; -1 when the promise is broken.
int Recover(FakeFileSystem& fs, const Life& life) {
  const OpenStore store = OpenLevelDb(fs);
  if (store.db == nullptr) {
    ADD_FAILURE() << store.opened.ToString();
    return -1;
  }
  const auto content = ReadAll(store.db.get());
  if (!content) {
    ADD_FAILURE() << content.error().message;
    return -1;
  }
  for (int k = life.acknowledged; k <= life.attempted; ++k) {
    if (*content == ContentAfter(k)) return k;
  }
  const auto number = content->find("number");
  ADD_FAILURE() << "acknowledged " << life.acknowledged << ", attempted " << life.attempted
                << ", found " << (number == content->end() ? "nothing" : number->second);
  return -1;
}

// After the crash: recover, lose power and recover the same, write on, lose power, recover.
void ExpectALifeAfter(FakeFileSystem& fs, const Life& life) {
  const int k = Recover(fs, life);
  ASSERT_GE(k, 0);
  fs.LosePower({.kind = Survivors::Kind::kNone});
  const Life promised{.acknowledged = k, .attempted = k};
  ASSERT_EQ(Recover(fs, promised), k);
  const Life next = WriteBatches(fs, k + 1, k + 2, 0);
  ASSERT_TRUE(next.ended.ok()) << next.ended.ToString();
  fs.LosePower({.kind = Survivors::Kind::kNone});
  ASSERT_EQ(Recover(fs, next), k + 2);
}

std::vector<Survivors> AllKindsOfSurvivors(const FakeFileSystem& fs, uint64_t n) {
  using Kind = Survivors::Kind;
  std::vector<Survivors> all = {
      {.kind = Kind::kNone},
      {.kind = Kind::kAll},
      {.kind = Kind::kContent},
      {.kind = Kind::kNames},
      {.kind = Kind::kAnySectors, .seed = 2 * n},
      {.kind = Kind::kAnySectors, .seed = 2 * n + 1},
  };
  const size_t pending = fs.pending();
  if (pending == 0) return all;
  for (const size_t torn : {size_t{1}, size_t{5}, size_t{11}, size_t{700}, size_t{20'000}}) {
    all.push_back({.kind = Kind::kPrefix, .operations = pending - 1, .torn_bytes = torn});
  }
  all.push_back({.kind = Kind::kPrefix, .operations = n % pending, .torn_bytes = n * 37 % 3000});
  return all;
}

class LevelDbCrash : public testing::TestWithParam<uint64_t> {};

TEST_P(LevelDbCrash, AtEveryOperationLosesNoAcknowledgedBatch_SO_12_2) {
  uint64_t crashes = 0;
  bool stopped = true;
  for (uint64_t n = 1; stopped; n += kStep) {
    ASSERT_LT(n, 5000u);
    FakeFileSystem fs;
    fs.StopAtOperation(n);
    const Life life = WriteBatches(fs, 1, kBatches, GetParam());
    stopped = fs.stopped();
    for (const Survivors& survivors : AllKindsOfSurvivors(fs, n)) {
      SCOPED_TRACE("stopped at operation " + std::to_string(n) + ", " + survivors.Describe());
      const auto after = fs.Clone();
      after->LosePower(survivors);
      ASSERT_NO_FATAL_FAILURE(ExpectALifeAfter(*after, life));
      ++crashes;
    }
    SCOPED_TRACE("killed at operation " + std::to_string(n));
    fs.CrashProcess();
    ASSERT_NO_FATAL_FAILURE(ExpectALifeAfter(fs, life));
  }
  EXPECT_GT(crashes, 1000 / kStep);
}

// 0: LevelDB's own syncs only.
INSTANTIATE_TEST_SUITE_P(SyncEvery, LevelDbCrash, testing::Values(0, 16 << 10));

TEST(LevelDbFullDisk, AtEveryWriteIsAnErrorAndLosesNothing_SO_12_4) {
  uint64_t refused = 0;
  for (uint64_t n = 1;; ++n) {
    SCOPED_TRACE("full at write " + std::to_string(n));
    FakeFileSystem fs;
    fs.FillAtWrite(n);
    const Life life = WriteBatches(fs, 1, kBatches, 0);
    if (fs.writes() < n) break;
    ASSERT_TRUE(life.failure);
    EXPECT_NE(life.failure->message.find("No space left on device"), std::string::npos);
    if (!life.ended.ok()) {
      ++refused;
      EXPECT_NE(life.ended.ToString().find("No space left on device"), std::string::npos)
          << life.ended.ToString();
    }
    fs.CrashProcess();  // and somebody made room
    ASSERT_NO_FATAL_FAILURE(ExpectALifeAfter(fs, life));
  }
  EXPECT_GT(refused, 50u);
}

TEST(LevelDbFailedSync, AtEverySyncIsAnErrorAndLosesNothing_SO_12_4) {
  uint64_t refused = 0;
  for (uint64_t n = 1;; ++n) {
    FakeFileSystem fs;
    fs.FailSyncNumber(n);
    const Life life = WriteBatches(fs, 1, kBatches, 16 << 10);
    if (fs.syncs() + fs.dir_syncs() < n) break;
    SCOPED_TRACE("failed sync " + std::to_string(n));
    ASSERT_TRUE(life.failure);
    if (!life.ended.ok()) ++refused;
    const auto powerless = fs.Clone();
    fs.CrashProcess();
    ASSERT_NO_FATAL_FAILURE(ExpectALifeAfter(fs, life));
    SCOPED_TRACE("and the power went too");
    powerless->LosePower({.kind = Survivors::Kind::kNone});
    ASSERT_NO_FATAL_FAILURE(ExpectALifeAfter(*powerless, life));
  }
  EXPECT_GT(refused, 50u);
}

// A whole checkpoint: parts without a sync, over several logs, and one synced batch at the end.
TEST(LevelDbCrashAfterUnsyncedBatches, ASyncedBatchIsDurableWithAllBeforeIt_SO_12_2) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    FakeFileSystem fs;
    {
      const OpenStore store = OpenLevelDb(fs);
      ASSERT_TRUE(store.opened.ok());
      for (int k = 1; k < kBatches; ++k) {
        leveldb::WriteBatch batch = MakeBatch(k);
        ASSERT_TRUE(store.db->Write(leveldb::WriteOptions(), &batch).ok());
      }
      ASSERT_TRUE(WriteSynced(store.db.get(), kBatches).ok());
      fs.StopAtOperation(1 + seed);  // somewhere in the compactions that still run
    }
    fs.LosePower(
        {.kind = seed == 0 ? Survivors::Kind::kNone : Survivors::Kind::kAnySectors, .seed = seed});
    SCOPED_TRACE("seed " + std::to_string(seed));
    ASSERT_EQ(Recover(fs, {.acknowledged = kBatches, .attempted = kBatches}), kBatches);
  }
}

}  // namespace
}  // namespace lockkeeper
