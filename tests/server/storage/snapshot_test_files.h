// What only the test programs need of snapshots: committed files, and words of messages.
#ifndef LOCKKEEPER_TESTS_SERVER_STORAGE_SNAPSHOT_TEST_FILES_H_
#define LOCKKEEPER_TESTS_SERVER_STORAGE_SNAPSHOT_TEST_FILES_H_

#include <glog/logging.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "server/storage/file_system.h"
#include "tests/server/storage/snapshot_test_util.h"

namespace lockkeeper {

// As in log_test_util.h, which cannot be included beside jute.h: both have a `Record`.
testing::AssertionResult SaysAll(const Error& error, const std::vector<std::string>& parts);

// A damaged snapshot is reported with these words and what to do about it.
inline void ExpectCorrupt(const SnapshotReading& reading, const std::vector<std::string>& parts) {
  ASSERT_FALSE(reading.status.ok());
  EXPECT_EQ(reading.status.error().code, Errc::kCorruption);
  EXPECT_TRUE(SaysAll(reading.status.error(), parts));
  EXPECT_TRUE(SaysAll(reading.status.error(), {"Restore"}));
}

// Where a snapshot of a real server is; its README says how it was made.
inline std::string ApacheSnapshot(std::string_view name) {
  return std::string(LOCKKEEPER_SOURCE_DIR) +
         "/tests/server/storage/testdata/apache-3.8.0-snapshots/" + std::string(name);
}

// The whole of a small file on the real disk.
inline std::string RealFile(const std::string& path) {
  auto content = ReadSmallFile(PosixFileSystem(), path, 1 << 20);
  CHECK(content.has_value()) << content.error().message;
  return std::move(*content);
}

}  // namespace lockkeeper

#endif  // LOCKKEEPER_TESTS_SERVER_STORAGE_SNAPSHOT_TEST_FILES_H_
