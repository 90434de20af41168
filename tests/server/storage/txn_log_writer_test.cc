#include "server/storage/txn_log_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/server/storage/fake_file_system.h"
#include "tests/server/storage/log_test_util.h"

namespace lockkeeper {
namespace {

constexpr uint64_t kUnit = 64 << 10;

class TxnLogWriterTest : public testing::Test {
 protected:
  TxnLogWriterTest() {
    CHECK(fs_.MakeDirs(kLogDir).ok());
    options_.dir = kLogDir;
    options_.prealloc_bytes = kUnit;
    options_.zero_ahead_bytes = 4096;
  }

  std::unique_ptr<TxnLogWriter> Open(int64_t last = 0) {
    auto writer = TxnLogWriter::Open(fs_, options_, Zxid{last});
    CHECK(writer) << writer.error().message;
    return std::move(*writer);
  }
  Error OpenError(int64_t last) {
    auto writer = TxnLogWriter::Open(fs_, options_, Zxid{last});
    CHECK(!writer);
    return writer.error();
  }
  void ExpectLoads(const std::vector<int64_t>& zxids) {
    const Replayed replayed = ReplayAll(fs_);
    ASSERT_TRUE(replayed.status.ok()) << replayed.status.error().message;
    EXPECT_EQ(replayed.zxids, zxids);
  }
  std::vector<std::string> Names() { return *fs_.List(kLogDir); }

