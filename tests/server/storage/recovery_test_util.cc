#include "tests/server/storage/recovery_test_util.h"

#include <gtest/gtest.h>

#include "server/storage/txn_log_format.h"
#include "tests/datatree/random_history.h"
#include "tests/datatree/tree_test_util.h"

namespace lockkeeper {

Config TestConfig() {
  Config config;
  config.data_dir = kDataDir;
  config.extended_types_enabled = true;
  config.pre_alloc_size_kib = 4;
  return config;
}

Result<std::unique_ptr<Storage>> Storage::Start(FileSystem& fs, const Config& config) {
  auto dir = DataDir::Open(fs, {.data_dir = config.data_dir, .data_log_dir = config.data_log_dir});
  if (!dir) return dir.error();
  auto state = Recover(fs, **dir, config, TreeOptions(config));
  if (!state) return state.error();
  auto writer = TxnLogWriter::Open(fs, {.dir = (*dir)->log_dir(), .prealloc_bytes = 4096},
                                   state->tree->last_zxid());
  if (!writer) return writer.error();
  return std::unique_ptr<Storage>(
      new Storage(std::move(*dir), std::move(*state), std::move(*writer)));
}

bool Storage::Write(const std::string& payload) {
  const LogEntry entry{ZxidOfPayload(payload), std::make_shared<const std::string>(payload)};
  if (!writer_->Append({&entry, 1}) || !writer_->Sync()) return false;
  EXPECT_TRUE(tree().Apply(payload, nullptr));
  return true;
}

bool Storage::Checkpoint(const std::vector<std::string>& meanwhile, size_t* written) {
  CheckpointTracker& tracker = tree().checkpoint_tracker();
  CheckpointBatch batch;
  const FrozenState frozen = tracker.Freeze(tree().last_zxid(), tree().digest(),
                                            [&batch](const StoredNode& node) { batch.Add(node); });
  bool more = true;
  for (const std::string& payload : meanwhile) {
    if (more) more = tracker.CopySome(2, 1 << 20);
    if (!Write(payload)) return false;
    ++*written;
  }
  while (more) more = tracker.CopySome(100, 1 << 20);
  return state_.store->Commit(frozen, &batch, 1).ok();
}

std::unique_ptr<Storage> StartOrFail(FileSystem& fs, const Config& config) {
  auto storage = Storage::Start(fs, config);
  EXPECT_TRUE(storage) << storage.error().message;
  return storage ? std::move(*storage) : nullptr;
}

std::unique_ptr<DataTree> TreeAfter(const std::vector<std::string>& payloads, size_t count) {
  auto tree = std::make_unique<DataTree>(HistoryOptions());
  for (size_t i = 0; i < count; ++i) EXPECT_TRUE(tree->Apply(payloads[i], nullptr));
  return tree;
}

std::vector<std::string> StatesOf(const std::vector<std::string>& payloads) {
  DataTree tree(HistoryOptions());
  std::vector<std::string> states{DumpTree(tree)};
  for (const std::string& payload : payloads) {
    EXPECT_TRUE(tree.Apply(payload, nullptr));
    states.push_back(DumpTree(tree));
  }
  return states;
}

}  // namespace lockkeeper
