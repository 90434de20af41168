#include "server/storage/leveldb_env.h"

#include <glog/logging.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>

#include "server/storage/leveldb_slice.h"
#include "server/storage/synced_mark.h"
#include "server/this_thread.h"

namespace lockkeeper {
namespace {

constexpr size_t kStoreBufferBytes = 64 << 10;
constexpr size_t kLogLineBytesMax = 2000;

constexpr std::string_view kMarkSuffix = ".synced";
std::string MarkOf(const std::string& path) { return path + std::string(kMarkSuffix); }

// Appended to while LevelDB runs and read once, when it is opened.
bool HasMark(StoreFileKind kind) {
  return kind == StoreFileKind::kLog || kind == StoreFileKind::kManifest;
}

leveldb::Status ToLevelDb(const Error& error) {
  if (error.code == Errc::kCorruption) return leveldb::Status::Corruption(error.message);
  return leveldb::Status::IOError(error.message);
}

Result<SyncedPrefix> ReadMarkOf(FileSystem& fs, const std::string& path) {
  const auto info = fs.Stat(MarkOf(path));
  if (!info) return info.error();
  if (!info->has_value()) {
    return Error{Errc::kCorruption,
                 MarkOf(path) + " is missing, which says how much of " + path + " was synced"};
  }
  return ReadSyncedMark(fs, MarkOf(path));
}

// kCorruption when `file` does not begin with the bytes that were synced.
Status CheckSynced(ReadableFile& file, const std::string& path, const SyncedPrefix& synced) {
  std::string buffer(kStoreBufferBytes, '\0');
  SyncedPrefix found;
  while (found.size < synced.size) {
    const size_t wanted = std::min<uint64_t>(buffer.size(), synced.size - found.size);
    const auto got = file.ReadAt(found.size, std::span<char>(buffer.data(), wanted));
    if (!got) return got.error();
    found.Extend(std::string_view(buffer.data(), *got));
    if (*got < wanted) break;
  }
  if (found == synced) return {};
  if (found.size < synced.size) {
    return Error{Errc::kCorruption, path + " has only " + std::to_string(found.size) +
                                        " bytes, but " + std::to_string(synced.size) +
                                        " were written and synced"};
  }
  return Error{Errc::kCorruption, "the first " + std::to_string(synced.size) + " bytes of " + path +
                                      " are not what was written and synced (CRC mismatch)"};
}

// LevelDB misses a table that is not there, but takes a log that is not there for one that it
// removed itself; the marks know better.
Status CheckNoLogIsMissing(FileSystem& fs, const std::string& dir,
                           const std::vector<std::string>& names) {
  const std::string prefix = dir + "/";
  for (const std::string& name : names) {
    if (!name.ends_with(kMarkSuffix)) continue;
    const std::string log = name.substr(0, name.size() - kMarkSuffix.size());
    if (KindOfStoreFile(log) != StoreFileKind::kLog) continue;
    if (std::binary_search(names.begin(), names.end(), log)) continue;
    const auto synced = ReadSyncedMark(fs, prefix + name);
    if (!synced && synced.error().code == Errc::kIo) return synced.error();
    // A crash while the mark was made, before the log.
    if (!synced || synced->size == 0) continue;
    return Error{Errc::kCorruption, prefix + log + " is missing"};
  }
  return {};
}

class StoreSequentialFile final : public leveldb::SequentialFile {
 public:
  StoreSequentialFile(std::unique_ptr<ReadableFile> file, std::optional<uint64_t> end)
      : file_(std::move(file)), end_(end) {}

  leveldb::Status Read(size_t n, leveldb::Slice* result, char* scratch) override {
    *result = leveldb::Slice();
    if (end_) n = std::min<uint64_t>(n, *end_ - std::min(*end_, offset_));
    const auto got = file_->ReadAt(offset_, std::span<char>(scratch, n));
    if (!got) return ToLevelDb(got.error());
    offset_ += *got;
    *result = leveldb::Slice(scratch, *got);
    return leveldb::Status::OK();
  }

  leveldb::Status Skip(uint64_t n) override {
    offset_ += n;
    return leveldb::Status::OK();
  }

 private:
  const std::unique_ptr<ReadableFile> file_;
  const std::optional<uint64_t> end_;  // what lies behind was never acknowledged
  uint64_t offset_ = 0;
};

class StoreRandomAccessFile final : public leveldb::RandomAccessFile {
 public:
  explicit StoreRandomAccessFile(std::unique_ptr<ReadableFile> file) : file_(std::move(file)) {}

