// Whole trees from and to ZooKeeper's snapshots, as files and as learners get them.
#ifndef LOCKKEEPER_SERVER_STORAGE_TREE_SNAPSHOT_H_
#define LOCKKEEPER_SERVER_STORAGE_TREE_SNAPSHOT_H_

#include <cstddef>
#include <functional>
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

// The newest transaction of which the snapshot can hold a change: that of its name, or a later one
// if it was taken while writes went on. Reads all of the file. A change that leaves no zxid (of an
// ACL, of the list of sessions) is noticed only in a file with a digest, as ZooKeeper 3.6 and later
// write it.
Result<Zxid> NewestInSnapshot(FileSystem& fs, const std::string& path, const Config& config);

// Writes the tree into `dir`, in the compression and with the sections that `config` says; durable
// when it returns OK. Nobody may change the tree meanwhile. Gives the path of the file.
Result<std::string> WriteSnapshot(FileSystem& fs, const std::string& dir, const Config& config,
                                  const DataTree& tree);

// What follows a SNAP packet (quorum-protocol 3.5): the content of a snapshot, then a signature. In
// pieces of at least `chunk_bytes` but for the last, and longer by at most one znode. Nobody may
// change the tree meanwhile.
Status StreamSnapshot(const DataTree& tree, size_t chunk_bytes,
                      const std::function<void(std::string)>& sink);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_TREE_SNAPSHOT_H_
