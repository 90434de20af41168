// Appends groups of transactions to the log files of a directory.
//
// Threads: owned by the log thread.
// Errors:  after any I/O error the writer is failed for good: what reached the disk is unknown, so
//          every later call returns the error. The process must stop and recover; nothing that was
//          not covered by a successful Sync may be acknowledged, and no sync is tried again.
// Cost:    one system call for a group up to 1 MiB, one for its sync. A new file (after the start
//          and after each roll) costs two syncs more.
//
// Files are extended as ZooKeeper extends them, by preAllocSize and without disk space. Ahead of
// the records the writer puts zeros in steps of zero_ahead_bytes, in the same system call as the
// group that reaches them: a sync into space that was written before needs no new block.
// Write plus sync of one group on ext4 in a two-core virtual machine, median / 99th percentile in
// microseconds, mean of two runs of 3000 groups:
//
//   group     growing file   extended (hole)   fallocate    zeros 64 KiB ahead   all zeros before
//   400 B       122 / 200        85 / 166       84 / 168         79 / 139            96 / 144
//   4 KiB       143 / 208       148 / 215      143 / 208         85 / 230            99 / 158
//   16 KB       182 / 257       188 / 279      175 / 237        104 / 276           120 / 181
//
// Zeroing all of the file before (last column) would have stopped the first group for 55 to 170
// ms. Larger steps move the cost of the zeros from the 90th percentile to the 99th and beyond: at
// 16 KB a group, 256 KiB gave 103 / 398, 1 MiB 109 / 743, and 4 MiB stops of 10 ms.
#ifndef LOCKKEEPER_SERVER_STORAGE_TXN_LOG_WRITER_H_
#define LOCKKEEPER_SERVER_STORAGE_TXN_LOG_WRITER_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "protocol/result.h"
#include "protocol/types.h"
#include "server/storage/file_system.h"
#include "server/storage/txn_log_format.h"
#include "zab/log_entry.h"

namespace lockkeeper {

struct TxnLogOptions {
  std::string dir;                                     // <dataLogDir>/version-2; exists
  uint64_t prealloc_bytes = kDefaultPreallocBytes;     // preAllocSize; 0: files are not padded
  uint64_t roll_above_bytes = 0;                       // txnLogSizeLimitInKb; 0: no limit
  bool force_sync = true;                              // forceSync; false: a crash loses data
  size_t payload_bytes_max = kDefaultPayloadBytesMax;  // as in ReplayLimits
  uint64_t zero_ahead_bytes = 64 << 10;                // 0: none
};

// What one Sync did, for metrics and for the warning about a slow disk.
struct SyncReport {
  std::chrono::microseconds took{0};  // of the system call; 0 when there was none
  uint64_t file_bytes = 0;            // of the file that was synced, padding included
  bool rolled = false;                // the next Append starts a new file
};

class TxnLogWriter {
 public:
  // Makes durable what is in the directory: recovery may have read records from memory that a
  // crash of this process left un-synced, and what clients have seen must not vanish later.
  // `last` is the newest zxid of the recovered state.
  static Result<std::unique_ptr<TxnLogWriter>> Open(FileSystem& fs, TxnLogOptions options,
                                                    Zxid last);

  // Writes the entries after all earlier ones. Not durable before Sync.
  // REQUIRES: each zxid follows the one before without a gap (FollowsInLog) and is the one in its
  // payload. kTooLarge: a payload that no reader would accept; nothing was written and the writer
  // goes on.
  Status Append(std::span<const LogEntry> group);

  // Everything appended is durable when it returns OK (unless force_sync is off).
  Result<SyncReport> Sync();

  // The next Append starts a new file. The present one is synced first: a later file must never
  // be on the disk without the end of the one before.
  Status Roll();

  // Afterwards no file holds a transaction above `upto`, durably (TruncateLog), and Append goes on
  // behind `upto` in a new file. Gives the newest zxid that is left, 0 for none: `upto` itself may
  // be missing, or be in the state that the log goes on from.
  // REQUIRES: there is a state that ends at `upto` (LoadStateUpTo), or the log would have a hole.
  Result<Zxid> Truncate(Zxid upto);

  // Removes every log file, durably, and goes on behind `last`: the state comes from elsewhere.
  Status StartOver(Zxid last);

  bool failed() const { return failure_.has_value(); }
  Zxid last() const { return last_; }
  // Bytes of the present file with its padding; 0 before the first Append after a start or roll.
  uint64_t file_bytes() const;
  const std::string& file_path() const { return path_; }  // empty in the same case

 private:
  TxnLogWriter(FileSystem& fs, TxnLogOptions options, Zxid last);

  Status CheckGroup(std::span<const LogEntry> group) const;
  Status StartFile(Zxid first);
  Status Extend(std::span<const LogEntry> group);
  Status WriteGroup(std::span<const LogEntry> group);
  Status WriteBuffer();
  Status SyncFile();
  Result<Zxid> CutFiles(Zxid upto);
  Error Failed(Error error);

  FileSystem& fs_;
  const TxnLogOptions options_;
  Zxid last_;
  std::unique_ptr<WritableFile> file_;  // null before the first Append after a start or roll
  std::string path_;
  uint64_t position_ = 0;  // where the next record goes
  uint64_t padded_ = 0;    // the size that padding gave the file; records may reach beyond it
  uint64_t zeroed_ = 0;    // up to here the file was written, if only with zeros
  bool dirty_ = false;
  std::string buffer_;  // encoded records of the running group
  std::optional<Error> failure_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_TXN_LOG_WRITER_H_
