#include "server/tools/export.h"

#include <glog/logging.h>

#include "server/storage/data_dir.h"
#include "server/storage/recovery.h"
#include "server/storage/tree_snapshot.h"
#include "server/tools/server_files.h"

namespace lockkeeper {

Result<ExportSummary> Export(FileSystem& fs, const Config& config, const std::string& out_dir) {
  const Result<bool> empty = IsMissingOrEmpty(fs, out_dir);
  if (!empty) return empty.error();
  if (!*empty) return Error{Errc::kDataDir, out_dir + " is not empty: give a new directory"};
  const auto dir = DataDir::Open(
      fs, {.data_dir = config.data_dir, .data_log_dir = config.data_log_dir, .auto_create = false});
  if (!dir) return dir.error();
  const auto state = LoadState(fs, **dir, config, TreeOptions(config));
  if (!state) return state.error();
  const DataTree& tree = *state->tree;

  const std::string out_version_dir = out_dir + "/version-2";
  if (Status made = fs.MakeDirs(out_version_dir); !made) return made.error();
  if (Status copied = CopyServerFiles(fs, config.data_dir, out_dir); !copied) {
    return copied.error();
  }
  const auto snapshot = WriteSnapshot(fs, out_version_dir, config, tree);
  if (!snapshot) return snapshot.error();
  return ExportSummary{.snapshot = *snapshot,
                       .zxid = tree.last_zxid(),
                       .nodes = tree.nodes().size(),
                       .sessions = tree.sessions().size(),
                       .digest = tree.digest()};
}

}  // namespace lockkeeper
