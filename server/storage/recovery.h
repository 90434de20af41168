// Start-up: the tree from what the data directory holds (storage-and-operations 2.9).
//
// The base is the newer of our checkpoint and the newest ZooKeeper snapshot that can be read; the
// log after its zxid is replayed onto it.
#ifndef LOCKKEEPER_SERVER_STORAGE_RECOVERY_H_
#define LOCKKEEPER_SERVER_STORAGE_RECOVERY_H_

#include <memory>
#include <string>

#include "datatree/data_tree.h"
#include "protocol/result.h"
#include "server/config/config.h"
#include "server/storage/checkpoint_store.h"
#include "server/storage/data_dir.h"
#include "server/storage/file_system.h"

namespace lockkeeper {

// How `config` wants the tree to be.
DataTreeOptions TreeOptions(const Config& config);

struct RecoverySummary {
  std::string base;                // "checkpoint", the name of a snapshot file, or empty: none
  Zxid base_zxid;                  // 0 without a base
  uint64_t transactions = 0;       // replayed
  uint64_t digest_mismatches = 0;  // reported, never fatal (3.5)
  int64_t base_ms = 0;             // to load the base
  int64_t replay_ms = 0;
};

struct RecoveredState {
  std::unique_ptr<DataTree> tree;
  std::unique_ptr<CheckpointStore> store;  // null only from LoadState, when there is none
  RecoverySummary summary;
};

// Only looks: what the server would start with; the tree's tracker is not started. Needs the
// directory's locks all the same.
// kCorruption, kIo and kDataDir: the message names file, offset and remedy.
Result<RecoveredState> LoadState(FileSystem& fs, const DataDir& dir, const Config& config,
                                 const DataTreeOptions& tree_options);

// LoadState, and makes the directory ready to go on: the checkpoint store is there, empty if
// something else is newer; the tree's tracker notes what the next checkpoint must write; a new
// directory has ZooKeeper's snapshot.0; an interrupted InstallState (state_change.h) is completed.
Result<RecoveredState> Recover(FileSystem& fs, const DataDir& dir, const Config& config,
                               const DataTreeOptions& tree_options);

// The state that ends exactly at `upto`, for a running member of an ensemble whose leader does not
// have what it logged after that (quorum-protocol 3.9). The base is `open_store` if its checkpoint
// is not newer than `upto`, else the newest ZooKeeper snapshot without anything newer.
//
// A null pointer: there is none. No base is old enough, or the log does not lead from it to `upto`,
// or something in between is damaged (which is logged). `upto` is reached by its own record, or,
// if it is the start of an epoch, where no transaction is, by the first one of that epoch behind
// it. Then only a whole snapshot of the leader helps.
//
// It only reads. The tree's last zxid is `upto`, and its tracker is started for the store as
// TruncateState leaves it. kIo: see file_system.h.
// Threads: nobody appends to the log or writes to the store meanwhile. Null store: none.
Result<std::unique_ptr<DataTree>> LoadStateUpTo(FileSystem& fs, const DataDir& dir,
                                                const Config& config,
                                                const DataTreeOptions& tree_options,
                                                CheckpointStore* open_store, Zxid upto);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_RECOVERY_H_
