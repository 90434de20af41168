#include "tests/server/storage/fake_file_system.h"

#include <glog/logging.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <thread>
#include <utility>

namespace lockkeeper {
namespace {

constexpr size_t kSector = 512;

Error FakeError(const std::string& what, int number) {
  return Error{Errc::kIo,
               what + ": " + std::strerror(number) + " (errno " + std::to_string(number) + ")"};
}

Error StoppedError() { return Error{Errc::kIo, "the machine has stopped"}; }

std::string DirOf(const std::string& path) { return path.substr(0, path.find_last_of('/')); }

void PutBytes(std::string* content, uint64_t offset, std::string_view bytes) {
  const size_t end = static_cast<size_t>(offset) + bytes.size();
  if (content->size() < end) content->resize(end, '\0');
  content->replace(static_cast<size_t>(offset), bytes.size(), bytes);
}

// splitmix64: the same draws on every machine.
uint64_t Draw(uint64_t* seed) {
  uint64_t z = (*seed += 0x9E3779B97F4A7C15ull);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

}  // namespace

std::string Survivors::Describe() const {
  switch (kind) {
    case Kind::kNone:
      return "nothing un-synced survives";
    case Kind::kAll:
      return "everything un-synced survives";
    case Kind::kPrefix:
      return "the first " + std::to_string(operations) + " un-synced operations and " +
             std::to_string(torn_bytes) + " bytes of the next survive";
    case Kind::kContent:
      return "un-synced contents survive, names do not";
    case Kind::kNames:
      return "un-synced names survive, contents do not";
    case Kind::kAnySectors:
      return "any un-synced sectors survive, seed " + std::to_string(seed);
  }
  return "";
}

class FakeWritableFile final : public WritableFile {
 public:
  FakeWritableFile(FakeFileSystem* fs, FakeFileSystem::FileId file, std::string path)
      : fs_(fs), file_(file), path_(std::move(path)), process_(fs->process_) {}
  Status WriteAt(uint64_t offset, std::string_view bytes) override {
    const std::lock_guard lock(fs_->mutex_);
    CHECK_EQ(process_, fs_->process_) << "file of a dead process";
    return fs_->Write(file_, path_, offset, bytes);
  }
  Status Resize(uint64_t size) override {
    const std::lock_guard lock(fs_->mutex_);
    CHECK_EQ(process_, fs_->process_) << "file of a dead process";
    return fs_->ResizeFile(file_, size);
  }
  Status Sync() override {
    fs_->DelaySync();
    const std::lock_guard lock(fs_->mutex_);
    CHECK_EQ(process_, fs_->process_) << "file of a dead process";
    return fs_->SyncContent(file_, path_);
  }

 private:
  FakeFileSystem* const fs_;
  const FakeFileSystem::FileId file_;
  const std::string path_;
  const uint64_t process_;
};

class FakeReadableFile final : public ReadableFile {
 public:
  FakeReadableFile(FakeFileSystem* fs, FakeFileSystem::FileId file) : fs_(fs), file_(file) {}
  Result<size_t> ReadAt(uint64_t offset, std::span<char> into) override {
    const std::lock_guard lock(fs_->mutex_);
    const std::string& content = fs_->files_.at(file_).live;
    if (offset >= content.size()) return size_t{0};
    const size_t got = std::min(into.size(), content.size() - static_cast<size_t>(offset));
    std::memcpy(into.data(), content.data() + offset, got);
    return got;
  }

 private:
  FakeFileSystem* const fs_;
  const FakeFileSystem::FileId file_;
};

class FakeLock final : public FileLock {
 public:
  FakeLock(FakeFileSystem* fs, std::string path)
      : fs_(fs), path_(std::move(path)), process_(fs->process_) {}
  ~FakeLock() override {
    const std::lock_guard lock(fs_->mutex_);
    if (process_ == fs_->process_) fs_->locks_.erase(path_);
  }

