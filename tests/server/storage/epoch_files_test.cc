// SO-1.6 and SO-12.6: ZooKeeper's epoch files.
#include "server/storage/epoch_files.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/server/storage/fake_file_system.h"
#include "tests/server/storage/log_test_util.h"

namespace lockkeeper {
namespace {

constexpr char kDir[] = "/data/version-2";

std::string PathOf(const std::string& name) { return std::string(kDir) + "/" + name; }
Zxid ZxidOfEpoch(int64_t epoch) { return Zxid{(epoch << 32) + 7}; }

// The files that are there, by content; nullopt: no such file.
struct Files {
  std::optional<std::string> accepted;
  std::optional<std::string> current;
  std::optional<std::string> current_update = std::nullopt;  // currentEpoch.tmp
};

std::unique_ptr<FakeFileSystem> DiskWith(const Files& files) {
  auto fs = std::make_unique<FakeFileSystem>();
  EXPECT_TRUE(fs->MakeDirs(kDir));
  if (files.accepted) fs->PutDurably(PathOf("acceptedEpoch"), *files.accepted);
  if (files.current) fs->PutDurably(PathOf("currentEpoch"), *files.current);
  if (files.current_update) fs->PutDurably(PathOf("currentEpoch.tmp"), *files.current_update);
  return fs;
}

std::string ContentOf(FakeFileSystem& fs, const std::string& name) {
  return fs.Content(PathOf(name));
}

// What the file holds; a failure of the test, and nullopt, when it cannot be read.
std::optional<int64_t> EpochIn(FakeFileSystem& fs, const std::string& name) {
  const auto epoch = ReadEpoch(fs, kDir, name);
  if (epoch) return *epoch;
  ADD_FAILURE() << epoch.error().message;
  return std::nullopt;
}

// --- one file ---

TEST(EpochFile, IsADecimalNumberWithOrWithoutALineBreak_SO_1_6) {  // QP-2.1
  const struct {
    const char* content;
    int64_t want;
  } cases[] = {{"0", 0},
               {"7", 7},
               {"7\n", 7},
               {"7\r\n", 7},
               {"-1", -1},
               {"+3", 3},
               {"007", 7},
               {"12\nanother line", 12},
               {"-1\n", -1},
               {"4294967296", int64_t{1} << 32},
               {"9223372036854775807", INT64_MAX}};
  for (const auto& c : cases) {
    const auto fs = DiskWith({.current = c.content});
    const auto epoch = ReadEpoch(*fs, kDir, kCurrentEpochName);
    ASSERT_TRUE(epoch) << epoch.error().message;
    EXPECT_EQ(*epoch, c.want) << c.content;
  }
}

TEST(EpochFile, WithOtherContentIsRefusedInWords_SO_1_6) {
  for (const char* content : {"", "\n", " 1", "1 ", "zz", "0x1", "1.0", "9223372036854775808"}) {
    const auto fs = DiskWith({.current = content});
    const auto epoch = ReadEpoch(*fs, kDir, kCurrentEpochName);
    ASSERT_FALSE(epoch) << content;
    EXPECT_EQ(epoch.error().code, Errc::kCorruption);
    EXPECT_TRUE(SaysAll(epoch.error(), {"Found ", " in /data/version-2/currentEpoch", "restore"}));
  }
  const auto fs = DiskWith({.current = "zz\n"});
  EXPECT_TRUE(SaysAll(ReadEpoch(*fs, kDir, kCurrentEpochName).error(),
                      {"Found zz in /data/version-2/currentEpoch"}));
}

TEST(EpochFile, MayBeMissing_SO_1_6) {
  const auto fs = DiskWith({});
  EXPECT_EQ(EpochIn(*fs, kCurrentEpochName), std::nullopt);
}

TEST(EpochFile, IsWrittenWithoutALineBreak_SO_1_6) {
  const auto fs = DiskWith({.current = "12345"});
  for (const int64_t epoch : {int64_t{0}, int64_t{-1}, int64_t{7}, INT64_MAX}) {
    ASSERT_TRUE(WriteEpoch(*fs, kDir, kCurrentEpochName, epoch));
    EXPECT_EQ(ContentOf(*fs, "currentEpoch"), std::to_string(epoch));
    EXPECT_EQ(EpochIn(*fs, kCurrentEpochName), epoch);
  }
  EXPECT_EQ(*fs->List(kDir), std::vector<std::string>{"currentEpoch"});  // nothing temporary
}

// Runs `action` with a stop at each of its operations, and at none, and hands every state that a
// power loss can leave to `check`, with whether the action was done.
void ForEveryCrash(const FakeFileSystem& disk, const std::function<bool(FakeFileSystem&)>& action,
                   const std::function<void(FakeFileSystem&, bool, const std::string&)>& check) {
  using Kind = Survivors::Kind;
  for (uint64_t stop = 1;; ++stop) {
    const auto stopped = disk.Clone();
    stopped->StopAtOperation(stop);
    const bool done = action(*stopped);
    std::vector<Survivors> all = {{.kind = Kind::kNone},
                                  {.kind = Kind::kAll},
                                  {.kind = Kind::kContent},
                                  {.kind = Kind::kNames}};
    for (size_t i = 0; i < stopped->pending(); ++i) {
      for (const size_t torn : {0, 1}) {
        all.push_back({.kind = Kind::kPrefix, .operations = i, .torn_bytes = torn});
      }
    }
    for (const Survivors& survivors : all) {
      const auto fs = stopped->Clone();
      fs->LosePower(survivors);
      check(*fs, done,
            "stopped at operation " + std::to_string(stop) + ", " + survivors.Describe());
    }
    if (done) {
      EXPECT_GT(stop, 1u);  // the action did change the disk
      return;
    }
  }
}

TEST(EpochFile, HoldsTheOldOrTheNewValueAfterEveryCrash_SO_1_6) {  // QP-2.1
  const auto disk = DiskWith({.current = "41"});
  const auto write = [](FakeFileSystem& fs) {
    return WriteEpoch(fs, kDir, kCurrentEpochName, 42).ok();
  };
  ForEveryCrash(*disk, write, [](FakeFileSystem& fs, bool done, const std::string& when) {
    const auto epoch = ReadEpoch(fs, kDir, kCurrentEpochName);
    ASSERT_TRUE(epoch) << when << ": " << epoch.error().message;
    ASSERT_TRUE(*epoch == 42 || (!done && *epoch == 41)) << when;
  });
}

TEST(EpochFile, AFailedWriteIsAnErrorAndLeavesTheOldValue_SO_1_6) {
  const auto full = DiskWith({.current = "41"});
  full->LimitSpace(1);
  EXPECT_FALSE(WriteEpoch(*full, kDir, kCurrentEpochName, 42));
  EXPECT_EQ(EpochIn(*full, kCurrentEpochName), 41);
  const auto broken = DiskWith({.current = "41"});
  broken->FailNextSync();
  EXPECT_FALSE(WriteEpoch(*broken, kDir, kCurrentEpochName, 42));
  EXPECT_EQ(EpochIn(*broken, kCurrentEpochName), 41);
}

// --- the table of the start, row by row ---

void ExpectLoaded(const Files& files, Zxid last, const Epochs& want) {
  const auto fs = DiskWith(files);
  const auto epochs = LoadEpochs(*fs, kDir, last);
  ASSERT_TRUE(epochs) << epochs.error().message;
  EXPECT_EQ(*epochs, want);
  // What is in the files, durably, is what was returned.
  fs->LosePower({.kind = Survivors::Kind::kNone});
  EXPECT_EQ(EpochIn(*fs, kAcceptedEpochName), want.accepted);
  EXPECT_EQ(EpochIn(*fs, kCurrentEpochName), want.current);
}

void ExpectRefused(const Files& files, Zxid last, const std::vector<std::string>& parts) {
  const auto fs = DiskWith(files);
  const auto epochs = LoadEpochs(*fs, kDir, last);
  ASSERT_FALSE(epochs);
  EXPECT_EQ(epochs.error().code, Errc::kCorruption);
  EXPECT_TRUE(SaysAll(epochs.error(), parts));
  EXPECT_TRUE(SaysAll(epochs.error(), {"restore the data directory", kDir}));
}

TEST(LoadEpochs, MissingFilesGetTheEpochOfTheDatabase_SO_12_6) {
  ExpectLoaded({}, ZxidOfEpoch(5), {5, 5});
  ExpectLoaded({}, Zxid{0}, {0, 0});
  ExpectLoaded({.accepted = "6"}, ZxidOfEpoch(5), {6, 5});
  ExpectLoaded({.current = "5"}, ZxidOfEpoch(5), {5, 5});
}

TEST(LoadEpochs, AnEmptyUntrustedDatabaseGetsMinusOne_SO_2_19) {
  ExpectLoaded({}, Zxid{-1}, {-1, -1});
  ExpectLoaded({.accepted = "-1", .current = "-1"}, Zxid{-1}, {-1, -1});
}

TEST(LoadEpochs, ContentThatIsNoNumberIsRefused_SO_12_6) {
  ExpectRefused({.accepted = "1", .current = "zz"}, ZxidOfEpoch(1),
                {"Found zz in /data/version-2/currentEpoch"});
  ExpectRefused({.accepted = "yy", .current = "1"}, ZxidOfEpoch(1),
                {"Found yy in /data/version-2/acceptedEpoch"});
}

TEST(LoadEpochs, AnInterruptedUpdateIsFinished_SO_12_6) {  // QP-2.1, P22
  ExpectLoaded({.accepted = "3", .current = "2", .current_update = "3"}, ZxidOfEpoch(3), {3, 3});
  ExpectLoaded({.accepted = "4", .current = "2", .current_update = "4\n"}, ZxidOfEpoch(3), {4, 4});
}

TEST(LoadEpochs, AnUpdateThatIsNotNeededIsIgnored_SO_12_6) {
  ExpectLoaded({.accepted = "3", .current = "3", .current_update = "zz"}, ZxidOfEpoch(3), {3, 3});
  ExpectLoaded({.accepted = "3", .current = "2", .current_update = "3"}, ZxidOfEpoch(2), {3, 2});
}

TEST(LoadEpochs, AnUpdateThatIsItselfTooOldOrTornIsRefused_SO_12_6) {
  ExpectRefused({.accepted = "2", .current = "1", .current_update = "2"}, ZxidOfEpoch(3),
                {"The current epoch, 1, is older than the last zxid, 12884901895"});
  ExpectRefused({.accepted = "2", .current = "1", .current_update = ""}, ZxidOfEpoch(3),
                {"Found nothing in /data/version-2/currentEpoch.tmp"});
  ExpectRefused({.current = "1", .current_update = "2"}, ZxidOfEpoch(3),
                {"The current epoch, 1, is older than the last zxid, 12884901895"});
}

// The log of a new epoch was synced, then the machine stopped (quorum-protocol 3.7 i, 3 and 4).
TEST(LoadEpochs, ACurrentEpochThatTheLogIsAheadOfFollowsItIfThatWasPromised_QP_2_1_QP_3_12) {
  ExpectLoaded({.accepted = "3", .current = "2"}, ZxidOfEpoch(3), {3, 3});
  ExpectLoaded({.accepted = "3", .current = "0"}, Zxid{int64_t{3} << 32}, {3, 3});
  // Not the promised epoch itself, of which this server holds nothing.
  ExpectLoaded({.accepted = "9", .current = "2"}, ZxidOfEpoch(3), {9, 3});
  // With an update that was itself interrupted, or is of an older epoch.
  ExpectLoaded({.accepted = "3", .current = "1", .current_update = "2"}, ZxidOfEpoch(3), {3, 3});
  ExpectLoaded({.accepted = "12", .current = "1", .current_update = "1"}, ZxidOfEpoch(12),
               {12, 12});
  ExpectLoaded({.accepted = "3", .current = "1", .current_update = ""}, ZxidOfEpoch(3), {3, 3});
}

TEST(LoadEpochs, ACurrentEpochOlderThanTheDatabaseIsRefusedWithoutAPromise_SO_12_6) {  // QP-2.1
  ExpectRefused({.accepted = "2", .current = "2"}, ZxidOfEpoch(3),
                {"The current epoch, 2, is older than the last zxid, 12884901895"});
  ExpectRefused({.current = "10"}, ZxidOfEpoch(11),  // hexadecimal, as ZooKeeper writes it
                {"The current epoch, a, is older than the last zxid, 47244640263"});
}

TEST(LoadEpochs, AnAcceptedEpochOlderThanTheCurrentIsRefused_SO_12_6) {  // QP-2.1
  ExpectRefused({.accepted = "2", .current = "3"}, ZxidOfEpoch(3),
                {"The accepted epoch, 2 is less than the current epoch, 3"});
  ExpectRefused({.accepted = "1"}, ZxidOfEpoch(2),
                {"The accepted epoch, 1 is less than the current epoch, 2"});
  ExpectRefused({.current = "3"}, ZxidOfEpoch(2),  // the made one is that of the database
                {"The accepted epoch, 2 is less than the current epoch, 3"});
}

TEST(LoadEpochs, EpochsNewerThanTheDatabaseAreFine_SO_12_6) {
  ExpectLoaded({.accepted = "9", .current = "8"}, ZxidOfEpoch(3), {9, 8});
  ExpectLoaded({.accepted = "8\n", .current = "8\n"}, ZxidOfEpoch(3), {8, 8});
}

TEST(LoadEpochs, GivesTheSameAfterEveryCrash_SO_12_6) {
  const struct {
    Files files;
    Epochs want;
  } cases[] = {
      {{}, {3, 3}},
      {{.accepted = "4"}, {4, 3}},
      {{.accepted = "3", .current = "2", .current_update = "3"}, {3, 3}},
      {{.accepted = "4", .current = "2"}, {4, 3}},
      {{.accepted = "4", .current = "2", .current_update = "1"}, {4, 3}},
  };
  const auto load = [](FakeFileSystem& fs) {
    return LoadEpochs(fs, kDir, ZxidOfEpoch(3)).has_value();
  };
  for (const auto& c : cases) {
    const auto disk = DiskWith(c.files);
    ForEveryCrash(*disk, load, [&](FakeFileSystem& fs, bool, const std::string& when) {
      const auto epochs = LoadEpochs(fs, kDir, ZxidOfEpoch(3));
      ASSERT_TRUE(epochs) << when << ": " << epochs.error().message;
      ASSERT_EQ(*epochs, c.want) << when;
    });
  }
}

TEST(LoadEpochs, DiskErrorsAreReported_SO_12_6) {
  const auto fs = DiskWith({});
  fs->LimitSpace(0);
  const auto epochs = LoadEpochs(*fs, kDir, ZxidOfEpoch(3));
  ASSERT_FALSE(epochs);
  EXPECT_EQ(epochs.error().code, Errc::kIo);
}

}  // namespace
}  // namespace lockkeeper
