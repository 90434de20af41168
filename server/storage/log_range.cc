#include "server/storage/log_range.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>

#include "server/storage/txn_log_reader.h"
#include "zab/committed_log.h"

namespace lockkeeper {
namespace {

Status ReadFile(FileSystem& fs, const std::string& path, const ReplayLimits& limits,
                const std::function<void(LogEntry)>& take) {
  Result<std::unique_ptr<LogFileReader>> reader = LogFileReader::Open(fs, path, limits);
  if (!reader) return reader.error();
  while (true) {
    Result<std::optional<LogRecord>> record = (*reader)->Next();
    if (!record) return record.error();
    if (!record->has_value()) return {};
    take({(*record)->zxid, std::make_shared<const std::string>((*record)->payload)});
  }
}

Result<bool> IsEmptyFile(FileSystem& fs, const std::string& path) {
  const auto info = fs.Stat(path);
  if (!info) return info.error();
  return !info->has_value() || (*info)->size == 0;
}

}  // namespace

Result<std::vector<LogEntry>> ReadLogTail(FileSystem& fs, const std::string& dir, Zxid last,
                                          size_t count, const ReplayLimits& limits) {
  const Result<std::vector<LogFile>> files = ListLogFiles(fs, dir);
  if (!files) return files.error();
  std::vector<LogEntry> tail;
  for (auto file = files->rbegin(); file != files->rend() && tail.size() < count; ++file) {
    const std::string path = dir + "/" + file->name;
    const Result<bool> empty = IsEmptyFile(fs, path);
    if (!empty) return empty.error();
    if (*empty) continue;
    std::vector<LogEntry> entries;
    const Status read = ReadFile(fs, path, limits, [&](LogEntry entry) {
      const bool repeats = !entries.empty() && entry.zxid <= entries.back().zxid;
      if (entry.zxid <= last && !repeats) entries.push_back(std::move(entry));
    });
    if (!read) return read.error();
    if (!entries.empty() && !tail.empty() &&
        !zab::Follows(entries.back().zxid, tail.front().zxid)) {
      break;
    }
    entries.insert(entries.end(), tail.begin(), tail.end());
    tail = std::move(entries);
  }
  if (tail.size() > count) tail.erase(tail.begin(), tail.end() - static_cast<ptrdiff_t>(count));
  return tail;
}

Result<std::vector<LogEntry>> ReadLogRange(FileSystem& fs, const std::string& dir, Zxid from,
                                           Zxid upto, uint64_t bytes_max,
                                           const ReplayLimits& limits) {
  const Result<std::vector<LogFile>> files = ListLogFiles(fs, dir);
  if (!files) return files.error();
  auto first = std::find_if(files->rbegin(), files->rend(),
                            [&](const LogFile& file) { return file.first <= from; });
  std::vector<LogEntry> entries;
  if (first == files->rend()) return entries;
  uint64_t bytes = 0;
  for (auto file = std::prev(first.base()); file != files->end() && file->first <= upto; ++file) {
    const std::string path = dir + "/" + file->name;
    const auto info = fs.Stat(path);
    if (!info) return info.error();
    bytes += info->has_value() ? (*info)->size : 0;
    if (bytes > bytes_max) return std::vector<LogEntry>();
    const Status read = ReadFile(fs, path, limits, [&](LogEntry entry) {
      if (entry.zxid > upto || (!entries.empty() && entry.zxid <= entries.back().zxid)) return;
      if (entry.zxid <= from) entries.clear();
      entries.push_back(std::move(entry));
    });
    if (!read) return read.error();
  }
  if (!entries.empty() && entries.front().zxid > from) entries.clear();
  return entries;
}

}  // namespace lockkeeper
