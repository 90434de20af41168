// The door to the disk: everything that server/storage reads or writes passes here, so that tests
// can lose un-synced data, tear writes, fill the disk and fail a sync.
//
// Units:   offsets and sizes are bytes.
// Threads: a FileSystem may be shared by threads; a file object belongs to one thread at a time,
//          but ReadAt may be called by several.
// Errors:  every failure is Errc::kIo (Errc::kDataDir for locks) with a complete message: what was
//          tried, on which file, at which offset, and the operating system's text and number.
//          After a failed write or sync the content of the file is unknown: never try again.
// Double:  tests/server/storage/fake_file_system.h.
#ifndef LOCKKEEPER_SERVER_STORAGE_FILE_SYSTEM_H_
#define LOCKKEEPER_SERVER_STORAGE_FILE_SYSTEM_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.h"

namespace lockkeeper {

// An open file for writing. Closed by the destructor, which syncs nothing.
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  // Writes all of `bytes` or fails; after a failure any part of them may have been written.
  virtual Status WriteAt(uint64_t offset, std::string_view bytes) = 0;
  // Cuts the file, or extends it with zeros that take no disk space yet.
  virtual Status Resize(uint64_t size) = 0;
  // Content and size are on stable storage when it returns OK (fdatasync). The name of a new file
  // is not: that takes FileSystem::SyncDir.
  virtual Status Sync() = 0;
};

class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  // Fills `into` from `offset`; fewer bytes only where the file ends. Threads: any.
  virtual Result<size_t> ReadAt(uint64_t offset, std::span<char> into) = 0;
};

// Held until destroyed, or until the process ends in whatever way.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

struct FileInfo {
  bool is_directory = false;
  uint64_t size = 0;  // apparent size of a file: holes count
  // The same pair for two paths means the same file or directory.
  uint64_t device = 0;
  uint64_t inode = 0;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // An empty file; an existing one of that name loses its content.
  virtual Result<std::unique_ptr<WritableFile>> Create(const std::string& path) = 0;
  // An existing file with its content.
  virtual Result<std::unique_ptr<WritableFile>> OpenForWrite(const std::string& path) = 0;
  virtual Result<std::unique_ptr<ReadableFile>> OpenForRead(const std::string& path) = 0;
  // nullopt when there is nothing of that name.
  virtual Result<std::optional<FileInfo>> Stat(const std::string& path) = 0;
  // Names without their directory, without "." and "..", sorted.
  virtual Result<std::vector<std::string>> List(const std::string& dir) = 0;
  // Makes `dir` and the parents it lacks, durably. OK when it exists.
  virtual Status MakeDirs(const std::string& dir) = 0;
  virtual Status Remove(const std::string& path) = 0;
  // Replaces `to` atomically. Durable after SyncDir.
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  // Content and size of an existing file are on stable storage when it returns OK.
  virtual Status SyncFile(const std::string& path) = 0;
  // Names made, renamed or removed in `dir` are on stable storage when it returns OK.
  virtual Status SyncDir(const std::string& dir) = 0;
  // Takes the exclusive lock of `path`, a file that it makes and in which it leaves the process id
  // in decimal; a null pointer when somebody else, also of this process, holds it.
  virtual Result<std::unique_ptr<FileLock>> TryLock(const std::string& path) = 0;
};

// The process's real file system; never destroyed.
FileSystem& PosixFileSystem();

// The directory in which `path` is: what stands before its last slash.
std::string ParentDir(const std::string& path);

// The whole of a small file; Errc::kTooLarge above `bytes_max`.
Result<std::string> ReadSmallFile(FileSystem& fs, const std::string& path, size_t bytes_max);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_FILE_SYSTEM_H_
