#include "tests/server/storage/log_test_util.h"

#include <numeric>
#include <regex>

namespace lockkeeper {

std::string Payload(int64_t zxid, std::string_view body) {
  std::string payload(kTxnHeaderBytes, '\0');
  payload[0] = 1;  // a session id and a type, so that the header is not all zeros
  payload[kTxnHeaderBytes - 1] = 5;
  for (int i = 0; i < 8; ++i) {
    payload[kTxnZxidOffset + static_cast<size_t>(i)] =
        static_cast<char>(static_cast<uint64_t>(zxid) >> (56 - 8 * i));
  }
  payload += body;
  return payload;
}

LogEntry Entry(int64_t zxid, std::string_view body) {
  return LogEntry{Zxid{zxid}, std::make_shared<const std::string>(Payload(zxid, body))};
}

std::string BodyOf(int64_t zxid) { return "transaction " + std::to_string(zxid); }

std::vector<LogEntry> Entries(int64_t first, int64_t last) {
  std::vector<LogEntry> entries;
  for (int64_t zxid = first; zxid <= last; ++zxid) entries.push_back(Entry(zxid, BodyOf(zxid)));
  return entries;
}

std::string RecordBytes(int64_t zxid, std::string_view body) {
  std::string record;
  AppendLogRecord(Payload(zxid, body), &record);
  return record;
}

std::string LogContent(int64_t first, int64_t last, size_t padding) {
  std::string content = LogFileHeader();
  for (int64_t zxid = first; zxid <= last; ++zxid) content += RecordBytes(zxid, BodyOf(zxid));
  return content + std::string(padding, '\0');
}

std::string LogPath(int64_t zxid) { return std::string(kLogDir) + "/" + LogFileName(Zxid{zxid}); }

Replayed ReplayAll(FileSystem& fs, const std::string& dir, int64_t have,
                   const ReplayLimits& limits) {
  Replayed replayed;
  auto summary = ReplayLog(fs, dir, Zxid{have}, limits, [&](Zxid zxid, std::string_view payload) {
    replayed.zxids.push_back(zxid.value);
    replayed.payloads.emplace_back(payload);
    return Status();
  });
  if (summary) {
    replayed.summary = *summary;
  } else {
    replayed.status = summary.error();
  }
  return replayed;
}

std::vector<int64_t> Range(int64_t first, int64_t last) {
  std::vector<int64_t> range(static_cast<size_t>(last - first + 1));
  std::iota(range.begin(), range.end(), first);
  return range;
}

testing::AssertionResult SaysAll(const Error& error, const std::vector<std::string>& parts) {
  for (const std::string& part : parts) {
    if (error.message.find(part) == std::string::npos) {
      return testing::AssertionFailure() << "\"" << part << "\" is not in: " << error.message;
    }
  }
  return testing::AssertionSuccess();
}

testing::AssertionResult CutAsTheErrorSays(FakeFileSystem& fs, const Error& error) {
  static const std::regex place(" at offset (\\d+) of transaction log (\\S+)\\. ");
  static const std::regex command("`lockkeeper log check --cut (\\S+)`");
  std::smatch where;
  std::smatch what;
  if (!std::regex_search(error.message, where, place) ||
      !std::regex_search(error.message, what, command) || where[2] != what[1]) {
    return testing::AssertionFailure() << "no place and its remedy in: " << error.message;
  }
  fs.PutDurably(what[1], fs.Content(what[1]).substr(0, std::stoull(where[1])));
  return testing::AssertionSuccess();
}

}  // namespace lockkeeper
