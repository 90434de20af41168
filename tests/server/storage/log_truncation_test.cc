// TRUNC on the log: nothing above the place survives, everything below it does, whenever the
// machine stops (quorum-protocol 3.9).
#include "server/storage/log_truncation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/storage/txn_log_reader.h"
#include "server/storage/txn_log_writer.h"
#include "tests/server/storage/fake_file_system.h"
#include "tests/server/storage/log_test_util.h"

namespace lockkeeper {
namespace {

constexpr int64_t kEpoch = int64_t{1} << 32;

class LogTruncation : public testing::Test {
 protected:
  LogTruncation() { EXPECT_TRUE(fs_.MakeDirs(kLogDir)); }

  void Put(int64_t first, int64_t last, size_t padding = 100) {
    fs_.PutDurably(LogPath(first), LogContent(first, last, padding));
  }
  // The newest zxid left; a failure of the test, and -1, when it is refused.
  int64_t Truncate(int64_t upto) {
    const auto left = TruncateLog(fs_, kLogDir, Zxid{upto}, {});
    EXPECT_TRUE(left) << left.error().message;
    return left ? left->value : -1;
  }
  // What a start finds after the power was lost.
  std::vector<int64_t> Found() {
    fs_.LosePower({.kind = Survivors::Kind::kNone});
    const Replayed replayed = ReplayAll(fs_);
    EXPECT_TRUE(replayed.status) << replayed.status.error().message;
    return replayed.zxids;
  }
  std::vector<std::string> Names() { return *fs_.List(kLogDir); }

