#include "server/storage/txn_log_reader.h"

#include <glog/logging.h>

#include <algorithm>
#include <memory>
#include <sstream>
#include <tuple>
#include <utility>

namespace lockkeeper {
namespace {

constexpr Zxid kNoEnd{INT64_MAX};

std::string ZxidText(Zxid zxid) {
  std::ostringstream text;
  text << zxid;
  return std::move(text).str();
}

// Drops the files that cannot hold a record above `have`: all that are older than the newest one
// whose name is not above `have`.
void KeepFilesAbove(Zxid have, std::vector<LogFile>* files) {
  const auto first_above = std::find_if(files->begin(), files->end(),
                                        [&](const LogFile& file) { return file.first > have; });
  if (first_above == files->begin()) return;
  const Zxid start = std::prev(first_above)->first;
  const auto keep_from = std::find_if(files->begin(), files->end(),
                                      [&](const LogFile& file) { return file.first == start; });
  files->erase(files->begin(), keep_from);
}

// ZooKeeper creates a file before it writes the header, so a crash can leave it empty.
Result<bool> LastFileIsEmpty(FileSystem& fs, const std::string& dir,
                             const std::vector<LogFile>& files) {
  if (files.empty()) return false;
  const auto info = fs.Stat(dir + "/" + files.back().name);
  if (!info) return info.error();
  return info->has_value() && (*info)->size == 0;
}

Status DeleteEmptyLastFile(FileSystem& fs, const std::string& dir, std::vector<LogFile>* files) {
  const auto empty = LastFileIsEmpty(fs, dir, *files);
  if (!empty) return empty.error();
  if (!*empty) return {};
  const std::string path = dir + "/" + files->back().name;
  LOG(WARNING) << "deleting the empty last transaction log " << path;
  files->pop_back();
  return fs.Remove(path);
}

Error Overlap(const std::string& dir, const std::string& earlier, const std::string& later,
              Zxid upto) {
  return {Errc::kCorruption, "transaction logs " + earlier + " and " + later + " of " + dir +
                                 " overlap: the first one reaches transaction " + ZxidText(upto) +
                                 ", and the second one starts at or before it"};
}

class Replay {
 public:
  Replay(FileSystem& fs, Zxid have, Zxid upto, const ReplayLimits& limits,
         const ReplayCallback& callback)
      : fs_(fs), have_(have), upto_(upto), limits_(limits), callback_(callback) {
    summary_.last_zxid = have;
  }

  // Nothing that may follow is wanted.
  bool done() const { return summary_.last_zxid >= upto_ || summary_.above.has_value(); }

  Status ReadFile(const std::string& path) {
    auto reader = LogFileReader::Open(fs_, path, limits_);
    if (!reader) return reader.error();
    ++summary_.files;
    const uint64_t repeated_before = summary_.repeated;
    while (!done()) {
      const uint64_t offset = (*reader)->offset();
      const auto record = (*reader)->Next();
      if (!record) return record.error();
      if (!record->has_value()) break;
      if (Status taken = Take(**record, path, offset); !taken) return taken;
    }
    LOG_IF(WARNING, summary_.repeated > repeated_before)
        << "transaction log " << path << " repeats " << summary_.repeated - repeated_before
        << " transactions that are already loaded; they were skipped";
    if (!done()) NoteEnd(**reader, path);
    return {};
  }

  const ReplaySummary& summary() const { return summary_; }

 private:
  Status Take(const LogRecord& record, const std::string& path, uint64_t offset) {
    if (record.zxid <= have_) return {};
    if (record.zxid <= summary_.last_zxid) {
      ++summary_.repeated;
      return {};
    }
    if (record.zxid > upto_) {
      summary_.above = record.zxid;
      return {};
    }
    if (!FollowsInLog(summary_.last_zxid, record.zxid) && !limits_.allow_gaps) {
      return Gap(record.zxid, path, offset);
    }
    // No rule tells how far an epoch got, so ZooKeeper accepts this; it may still be a lost file.
    const bool starts_late = EpochOf(record.zxid) > EpochOf(summary_.last_zxid) &&
                             static_cast<uint32_t>(record.zxid.value) != 1;
    LOG_IF(WARNING, starts_late) << "the transactions of an epoch start with " << record.zxid
                                 << " at offset " << offset << " of " << path
                                 << ": earlier ones of that epoch are not in the log";
    if (Status applied = callback_(record.zxid, record.payload); !applied) return applied;
    summary_.last_zxid = record.zxid;
    ++summary_.records;
    return {};
  }

