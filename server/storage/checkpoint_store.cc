#include "server/storage/checkpoint_store.h"

#include <glog/logging.h>
#include <leveldb/cache.h>
#include <leveldb/filter_policy.h>
#include <leveldb/table.h>

#include <string_view>
#include <utility>
#include <vector>

#include "protocol/jute.h"
#include "server/storage/leveldb_slice.h"
#include "server/storage/node_read_ahead.h"

namespace lockkeeper {
namespace {

// LevelDB's root, made last: without it the other files of the directory are no store.
constexpr char kRootFile[] = "/CURRENT";
// Stands beside the directory while the store is being removed, which a crash may interrupt.
constexpr char kDiscardingSuffix[] = ".discarding";

// So much in memory that LevelDB never begins a table by itself: see BeginTable.
constexpr size_t kWriteBufferBytes = 1 << 30;
// Given to LevelDB at once when nothing depends on it.
constexpr size_t kWriteBytes = 256 << 10;
constexpr size_t kTableBytes = 8 << 20;
constexpr size_t kTableBlockBytes = 16 << 10;
// Nothing is looked up by key, and a scan passes by the cache.
constexpr size_t kCacheBytes = 1 << 20;
constexpr size_t kNodesPerPart = 10'000;
constexpr uint64_t kSyncEveryBytes = 512 << 10;

// What LevelDB makes before its root.
bool IsOfUnfinishedCreation(const std::string& name) {
  return name == "LOCK" || name == "LOG" || name.starts_with("MANIFEST-000001") ||
         name.ends_with(".dbtmp");
}

// Before everything else of a checkpoint: a path may have been created again since.
void AddDeletions(const FrozenState& frozen, leveldb::WriteBatch* batch) {
  std::string key;
  for (const std::string& path : frozen.deleted) {
    SetNodeKey(path, &key);
    batch->Delete(key);
  }
}

void AddRest(const FrozenState& frozen, const CheckpointMeta& meta, leveldb::WriteBatch* batch) {
  for (const auto& [id, acl] : frozen.acls) {
    acl == nullptr ? batch->Delete(AclKey(id)) : batch->Put(AclKey(id), AclValue(*acl));
  }
  for (const auto& [session, timeout_ms] : frozen.sessions) {
    timeout_ms ? batch->Put(SessionKey(session), SessionValue(*timeout_ms))
               : batch->Delete(SessionKey(session));
  }
  batch->Put(SliceOf(kMetaKey), MetaValue(meta));
}

// Reads a table from beginning to end.
leveldb::Status TableStatus(leveldb::Env* env, const std::string& path) {
  leveldb::Options options;
  options.env = env;
  options.paranoid_checks = true;
  leveldb::ReadOptions read;
  read.verify_checksums = true;
  read.fill_cache = false;
  uint64_t size = 0;
  if (leveldb::Status got = env->GetFileSize(path, &size); !got.ok()) return got;
  leveldb::RandomAccessFile* file = nullptr;
  if (leveldb::Status opened = env->NewRandomAccessFile(path, &file); !opened.ok()) return opened;
  const std::unique_ptr<leveldb::RandomAccessFile> file_owner(file);
  leveldb::Table* table = nullptr;
  leveldb::Status opened = leveldb::Table::Open(options, file, size, &table);
  if (!opened.ok()) return opened;
  const std::unique_ptr<leveldb::Table> table_owner(table);
  const std::unique_ptr<leveldb::Iterator> it(table->NewIterator(read));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
  }
  return it->status();
}

Error DamagedStore(const std::string& dir, const std::string& what) {
  return {Errc::kCorruption,
          "the checkpoint in " + dir + " is damaged: " + what +
              ". If the log reaches back to a ZooKeeper snapshot of the same directory or to its "
              "beginning, move the checkpoint away and the server starts from those; otherwise "
              "restore a backup"};
}

}  // namespace

