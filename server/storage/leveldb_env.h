// LevelDB's files through our door to the disk, so that its crashes and faults can be tested like
// those of our own files. Threads, clocks and background work stay with LevelDB's default Env.
//
// What it promises beyond LevelDB's own Env:
//  - A batch written with sync=true is durable with everything written before it: a log is synced
//    before LevelDB goes on to the next one, and a new log's name is synced with its first content.
//  - Reading a log or a manifest after a crash gives exactly what was acknowledged as synced (a
//    SyncedMark beside the file says how much that is): a torn tail is not seen, in whatever order
//    its sectors reached the disk, and any other change of the file is an error, also one that
//    LevelDB would take for a torn tail. Content that was only written with sync=false is
//    therefore gone after the process was killed.
//  - After the first failed change nothing more is changed on the disk: failure() stays set, every
//    later change is refused with it, also the removal of files. Reading goes on.
//
// Threads: any; a file object as LevelDB says.
// Errors:  leveldb::Status::IOError with the FileSystem's whole message (so "No space left on
//          device" stays in it), NotFound for reading a file that is not there, Corruption for a
//          log or manifest that is not what was synced. Nothing here ends the process; Debian's
//          LevelDB has its assertions on, which the checks of logs and manifests keep from failing.
#ifndef LOCKKEEPER_SERVER_STORAGE_LEVELDB_ENV_H_
#define LOCKKEEPER_SERVER_STORAGE_LEVELDB_ENV_H_

#include <leveldb/env.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "protocol/result.h"
#include "server/storage/file_system.h"

namespace lockkeeper {

enum class StoreFileKind : uint8_t {
  kLog,
  kTable,
  kManifest,
  kOther,  // CURRENT, synced marks, and the directory (syncs only)
};
inline constexpr size_t kStoreFileKinds = 4;

// The kind that LevelDB means by a file name.
StoreFileKind KindOfStoreFile(const std::string& path);

struct WriteCounts {
  uint64_t bytes = 0;  // given to the operating system
  uint64_t syncs = 0;  // asked of it
  friend bool operator==(const WriteCounts&, const WriteCounts&) = default;
};

class LevelDbEnv final : public leveldb::EnvWrapper {
 public:
  // A file that has `sync_every_bytes` of un-synced content is synced at once, so that LevelDB's
  // own sync finds little left and does not hold up the transaction log's on the same disk. 0:
  // never. `fs` must outlive the env, and the env its LevelDB.
  LevelDbEnv(FileSystem& fs, uint64_t sync_every_bytes);
  ~LevelDbEnv() override;

  // While it is set, what LevelDB writes to its log goes nowhere, for content that is in no need of
  // it. A log that misses something takes nothing more: LevelDB must begin another one first.
  void SetWithoutLog(bool without) { without_log_.store(without, std::memory_order_relaxed); }

  // The first change that failed; what it left on the disk is unknown.
  std::optional<Error> failure() const;
  // Since the env was made.
  WriteCounts written(StoreFileKind kind) const;
  WriteCounts written_in_all() const;

  leveldb::Status NewSequentialFile(const std::string& path,
                                    leveldb::SequentialFile** result) override;
  leveldb::Status NewRandomAccessFile(const std::string& path,
                                      leveldb::RandomAccessFile** result) override;
  leveldb::Status NewWritableFile(const std::string& path, leveldb::WritableFile** result) override;
  leveldb::Status NewAppendableFile(const std::string& path,
                                    leveldb::WritableFile** result) override;
  bool FileExists(const std::string& path) override;
  leveldb::Status GetChildren(const std::string& dir, std::vector<std::string>* result) override;
  leveldb::Status RemoveFile(const std::string& path) override;
  leveldb::Status CreateDir(const std::string& dir) override;
  // Not supported: only leveldb::DestroyDB asks for it.
  leveldb::Status RemoveDir(const std::string& dir) override;
  // Of a log or manifest: what a reader would see.
  leveldb::Status GetFileSize(const std::string& path, uint64_t* size) override;
  // Durable when it returns OK.
  leveldb::Status RenameFile(const std::string& from, const std::string& to) override;
  // Fails when anybody holds it, also in this process.
  leveldb::Status LockFile(const std::string& path, leveldb::FileLock** lock) override;
  leveldb::Status UnlockFile(leveldb::FileLock* lock) override;
  // Compactions run in the background of everything else.
  void Schedule(void (*function)(void*), void* argument) override;
  // LevelDB's messages go to our log: errors as warnings, the rest at verbosity 1.
  leveldb::Status NewLogger(const std::string& path, leveldb::Logger** result) override;
  // Not supported: tests bring their own.
  leveldb::Status GetTestDirectory(std::string* path) override;

 private:
  friend class StoreFileWriter;
  struct AtomicCounts {
    std::atomic<uint64_t> bytes{0};
    std::atomic<uint64_t> syncs{0};
  };

  // OK, or the failure that refuses every change.
  leveldb::Status Usable() const;
  // Keeps the first error and hands `error` on.
  leveldb::Status Fail(const Error& error);
  leveldb::Status SyncDirOf(const std::string& path);
  leveldb::Status OpenForRead(const std::string& path, std::unique_ptr<ReadableFile>* file);
  void CountBytes(StoreFileKind kind, uint64_t bytes);
  void CountSync(StoreFileKind kind);

  FileSystem& fs_;
  const uint64_t sync_every_bytes_;
  std::array<AtomicCounts, kStoreFileKinds> counts_;
  std::atomic<bool> without_log_{false};
  std::atomic<bool> failed_{false};
  mutable std::mutex mutex_;
  std::optional<Error> failure_;  // guarded by mutex_
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_LEVELDB_ENV_H_
