#include "server/tools/import.h"

#include <utility>

#include "server/clock.h"
#include "server/storage/data_dir.h"
#include "server/storage/recovery.h"
#include "server/storage/snapshot_reader.h"
#include "server/storage/state_change.h"
#include "server/storage/txn_log_reader.h"
#include "server/tools/server_files.h"

namespace lockkeeper {
namespace {

// Nothing that a start could take for state: an interrupted import counts as nothing.
Status RefuseState(FileSystem& fs, const DataDir& dir) {
  const auto snapshots = ListSnapshots(fs, dir.snapshot_dir());
  if (!snapshots) return snapshots.error();
  const auto logs = ListLogFiles(fs, dir.log_dir());
  if (!logs) return logs.error();
  const auto received = FindReceivedState(fs, dir);
  if (!received) return received.error();
  if (snapshots->empty() && logs->empty() && !*received) return {};
  return Error{
      Errc::kDataDir,
      dir.snapshot_dir() + " already holds a database: import needs an empty data directory"};
}

}  // namespace

Result<ImportSummary> Import(FileSystem& fs, const Config& config, const std::string& in_dir,
                             const std::string& in_log_dir) {
  const auto source =
      DataDir::Open(fs, {.data_dir = in_dir, .data_log_dir = in_log_dir, .auto_create = false});
  if (!source) return source.error();
  const auto target = DataDir::Open(fs, {.data_dir = config.data_dir,
                                         .data_log_dir = config.data_log_dir,
                                         .auto_create = config.datadir_autocreate});
  if (!target) return target.error();
  if (Status refused = RefuseState(fs, **target); !refused) return refused.error();
  auto store =
      CheckpointStore::Open(fs, (*target)->checkpoint_dir(), CheckpointStore::IfMissing::kMake);
  if (!store) return store.error();
  if ((*store)->meta()) {
    return Error{Errc::kDataDir, (*target)->checkpoint_dir() +
                                     " already holds a checkpoint: import needs an empty data "
                                     "directory"};
  }

  const auto state = LoadState(fs, **source, config, TreeOptions(config));
  if (!state) return state.error();
  if (state->summary.base.empty() && state->summary.transactions == 0) {
    return Error{Errc::kDataDir, in_dir + " holds no database: there is nothing to import"};
  }
  DataTree& tree = *state->tree;
  if (Status copied = CopyServerFiles(fs, in_dir, config.data_dir); !copied) return copied.error();
  if (Status written = WriteWholeCheckpoint(&tree, store->get(), WallNow().value); !written) {
    return written.error();
  }
  return ImportSummary{.base = state->summary.base,
                       .zxid = tree.last_zxid(),
                       .transactions = state->summary.transactions,
                       .nodes = tree.nodes().size(),
                       .sessions = tree.sessions().size(),
                       .digest = tree.digest()};
}

}  // namespace lockkeeper