  leveldb::Status Read(uint64_t offset, size_t n, leveldb::Slice* result,
                       char* scratch) const override {
    *result = leveldb::Slice();
    const auto got = file_->ReadAt(offset, std::span<char>(scratch, n));
    if (!got) return ToLevelDb(got.error());
    *result = leveldb::Slice(scratch, *got);
    return leveldb::Status::OK();
  }

 private:
  const std::unique_ptr<ReadableFile> file_;
};

class StoreLock final : public leveldb::FileLock {
 public:
  explicit StoreLock(std::unique_ptr<lockkeeper::FileLock> lock) : lock_(std::move(lock)) {}

 private:
  const std::unique_ptr<lockkeeper::FileLock> lock_;
};

class GlogLogger final : public leveldb::Logger {
 public:
  void Logv(const char* format, std::va_list arguments) override {
    char line[kLogLineBytesMax];
    const int length = std::vsnprintf(line, sizeof line, format, arguments);
    if (length < 0) return;
    std::string_view text(line, std::min<size_t>(length, sizeof line - 1));
    while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
    if (IsTrouble(text)) {
      LOG(WARNING) << "LevelDB: " << text;
    } else {
      VLOG(1) << "LevelDB: " << text;
    }
  }

 private:
  static bool IsTrouble(std::string_view text) {
    // How it calls a compaction that ends because the store is closed.
    if (text.find("Deleting DB during") != std::string_view::npos) return false;
    for (const std::string_view word : {"rror", "orruption", "dropping"}) {
      if (text.find(word) != std::string_view::npos) return true;
    }
    return false;
  }
};

}  // namespace

// LevelDB's WritableFile over ours, with the buffer that its interface asks for.
class StoreFileWriter final : public leveldb::WritableFile {
 public:
  // `start` is what the file has. `mark` only for the kinds that have one.
  StoreFileWriter(LevelDbEnv* env, std::string path, std::unique_ptr<lockkeeper::WritableFile> file,
                  std::unique_ptr<SyncedMark> mark, SyncedPrefix start)
      : env_(env),
        path_(std::move(path)),
        kind_(KindOfStoreFile(path_)),
        file_(std::move(file)),
        mark_(std::move(mark)),
        written_(start) {
    buffer_.reserve(kStoreBufferBytes);
  }
  // LevelDB leaves the closing of its logs to it. A failure is kept by the env.
  ~StoreFileWriter() override { static_cast<void>(Close()); }

  leveldb::Status Append(const leveldb::Slice& data) override {
    if (leveldb::Status usable = env_->Usable(); !usable.ok()) return usable;
    if (kind_ == StoreFileKind::kLog && LeavesOut()) return leveldb::Status::OK();
    if (misses_something_) {
      return env_->Fail(Error{Errc::kIo, "cannot write " + path_ + ": it misses something"});
    }
    if (buffer_.size() + data.size() > kStoreBufferBytes) {
      if (leveldb::Status flushed = Flush(); !flushed.ok()) return flushed;
      if (data.size() >= kStoreBufferBytes) return Write(ViewOf(data));
    }
    buffer_.append(data.data(), data.size());
    return leveldb::Status::OK();
  }

  leveldb::Status Flush() override {
    if (leveldb::Status usable = env_->Usable(); !usable.ok()) return usable;
    if (buffer_.empty()) return leveldb::Status::OK();
    leveldb::Status written = Write(buffer_);
    buffer_.clear();
    return written;
  }

  leveldb::Status Sync() override {
    if (leveldb::Status usable = env_->Usable(); !usable.ok()) return usable;
    // The tables that a manifest speaks about must be there before it does, and a log before its
    // mark says that it has content.
    const bool new_log = kind_ == StoreFileKind::kLog && !name_synced_;
    if (kind_ == StoreFileKind::kManifest || new_log) {
      if (leveldb::Status synced = env_->SyncDirOf(path_); !synced.ok()) return synced;
      name_synced_ = true;
    }
    if (leveldb::Status flushed = Flush(); !flushed.ok()) return flushed;
    if (leveldb::Status synced = SyncContent(); !synced.ok()) return synced;
    return Mark();
  }

