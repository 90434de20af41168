// `lockkeeper export CONF OUT_DIR`: a directory that Apache ZooKeeper starts from.
#ifndef LOCKKEEPER_SERVER_TOOLS_EXPORT_H_
#define LOCKKEEPER_SERVER_TOOLS_EXPORT_H_

#include <cstdint>
#include <string>

#include "protocol/result.h"
#include "protocol/types.h"
#include "server/config/config.h"
#include "server/storage/file_system.h"

namespace lockkeeper {

struct ExportSummary {
  std::string snapshot;  // path of the file
  Zxid zxid;
  uint64_t nodes = 0;
  uint64_t sessions = 0;
  uint64_t digest = 0;
};

// Writes the whole state of the stopped server that `config` describes into a snapshot below
// `out_dir`, which must be empty or missing, with copies of myid and the epoch files. The server's
// own directory stays as it is.
// Errors: kDataDir when a server holds the directory or `out_dir` is not empty; those of LoadState.
Result<ExportSummary> Export(FileSystem& fs, const Config& config, const std::string& out_dir);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_TOOLS_EXPORT_H_