 private:
  FakeFileSystem* const fs_;
  const std::string path_;
  const uint64_t process_;
};

// --- faults -----------------------------------------------------------------------------------

void FakeFileSystem::ForgetProcess() {
  ++process_;
  locks_.clear();
  stop_in_.reset();
  stopped_ = false;
  space_left_.reset();
  full_in_.reset();
  fail_sync_in_.reset();
  tear_next_write_.reset();
  fail_next_sync_ = false;
}

void FakeFileSystem::CrashProcess() {
  const std::lock_guard lock(mutex_);
  ForgetProcess();
}

void FakeFileSystem::LosePower(const Survivors& survivors) {
  const std::lock_guard lock(mutex_);
  using Kind = Survivors::Kind;
  uint64_t seed = survivors.seed;
  bool names_go_on = true;
  for (size_t i = 0; i < pending_.size(); ++i) {
    const Operation& operation = pending_[i];
    const bool names = operation.kind == Operation::Kind::kNames;
    switch (survivors.kind) {
      case Kind::kNone:
        break;
      case Kind::kAll:
        Persist(operation);
        break;
      case Kind::kContent:
        if (!names) Persist(operation);
        break;
      case Kind::kNames:
        if (names) Persist(operation);
        break;
      case Kind::kPrefix:
        if (i < survivors.operations) Persist(operation);
        if (i == survivors.operations && operation.kind == Operation::Kind::kWrite) {
          Operation torn = operation;
          torn.bytes.resize(std::min(torn.bytes.size(), survivors.torn_bytes));
          if (!torn.bytes.empty()) Persist(torn);
        }
        break;
      case Kind::kAnySectors:
        // A journal keeps the order of the names, but not of the data.
        if (!names) PersistSectors(operation, &seed);
        if (names) names_go_on = names_go_on && Draw(&seed) % 4 != 0;
        if (names && names_go_on) Persist(operation);
        break;
    }
  }
  pending_.clear();
  names_ = durable_names_;
  for (auto& [id, file] : files_) file.live = file.durable;
  ForgetProcess();
}

void FakeFileSystem::Persist(const Operation& operation) {
  switch (operation.kind) {
    case Operation::Kind::kWrite:
      PutBytes(&files_.at(operation.file).durable, operation.offset, operation.bytes);
      break;
    case Operation::Kind::kResize:
      files_.at(operation.file).durable.resize(static_cast<size_t>(operation.offset), '\0');
      break;
    case Operation::Kind::kNames:
      for (const auto& [name, file] : operation.names) {
        if (file == kNoFile) {
          durable_names_.erase(name);
        } else {
          durable_names_[name] = file;
        }
      }
      break;
  }
}

void FakeFileSystem::PersistSectors(const Operation& operation, uint64_t* seed) {
  if (operation.kind == Operation::Kind::kResize) {
    if (Draw(seed) % 2 == 0) Persist(operation);
    return;
  }
  size_t from = 0;
  while (from < operation.bytes.size()) {
    const size_t at = static_cast<size_t>(operation.offset) + from;
    const size_t to = std::min(operation.bytes.size(), from + (kSector - at % kSector));
    if (Draw(seed) % 2 == 0) {
      PutBytes(&files_.at(operation.file).durable, at, operation.bytes.substr(from, to - from));
    }
    from = to;
  }
}

bool FakeFileSystem::Begin() {
  if (stopped_) return false;
  ++operations_;
  if (stop_in_ && --*stop_in_ == 0) {
    stopped_ = true;
    return false;
  }
  return true;
}

// --- looking and tampering --------------------------------------------------------------------

std::string& FakeFileSystem::Content(const std::string& path) {
  const std::lock_guard lock(mutex_);
  CHECK_EQ(names_.count(path), 1u) << path;
  return files_.at(names_.at(path)).live;
}

void FakeFileSystem::PutDurably(const std::string& path, std::string content) {
  const std::lock_guard lock(mutex_);
  PutDurablyLocked(path, std::move(content));
}

void FakeFileSystem::PutDurablyLocked(const std::string& path, std::string content) {
  const FileId id = next_file_++;
  files_[id] = FileBytes{content, content};
  names_[path] = durable_names_[path] = id;
  dirs_.insert(DirOf(path));
}

void FakeFileSystem::FlipBit(const std::string& path, uint64_t offset, int bit) {
  const std::lock_guard lock(mutex_);
  FileBytes& file = files_.at(names_.at(path));
  for (std::string* content : {&file.live, &file.durable}) {
    if (offset < content->size()) {
      char& byte = (*content)[static_cast<size_t>(offset)];
      byte = static_cast<char>(byte ^ (1 << bit));
    }
  }
}

std::unique_ptr<FakeFileSystem> FakeFileSystem::Clone() const {
  auto copy = std::make_unique<FakeFileSystem>();
  const std::lock_guard lock(mutex_);
  copy->files_ = files_;
  copy->names_ = names_;
  copy->durable_names_ = durable_names_;
  copy->dirs_ = dirs_;
  copy->pending_ = pending_;
  copy->next_file_ = next_file_;
  return copy;
}

// --- content ----------------------------------------------------------------------------------

Status FakeFileSystem::Write(FileId file, const std::string& path, uint64_t offset,
                             std::string_view bytes) {
  const bool was_stopped = stopped_;
  const bool runs = Begin();
  if (was_stopped) return StoppedError();
  ++writes_;
  int number = 0;
  const std::string_view wanted = bytes;
  if (full_in_ && --*full_in_ == 0) {
    full_in_.reset();
    space_left_ = bytes.size() / 2;
  }
  if (space_left_) {
    if (bytes.size() > *space_left_) number = ENOSPC;
    bytes = bytes.substr(0, static_cast<size_t>(std::min<uint64_t>(bytes.size(), *space_left_)));
    *space_left_ -= bytes.size();
  }
  if (tear_next_write_) {
    bytes = bytes.substr(0, *std::exchange(tear_next_write_, std::nullopt));
    number = EIO;
  }
  bytes_written_ += bytes.size();
  PutBytes(&files_.at(file).live, offset, bytes);
  pending_.push_back(Operation{Operation::Kind::kWrite, file, offset, std::string(bytes), {}});
  if (!runs) return StoppedError();
  if (number == 0) return {};
  return FakeError("cannot write " + std::to_string(wanted.size()) + " bytes at offset " +
                       std::to_string(offset) + " of " + path,
                   number);
}

Status FakeFileSystem::ResizeFile(FileId file, uint64_t size) {
  const bool was_stopped = stopped_;
  const bool runs = Begin();
  if (was_stopped) return StoppedError();
  files_.at(file).live.resize(static_cast<size_t>(size), '\0');
  pending_.push_back(Operation{Operation::Kind::kResize, file, size, "", {}});
  if (!runs) return StoppedError();
  return {};
}

Status FakeFileSystem::SyncContent(FileId file, const std::string& path) {
  if (!Begin()) return StoppedError();
  ++syncs_;
  const bool fails = TakeSyncFailure() || std::exchange(fail_next_sync_, false);
  for (const Operation& operation : pending_) {
    if (operation.file == file && !fails) Persist(operation);
  }
  std::erase_if(pending_, [&](const Operation& operation) { return operation.file == file; });
  if (fails) return FakeError("cannot sync " + path, EIO);
  return {};
}

void FakeFileSystem::DelaySync() {
  std::chrono::milliseconds delay;
  {
    const std::lock_guard lock(mutex_);
    delay = std::exchange(sync_delay_, std::chrono::milliseconds(0));
  }
  std::this_thread::sleep_for(delay);
}

bool FakeFileSystem::TakeSyncFailure() {
  if (!fail_sync_in_ || --*fail_sync_in_ > 0) return false;
  fail_sync_in_.reset();
  return true;
}

Status FakeFileSystem::SyncFile(const std::string& path) {
  DelaySync();
  const std::lock_guard lock(mutex_);
  const auto found = names_.find(path);
  if (found == names_.end()) return FakeError("cannot open " + path, ENOENT);
  return SyncContent(found->second, path);
}

// --- names ------------------------------------------------------------------------------------

void FakeFileSystem::ChangeNames(std::vector<std::pair<std::string, FileId>> names) {
  for (const auto& [name, file] : names) {
    if (file == kNoFile) {
      names_.erase(name);
    } else {
      names_[name] = file;
    }
  }
  pending_.push_back(Operation{Operation::Kind::kNames, kNoFile, 0, "", std::move(names)});
}

Result<std::unique_ptr<WritableFile>> FakeFileSystem::Create(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const bool was_stopped = stopped_;
  const bool runs = Begin();
  if (was_stopped) return StoppedError();
  if (dirs_.count(DirOf(path)) == 0) return FakeError("cannot create " + path, ENOENT);
  const auto found = names_.find(path);
  FileId id;
  if (found != names_.end()) {
    id = found->second;
    files_.at(id).live.clear();
    pending_.push_back(Operation{Operation::Kind::kResize, id, 0, "", {}});
  } else {
    id = next_file_++;
    files_[id];
    ChangeNames({{path, id}});
  }
  if (!runs) return StoppedError();
  return std::unique_ptr<WritableFile>(new FakeWritableFile(this, id, path));
}

Result<std::unique_ptr<WritableFile>> FakeFileSystem::OpenForWrite(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return StoppedError();
  const auto found = names_.find(path);
  if (found == names_.end()) return FakeError("cannot open for writing " + path, ENOENT);
  return std::unique_ptr<WritableFile>(new FakeWritableFile(this, found->second, path));
}

Result<std::unique_ptr<ReadableFile>> FakeFileSystem::OpenForRead(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return StoppedError();
  const auto found = names_.find(path);
  if (found == names_.end()) return FakeError("cannot open " + path, ENOENT);
  return std::unique_ptr<ReadableFile>(new FakeReadableFile(this, found->second));
}

Result<std::optional<FileInfo>> FakeFileSystem::Stat(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return StoppedError();
  if (dirs_.count(path) == 1) {
    return std::optional<FileInfo>(FileInfo{true, 0, 1, std::hash<std::string>()(path)});
  }
  const auto found = names_.find(path);
  if (found == names_.end()) return std::optional<FileInfo>();
  return std::optional<FileInfo>(
      FileInfo{false, files_.at(found->second).live.size(), 0, found->second});
}

Result<std::vector<std::string>> FakeFileSystem::List(const std::string& dir) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return StoppedError();
  if (dirs_.count(dir) == 0) return FakeError("cannot list " + dir, ENOENT);
  std::vector<std::string> names;
  for (const auto& [path, id] : names_) {
    if (DirOf(path) == dir) names.push_back(path.substr(dir.size() + 1));
  }
  for (const std::string& path : dirs_) {
    if (path != "/" && DirOf(path) == dir) names.push_back(path.substr(dir.size() + 1));
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Durable at once: crashes while directories are made are not simulated.
Status FakeFileSystem::MakeDirs(const std::string& dir) {
  const std::lock_guard lock(mutex_);
  for (size_t slash = dir.find('/', 1); slash != std::string::npos;
       slash = dir.find('/', slash + 1)) {
    dirs_.insert(dir.substr(0, slash));
  }
  dirs_.insert(dir);
  return {};
}

Status FakeFileSystem::Remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const bool was_stopped = stopped_;
  const bool runs = Begin();
  if (was_stopped) return StoppedError();
  if (names_.count(path) == 0) return FakeError("cannot remove " + path, ENOENT);
  ChangeNames({{path, kNoFile}});
  if (!runs) return StoppedError();
  return {};
}

Status FakeFileSystem::Rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  const bool was_stopped = stopped_;
  const bool runs = Begin();
  if (was_stopped) return StoppedError();
  const auto found = names_.find(from);
  if (found == names_.end()) return FakeError("cannot rename " + from + " to " + to, ENOENT);
  ChangeNames({{from, kNoFile}, {to, found->second}});
  if (!runs) return StoppedError();
  return {};
}

Status FakeFileSystem::SyncDir(const std::string& dir) {
  const std::lock_guard lock(mutex_);
  if (!Begin()) return StoppedError();
  ++dir_syncs_;
  if (TakeSyncFailure()) return FakeError("cannot sync " + dir, EIO);
  const auto in_dir = [&](const Operation& operation) {
    return operation.kind == Operation::Kind::kNames && DirOf(operation.names[0].first) == dir;
  };
  for (const Operation& operation : pending_) {
    if (in_dir(operation)) Persist(operation);
  }
  std::erase_if(pending_, in_dir);
  return {};
}

Result<std::unique_ptr<FileLock>> FakeFileSystem::TryLock(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return StoppedError();
  if (!locks_.insert(path).second) return std::unique_ptr<FileLock>();
  PutDurablyLocked(path, "1\n");
  return std::unique_ptr<FileLock>(new FakeLock(this, path));
}

}  // namespace lockkeeper
