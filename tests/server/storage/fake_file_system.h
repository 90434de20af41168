// A disk in memory that loses what was not synced, for tests of crash recovery.
//
// It keeps two states: what the running program sees, and what is on stable storage. Every change
// between them is a list of pending operations in the order they were made. Sync makes those of
// one file durable, SyncDir the names of one directory; a power loss lets a chosen part of the
// rest survive.
//
// Threads: any, as for every FileSystem.
#ifndef LOCKKEEPER_TESTS_SERVER_STORAGE_FAKE_FILE_SYSTEM_H_
#define LOCKKEEPER_TESTS_SERVER_STORAGE_FAKE_FILE_SYSTEM_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/storage/file_system.h"

namespace lockkeeper {

// Which un-synced operations a power loss leaves on the disk.
struct Survivors {
  enum class Kind {
    kNone,
    kAll,
    kPrefix,      // the first `operations`, and of the next one, if a write, `torn_bytes` bytes
    kContent,     // all changes of file contents, none of names
    kNames,       // all changes of names, none of file contents
    kAnySectors,  // any sectors of any write, any resize, and a prefix of the names; from `seed`
  };
  Kind kind = Kind::kNone;
  size_t operations = 0;
  size_t torn_bytes = 0;
  uint64_t seed = 0;

  std::string Describe() const;
};

class FakeFileSystem final : public FileSystem {
 public:
  // --- faults -----------------------------------------------------------------------------

  // The process ends: open files and locks are gone, nothing is lost.
  void CrashProcess();
  // The machine loses power: the process ends and un-synced changes are lost but for `survivors`.
  void LosePower(const Survivors& survivors);
  // The operation number `n` from now (1 is the next) is the last: a sync is not completed, a
  // write or change of a name is pending; it and everything later returns an error until a crash.
  void StopAtOperation(uint64_t n) { Set(&stop_in_, n); }
  bool stopped() const { return Get(stopped_); }
  // Writes beyond this many more bytes leave a part and fail with ENOSPC, until a crash.
  void LimitSpace(uint64_t bytes) { Set(&space_left_, bytes); }
  // The disk is full in the middle of write number `n` from now (1 is the next), until a crash.
  void FillAtWrite(uint64_t n) { Set(&full_in_, n); }
  // The next sync fails with EIO and, as on Linux, un-synced content counts as clean from then
  // on: a second sync succeeds and the content never reaches the disk.
  void FailNextSync() { Set(&fail_next_sync_, true); }
  // The same for number `n` from now (1 is the next) of the syncs of files and directories.
  void FailSyncNumber(uint64_t n) { Set(&fail_sync_in_, n); }
  // The next sync takes at least this long.
  void SlowNextSync(std::chrono::milliseconds delay) { Set(&sync_delay_, delay); }
  // The next write puts only this many bytes and fails with EIO.
  void TearNextWrite(size_t bytes) { Set(&tear_next_write_, bytes); }

  // --- looking and tampering --------------------------------------------------------------

  uint64_t operations() const { return Get(operations_); }
  size_t pending() const {
    const std::lock_guard lock(mutex_);
    return pending_.size();
  }
  uint64_t syncs() const { return Get(syncs_); }
  uint64_t dir_syncs() const { return Get(dir_syncs_); }
  uint64_t writes() const { return Get(writes_); }
  uint64_t bytes_written() const { return Get(bytes_written_); }
  // The content that the program sees; fails the process if there is no such file. Only while
  // nothing else uses the file.
  std::string& Content(const std::string& path);
  // A file that was there for ever.
  void PutDurably(const std::string& path, std::string content);
  void FlipBit(const std::string& path, uint64_t offset, int bit);
  // A copy of all that is pending and durable, without faults, open files and locks.
  std::unique_ptr<FakeFileSystem> Clone() const;

  // --- FileSystem -------------------------------------------------------------------------

  Result<std::unique_ptr<WritableFile>> Create(const std::string& path) override;
  Result<std::unique_ptr<WritableFile>> OpenForWrite(const std::string& path) override;
  Result<std::unique_ptr<ReadableFile>> OpenForRead(const std::string& path) override;
  Result<std::optional<FileInfo>> Stat(const std::string& path) override;
  Result<std::vector<std::string>> List(const std::string& dir) override;
  Status MakeDirs(const std::string& dir) override;
  Status Remove(const std::string& path) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status SyncFile(const std::string& path) override;
  Status SyncDir(const std::string& dir) override;
  Result<std::unique_ptr<FileLock>> TryLock(const std::string& path) override;

 private:
  friend class FakeWritableFile;
  friend class FakeReadableFile;
  friend class FakeLock;
  using FileId = uint64_t;
  static constexpr FileId kNoFile = 0;

  struct FileBytes {
    std::string live;
    std::string durable;
  };
  struct Operation {
    enum class Kind { kWrite, kResize, kNames };
    Kind kind;
    FileId file = kNoFile;
    uint64_t offset = 0;  // of a write; the new size of a resize
    std::string bytes;    // of a write
    // Names that change together, atomically; kNoFile removes one.
    std::vector<std::pair<std::string, FileId>> names;
  };

  template <class Field, class Value>
  void Set(Field* field, Value value) {
    const std::lock_guard lock(mutex_);
    *field = value;
  }
  template <class Field>
  Field Get(const Field& field) const {
    const std::lock_guard lock(mutex_);
    return field;
  }

  // Before the lock is taken: others go on meanwhile.
  void DelaySync();
  // The rest with the lock held.
  bool TakeSyncFailure();
  void PutDurablyLocked(const std::string& path, std::string content);
  Status Write(FileId file, const std::string& path, uint64_t offset, std::string_view bytes);
  Status ResizeFile(FileId file, uint64_t size);
  Status SyncContent(FileId file, const std::string& path);
  // Counts the operation; false when the machine stops with it or has stopped before.
  bool Begin();
  void ChangeNames(std::vector<std::pair<std::string, FileId>> names);
  void Persist(const Operation& operation);
  void PersistSectors(const Operation& operation, uint64_t* seed);
  void ForgetProcess();

  mutable std::mutex mutex_;  // of all that follows
  std::map<FileId, FileBytes> files_;
  std::map<std::string, FileId> names_;
  std::map<std::string, FileId> durable_names_;
  std::set<std::string> dirs_{"/"};
  std::vector<Operation> pending_;
  FileId next_file_ = 1;
  uint64_t process_ = 0;  // open files of an earlier process are dead
  std::set<std::string> locks_;

  std::optional<uint64_t> stop_in_;
  bool stopped_ = false;
  std::optional<uint64_t> space_left_;
  std::optional<uint64_t> full_in_;
  std::optional<uint64_t> fail_sync_in_;
  std::optional<size_t> tear_next_write_;
  bool fail_next_sync_ = false;
  std::chrono::milliseconds sync_delay_{0};
  uint64_t operations_ = 0;
  uint64_t syncs_ = 0;
  uint64_t dir_syncs_ = 0;
  uint64_t writes_ = 0;
  uint64_t bytes_written_ = 0;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_TESTS_SERVER_STORAGE_FAKE_FILE_SYSTEM_H_