  leveldb::Status Close() override {
    if (file_ == nullptr) return leveldb::Status::OK();
    leveldb::Status closed = Flush();
    // The next log may be synced long before this one's content is in a table.
    const bool more = mark_ != nullptr && written_.size > mark_->prefix().size;
    if (closed.ok() && kind_ == StoreFileKind::kLog && more) closed = Sync();
    file_.reset();
    return closed;
  }

 private:
  bool LeavesOut() {
    if (!env_->without_log_.load(std::memory_order_relaxed)) return false;
    misses_something_ = true;
    return true;
  }

  leveldb::Status Write(std::string_view bytes) {
    if (lockkeeper::Status done = file_->WriteAt(written_.size, bytes); !done) {
      return env_->Fail(done.error());
    }
    if (mark_ != nullptr) {
      written_.Extend(bytes);
    } else {
      written_.size += bytes.size();
    }
    env_->CountBytes(kind_, bytes.size());
    un_synced_ += bytes.size();
    const uint64_t limit = env_->sync_every_bytes_;
    return limit > 0 && un_synced_ >= limit ? SyncContent() : leveldb::Status::OK();
  }

  leveldb::Status SyncContent() {
    if (un_synced_ == 0) return leveldb::Status::OK();
    env_->CountSync(kind_);
    if (lockkeeper::Status synced = file_->Sync(); !synced) return env_->Fail(synced.error());
    un_synced_ = 0;
    return leveldb::Status::OK();
  }

  leveldb::Status Mark() {
    if (mark_ == nullptr || mark_->prefix() == written_) return leveldb::Status::OK();
    const uint64_t before = mark_->bytes_written();
    const lockkeeper::Status set = mark_->Set(written_);
    env_->CountBytes(StoreFileKind::kOther, mark_->bytes_written() - before);
    env_->CountSync(StoreFileKind::kOther);
    return set.ok() ? leveldb::Status::OK() : env_->Fail(set.error());
  }

