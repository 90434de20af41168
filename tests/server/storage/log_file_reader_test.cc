// One test a row of the table "Reading: end, torn tail, corruption" of a single file.
#include "server/storage/log_file_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/server/storage/fake_file_system.h"
#include "tests/server/storage/log_test_util.h"

namespace lockkeeper {
namespace {

constexpr size_t kPadding = 3000;

// Where the record of `zxid` starts in LogContent(1, ...).
size_t OffsetOf(int64_t zxid) { return LogContent(1, zxid - 1, 0).size(); }

class LogFileReaderTest : public testing::Test {
 protected:
  Replayed Load(std::string content, const ReplayLimits& limits = {}) {
    fs_.PutDurably(LogPath(1), std::move(content));
    return ReplayAll(fs_, kLogDir, 0, limits);
  }

  // Loads the records 1..last and reports an interrupted one where the next would be.
  void ExpectTorn(std::string content, int64_t last, const std::string& what) {
    const Replayed replayed = Load(std::move(content));
    ASSERT_TRUE(replayed.status.ok()) << what << ": " << replayed.status.error().message;
    EXPECT_EQ(replayed.zxids, Range(1, last)) << what;
    ASSERT_EQ(replayed.summary.torn.size(), 1u) << what;
    EXPECT_EQ(replayed.summary.torn[0].path, LogPath(1)) << what;
    EXPECT_EQ(replayed.summary.torn[0].offset, OffsetOf(last + 1)) << what;
    EXPECT_FALSE(replayed.summary.torn[0].reason.empty()) << what;
  }

  void ExpectClean(std::string content, int64_t last, const std::string& what) {
    const Replayed replayed = Load(std::move(content));
    ASSERT_TRUE(replayed.status.ok()) << what << ": " << replayed.status.error().message;
    EXPECT_EQ(replayed.zxids, Range(1, last)) << what;
    EXPECT_TRUE(replayed.summary.torn.empty()) << what;
    EXPECT_EQ(replayed.summary.last_zxid, Zxid{last}) << what;
    EXPECT_EQ(replayed.summary.records, static_cast<uint64_t>(last)) << what;
  }

  void ExpectDamage(std::string content, const std::vector<std::string>& parts) {
    const Replayed replayed = Load(std::move(content));
    ASSERT_FALSE(replayed.status.ok());
    EXPECT_EQ(replayed.status.error().code, Errc::kCorruption);
    EXPECT_TRUE(SaysAll(replayed.status.error(), parts));
    EXPECT_TRUE(SaysAll(replayed.status.error(), {LogPath(1)}));
  }

