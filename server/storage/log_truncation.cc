#include "server/storage/log_truncation.h"

#include <glog/logging.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "server/storage/txn_log_reader.h"

namespace lockkeeper {
namespace {

// What is to become of one file.
struct Cut {
  std::string path;
  std::optional<Zxid> last;  // of the records that stay
  uint64_t end = 0;          // of them, in bytes; 0: the file has not even a header
  bool needed = false;       // something that is not zero follows
};

Result<Cut> FindCut(FileSystem& fs, std::string path, Zxid upto, const ReplayLimits& limits) {
  const auto info = fs.Stat(path);
  if (!info) return info.error();
  Cut cut{.path = std::move(path)};
  if (info->has_value() && (*info)->size == 0) {  // ZooKeeper was interrupted when it made it
    cut.needed = true;
    return cut;
  }
  auto reader = LogFileReader::Open(fs, cut.path, limits);
  if (!reader) return reader.error();
  // What stands behind `upto` itself may be damaged: it goes anyhow.
  while (cut.last != upto) {
    cut.end = (*reader)->offset();
    const auto record = (*reader)->Next();
    if (!record) return record.error();
    if (!record->has_value()) break;
    cut.needed = (*record)->zxid > upto;
    if (cut.needed) return cut;
    cut.last = (*record)->zxid;
    cut.end = (*reader)->offset();
  }
  const auto more = (*reader)->HasBytesAfterEnd();
  if (!more) return more.error();
  cut.needed = *more;
  return cut;
}

Status CarryOut(FileSystem& fs, const Cut& cut) {
  if (cut.end == 0) return fs.Remove(cut.path);
  LOG(INFO) << "transaction log " << cut.path << " is cut at offset " << cut.end;
  auto file = fs.OpenForWrite(cut.path);
  if (!file) return file.error();
  if (Status resized = (*file)->Resize(cut.end); !resized) return resized;
  return (*file)->Sync();
}

Status RemoveDurably(FileSystem& fs, const std::string& dir, const std::string& name) {
  LOG(INFO) << "transaction log " << dir << "/" << name << " is removed";
  if (Status removed = fs.Remove(dir + "/" + name); !removed) return removed;
  return fs.SyncDir(dir);
}

}  // namespace

Result<Zxid> TruncateLog(FileSystem& fs, const std::string& dir, Zxid upto,
                         const ReplayLimits& limits) {
  auto files = ListLogFiles(fs, dir);
  if (!files) return files.error();
  const auto first_above = std::find_if(files->begin(), files->end(),
                                        [&](const LogFile& file) { return file.first > upto; });
  const auto kept = static_cast<size_t>(first_above - files->begin());
  // All is read before anything is changed.
  std::vector<Cut> cuts;
  Zxid newest;
  for (size_t i = kept; i-- > 0;) {
    auto cut = FindCut(fs, dir + "/" + (*files)[i].name, upto, limits);
    if (!cut) return cut.error();
    if (cut->last) newest = std::max(newest, *cut->last);
    const bool was_right = cut->last && !cut->needed;
    if (cut->needed) cuts.push_back(*std::move(cut));
    if (was_right && i + 1 < kept) break;
  }
  for (size_t i = files->size(); i-- > kept;) {
    if (Status removed = RemoveDurably(fs, dir, (*files)[i].name); !removed) return removed.error();
  }
  for (const Cut& cut : cuts) {
    if (Status done = CarryOut(fs, cut); !done) return done.error();
  }
  if (!cuts.empty()) {
    if (Status synced = fs.SyncDir(dir); !synced) return synced.error();
  }
  return newest;
}

}  // namespace lockkeeper
