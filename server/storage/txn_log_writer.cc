#include "server/storage/txn_log_writer.h"

#include <glog/logging.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "server/storage/log_truncation.h"
#include "server/storage/txn_log_reader.h"

namespace lockkeeper {
namespace {

// A group above this takes one system call for each such part, so that memory stays bounded.
constexpr size_t kLogBufferBytes = 1 << 20;

// Not the name of a log: nobody reads it before its header is durable and it gets its name.
constexpr char kNewFileName[] = "/.lockkeeper.newlog";

// What recovery left without a transaction under a name that new transactions will need.
// An empty file goes; one with an interrupted record is kept under another name, since nobody can
// prove that it was never acknowledged; one with a whole record means that recovery missed it.
Status ClearUnusedFile(FileSystem& fs, const std::string& dir, const LogFile& file, Zxid last) {
  const std::string path = dir + "/" + file.name;
  const auto info = fs.Stat(path);
  if (!info) return info.error();
  if (!info->has_value()) return {};
  if ((*info)->size == 0) return fs.Remove(path);
  auto reader = LogFileReader::Open(fs, path, ReplayLimits{});
  if (!reader) return reader.error();
  const auto record = (*reader)->Next();
  if (!record && record.error().code != Errc::kCorruption) return record.error();
  if (record && record->has_value()) {
    std::ostringstream message;
    message << "transaction log " << path << " starts with transaction " << (*record)->zxid
            << ", newer than the loaded state " << last
            << ": writing would fork the history. Load the state again, or move the file away";
    return Error{Errc::kCorruption, message.str()};
  }
  const auto has_bytes = (*reader)->HasBytesAfterEnd();
  if (!has_bytes) return has_bytes.error();
  if (!*has_bytes) return fs.Remove(path);
  const std::string kept = dir + "/interrupted-" + file.name;
  std::string free_name = kept;
  for (int n = 2;; ++n) {
    const auto taken = fs.Stat(free_name);
    if (!taken) return taken.error();
    if (!taken->has_value()) break;
    free_name = kept + "." + std::to_string(n);
  }
  LOG(WARNING) << "transaction log " << path << " holds no whole transaction; kept as " << free_name
               << ", which no server reads";
  return fs.Rename(path, free_name);
}

Error TooLarge(const LogEntry& entry, size_t bytes_max) {
  std::ostringstream message;
  message << "transaction " << entry.zxid << " has " << entry.payload->size()
          << " bytes, more than the " << bytes_max
          << " that can be read back (jute.maxbuffer plus jute.maxbuffer.extrasize)";
  return Error{Errc::kTooLarge, message.str()};
}

}  // namespace

TxnLogWriter::TxnLogWriter(FileSystem& fs, TxnLogOptions options, Zxid last)
    : fs_(fs), options_(std::move(options)), last_(last) {}

Result<std::unique_ptr<TxnLogWriter>> TxnLogWriter::Open(FileSystem& fs, TxnLogOptions options,
                                                         Zxid last) {
  const std::string unfinished = options.dir + kNewFileName;
  const auto leftover = fs.Stat(unfinished);
  if (!leftover) return leftover.error();
  if (leftover->has_value()) {
    if (Status removed = fs.Remove(unfinished); !removed) return removed.error();
  }
  const auto files = ListLogFiles(fs, options.dir);
  if (!files) return files.error();
  for (const LogFile& file : *files) {
    const bool unused = file.first > last;
    Status done;
    if (unused) {
      done = ClearUnusedFile(fs, options.dir, file, last);
    } else if (options.force_sync) {
      done = fs.SyncFile(options.dir + "/" + file.name);  // quick for a file without new data
    }
    if (!done) return done.error();
  }
  if (options.force_sync) {
    if (Status synced = fs.SyncDir(options.dir); !synced) return synced.error();
  }
  return std::unique_ptr<TxnLogWriter>(new TxnLogWriter(fs, std::move(options), last));
}

Error TxnLogWriter::Failed(Error error) {
  failure_ =
      Error{error.code, "the transaction log takes nothing more after an error: " + error.message};
  file_.reset();
  return error;
}

uint64_t TxnLogWriter::file_bytes() const {
  return file_ == nullptr ? 0 : std::max(position_, padded_);
}

Status TxnLogWriter::CheckGroup(std::span<const LogEntry> group) const {
  Zxid previous = last_;
  for (const LogEntry& entry : group) {
    CHECK(FollowsInLog(previous, entry.zxid)) << entry.zxid << " after " << previous;
    CHECK_EQ(ZxidOfPayload(*entry.payload), entry.zxid);
    if (entry.payload->size() > options_.payload_bytes_max) {
      return TooLarge(entry, options_.payload_bytes_max);
    }
    previous = entry.zxid;
  }
  return {};
}

Status TxnLogWriter::Append(std::span<const LogEntry> group) {
  if (failure_) return *failure_;
  if (Status fits = CheckGroup(group); !fits) return fits;
  if (group.empty()) return {};
  if (file_ == nullptr) {
    if (Status started = StartFile(group.front().zxid); !started) return Failed(started.error());
  }
  if (Status extended = Extend(group); !extended) return Failed(extended.error());
  dirty_ = true;
  if (Status written = WriteGroup(group); !written) return Failed(written.error());
  last_ = group.back().zxid;
  return {};
}

// The file gets its name only when its header is durable: after a crash at any moment no reader
// finds a log without a header.
Status TxnLogWriter::StartFile(Zxid first) {
  const std::string unnamed = options_.dir + kNewFileName;
  const std::string path = options_.dir + "/" + LogFileName(first);
  const auto existing = fs_.Stat(path);
  if (!existing) return existing.error();
  if (existing->has_value()) {
    return Error{Errc::kCorruption,
                 "transaction log " + path + " exists: another program writes into this directory"};
  }
  auto created = fs_.Create(unnamed);
  if (!created) return created.error();
  if (Status written = (*created)->WriteAt(0, LogFileHeader()); !written) return written;
  if (options_.force_sync) {
    if (Status synced = (*created)->Sync(); !synced) return synced;
  }
  created->reset();
  if (Status renamed = fs_.Rename(unnamed, path); !renamed) return renamed;
  if (options_.force_sync) {
    if (Status synced = fs_.SyncDir(options_.dir); !synced) return synced;
  }
  auto file = fs_.OpenForWrite(path);
  if (!file) return file.error();
  file_ = std::move(*file);
  path_ = path;
  position_ = padded_ = zeroed_ = kLogHeaderBytes;
  return {};
}

Status TxnLogWriter::Extend(std::span<const LogEntry> group) {
  uint64_t position = position_;
  uint64_t padded = padded_;
  for (const LogEntry& entry : group) {
    padded = PaddedLogSize(position, padded, options_.prealloc_bytes);
    position += LogRecordBytes(entry.payload->size());
  }
  if (padded == padded_) return {};
  CHECK_GT(padded, std::max(position_, padded_));  // else Resize would cut
  padded_ = padded;
  return file_->Resize(padded);
}

Status TxnLogWriter::WriteGroup(std::span<const LogEntry> group) {
  buffer_.clear();
  for (const LogEntry& entry : group) {
    AppendLogRecord(*entry.payload, &buffer_);
    if (buffer_.size() < kLogBufferBytes) continue;
    if (Status written = WriteBuffer(); !written) return written;
  }
  const uint64_t end = position_ + buffer_.size();
  if (end > zeroed_ && options_.zero_ahead_bytes > 0) {
    const uint64_t step = options_.zero_ahead_bytes;
    const uint64_t ahead = std::min(padded_, (end / step + 1) * step);
    if (ahead > end) {
      buffer_.append(static_cast<size_t>(ahead - end), '\0');
    }
    zeroed_ = std::max(end, ahead);
  }
  Status written = WriteBuffer();
  position_ = end;
  return written;
}

Status TxnLogWriter::WriteBuffer() {
  if (buffer_.empty()) return {};
  Status written = file_->WriteAt(position_, buffer_);
  position_ += buffer_.size();
  // One very large record must not keep its memory.
  if (buffer_.capacity() > 4 * kLogBufferBytes) buffer_ = std::string();
  buffer_.clear();
  return written;
}

Status TxnLogWriter::SyncFile() {
  if (!dirty_) return {};
  dirty_ = false;
  if (!options_.force_sync) return {};
  return file_->Sync();
}

Result<SyncReport> TxnLogWriter::Sync() {
  if (failure_) return *failure_;
  SyncReport report;
  if (file_ == nullptr) return report;
  report.file_bytes = file_bytes();
  const auto start = std::chrono::steady_clock::now();
  if (Status synced = SyncFile(); !synced) return Failed(synced.error());
  report.took = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::steady_clock::now() - start);
  if (options_.roll_above_bytes > 0 && report.file_bytes > options_.roll_above_bytes) {
    if (Status rolled = Roll(); !rolled) return rolled.error();
    report.rolled = true;
  }
  return report;
}

Status TxnLogWriter::Roll() {
  if (failure_) return *failure_;
  if (file_ == nullptr) return {};
  if (Status synced = SyncFile(); !synced) return Failed(synced.error());
  file_.reset();
  path_.clear();
  return {};
}

Result<Zxid> TxnLogWriter::CutFiles(Zxid upto) {
  const auto left = TruncateLog(fs_, options_.dir, upto,
                                ReplayLimits{.payload_bytes_max = options_.payload_bytes_max});
  if (!left) return Failed(left.error());
  return *left;
}

Result<Zxid> TxnLogWriter::Truncate(Zxid upto) {
  if (failure_) return *failure_;
  if (Status rolled = Roll(); !rolled) return rolled.error();
  auto left = CutFiles(upto);
  if (left) last_ = upto;
  return left;
}

Status TxnLogWriter::StartOver(Zxid last) {
  if (failure_) return *failure_;
  if (Status rolled = Roll(); !rolled) return rolled;
  constexpr Zxid kBelowAll{-1};
  if (const auto left = CutFiles(kBelowAll); !left) return left.error();
  last_ = last;
  return {};
}

}  // namespace lockkeeper
