// What the tests of the transaction log share: payloads, files put together by hand, replays.
#ifndef LOCKKEEPER_TESTS_SERVER_STORAGE_LOG_TEST_UTIL_H_
#define LOCKKEEPER_TESTS_SERVER_STORAGE_LOG_TEST_UTIL_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/types.h"
#include "server/storage/file_system.h"
#include "server/storage/txn_log_reader.h"
#include "server/storage/txn_log_writer.h"
#include "tests/server/storage/fake_file_system.h"

namespace lockkeeper {

// The directory of the logs in the fake file system.
inline constexpr char kLogDir[] = "/data/version-2";

// A payload with a TxnHeader that carries `zxid`, followed by `body`.
std::string Payload(int64_t zxid, std::string_view body);

LogEntry Entry(int64_t zxid, std::string_view body);

// Entries first..last, with a body that names the zxid.
std::vector<LogEntry> Entries(int64_t first, int64_t last);
std::string BodyOf(int64_t zxid);

// One whole record with Payload(zxid, body).
std::string RecordBytes(int64_t zxid, std::string_view body);

// A log file: header, the records of first..last, and `padding` zero bytes.
std::string LogContent(int64_t first, int64_t last, size_t padding);

// The path of the log whose first record is `zxid`.
std::string LogPath(int64_t zxid);

struct Replayed {
  Status status;
  ReplaySummary summary;       // when the status is OK
  std::vector<int64_t> zxids;  // handed on, also before an error
  std::vector<std::string> payloads;
};
Replayed ReplayAll(FileSystem& fs, const std::string& dir = kLogDir, int64_t have = 0,
                   const ReplayLimits& limits = {});

// first, first + 1, ..., last.
std::vector<int64_t> Range(int64_t first, int64_t last);

// Whether the message holds every one of `parts`; the failure names the missing ones.
testing::AssertionResult SaysAll(const Error& error, const std::vector<std::string>& parts);

// Does what the command `lockkeeper log check --cut FILE` does that the error of a damaged log
// names: cuts that file at the offset that the error names. (The command itself also decodes the
// transactions, and those of these tests have no content that could be decoded.)
testing::AssertionResult CutAsTheErrorSays(FakeFileSystem& fs, const Error& error);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_TESTS_SERVER_STORAGE_LOG_TEST_UTIL_H_
