#include "server/storage/purge.h"

#include <glog/logging.h>

#include <algorithm>
#include <functional>
#include <string_view>
#include <tuple>
#include <utility>

#include "server/storage/snapshot_reader.h"
#include "server/storage/txn_log_format.h"

namespace lockkeeper {
namespace {

constexpr std::string_view kSnapshotKind = "snapshot";
constexpr std::string_view kLogKind = "log";
// What ZooKeeper takes the zxid of a name for that it cannot read: older than everything.
constexpr Zxid kUnreadableName{-1};

struct NamedZxid {
  Zxid zxid;
  std::string name;
  bool operator<(const NamedZxid& other) const {
    return std::tie(zxid, name) < std::tie(other.zxid, other.name);
  }
};

Zxid ZxidOf(std::string_view kind, const std::string& name) {
  return ZxidOfFileName(kind, name).value_or(kUnreadableName);
}

// The generation at place `retain` from the newest, or the oldest if there are fewer.
std::optional<Zxid> OldestKept(const PurgeInput& input) {
  std::vector<Zxid> generations = input.checkpoints;
  for (const SnapshotToPurge& snapshot : input.snapshots) {
    const auto zxid = ZxidOfFileName(kSnapshotKind, snapshot.name);
    if (snapshot.valid && zxid) generations.push_back(*zxid);
  }
  if (generations.empty()) return std::nullopt;
  std::sort(generations.begin(), generations.end(), std::greater<>());
  generations.erase(std::unique(generations.begin(), generations.end()), generations.end());
  const auto retain = static_cast<size_t>(std::max(input.retain, kPurgeRetainMin));
  return generations[std::min(retain, generations.size()) - 1];
}

// The names of all of `files` whose zxid is below `limit`, the oldest first.
std::vector<std::string> NamesBelow(Zxid limit, std::vector<NamedZxid> files) {
  std::sort(files.begin(), files.end());
  std::vector<std::string> names;
  for (NamedZxid& file : files) {
    if (file.zxid < limit) names.push_back(std::move(file.name));
  }
  return names;
}

// The zxid of the newest log that starts at or before `oldest_kept`: it may hold what follows it.
Zxid OldestNeededLog(Zxid oldest_kept, const std::vector<NamedZxid>& logs) {
  Zxid needed{0};
  for (const NamedZxid& log : logs) {
    if (log.zxid <= oldest_kept) needed = std::max(needed, log.zxid);
  }
  return needed;
}

std::string PathInDir(std::string dir, std::string_view name) {
  return dir.append("/").append(name);
}

// The files, not directories, of `dir` whose names start with "<kind>.".
Result<std::vector<std::string>> FilesOfKind(FileSystem& fs, const std::string& dir,
                                             std::string_view kind) {
  const auto names = fs.List(dir);
  if (!names) return names.error();
  const std::string prefix = std::string(kind) + ".";
  std::vector<std::string> files;
  for (const std::string& name : *names) {
    if (!name.starts_with(prefix)) continue;
    const auto info = fs.Stat(PathInDir(dir, name));
    if (!info) return info.error();
    if (info->has_value() && !(*info)->is_directory) files.push_back(name);
  }
  return files;
}

// A snapshot that cannot be read is no generation: more is kept.
SnapshotToPurge Checked(FileSystem& fs, const std::string& dir, const std::string& name) {
  const auto valid = PassesQuickCheck(fs, PathInDir(dir, name));
  if (!valid) LOG(WARNING) << "purge takes a snapshot for invalid: " << valid.error().message;
  return {name, valid && *valid};
}

// Removes `names` in their order; `removed` gets those that are gone.
Status RemoveAll(FileSystem& fs, const std::string& dir, const std::vector<std::string>& names,
                 std::vector<std::string>* removed) {
  for (const std::string& name : names) {
    const std::string path = PathInDir(dir, name);
    if (Status done = fs.Remove(path); !done) return done;
    LOG(INFO) << "purge removed " << path;
    removed->push_back(name);
  }
  return {};
}

Result<PurgePlan> TryPurge(FileSystem& fs, const std::string& snapshot_dir,
                           const std::string& log_dir, const std::vector<Zxid>& checkpoints,
                           int retain) {
  const auto snapshots = FilesOfKind(fs, snapshot_dir, kSnapshotKind);
  if (!snapshots) return snapshots.error();
  auto logs = FilesOfKind(fs, log_dir, kLogKind);
  if (!logs) return logs.error();
  PurgeInput input{checkpoints, {}, std::move(*logs), retain};
  for (const std::string& name : *snapshots) {
    input.snapshots.push_back(Checked(fs, snapshot_dir, name));
  }
  const PurgePlan plan = PlanPurge(input);
  PurgePlan removed{plan.oldest_kept, {}, {}};
  if (plan.snapshots.empty() && plan.logs.empty()) return removed;
  if (Status done = RemoveAll(fs, snapshot_dir, plan.snapshots, &removed.snapshots); !done) {
    return done.error();
  }
  // A log may go only when no power loss can bring back a snapshot that needs it, be it one that
  // an earlier, interrupted run removed.
  if (Status synced = fs.SyncDir(snapshot_dir); !synced) return synced.error();
  if (Status done = RemoveAll(fs, log_dir, plan.logs, &removed.logs); !done) return done.error();
  if (Status synced = fs.SyncDir(log_dir); !synced) return synced.error();
  return removed;
}

}  // namespace

PurgePlan PlanPurge(const PurgeInput& input) {
  const std::optional<Zxid> oldest_kept = OldestKept(input);
  if (!oldest_kept) return {};
  std::vector<NamedZxid> snapshots;
  for (const SnapshotToPurge& snapshot : input.snapshots) {
    snapshots.push_back({ZxidOf(kSnapshotKind, snapshot.name), snapshot.name});
  }
  std::vector<NamedZxid> logs;
  for (const std::string& name : input.logs) logs.push_back({ZxidOf(kLogKind, name), name});
  const Zxid needed = OldestNeededLog(*oldest_kept, logs);
  return {oldest_kept, NamesBelow(*oldest_kept, std::move(snapshots)),
          NamesBelow(needed, std::move(logs))};
}

Result<PurgePlan> Purge(FileSystem& fs, const std::string& snapshot_dir, const std::string& log_dir,
                        const std::vector<Zxid>& checkpoints, int retain) {
  LOG_IF(WARNING, retain < kPurgeRetainMin)
      << "purge keeps " << kPurgeRetainMin << " generations, not " << retain;
  Result<PurgePlan> removed = TryPurge(fs, snapshot_dir, log_dir, checkpoints, retain);
  if (!removed) {
    LOG(WARNING) << "purge is not complete: " << removed.error().message;
    return removed;
  }
  LOG(INFO) << "purge removed " << removed->snapshots.size() << " snapshots and "
            << removed->logs.size() << " transaction logs";
  return removed;
}

}  // namespace lockkeeper
