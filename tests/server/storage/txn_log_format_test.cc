#include "server/storage/txn_log_format.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/server/storage/log_test_util.h"

namespace lockkeeper {
namespace {

std::string FromHex(std::string_view hex) {
  std::string bytes;
  std::string digits;
  for (const char c : hex) {
    if (c == ' ') continue;
    digits += c;
    if (digits.size() < 2) continue;
    bytes += static_cast<char>(std::stoi(digits, nullptr, 16));
    digits.clear();
  }
  return bytes;
}

// The first 77 bytes of a fresh log of Apache ZooKeeper 3.9.5.
constexpr char kRealLog[] =
    "5a4b4c47 00000002 00000000 00000000"
    "00000000 c3040a99 00000030"
    "0100000e43860000 00000000 0000000000000001"
    "000001a1fbdd5676 fffffff6 00002710"
    "00000002 0000000051c6d660 42";

TEST(TxnLogFormat, HeaderIsThatOfARealLog_SO_2_1) {
  EXPECT_EQ(LogFileHeader(), FromHex(kRealLog).substr(0, kLogHeaderBytes));
}

TEST(TxnLogFormat, RecordOfARealLogIsMadeByteForByte_SO_2_2) {
  const std::string real = FromHex(kRealLog);
  const std::string payload = real.substr(kLogHeaderBytes + kRecordPrefixBytes, 0x30);
  std::string record;
  AppendLogRecord(payload, &record);
  EXPECT_EQ(record, real.substr(kLogHeaderBytes));
  EXPECT_EQ(LogChecksum(payload), 0xc3040a99u);
  EXPECT_EQ(LogRecordBytes(payload.size()), record.size());
  EXPECT_EQ(ZxidOfPayload(payload), Zxid{1});
}

TEST(TxnLogFormat, ChecksumIsAdler32OfThePayloadOnly_SO_2_2) {
  EXPECT_EQ(LogChecksum("Wikipedia"), 0x11E60398u);  // the usual example
  EXPECT_EQ(LogChecksum(""), 1u);
  const std::string record = RecordBytes(7, "x");
  EXPECT_EQ(LoadBigEndian64(record.data()), LogChecksum(Payload(7, "x")));
}

TEST(TxnLogFormat, NameIsTheZxidInLowerCaseHexadecimalWithoutZeros_SO_2_7) {
  EXPECT_EQ(LogFileName(Zxid{0x1}), "log.1");
  EXPECT_EQ(LogFileName(Zxid{0x1f}), "log.1f");
  EXPECT_EQ(LogFileName(Zxid{0xa00000001}), "log.a00000001");
  EXPECT_EQ(LogFileName(Zxid{0x7fffffffffffffff}), "log.7fffffffffffffff");
}

TEST(TxnLogFormat, FileNamesAreReadAsZooKeeperReadsThem_SO_1_5) {
  EXPECT_EQ(ZxidOfFileName("log", "log.21"), Zxid{0x21});
  EXPECT_EQ(ZxidOfFileName("log", "log.21.bak"), Zxid{0x21});
  EXPECT_EQ(ZxidOfFileName("log", "log.AbC"), Zxid{0xabc});
  EXPECT_EQ(ZxidOfFileName("log", "log.+5"), Zxid{5});
  EXPECT_EQ(ZxidOfFileName("snapshot", "snapshot.19.old"), Zxid{0x19});
  EXPECT_EQ(ZxidOfFileName("snapshot", "snapshot.0"), Zxid{0});
  EXPECT_EQ(ZxidOfFileName("log", "log.7fffffffffffffff"), Zxid{0x7fffffffffffffff});
  for (const char* const name :
       {"log.zz", "logfile", "log", "log.", "log..5", "log.5x", "log.-1", "log.+-5", "log. 5",
        "Log.5", "xlog.5", "snapshot.5", "log.8000000000000000", "log.11112222333344445"}) {
    EXPECT_EQ(ZxidOfFileName("log", name), std::nullopt) << name;
  }
  EXPECT_EQ(ZxidOfFileName("snapshot", "snapshot."), std::nullopt);
  EXPECT_EQ(ZxidOfFileName("snapshot", "snapshot.foo"), std::nullopt);
}

TEST(TxnLogFormat, PaddingFollowsTheRuleOfZooKeeper_SO_2_6) {
  constexpr uint64_t kUnit = 64 << 20;
  EXPECT_EQ(PaddedLogSize(16, 16, kUnit), 67108880u);
  EXPECT_EQ(PaddedLogSize(77, 67108880, kUnit), 67108880u);
  // The last position that is far enough from the end, and the next.
  EXPECT_EQ(PaddedLogSize(67108880 - 4097, 67108880, kUnit), 67108880u);
  EXPECT_EQ(PaddedLogSize(67108880 - 4096, 67108880, kUnit), 67108880u + kUnit);
  EXPECT_EQ(PaddedLogSize(67108880, 67108880, kUnit), 67108880u + kUnit);
  // Records went beyond the padding: the next size is a multiple of the unit.
  EXPECT_EQ(PaddedLogSize(67108881, 67108880, kUnit), 2 * kUnit);
  // preAllocSize=4
  EXPECT_EQ(PaddedLogSize(16, 16, 4096), 4112u);
  EXPECT_EQ(PaddedLogSize(77, 4112, 4096), 8208u);
  EXPECT_EQ(PaddedLogSize(10040, 8208, 4096), 12288u);
  // preAllocSize=0
  EXPECT_EQ(PaddedLogSize(123456, 16, 0), 16u);
}

TEST(TxnLogFormat, ZxidsOfAnEpochHaveNoGap_SO_2_5) {
  EXPECT_TRUE(FollowsInLog(Zxid{0}, Zxid{1}));
  EXPECT_TRUE(FollowsInLog(Zxid{0x100000005}, Zxid{0x100000006}));
  EXPECT_TRUE(FollowsInLog(Zxid{0x100000005}, Zxid{0x200000001}));
  EXPECT_TRUE(FollowsInLog(Zxid{0}, Zxid{0x300000001}));
  EXPECT_FALSE(FollowsInLog(Zxid{0x100000005}, Zxid{0x100000005}));
  EXPECT_FALSE(FollowsInLog(Zxid{0x100000005}, Zxid{0x100000007}));
  EXPECT_FALSE(FollowsInLog(Zxid{0x200000001}, Zxid{0x100000006}));
}

}  // namespace
}  // namespace lockkeeper
