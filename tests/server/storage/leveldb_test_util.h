// A real LevelDB on the fake disk or a real one, and batches whose effect a test can predict.
#ifndef LOCKKEEPER_TESTS_SERVER_STORAGE_LEVELDB_TEST_UTIL_H_
#define LOCKKEEPER_TESTS_SERVER_STORAGE_LEVELDB_TEST_UTIL_H_

#include <leveldb/db.h>
#include <leveldb/write_batch.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "protocol/result.h"
#include "server/storage/leveldb_env.h"

namespace lockkeeper {

inline constexpr char kStoreDir[] = "/data/checkpoint";

using StoreContent = std::map<std::string, std::string>;

// Small buffers, so that few batches already lead to new logs, tables and compactions.
struct StoreOptions {
  std::string dir = kStoreDir;
  uint64_t sync_every_bytes = 0;
  bool reuse_logs = false;
};

// Members in the order in which they must die.
struct OpenStore {
  std::unique_ptr<LevelDbEnv> env;
  std::unique_ptr<leveldb::DB> db;  // null when `opened` is an error
  leveldb::Status opened;
};

OpenStore OpenLevelDb(FileSystem& fs, const StoreOptions& options = {});

// Batch number `k` (1 is the first): puts and deletions, the same on every call; of some KiB, but
// 23 bytes for 6, 14, 22... and more than LevelDB's 32 KiB blocks for 3, 11, 19...
leveldb::WriteBatch MakeBatch(int k);
leveldb::Status WriteSynced(leveldb::DB* db, int k);
// What a store has after the batches 1 to `k`.
const StoreContent& ContentAfter(int k);

// Everything, with every checksum looked at; the error says what LevelDB says.
Result<StoreContent> ReadAll(leveldb::DB* db);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_TESTS_SERVER_STORAGE_LEVELDB_TEST_UTIL_H_
