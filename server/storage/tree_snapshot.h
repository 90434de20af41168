// Whole trees from and to ZooKeeper's snapshot files.
#ifndef LOCKKEEPER_SERVER_STORAGE_TREE_SNAPSHOT_H_
#define LOCKKEEPER_SERVER_STORAGE_TREE_SNAPSHOT_H_

#include <string>

#include "datatree/data_tree.h"
#include "protocol/result.h"
#include "server/config/config.h"
#include "server/storage/file_system.h"
#include "server/storage/snapshot_reader.h"
#include "server/storage/snapshot_writer.h"

namespace lockkeeper {

// Fills `tree`, which must be new. Its zxid is the one in the file's name: a snapshot that was
// taken while writes went on holds some later changes too (storage-and-operations 3.5).
Result<SnapshotInfo> LoadSnapshot(FileSystem& fs, const std::string& path, const Config& config,
                                  DataTree* tree);

// Writes the tree into `dir`, in the compression and with the sections that `config` says; durable
// when it returns OK. Nobody may change the tree meanwhile. Gives the path of the file.
Result<std::string> WriteSnapshot(FileSystem& fs, const std::string& dir, const Config& config,
                                  const DataTree& tree);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_TREE_SNAPSHOT_H_
