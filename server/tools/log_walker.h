// Walks through a transaction log file to its physical end, past places that stop a server.
//
// Up to the first such place it reads as a server does (log_file_reader.h). From there it looks for
// the next bytes that are a whole record with a higher zxid and goes on, so that a tool can show
// what is behind damage.
//
// Memory:  a few records of the largest size.
// Threads: used by one thread.
// Errors:  kIo. Damage is no error but a step.
#ifndef LOCKKEEPER_SERVER_TOOLS_LOG_WALKER_H_
#define LOCKKEEPER_SERVER_TOOLS_LOG_WALKER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/result.h"
#include "protocol/types.h"
#include "server/storage/file_system.h"
#include "server/storage/log_file_reader.h"

namespace lockkeeper {

struct LogStep {
  enum class Kind : uint8_t {
    kRecord,     // a whole record
    kDamage,     // a server refuses the file because of what stands here
    kEndsEarly,  // a server takes this for the end of the file, but whole records follow
    kEnd,        // the last step
  };
  Kind kind = Kind::kEnd;
  // Of the record; of the first bad byte's record; at the end, where the last whole record ended.
  uint64_t offset = 0;
  Zxid zxid;                 // of a record
  std::string_view payload;  // of a record; valid until the next call
  // Of kDamage and kEndsEarly. At the end: why the bytes there are no record; empty when zeros or
  // nothing follow.
  std::string reason;
  std::optional<uint64_t> next;  // of kDamage and kEndsEarly: where the next whole record starts
};

class LogWalker {
 public:
  static Result<std::unique_ptr<LogWalker>> Open(FileSystem& fs, const std::string& path,
                                                 const ReplayLimits& limits);

  // REQUIRES: the step before was not kEnd.
  Result<LogStep> Next();

  uint64_t file_bytes() const { return file_bytes_; }

 private:
  LogWalker(std::unique_ptr<ReadableFile> file, uint64_t file_bytes, const ReplayLimits& limits)
      : file_(std::move(file)), file_bytes_(file_bytes), limits_(limits) {}

  // As a server reads.
  Result<LogStep> NextOfReader();
  Result<LogStep> AfterReader(uint64_t offset, const std::string& torn);
  // Behind a bad place.
  Result<LogStep> NextAlone();
  Result<LogStep> Bad(LogStep::Kind kind, uint64_t offset, std::string reason,
                      uint64_t search_from);
  LogStep Record(uint64_t offset, std::string_view payload);
  // The offset of the next whole record above last_, at or after `from`.
  Result<std::optional<uint64_t>> FindNext(uint64_t from);
  Result<std::optional<uint64_t>> FirstNonZero(uint64_t from);
  // The file's bytes from `offset`, `bytes` of them or as many as there are.
  Result<std::string_view> View(uint64_t offset, size_t bytes);

  const std::unique_ptr<ReadableFile> file_;
  const uint64_t file_bytes_;
  const ReplayLimits limits_;
  std::unique_ptr<LogFileReader> reader_;  // null from the first bad place on
  std::optional<Error> bad_header_;        // to be told by the first step
  uint64_t offset_ = 0;                    // of the next step, without a reader
  bool at_end_ = false;                    // no whole record from offset_ on
  Zxid last_;
  std::string buffer_;
  uint64_t buffer_start_ = 0;
  size_t buffer_bytes_ = 0;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_TOOLS_LOG_WALKER_H_