  FakeFileSystem fs_;
  TxnLogOptions options_;
};

TEST_F(TxnLogWriterTest, OpeningAloneMakesNoFile_SO_2_7) {
  auto writer = Open();
  EXPECT_TRUE(Names().empty());
  EXPECT_EQ(writer->file_bytes(), 0u);
  const auto report = writer->Sync();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->file_bytes, 0u);
  EXPECT_TRUE(writer->Append({}).ok());
  EXPECT_TRUE(Names().empty());
}

TEST_F(TxnLogWriterTest, TheFirstAppendMakesAFileNamedByItsZxid_SO_2_7) {
  auto writer = Open(0x1e);
  ASSERT_TRUE(writer->Append(Entries(0x1f, 0x21)).ok());
  ASSERT_TRUE(writer->Append(Entries(0x22, 0x22)).ok());
  EXPECT_EQ(Names(), std::vector<std::string>{"log.1f"});
  EXPECT_EQ(writer->file_path(), LogPath(0x1f));
  EXPECT_EQ(writer->last(), Zxid{0x22});
  EXPECT_EQ(fs_.Content(LogPath(0x1f)).substr(0, LogContent(0x1f, 0x22, 0).size()),
            LogContent(0x1f, 0x22, 0));
}

TEST_F(TxnLogWriterTest, ARestartStartsANewFile_SO_2_7) {
  auto writer = Open();
  ASSERT_TRUE(writer->Append(Entries(1, 4)).ok());
  writer.reset();
  writer = Open(4);
  ASSERT_TRUE(writer->Append(Entries(5, 6)).ok());
  EXPECT_EQ(Names(), (std::vector<std::string>{"log.1", "log.5"}));
  ExpectLoads(Range(1, 6));
}

TEST_F(TxnLogWriterTest, RollStartsANewFile_SO_2_7) {
  auto writer = Open();
  ASSERT_TRUE(writer->Roll().ok());  // nothing to roll
  ASSERT_TRUE(writer->Append(Entries(1, 4)).ok());
  ASSERT_TRUE(writer->Roll().ok());
  ASSERT_TRUE(writer->Roll().ok());
  EXPECT_EQ(Names(), std::vector<std::string>{"log.1"});
  ASSERT_TRUE(writer->Append(Entries(5, 5)).ok());
  EXPECT_EQ(Names(), (std::vector<std::string>{"log.1", "log.5"}));
  ExpectLoads(Range(1, 5));
}

TEST_F(TxnLogWriterTest, RollSyncsWhatWasAppendedBefore_SO_2_9) {
  auto writer = Open();
  ASSERT_TRUE(writer->Append(Entries(1, 4)).ok());
  ASSERT_TRUE(writer->Roll().ok());
  EXPECT_EQ(fs_.pending(), 0u);
}

TEST_F(TxnLogWriterTest, NothingIsPendingAfterSync_SO_2_9) {
  auto writer = Open();
  ASSERT_TRUE(writer->Append(Entries(1, 4)).ok());
  EXPECT_GT(fs_.pending(), 0u);
  ASSERT_TRUE(writer->Sync());
  EXPECT_EQ(fs_.pending(), 0u);  // neither content nor names
  const uint64_t syncs = fs_.syncs();
  ASSERT_TRUE(writer->Append(Entries(5, 8)).ok());
  ASSERT_TRUE(writer->Sync());
  EXPECT_EQ(fs_.syncs(), syncs + 1);
  ASSERT_TRUE(writer->Sync());
  EXPECT_EQ(fs_.syncs(), syncs + 1);  // nothing was new
}

TEST_F(TxnLogWriterTest, WithoutForceSyncNothingIsSyncedButAllIsWritten_SO_2_9) {
  options_.force_sync = false;
  auto writer = Open();
  ASSERT_TRUE(writer->Append(Entries(1, 4)).ok());
  ASSERT_TRUE(writer->Sync());
  ASSERT_TRUE(writer->Roll().ok());
  ASSERT_TRUE(writer->Append(Entries(5, 6)).ok());
  EXPECT_EQ(fs_.syncs(), 0u);
  EXPECT_EQ(fs_.dir_syncs(), 0u);
  ExpectLoads(Range(1, 6));
}

TEST_F(TxnLogWriterTest, SyncReportsHowLongItTookAndForHowLargeAFile_SO_2_10) {
  auto writer = Open();
  ASSERT_TRUE(writer->Append(Entries(1, 4)).ok());
  fs_.SlowNextSync(std::chrono::milliseconds(20));
  const auto report = writer->Sync();
  ASSERT_TRUE(report);
  EXPECT_GE(report->took, std::chrono::milliseconds(20));
  EXPECT_EQ(report->file_bytes, kUnit + 16);
  EXPECT_FALSE(report->rolled);
}

TEST_F(TxnLogWriterTest, AGroupTakesOneWrite) {
  auto writer = Open();
  ASSERT_TRUE(writer->Append(Entries(1, 1)).ok());
  for (int64_t first = 2; first < 2000; first += 100) {
    const uint64_t before = fs_.writes();
    ASSERT_TRUE(writer->Append(Entries(first, first + 99)).ok());
    EXPECT_EQ(fs_.writes(), before + 1);
  }
}

// Each byte of the file is written twice, once as a zero ahead of the records; not more often.
TEST_F(TxnLogWriterTest, ZerosAreWrittenAheadOnceAStep) {
  auto writer = Open();
  uint64_t records = kLogHeaderBytes;
  uint64_t previous = 0;
  int writes_with_zeros = 0;
  for (int64_t zxid = 1; zxid <= 300; ++zxid) {
    const LogEntry entry = Entry(zxid, std::string(100, 'x'));
    ASSERT_TRUE(writer->Append({&entry, 1}).ok());
    records += LogRecordBytes(entry.payload->size());
    if (fs_.bytes_written() - previous > LogRecordBytes(entry.payload->size())) {
      ++writes_with_zeros;
    }
    previous = fs_.bytes_written();
  }
  const uint64_t steps = records / options_.zero_ahead_bytes + 1;
  EXPECT_EQ(writes_with_zeros, static_cast<int>(steps));
  EXPECT_GE(fs_.bytes_written(), records + (steps - 1) * options_.zero_ahead_bytes * 9 / 10);
  EXPECT_LE(fs_.bytes_written(), records + steps * options_.zero_ahead_bytes);
}

TEST_F(TxnLogWriterTest, ZerosAheadDoNotReachBeyondThePadding_SO_2_6) {
  options_.zero_ahead_bytes = 10 * kUnit;
  auto writer = Open();
  ASSERT_TRUE(writer->Append(Entries(1, 1)).ok());
  EXPECT_EQ(fs_.Content(LogPath(1)).size(), kUnit + 16);
  options_.prealloc_bytes = 0;
  writer = Open(1);
  ASSERT_TRUE(writer->Append(Entries(2, 2)).ok());
  EXPECT_EQ(fs_.Content(LogPath(2)), LogContent(2, 2, 0));
}

TEST_F(TxnLogWriterTest, ALargeGroupIsWrittenWhole) {
  auto writer = Open();
  std::vector<LogEntry> group;
  for (int64_t zxid = 1; zxid <= 40; ++zxid) {
    group.push_back(Entry(zxid, std::string(static_cast<size_t>(zxid * 10'000), 'x')));
  }
  ASSERT_TRUE(writer->Append(group).ok());
  ASSERT_TRUE(writer->Append(Entries(41, 42)).ok());
  ExpectLoads(Range(1, 42));
}

TEST_F(TxnLogWriterTest, FilesArePaddedInSteps_SO_2_6) {
  auto writer = Open();
  ASSERT_TRUE(writer->Append(Entries(1, 1)).ok());
  EXPECT_EQ(fs_.Content(LogPath(1)).size(), kUnit + 16);
  EXPECT_EQ(writer->file_bytes(), kUnit + 16);
  // The size is that of the rule, record by record, however the records are grouped.
  uint64_t position = LogContent(1, 1, 0).size();
  uint64_t padded = kUnit + 16;
  for (int64_t zxid = 2; position < 5 * kUnit; zxid += 3) {
    std::vector<LogEntry> group;
    for (int64_t z = zxid; z < zxid + 3; ++z) {
      group.push_back(Entry(z, std::string(static_cast<size_t>(z * 3571 % 9000), 'x')));
      padded = PaddedLogSize(position, padded, kUnit);
      position += LogRecordBytes(group.back().payload->size());
    }
    ASSERT_TRUE(writer->Append(group).ok());
    ASSERT_EQ(fs_.Content(LogPath(1)).size(), std::max(position, padded)) << position;
    ASSERT_EQ(writer->file_bytes(), std::max(position, padded));
  }
}

TEST_F(TxnLogWriterTest, PreAllocSize4PadsTo8208_SO_2_6) {
  options_.prealloc_bytes = 4096;
  auto writer = Open();
  ASSERT_TRUE(writer->Append(Entries(1, 1)).ok());
  EXPECT_EQ(fs_.Content(LogPath(1)).size(), 4112u);
  ASSERT_TRUE(writer->Append(Entries(2, 2)).ok());
  EXPECT_EQ(fs_.Content(LogPath(1)).size(), 8208u);
}

TEST_F(TxnLogWriterTest, PreAllocSize0PadsNothing_SO_2_6) {
  options_.prealloc_bytes = 0;
  auto writer = Open();
  ASSERT_TRUE(writer->Append(Entries(1, 3)).ok());
  ASSERT_TRUE(writer->Append(Entries(4, 5)).ok());
  EXPECT_EQ(fs_.Content(LogPath(1)), LogContent(1, 5, 0));
}

TEST_F(TxnLogWriterTest, ARecordBeyondThePaddingIsWrittenWhole_SO_2_6) {
  options_.prealloc_bytes = 4096;
  auto writer = Open();
  for (int64_t zxid = 1; zxid <= 6; ++zxid) {
    const LogEntry entry = Entry(zxid, std::string(50'000, 'x'));
    ASSERT_TRUE(writer->Append({&entry, 1}).ok());
  }
  ExpectLoads(Range(1, 6));
}

TEST_F(TxnLogWriterTest, PaddingIsNotTrimmed_SO_2_6) {
  auto writer = Open();
  ASSERT_TRUE(writer->Append(Entries(1, 1)).ok());
  ASSERT_TRUE(writer->Roll().ok());
  writer.reset();
  writer = Open(1);
  EXPECT_EQ(fs_.Content(LogPath(1)).size(), kUnit + 16);
}

TEST_F(TxnLogWriterTest, AFileAboveTheLimitRollsAfterTheSync_SO_2_8) {
  options_.roll_above_bytes = kUnit + 16;  // the size of the first step: not above
  auto writer = Open();
  int64_t zxid = 1;
  while (writer->file_bytes() <= kUnit + 16) {
    ASSERT_TRUE(writer->Append(Entries(zxid, zxid + 9)).ok());
    zxid += 10;
    const bool above = writer->file_bytes() > kUnit + 16;
    const auto report = writer->Sync();
    ASSERT_TRUE(report);
    EXPECT_EQ(report->rolled, above);
    if (above) break;
  }
  EXPECT_EQ(Names(), std::vector<std::string>{"log.1"});
  EXPECT_EQ(fs_.pending(), 0u);
  ASSERT_TRUE(writer->Append(Entries(zxid, zxid)).ok());
  EXPECT_EQ(Names().size(), 2u);
  EXPECT_EQ(writer->file_path(), LogPath(zxid));
  ExpectLoads(Range(1, zxid));
}

TEST_F(TxnLogWriterTest, ALimitBelowThePaddingRollsAtEachSync_SO_2_8) {
  options_.roll_above_bytes = 1024;
  auto writer = Open();
  for (int64_t zxid = 1; zxid <= 4; ++zxid) {
    ASSERT_TRUE(writer->Append(Entries(zxid, zxid)).ok());
    ASSERT_TRUE(writer->Sync()->rolled);
  }
  EXPECT_EQ(Names(), (std::vector<std::string>{"log.1", "log.2", "log.3", "log.4"}));
  ExpectLoads(Range(1, 4));
}

// --- failures
// -------------------------------------------------------------------------------------

TEST_F(TxnLogWriterTest, AFullDiskFailsTheWriterForGood_12_5) {
  auto writer = Open();
  ASSERT_TRUE(writer->Append(Entries(1, 4)).ok());
  ASSERT_TRUE(writer->Sync());
  fs_.LimitSpace(70);
  const Status refused = writer->Append(Entries(5, 9));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::kIo);
  EXPECT_TRUE(SaysAll(refused.error(), {LogPath(1), "No space left on device", "offset"}));
  EXPECT_TRUE(writer->failed());
  fs_.LimitSpace(1 << 30);  // space again: what is on the disk is still unknown
  const uint64_t operations = fs_.operations();
  EXPECT_TRUE(SaysAll(writer->Append(Entries(10, 10)).error(), {"No space left on device"}));
  EXPECT_TRUE(SaysAll(writer->Sync().error(), {"No space left on device"}));
  EXPECT_TRUE(SaysAll(writer->Roll().error(), {"No space left on device"}));
  EXPECT_EQ(fs_.operations(), operations);
  writer.reset();
  const Replayed replayed = ReplayAll(fs_);
  ASSERT_TRUE(replayed.status.ok()) << replayed.status.error().message;
  EXPECT_EQ(replayed.zxids, Range(1, 5));  // 5 got through whole, 6 was cut
  EXPECT_EQ(replayed.summary.torn.size(), 1u);
}

TEST_F(TxnLogWriterTest, AFailedSyncIsNeverTriedAgain_12_5) {
  auto writer = Open();
  ASSERT_TRUE(writer->Append(Entries(1, 4)).ok());
  ASSERT_TRUE(writer->Sync());
  ASSERT_TRUE(writer->Append(Entries(5, 9)).ok());
  fs_.FailNextSync();
  const auto failed = writer->Sync();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Errc::kIo);
  EXPECT_TRUE(SaysAll(failed.error(), {"cannot sync", LogPath(1), "Input/output error"}));
  const uint64_t operations = fs_.operations();
  EXPECT_FALSE(writer->Sync());
  EXPECT_FALSE(writer->Append(Entries(10, 10)).ok());
  EXPECT_FALSE(writer->Roll().ok());
  EXPECT_EQ(fs_.operations(), operations);
  writer.reset();
  EXPECT_EQ(fs_.operations(), operations);
  // What a second sync would have confirmed is gone after a power failure.
  fs_.LosePower({.kind = Survivors::Kind::kAll});
  ExpectLoads(Range(1, 4));
}

TEST_F(TxnLogWriterTest, AFailedSyncWhileRollingFailsTheWriter_12_5) {
  auto writer = Open();
  ASSERT_TRUE(writer->Append(Entries(1, 4)).ok());
  fs_.FailNextSync();
  EXPECT_FALSE(writer->Roll().ok());
  EXPECT_TRUE(writer->failed());
}

TEST_F(TxnLogWriterTest, AnErrorWhileAFileIsMadeFailsTheWriter_12_5) {
  for (uint64_t operation = 1; operation <= 6; ++operation) {
    FakeFileSystem fs;
    CHECK(fs.MakeDirs(kLogDir).ok());
    auto writer = TxnLogWriter::Open(fs, options_, Zxid{0});
    ASSERT_TRUE(writer);
    fs.StopAtOperation(operation);
    EXPECT_FALSE((*writer)->Append(Entries(1, 4)).ok()) << operation;
    EXPECT_TRUE((*writer)->failed()) << operation;
  }
}

TEST_F(TxnLogWriterTest, AShortWriteFailsTheWriter_12_5) {
  auto writer = Open();
  ASSERT_TRUE(writer->Append(Entries(1, 4)).ok());
  fs_.TearNextWrite(30);
  EXPECT_FALSE(writer->Append(Entries(5, 9)).ok());
  EXPECT_TRUE(writer->failed());
  ExpectLoads(Range(1, 4));
}

TEST_F(TxnLogWriterTest, ATransactionThatNobodyCouldReadIsRefusedAndTheWriterGoesOn_SO_2_13) {
  options_.payload_bytes_max = 1000;
  auto writer = Open();
  ASSERT_TRUE(writer->Append(Entries(1, 2)).ok());
  std::vector<LogEntry> group = Entries(3, 3);
  group.push_back(Entry(4, std::string(1000 - kTxnHeaderBytes + 1, 'x')));
  const uint64_t operations = fs_.operations();
  const Status refused = writer->Append(group);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::kTooLarge);
  EXPECT_TRUE(SaysAll(refused.error(), {"0x4", "1001 bytes", "1000", "jute.maxbuffer"}));
  EXPECT_EQ(fs_.operations(), operations);
  EXPECT_FALSE(writer->failed());
  group[1] = Entry(4, std::string(1000 - kTxnHeaderBytes, 'x'));
  ASSERT_TRUE(writer->Append(group).ok());
  ReplayLimits limits;
  limits.payload_bytes_max = 1000;
  EXPECT_EQ(ReplayAll(fs_, kLogDir, 0, limits).zxids, Range(1, 4));
}

using TxnLogWriterDeathTest = TxnLogWriterTest;

TEST_F(TxnLogWriterDeathTest, AZxidThatDoesNotFollowEndsTheProcess_SO_2_5) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  auto writer = Open(7);
  EXPECT_DEATH((void)writer->Append(Entries(7, 8)), "0x7 after 0x7");
  EXPECT_DEATH((void)writer->Append(Entries(3, 3)), "0x3 after 0x7");
  EXPECT_DEATH((void)writer->Append(Entries(9, 9)), "0x9 after 0x7");
  LogEntry wrong = Entry(8, "");
  wrong.zxid = Zxid{0x100000001};  // the payload says 8
  EXPECT_DEATH((void)writer->Append({&wrong, 1}), "0x8 vs. 0x100000001");
}

// --- what recovery left behind
// --------------------------------------------------------------------

TEST_F(TxnLogWriterTest, ANewerFileWithoutRecordsGivesWay_SO_2_14) {
  for (const std::string& content :
       {std::string(), LogFileHeader(), LogFileHeader() + std::string(9000, '\0')}) {
    fs_.PutDurably(LogPath(5), content);
    auto writer = Open(4);
    EXPECT_TRUE(Names().empty());
    ASSERT_TRUE(writer->Append(Entries(5, 6)).ok());
    ASSERT_TRUE(writer->Sync());
    EXPECT_EQ(ReplayAll(fs_, kLogDir, 4).zxids, Range(5, 6));
    writer.reset();
    ASSERT_TRUE(fs_.Remove(LogPath(5)).ok());
  }
}

TEST_F(TxnLogWriterTest, AFileWhoseFirstRecordWasInterruptedIsKeptUnderAnotherName_SO_2_11) {
  std::string torn = LogContent(5, 5, 0);
  torn.back() = '\0';
  for (const char* const kept :
       {"interrupted-log.5", "interrupted-log.5.2", "interrupted-log.5.3"}) {
    torn[40] = static_cast<char>(torn[40] + 1);
    fs_.PutDurably(LogPath(5), torn);
    EXPECT_TRUE(ReplayAll(fs_, kLogDir, 4).zxids.empty());
    auto writer = Open(4);
    EXPECT_EQ(fs_.Content(std::string(kLogDir) + "/" + kept), torn);
    ASSERT_TRUE(writer->Append(Entries(5, 6)).ok());
    ASSERT_TRUE(writer->Sync());
    EXPECT_EQ(fs_.pending(), 0u);
    EXPECT_EQ(ReplayAll(fs_, kLogDir, 4).zxids, Range(5, 6));
    writer.reset();
  }
}

TEST_F(TxnLogWriterTest, TransactionsNewerThanTheStateAreNeverOverwritten) {
  fs_.PutDurably(LogPath(5), LogContent(5, 8, 100));
  const Error error = OpenError(4);
  EXPECT_EQ(error.code, Errc::kCorruption);
  EXPECT_TRUE(SaysAll(error, {LogPath(5), "0x5", "newer than the loaded state 0x4"}));
  EXPECT_EQ(fs_.Content(LogPath(5)), LogContent(5, 8, 100));
}

TEST_F(TxnLogWriterTest, AFileThatAppearsMeanwhileIsNotOverwritten) {
  auto writer = Open(4);
  fs_.PutDurably(LogPath(5), LogContent(5, 8, 100));
  EXPECT_TRUE(SaysAll(writer->Append(Entries(5, 5)).error(), {LogPath(5), "exists"}));
  EXPECT_TRUE(writer->failed());
  EXPECT_EQ(fs_.Content(LogPath(5)), LogContent(5, 8, 100));
}

TEST_F(TxnLogWriterTest, AnUnfinishedNewFileIsRemovedAtTheNextStart) {
  fs_.PutDurably(std::string(kLogDir) + "/.lockkeeper.newlog", "ZK");
  Open(4);
  EXPECT_TRUE(Names().empty());
}

// A killed process leaves records that are in memory only; clients will see them after the
// restart, so they must be on the disk before that.
TEST_F(TxnLogWriterTest, OpeningMakesWhatWasRecoveredDurable_SO_2_9) {
  options_.force_sync = false;  // so that the names are not durable either
  auto writer = Open();
  ASSERT_TRUE(writer->Append(Entries(1, 4)).ok());
  ASSERT_TRUE(writer->Roll().ok());
  ASSERT_TRUE(writer->Append(Entries(5, 6)).ok());
  EXPECT_GT(fs_.pending(), 0u);
  fs_.CrashProcess();
  ExpectLoads(Range(1, 6));
  options_.force_sync = true;
  writer = Open(6);
  EXPECT_EQ(fs_.pending(), 0u);
  fs_.LosePower({.kind = Survivors::Kind::kNone});
  ExpectLoads(Range(1, 6));
}

TEST_F(TxnLogWriterTest, OpeningFailsWhenTheRecoveredRecordsCannotBeSynced_12_5) {
  fs_.PutDurably(LogPath(1), LogContent(1, 4, 0));
  fs_.FailNextSync();
  EXPECT_TRUE(SaysAll(OpenError(4), {"cannot sync", LogPath(1)}));
}

}  // namespace
}  // namespace lockkeeper
