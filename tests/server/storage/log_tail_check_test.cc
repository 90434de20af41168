#include "server/storage/log_tail_check.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "server/storage/txn_log_format.h"
#include "tests/server/storage/fake_file_system.h"
#include "tests/server/storage/log_test_util.h"

namespace lockkeeper {
namespace {

class FindRecordTest : public testing::Test {
 protected:
  std::optional<uint64_t> Find(std::string content, uint64_t from = 0) {
    fs_.PutDurably(LogPath(1), std::move(content));
    auto file = fs_.OpenForRead(LogPath(1));
    EXPECT_TRUE(file);
    const auto found = FindRecord(**file, from, Zxid{4}, kDefaultPayloadBytesMax);
    EXPECT_TRUE(found);
    return found ? *found : std::nullopt;
  }

  FakeFileSystem fs_;
};

// Everywhere: the file is read in windows, and a record must not be lost between two of them.
TEST_F(FindRecordTest, AtAnyPlace) {
  const std::string record = RecordBytes(5, "the body");
  constexpr size_t kWindow = 64 << 10;
  for (const char before : {'\0', 'x', '\1'}) {
    for (size_t at = kWindow - 100; at < kWindow + 100; ++at) {
      EXPECT_EQ(Find(std::string(at, before) + record), at);
    }
  }
}

TEST_F(FindRecordTest, LongerThanAWindow) {
  const std::string record = RecordBytes(5, std::string(300 << 10, 'y'));
  EXPECT_EQ(Find(std::string(70'000, '\0') + record + std::string(1000, '\0')), 70'000);
}

TEST_F(FindRecordTest, NotBeforeFrom) {
  const std::string record = RecordBytes(5, "the body");
  EXPECT_EQ(Find(record + record, 1), record.size());
}

TEST_F(FindRecordTest, OnlyAWholeOneWithALaterZxid) {
  const std::string record = RecordBytes(5, "the body");
  EXPECT_EQ(Find(RecordBytes(4, "the body")), std::nullopt);
  EXPECT_EQ(Find(record.substr(0, record.size() - 1)), std::nullopt);
  std::string changed = record;
  changed[kRecordPrefixBytes + kTxnHeaderBytes + 2] ^= 1;
  EXPECT_EQ(Find(changed), std::nullopt);
  EXPECT_EQ(Find(std::string(200'000, '\0')), std::nullopt);
  EXPECT_EQ(Find(""), std::nullopt);
}

}  // namespace
}  // namespace lockkeeper
