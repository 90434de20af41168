// autopurge: old snapshots and logs are removed (storage-and-operations 3.8).
//
// A generation is a state that recovery can start from: a zxid of our checkpoint store or a
// ZooKeeper snapshot that passes the quick check. Of two with the same zxid one counts. The newest
// `retain` generations stay, and with them every log file that replay from the oldest of them
// needs.
//
// Threads: Purge runs in any thread beside a serving server: it never touches a file that is not
//          older than a generation, and so neither the log that is written nor a later one.
// Errors:  kIo, complete, and logged as a warning. What was not removed stays for the next run.
#ifndef LOCKKEEPER_SERVER_STORAGE_PURGE_H_
#define LOCKKEEPER_SERVER_STORAGE_PURGE_H_

#include <optional>
#include <string>
#include <vector>

#include "protocol/result.h"
#include "protocol/types.h"
#include "server/storage/file_system.h"

namespace lockkeeper {

inline constexpr int kPurgeRetainMin = 3;

// A file whose name starts with "snapshot.".
struct SnapshotToPurge {
  std::string name;
  bool valid = false;  // passes the quick check
};

struct PurgeInput {
  std::vector<Zxid> checkpoints;           // the generations of the checkpoint store, any order
  std::vector<SnapshotToPurge> snapshots;  // any order
  std::vector<std::string> logs;           // names that start with "log.", any order
  int retain = kPurgeRetainMin;            // generations; below kPurgeRetainMin counts as that
};

// Names to remove, in the order in which to do it.
struct PurgePlan {
  std::optional<Zxid> oldest_kept;  // generation; none: there is no generation, nothing goes
  std::vector<std::string> snapshots;
  std::vector<std::string> logs;
};

// The decision alone. What goes: snapshots older than the oldest kept generation, whether they are
// valid or their names can be read, and logs older than it but for the newest that starts at or
// before it.
PurgePlan PlanPurge(const PurgeInput& input);

// Removes what PlanPurge says: first the snapshots, durably, then the logs from the oldest on. So
// at no moment, and after no crash, is there a snapshot without the logs behind it, which ZooKeeper
// 3.8 would load as the whole state. If a snapshot cannot be removed, no log is. Directories of
// such names are left alone. What was removed is returned, and logged at INFO.
Result<PurgePlan> Purge(FileSystem& fs, const std::string& snapshot_dir, const std::string& log_dir,
                        const std::vector<Zxid>& checkpoints, int retain);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_PURGE_H_
