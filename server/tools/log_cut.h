// `lockkeeper log check --cut`: takes damage out of the logs, so that a server starts with what is
// before it. Nothing is deleted: what goes is kept beside under names that no server reads.
//
// Threads: any, one for a call.
// Errors:  kDataDir: a server holds the directory. kIo: part of it may be done; a crash or an error
//          at any step leaves a directory that a server refuses for the same damage, or one that
//          is cut to the end.
#ifndef LOCKKEEPER_SERVER_TOOLS_LOG_CUT_H_
#define LOCKKEEPER_SERVER_TOOLS_LOG_CUT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "protocol/result.h"
#include "server/storage/file_system.h"
#include "server/tools/log_check.h"

namespace lockkeeper {

// Keeps servers out of the directory of the logs while it is held.
Result<std::unique_ptr<FileLock>> LockLogDir(FileSystem& fs, const std::string& dir);

struct CutPlan {
  std::string name;  // of the damaged file
  // Where it is cut; 0: nothing of it can be kept, it is moved aside whole.
  uint64_t offset = 0;
  // Later files that would follow a gap, in the order of reading; moved aside whole.
  std::vector<std::string> moved;
};

// What to do about a defect. `all`: every log file of the directory, in the order of reading; a
// later file stays if it goes on with the zxid after those that are kept.
Result<CutPlan> PlanCut(FileSystem& fs, const LogCheckInput& input, const LogCheck& check,
                        const LogDefect& defect, const std::vector<LogFile>& all);

// Carries it out, durably, and returns what was done, a line each.
Result<std::vector<std::string>> CutLog(FileSystem& fs, const std::string& dir,
                                        const CutPlan& plan);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_TOOLS_LOG_CUT_H_
