// SNAP and TRUNC on the disk of a member: the old state or the new one, never a mixture, whenever
// the machine stops (quorum-protocol 3.9, 3.10).
#include "server/storage/state_change.h"

#include <gtest/gtest.h>

#include <iterator>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "server/peer/snapshot_receiver.h"
#include "server/storage/recovery.h"
#include "server/storage/tree_snapshot.h"
#include "tests/datatree/random_history.h"
#include "tests/datatree/tree_test_util.h"
#include "tests/server/storage/fake_file_system.h"
#include "tests/server/storage/recovery_test_util.h"

namespace lockkeeper {
namespace {

constexpr size_t kOldEnd = 150;

// Where the old state keeps what.
struct Old {
  size_t checkpoint;  // 0: none
  std::vector<size_t> snapshots;
  const char* what;
};

const std::vector<std::string>& OldPayloads() {
  static const std::vector<std::string> payloads = RandomPayloads(5);
  return payloads;
}
const std::vector<std::string>& OldStates() {
  static const std::vector<std::string> states = StatesOf(OldPayloads());
  return states;
}
// The history of the leader.
const std::vector<std::string>& NewPayloads() {
  static const std::vector<std::string> payloads = RandomPayloads(6);
  return payloads;
}
const std::vector<std::string>& NewStates() {
  static const std::vector<std::string> states = StatesOf(NewPayloads());
  return states;
}

void PutSnapshot(FakeFileSystem& fs, size_t zxid) {
  ASSERT_TRUE(WriteSnapshot(fs, kVersionDir, TestConfig(), *TreeAfter(OldPayloads(), zxid)));
}

// A disk with transactions 1 to kOldEnd in several files.
void Fill(FakeFileSystem& fs, const Old& old) {
  const auto storage = StartOrFail(fs);
  ASSERT_NE(storage, nullptr);
  for (size_t i = 0; i < kOldEnd; ++i) {
    ASSERT_TRUE(storage->Write(OldPayloads()[i]));
    size_t ignored = 0;
    if (i + 1 == old.checkpoint) {
      ASSERT_TRUE(storage->Checkpoint({}, &ignored));
    }
    if (i % 30 == 29) {
      ASSERT_TRUE(storage->Roll());
    }
  }
  for (const size_t zxid : old.snapshots) ASSERT_NO_FATAL_FAILURE(PutSnapshot(fs, zxid));
}

// The leader's tree, as it arrives behind a SNAP packet.
std::unique_ptr<DataTree> Received(size_t zxid) {
  std::string stream;
  const auto tree = TreeAfter(NewPayloads(), zxid);
  EXPECT_TRUE(StreamSnapshot(*tree, 1 << 20, [&](std::string chunk) { stream += chunk; }));
  SnapshotReceiver receiver(tree->last_zxid(), HistoryOptions(), 1 << 20);
  EXPECT_TRUE(receiver.Consume(stream));
  EXPECT_TRUE(receiver.done());
  return receiver.TakeTree();
}

bool Install(FileSystem& fs, Storage& storage, size_t zxid) {
  auto tree = Received(zxid);
  const Status installed =
      InstallState(fs, storage.dir(), TestConfig(), storage.store(), storage.writer(), tree.get());
  if (installed) storage.ReplaceTree(std::move(tree));
  return installed.ok();
}

// False: the disk stopped.
bool Truncate(FileSystem& fs, Storage& storage, size_t upto) {
  const Zxid zxid{static_cast<int64_t>(upto)};
  auto tree =
      LoadStateUpTo(fs, storage.dir(), TestConfig(), HistoryOptions(), storage.store(), zxid);
  EXPECT_TRUE(tree) << tree.error().message;
  if (!tree || *tree == nullptr) return false;
  EXPECT_EQ(DumpTree(**tree), OldStates()[upto]);
  const Status cut =
      TruncateState(fs, storage.dir(), TestConfig(), zxid, storage.store(), storage.writer());
  if (cut) storage.ReplaceTree(std::move(*tree));
  return cut.ok();
}

Survivors SurvivorsOf(uint64_t n) {
  using Kind = Survivors::Kind;
  constexpr Kind kKinds[] = {Kind::kNone,    Kind::kAll,   Kind::kPrefix,
                             Kind::kContent, Kind::kNames, Kind::kAnySectors};
  return {
      .kind = kKinds[n % std::size(kKinds)], .operations = n % 4, .torn_bytes = n % 300, .seed = n};
}

const std::vector<Old>& OldStatesOnDisk() {
  static const std::vector<Old> all = {
      {0, {}, "snapshot.0 and the log"},
      {100, {}, "a checkpoint"},
      {140, {80, 110}, "a newer checkpoint, older snapshots"},
      {100, {80, 130, 145}, "a checkpoint, older and newer snapshots"},
  };
  return all;
}

// --- SNAP ---

// Of the state before, one of OldStatesOnDisk(), and the zxid of the received one.
class Installed : public testing::TestWithParam<std::tuple<size_t, size_t>> {
 protected:
  const Old& old() const { return OldStatesOnDisk()[std::get<0>(GetParam())]; }
  size_t zxid() const { return std::get<1>(GetParam()); }
};

// Goes on with the leader's history, and starts again: from the log, then from a checkpoint.
void ExpectALifeAfterInstall(FakeFileSystem& fs, std::unique_ptr<Storage> storage, size_t zxid) {
  size_t next = zxid;
  for (int life = 0; life < 3; ++life) {
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(storage->Write(NewPayloads()[next++]));
    size_t ignored = 0;
    if (life == 1) {
      ASSERT_TRUE(storage->Checkpoint({}, &ignored));
      ASSERT_TRUE(storage->Write(NewPayloads()[next++]));
    }
    storage.reset();
    fs.LosePower({.kind = Survivors::Kind::kNone});
    storage = StartOrFail(fs);
    ASSERT_NE(storage, nullptr);
    ASSERT_EQ(DumpTree(storage->tree()), NewStates()[next]);
  }
  EXPECT_EQ(storage->summary().base, "checkpoint");
}

TEST_P(Installed, IsAllThatIsLeft_QP_3_13_QP_3_18) {
  FakeFileSystem fs;
  ASSERT_NO_FATAL_FAILURE(Fill(fs, old()));
  auto storage = StartOrFail(fs);
  ASSERT_TRUE(Install(fs, *storage, zxid()));
  EXPECT_EQ(DumpTree(storage->tree()), NewStates()[zxid()]);
  EXPECT_FALSE(storage->store()->meta()) << "the next checkpoint is a whole one";
  ASSERT_NO_FATAL_FAILURE(ExpectALifeAfterInstall(fs, std::move(storage), zxid()));
}

TEST_P(Installed, LoadsAtOnceAfterAPowerLoss_QP_3_13_QP_3_18) {
  FakeFileSystem fs;
  ASSERT_NO_FATAL_FAILURE(Fill(fs, old()));
  {
    const auto storage = StartOrFail(fs);
    ASSERT_TRUE(Install(fs, *storage, zxid()));
  }
  fs.LosePower({.kind = Survivors::Kind::kNone});
  const auto storage = StartOrFail(fs);
  ASSERT_NE(storage, nullptr);
  EXPECT_EQ(DumpTree(storage->tree()), NewStates()[zxid()]);
  EXPECT_EQ(storage->summary().transactions, 0u) << "no record from before is replayed";
  const auto names = fs.List(kVersionDir);
  for (const std::string& name : *names) EXPECT_FALSE(name.starts_with("log.")) << name;
}

TEST_P(Installed, OrTheOldStateIsThereWhereverTheMachineStops_QP_3_13_QP_3_18_P13) {
  FakeFileSystem original;
  ASSERT_NO_FATAL_FAILURE(Fill(original, old()));
  size_t kept = 0;
  size_t replaced = 0;
  bool done = false;
  for (uint64_t n = 1; !done; ++n) {
    const auto fs = original.Clone();
    auto storage = StartOrFail(*fs);
    fs->StopAtOperation(n);
    done = Install(*fs, *storage, zxid());
    storage.reset();
    const Survivors survivors = SurvivorsOf(n);
    SCOPED_TRACE("stopped at operation " + std::to_string(n) + ", " + survivors.Describe());
    fs->LosePower(survivors);
    {
      // A tool that only looks sees the same as the server that starts.
      const auto dir = DataDir::Open(*fs, {.data_dir = kDataDir});
      const auto seen = LoadState(*fs, **dir, TestConfig(), HistoryOptions());
      ASSERT_TRUE(seen) << seen.error().message;
      const std::string dump = DumpTree(*seen->tree);
      ASSERT_TRUE(dump == NewStates()[zxid()] || dump == OldStates()[kOldEnd]);
      kept += dump == OldStates()[kOldEnd] ? 1 : 0;
    }
    // The machine stops again while the start completes what was begun.
    fs->StopAtOperation(1 + n % 9);
    Storage::Start(*fs, TestConfig()).has_value();
    fs->LosePower(SurvivorsOf(n / 2));
    storage = StartOrFail(*fs);
    ASSERT_NE(storage, nullptr);
    const std::string found = DumpTree(storage->tree());
    if (found == NewStates()[zxid()]) {
      ++replaced;
      ASSERT_NO_FATAL_FAILURE(ExpectALifeAfterInstall(*fs, std::move(storage), zxid()));
    } else {
      ASSERT_FALSE(done);
      ASSERT_EQ(found, OldStates()[kOldEnd]);
    }
  }
  EXPECT_GT(kept, 2u);
  EXPECT_GT(replaced, 2u);
}

// Below, at and above the old end; below and above the old checkpoint and snapshots.
INSTANTIATE_TEST_SUITE_P(States, Installed,
                         testing::Combine(testing::Range<size_t>(0, OldStatesOnDisk().size()),
                                          testing::Values(50, 120, 150, 300)));

TEST(Install, LeavesTheOldStateWhenTheDiskIsFull_QP_3_13) {
  FakeFileSystem fs;
  ASSERT_NO_FATAL_FAILURE(Fill(fs, OldStatesOnDisk()[1]));
  auto storage = StartOrFail(fs);
  fs.LimitSpace(1000);
  EXPECT_FALSE(Install(fs, *storage, 300));
  storage.reset();
  fs.CrashProcess();
  storage = StartOrFail(fs);
  ASSERT_NE(storage, nullptr);
  EXPECT_EQ(DumpTree(storage->tree()), OldStates()[kOldEnd]);
  EXPECT_TRUE(fs.List("/data/version-2/received")->empty());
}

// A whole checkpoint goes to the store in parts; this one was given up after the first.
void PutUnfinishedCheckpoint(Storage& storage) {
  CheckpointBatch batch;
  StoredNode node;
  node.path = "/of-the-old-state";
  batch.Add(node);
  ASSERT_TRUE(storage.store()->WritePart(&batch));
}

TEST(Install, LeavesNothingOfAFirstCheckpointThatWasGivenUp) {
  FakeFileSystem fs;
  ASSERT_NO_FATAL_FAILURE(Fill(fs, OldStatesOnDisk()[0]));
  auto storage = StartOrFail(fs);
  ASSERT_NO_FATAL_FAILURE(PutUnfinishedCheckpoint(*storage));
  ASSERT_TRUE(Install(fs, *storage, 300));
  size_t ignored = 0;
  ASSERT_TRUE(storage->Checkpoint({}, &ignored));
  storage.reset();
  storage = StartOrFail(fs);
  ASSERT_NE(storage, nullptr);
  EXPECT_EQ(storage->summary().base, "checkpoint");
  EXPECT_EQ(DumpTree(storage->tree()), NewStates()[300]);
}

TEST(Install, OneAfterTheOtherEachReplacesTheOneBefore_QP_3_18) {
  FakeFileSystem fs;
  auto storage = StartOrFail(fs);
  for (const size_t zxid : {200, 100, 100, 400}) {
    ASSERT_TRUE(Install(fs, *storage, zxid));
    ASSERT_TRUE(storage->Write(NewPayloads()[zxid]));
    ASSERT_EQ(DumpTree(storage->tree()), NewStates()[zxid + 1]);
  }
  ASSERT_NO_FATAL_FAILURE(ExpectALifeAfterInstall(fs, std::move(storage), 401));
}

// --- TRUNC ---

// Of the state before, and where it is cut.
class Truncated : public testing::TestWithParam<std::tuple<size_t, size_t>> {
 protected:
  const Old& old() const { return OldStatesOnDisk()[std::get<0>(GetParam())]; }
  size_t upto() const { return std::get<1>(GetParam()); }
};

// What the leader has instead of the transaction that went.
std::string Fork(size_t zxid) {
  return PayloadOf(OpCode::kCreateSession, static_cast<int64_t>(zxid), CreateSessionTxn{9000},
                   SessionId{77});
}

void ExpectALifeAfterTruncate(FakeFileSystem& fs, std::unique_ptr<Storage> storage, size_t upto) {
  DataTree expected(HistoryOptions());
  for (size_t i = 0; i < upto; ++i) ASSERT_TRUE(expected.Apply(OldPayloads()[i], nullptr));
  for (size_t life = 1; life <= 3; ++life) {
    const std::string payload = Fork(upto + life);
    ASSERT_TRUE(storage->Write(payload));
    ASSERT_TRUE(expected.Apply(payload, nullptr));
    size_t ignored = 0;
    if (life == 2) {
      ASSERT_TRUE(storage->Checkpoint({}, &ignored));
    }
    storage.reset();
    fs.LosePower({.kind = Survivors::Kind::kNone});
    storage = StartOrFail(fs);
    ASSERT_NE(storage, nullptr);
    ASSERT_EQ(DumpTree(storage->tree()), DumpTree(expected));
  }
}

TEST_P(Truncated, GoesOnFromThePlace_QP_3_17_P12) {
  FakeFileSystem fs;
  ASSERT_NO_FATAL_FAILURE(Fill(fs, old()));
  auto storage = StartOrFail(fs);
  ASSERT_TRUE(Truncate(fs, *storage, upto()));
  ASSERT_NO_FATAL_FAILURE(ExpectALifeAfterTruncate(fs, std::move(storage), upto()));
}

TEST_P(Truncated, IsTheStateAfterAPowerLoss_QP_3_17_P12) {
  FakeFileSystem fs;
  ASSERT_NO_FATAL_FAILURE(Fill(fs, old()));
  {
    const auto storage = StartOrFail(fs);
    ASSERT_TRUE(Truncate(fs, *storage, upto()));
  }
  fs.LosePower({.kind = Survivors::Kind::kNone});
  const auto storage = StartOrFail(fs);
  ASSERT_NE(storage, nullptr);
  EXPECT_EQ(DumpTree(storage->tree()), OldStates()[upto()]);
}

TEST_P(Truncated, OrTheStateBeforeIsThereWhereverTheMachineStops_QP_3_17) {
  FakeFileSystem original;
  ASSERT_NO_FATAL_FAILURE(Fill(original, old()));
  bool done = false;
  for (uint64_t n = 1; !done; ++n) {
    const auto fs = original.Clone();
    auto storage = StartOrFail(*fs);
    fs->StopAtOperation(n);
    done = Truncate(*fs, *storage, upto());
    storage.reset();
    const Survivors survivors = SurvivorsOf(n);
    SCOPED_TRACE("stopped at operation " + std::to_string(n) + ", " + survivors.Describe());
    fs->LosePower(survivors);
    storage = StartOrFail(*fs);
    ASSERT_NE(storage, nullptr);
    const auto last = static_cast<size_t>(storage->tree().last_zxid().value);
    ASSERT_GE(last, upto());
    ASSERT_LE(last, done ? upto() : kOldEnd);
    ASSERT_EQ(DumpTree(storage->tree()), OldStates()[last]);
    // The leader says it again.
    ASSERT_TRUE(Truncate(*fs, *storage, upto()));
    ASSERT_NO_FATAL_FAILURE(ExpectALifeAfterTruncate(*fs, std::move(storage), upto()));
  }
}

INSTANTIATE_TEST_SUITE_P(States, Truncated,
                         testing::Combine(testing::Range<size_t>(0, OldStatesOnDisk().size()),
                                          testing::Values(10, 100, 120, 149, 150)));

TEST(Truncate, RemovesAFuzzySnapshotThatHoldsWhatMustGo_P12) {
  FakeFileSystem fs;
  ASSERT_NO_FATAL_FAILURE(Fill(fs, OldStatesOnDisk()[0]));
  const auto fuzzy = TreeAfter(OldPayloads(), 140);
  fuzzy->BeginEpoch(Zxid{90});
  ASSERT_TRUE(WriteSnapshot(fs, kVersionDir, TestConfig(), *fuzzy));
  auto storage = StartOrFail(fs);
  EXPECT_EQ(storage->summary().base, "snapshot.5a");
  ASSERT_TRUE(Truncate(fs, *storage, 100));
  EXPECT_FALSE((*fs.Stat("/data/version-2/snapshot.5a")).has_value());
  ASSERT_NO_FATAL_FAILURE(ExpectALifeAfterTruncate(fs, std::move(storage), 100));
}

TEST(Truncate, LeavesNothingOfAFirstCheckpointThatWasGivenUp) {
  FakeFileSystem fs;
  ASSERT_NO_FATAL_FAILURE(Fill(fs, OldStatesOnDisk()[0]));
  auto storage = StartOrFail(fs);
  ASSERT_NO_FATAL_FAILURE(PutUnfinishedCheckpoint(*storage));
  ASSERT_TRUE(Truncate(fs, *storage, 100));
  size_t ignored = 0;
  ASSERT_TRUE(storage->Checkpoint({}, &ignored));
  storage.reset();
  storage = StartOrFail(fs);
  ASSERT_NE(storage, nullptr);
  EXPECT_EQ(storage->summary().base, "checkpoint");
  EXPECT_EQ(DumpTree(storage->tree()), OldStates()[100]);
}

// Each directory has to be synced for itself.
TEST(SeparateLogDirectory, TakesBothChangesDurably_QP_3_13_QP_3_17) {
  Config config = TestConfig();
  config.data_log_dir = "/log";
  FakeFileSystem fs;
  auto storage = StartOrFail(fs, config);
  for (size_t i = 0; i < kOldEnd; ++i) ASSERT_TRUE(storage->Write(OldPayloads()[i]));
  ASSERT_NO_FATAL_FAILURE(PutSnapshot(fs, 145));
  ASSERT_TRUE(Truncate(fs, *storage, 120));
  storage.reset();
  fs.LosePower({.kind = Survivors::Kind::kNone});
  storage = StartOrFail(fs, config);
  ASSERT_NE(storage, nullptr);
  ASSERT_EQ(DumpTree(storage->tree()), OldStates()[120]);
  ASSERT_TRUE(Install(fs, *storage, 50));
  storage.reset();
  fs.LosePower({.kind = Survivors::Kind::kNone});
  storage = StartOrFail(fs, config);
  ASSERT_NE(storage, nullptr);
  EXPECT_EQ(DumpTree(storage->tree()), NewStates()[50]);
  EXPECT_EQ(storage->summary().base, "snapshot.32");
}

}  // namespace
}  // namespace lockkeeper
