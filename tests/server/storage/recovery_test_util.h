// What the tests of recovery share: a server's storage without its threads, and the states of a
// history.
#ifndef LOCKKEEPER_TESTS_SERVER_STORAGE_RECOVERY_TEST_UTIL_H_
#define LOCKKEEPER_TESTS_SERVER_STORAGE_RECOVERY_TEST_UTIL_H_

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/storage/data_dir.h"
#include "server/storage/recovery.h"
#include "server/storage/txn_log_writer.h"

namespace lockkeeper {

inline constexpr char kDataDir[] = "/data";
inline constexpr char kVersionDir[] = "/data/version-2";

Config TestConfig();

// A server's storage without its threads: what is applied is logged, synced and acknowledged.
class Storage {
 public:
  // Recovers what the disk holds.
  static Result<std::unique_ptr<Storage>> Start(FileSystem& fs, const Config& config);

  // False when the disk failed; then nothing was acknowledged.
  bool Write(const std::string& payload);
  bool Roll() { return writer_->Roll().ok(); }
  // Copies while more transactions are written.
  bool Checkpoint(const std::vector<std::string>& meanwhile, size_t* written);
  // As a server does it at the end of a truncation or installation.
  void ReplaceTree(std::unique_ptr<DataTree> tree) { state_.tree = std::move(tree); }

  DataTree& tree() { return *state_.tree; }
  CheckpointStore* store() { return state_.store.get(); }
  TxnLogWriter* writer() { return writer_.get(); }
  const DataDir& dir() const { return *dir_; }
  const RecoverySummary& summary() const { return state_.summary; }

 private:
  Storage(std::unique_ptr<DataDir> dir, RecoveredState state, std::unique_ptr<TxnLogWriter> writer)
      : dir_(std::move(dir)), state_(std::move(state)), writer_(std::move(writer)) {}

  std::unique_ptr<DataDir> dir_;
  RecoveredState state_;
  std::unique_ptr<TxnLogWriter> writer_;
};

// A failure of the test, and null, when it does not start.
std::unique_ptr<Storage> StartOrFail(FileSystem& fs, const Config& config = TestConfig());

// The tree after a history.
std::unique_ptr<DataTree> TreeAfter(const std::vector<std::string>& payloads, size_t count);

// The dump of the tree after each prefix of a history; [0] is the empty tree.
std::vector<std::string> StatesOf(const std::vector<std::string>& payloads);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_TESTS_SERVER_STORAGE_RECOVERY_TEST_UTIL_H_