  void NoteEnd(const LogFileReader& reader, const std::string& path) {
    previous_end_ = path + " ended at offset " + std::to_string(reader.offset());
    if (reader.torn().empty()) return;
    previous_end_ += " (" + reader.torn() + ")";
    LOG(WARNING) << "transaction log " << path << " ends with an interrupted record at offset "
                 << reader.offset() << ", which is dropped: " << reader.torn();
    summary_.torn.push_back(TornTail{path, reader.offset(), reader.torn()});
  }

  Error Gap(Zxid found, const std::string& path, uint64_t offset) const {
    std::string message = "Committed proposal cached out of order: transaction " + ZxidText(found) +
                          " at offset " + std::to_string(offset) + " of transaction log " + path +
                          " follows " + ZxidText(summary_.last_zxid) +
                          (summary_.records == 0 ? ", the state that was loaded before the log"
                                                 : ", the transaction before it") +
                          "; those between are missing";
    if (!previous_end_.empty()) message += "; the file before, " + previous_end_;
    return Error{Errc::kCorruption,
                 message +
                     ". Put the missing log file back, restore the data directory from a "
                     "backup, or, in an ensemble, empty it so that the server copies the "
                     "state of the others"};
  }

  FileSystem& fs_;
  const Zxid have_;
  const Zxid upto_;
  const ReplayLimits limits_;
  const ReplayCallback& callback_;
  ReplaySummary summary_;
  std::string previous_end_;
};

}  // namespace

Result<std::vector<LogFile>> ListLogFiles(FileSystem& fs, const std::string& dir) {
  const auto names = fs.List(dir);
  if (!names) return names.error();
  std::vector<LogFile> files;
  for (const std::string& name : *names) {
    if (const auto zxid = ZxidOfFileName("log", name)) files.push_back(LogFile{*zxid, name});
  }
  std::sort(files.begin(), files.end(), [](const LogFile& a, const LogFile& b) {
    return std::tie(a.first, a.name) < std::tie(b.first, b.name);
  });
  return files;
}

Result<ReplaySummary> ReplayLog(FileSystem& fs, const std::string& dir, Zxid have,
                                const ReplayLimits& limits, const ReplayCallback& callback) {
  auto files = ListLogFiles(fs, dir);
  if (!files) return files.error();
  if (Status deleted = DeleteEmptyLastFile(fs, dir, &*files); !deleted) return deleted.error();
  KeepFilesAbove(have, &*files);
  Replay replay(fs, have, kNoEnd, limits, callback);
  for (const LogFile& file : *files) {
    if (Status read = replay.ReadFile(dir + "/" + file.name); !read) return read.error();
  }
  return replay.summary();
}

Result<ReplaySummary> ReplayLogUpTo(FileSystem& fs, const std::string& dir, Zxid have, Zxid upto,
                                    const ReplayLimits& limits, const ReplayCallback& callback) {
  auto files = ListLogFiles(fs, dir);
  if (!files) return files.error();
  const auto empty = LastFileIsEmpty(fs, dir, *files);
  if (!empty) return empty.error();
  if (*empty) files->pop_back();
  KeepFilesAbove(have, &*files);
  Replay replay(fs, have, upto, limits, callback);
  const LogFile* last_read = nullptr;
  for (const LogFile& file : *files) {
    if (replay.done()) {
      if (last_read == nullptr || file.first > upto) break;
      return Overlap(dir, last_read->name, file.name, upto);
    }
    if (Status read = replay.ReadFile(dir + "/" + file.name); !read) return read.error();
    last_read = &file;
  }
  return replay.summary();
}

Result<std::optional<Zxid>> LastLoggedZxid(FileSystem& fs, const std::string& dir,
                                           const ReplayLimits& limits) {
  auto files = ListLogFiles(fs, dir);
  if (!files) return files.error();
  if (Status deleted = DeleteEmptyLastFile(fs, dir, &*files); !deleted) return deleted.error();
  std::optional<Zxid> last;
  for (auto file = files->rbegin(); file != files->rend() && !last; ++file) {
    auto reader = LogFileReader::Open(fs, dir + "/" + file->name, limits);
    if (!reader) return reader.error();
    for (;;) {
      const auto record = (*reader)->Next();
      if (!record) return record.error();
      if (!record->has_value()) break;
      last = (*record)->zxid;
    }
  }
  return last;
}

}  // namespace lockkeeper
