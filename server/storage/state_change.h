// The durable state of a member of an ensemble becomes that of its leader: replaced by a tree that
// was received, or cut back.
//
// A received tree is first written, whole, as a snapshot below <dataDir>/version-2/received. From
// then on it is the state, whatever else is there: a start that finds it completes what a crash
// interrupted (FinishInstall), before anything is loaded. So no mixture of old and new ever loads.
//
// Threads: the caller owns the store, the log writer and the directory's snapshots meanwhile: no
//          append, checkpoint or purge runs.
// Errors:  kIo, kCorruption. Afterwards only a new start knows what is on the disk.
#ifndef LOCKKEEPER_SERVER_STORAGE_STATE_CHANGE_H_
#define LOCKKEEPER_SERVER_STORAGE_STATE_CHANGE_H_

#include <optional>
#include <string>

#include "datatree/data_tree.h"
#include "protocol/result.h"
#include "protocol/types.h"
#include "server/config/config.h"
#include "server/storage/checkpoint_store.h"
#include "server/storage/data_dir.h"
#include "server/storage/file_system.h"
#include "server/storage/txn_log_writer.h"

namespace lockkeeper {

// Makes `received` the durable base at its last zxid (quorum-protocol 3.10), which may be below or
// above what is there. Everything older goes: checkpoint, snapshots and logs, which could be of a
// history that the leader's is no continuation of. Afterwards there is ZooKeeper's snapshot of the
// tree, the store is empty, the log goes on behind the tree's zxid, and the tree's tracker waits
// for a first, whole checkpoint.
// REQUIRES: a tree whose tracker was not started.
Status InstallState(FileSystem& fs, const DataDir& dir, const Config& config,
                    CheckpointStore* store, TxnLogWriter* writer, DataTree* received);

// Cuts the durable state back to `upto` (quorum-protocol 3.9), for which LoadStateUpTo has found a
// tree: the store is emptied if it is newer than `upto` or not whole, snapshots with newer
// transactions are removed, then the log is cut. A crash leaves a state that ends at or above
// `upto`, without a hole.
Status TruncateState(FileSystem& fs, const DataDir& dir, const Config& config, Zxid upto,
                     CheckpointStore* store, TxnLogWriter* writer);

// The path of the snapshot of an InstallState that was interrupted: it is the whole state.
// nullopt: none was.
Result<std::optional<std::string>> FindReceivedState(FileSystem& fs, const DataDir& dir);

// At the start, before anything is loaded: completes an InstallState that was interrupted behind
// its point of no return, and forgets one that was interrupted before.
Status FinishInstall(FileSystem& fs, const DataDir& dir);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_STATE_CHANGE_H_
