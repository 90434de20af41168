#include "server/storage/epoch_files.h"

#include <glog/logging.h>

#include <charconv>
#include <memory>

#include "server/config/java_values.h"

namespace lockkeeper {
namespace {

constexpr char kTemporarySuffix[] = ".tmp";
// A line break and much more than the longest number.
constexpr size_t kEpochFileBytesMax = 1024;
// Of foreign content, how much an error message shows.
constexpr size_t kShownBytesMax = 40;

constexpr char kRemedy[] =
    "; restore the data directory from a backup, or empty its version-2 so that the server copies "
    "the state of the ensemble";

// As ZooKeeper writes epochs in these messages: hexadecimal without a prefix.
std::string EpochText(int64_t epoch) {
  char text[17];
  const auto end = std::to_chars(text, text + sizeof text, static_cast<uint64_t>(epoch), 16).ptr;
  return std::string(text, end);
}

Status Persist(FileSystem& fs, const std::string& dir, const std::string& from,
               const std::string& to) {
  if (Status renamed = fs.Rename(dir + "/" + from, dir + "/" + to); !renamed) return renamed;
  return fs.SyncDir(dir);
}

Error OlderThanDatabase(const std::string& dir, int64_t current, Zxid last) {
  return {Errc::kCorruption, "The current epoch, " + EpochText(current) +
                                 ", is older than the last zxid, " + std::to_string(last.value) +
                                 " (" + dir + "/" + kCurrentEpochName + ")" + kRemedy};
}

// The temporary file takes the place of the old one as it is; writing the value anew would first
// destroy it.
Result<int64_t> FinishUpdate(FileSystem& fs, const std::string& dir, const std::string& temporary,
                             int64_t update) {
  LOG(INFO) << dir << "/" << temporary << " found: the current epoch is " << update;
  if (Status synced = fs.SyncFile(dir + "/" + temporary); !synced) return synced.error();
  if (Status done = Persist(fs, dir, temporary, kCurrentEpochName); !done) return done.error();
  return update;
}

// currentEpoch is older than the database: right only if its update was interrupted, or had not
// begun when the history of the new epoch was already on the disk.
Result<int64_t> CatchUp(FileSystem& fs, const std::string& dir, int64_t current, Zxid last) {
  const std::string temporary = std::string(kCurrentEpochName) + kTemporarySuffix;
  const auto update = ReadEpoch(fs, dir, temporary);
  if (!update && update.error().code != Errc::kCorruption) return update.error();
  const int64_t of_last = EpochOf(last);
  if (update && update->has_value() && **update >= of_last) {
    return FinishUpdate(fs, dir, temporary, **update);
  }
  const auto accepted = ReadEpoch(fs, dir, kAcceptedEpochName);
  if (!accepted) return accepted.error();
  if (!accepted->has_value() || **accepted < of_last) {
    return update ? OlderThanDatabase(dir, current, last) : update.error();
  }
  LOG(INFO) << "the newest transaction is of epoch " << of_last << ", which this server had "
            << "promised to follow: the current epoch is that one, not " << current;
  if (Status written = WriteEpoch(fs, dir, kCurrentEpochName, of_last); !written) {
    return written.error();
  }
  return of_last;
}

// The value of an epoch file; a missing one is made with the epoch of the database.
Result<int64_t> ReadOrMake(FileSystem& fs, const std::string& dir, const char* name, Zxid last) {
  const auto found = ReadEpoch(fs, dir, name);
  if (!found) return found.error();
  if (found->has_value()) return **found;
  const int64_t epoch = EpochOf(last);
  LOG(INFO) << dir << "/" << name << " not found: creating it with the epoch of the database, "
            << epoch;
  if (Status written = WriteEpoch(fs, dir, name, epoch); !written) return written.error();
  return epoch;
}

}  // namespace

Result<std::optional<int64_t>> ReadEpoch(FileSystem& fs, const std::string& dir,
                                         const std::string& name) {
  const std::string path = dir + "/" + name;
  const auto info = fs.Stat(path);
  if (!info) return info.error();
  if (!info->has_value()) return std::optional<int64_t>();
  const auto content = ReadSmallFile(fs, path, kEpochFileBytesMax);
  if (!content) return content.error();
  const std::string line = content->substr(0, content->find_first_of("\r\n"));
  const auto epoch = ParseJavaDecimal(line, INT64_MIN, INT64_MAX);
  if (!epoch) {
    return Error{Errc::kCorruption,
                 "Found " + (line.empty() ? "nothing" : line.substr(0, kShownBytesMax)) + " in " +
                     path + ", which is no epoch: a decimal number" + kRemedy};
  }
  return std::optional<int64_t>(*epoch);
}

Status WriteEpoch(FileSystem& fs, const std::string& dir, const std::string& name, int64_t epoch) {
  const std::string temporary = name + kTemporarySuffix;
  auto file = fs.Create(dir + "/" + temporary);
  if (!file) return file.error();
  if (Status written = (*file)->WriteAt(0, std::to_string(epoch)); !written) return written;
  if (Status synced = (*file)->Sync(); !synced) return synced;
  file->reset();
  return Persist(fs, dir, temporary, name);
}

Result<Epochs> LoadEpochs(FileSystem& fs, const std::string& dir, Zxid last) {
  Result<int64_t> current = ReadOrMake(fs, dir, kCurrentEpochName, last);
  if (!current) return current.error();
  if (EpochOf(last) > *current) {
    current = CatchUp(fs, dir, *current, last);
    if (!current) return current.error();
  }
  const Result<int64_t> accepted = ReadOrMake(fs, dir, kAcceptedEpochName, last);
  if (!accepted) return accepted.error();
  if (*accepted < *current) {
    return Error{Errc::kCorruption, "The accepted epoch, " + EpochText(*accepted) +
                                        " is less than the current epoch, " + EpochText(*current) +
                                        " (" + dir + "/" + kAcceptedEpochName + ", " +
                                        kCurrentEpochName + ")" + kRemedy};
  }
  return Epochs{*accepted, *current};
}

}  // namespace lockkeeper
