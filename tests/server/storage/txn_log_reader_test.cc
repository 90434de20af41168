#include "server/storage/txn_log_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/server/storage/fake_file_system.h"
#include "tests/server/storage/log_test_util.h"

namespace lockkeeper {
namespace {

constexpr size_t kPaddingBytes = 5000;

class TxnLogReaderTest : public testing::Test {
 protected:
  TxnLogReaderTest() { CHECK(fs_.MakeDirs(kLogDir).ok()); }

  void Put(int64_t first, int64_t last, size_t padding = kPaddingBytes) {
    fs_.PutDurably(LogPath(first), LogContent(first, last, padding));
  }
  void PutNamed(const std::string& name, std::string content) {
    fs_.PutDurably(std::string(kLogDir) + "/" + name, std::move(content));
  }
  void ExpectLoads(int64_t have, const std::vector<int64_t>& zxids) {
    const Replayed replayed = ReplayAll(fs_, kLogDir, have);
    ASSERT_TRUE(replayed.status.ok()) << replayed.status.error().message;
    EXPECT_EQ(replayed.zxids, zxids);
    EXPECT_EQ(replayed.summary.last_zxid.value, zxids.empty() ? have : zxids.back());
    EXPECT_EQ(replayed.summary.records, zxids.size());
  }
  void ExpectRefuses(int64_t have, const std::vector<std::string>& parts) {
    const Replayed replayed = ReplayAll(fs_, kLogDir, have);
    ASSERT_FALSE(replayed.status.ok());
    EXPECT_EQ(replayed.status.error().code, Errc::kCorruption);
    EXPECT_TRUE(SaysAll(replayed.status.error(), parts));
  }

