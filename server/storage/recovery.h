// Start-up: the tree from what the data directory holds (storage-and-operations 2.9).
#ifndef LOCKKEEPER_SERVER_STORAGE_RECOVERY_H_
#define LOCKKEEPER_SERVER_STORAGE_RECOVERY_H_

#include "datatree/data_tree.h"
#include "protocol/result.h"
#include "server/config/config.h"
#include "server/storage/data_dir.h"
#include "server/storage/file_system.h"

namespace lockkeeper {

struct RecoverySummary {
  uint64_t transactions = 0;
  uint64_t digest_mismatches = 0;  // reported, never fatal (3.5)
  int64_t took_ms = 0;
};

// Replays every transaction of the log onto `tree`, which must be new.
// kCorruption and kIo: the message names file, offset and remedy; the process must not serve.
Result<RecoverySummary> Recover(FileSystem& fs, const DataDir& dir, const Config& config,
                                DataTree* tree);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_RECOVERY_H_
