#include "server/storage/recovery.h"

#include <glog/logging.h>

#include <optional>
#include <random>
#include <sstream>
#include <utility>

#include "server/clock.h"
#include "server/storage/snapshot_format.h"
#include "server/storage/snapshot_reader.h"
#include "server/storage/state_change.h"
#include "server/storage/tree_snapshot.h"
#include "server/storage/txn_log_reader.h"

namespace lockkeeper {
namespace {

using IfMissing = CheckpointStore::IfMissing;

// Clients must not be able to choose names that collide.
uint64_t RandomSeed() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

// ZooKeeper tries this many (storage-and-operations 3.4).
constexpr size_t kSnapshotsTriedMax = 100;

ReplayLimits ReplayLimitsOf(const Config& config) {
  return {.payload_bytes_max = static_cast<size_t>(config.jute_maxbuffer) +
                               static_cast<size_t>(config.jute_extrasize),
          .allow_gaps = config.allow_discontinuous_proposals || config.snapshot_trust_empty};
}

// To look leaves the directory as it is, to go on prepares for changes and their checkpoints.
enum class Purpose : uint8_t { kLook, kGoOn };

// Where the transactions of an epoch begin; none has this number.
bool StartsEpoch(Zxid zxid) { return static_cast<uint32_t>(zxid.value) == 0; }

// The start-up of one directory, step by step, or the way to a state that it had.
class Recovery {
 public:
  Recovery(FileSystem& fs, const DataDir& dir, const Config& config,
           const DataTreeOptions& tree_options, Purpose purpose)
      : fs_(fs), dir_(dir), config_(config), tree_options_(tree_options), purpose_(purpose) {}

  Result<RecoveredState> Load();
  Result<std::unique_ptr<DataTree>> LoadUpTo(CheckpointStore* store, Zxid upto);

 private:
  Result<RecoveredState> LoadReceived(const std::string& path);
  Status OpenStore();
  Status LoadBase();
  // False: no snapshot newer than `have` could be read.
  Result<bool> LoadNewestSnapshot(Zxid have);
  void NoteUnusable(const SnapshotFile& file, const std::string& why);
  Result<bool> TrySnapshot(const SnapshotFile& file);
  Status LoadCheckpoint(CheckpointStore* store);
  Status RefuseLogsWithoutBase() const;
  Status Replay();
  // False: there is none.
  Result<bool> LoadBaseUpTo(CheckpointStore* store, Zxid upto);
  Result<bool> LoadSnapshotUpTo(Zxid upto);
  Result<bool> ReplayUpTo(Zxid upto);
  Status RefuseLossOfSnapshot() const;
  Status ApplyRecord(Zxid zxid, std::string_view payload);
  void CompareDigest(Zxid zxid, const std::optional<TxnDigest>& recorded);