  FakeFileSystem fs_;
};

// What records hold beyond their zxid is checked here once.
TEST_F(TxnLogReaderTest, RecordsComeInOrderWithTheirPayloads_SO_2_17) {
  Put(1, 3);
  Put(4, 4);
  Put(5, 20);
  const Replayed replayed = ReplayAll(fs_);
  ASSERT_TRUE(replayed.status.ok()) << replayed.status.error().message;
  EXPECT_EQ(replayed.zxids, Range(1, 20));
  for (int64_t zxid = 1; zxid <= 20; ++zxid) {
    EXPECT_EQ(replayed.payloads[static_cast<size_t>(zxid - 1)], Payload(zxid, BodyOf(zxid)));
  }
  EXPECT_EQ(replayed.summary.files, 3u);
}

TEST_F(TxnLogReaderTest, ADirectoryWithoutLogsGivesTheStartingPoint_SO_2_20) {
  ExpectLoads(0, {});
  ExpectLoads(77, {});
}

TEST_F(TxnLogReaderTest, ReadingStartsWithTheGreatestNameNotAboveTheStart_SO_2_17) {
  // The older files are damaged: whoever opened them would refuse.
  PutNamed("log.1", "damaged file");
  PutNamed("log.3", "damaged file");
  Put(5, 9);
  Put(10, 12);
  Put(13, 13);
  ExpectLoads(6, Range(7, 13));
  ExpectLoads(9, Range(10, 13));
  ExpectLoads(5, Range(6, 13));
  ExpectLoads(12, {13});
  ExpectLoads(13, {});
  ExpectLoads(20, {});
  ExpectRefuses(4, {"log.3"});
}

TEST_F(TxnLogReaderTest, OtherNamesAreNotRead_SO_1_5) {
  Put(1, 2);
  for (const char* const name : {"log.zz", "logfile", "snapshot.0", "snapshot.9", "initialize",
                                 "currentEpoch", "interrupted-log.3", ".lockkeeper.newlog"}) {
    PutNamed(name, "something else");
  }
  ExpectLoads(0, {1, 2});
}

TEST_F(TxnLogReaderTest, FurtherPartsOfANameAreIgnored_SO_1_5) {
  Put(1, 2);
  PutNamed("log.3.bak", LogContent(3, 5, kPaddingBytes));
  ExpectLoads(0, Range(1, 5));
}

TEST_F(TxnLogReaderTest, ACopyOfALogRepeatsNothing) {
  Put(1, 2);
  Put(3, 5);
  PutNamed("log.3.bak", LogContent(3, 5, kPaddingBytes));
  Put(6, 7);
  ExpectLoads(0, Range(1, 7));
  EXPECT_EQ(ReplayAll(fs_).summary.repeated, 3u);
}

TEST_F(TxnLogReaderTest, TheNamesAreSortedAsNumbers_SO_2_17) {
  Put(9, 0xf);
  Put(0x10, 0xff);
  Put(0x100, 0x102);
  ExpectLoads(8, Range(9, 0x102));
}

TEST_F(TxnLogReaderTest, AnEmptyLastFileIsDeletedAndLoadingGoesOn_SO_2_14) {
  Put(1, 3);
  PutNamed("log.4", "");
  ExpectLoads(0, Range(1, 3));
  EXPECT_FALSE(fs_.Stat(LogPath(4))->has_value());
  ExpectLoads(0, Range(1, 3));
}

TEST_F(TxnLogReaderTest, AnEmptyOnlyFileIsDeleted_SO_2_14) {
  PutNamed("log.1", "");
  ExpectLoads(0, {});
  EXPECT_FALSE(fs_.Stat(LogPath(1))->has_value());
}

TEST_F(TxnLogReaderTest, AnEmptyFileBeforeTheLastRefuses_SO_2_14) {
  Put(1, 3);
  PutNamed("log.4", "");
  Put(5, 6);
  ExpectRefuses(0, {LogPath(4), "only 0 bytes"});
}

TEST_F(TxnLogReaderTest, AFileWithOnlyItsHeaderIsFineAnywhere_SO_2_14) {
  Put(1, 3);
  PutNamed("log.2", LogFileHeader());
  PutNamed("log.3", LogFileHeader() + std::string(kPaddingBytes, '\0'));
  Put(4, 6);
  PutNamed("log.7", LogFileHeader());
  ExpectLoads(0, Range(1, 6));
}

TEST_F(TxnLogReaderTest, AGapWithinAnEpochRefuses_SO_2_16) {
  Put(1, 3);
  Put(5, 6);
  ExpectRefuses(0, {"Committed proposal cached out of order", "0x5", "0x3", LogPath(5), "offset 16",
                    "log.1 ended at offset", "backup"});
}

TEST_F(TxnLogReaderTest, AGapWithinAFileRefuses_SO_2_16) {
  PutNamed("log.1", LogFileHeader() + RecordBytes(1, "a") + RecordBytes(3, "c"));
  ExpectRefuses(0, {"out of order", "0x3", LogPath(1), "offset"});
}

TEST_F(TxnLogReaderTest, AHigherEpochIsNoGap_SO_2_16) {
  Put(0x100000001, 0x100000003);
  Put(0x200000001, 0x200000002);
  Put(0x500000001, 0x500000001);
  ExpectLoads(0, {0x100000001, 0x100000002, 0x100000003, 0x200000001, 0x200000002, 0x500000001});
  ExpectLoads(0x100000003, {0x200000001, 0x200000002, 0x500000001});
}

TEST_F(TxnLogReaderTest, AnEpochThatStartsLateIsAcceptedAsZooKeeperDoes_SO_2_16) {
  Put(0x100000001, 0x100000001);
  Put(0x200000007, 0x200000008);
  ExpectLoads(0, {0x100000001, 0x200000007, 0x200000008});
}

TEST_F(TxnLogReaderTest, AGapRightAfterTheStartingPointRefuses_SO_2_16) {
  Put(5, 8);
  ExpectLoads(4, Range(5, 8));
  ExpectRefuses(3, {"out of order", "0x5", "0x3", "state that was loaded before the log"});
  ExpectRefuses(0, {"0x5"});
}

TEST_F(TxnLogReaderTest, OnRequestGapsAreAccepted_SO_2_16) {
  Put(2, 3);
  Put(7, 8);
  ReplayLimits limits;
  limits.allow_gaps = true;
  const Replayed replayed = ReplayAll(fs_, kLogDir, 0, limits);
  ASSERT_TRUE(replayed.status.ok()) << replayed.status.error().message;
  EXPECT_EQ(replayed.zxids, (std::vector<int64_t>{2, 3, 7, 8}));
}

// The interrupted record 4 has the number of the first record of the next file.
// P56
TEST_F(TxnLogReaderTest, AnInterruptedRecordBeforeAFileThatGoesOnLoadsAgainAndAgain_SO_2_11) {
  std::string torn = LogContent(1, 4, 0);
  torn.back() = '\0';
  PutNamed("log.1", torn + std::string(kPaddingBytes, '\0'));
  Put(4, 6);
  for (int round = 0; round < 3; ++round) {
    const Replayed replayed = ReplayAll(fs_);
    ASSERT_TRUE(replayed.status.ok()) << replayed.status.error().message;
    EXPECT_EQ(replayed.zxids, Range(1, 6));
    ASSERT_EQ(replayed.summary.torn.size(), 1u);
    EXPECT_EQ(replayed.summary.torn[0].path, LogPath(1));
    EXPECT_EQ(replayed.summary.torn[0].offset, LogContent(1, 3, 0).size());
  }
}

TEST_F(TxnLogReaderTest, AnInterruptedRecordBeforeAGapRefusesAndNamesBothFiles_SO_2_16) {
  std::string torn = LogContent(1, 4, 0);
  torn.back() = '\0';
  PutNamed("log.1", torn + std::string(kPaddingBytes, '\0'));
  Put(5, 6);
  ExpectRefuses(0,
                {"out of order", LogPath(5), LogPath(1),
                 "ended at offset " + std::to_string(LogContent(1, 3, 0).size()), "no end mark"});
}

TEST_F(TxnLogReaderTest, AnErrorOfTheCallbackStopsTheReplay) {
  Put(1, 9);
  int calls = 0;
  const auto result = ReplayLog(fs_, kLogDir, Zxid{0}, {}, [&](Zxid zxid, std::string_view) {
    ++calls;
    return zxid == Zxid{4} ? Status(Error{Errc::kCorruption, "Unsupported Txn"}) : Status();
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "Unsupported Txn");
  EXPECT_EQ(calls, 4);
}

TEST_F(TxnLogReaderTest, AMissingDirectoryIsAnError) {
  const auto result =
      ReplayLog(fs_, "/nowhere", Zxid{0}, {}, [](Zxid, std::string_view) { return Status(); });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::kIo);
  EXPECT_TRUE(SaysAll(result.error(), {"/nowhere"}));
}

TEST_F(TxnLogReaderTest, LastLoggedZxidIsTheLastRecordOfTheNewestFileWithOne_SO_2_18) {
  EXPECT_EQ(*LastLoggedZxid(fs_, kLogDir, {}), std::nullopt);
  PutNamed("log.1", LogFileHeader());
  EXPECT_EQ(*LastLoggedZxid(fs_, kLogDir, {}), std::nullopt);
  Put(1, 3);
  EXPECT_EQ(*LastLoggedZxid(fs_, kLogDir, {}), Zxid{3});
  Put(4, 9);
  PutNamed("log.a", LogFileHeader());
  PutNamed("log.b", "");
  EXPECT_EQ(*LastLoggedZxid(fs_, kLogDir, {}), Zxid{9});
}

// --- logs of a real server
// ------------------------------------------------------------------------

const std::string& ApacheDir() {
  static const std::string* const dir = new std::string(
      std::string(LOCKKEEPER_SOURCE_DIR) + "/tests/server/storage/testdata/apache-3.8.0");
  return *dir;
}

// log.1 and log.f were written by Apache ZooKeeper 3.8.0, with a restart between them: sessions,
// nodes of every kind, an ACL, failed requests, a payload of 10 KiB. Their padding was cut off.
TEST(ApacheLogs, AreReadWhole_SO_2_2) {
  const Replayed replayed = ReplayAll(PosixFileSystem(), ApacheDir());
  ASSERT_TRUE(replayed.status.ok()) << replayed.status.error().message;
  EXPECT_EQ(replayed.zxids, Range(1, 0x12));
  EXPECT_TRUE(replayed.summary.torn.empty());
  EXPECT_EQ(replayed.summary.files, 2u);
  EXPECT_EQ(*LastLoggedZxid(PosixFileSystem(), ApacheDir(), {}), Zxid{0x12});
  // Failed requests are logged with a header and an error code, nothing else.
  EXPECT_EQ(replayed.payloads[4].size(), kTxnHeaderBytes + 4);
}

// What the writer makes of a real server's transactions is that server's file, so the Java tools
// read it as they read their own.
TEST(ApacheLogs, AreWrittenAgainByteForByte_SO_2_22) {
  const Replayed replayed = ReplayAll(PosixFileSystem(), ApacheDir());
  ASSERT_TRUE(replayed.status.ok()) << replayed.status.error().message;
  FakeFileSystem fs;
  CHECK(fs.MakeDirs(kLogDir).ok());
  TxnLogOptions options;
  options.dir = kLogDir;
  options.prealloc_bytes = 1 << 20;
  auto writer = TxnLogWriter::Open(fs, options, Zxid{0});
  ASSERT_TRUE(writer);
  for (size_t i = 0; i < replayed.zxids.size(); ++i) {
    if (replayed.zxids[i] == 0xf) {
      ASSERT_TRUE((*writer)->Roll().ok());
    }
    const LogEntry entry{Zxid{replayed.zxids[i]},
                         std::make_shared<const std::string>(replayed.payloads[i])};
    ASSERT_TRUE((*writer)->Append({&entry, 1}).ok());
  }
  ASSERT_TRUE((*writer)->Sync());
  for (const char* const name : {"log.1", "log.f"}) {
    const auto real = ReadSmallFile(PosixFileSystem(), ApacheDir() + "/" + name, 1 << 20);
    ASSERT_TRUE(real);
    const std::string& ours = fs.Content(std::string(kLogDir) + "/" + name);
    EXPECT_EQ(ours.substr(0, real->size()), *real) << name;
    EXPECT_EQ(ours.find_first_not_of('\0', real->size()), std::string::npos) << name;
    EXPECT_EQ(ours.size(), (1u << 20) + kLogHeaderBytes) << name;
  }
}

}  // namespace
}  // namespace lockkeeper
