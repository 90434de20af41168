#include "server/storage/state_change.h"

#include <glog/logging.h>

#include <utility>
#include <vector>

#include "server/storage/log_truncation.h"
#include "server/storage/snapshot_format.h"
#include "server/storage/snapshot_reader.h"
#include "server/storage/tree_snapshot.h"

namespace lockkeeper {
namespace {

constexpr Zxid kBelowAll{-1};

Status RemoveFiles(FileSystem& fs, const std::string& dir, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    std::string path = dir;
    path.append("/").append(name);
    LOG(INFO) << path << " is removed: its state is given up";
    if (Status removed = fs.Remove(path); !removed) return removed;
  }
  return names.empty() ? Status() : fs.SyncDir(dir);
}

// Names below received_dir(), which need not be there.
Result<std::vector<std::string>> ReceivedNames(FileSystem& fs, const DataDir& dir) {
  const auto info = fs.Stat(dir.received_dir());
  if (!info) return info.error();
  if (!info->has_value()) return std::vector<std::string>();
  return fs.List(dir.received_dir());
}

bool IsWhole(const std::string& name) {
  return ZxidOfSnapshotName(name) && !name.ends_with(kUnfinishedSnapshotSuffix);
}

// What an attempt left that did not come to its point of no return.
Status RemoveUnfinished(FileSystem& fs, const DataDir& dir) {
  const auto names = ReceivedNames(fs, dir);
  if (!names) return names.error();
  std::vector<std::string> unfinished;
  for (const std::string& name : *names) {
    if (!IsWhole(name)) unfinished.push_back(name);
  }
  return RemoveFiles(fs, dir.received_dir(), unfinished);
}

// The received snapshot takes the place of all others. Last: it is what a start looks for.
Status MoveIntoPlace(FileSystem& fs, const DataDir& dir, const std::string& received) {
  const auto snapshots = ListSnapshots(fs, dir.snapshot_dir());
  if (!snapshots) return snapshots.error();
  std::vector<std::string> old;
  for (const SnapshotFile& file : *snapshots) old.push_back(file.name);
  if (Status removed = RemoveFiles(fs, dir.snapshot_dir(), old); !removed) return removed;
  const std::string path = dir.snapshot_dir() + "/" + std::string(FileNameOf(received));
  if (Status renamed = fs.Rename(received, path); !renamed) return renamed;
  if (Status synced = fs.SyncDir(dir.snapshot_dir()); !synced) return synced;
  return fs.SyncDir(dir.received_dir());
}

// Snapshots that hold something above `upto`. A fuzzy one was finished before the next was begun:
// behind the newest that holds nothing above it there are none.
Result<std::vector<std::string>> SnapshotsBeyond(FileSystem& fs, const DataDir& dir,
                                                 const Config& config, Zxid upto) {
  const auto snapshots = ListSnapshots(fs, dir.snapshot_dir());
  if (!snapshots) return snapshots.error();
  std::vector<std::string> beyond;
  for (const SnapshotFile& file : *snapshots) {
    if (file.zxid <= upto) {
      const auto newest = NewestInSnapshot(fs, dir.snapshot_dir() + "/" + file.name, config);
      if (!newest && newest.error().code != Errc::kCorruption) return newest.error();
      if (!newest) continue;  // a start passes it over, or says what is wrong with it
      if (*newest <= upto) break;
    }
    beyond.push_back(file.name);
  }
  return beyond;
}

}  // namespace

Result<std::optional<std::string>> FindReceivedState(FileSystem& fs, const DataDir& dir) {
  const auto names = ReceivedNames(fs, dir);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (IsWhole(name)) return std::optional(dir.received_dir() + "/" + name);
  }
  return std::optional<std::string>();
}

Status InstallState(FileSystem& fs, const DataDir& dir, const Config& config,
                    CheckpointStore* store, TxnLogWriter* writer, DataTree* received) {
  if (Status made = fs.MakeDirs(dir.received_dir()); !made) return made;
  if (Status removed = RemoveUnfinished(fs, dir); !removed) return removed;
  const auto path = WriteSnapshot(fs, dir.received_dir(), config, *received);
  if (!path) return path.error();
  // The point of no return.
  if (Status discarded = store->Discard(); !discarded) return discarded;
  if (Status removed = writer->StartOver(received->last_zxid()); !removed) return removed;
  if (Status moved = MoveIntoPlace(fs, dir, *path); !moved) return moved;
  received->StartWholeCheckpoint();
  LOG(INFO) << "the state is the leader's, at zxid " << received->last_zxid() << ": "
            << received->nodes().size() << " znodes";
  return {};
}

Status TruncateState(FileSystem& fs, const DataDir& dir, const Config& config, Zxid upto,
                     CheckpointStore* store, TxnLogWriter* writer) {
  if (!store->meta() || store->meta()->zxid > upto) {
    if (Status discarded = store->Discard(); !discarded) return discarded;
  }
  const auto beyond = SnapshotsBeyond(fs, dir, config, upto);
  if (!beyond) return beyond.error();
  if (Status removed = RemoveFiles(fs, dir.snapshot_dir(), *beyond); !removed) return removed;
  const auto left = writer->Truncate(upto);
  if (!left) return left.error();
  LOG(INFO) << "the state is cut back to zxid " << upto << ", the log ends with " << *left;
  return {};
}

Status FinishInstall(FileSystem& fs, const DataDir& dir) {
  if (Status removed = RemoveUnfinished(fs, dir); !removed) return removed;
  const auto received = FindReceivedState(fs, dir);
  if (!received) return received.error();
  if (!*received) return {};
  LOG(WARNING) << "the server was interrupted while it took over the state of its leader, which is "
               << "in " << **received << ": everything older is removed";
  if (Status removed = CheckpointStore::Remove(fs, dir.checkpoint_dir()); !removed) return removed;
  const auto left = TruncateLog(fs, dir.log_dir(), kBelowAll, ReplayLimits{});
  if (!left) return left.error();
  return MoveIntoPlace(fs, dir, **received);
}

}  // namespace lockkeeper