  FileSystem& fs_;
  const DataDir& dir_;
  const Config& config_;
  const DataTreeOptions tree_options_;
  const Purpose purpose_;
  RecoveredState state_;
  std::optional<SnapshotDigest> snapshot_digest_;  // not reached yet
  std::optional<SnapshotFile> unusable_;           // the newest snapshot that cannot be read
  std::string unusable_why_;
};

Result<RecoveredState> Recovery::Load() {
  // Recover has moved it into place before.
  const auto received = FindReceivedState(fs_, dir_);
  if (!received) return received.error();
  if (*received) return LoadReceived(**received);
  if (Status opened = OpenStore(); !opened) return opened.error();
  const MonoMs start = MonoNow();
  if (Status loaded = LoadBase(); !loaded) return loaded.error();
  const MonoMs loaded = MonoNow();
  state_.summary.base_ms = loaded.value - start.value;
  if (Status replayed = Replay(); !replayed) return replayed.error();
  if (Status kept = RefuseLossOfSnapshot(); !kept) return kept.error();
  state_.summary.replay_ms = MonoNow().value - loaded.value;
  return std::move(state_);
}

// Checkpoint, log and other snapshots are given up already.
Result<RecoveredState> Recovery::LoadReceived(const std::string& path) {
  const MonoMs start = MonoNow();
  state_.tree = std::make_unique<DataTree>(tree_options_);
  const auto info = LoadSnapshot(fs_, path, config_, state_.tree.get());
  if (!info) return info.error();
  state_.summary.base = FileNameOf(path);
  state_.summary.base_zxid = info->zxid;
  state_.summary.base_ms = MonoNow().value - start.value;
  return std::move(state_);
}

Status Recovery::OpenStore() {
  const Result<bool> exists = CheckpointStore::Exists(fs_, dir_.checkpoint_dir());
  if (!exists) return exists.error();
  if (!*exists) return {};
  auto store =
      CheckpointStore::Open(fs_, dir_.checkpoint_dir(),
                            purpose_ == Purpose::kGoOn ? IfMissing::kMake : IfMissing::kRefuse);
  if (!store) return store.error();
  state_.store = std::move(*store);
  return {};
}

Status Recovery::LoadBase() {
  const bool has_checkpoint = state_.store != nullptr && state_.store->meta().has_value();
  const Zxid have = has_checkpoint ? state_.store->meta()->zxid : Zxid{-1};
  const Result<bool> found = LoadNewestSnapshot(have);
  if (!found) return found.error();
  if (*found) return {};
  state_.tree = std::make_unique<DataTree>(tree_options_);
  return has_checkpoint ? LoadCheckpoint(state_.store.get()) : RefuseLogsWithoutBase();
}

Result<bool> Recovery::LoadNewestSnapshot(Zxid have) {
  const auto files = ListSnapshots(fs_, dir_.snapshot_dir());
  if (!files) return files.error();
  size_t candidates = 0;
  for (const SnapshotFile& file : *files) {
    if (file.zxid <= have || candidates == kSnapshotsTriedMax) break;
    if (file.name.ends_with(kUnfinishedSnapshotSuffix)) continue;
    const std::string path = dir_.snapshot_dir() + "/" + file.name;
    const Result<bool> plausible = PassesQuickCheck(fs_, path);
    if (!plausible) return plausible.error();
    if (!*plausible) {
      NoteUnusable(file, path + " is not complete.");
      continue;
    }
    ++candidates;
    const Result<bool> loaded = TrySnapshot(file);
    if (!loaded) return loaded.error();
    if (*loaded) return true;
  }
  if (candidates == 0 || have.value >= 0) return false;
  return Error{Errc::kCorruption, "Not able to find valid snapshots in " + dir_.snapshot_dir() +
                                      ": none of its " + std::to_string(files->size()) +
                                      " snapshots can be read, the newest is " +
                                      files->front().name + ". Restore one from a backup"};
}

void Recovery::NoteUnusable(const SnapshotFile& file, const std::string& why) {
  LOG(WARNING) << "problem reading snap file: " << why;
  if (unusable_) return;
  unusable_ = file;
  unusable_why_ = why;
}

// A tree of its own for each attempt: nothing of a broken file stays.
Result<bool> Recovery::TrySnapshot(const SnapshotFile& file) {
  state_.tree = std::make_unique<DataTree>(tree_options_);
  const auto info =
      LoadSnapshot(fs_, dir_.snapshot_dir() + "/" + file.name, config_, state_.tree.get());
  if (!info) {
    if (info.error().code == Errc::kIo) return info.error();
    NoteUnusable(file, info.error().message + ".");
    return false;
  }
  snapshot_digest_ = info->digest;
  state_.summary.base = file.name;
  state_.summary.base_zxid = file.zxid;
  // Zxid 0 stands for no digest.
  if (state_.tree->digest_enabled() && snapshot_digest_ && file.zxid.value > 0 &&
      snapshot_digest_->zxid == file.zxid) {
    CompareDigest(file.zxid, std::nullopt);
  }
  return true;
}

Status Recovery::LoadCheckpoint(CheckpointStore* store) {
  if (Status loaded = store->Load(state_.tree.get()); !loaded) return loaded;
  state_.summary.base = "checkpoint";
  state_.summary.base_zxid = store->meta()->zxid;
  // Before the replay, whose changes are not in the checkpoint.
  if (purpose_ == Purpose::kGoOn) {
    state_.tree->checkpoint_tracker().Start(state_.summary.base_zxid);
  }
  return {};
}

Status Recovery::RefuseLogsWithoutBase() const {
  if (config_.snapshot_trust_empty) return {};
  const auto last = LastLoggedZxid(fs_, dir_.log_dir(), ReplayLimitsOf(config_));
  if (!last) return last.error();
  if (!last->has_value()) return {};
  return Error{Errc::kCorruption,
               "No snapshot found, but there are log entries in " + dir_.log_dir() +
                   ". Something is broken! Restore the snapshot or checkpoint that belongs to "
                   "them in " +
                   dir_.snapshot_dir() +
                   ", or set snapshot.trust.empty=true to start from the log alone"};
}

Status Recovery::Replay() {
  const auto replayed =
      ReplayLog(fs_, dir_.log_dir(), state_.summary.base_zxid, ReplayLimitsOf(config_),
                [this](Zxid zxid, std::string_view payload) { return ApplyRecord(zxid, payload); });
  if (!replayed) return replayed.error();
  // Right after an import; else somebody took the log away, or its disk is not mounted.
  LOG_IF(WARNING, replayed->files == 0 && state_.summary.base_zxid > Zxid{0})
      << "there is no transaction log in " << dir_.log_dir() << ": the state is that of "
      << state_.summary.base << " at zxid " << state_.summary.base_zxid
      << ", without whatever was written after it";
  return {};
}

Result<std::unique_ptr<DataTree>> Recovery::LoadUpTo(CheckpointStore* store, Zxid upto) {
  Result<bool> found = LoadBaseUpTo(store, upto);
  if (found && *found) found = ReplayUpTo(upto);
  if (!found) {
    if (found.error().code != Errc::kCorruption) return found.error();
    LOG(WARNING) << "the state at zxid " << upto
                 << " cannot be had from this server's files: " << found.error().message;
    return std::unique_ptr<DataTree>();
  }
  if (!*found) {
    LOG(WARNING) << "this server's files do not lead to the state at zxid " << upto;
    return std::unique_ptr<DataTree>();
  }
  LOG(INFO) << "the state at zxid " << upto << " is that of "
            << (state_.summary.base.empty() ? "the empty tree" : state_.summary.base) << " and of "
            << state_.summary.transactions << " transactions after it";
  state_.tree->BeginEpoch(upto);
  if (state_.summary.base != "checkpoint") state_.tree->StartWholeCheckpoint();
  return std::move(state_.tree);
}

Result<bool> Recovery::LoadBaseUpTo(CheckpointStore* store, Zxid upto) {
  if (store != nullptr && store->meta() && store->meta()->zxid <= upto) {
    state_.tree = std::make_unique<DataTree>(tree_options_);
    if (Status loaded = LoadCheckpoint(store); !loaded) return loaded.error();
    return true;
  }
  Result<bool> found = LoadSnapshotUpTo(upto);
  if (!found || *found || !config_.snapshot_trust_empty) return found;
  state_.tree = std::make_unique<DataTree>(tree_options_);
  return true;
}

Result<bool> Recovery::LoadSnapshotUpTo(Zxid upto) {
  const auto files = ListSnapshots(fs_, dir_.snapshot_dir());
  if (!files) return files.error();
  for (const SnapshotFile& file : *files) {
    if (file.zxid > upto || file.name.ends_with(kUnfinishedSnapshotSuffix)) continue;
    const std::string path = dir_.snapshot_dir() + "/" + file.name;
    const auto newest = NewestInSnapshot(fs_, path, config_);
    if (!newest && newest.error().code != Errc::kCorruption) return newest.error();
    if (!newest) {
      NoteUnusable(file, newest.error().message);
      continue;
    }
    if (*newest > upto) continue;  // it holds a part of what must go
    Result<bool> loaded = TrySnapshot(file);
    if (!loaded || *loaded) return loaded;
  }
  return false;
}

Result<bool> Recovery::ReplayUpTo(Zxid upto) {
  const auto replayed = ReplayLogUpTo(
      fs_, dir_.log_dir(), state_.summary.base_zxid, upto, ReplayLimitsOf(config_),
      [this](Zxid zxid, std::string_view payload) { return ApplyRecord(zxid, payload); });
  if (!replayed) return replayed.error();
  if (replayed->last_zxid == upto) return true;
  return StartsEpoch(upto) && replayed->above == NextZxid(upto);
}

// An older base is as good only if the log leads from it to where the snapshot was. ZooKeeper goes
// on without the transactions between.
Status Recovery::RefuseLossOfSnapshot() const {
  if (!unusable_ || state_.tree->last_zxid() >= unusable_->zxid) return {};
  std::ostringstream message;
  message << unusable_why_ << " Without " << unusable_->name
          << " all that can be loaded ends at zxid " << state_.tree->last_zxid()
          << ". Restore it from a backup, or move it away to give up every later transaction";
  return Error{Errc::kCorruption, std::move(message).str()};
}

Status Recovery::ApplyRecord(Zxid zxid, std::string_view payload) {
  const Result<ApplyOutcome> outcome = state_.tree->Apply(payload, nullptr);
  if (!outcome) return outcome.error();
  ++state_.summary.transactions;
  if (state_.tree->digest_enabled()) CompareDigest(zxid, outcome->recorded_digest);
  return {};
}

// A snapshot holds changes of transactions that its replay repeats: until the zxid at which its own
// digest was taken nothing can be compared (storage-and-operations 3.5).
void Recovery::CompareDigest(Zxid zxid, const std::optional<TxnDigest>& recorded) {
  std::optional<uint64_t> expected;
  if (snapshot_digest_ && snapshot_digest_->zxid > zxid) return;
  if (snapshot_digest_ && snapshot_digest_->zxid == zxid &&
      snapshot_digest_->version == kDigestVersion) {
    expected = snapshot_digest_->digest;
  } else if (recorded && recorded->version == kDigestVersion) {
    expected = static_cast<uint64_t>(recorded->tree_digest);
  }
  snapshot_digest_.reset();
  if (!expected || *expected == state_.tree->digest()) return;
  LOG_IF(ERROR, state_.summary.digest_mismatches == 0)
      << "the tree digest differs from the recorded one at zxid " << zxid << ": digest mismatch";
  ++state_.summary.digest_mismatches;
}

void LogSummary(const RecoveredState& state) {
  const RecoverySummary& s = state.summary;
  const DataTree& tree = *state.tree;
  if (!s.base.empty()) {
    LOG(INFO) << s.base << " at zxid " << s.base_zxid << " loaded in " << s.base_ms << " ms";
  }
  LOG(INFO) << s.transactions << " transactions loaded in " << s.replay_ms
            << " ms, highest zxid is " << tree.last_zxid() << ", " << tree.nodes().size()
            << " znodes, " << tree.sessions().size() << " sessions, digest is " << tree.digest();
}

// A directory without any state gets what ZooKeeper leaves there, so that it can be handed back.
Status BeginEmpty(FileSystem& fs, const DataDir& dir, const Config& config, bool initialize,
                  const DataTree& tree) {
  if (!config.db_autocreate && !initialize) {
    return Error{Errc::kDataDir, dir.log_dir() +
                                     " is empty and db.autocreate=false: create the file "
                                     "`initialize` beside version-2 to start with an empty tree"};
  }
  const auto written = WriteSnapshot(fs, dir.snapshot_dir(), config, tree);
  return written ? Status() : written.error();
}

}  // namespace

DataTreeOptions TreeOptions(const Config& config) {
  return {.owner_rules = {config.extended_types_enabled, config.emulate_353_ttl_nodes},
          .digest_enabled = config.digest_enabled,
          .hash_seed = RandomSeed()};
}

Result<RecoveredState> LoadState(FileSystem& fs, const DataDir& dir, const Config& config,
                                 const DataTreeOptions& tree_options) {
  return Recovery(fs, dir, config, tree_options, Purpose::kLook).Load();
}

Result<RecoveredState> Recover(FileSystem& fs, const DataDir& dir, const Config& config,
                               const DataTreeOptions& tree_options) {
  if (Status finished = FinishInstall(fs, dir); !finished) return finished.error();
  auto state = Recovery(fs, dir, config, tree_options, Purpose::kGoOn).Load();
  if (!state) return state.error();
  const Result<bool> initialize = dir.TakeInitializeMarker();
  if (!initialize) return initialize.error();
  const RecoverySummary& summary = state->summary;
  if (summary.base.empty() && summary.transactions == 0) {
    if (Status begun = BeginEmpty(fs, dir, config, *initialize, *state->tree); !begun) {
      return begun.error();
    }
  }
  if (state->store == nullptr) {
    auto store = CheckpointStore::Open(fs, dir.checkpoint_dir(), IfMissing::kMake);
    if (!store) return store.error();
    state->store = std::move(*store);
  }
  if (summary.base != "checkpoint") {
    if (state->store->meta()) {
      LOG(INFO) << "the checkpoint at zxid " << state->store->meta()->zxid
                << " is older than snapshot " << summary.base << " and is removed";
      if (Status discarded = state->store->Discard(); !discarded) return discarded.error();
    }
    state->tree->StartWholeCheckpoint();
  }
  LogSummary(*state);
  return state;
}

Result<std::unique_ptr<DataTree>> LoadStateUpTo(FileSystem& fs, const DataDir& dir,
                                                const Config& config,
                                                const DataTreeOptions& tree_options,
                                                CheckpointStore* open_store, Zxid upto) {
  return Recovery(fs, dir, config, tree_options, Purpose::kGoOn).LoadUpTo(open_store, upto);
}

}  // namespace lockkeeper