  LevelDbEnv* const env_;
  const std::string path_;
  const StoreFileKind kind_;
  std::unique_ptr<lockkeeper::WritableFile> file_;  // null when closed
  const std::unique_ptr<SyncedMark> mark_;
  SyncedPrefix written_;  // given to the operating system; the CRC only with a mark
  uint64_t un_synced_ = 0;
  bool name_synced_ = false;
  bool misses_something_ = false;  // of a log: see SetWithoutLog
  std::string buffer_;
};

StoreFileKind KindOfStoreFile(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  const std::string_view name =
      std::string_view(path).substr(slash == std::string::npos ? 0 : slash + 1);
  if (name.ends_with(".log")) return StoreFileKind::kLog;
  if (name.ends_with(".ldb") || name.ends_with(".sst")) return StoreFileKind::kTable;
  const bool manifest = name.starts_with("MANIFEST-") && name.find('.') == std::string_view::npos;
  return manifest ? StoreFileKind::kManifest : StoreFileKind::kOther;
}

LevelDbEnv::LevelDbEnv(FileSystem& fs, uint64_t sync_every_bytes)
    : EnvWrapper(leveldb::Env::Default()), fs_(fs), sync_every_bytes_(sync_every_bytes) {}

LevelDbEnv::~LevelDbEnv() = default;

// --- failures and counts ----------------------------------------------------------------------

std::optional<Error> LevelDbEnv::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

leveldb::Status LevelDbEnv::Usable() const {
  if (!failed_.load(std::memory_order_acquire)) return leveldb::Status::OK();
  return leveldb::Status::IOError("refused after an earlier failure", failure()->message);
}

leveldb::Status LevelDbEnv::Fail(const Error& error) {
  const std::lock_guard lock(mutex_);
  if (!failure_) {
    failure_ = error;
    LOG(ERROR) << error.message << ": nothing more is written to this store";
  }
  failed_.store(true, std::memory_order_release);
  return ToLevelDb(error);
}

void LevelDbEnv::CountBytes(StoreFileKind kind, uint64_t bytes) {
  counts_[static_cast<size_t>(kind)].bytes.fetch_add(bytes, std::memory_order_relaxed);
}

void LevelDbEnv::CountSync(StoreFileKind kind) {
  counts_[static_cast<size_t>(kind)].syncs.fetch_add(1, std::memory_order_relaxed);
}

WriteCounts LevelDbEnv::written(StoreFileKind kind) const {
  const AtomicCounts& counts = counts_[static_cast<size_t>(kind)];
  return {counts.bytes.load(std::memory_order_relaxed),
          counts.syncs.load(std::memory_order_relaxed)};
}

WriteCounts LevelDbEnv::written_in_all() const {
  WriteCounts all;
  for (size_t kind = 0; kind < kStoreFileKinds; ++kind) {
    const WriteCounts one = written(static_cast<StoreFileKind>(kind));
    all.bytes += one.bytes;
    all.syncs += one.syncs;
  }
  return all;
}

// --- reading ----------------------------------------------------------------------------------

leveldb::Status LevelDbEnv::OpenForRead(const std::string& path,
                                        std::unique_ptr<ReadableFile>* file) {
  auto opened = fs_.OpenForRead(path);
  if (!opened) {
    const auto info = fs_.Stat(path);
    const bool missing = info && !info->has_value();
    return missing ? leveldb::Status::NotFound(opened.error().message) : ToLevelDb(opened.error());
  }
  *file = std::move(*opened);
  return leveldb::Status::OK();
}

leveldb::Status LevelDbEnv::NewSequentialFile(const std::string& path,
                                              leveldb::SequentialFile** result) {
  *result = nullptr;
  std::unique_ptr<ReadableFile> file;
  if (leveldb::Status opened = OpenForRead(path, &file); !opened.ok()) return opened;
  std::optional<uint64_t> end;
  if (HasMark(KindOfStoreFile(path))) {
    const auto synced = ReadMarkOf(fs_, path);
    if (!synced) return ToLevelDb(synced.error());
    if (Status same = CheckSynced(*file, path, *synced); !same) return ToLevelDb(same.error());
    end = synced->size;
  }
  *result = new StoreSequentialFile(std::move(file), end);
  return leveldb::Status::OK();
}

leveldb::Status LevelDbEnv::NewRandomAccessFile(const std::string& path,
                                                leveldb::RandomAccessFile** result) {
  *result = nullptr;
  std::unique_ptr<ReadableFile> file;
  if (leveldb::Status opened = OpenForRead(path, &file); !opened.ok()) return opened;
  *result = new StoreRandomAccessFile(std::move(file));
  return leveldb::Status::OK();
}

// An error is not "no": LevelDB would make a new store where it cannot look at the old one.
bool LevelDbEnv::FileExists(const std::string& path) {
  const auto info = fs_.Stat(path);
  return !info || info->has_value();
}

leveldb::Status LevelDbEnv::GetChildren(const std::string& dir, std::vector<std::string>* result) {
  result->clear();
  auto names = fs_.List(dir);
  if (!names) return ToLevelDb(names.error());
  if (Status all = CheckNoLogIsMissing(fs_, dir, *names); !all) return ToLevelDb(all.error());
  *result = std::move(*names);
  return leveldb::Status::OK();
}

leveldb::Status LevelDbEnv::GetFileSize(const std::string& path, uint64_t* size) {
  *size = 0;
  const auto info = fs_.Stat(path);
  if (!info) return ToLevelDb(info.error());
  if (!info->has_value()) return leveldb::Status::NotFound(path + " does not exist");
  *size = (*info)->size;
  if (!HasMark(KindOfStoreFile(path))) return leveldb::Status::OK();
  const auto synced = ReadMarkOf(fs_, path);
  if (!synced) return ToLevelDb(synced.error());
  *size = synced->size;
  return leveldb::Status::OK();
}

// --- writing ----------------------------------------------------------------------------------

leveldb::Status LevelDbEnv::SyncDirOf(const std::string& path) {
  CountSync(StoreFileKind::kOther);
  if (Status synced = fs_.SyncDir(ParentDir(path)); !synced) return Fail(synced.error());
  return leveldb::Status::OK();
}

leveldb::Status LevelDbEnv::NewWritableFile(const std::string& path,
                                            leveldb::WritableFile** result) {
  *result = nullptr;
  if (leveldb::Status usable = Usable(); !usable.ok()) return usable;
  std::unique_ptr<SyncedMark> mark;
  if (HasMark(KindOfStoreFile(path))) {
    // First, so that there is never a log without its mark.
    auto made = SyncedMark::Create(fs_, MarkOf(path));
    if (!made) return Fail(made.error());
    mark = std::move(*made);
    CountBytes(StoreFileKind::kOther, mark->bytes_written());
    CountSync(StoreFileKind::kOther);
  }
  auto file = fs_.Create(path);
  if (!file) return Fail(file.error());
  *result = new StoreFileWriter(this, path, std::move(*file), std::move(mark), {});
  return leveldb::Status::OK();
}

leveldb::Status LevelDbEnv::NewAppendableFile(const std::string& path,
                                              leveldb::WritableFile** result) {
  *result = nullptr;
  if (leveldb::Status usable = Usable(); !usable.ok()) return usable;
  const auto info = fs_.Stat(path);
  if (!info) return ToLevelDb(info.error());
  if (!info->has_value()) return NewWritableFile(path, result);
  SyncedPrefix start{.size = (*info)->size, .crc = 0};
  std::unique_ptr<SyncedMark> mark;
  if (HasMark(KindOfStoreFile(path))) {
    auto old = SyncedMark::Open(fs_, MarkOf(path));
    if (!old) return ToLevelDb(old.error());
    mark = std::move(*old);
    start = mark->prefix();
  }
  auto file = fs_.OpenForWrite(path);
  if (!file) return Fail(file.error());
  if ((*info)->size > start.size) {
    if (Status cut = (*file)->Resize(start.size); !cut) return Fail(cut.error());
  }
  *result = new StoreFileWriter(this, path, std::move(*file), std::move(mark), start);
  return leveldb::Status::OK();
}

// A file that stays is only waste: no reason to refuse what follows. The mark goes first: a mark
// alone says that a log is missing.
leveldb::Status LevelDbEnv::RemoveFile(const std::string& path) {
  if (leveldb::Status usable = Usable(); !usable.ok()) return usable;
  if (HasMark(KindOfStoreFile(path))) {
    const auto mark = fs_.Stat(MarkOf(path));
    if (!mark) return ToLevelDb(mark.error());
    if (mark->has_value()) {
      if (Status removed = fs_.Remove(MarkOf(path)); !removed) return ToLevelDb(removed.error());
    }
  }
  if (Status removed = fs_.Remove(path); !removed) return ToLevelDb(removed.error());
  return leveldb::Status::OK();
}

leveldb::Status LevelDbEnv::CreateDir(const std::string& dir) {
  if (leveldb::Status usable = Usable(); !usable.ok()) return usable;
  if (Status made = fs_.MakeDirs(dir); !made) return ToLevelDb(made.error());
  return leveldb::Status::OK();
}

leveldb::Status LevelDbEnv::RemoveDir(const std::string& dir) {
  return leveldb::Status::NotSupported("removing the directory", dir);
}

// The rename makes a manifest the valid one: without the sync, the removal of the old one could
// reach the disk first.
leveldb::Status LevelDbEnv::RenameFile(const std::string& from, const std::string& to) {
  if (leveldb::Status usable = Usable(); !usable.ok()) return usable;
  const auto info = fs_.Stat(from);
  if (!info) return ToLevelDb(info.error());
  // LevelDB tries to rename a message log that we never make.
  if (!info->has_value()) return leveldb::Status::NotFound(from + " does not exist");
  if (Status renamed = fs_.Rename(from, to); !renamed) return Fail(renamed.error());
  return SyncDirOf(to);
}

// --- the rest ---------------------------------------------------------------------------------

leveldb::Status LevelDbEnv::LockFile(const std::string& path, leveldb::FileLock** lock) {
  *lock = nullptr;
  auto taken = fs_.TryLock(path);
  if (!taken) return ToLevelDb(taken.error());
  if (*taken == nullptr) {
    return leveldb::Status::IOError("the lock " + path + " is held: the store is open already");
  }
  *lock = new StoreLock(std::move(*taken));
  return leveldb::Status::OK();
}

leveldb::Status LevelDbEnv::UnlockFile(leveldb::FileLock* lock) {
  delete lock;
  return leveldb::Status::OK();
}

void LevelDbEnv::Schedule(void (*function)(void*), void* argument) {
  using Work = std::pair<void (*)(void*), void*>;
  const auto run = [](void* packed) {
    const std::unique_ptr<Work> work(static_cast<Work*>(packed));
    thread_local const bool in_background = (GoToBackground(), true);
    (void)in_background;
    work->first(work->second);
  };
  target()->Schedule(run, new Work(function, argument));
}

leveldb::Status LevelDbEnv::NewLogger(const std::string& /*path*/, leveldb::Logger** result) {
  *result = new GlogLogger;
  return leveldb::Status::OK();
}

leveldb::Status LevelDbEnv::GetTestDirectory(std::string* path) {
  path->clear();
  return leveldb::Status::NotSupported("a test directory");
}

}  // namespace lockkeeper
