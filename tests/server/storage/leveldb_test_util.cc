#include "tests/server/storage/leveldb_test_util.h"

#include <random>

namespace lockkeeper {
namespace {

constexpr int kKeys = 150;

std::string RandomBytes(std::mt19937* random, size_t size) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>((*random)());
  return bytes;
}

class Applier final : public leveldb::WriteBatch::Handler {
 public:
  explicit Applier(StoreContent* content) : content_(*content) {}
  void Put(const leveldb::Slice& key, const leveldb::Slice& value) override {
    content_[key.ToString()] = value.ToString();
  }
  void Delete(const leveldb::Slice& key) override { content_.erase(key.ToString()); }

 private:
  StoreContent& content_;
};

}  // namespace

OpenStore OpenLevelDb(FileSystem& fs, const StoreOptions& options) {
  OpenStore store;
  store.env = std::make_unique<LevelDbEnv>(fs, options.sync_every_bytes);
  leveldb::Options db_options;
  db_options.env = store.env.get();
  db_options.create_if_missing = true;
  db_options.paranoid_checks = true;
  db_options.write_buffer_size = 64 << 10;
  db_options.max_file_size = 1 << 20;
  db_options.block_size = 1 << 10;
  db_options.reuse_logs = options.reuse_logs;
  leveldb::DB* db = nullptr;
  store.opened = leveldb::DB::Open(db_options, options.dir, &db);
  store.db.reset(db);
  return store;
}

leveldb::WriteBatch MakeBatch(int k) {
  std::mt19937 random(static_cast<uint32_t>(k));
  leveldb::WriteBatch batch;
  int changes = static_cast<int>(random() % 40);
  if (k % 8 == 3) changes = 180;
  if (k % 8 == 6) changes = 0;
  for (int i = 0; i < changes; ++i) {
    const std::string key = "key " + std::to_string(random() % kKeys);
    if (random() % 5 == 0) {
      batch.Delete(key);
    } else {
      batch.Put(key, RandomBytes(&random, random() % 700));
    }
  }
  batch.Put("number", std::to_string(k));
  return batch;
}

leveldb::Status WriteSynced(leveldb::DB* db, int k) {
  leveldb::WriteOptions options;
  options.sync = true;
  leveldb::WriteBatch batch = MakeBatch(k);
  return db->Write(options, &batch);
}

const StoreContent& ContentAfter(int k) {
  static auto* const states = new std::vector<StoreContent>(1);
  while (states->size() <= static_cast<size_t>(k)) {
    StoreContent next = states->back();
    Applier applier(&next);
    const leveldb::WriteBatch batch = MakeBatch(static_cast<int>(states->size()));
    CHECK(batch.Iterate(&applier).ok());
    states->push_back(std::move(next));
  }
  return (*states)[static_cast<size_t>(k)];
}

Result<StoreContent> ReadAll(leveldb::DB* db) {
  leveldb::ReadOptions options;
  options.verify_checksums = true;
  const std::unique_ptr<leveldb::Iterator> it(db->NewIterator(options));
  StoreContent content;
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    content[it->key().ToString()] = it->value().ToString();
  }
  if (!it->status().ok()) return Error{Errc::kIo, it->status().ToString()};
  return content;
}

}  // namespace lockkeeper
