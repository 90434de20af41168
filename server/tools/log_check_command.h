// What `lockkeeper log check [--cut] FILE_OR_DIR` does, apart from its command line.
#ifndef LOCKKEEPER_SERVER_TOOLS_LOG_CHECK_COMMAND_H_
#define LOCKKEEPER_SERVER_TOOLS_LOG_CHECK_COMMAND_H_

#include <optional>
#include <string>

#include "protocol/result.h"
#include "protocol/types.h"
#include "server/storage/file_system.h"
#include "server/storage/log_file_reader.h"
#include "server/tools/line_sink.h"

namespace lockkeeper {

struct LogCheckArguments {
  // A log file, or a directory with logs: dataLogDir, or its `version-2`. Of a directory all logs
  // are checked, and the gaps between them.
  std::string path;
  bool cut = false;
  // The zxid of the state that a start loads before the log. nullopt: that of the newest
  // snapshot beside the logs and, with `cut`, of the checkpoint there.
  std::optional<Zxid> base;
  ReplayLimits limits;
};

enum class LogCheckOutcome : uint8_t {
  kClean,    // now: also after damage was cut
  kDamaged,  // and left as it is
};

// Writes nothing unless `cut` is set. Errors: kBadConfig: `path` is no log and has none. kDataDir:
// `cut`, and a server holds the directory. kIo, and with `cut` those of a checkpoint that is there.
Result<LogCheckOutcome> RunLogCheck(FileSystem& fs, const LogCheckArguments& arguments,
                                    const LineSink& sink);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_TOOLS_LOG_CHECK_COMMAND_H_
