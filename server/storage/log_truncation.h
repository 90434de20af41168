// The end of the log is taken back: transactions that no leader has committed go.
#ifndef LOCKKEEPER_SERVER_STORAGE_LOG_TRUNCATION_H_
#define LOCKKEEPER_SERVER_STORAGE_LOG_TRUNCATION_H_

#include <string>

#include "protocol/result.h"
#include "protocol/types.h"
#include "server/storage/file_system.h"
#include "server/storage/log_file_reader.h"

namespace lockkeeper {

// Afterwards no file of `dir` holds a record above `upto`, durably (quorum-protocol 3.9): files
// that start above it are removed, and the one that goes beyond it is cut behind its last record at
// or below it; so is an interrupted record at the end. Gives the zxid of the newest record that is
// left, 0 for none: `upto` itself need not be in the log.
//
// After a crash at any moment the log is a beginning of what it was and reaches at least as far as
// it was to be cut: the newest file goes first, each durably before the next.
//
// Looks into the newest file that starts at or before `upto` and the one before it, further back
// only while they had to be cut. That is all, for logs whose files do not overlap; those that do
// are refused by ReplayLogUpTo, which should come first.
//
// kCorruption, and nothing is changed: the file that holds the place to cut at is damaged before
// it. kIo: see file_system.h.
// Threads: nobody else reads or writes the log meanwhile.
Result<Zxid> TruncateLog(FileSystem& fs, const std::string& dir, Zxid upto,
                         const ReplayLimits& limits);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_LOG_TRUNCATION_H_
