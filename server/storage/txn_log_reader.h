// Recovery: which transaction log files a directory holds, and their records in order.
//
// Threads: before the log thread starts; one thread.
// Errors:  kCorruption when loading on would lose or invent a transaction; kIo; and whatever the
//          callback returns. A record whose writing was interrupted is no error: it was never
//          acknowledged, it is dropped and reported.
#ifndef LOCKKEEPER_SERVER_STORAGE_TXN_LOG_READER_H_
#define LOCKKEEPER_SERVER_STORAGE_TXN_LOG_READER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.h"
#include "protocol/types.h"
#include "server/storage/file_system.h"
#include "server/storage/log_file_reader.h"

namespace lockkeeper {

struct LogFile {
  Zxid first;  // from the name: the zxid of the first record, if the file has one
  std::string name;
};

// The log files of `dir`, ascending by zxid, then by name.
Result<std::vector<LogFile>> ListLogFiles(FileSystem& fs, const std::string& dir);

// A place where a file ended with an interrupted record.
struct TornTail {
  std::string path;
  uint64_t offset = 0;
  std::string reason;
};

struct ReplaySummary {
  Zxid last_zxid;              // of the last record handed on, else the starting point
  uint64_t records = 0;        // handed on
  uint64_t repeated = 0;       // skipped because their zxid was not above the one before
  uint64_t files = 0;          // read
  std::vector<TornTail> torn;  // oldest first; each is also logged
  // ReplayLogUpTo: the first record above `upto`, where reading ended. Not looked for when the
  // record `upto` itself was found.
  std::optional<Zxid> above;
};

// Called for each record in zxid order; the payload is valid during the call only. An error stops
// the replay and is its result.
using ReplayCallback = std::function<Status(Zxid, std::string_view payload)>;

// Hands on every record above `have`, the zxid of the state that the records will be applied to
// (0 for an empty one). A last file of 0 bytes is deleted: a crash left it.
//
// A gap in the zxids of an epoch is kCorruption, also right after `have`, where ZooKeeper goes on
// and loses data: a log file is missing, or one was damaged in the middle.
Result<ReplaySummary> ReplayLog(FileSystem& fs, const std::string& dir, Zxid have,
                                const ReplayLimits& limits, const ReplayCallback& callback);

// The same up to the record `upto`, for a log whose newest part may have to go. It only reads; what
// stands behind `upto` may be damaged. kCorruption also for a file that starts at or before `upto`
// although an earlier one reaches beyond it: then `upto` is not one place in the log.
// Threads: nobody may append meanwhile.
Result<ReplaySummary> ReplayLogUpTo(FileSystem& fs, const std::string& dir, Zxid have, Zxid upto,
                                    const ReplayLimits& limits, const ReplayCallback& callback);

// The zxid of the last record of the newest file that has one; nullopt: no transaction was logged.
Result<std::optional<Zxid>> LastLoggedZxid(FileSystem& fs, const std::string& dir,
                                           const ReplayLimits& limits);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_TXN_LOG_READER_H_
