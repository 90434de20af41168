// SO-3.18: what autopurge removes, that it removes nothing that a start needs, and that no crash
// in the middle leaves a directory that anybody would load wrongly.
#include "server/storage/purge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "server/storage/txn_log_format.h"
#include "tests/server/storage/fake_file_system.h"
#include "tests/server/storage/log_test_util.h"

namespace lockkeeper {
namespace {

using Names = std::vector<std::string>;

std::string Hex(int64_t zxid) {
  char text[20];
  std::snprintf(text, sizeof text, "%llx", static_cast<unsigned long long>(zxid));
  return text;
}
std::string SnapshotName(int64_t zxid) { return "snapshot." + Hex(zxid); }
std::string LogName(int64_t zxid) { return LogFileName(Zxid{zxid}); }

std::vector<Zxid> Zxids(const std::vector<int64_t>& values) {
  std::vector<Zxid> zxids;
  for (const int64_t value : values) zxids.push_back(Zxid{value});
  return zxids;
}
std::vector<SnapshotToPurge> Valid(const std::vector<int64_t>& zxids) {
  std::vector<SnapshotToPurge> snapshots;
  for (const int64_t zxid : zxids) snapshots.push_back({SnapshotName(zxid), true});
  return snapshots;
}
Names LogNames(const std::vector<int64_t>& zxids) {
  Names names;
  for (const int64_t zxid : zxids) names.push_back(LogName(zxid));
  return names;
}
Names SnapshotNames(const std::vector<int64_t>& zxids) {
  Names names;
  for (const int64_t zxid : zxids) names.push_back(SnapshotName(zxid));
  return names;
}

// --- the decision ---

TEST(PlanPurge, KeepsTheNewestSnapshotsAndTheLogOfTheOldestOfThem_SO_3_18) {
  const PurgePlan plan = PlanPurge({.snapshots = Valid({0x10, 0x20, 0x30, 0x40, 0x50}),
                                    .logs = LogNames({0x1, 0x11, 0x21, 0x31, 0x41})});
  EXPECT_EQ(plan.oldest_kept, Zxid{0x30});
  EXPECT_EQ(plan.snapshots, SnapshotNames({0x10, 0x20}));
  EXPECT_EQ(plan.logs, LogNames({0x1, 0x11}));  // 0x21 may hold what follows 0x30
}

TEST(PlanPurge, ALogThatStartsAtTheGenerationIsEnough_SO_3_18) {
  const PurgePlan plan =
      PlanPurge({.checkpoints = Zxids({0x30}), .logs = LogNames({0x1, 0x21, 0x30, 0x31})});
  EXPECT_EQ(plan.logs, LogNames({0x1, 0x21}));
}

TEST(PlanPurge, CountsCheckpointsAndSnapshotsTogether_SO_3_18) {
  const PurgeInput input{.checkpoints = Zxids({0x50, 0x15, 0x35}),
                         .snapshots = Valid({0x40, 0x0, 0x30}),
                         .logs = LogNames({0x1, 0x16, 0x36, 0x51})};
  const PurgePlan plan = PlanPurge(input);  // 0x50, 0x40, 0x35
  EXPECT_EQ(plan.oldest_kept, Zxid{0x35});
  EXPECT_EQ(plan.snapshots, SnapshotNames({0x0, 0x30}));
  EXPECT_EQ(plan.logs, LogNames({0x1}));
}

TEST(PlanPurge, OneZxidIsOneGeneration_SO_3_18) {
  const PurgePlan plan = PlanPurge({.checkpoints = Zxids({0x30, 0x30}),
                                    .snapshots = {{"snapshot.30", true},
                                                  {"snapshot.30.gz", true},
                                                  {"snapshot.20", true},
                                                  {"snapshot.10", true},
                                                  {"snapshot.5", true}}});
  EXPECT_EQ(plan.oldest_kept, Zxid{0x10});
  EXPECT_EQ(plan.snapshots, SnapshotNames({0x5}));
}

TEST(PlanPurge, WithFewerGenerationsTheOldestIsKept_SO_3_18) {
  const PurgePlan plan =
      PlanPurge({.snapshots = {{"snapshot.20", true}, {"snapshot.30", true}, {"snapshot.7", false}},
                 .logs = LogNames({0x1, 0x11, 0x21}),
                 .retain = 5});
  EXPECT_EQ(plan.oldest_kept, Zxid{0x20});
  EXPECT_EQ(plan.snapshots, SnapshotNames({0x7}));
  EXPECT_EQ(plan.logs, LogNames({0x1}));
}

TEST(PlanPurge, WithoutAGenerationNothingGoes_SO_3_18) {
  const PurgePlan plan = PlanPurge({.snapshots = {{"snapshot.20", false}, {"snapshot.foo", false}},
                                    .logs = LogNames({0x1, 0x11})});
  EXPECT_EQ(plan.oldest_kept, std::nullopt);
  EXPECT_TRUE(plan.snapshots.empty());
  EXPECT_TRUE(plan.logs.empty());
}

TEST(PlanPurge, InvalidSnapshotsGoWhenTheyAreOldAndUnreadableNamesAlways_SO_3_18) {
  const PurgePlan plan = PlanPurge({.snapshots = {{"snapshot.20", true},
                                                  {"snapshot.10", false},
                                                  {"snapshot.25", false},
                                                  {"snapshot.foo", false},
                                                  {"snapshot.", false},
                                                  {"snapshot.19.old", true}},
                                    .logs = {"log.zz", "log.1", "log.20", "log.1.bak"}});
  EXPECT_EQ(plan.oldest_kept, Zxid{0x19});  // further parts of a name do not count
  EXPECT_EQ(plan.snapshots, (Names{"snapshot.", "snapshot.foo", "snapshot.10"}));
  EXPECT_EQ(plan.logs, (Names{"log.zz"}));  // both of zxid 1 may be the one that is needed
}

TEST(PlanPurge, FewerThanThreeAreThree_SO_4_13) {
  for (const int retain : {-1, 0, 1, 2, 3}) {
    const PurgePlan plan =
        PlanPurge({.checkpoints = Zxids({0x10, 0x20, 0x30, 0x40}), .retain = retain});
    EXPECT_EQ(plan.oldest_kept, Zxid{0x20}) << retain;
  }
  EXPECT_EQ(PlanPurge({.checkpoints = Zxids({0x10, 0x20, 0x30, 0x40}), .retain = 4}).oldest_kept,
            Zxid{0x10});
}

// --- what may never happen, over random directories ---

PurgeInput RandomInput(std::mt19937_64& random) {
  const auto draw = [&](int64_t below) {
    return static_cast<int64_t>(random() % static_cast<uint64_t>(below));
  };
  const int64_t zxids = 1 + draw(40);  // few, so that equal and neighbouring ones are common
  PurgeInput input;
  input.retain = static_cast<int>(draw(8));
  for (int64_t i = draw(6); i > 0; --i) input.checkpoints.push_back(Zxid{draw(zxids)});
  for (int64_t i = draw(8); i > 0; --i) {
    const char* const ends[] = {"", "", "", ".gz", ".snappy", ".tmp"};
    input.snapshots.push_back({SnapshotName(draw(zxids)) + ends[draw(6)], draw(4) != 0});
  }
  if (draw(4) == 0) input.snapshots.push_back({"snapshot.x", false});
  std::set<int64_t> logs;
  for (int64_t i = draw(10); i > 0; --i) logs.insert(draw(zxids + 2));
  for (const int64_t log : logs) input.logs.push_back(LogName(log));
  std::shuffle(input.logs.begin(), input.logs.end(), random);
  return input;
}

// The logs that ZooKeeper and we read after a state at `zxid`: the newest that starts at or before
// zxid + 1, and all later ones.
std::set<std::string> LogsNeededFrom(Zxid zxid, const Names& logs) {
  Zxid start{-1};
  for (const std::string& log : logs) {
    const Zxid first = *ZxidOfFileName("log", log);
    if (first <= NextZxid(zxid)) start = std::max(start, first);
  }
  std::set<std::string> needed;
  for (const std::string& log : logs) {
    if (*ZxidOfFileName("log", log) >= start) needed.insert(log);
  }
  return needed;
}

bool Contains(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void ExpectNothingNeededGoes(const PurgeInput& input, const PurgePlan& plan) {
  std::set<Zxid> generations(input.checkpoints.begin(), input.checkpoints.end());
  for (const SnapshotToPurge& snapshot : input.snapshots) {
    const auto zxid = ZxidOfFileName("snapshot", snapshot.name);
    if (zxid && snapshot.valid) generations.insert(*zxid);
  }
  if (generations.empty()) {
    EXPECT_TRUE(plan.snapshots.empty() && plan.logs.empty());
    return;
  }
  const Zxid newest = *generations.rbegin();
  for (const std::string& log : LogsNeededFrom(newest, input.logs)) {
    EXPECT_FALSE(Contains(plan.logs, log)) << log << " is needed from the newest generation";
  }
  for (const SnapshotToPurge& snapshot : input.snapshots) {
    if (Contains(plan.snapshots, snapshot.name)) {
      EXPECT_NE(ZxidOfFileName("snapshot", snapshot.name), newest) << snapshot.name;
      continue;
    }
    const auto zxid = ZxidOfFileName("snapshot", snapshot.name);
    ASSERT_TRUE(zxid) << snapshot.name;
    for (const std::string& log : LogsNeededFrom(*zxid, input.logs)) {
      EXPECT_FALSE(Contains(plan.logs, log)) << log << " is needed from " << snapshot.name;
    }
  }
  const size_t kept = static_cast<size_t>(
      std::count_if(generations.begin(), generations.end(),
                    [&](const Zxid zxid) { return zxid >= *plan.oldest_kept; }));
  EXPECT_EQ(kept, std::min(generations.size(), static_cast<size_t>(std::max(3, input.retain))));
}

TEST(PlanPurge, NeverTakesWhatAStartNeeds_SO_3_18) {
  std::mt19937_64 random(20);
  uint64_t purged = 0;
  for (int round = 0; round < 20000 && !testing::Test::HasFailure(); ++round) {
    const PurgeInput input = RandomInput(random);
    const PurgePlan plan = PlanPurge(input);
    ExpectNothingNeededGoes(input, plan);
    purged += plan.logs.size() + plan.snapshots.size();
    EXPECT_TRUE(std::all_of(plan.logs.begin(), plan.logs.end(),
                            [&](const std::string& log) { return Contains(input.logs, log); }));
  }
  EXPECT_GT(purged, 20000u);  // the directories are not so small that nothing ever goes
}

// --- doing it ---

// What passes the quick check, and what does not.
const std::string kWhole = std::string(20, 's') + std::string("\0\0\0\1/", 5);
const std::string kCut = std::string(20, 's');

// Log files of 0x10 transactions from 1 to 0x60; snapshots at 0x0 to 0x50, that of 0x20 damaged;
// checkpoints at 0x45 and 0x55. With 3 generations 0x45 is the oldest that is kept.
class PurgeTest : public testing::TestWithParam<bool> {
 protected:
  static constexpr int64_t kLast = 0x60;
  static constexpr int64_t kOldestKept = 0x45;

  std::string SnapshotDir() const { return GetParam() ? "/snapshots/version-2" : kLogDir; }

  std::unique_ptr<FakeFileSystem> MakeDisk() const {
    auto fs = std::make_unique<FakeFileSystem>();
    EXPECT_TRUE(fs->MakeDirs(kLogDir));
    EXPECT_TRUE(fs->MakeDirs(SnapshotDir()));
    for (int64_t first = 1; first < kLast; first += 0x10) {
      fs->PutDurably(LogPath(first), LogContent(first, first + 0xf, 100));
    }
    for (int64_t zxid = 0; zxid <= 0x50; zxid += 0x10) {
      fs->PutDurably(SnapshotDir() + "/" + SnapshotName(zxid), zxid == 0x20 ? kCut : kWhole);
    }
    fs->PutDurably(SnapshotDir() + "/snapshot.foo", "");
    fs->PutDurably(SnapshotDir() + "/currentEpoch", "0");
    return fs;
  }

  Result<PurgePlan> Run(FileSystem& fs) const {
    return Purge(fs, SnapshotDir(), kLogDir, Zxids({0x45, 0x55}), 3);
  }

  Names All(FileSystem& fs) const {
    Names names = *fs.List(kLogDir);
    if (GetParam()) {
      const Names more = *fs.List(SnapshotDir());
      names.insert(names.end(), more.begin(), more.end());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  // From every snapshot that is there, and from the kept checkpoints, replay gives all that
  // follows: nobody can load an old state and take it for the newest.
  void ExpectLoadable(FileSystem& fs, const std::string& when) const {
    std::vector<int64_t> starts = {0x45, 0x55};
    const Names names = *fs.List(SnapshotDir());
    for (const std::string& name : names) {
      if (const auto zxid = ZxidOfFileName("snapshot", name)) starts.push_back(zxid->value);
    }
    for (const int64_t start : starts) {
      const Replayed replayed = ReplayAll(fs, kLogDir, start);
      ASSERT_TRUE(replayed.status.ok()) << when << ": " << replayed.status.error().message;
      ASSERT_EQ(replayed.zxids, Range(start + 1, kLast)) << when << ", from " << start;
    }
  }

  const Names left_ = {"currentEpoch", "log.41", "log.51", "snapshot.50"};
};

INSTANTIATE_TEST_SUITE_P(OneAndTwoDirectories, PurgeTest, testing::Bool(),
                         [](const auto& test) { return test.param ? "two" : "one"; });

TEST_P(PurgeTest, RemovesSnapshotsFirstAndOldestFirst_SO_3_18) {
  const auto fs = MakeDisk();
  const auto removed = Run(*fs);
  ASSERT_TRUE(removed) << removed.error().message;
  EXPECT_EQ(removed->oldest_kept, Zxid{kOldestKept});
  Names snapshots = SnapshotNames({0x0, 0x10, 0x20, 0x30, 0x40});
  snapshots.insert(snapshots.begin(), "snapshot.foo");
  EXPECT_EQ(removed->snapshots, snapshots);
  EXPECT_EQ(removed->logs, LogNames({0x1, 0x11, 0x21, 0x31}));
  EXPECT_EQ(All(*fs), left_);
  EXPECT_EQ(fs->pending(), 0u);  // all of it durable
  ExpectLoadable(*fs, "after the purge");
}

TEST_P(PurgeTest, ASecondRunFindsNothing_SO_3_18) {
  const auto fs = MakeDisk();
  ASSERT_TRUE(Run(*fs));
  const uint64_t operations = fs->operations();
  const auto removed = Run(*fs);
  ASSERT_TRUE(removed);
  EXPECT_TRUE(removed->snapshots.empty() && removed->logs.empty());
  EXPECT_EQ(fs->operations(), operations);
}

TEST_P(PurgeTest, WithoutGenerationsNothingGoes_SO_3_18) {
  const auto fs = MakeDisk();
  for (int64_t zxid = 0; zxid <= 0x50; zxid += 0x10) {
    fs->PutDurably(SnapshotDir() + "/" + SnapshotName(zxid), kCut);
  }
  const Names before = All(*fs);
  ASSERT_TRUE(Purge(*fs, SnapshotDir(), kLogDir, {}, 3));
  EXPECT_EQ(All(*fs), before);
}

TEST_P(PurgeTest, DirectoriesOfSuchNamesAreLeftAlone_SO_3_18) {
  const auto fs = MakeDisk();
  ASSERT_TRUE(fs->MakeDirs(SnapshotDir() + "/snapshot.saved"));
  ASSERT_TRUE(fs->MakeDirs(std::string(kLogDir) + "/log.2"));
  ASSERT_TRUE(Run(*fs));
  Names left = left_;
  left.insert(left.end(), {"log.2", "snapshot.saved"});
  std::sort(left.begin(), left.end());
  EXPECT_EQ(All(*fs), left);
}

// Every crash: at each operation, with each part of what was not yet synced surviving.
TEST_P(PurgeTest, AfterEveryCrashTheDirectoryIsWholeAndTheNextRunFinishes_SO_3_18) {
  using Kind = Survivors::Kind;
  const uint64_t operations = [&] {
    const auto fs = MakeDisk();
    EXPECT_TRUE(Run(*fs));
    return fs->operations();
  }();
  ASSERT_EQ(operations, 6u + 4u + 2u);
  for (uint64_t stop = 1; stop <= operations; ++stop) {
    const auto stopped = MakeDisk();
    stopped->StopAtOperation(stop);
    ASSERT_FALSE(Run(*stopped));
    std::vector<Survivors> all = {{.kind = Kind::kNone}, {.kind = Kind::kAll}};
    for (size_t i = 0; i < stopped->pending(); ++i) {
      all.push_back({.kind = Kind::kPrefix, .operations = i});
    }
    for (const Survivors& survivors : all) {
      const std::string when =
          "stopped at operation " + std::to_string(stop) + ", " + survivors.Describe();
      const auto fs = stopped->Clone();
      fs->LosePower(survivors);
      ExpectLoadable(*fs, when);
      ASSERT_TRUE(Run(*fs)) << when;
      ASSERT_EQ(All(*fs), left_) << when;
      fs->LosePower({.kind = Kind::kNone});
      ASSERT_EQ(All(*fs), left_) << when;
    }
  }
}

// The process died with removed names that only memory knew; the next run must not build on them.
TEST_P(PurgeTest, ARunAfterADeadProcessMakesItsRemovalsDurableFirst_SO_3_18) {
  const uint64_t snapshots = 6;
  const auto dead = MakeDisk();
  dead->StopAtOperation(snapshots);  // the last snapshot is removed, nothing is synced
  ASSERT_FALSE(Run(*dead));
  dead->CrashProcess();
  for (uint64_t stop = 1; stop <= 6; ++stop) {
    const auto fs = dead->Clone();
    fs->StopAtOperation(stop);
    ASSERT_FALSE(Run(*fs));
    fs->LosePower({.kind = Survivors::Kind::kNone});
    ExpectLoadable(*fs, "stopped at operation " + std::to_string(stop));
  }
}

// A file system on which some names cannot be removed or a directory cannot be synced.
class StubbornFileSystem final : public FileSystem {
 public:
  StubbornFileSystem(FileSystem* fs, std::string path) : fs_(*fs), path_(std::move(path)) {}
  Status Remove(const std::string& path) override {
    return path == path_ ? Refusal() : fs_.Remove(path);
  }
  Status SyncDir(const std::string& dir) override {
    return dir == path_ ? Refusal() : fs_.SyncDir(dir);
  }
  Result<std::unique_ptr<ReadableFile>> OpenForRead(const std::string& path) override {
    if (path == path_) return Refusal().error();
    return fs_.OpenForRead(path);
  }
  Result<std::unique_ptr<WritableFile>> Create(const std::string& path) override {
    return fs_.Create(path);
  }
  Result<std::unique_ptr<WritableFile>> OpenForWrite(const std::string& path) override {
    return fs_.OpenForWrite(path);
  }
  Result<std::optional<FileInfo>> Stat(const std::string& path) override { return fs_.Stat(path); }
  Result<std::vector<std::string>> List(const std::string& dir) override { return fs_.List(dir); }
  Status MakeDirs(const std::string& dir) override { return fs_.MakeDirs(dir); }
  Status Rename(const std::string& from, const std::string& to) override {
    return fs_.Rename(from, to);
  }
  Status SyncFile(const std::string& path) override { return fs_.SyncFile(path); }
  Result<std::unique_ptr<FileLock>> TryLock(const std::string& path) override {
    return fs_.TryLock(path);
  }

 private:
  Status Refusal() const { return Error{Errc::kIo, "refused: " + path_}; }

  FileSystem& fs_;
  const std::string path_;
};

TEST_P(PurgeTest, ASnapshotThatCannotBeRemovedKeepsAllLogs_SO_3_18) {
  const std::string refused = SnapshotDir() + "/snapshot.10";
  const auto disk = MakeDisk();
  StubbornFileSystem fs(disk.get(), refused);
  const auto removed = Run(fs);
  ASSERT_FALSE(removed);
  EXPECT_TRUE(SaysAll(removed.error(), {refused}));
  ExpectLoadable(*disk, "after the refusal");
  EXPECT_TRUE(Contains(*disk->List(kLogDir), "log.1"));
}

TEST_P(PurgeTest, SnapshotsWhoseRemovalIsNotDurableKeepAllLogs_SO_3_18) {
  const auto disk = MakeDisk();
  StubbornFileSystem fs(disk.get(), SnapshotDir());
  ASSERT_FALSE(Run(fs));
  disk->LosePower({.kind = Survivors::Kind::kNone});
  ExpectLoadable(*disk, "after the power loss");
}

TEST_P(PurgeTest, ASnapshotThatCannotBeReadIsNoGeneration_SO_3_18) {
  const auto disk = MakeDisk();
  StubbornFileSystem fs(disk.get(), SnapshotDir() + "/snapshot.50");
  const auto removed = Run(fs);
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->oldest_kept, Zxid{0x40});  // 0x55, 0x45, 0x40
  EXPECT_TRUE(Contains(*disk->List(SnapshotDir()), "snapshot.50"));
}

TEST_P(PurgeTest, AMissingDirectoryIsAnError_SO_3_18) {
  const auto fs = MakeDisk();
  EXPECT_FALSE(Purge(*fs, SnapshotDir(), "/nowhere", Zxids({0x45}), 3));
  EXPECT_FALSE(Purge(*fs, "/nowhere", kLogDir, Zxids({0x45}), 3));
}

}  // namespace
}  // namespace lockkeeper
