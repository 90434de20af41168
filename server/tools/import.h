// `lockkeeper import CONF IN_DIR`: the state of another data directory, ZooKeeper's or ours.
#ifndef LOCKKEEPER_SERVER_TOOLS_IMPORT_H_
#define LOCKKEEPER_SERVER_TOOLS_IMPORT_H_

#include <cstdint>
#include <string>

#include "protocol/result.h"
#include "protocol/types.h"
#include "server/config/config.h"
#include "server/storage/file_system.h"

namespace lockkeeper {

struct ImportSummary {
  std::string base;  // what was loaded from there: a snapshot's name or "checkpoint"
  Zxid zxid;
  uint64_t transactions = 0;  // replayed onto it
  uint64_t nodes = 0;
  uint64_t sessions = 0;
  uint64_t digest = 0;
};

// Loads the state below `in_dir` (with its logs below `in_log_dir`, if that is not empty) and
// writes it as a checkpoint into the data directory that `config` describes, which must hold no
// state yet. Epoch files are copied; myid only if there is none yet. `in_dir` stays as it is.
// Errors: kDataDir when a server holds one of the directories, when there is nothing to import, or
// when the target is not empty; those of LoadState.
Result<ImportSummary> Import(FileSystem& fs, const Config& config, const std::string& in_dir,
                             const std::string& in_log_dir);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_TOOLS_IMPORT_H_
