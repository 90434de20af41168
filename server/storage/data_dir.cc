#include "server/storage/data_dir.h"

#include <glog/logging.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "server/storage/txn_log_format.h"

namespace lockkeeper {
namespace {

constexpr char kVersionDir[] = "/version-2";
constexpr char kInitializeName[] = "/initialize";
constexpr size_t kProcessIdBytesMax = 32;
// Deep enough for any real directory; a bound against links that form a circle.
constexpr int kDirectoryDepthMax = 32;

Error DataDirError(const std::string& message) { return Error{Errc::kDataDir, message}; }

// ", process 123" when the lock file tells it.
std::string HolderOf(FileSystem& fs, const std::string& lock_path) {
  const auto content = ReadSmallFile(fs, lock_path, kProcessIdBytesMax);
  if (!content) return "";
  const size_t digits = content->find_first_not_of("0123456789");
  if (digits == 0 || content->empty()) return "";
  return ", process " + content->substr(0, digits);
}

Result<uint64_t> BytesBelow(FileSystem& fs, const std::string& dir, int depth) {
  uint64_t total = 0;
  if (depth == 0) return total;
  const auto names = fs.List(dir);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (name == kLockFileName) continue;
    std::string path = dir;
    path.append("/").append(name);
    const auto info = fs.Stat(path);
    if (!info) return info.error();
    if (!info->has_value()) continue;  // removed since it was listed
    if (!(*info)->is_directory) {
      total += (*info)->size;
      continue;
    }
    const auto below = BytesBelow(fs, path, depth - 1);
    if (!below) return below.error();
    total += *below;
  }
  return total;
}

}  // namespace

DataDir::DataDir(FileSystem& fs, std::string data_dir, std::string data_log_dir)
    : fs_(fs),
      data_dir_(std::move(data_dir)),
      data_log_dir_(std::move(data_log_dir)),
      snapshot_dir_(data_dir_ + kVersionDir),
      log_dir_(data_log_dir_ + kVersionDir) {}

Result<std::unique_ptr<DataDir>> DataDir::Open(FileSystem& fs, const DataDirOptions& options) {
  const std::string& log_dir =
      options.data_log_dir.empty() ? options.data_dir : options.data_log_dir;
  std::unique_ptr<DataDir> dir(new DataDir(fs, options.data_dir, log_dir));
  if (Status made = dir->MakeDirs(options.auto_create); !made) return made.error();
  if (Status pure = dir->RefuseMixedContent(); !pure) return pure.error();
  if (Status locked = dir->Lock(); !locked) return locked.error();
  return dir;
}

Status DataDir::MakeDirs(bool auto_create) {
  FileInfo found[2];
  const std::string* const dirs[2] = {&snapshot_dir_, &log_dir_};
  for (int i = 0; i < 2; ++i) {
    const std::string& dir = *dirs[i];
    auto info = fs_.Stat(dir);
    if (!info) return DataDirError(info.error().message);
    if (!info->has_value()) {
      if (!auto_create) {
        return DataDirError("missing data directory " + dir +
                            ": make it, or allow the server to make it (datadir.autocreate)");
      }
      if (Status made = fs_.MakeDirs(dir); !made) {
        return DataDirError("unable to create data directory: " + made.error().message);
      }
      info = fs_.Stat(dir);
      if (!info) return DataDirError(info.error().message);
    }
    if (!info->has_value() || !(*info)->is_directory) {
      return DataDirError("the data directory " + dir + " is not a directory");
    }
    found[i] = **info;
  }
  // Two spellings of one directory are one: locking it twice would refuse ourselves.
  separate_ = found[0].device != found[1].device || found[0].inode != found[1].inode;
  return {};
}

Status DataDir::RefuseMixedContent() const {
  if (!separate_) return {};
  const struct {
    const std::string& dir;
    std::string_view prefix;
    const char* what;
    const char* key;
  } rules[] = {{log_dir_, "snapshot.", "snapshot", "dataLogDir"},
               {snapshot_dir_, "log.", "transaction log", "dataDir"}};
  for (const auto& rule : rules) {
    const auto names = fs_.List(rule.dir);
    if (!names) return DataDirError(names.error().message);
    for (const std::string& name : *names) {
      if (!name.starts_with(rule.prefix)) continue;
      return DataDirError(std::string(rule.key) + " holds a " + rule.what + ": " + rule.dir + "/" +
                          name +
                          "; dataDir and dataLogDir are probably swapped or were once the same: "
                          "move the files of each kind to their own directory");
    }
  }
  return {};
}

Status DataDir::Lock() {
  for (const std::string& dir : {snapshot_dir_, log_dir_}) {
    const std::string path = dir + "/" + kLockFileName;
    auto lock = fs_.TryLock(path);
    if (!lock) {
      return DataDirError(lock.error().message +
                          "; the server needs a data directory that it can write to");
    }
    if (*lock == nullptr) {
      return DataDirError("the data directory " + dir + " is in use by another server" +
                          HolderOf(fs_, path) +
                          ": stop that server, or give this one its own dataDir and dataLogDir");
    }
    locks_.push_back(std::move(*lock));
    if (!separate_) break;
  }
  return {};
}

Result<bool> DataDir::TakeInitializeMarker() const {
  bool found = false;
  for (const std::string& dir : {data_log_dir_, data_dir_}) {
    const std::string path = dir + kInitializeName;
    const auto marker = fs_.Stat(path);
    if (!marker) return marker.error();
    if (!marker->has_value()) continue;
    found = true;
    if (Status removed = fs_.Remove(path); !removed) return removed.error();
    if (Status synced = fs_.SyncDir(dir); !synced) return synced.error();
  }
  return found;
}

Result<DirectorySizes> DataDir::Sizes() const {
  const auto data = BytesBelow(fs_, snapshot_dir_, kDirectoryDepthMax);
  if (!data) return data.error();
  if (log_dir_ == snapshot_dir_) return DirectorySizes{*data, *data};
  const auto log = BytesBelow(fs_, log_dir_, kDirectoryDepthMax);
  if (!log) return log.error();
  return DirectorySizes{*data, *log};
}

}  // namespace lockkeeper
