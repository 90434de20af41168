// Start-up: which state a directory holds, and that a crash at any moment loses nothing that was
// acknowledged.
#include "server/storage/recovery.h"

#include <gtest/gtest.h>

#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "datatree/tree_walk.h"
#include "server/storage/snapshot_writer.h"
#include "server/storage/tree_snapshot.h"
#include "server/tools/import.h"
#include "tests/datatree/random_history.h"
#include "tests/datatree/tree_test_util.h"
#include "tests/server/storage/fake_file_system.h"
#include "tests/server/storage/recovery_test_util.h"

namespace lockkeeper {
namespace {

std::string ErrorOfStart(FileSystem& fs, const Config& config = TestConfig()) {
  const auto storage = Storage::Start(fs, config);
  return storage ? "" : storage.error().message;
}

// Writes payloads with a checkpoint, a roll or a restart now and then, until the disk fails or
// nothing is left. Returns how many were acknowledged.
size_t Live(FileSystem& fs, const std::vector<std::string>& payloads, uint64_t seed) {
  RandomRequests random(seed);
  auto started = Storage::Start(fs, TestConfig());
  size_t written = 0;
  while (started && written < payloads.size()) {
    Storage& storage = **started;
    bool ok = true;
    switch (random.Below(20)) {
      case 0:
        ok = storage.Roll();
        break;
      case 1:
      case 2: {
        const size_t end = std::min(payloads.size(), written + random.Below(6));
        ok = storage.Checkpoint({payloads.begin() + static_cast<ptrdiff_t>(written),
                                 payloads.begin() + static_cast<ptrdiff_t>(end)},
                                &written);
        break;
      }
      case 3:
        if (random.Below(4) == 0) {
          started->reset();
          started = Storage::Start(fs, TestConfig());
        }
        break;
      default:
        ok = storage.Write(payloads[written]);
        written += ok ? 1 : 0;
    }
    if (!ok) break;
  }
  return written;
}

class RecoveryAfterPowerLoss : public ::testing::TestWithParam<uint64_t> {};

// A record that is longer than a sector and torn in its middle is refused with its remedy, which
// txn_log_crash_test.cc shows; here tails are cut.
Survivors SurvivorsOf(uint64_t n) {
  using Kind = Survivors::Kind;
  constexpr Kind kKinds[] = {Kind::kNone, Kind::kAll, Kind::kPrefix, Kind::kContent, Kind::kNames};
  return {.kind = kKinds[n / 7 % std::size(kKinds)], .operations = n % 3, .torn_bytes = n % 400};
}

// The machine stops at any operation, and a part of what was not synced reaches the disk.
TEST_P(RecoveryAfterPowerLoss, HasEveryAcknowledgedTransactionAndAPrefixOfTheHistory) {  // SO-12.2
  std::vector<std::string> payloads = RandomPayloads(GetParam());
  payloads.resize(150);
  const std::vector<std::string> states = StatesOf(payloads);
  uint64_t all = 0;
  {
    FakeFileSystem fs;
    ASSERT_EQ(Live(fs, payloads, GetParam()), payloads.size());
    all = fs.operations();
  }
  for (uint64_t n = 1 + GetParam() % 7; n < all; n += 7) {
    FakeFileSystem fs;
    fs.StopAtOperation(n);
    const size_t acknowledged = Live(fs, payloads, GetParam());
    fs.LosePower(SurvivorsOf(n));
    const auto storage = StartOrFail(fs);
    ASSERT_NE(storage, nullptr) << "stopped at operation " << n << SurvivorsOf(n).Describe();
    const auto last = static_cast<size_t>(storage->tree().last_zxid().value);
    ASSERT_GE(last, acknowledged) << "stopped at operation " << n;
    ASSERT_LT(last, states.size());
    ASSERT_EQ(DumpTree(storage->tree()), states[last]) << "stopped at operation " << n;
    ASSERT_EQ(storage->summary().digest_mismatches, 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RecoveryAfterPowerLoss, ::testing::Range<uint64_t>(1, 9));

class RecoveryTest : public ::testing::Test {
 protected:
  // Transactions begin..end go into the directory, with a checkpoint at the end if wanted.
  void Run(size_t begin, size_t end, bool checkpoint) {
    const auto storage = StartOrFail(fs_);
    for (size_t i = begin; i < end; ++i) ASSERT_TRUE(storage->Write(payloads_[i]));
    size_t ignored = 0;
    if (checkpoint) {
      ASSERT_TRUE(storage->Checkpoint({}, &ignored));
    }
  }
  // ZooKeeper's snapshot of the state after `end` transactions.
  void PutSnapshot(size_t end) {
    DataTree tree(HistoryOptions());
    for (size_t i = 0; i < end; ++i) ASSERT_TRUE(tree.Apply(payloads_[i], nullptr));
    ASSERT_TRUE(WriteSnapshot(fs_, kVersionDir, TestConfig(), tree));
  }
  void RemoveAll(std::string_view prefix) {
    const auto names = fs_.List(kVersionDir);
    ASSERT_TRUE(names);
    for (const std::string& name : *names) {
      if (!name.starts_with(prefix)) continue;
      ASSERT_TRUE(fs_.Remove(std::string(kVersionDir) + "/" + name));
    }
  }
  void ExpectState(size_t transactions, const std::string& base) {
    const auto storage = StartOrFail(fs_);
    ASSERT_NE(storage, nullptr);
    EXPECT_EQ(storage->summary().base, base);
    EXPECT_EQ(DumpTree(storage->tree()), states_[transactions]);
  }

  FakeFileSystem fs_;
  const std::vector<std::string> payloads_ = RandomPayloads(1);
  const std::vector<std::string> states_ = StatesOf(payloads_);
};

TEST_F(RecoveryTest, AnEmptyDirectoryGetsZooKeepersSnapshot0) {  // SO-2.19, SO-3.1
  ExpectState(0, "");
  EXPECT_EQ(fs_.Content("/data/version-2/snapshot.0").size(), 478u);
  ExpectState(0, "snapshot.0");
}

TEST_F(RecoveryTest, AnEmptyDirectoryIsRefusedWhenNobodyVouchesForIt) {  // SO-2.19, SO-1.4
  Config config = TestConfig();
  config.db_autocreate = false;
  EXPECT_NE(ErrorOfStart(fs_, config).find("db.autocreate=false"), std::string::npos);
  fs_.PutDurably("/data/initialize", "");
  EXPECT_EQ(ErrorOfStart(fs_, config), "");
  EXPECT_FALSE((*fs_.Stat("/data/initialize")).has_value());
}

TEST_F(RecoveryTest, TheCheckpointAndTheLogAfterIt) {
  Run(0, 100, true);
  Run(100, 130, false);
  ExpectState(130, "checkpoint");
}

TEST_F(RecoveryTest, TheCheckpointAloneWhenTheLogIsGone) {  // SO-2.20
  Run(0, 100, true);
  RemoveAll("log.");
  ExpectState(100, "checkpoint");
}

TEST_F(RecoveryTest, ANewerSnapshotReplacesTheCheckpoint) {
  Run(0, 100, true);
  Run(100, 200, false);
  PutSnapshot(150);
  ExpectState(200, "snapshot.96");
  Run(200, 210, true);
  ExpectState(210, "checkpoint");
}

TEST_F(RecoveryTest, AnOlderSnapshotDoesNot) {
  Run(0, 100, true);
  PutSnapshot(50);
  ExpectState(100, "checkpoint");
}

TEST_F(RecoveryTest, ADamagedSnapshotIsPassedOverWhenTheLogReachesItsEnd) {  // SO-3.9
  Run(0, 100, false);
  PutSnapshot(60);
  fs_.FlipBit("/data/version-2/snapshot.3c", 200, 1);
  ExpectState(100, "snapshot.0");
}

TEST_F(RecoveryTest, ADamagedSnapshotIsNotPassedOverWhenItsTransactionsAreNowhereElse) {
  Run(0, 50, false);
  PutSnapshot(60);
  fs_.FlipBit("/data/version-2/snapshot.3c", 200, 1);
  EXPECT_NE(ErrorOfStart(fs_).find("snapshot.3c"), std::string::npos);
}

TEST_F(RecoveryTest, AnIncompleteSnapshotIsNotPassedOverEither) {  // SO-3.10
  fs_.PutDurably("/data/version-2/snapshot.5", "ZKSN");
  EXPECT_NE(ErrorOfStart(fs_).find("snapshot.5"), std::string::npos);
  EXPECT_FALSE((*fs_.Stat("/data/version-2/snapshot.0")).has_value()) << "untouched";
}

TEST_F(RecoveryTest, TheDigestOfASnapshotIsComparedWhenItIsLoaded) {  // SO-3.17
  const DataTree tree(HistoryOptions());
  for (const uint64_t error : {0, 1}) {
    FakeFileSystem fs;
    ASSERT_TRUE(fs.MakeDirs(kVersionDir));
    auto writer = SnapshotWriter::Create(fs, kVersionDir, Zxid{5}, SnapshotCompression::kNone);
    ASSERT_TRUE(writer);
    ASSERT_TRUE((*writer)->Begin({}, {}));
    ASSERT_TRUE(ForEachNode(tree, [&](StoredNode node) {
      node.acl_key = kOpenAclKey;  // the digest does not depend on it
      return (*writer)->Add(node);
    }));
    const SnapshotDigest digest{Zxid{5}, kDigestVersion, tree.digest() + error};
    ASSERT_TRUE((*writer)->Finish(digest, std::nullopt));
    const auto storage = StartOrFail(fs);
    ASSERT_NE(storage, nullptr);
    EXPECT_EQ(storage->summary().digest_mismatches, error);
  }
}

TEST_F(RecoveryTest, ADirectoryWithTheNameOfASnapshotIsNone) {  // SO-1.5
  Run(0, 50, true);
  ASSERT_TRUE(fs_.MakeDirs("/data/version-2/snapshot.64").ok());
  ExpectState(50, "checkpoint");
}

TEST_F(RecoveryTest, LogsWithoutAnyBaseAreRefusedUnlessTheyAreTrusted) {  // SO-2.18, P44
  Run(0, 50, false);
  RemoveAll("snapshot.");
  EXPECT_NE(ErrorOfStart(fs_).find("No snapshot found, but there are log entries"),
            std::string::npos);
  Config config = TestConfig();
  config.snapshot_trust_empty = true;
  const auto storage = StartOrFail(fs_, config);
  ASSERT_NE(storage, nullptr);
  EXPECT_EQ(DumpTree(storage->tree()), states_[50]);
}

TEST_F(RecoveryTest, AGapBetweenTheCheckpointAndTheLogIsRefused) {  // SO-2.16
  Run(0, 50, true);
  Run(50, 60, false);
  Run(60, 70, false);
  ASSERT_TRUE(fs_.Remove("/data/version-2/log.33"));
  EXPECT_NE(ErrorOfStart(fs_), "");
}

TEST_F(RecoveryTest, LoadStateChangesNothing) {
  Run(0, 50, false);
  const auto before = fs_.List(kVersionDir);
  {
    const auto dir = DataDir::Open(fs_, {.data_dir = kDataDir});
    ASSERT_TRUE(dir);
    const auto state = LoadState(fs_, **dir, TestConfig(), TreeOptions(TestConfig()));
    ASSERT_TRUE(state);
    EXPECT_EQ(DumpTree(*state->tree), states_[50]);
  }
  EXPECT_EQ(*fs_.List(kVersionDir), *before);
}

TEST_F(RecoveryTest, WhatAnotherServersCheckpointAndLogHoldCanBeImported) {  // SO-12.7
  Run(0, 50, true);
  Run(50, 60, false);
  Config config = TestConfig();
  config.data_dir = "/other";
  const auto imported = Import(fs_, config, kDataDir, "");
  ASSERT_TRUE(imported) << imported.error().message;
  EXPECT_EQ(imported->base, "checkpoint");
  EXPECT_EQ(imported->transactions, 10u);
  const auto storage = StartOrFail(fs_, config);
  ASSERT_NE(storage, nullptr);
  EXPECT_EQ(storage->summary().transactions, 0u);
  EXPECT_EQ(DumpTree(storage->tree()), states_[60]);
}

}  // namespace
}  // namespace lockkeeper