CheckpointStore::CheckpointStore(FileSystem& fs, std::string dir, const CheckpointTables& tables)
    : fs_(fs),
      dir_(std::move(dir)),
      tables_(tables),
      env_(std::make_unique<LevelDbEnv>(fs, kSyncEveryBytes)),
      cache_(leveldb::NewLRUCache(kCacheBytes)) {}

CheckpointStore::~CheckpointStore() = default;

Result<bool> CheckpointStore::Exists(FileSystem& fs, const std::string& dir) {
  const auto discarding = fs.Stat(dir + kDiscardingSuffix);
  if (!discarding) return discarding.error();
  if (discarding->has_value()) return false;
  const auto root = fs.Stat(dir + kRootFile);
  if (!root) return root.error();
  if (root->has_value()) return true;
  const auto info = fs.Stat(dir);
  if (!info) return info.error();
  if (!info->has_value()) return false;
  const auto names = fs.List(dir);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (IsOfUnfinishedCreation(name)) continue;
    return DamagedStore(dir, "its file CURRENT is missing, but " + name + " is there");
  }
  return false;
}

Result<std::unique_ptr<CheckpointStore>> CheckpointStore::Open(FileSystem& fs,
                                                               const std::string& dir,
                                                               IfMissing if_missing,
                                                               const CheckpointTables& tables) {
  std::unique_ptr<CheckpointStore> store(new CheckpointStore(fs, dir, tables));
  if (if_missing == IfMissing::kMake) {
    if (Status removed = store->RemoveRemains(); !removed) return removed.error();
  }
  if (Status opened = store->OpenDb(if_missing); !opened) return opened.error();
  if (Status read = store->ReadMeta(); !read) return read.error();
  if (store->meta_ || if_missing == IfMissing::kRefuse) return store;
  const Result<bool> empty = store->IsEmpty();
  if (!empty) return empty.error();
  if (*empty) return store;
  LOG(WARNING) << "the checkpoint in " << dir << " was never finished: it is removed";
  if (Status discarded = store->Discard(); !discarded) return discarded.error();
  return store;
}

Status CheckpointStore::OpenDb(IfMissing if_missing) {
  leveldb::Options options;
  options.create_if_missing = if_missing == IfMissing::kMake;
  options.paranoid_checks = true;
  options.env = env_.get();
  options.block_cache = cache_.get();
  options.write_buffer_size = kWriteBufferBytes;
  options.max_file_size = kTableBytes;
  options.block_size = kTableBlockBytes;
  leveldb::DB* db = nullptr;
  const leveldb::Status opened = leveldb::DB::Open(options, dir_, &db);
  if (!opened.ok()) {
    Error error = Failed(opened, "open");
    if (error.code == Errc::kIo) error.code = Errc::kDataDir;
    return error;
  }
  db_.reset(db);
  bytes_in_memory_ = 0;
  return {};
}

Status CheckpointStore::ReadMeta() {
  leveldb::ReadOptions options;
  options.verify_checksums = true;
  std::string value;
  const leveldb::Status got = db_->Get(options, SliceOf(kMetaKey), &value);
  if (got.IsNotFound()) return {};
  if (!got.ok()) return Failed(got, "read");
  // The version comes first: what follows may have another form in a newer one.
  const int32_t version = value.size() >= 4 ? LoadInt(value.data()) : 0;
  if (version > kCheckpointVersion) {
    return Error{Errc::kDataDir, "the checkpoint in " + dir_ + " has format version " +
                                     std::to_string(version) + ", this server knows up to " +
                                     std::to_string(kCheckpointVersion) +
                                     ": start the newer server that wrote it"};
  }
  meta_ = ParseMetaValue(value);
  return meta_ ? Status() : Damaged("its description cannot be decoded");
}

std::unique_ptr<leveldb::Iterator> CheckpointStore::NewIterator() const {
  leveldb::ReadOptions options;
  options.verify_checksums = true;
  options.fill_cache = false;
  return std::unique_ptr<leveldb::Iterator>(db_->NewIterator(options));
}

