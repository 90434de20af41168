// Reads the records of one transaction log file, front to back, and decides at each step whether
// the file goes on, ends, or is damaged.
//
// Threads: used by one thread. Cost: large sequential reads; a record is a view into the buffer.
// Errors:  kCorruption (damage before the tail: names file, offset and remedy) or kIo.
//          A record whose writing was interrupted is no error: it ends the file.
// Source:  ZooKeeper's rules, with one difference: a record without its end mark that no
//          interrupted write explains, with whole records after it, is damage here
//          (log_tail_check.h); ZooKeeper ends the file there and loses the records after it.
#ifndef LOCKKEEPER_SERVER_STORAGE_LOG_FILE_READER_H_
#define LOCKKEEPER_SERVER_STORAGE_LOG_FILE_READER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.h"
#include "protocol/types.h"
#include "server/storage/file_system.h"
#include "server/storage/txn_log_format.h"

namespace lockkeeper {

// What is read at once: large enough that a system call costs nothing beside its copy, small enough
// for the cache.
inline constexpr size_t kLogReadBytes = 256 << 10;

struct ReplayLimits {
  // jute.maxbuffer plus jute.maxbuffer.extrasize: a longer record is damage.
  size_t payload_bytes_max = kDefaultPayloadBytesMax;
  // zookeeper.test.allowDiscontinuousProposals: accept gaps between zxids.
  bool allow_gaps = false;
  // What ZooKeeper does: a record without its end mark ends the file, whatever follows it.
  bool drop_records_after_damage = false;
};

struct LogRecord {
  Zxid zxid;
  std::string_view payload;  // valid until the next call of the reader
};

class LogFileReader {
 public:
  // Reads the file header. kCorruption: shorter than a header, or another magic.
  static Result<std::unique_ptr<LogFileReader>> Open(FileSystem& fs, const std::string& path,
                                                     const ReplayLimits& limits);

  // The next record; nullopt at the end of the file, whatever ended it, and from then on.
  Result<std::optional<LogRecord>> Next();

  // Where the next record would start; after the end, where the last whole record ended.
  uint64_t offset() const { return offset_; }

  // After the end: why bytes at offset() were dropped as a record whose writing was interrupted;
  // empty when the file ended between two records.
  const std::string& torn() const { return torn_; }

  // After the end: whether any byte other than zero stands at or after offset(). Reads the rest.
  Result<bool> HasBytesAfterEnd();

 private:
  LogFileReader(std::unique_ptr<ReadableFile> file, std::string path, const ReplayLimits& limits);

  // Makes `bytes` bytes from offset_ visible at View(), or as many as the file still has.
  Status Fill(size_t bytes);
  std::string_view View() const {
    return std::string_view(buffer_).substr(static_cast<size_t>(offset_ - buffer_start_),
                                            static_cast<size_t>(buffer_end_ - offset_));
  }
  // Ends the file between two records, or before an interrupted one.
  std::optional<LogRecord> End(std::string torn);
  // Ends the file before a record of `bytes` bytes that is not whole, unless it is damage.
  Result<std::optional<LogRecord>> EndAtBroken(uint64_t bytes, const std::string& why);
  std::string CutCommand() const;
  Error Damage(const std::string& what) const;
  Result<std::optional<LogRecord>> CheckedRecord(uint64_t checksum, std::string_view payload);

  const std::unique_ptr<ReadableFile> file_;
  const std::string path_;
  const ReplayLimits limits_;
  std::string buffer_;  // file content of [buffer_start_, buffer_end_)
  uint64_t buffer_start_ = 0;
  uint64_t buffer_end_ = 0;
  uint64_t offset_ = kLogHeaderBytes;
  Zxid last_;  // of the record before offset_
  bool ended_ = false;
  std::string torn_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_LOG_FILE_READER_H_
