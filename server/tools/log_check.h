// `lockkeeper log check`: where transaction logs are damaged or have gaps, and what that loses.
//
// Threads: any, one for a call. Memory: bounded, whatever the files hold.
// Errors:  kIo. Damage is what is looked for, not an error.
#ifndef LOCKKEEPER_SERVER_TOOLS_LOG_CHECK_H_
#define LOCKKEEPER_SERVER_TOOLS_LOG_CHECK_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/result.h"
#include "protocol/types.h"
#include "server/storage/file_system.h"
#include "server/storage/log_file_reader.h"
#include "server/storage/txn_log_reader.h"
#include "server/tools/line_sink.h"

namespace lockkeeper {

// Details beyond these numbers are only counted.
inline constexpr size_t kDefectsMax = 100;
inline constexpr size_t kMissingRangesMax = 20;

struct LogCheckInput {
  std::string dir;
  std::vector<LogFile> files;  // in the order in which a server reads them
  // A server loads a state at this zxid before it reads the log; 0: not known.
  Zxid base;
  ReplayLimits limits;
};

struct ZxidRange {
  Zxid first;
  Zxid last;
  friend bool operator==(const ZxidRange&, const ZxidRange&) = default;
};

struct CheckedLog {
  std::string name;
  bool needed = true;  // a start from the base reads it
  uint64_t bytes = 0;
  uint64_t records = 0;            // whole ones, also behind damage
  std::optional<Zxid> first_zxid;  // of the first whole record
  std::optional<Zxid> last_zxid;   // the highest
  uint64_t repeated = 0;           // not above the highest zxid before them: servers skip them
  uint64_t end_offset = 0;
  std::string torn;  // why the bytes at end_offset are no record; servers drop them silently
};

struct LogDefect {
  enum class Kind : uint8_t {
    kDamage,     // a server that reads this does not start
    kGap,        // transactions between two whole records are missing: it does not start either
    kEndsEarly,  // it starts without the records behind this
  };
  Kind kind = Kind::kDamage;
  size_t file = 0;      // index into LogCheck::files
  uint64_t offset = 0;  // where to cut: the start of the first record that cannot be kept
  std::string reason;
  std::optional<Zxid> last_before;  // the highest zxid before it
  // It keeps a server from starting or loses transactions at the start from the base. If not, it
  // is reported, but nothing has to be done for a start.
  bool harmful = true;
  // An early end that lost nothing: the next file goes on with the zxid after it.
  bool superseded = false;
};

struct LogCheck {
  std::vector<CheckedLog> files;
  std::vector<LogDefect> defects;  // in the order of reading
  uint64_t defect_count = 0;       // superseded ones do not count
  // Behind the first harmful defect, or the first one if none is harmful:
  uint64_t records_after = 0;  // whole ones with a higher zxid
  std::optional<ZxidRange> zxids_after;
  // In the whole log: between whole records of one epoch.
  std::vector<ZxidRange> missing;
  uint64_t missing_count = 0;  // ranges

  bool clean() const { return defect_count == 0; }
  const LogDefect* FirstHarmful() const;
};

// Reads everything.
Result<LogCheck> CheckLogs(FileSystem& fs, const LogCheckInput& input);

// What was found, for people: a line a file, then the defects and what is lost.
void PrintLogCheck(const LogCheckInput& input, const LogCheck& check, const LineSink& sink);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_TOOLS_LOG_CHECK_H_