Result<bool> CheckpointStore::IsEmpty() {
  const auto it = NewIterator();
  it->SeekToFirst();
  if (!it->status().ok()) return Failed(it->status(), "read");
  return !it->Valid();
}

Error CheckpointStore::Damaged(const std::string& what) const { return DamagedStore(dir_, what); }

// LevelDB does not say in which table it found a wrong checksum.
std::string CheckpointStore::DamagedTable() const {
  const auto names = fs_.List(dir_);
  if (!names) return "";
  for (const std::string& name : *names) {
    if (KindOfStoreFile(name) != StoreFileKind::kTable) continue;
    std::string path = dir_ + "/" + name;
    if (!TableStatus(env_.get(), path).ok()) return path;
  }
  return "";
}

Error CheckpointStore::Failed(const leveldb::Status& status, const char* doing) const {
  if (status.IsCorruption()) {
    const std::string table = DamagedTable();
    return Damaged(status.ToString() + (table.empty() ? "" : " in " + table));
  }
  return {Errc::kIo,
          std::string("cannot ") + doing + " the checkpoint in " + dir_ + ": " + status.ToString()};
}

// LevelDB would take what is left of an old store for a part of the new one.
Status CheckpointStore::RemoveRemains() {
  const Result<bool> exists = Exists(fs_, dir_);
  if (!exists) return exists.error();
  return *exists ? Status() : RemoveAll();
}

Status CheckpointStore::RemoveAll() {
  const auto dir = fs_.Stat(dir_);
  if (!dir) return dir.error();
  if (dir->has_value()) {
    const auto names = fs_.List(dir_);
    if (!names) return names.error();
    for (const std::string& name : *names) {
      if (Status removed = fs_.Remove(dir_ + "/" + name); !removed) return removed;
    }
    if (Status synced = fs_.SyncDir(dir_); !synced) return synced;
  }
  const auto discarding = fs_.Stat(dir_ + kDiscardingSuffix);
  if (!discarding) return discarding.error();
  if (!discarding->has_value()) return {};
  if (Status removed = fs_.Remove(dir_ + kDiscardingSuffix); !removed) return removed;
  return fs_.SyncDir(ParentDir(dir_));
}

Status CheckpointStore::Discard() {
  db_.reset();
  meta_.reset();
  if (Status removed = MarkAndRemoveAll(); !removed) return removed;
  return OpenDb(IfMissing::kMake);
}

Status CheckpointStore::Remove(FileSystem& fs, const std::string& dir) {
  return CheckpointStore(fs, dir, {}).MarkAndRemoveAll();
}

Status CheckpointStore::MarkAndRemoveAll() {
  if (auto marker = fs_.Create(dir_ + kDiscardingSuffix); !marker) return marker.error();
  if (Status synced = fs_.SyncDir(ParentDir(dir_)); !synced) return synced;
  return RemoveAll();
}

Status CheckpointStore::LoadAcls(leveldb::Iterator* it, TreeLoader* loader) const {
  for (it->Seek(leveldb::Slice(&kAclKeyPrefix, 1)); it->Valid() && it->key()[0] == kAclKeyPrefix;
       it->Next()) {
    const auto id = ParseAclKey(ViewOf(it->key()));
    const auto acl = ParseAclValue(ViewOf(it->value()));
    if (!id || !acl) return Damaged("an ACL cannot be decoded");
    if (Status added = loader->RestoreAcl(*id, *acl); !added) return Damaged(added.error().message);
  }
  return {};
}

Status CheckpointStore::LoadSessions(leveldb::Iterator* it, TreeLoader* loader) const {
  for (it->Seek(leveldb::Slice(&kSessionKeyPrefix, 1));
       it->Valid() && it->key()[0] == kSessionKeyPrefix; it->Next()) {
    const auto session = ParseSessionKey(ViewOf(it->key()));
    const auto timeout_ms = ParseSessionValue(ViewOf(it->value()));
    if (!session || !timeout_ms) return Damaged("a session cannot be decoded");
    loader->AddSession(*session, *timeout_ms);
  }
  return {};
}