  FakeFileSystem fs_;
};

// SO-2.21
TEST_F(LogTruncation, CutsTheFileWithThePlaceAndRemovesLaterOnes_QP_3_17) {
  Put(1, 10);
  Put(11, 20);
  Put(21, 30);
  Put(31, 31);
  EXPECT_EQ(Truncate(15), 15);
  EXPECT_EQ(Names(), (std::vector<std::string>{"log.1", "log.b"}));
  EXPECT_EQ(Found(), Range(1, 15));
}

TEST_F(LogTruncation, LeavesAFileAloneThatEndsWithThePlace_QP_3_17) {
  Put(1, 10);
  Put(11, 20);
  EXPECT_EQ(Truncate(10), 10);
  EXPECT_EQ(fs_.Content(LogPath(1)), LogContent(1, 10, 100));
  EXPECT_EQ(Found(), Range(1, 10));
  EXPECT_EQ(Truncate(10), 10) << "again";
}

TEST_F(LogTruncation, CutsBehindTheNewestRecordBelowAMissingPlace_QP_3_17) {  // P11
  Put(1, 10);
  Put(kEpoch + 1, kEpoch + 5);
  Put(3 * kEpoch + 1, 3 * kEpoch + 5);
  EXPECT_EQ(Truncate(2 * kEpoch + 7), kEpoch + 5);
  EXPECT_EQ(Truncate(kEpoch), 10);
  EXPECT_EQ(Names(), std::vector<std::string>{"log.1"});
  EXPECT_EQ(Found(), Range(1, 10));
}

TEST_F(LogTruncation, FindsAMissingPlaceInTheMiddleOfAFile_QP_3_17) {
  std::string content = LogContent(1, 4, 0);
  content += RecordBytes(kEpoch + 1, "a") + RecordBytes(kEpoch + 2, "b");
  fs_.PutDurably(LogPath(1), content);
  EXPECT_EQ(Truncate(77), 4);
  EXPECT_EQ(fs_.Content(LogPath(1)), LogContent(1, 4, 0));
}

TEST_F(LogTruncation, LeavesNothingWhenThePlaceIsBeforeTheLog_QP_3_17) {
  Put(5, 10);
  Put(11, 20);
  EXPECT_EQ(Truncate(4), 0);
  EXPECT_TRUE(Names().empty());
  EXPECT_TRUE(Found().empty());
  EXPECT_EQ(Truncate(4), 0) << "of no log at all";
}

TEST_F(LogTruncation, TakesAwayAnInterruptedRecordToo_QP_3_17) {
  const std::string torn = RecordBytes(8, std::string(600, 'x')).substr(0, 300);
  fs_.PutDurably(LogPath(1), LogContent(1, 7, 0) + torn);
  EXPECT_EQ(Truncate(8), 7);
  EXPECT_EQ(fs_.Content(LogPath(1)), LogContent(1, 7, 0));
  EXPECT_EQ(Found(), Range(1, 7));
}

TEST_F(LogTruncation, PassesByFilesThatZooKeeperLeftEmpty_QP_3_17) {
  Put(1, 10);
  fs_.PutDurably(LogPath(11), "");
  EXPECT_EQ(Truncate(12), 10);
  EXPECT_EQ(Names(), std::vector<std::string>{"log.1"});
  fs_.PutDurably(LogPath(11), "");
  EXPECT_EQ(Truncate(4), 4);
  EXPECT_EQ(Found(), Range(1, 4));
}

TEST_F(LogTruncation, NeedsNothingOfWhatStandsBehindThePlace_QP_3_17) {
  Put(1, 10);
  Put(11, 20);
  fs_.FlipBit(LogPath(1), LogContent(1, 8, 0).size() + 20, 1);  // in the record of 9
  fs_.PutDurably(LogPath(11), "no log");
  EXPECT_EQ(Truncate(8), 8);
  EXPECT_EQ(Found(), Range(1, 8));
}

TEST_F(LogTruncation, RefusesDamageBeforeThePlaceAndChangesNothing_QP_3_17) {
  Put(1, 10);
  Put(11, 20);
  fs_.FlipBit(LogPath(1), LogContent(1, 4, 0).size() + 20, 1);
  const auto left = TruncateLog(fs_, kLogDir, Zxid{8}, {});
  ASSERT_FALSE(left);
  EXPECT_EQ(left.error().code, Errc::kCorruption);
  EXPECT_TRUE(SaysAll(left.error(), {"CRC check failed", "/data/version-2/log.1"}));
  EXPECT_EQ(fs_.pending(), 0u);
  EXPECT_EQ(Names().size(), 2u);
}

TEST_F(LogTruncation, CutsAnEarlierFileThatReachesBeyondThePlace_QP_3_17) {
  Put(1, 10);
  Put(5, 8);
  EXPECT_EQ(Truncate(8), 8);
  EXPECT_EQ(Found(), Range(1, 8));
}

TEST_F(LogTruncation, ReportsADiskThatFails_QP_3_17) {
  for (uint64_t n = 1; n <= 3; ++n) {
    FakeFileSystem fs;
    ASSERT_TRUE(fs.MakeDirs(kLogDir));
    fs.PutDurably(LogPath(1), LogContent(1, 10, 0));
    fs.PutDurably(LogPath(11), LogContent(11, 20, 0));
    fs.FailSyncNumber(n);
    const auto left = TruncateLog(fs, kLogDir, Zxid{5}, {});
    ASSERT_FALSE(left) << n;
    EXPECT_EQ(left.error().code, Errc::kIo);
  }
}

// --- through the writer ---

TxnLogOptions Options() {
  TxnLogOptions options;
  options.dir = kLogDir;
  options.prealloc_bytes = 4 << 10;
  options.zero_ahead_bytes = 1 << 10;
  return options;
}

// Entries 1 to 20 in four files, the last four entries not synced.
std::unique_ptr<TxnLogWriter> WriteLog(FakeFileSystem& fs) {
  EXPECT_TRUE(fs.MakeDirs(kLogDir));
  auto opened = TxnLogWriter::Open(fs, Options(), Zxid{0});
  EXPECT_TRUE(opened);
  for (int64_t first = 1; first <= 16; first += 5) {
    EXPECT_TRUE((*opened)->Append(Entries(first, first)));
    EXPECT_TRUE((*opened)->Sync());
    EXPECT_TRUE((*opened)->Append(Entries(first + 1, first + 4)));
    if (first < 16) {
      EXPECT_TRUE((*opened)->Roll());
    }
  }
  return std::move(*opened);
}

LogEntry Fork(int64_t zxid) { return Entry(zxid, "another transaction " + std::to_string(zxid)); }

TEST(TruncatedLogWriter, GoesOnBehindThePlaceInANewFile_QP_3_17) {
  for (const int64_t upto : {0, 1, 5, 7, 10, 16, 18, 20}) {
    SCOPED_TRACE(upto);
    FakeFileSystem fs;
    const auto writer = WriteLog(fs);
    const auto left = writer->Truncate(Zxid{upto});
    ASSERT_TRUE(left) << left.error().message;
    EXPECT_EQ(left->value, upto);
    EXPECT_EQ(writer->last(), Zxid{upto});
    EXPECT_EQ(writer->file_bytes(), 0u);
    EXPECT_EQ(fs.pending(), 0u) << "all of it is durable";
    const std::vector<LogEntry> more{Fork(upto + 1), Fork(upto + 2)};
    ASSERT_TRUE(writer->Append(more));
    ASSERT_TRUE(writer->Sync());
    EXPECT_EQ(writer->file_path(), LogPath(upto + 1));
    fs.LosePower({.kind = Survivors::Kind::kNone});
    const Replayed replayed = ReplayAll(fs);
    ASSERT_TRUE(replayed.status) << replayed.status.error().message;
    ASSERT_EQ(replayed.zxids, Range(1, upto + 2));
    EXPECT_EQ(replayed.payloads.back(), *Fork(upto + 2).payload);
  }
}

TEST(TruncatedLogWriter, GoesOnFromAStateWhoseEndIsNotInTheLog_QP_3_17) {
  FakeFileSystem fs;
  const auto writer = WriteLog(fs);
  ASSERT_TRUE(writer->Append(std::vector<LogEntry>{Fork(kEpoch + 1)}));
  const auto left = writer->Truncate(Zxid{kEpoch});
  ASSERT_TRUE(left);
  EXPECT_EQ(*left, Zxid{20});
  ASSERT_TRUE(writer->Append(std::vector<LogEntry>{Entry(kEpoch + 1, "b")}));
  ASSERT_TRUE(writer->Sync());
  const Replayed replayed = ReplayAll(fs);
  ASSERT_EQ(replayed.zxids.size(), 21u);
  EXPECT_EQ(replayed.payloads.back(), Payload(kEpoch + 1, "b"));
}

TEST(TruncatedLogWriter, GoesOnBehindABaseThatTheLogBeganAt_QP_3_17) {
  FakeFileSystem fs;
  ASSERT_TRUE(fs.MakeDirs(kLogDir));
  const auto writer = TxnLogWriter::Open(fs, Options(), Zxid{50});
  ASSERT_TRUE(writer);
  ASSERT_TRUE((*writer)->Append(Entries(51, 60)));
  const auto left = (*writer)->Truncate(Zxid{50});
  ASSERT_TRUE(left);
  EXPECT_EQ(*left, Zxid{0}) << "the log holds nothing any more";
  ASSERT_TRUE((*writer)->Append(std::vector<LogEntry>{Fork(51)}));
  ASSERT_TRUE((*writer)->Sync());
  EXPECT_EQ(ReplayAll(fs, kLogDir, 50).payloads, std::vector<std::string>{*Fork(51).payload});
}

TEST(TruncatedLogWriter, StartsOverBehindAnotherState_QP_3_18) {
  for (const int64_t last : {int64_t{3}, int64_t{20}, int64_t{500}, 7 * kEpoch}) {
    FakeFileSystem fs;
    const auto writer = WriteLog(fs);
    ASSERT_TRUE(writer->StartOver(Zxid{last}));
    fs.LosePower({.kind = Survivors::Kind::kNone});
    EXPECT_TRUE(fs.List(kLogDir)->empty());
    const auto again = TxnLogWriter::Open(fs, Options(), Zxid{last});
    ASSERT_TRUE(again);
    ASSERT_TRUE((*again)->Append(std::vector<LogEntry>{Fork(last + 1)}));
    ASSERT_TRUE((*again)->Sync());
    EXPECT_EQ(ReplayAll(fs, kLogDir, last).zxids, Range(last + 1, last + 1));
  }
}

TEST(TruncatedLogWriter, TakesNothingMoreWhenTheDiskFailed_QP_3_17) {
  FakeFileSystem fs;
  const auto writer = WriteLog(fs);
  fs.FailSyncNumber(2);
  ASSERT_FALSE(writer->Truncate(Zxid{7}));
  EXPECT_TRUE(writer->failed());
  EXPECT_FALSE(writer->Append(std::vector<LogEntry>{Fork(8)}));
  EXPECT_FALSE(writer->Truncate(Zxid{7}));
  EXPECT_FALSE(writer->StartOver(Zxid{7}));
}

// Every survivor that keeps the order of the operations, given what is pending.
std::vector<Survivors> OrderedSurvivors(const FakeFileSystem& fs) {
  using Kind = Survivors::Kind;
  std::vector<Survivors> all = {{.kind = Kind::kNone},
                                {.kind = Kind::kAll},
                                {.kind = Kind::kContent},
                                {.kind = Kind::kNames}};
  for (size_t operations = 0; operations < fs.pending(); ++operations) {
    for (const size_t torn : {0, 1, 11, 12, 13, 44, 511, 512}) {
      all.push_back({.kind = Kind::kPrefix, .operations = operations, .torn_bytes = torn});
    }
  }
  return all;
}

class TruncationStoppedAtEveryOperation : public testing::TestWithParam<int64_t> {};

// 16 were acknowledged; a log that ends between the place and 20 has no hole and no other content.
TEST_P(TruncationStoppedAtEveryOperation, LeavesABeginningOfTheLogThatReachesThePlace_QP_3_17) {
  const int64_t upto = GetParam();
  int64_t stops = 0;
  for (bool done = false; !done; ++stops) {
    FakeFileSystem fs;
    const auto writer = WriteLog(fs);
    fs.StopAtOperation(static_cast<uint64_t>(stops) + 1);
    done = writer->Truncate(Zxid{upto}).has_value();
    for (const Survivors& survivors : OrderedSurvivors(fs)) {
      SCOPED_TRACE("stopped at operation " + std::to_string(stops + 1) + survivors.Describe());
      const auto after = fs.Clone();
      after->LosePower(survivors);
      const Replayed replayed = ReplayAll(*after);
      ASSERT_TRUE(replayed.status) << replayed.status.error().message;
      const int64_t last = replayed.summary.last_zxid.value;
      ASSERT_GE(last, std::min<int64_t>(upto, 16));
      ASSERT_LE(last, 20);
      if (done) {
        ASSERT_EQ(last, upto);
      }
      ASSERT_EQ(replayed.zxids, Range(1, last));
      for (int64_t zxid = 1; zxid <= last; ++zxid) {
        ASSERT_EQ(replayed.payloads[static_cast<size_t>(zxid - 1)], Payload(zxid, BodyOf(zxid)));
      }
      // A second attempt gets there.
      const auto again = TruncateLog(*after, kLogDir, Zxid{upto}, {});
      ASSERT_TRUE(again) << again.error().message;
      ASSERT_EQ(again->value, std::min(upto, last));
      ASSERT_EQ(ReplayAll(*after).summary.last_zxid, *again);
    }
  }
  EXPECT_GT(stops, 1);
}

INSTANTIATE_TEST_SUITE_P(Places, TruncationStoppedAtEveryOperation,
                         testing::Values(1, 3, 5, 9, 10, 15, 16, 18, 20));

}  // namespace
}  // namespace lockkeeper
