// The checkpoint on disk: one consistent state of the tree in a LevelDB, brought up to date by
// atomic batches.
//
// Threads: opened by the main thread, then owned by the checkpoint thread; stats() by any.
// Errors:  kIo (kDataDir from Open) or kCorruption, naming the directory and the remedy. After a
//          failed write nobody knows what reached the disk: the store refuses every later write.
#ifndef LOCKKEEPER_SERVER_STORAGE_CHECKPOINT_STORE_H_
#define LOCKKEEPER_SERVER_STORAGE_CHECKPOINT_STORE_H_

#include <leveldb/db.h>
#include <leveldb/write_batch.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "datatree/checkpoint_tracker.h"
#include "datatree/tree_loader.h"
#include "protocol/result.h"
#include "server/storage/checkpoint_batch.h"
#include "server/storage/checkpoint_format.h"
#include "server/storage/file_system.h"
#include "server/storage/leveldb_env.h"

namespace lockkeeper {

// A first checkpoint goes to the disk in pieces of this size.
inline constexpr uint64_t kCheckpointPartBytes = 4 << 20;

// When LevelDB's tables of the first level begin. With smaller ones, changes that are spread over
// the whole tree rewrite the next level more often.
struct CheckpointTables {
  // A checkpoint of so many bytes, and each first one, gets a table of its own at once; LevelDB's
  // log, which would only hold it a second time, is left out.
  uint64_t direct_bytes = 8 << 20;
  // Smaller ones are collected, in LevelDB's log and memory.
  uint64_t collected_bytes = 16 << 20;
};

struct CheckpointStats {
  CheckpointMeta meta;
  uint64_t store_bytes = 0;  // of all files
  uint64_t nodes = 0;        // counted
  uint64_t acls = 0;
  uint64_t sessions = 0;
  uint64_t key_bytes = 0;
  uint64_t value_bytes = 0;
  std::string levels;  // LevelDB's own table of its levels
};

class CheckpointStore {
 public:
  enum class IfMissing : uint8_t { kMake, kRefuse };
  // Whether `dir` holds one, finished or not.
  static Result<bool> Exists(FileSystem& fs, const std::string& dir);
  // Opens the store in `dir`. What a first checkpoint left unfinished is removed, and a store that
  // Discard had begun to remove is removed to the end. Somebody must hold the data directory.
  static Result<std::unique_ptr<CheckpointStore>> Open(FileSystem& fs, const std::string& dir,
                                                       IfMissing if_missing,
                                                       const CheckpointTables& tables = {});
  ~CheckpointStore();

  // nullopt: the store is empty, the next checkpoint must be a whole one.
  const std::optional<CheckpointMeta>& meta() const { return meta_; }

  // Fills a new tree with the checkpoint that meta() tells of, whether it was there at Open or was
  // committed since; checks every block's checksum, the number of znodes and the digest.
  Status Load(DataTree* tree);

  // Removes everything: another source of the state counts. Empty and usable afterwards.
  Status Discard();
  // The same for a store that is not open, be it damaged, unfinished or not there.
  static Status Remove(FileSystem& fs, const std::string& dir);

  // Part of a whole checkpoint, durable and valid only with the Commit that follows. Clears
  // `batch`. REQUIRES: no meta().
  Status WritePart(CheckpointBatch* batch);
  // Writes the rest and makes the checkpoint the valid one, durably: after a crash all of it is
  // there or nothing. `wall_ms`: the time that is noted. Clears `batch`.
  Status Commit(const FrozenState& frozen, CheckpointBatch* batch, int64_t wall_ms);

  const LevelDbEnv& env() const { return *env_; }
  // Reads everything.
  Result<CheckpointStats> Stats();

 private:
  CheckpointStore(FileSystem& fs, std::string dir, const CheckpointTables& tables);
  Status OpenDb(IfMissing if_missing);
  CheckpointMeta NextMeta(const FrozenState& frozen, int64_t wall_ms) const;
  leveldb::Status WriteLogged(leveldb::WriteBatch* first, const CheckpointBatch& nodes,
                              const leveldb::WriteBatch& last);
  leveldb::Status WriteDirectly(leveldb::WriteBatch* first, const CheckpointBatch& nodes,
                                leveldb::WriteBatch* last);
  leveldb::Status WriteWithoutLog(leveldb::WriteBatch* batch);
  leveldb::Status WriteNodesWithoutLog(const CheckpointBatch& nodes);
  leveldb::Status BeginTable();
  Status ReadMeta();
  Status RemoveRemains();
  Status MarkAndRemoveAll();
  Status RemoveAll();
  Result<bool> IsEmpty();
  Status LoadAcls(leveldb::Iterator* it, TreeLoader* loader) const;
  Status LoadSessions(leveldb::Iterator* it, TreeLoader* loader) const;
  Status LoadNodes(bool with_digests, TreeLoader* loader) const;
  std::unique_ptr<leveldb::Iterator> NewIterator() const;
  // The path of a table with damage, "" when there is none.
  std::string DamagedTable() const;
  Error Damaged(const std::string& what) const;
  Error Failed(const leveldb::Status& status, const char* doing) const;

  FileSystem& fs_;
  const std::string dir_;
  const CheckpointTables tables_;
  std::unique_ptr<LevelDbEnv> env_;
  std::unique_ptr<leveldb::Cache> cache_;
  std::unique_ptr<leveldb::DB> db_;
  std::optional<CheckpointMeta> meta_;
  uint64_t bytes_in_memory_ = 0;  // LevelDB's, since its last table began
};

// The whole tree as the first checkpoint of an empty store. Starts the tree's tracker.
// REQUIRES: no meta(), a tracker that was not started, nobody else uses the tree.
Status WriteWholeCheckpoint(DataTree* tree, CheckpointStore* store, int64_t wall_ms);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_CHECKPOINT_STORE_H_