Status CheckpointStore::LoadNodes(bool with_digests, TreeLoader* loader) const {
  NodeReadAhead reader(NewIterator(), with_digests);
  while (const auto chunk = reader.Next()) {
    for (const NodeChunk::Item& item : chunk->items) {
      if (Status added = loader->AddNode(chunk->NodeOf(item), item.digest); !added) {
        return Damaged(added.error().message);
      }
    }
  }
  if (reader.undecodable()) return Damaged("a znode cannot be decoded");
  return reader.status().ok() ? Status() : Failed(reader.status(), "read");
}

Status CheckpointStore::Load(DataTree* tree) {
  CHECK(meta_.has_value());
  TreeLoader loader(tree);
  const auto it = NewIterator();
  if (Status loaded = LoadAcls(it.get(), &loader); !loaded) return loaded;
  if (Status loaded = LoadSessions(it.get(), &loader); !loaded) return loaded;
  if (!it->status().ok()) return Failed(it->status(), "read");
  loader.Expect(meta_->node_count);
  if (Status loaded = LoadNodes(tree->digest_enabled(), &loader); !loaded) return loaded;
  loader.Finish(meta_->zxid);
  if (tree->nodes().size() != meta_->node_count) {
    return Damaged(std::to_string(tree->nodes().size()) + " znodes were found and " +
                   std::to_string(meta_->node_count) + " were written");
  }
  if (meta_->digest && tree->digest_enabled() && tree->digest() != *meta_->digest) {
    return Damaged("the tree's digest is not the one that was written");
  }
  return {};
}

// ---- Writing.

Status CheckpointStore::WritePart(CheckpointBatch* batch) {
  CHECK(!meta_.has_value());
  leveldb::Status written = WriteNodesWithoutLog(*batch);
  *batch = CheckpointBatch();
  if (written.ok() && bytes_in_memory_ >= tables_.collected_bytes) written = BeginTable();
  if (!written.ok()) return Failed(written, "write");
  return {};
}

// Parts of a whole checkpoint may be on their way to a table: the log must not be ahead of them.
Status CheckpointStore::Commit(const FrozenState& frozen, CheckpointBatch* batch, int64_t wall_ms) {
  CHECK(!frozen.whole || !meta_.has_value());
  CheckpointMeta meta = NextMeta(frozen, wall_ms);
  leveldb::WriteBatch first;
  leveldb::WriteBatch last;
  AddDeletions(frozen, &first);
  AddRest(frozen, meta, &last);
  const uint64_t bytes = first.ApproximateSize() + batch->bytes() + last.ApproximateSize();
  const leveldb::Status written = frozen.whole || bytes >= tables_.direct_bytes
                                      ? WriteDirectly(&first, *batch, &last)
                                      : WriteLogged(&first, *batch, last);
  *batch = CheckpointBatch();
  if (!written.ok()) return Failed(written, "write");
  meta_ = std::move(meta);
  return {};
}

CheckpointMeta CheckpointStore::NextMeta(const FrozenState& frozen, int64_t wall_ms) const {
  CheckpointMeta meta{.zxid = frozen.zxid,
                      .digest = frozen.digest,
                      .node_count = frozen.node_count,
                      .written_ms = wall_ms};
  if (meta_) meta.generations = meta_->generations;
  if (meta.generations.size() >= kGenerationsMax) meta.generations.erase(meta.generations.begin());
  meta.generations.push_back(frozen.zxid);
  return meta;
}

// As one batch, which LevelDB's log makes atomic and durable.
leveldb::Status CheckpointStore::WriteLogged(leveldb::WriteBatch* first,
                                             const CheckpointBatch& nodes,
                                             const leveldb::WriteBatch& last) {
  nodes.ForEach([first](std::string_view key, std::string_view value) {
    first->Put(SliceOf(key), SliceOf(value));
  });
  first->Append(last);
  leveldb::WriteOptions durable;
  durable.sync = true;
  if (leveldb::Status written = db_->Write(durable, first); !written.ok()) return written;
  bytes_in_memory_ += first->ApproximateSize();
  return bytes_in_memory_ >= tables_.collected_bytes ? BeginTable() : leveldb::Status::OK();
}

