// `lockkeeper log dump`: every record of a transaction log file, also behind damage.
#ifndef LOCKKEEPER_SERVER_TOOLS_LOG_DUMP_H_
#define LOCKKEEPER_SERVER_TOOLS_LOG_DUMP_H_

#include <cstdint>
#include <limits>
#include <string>

#include "protocol/result.h"
#include "protocol/types.h"
#include "server/storage/file_system.h"
#include "server/storage/log_file_reader.h"
#include "server/tools/line_sink.h"

namespace lockkeeper {

struct LogDumpOptions {
  bool json = false;
  // Only these records are shown; all are read.
  Zxid from{std::numeric_limits<int64_t>::min()};
  Zxid to{std::numeric_limits<int64_t>::max()};
  ReplayLimits limits;
};

struct LogDumpSummary {
  uint64_t records = 0;  // whole ones in the file
  uint64_t shown = 0;
  uint64_t bad_places = 0;  // that stop a server, or make it miss records behind them
};

// A line with the format, one for each record (txn_printer.h) and each bad place, and one on how
// the file ended. Stops early, with OK, when the sink takes no more.
// Errors: kIo.
Result<LogDumpSummary> DumpLog(FileSystem& fs, const std::string& path,
                               const LogDumpOptions& options, const LineSink& sink);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_TOOLS_LOG_DUMP_H_
