// Parts of the transaction log as entries: what a leader brings its learners up to date from.
//
// Threads: any; the thread that writes the log may be at work, records that are on disk are found.
// Errors:  kIo and kCorruption, as of LogFileReader.
#ifndef LOCKKEEPER_SERVER_STORAGE_LOG_RANGE_H_
#define LOCKKEEPER_SERVER_STORAGE_LOG_RANGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/result.h"
#include "protocol/types.h"
#include "server/storage/file_system.h"
#include "server/storage/log_file_reader.h"
#include "zab/log_entry.h"

namespace lockkeeper {

// The newest entries up to `last`, at most `count`, without a hole between them.
Result<std::vector<LogEntry>> ReadLogTail(FileSystem& fs, const std::string& dir, Zxid last,
                                          size_t count, const ReplayLimits& limits);

// The entries from the last one at or below `from` to `upto`, ascending. Empty if the log does not
// go back that far, or if the files that hold them have more than `bytes_max` bytes.
Result<std::vector<LogEntry>> ReadLogRange(FileSystem& fs, const std::string& dir, Zxid from,
                                           Zxid upto, uint64_t bytes_max,
                                           const ReplayLimits& limits);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_LOG_RANGE_H_