// Into a table of its own, without LevelDB's log, which would hold all of it a second time. What
// LevelDB has in memory becomes one table, and the manifest that names it makes it valid: so it is
// atomic as well, since nobody but BeginTable ends what is in memory.
leveldb::Status CheckpointStore::WriteDirectly(leveldb::WriteBatch* first,
                                               const CheckpointBatch& nodes,
                                               leveldb::WriteBatch* last) {
  leveldb::Status done;
  if (bytes_in_memory_ > 0) done = BeginTable();
  if (done.ok()) done = WriteWithoutLog(first);
  if (done.ok()) done = WriteNodesWithoutLog(nodes);
  if (done.ok()) done = WriteWithoutLog(last);
  if (done.ok()) done = BeginTable();
  // The next one begins when this one is on the disk.
  return done.ok() ? BeginTable() : done;
}

leveldb::Status CheckpointStore::WriteNodesWithoutLog(const CheckpointBatch& nodes) {
  leveldb::WriteBatch some;
  leveldb::Status written;
  nodes.ForEach([&](std::string_view key, std::string_view value) {
    if (!written.ok()) return;
    some.Put(SliceOf(key), SliceOf(value));
    if (some.ApproximateSize() < kWriteBytes) return;
    written = WriteWithoutLog(&some);
    some.Clear();
  });
  return written.ok() ? WriteWithoutLog(&some) : written;
}

leveldb::Status CheckpointStore::WriteWithoutLog(leveldb::WriteBatch* batch) {
  env_->SetWithoutLog(true);
  leveldb::Status written = db_->Write(leveldb::WriteOptions(), batch);
  env_->SetWithoutLog(false);
  bytes_in_memory_ += batch->ApproximateSize();
  return written;
}

// LevelDB writes what it has in memory into a table, in the background, and goes on with an empty
// memory and a new log; first it waits for the table before. That is what it does when it is given
// no batch (DBImpl::Write of LevelDB 1.23, "nullptr batch is for compactions").
leveldb::Status CheckpointStore::BeginTable() {
  bytes_in_memory_ = 0;
  return db_->Write(leveldb::WriteOptions(), nullptr);
}

Result<CheckpointStats> CheckpointStore::Stats() {
  CheckpointStats stats;
  if (meta_) stats.meta = *meta_;
  const auto it = NewIterator();
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    stats.key_bytes += it->key().size();
    stats.value_bytes += it->value().size();
    stats.acls += it->key()[0] == kAclKeyPrefix ? 1 : 0;
    stats.nodes += it->key()[0] == kNodeKeyPrefix ? 1 : 0;
    stats.sessions += it->key()[0] == kSessionKeyPrefix ? 1 : 0;
  }
  if (!it->status().ok()) return Failed(it->status(), "read");
  db_->GetProperty("leveldb.stats", &stats.levels);
  const auto names = fs_.List(dir_);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    const auto info = fs_.Stat(dir_ + "/" + name);
    if (!info) return info.error();
    if (info->has_value()) stats.store_bytes += (*info)->size;
  }
  return stats;
}

Status WriteWholeCheckpoint(DataTree* tree, CheckpointStore* store, int64_t wall_ms) {
  tree->StartWholeCheckpoint();
  CheckpointTracker& tracker = tree->checkpoint_tracker();
  std::optional<uint64_t> digest;
  if (tree->digest_enabled()) digest = tree->digest();
  CheckpointBatch batch;
  const FrozenState frozen = tracker.Freeze(tree->last_zxid(), digest,
                                            [&batch](const StoredNode& node) { batch.Add(node); });
  while (tracker.CopySome(kNodesPerPart, kCheckpointPartBytes)) {
    if (Status written = store->WritePart(&batch); !written) return written;
  }
  return store->Commit(frozen, &batch, wall_ms);
}

}  // namespace lockkeeper
