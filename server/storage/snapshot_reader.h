// ZooKeeper's snapshot files in a directory: which there are, and what one holds.
//
// Threads: any, one for a call.
// Errors:  see snapshot_parser.h; kIo from the disk.
#ifndef LOCKKEEPER_SERVER_STORAGE_SNAPSHOT_READER_H_
#define LOCKKEEPER_SERVER_STORAGE_SNAPSHOT_READER_H_

#include <string>
#include <vector>

#include "protocol/result.h"
#include "protocol/types.h"
#include "server/storage/file_system.h"
#include "server/storage/snapshot_parser.h"

namespace lockkeeper {

// Reads the whole file, plain, gz or snappy by its name, and checks every checksum in it. An error
// of a handler stops the reading. kCorruption also when the file is not named like a snapshot.
Result<SnapshotInfo> ReadSnapshot(FileSystem& fs, const std::string& path,
                                  const SnapshotLimits& limits, const SnapshotHandlers& handlers);

struct SnapshotFile {
  Zxid zxid;
  std::string name;
  friend bool operator==(const SnapshotFile&, const SnapshotFile&) = default;
};

// All files of `dir` that are named like a snapshot, the newest first; of the same zxid, by name.
// A directory is none, whatever its name.
Result<std::vector<SnapshotFile>> ListSnapshots(FileSystem& fs, const std::string& dir);

// What ZooKeeper looks at before it tries a file, and what autopurge counts: the name, and the last
// bytes of a plain file or the first of a compressed one. False for what is no regular file or not
// there.
Result<bool> PassesQuickCheck(FileSystem& fs, const std::string& path);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_SNAPSHOT_READER_H_