  FakeFileSystem fs_;
};

TEST_F(LogFileReaderTest, ZeroFillEndsTheFileSilently_SO_2_6) {
  ExpectClean(LogContent(1, 3, kPadding), 3, "padded");
  ExpectClean(LogContent(1, 3, 0), 3, "not padded");
  ExpectClean(LogContent(1, 3, 11), 3, "less padding than a record's first fields");
}

TEST_F(LogFileReaderTest, AFileWithOnlyItsHeaderIsFine_SO_2_14) {
  ExpectClean(LogFileHeader(), 0, "header");
  ExpectClean(LogFileHeader() + std::string(kPadding, '\0'), 0, "padded header");
}

TEST_F(LogFileReaderTest, TheVersionIsNotChecked_SO_2_1) {
  std::string content = LogContent(1, 3, kPadding);
  content[7] = 9;
  ExpectClean(content, 3, "version 9");
}

TEST_F(LogFileReaderTest, ACutAnywhereInTheLastRecordDropsThatRecord_SO_2_11) {
  const std::string whole = LogContent(1, 3, 0);
  for (size_t size = OffsetOf(3) + 1; size < whole.size(); ++size) {
    const std::string what = "cut to " + std::to_string(size);
    std::string zeroed = whole.substr(0, size) + std::string(whole.size() - size + kPadding, '\0');
    if (size < OffsetOf(3) + 5) {
      // Up to here the record has only zeros, so nothing of it was written.
      ExpectClean(whole.substr(0, size), 2, what);
      ExpectClean(std::move(zeroed), 2, what + ", zeros behind");
    } else {
      ExpectTorn(whole.substr(0, size), 2, what);
      ExpectTorn(std::move(zeroed), 2, what + ", zeros behind");
    }
  }
}

TEST_F(LogFileReaderTest, AZeroedEndMarkDropsTheLastRecord_SO_2_11) {
  std::string content = LogContent(1, 3, 0);
  content.back() = '\0';
  ExpectTorn(content + std::string(kPadding, '\0'), 2, "zero");
  content.back() = 'C';
  ExpectTorn(content + std::string(kPadding, '\0'), 2, "another byte, nothing behind");
}

TEST_F(LogFileReaderTest, AWrongChecksumWithTheEndMarkRefuses_SO_2_12) {
  // Each bit of the checksum and the payload, in the middle and in the very last record.
  for (const int64_t zxid : {2, 3}) {
    const std::string whole = LogContent(1, 3, kPadding);
    const size_t start = OffsetOf(zxid);
    const size_t payload_end = start + kRecordPrefixBytes + Payload(zxid, BodyOf(zxid)).size();
    for (size_t at = start; at < payload_end; ++at) {
      if (at >= start + 8 && at < start + kRecordPrefixBytes) continue;  // the length
      for (int bit = 0; bit < 8; ++bit) {
        std::string content = whole;
        content[at] = static_cast<char>(content[at] ^ (1 << bit));
        ExpectDamage(content, {"CRC check failed", "offset " + std::to_string(start),
                               "`lockkeeper log check --cut " + LogPath(1) + "`", "backup"});
      }
    }
  }
}

TEST_F(LogFileReaderTest, TheRemedyThatTheMessageNamesWorks_SO_2_12) {
  std::string content = LogContent(1, 3, kPadding);
  content[OffsetOf(3) + 40] ^= 1;
  const Replayed damaged = Load(content);
  ASSERT_FALSE(damaged.status.ok());
  ASSERT_TRUE(CutAsTheErrorSays(fs_, damaged.status.error()));
  ExpectClean(fs_.Content(LogPath(1)), 2, "after the cut");
}

// With its own limit the tool would take a record for damage that this reader accepts.
TEST_F(LogFileReaderTest, TheRemedyHasTheLimitOfTheReader_SO_2_13) {
  std::string content = LogContent(1, 3, kPadding);
  content[OffsetOf(3) + 40] ^= 1;
  const Replayed damaged = Load(content, {.payload_bytes_max = 9999});
  ASSERT_FALSE(damaged.status.ok());
  EXPECT_TRUE(SaysAll(damaged.status.error(),
                      {"lockkeeper log check --cut --jute-maxbuffer 5000 " + LogPath(1)}));
}

TEST_F(LogFileReaderTest, ALengthOutOfRangeRefuses_SO_2_13) {
  ReplayLimits limits;
  limits.payload_bytes_max = 2000;
  const auto with_length = [](uint32_t length) {
    std::string content = LogContent(1, 3, kPadding);
    for (size_t i = 0; i < 4; ++i) {
      content[OffsetOf(3) + 8 + i] = static_cast<char>(length >> (24 - 8 * i));
    }
    return content;
  };
  for (const uint32_t length : {0xffffffffu, 0x80000000u, 0xffffff00u, 2001u, 0x7fffffffu}) {
    const Replayed replayed = Load(with_length(length), limits);
    ASSERT_FALSE(replayed.status.ok()) << length;
    EXPECT_EQ(replayed.status.error().code, Errc::kCorruption);
    EXPECT_TRUE(
        SaysAll(replayed.status.error(),
                {"Unreasonable length = " + std::to_string(static_cast<int32_t>(length)),
                 "offset " + std::to_string(OffsetOf(3)), LogPath(1), "jute.maxbuffer", "2000"}));
  }
}

TEST_F(LogFileReaderTest, ALengthAtTheLimitIsRead_SO_2_13) {
  ReplayLimits limits;
  limits.payload_bytes_max = 2000;
  const std::string largest(2000 - kTxnHeaderBytes, 'z');
  const std::string content =
      LogFileHeader() + RecordBytes(1, largest) + RecordBytes(2, "x") + std::string(kPadding, '\0');
  const Replayed replayed = Load(content, limits);
  ASSERT_TRUE(replayed.status.ok()) << replayed.status.error().message;
  EXPECT_EQ(replayed.zxids, Range(1, 2));
  EXPECT_EQ(replayed.payloads[0], Payload(1, largest));
}

TEST_F(LogFileReaderTest, AFileShorterThanItsHeaderRefuses_SO_2_14) {
  for (size_t size = 1; size < kLogHeaderBytes; ++size) {
    ExpectDamage(LogFileHeader().substr(0, size), {"only " + std::to_string(size) + " bytes"});
  }
}

TEST_F(LogFileReaderTest, AWrongMagicRefuses_SO_2_14) {
  for (size_t i = 0; i < kLogMagic.size(); ++i) {
    std::string content = LogContent(1, 3, kPadding);
    content[i] ^= 0x20;
    ExpectDamage(content, {"magic", "offset 0"});
  }
  ExpectDamage(std::string(kPadding, '\0'), {"magic", "0x0 instead"});
}

// Records of 700 bytes: each covers a whole sector.
std::string SectorContent() {
  std::string content = LogFileHeader();
  for (int64_t zxid = 1; zxid <= 9; ++zxid) content += RecordBytes(zxid, std::string(700, 'd'));
  return content + std::string(kPadding, '\0');
}
size_t SectorOffset(int64_t zxid) {
  return kLogHeaderBytes +
         static_cast<size_t>(zxid - 1) * RecordBytes(1, std::string(700, 'd')).size();
}

TEST_F(LogFileReaderTest, AMissingSectorInTheMiddleEndsTheFile_SO_2_15) {
  // Power failed while records 4 and up were written: later sectors reached the disk, this not.
  const size_t mark = SectorOffset(5) - 1;
  std::string content = SectorContent();
  const size_t sector = mark / 512 * 512;
  content.replace(sector, 512, 512, '\0');
  const Replayed replayed = Load(content);
  ASSERT_TRUE(replayed.status.ok()) << replayed.status.error().message;
  EXPECT_EQ(replayed.zxids, Range(1, 3));
  ASSERT_EQ(replayed.summary.torn.size(), 1u);
  EXPECT_EQ(replayed.summary.torn[0].offset, SectorOffset(4));
}

TEST_F(LogFileReaderTest, AZeroLengthFromAMissingSectorEndsTheFile_SO_2_15) {
  std::string content = SectorContent();
  const size_t start = SectorOffset(4);
  content.replace(start, 512 - start % 512, 512 - start % 512, '\0');
  const Replayed replayed = Load(content);
  ASSERT_TRUE(replayed.status.ok()) << replayed.status.error().message;
  EXPECT_EQ(replayed.zxids, Range(1, 3));
}

TEST_F(LogFileReaderTest, ABrokenEndMarkBeforeWholeRecordsIsDamage_SO_2_15) {
  for (const char wrong : {'\0', 'C'}) {
    std::string content = SectorContent();
    content[SectorOffset(5) - 1] = wrong;
    ExpectDamage(content, {"no end mark", "offset " + std::to_string(SectorOffset(4)),
                           "whole record follows it at offset " + std::to_string(SectorOffset(5)),
                           "lockkeeper log check --cut "});
  }
}

TEST_F(LogFileReaderTest, AWrongLengthBeforeWholeRecordsIsDamage_SO_2_15) {
  const size_t at = SectorOffset(4) + 10;
  for (const unsigned length : {0u, 100u, 731u, 733u, 5000u, 60000u}) {
    std::string content = SectorContent();
    content[at] = static_cast<char>(length >> 8);
    content[at + 1] = static_cast<char>(length);
    ExpectDamage(content, {"whole record follows it at offset " + std::to_string(SectorOffset(5)),
                           "offset " + std::to_string(SectorOffset(4))});
  }
}

TEST_F(LogFileReaderTest, OnRequestABrokenRecordEndsTheFileWhateverFollows_SO_2_15) {
  ReplayLimits limits;
  limits.drop_records_after_damage = true;
  for (const char wrong : {'\0', 'C'}) {
    std::string content = SectorContent();
    content[SectorOffset(5) - 1] = wrong;
    const Replayed replayed = Load(content, limits);
    ASSERT_TRUE(replayed.status.ok()) << replayed.status.error().message;
    EXPECT_EQ(replayed.zxids, Range(1, 3));
  }
}

TEST_F(LogFileReaderTest, ACrcErrorOverAMissingSectorSaysThatPowerFailed_SO_2_12) {
  std::string content = LogFileHeader() + RecordBytes(1, std::string(3000, 'd'));
  content.replace(1024, 512, 512, '\0');
  ExpectDamage(content + std::string(kPadding, '\0'), {"CRC check failed", "sector", "power"});
}

TEST_F(LogFileReaderTest, APayloadShorterThanATransactionHeaderIsDamage) {
  std::string content = LogFileHeader();
  AppendLogRecord(std::string(kTxnHeaderBytes - 1, 'x'), &content);
  ExpectDamage(content, {"shorter than a transaction header"});
}

TEST_F(LogFileReaderTest, RecordsOfAllSizesCrossTheReadBuffer) {
  std::string content = LogFileHeader();
  std::vector<std::string> payloads;
  for (int64_t zxid = 1; content.size() < (6 << 20); ++zxid) {
    const size_t size = static_cast<size_t>(zxid * 7919 % 300'000);
    payloads.push_back(Payload(zxid, std::string(size, static_cast<char>('a' + zxid % 26))));
    AppendLogRecord(payloads.back(), &content);
  }
  const Replayed replayed = Load(content + std::string(kPadding, '\0'));
  ASSERT_TRUE(replayed.status.ok()) << replayed.status.error().message;
  EXPECT_EQ(replayed.payloads, payloads);
}

}  // namespace
}  // namespace lockkeeper
