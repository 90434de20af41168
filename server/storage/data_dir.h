// The data directory of a server: its two `version-2` directories, held against other servers.
//
//   <dataDir>/version-2       snapshots, epoch files, checkpoint
//   <dataLogDir>/version-2    transaction logs; the same directory unless dataLogDir is configured
//
// Threads: opened and closed by the main thread; the const methods may be called by any.
// Errors:  Errc::kDataDir (exit code 3) with the directory and the remedy in the message.
#ifndef LOCKKEEPER_SERVER_STORAGE_DATA_DIR_H_
#define LOCKKEEPER_SERVER_STORAGE_DATA_DIR_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "protocol/result.h"
#include "server/storage/file_system.h"

namespace lockkeeper {

// Held in each of the two while a server, or a tool that changes something, uses them.
inline constexpr char kLockFileName[] = ".lockkeeper.lock";

struct DataDirOptions {
  std::string data_dir;
  std::string data_log_dir;  // empty: data_dir
  bool auto_create = true;   // datadir.autocreate: make `version-2` and its parents if missing
};

// Apparent sizes of all files below the `version-2` directories, for the `dirs` command. The lock
// files do not count, so that the figures compare with ZooKeeper's.
struct DirectorySizes {
  uint64_t data_bytes = 0;
  uint64_t log_bytes = 0;
};

class DataDir {
 public:
  // Finds or makes the directories and takes their locks, which last as long as the object.
  // Refuses a directory that another server uses, and separate directories in which snapshots
  // and logs are mixed up.
  static Result<std::unique_ptr<DataDir>> Open(FileSystem& fs, const DataDirOptions& options);

  const std::string& snapshot_dir() const { return snapshot_dir_; }  // <dataDir>/version-2
  std::string checkpoint_dir() const { return snapshot_dir_ + "/checkpoint"; }
  // A snapshot in here, whole, is the state: see state_change.h.
  std::string received_dir() const { return snapshot_dir_ + "/received"; }
  const std::string& log_dir() const { return log_dir_; }  // <dataLogDir>/version-2

  // Whether an operator left the `initialize` marker, which allows an empty database, in
  // dataLogDir or dataDir; removes it, durably.
  Result<bool> TakeInitializeMarker() const;

  Result<DirectorySizes> Sizes() const;

 private:
  DataDir(FileSystem& fs, std::string data_dir, std::string data_log_dir);

  Status MakeDirs(bool auto_create);
  Status RefuseMixedContent() const;
  Status Lock();

  FileSystem& fs_;
  const std::string data_dir_;
  const std::string data_log_dir_;
  const std::string snapshot_dir_;
  const std::string log_dir_;
  bool separate_ = false;  // the two directories are not one
  std::vector<std::unique_ptr<FileLock>> locks_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_DATA_DIR_H_
