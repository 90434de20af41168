#include "server/tools/log_walker.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "server/storage/log_tail_check.h"
#include "server/storage/txn_log_format.h"

namespace lockkeeper {
namespace {

// The offset in `bytes` of the first that is not zero.
size_t NonZeroIn(std::string_view bytes) {
  // Comparing the bytes with themselves, one further, is many times quicker than a loop.
  if (!bytes.empty() && bytes[0] == '\0' &&
      std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0) {
    return std::string_view::npos;
  }
  return bytes.find_first_not_of('\0');
}

// What the reader says, without the place, which the step holds, and the remedy, which differs.
std::string ReasonOf(const Error& error, uint64_t offset) {
  const std::string place = " at offset " + std::to_string(offset) + " of transaction log ";
  return error.message.substr(0, error.message.find(place));
}

// The payload of the whole record that `bytes` open with; nullopt: they open with none.
std::optional<std::string_view> WholePayload(std::string_view bytes, size_t payload_bytes_max) {
  if (bytes.size() < LogRecordBytes(kTxnHeaderBytes)) return std::nullopt;
  const size_t length = LoadBigEndian32(bytes.data() + 8);
  if (length < kTxnHeaderBytes || length > payload_bytes_max) return std::nullopt;
  if (bytes.size() < LogRecordBytes(length)) return std::nullopt;
  const std::string_view payload = bytes.substr(kRecordPrefixBytes, length);
  if (bytes[kRecordPrefixBytes + length] != kRecordEnd) return std::nullopt;
  if (LoadBigEndian64(bytes.data()) != LogChecksum(payload)) return std::nullopt;
  return payload;
}

}  // namespace

Result<std::unique_ptr<LogWalker>> LogWalker::Open(FileSystem& fs, const std::string& path,
                                                   const ReplayLimits& limits) {
  const auto info = fs.Stat(path);
  if (!info) return info.error();
  auto file = fs.OpenForRead(path);
  if (!file) return file.error();
  const uint64_t bytes = info->has_value() ? (*info)->size : 0;
  std::unique_ptr<LogWalker> walker(new LogWalker(std::move(*file), bytes, limits));
  auto reader = LogFileReader::Open(fs, path, limits);
  if (reader) {
    walker->reader_ = std::move(*reader);
  } else if (reader.error().code == Errc::kCorruption) {
    walker->bad_header_ = reader.error();
  } else {
    return reader.error();
  }
  return walker;
}

Result<LogStep> LogWalker::Next() {
  if (bad_header_) {
    const Error error = *std::exchange(bad_header_, std::nullopt);
    return Bad(LogStep::Kind::kDamage, 0, error.message.substr(0, error.message.find(": it ")), 0);
  }
  return reader_ ? NextOfReader() : NextAlone();
}

Result<LogStep> LogWalker::NextOfReader() {
  const uint64_t offset = reader_->offset();
  const auto record = reader_->Next();
  if (!record && record.error().code != Errc::kCorruption) return record.error();
  if (!record) {
    const std::string reason = ReasonOf(record.error(), offset);
    reader_.reset();
    return Bad(LogStep::Kind::kDamage, offset, reason, offset + 1);
  }
  if (record->has_value()) return Record(offset, (*record)->payload);
  const std::string torn = reader_->torn();
  reader_.reset();
  return AfterReader(offset, torn);
}

Result<LogStep> LogWalker::AfterReader(uint64_t offset, const std::string& torn) {
  const auto next = FindNext(offset + 1);
  if (!next) return next.error();
  if (next->has_value()) {
    const std::string reason = torn.empty() ? "zeros instead of a record" : torn;
    return Bad(LogStep::Kind::kEndsEarly, offset, reason, **next);
  }
  LogStep end{.offset = offset, .reason = torn};
  if (!torn.empty()) return end;
  const auto garbage = FirstNonZero(offset);
  if (!garbage) return garbage.error();
  if (garbage->has_value()) {
    end.reason =
        "zeros, then bytes at offset " + std::to_string(**garbage) + " that are no whole record";
  }
  return end;
}

Result<LogStep> LogWalker::NextAlone() {
  const auto view = View(offset_, LogRecordBytes(limits_.payload_bytes_max));
  if (!view) return view.error();
  if (!at_end_) {
    if (const auto payload = WholePayload(*view, limits_.payload_bytes_max)) {
      const uint64_t offset = offset_;
      offset_ += LogRecordBytes(payload->size());
      return Record(offset, *payload);
    }
    const auto next = FindNext(offset_ + 1);
    if (!next) return next.error();
    if (next->has_value()) {
      return Bad(LogStep::Kind::kDamage, offset_, "no whole record stands here", **next);
    }
  }
  const auto garbage = FirstNonZero(offset_);
  if (!garbage) return garbage.error();
  LogStep end{.offset = offset_};
  if (garbage->has_value() && !at_end_) end.reason = "bytes that are no whole record";
  return end;
}

Result<LogStep> LogWalker::Bad(LogStep::Kind kind, uint64_t offset, std::string reason,
                               uint64_t search_from) {
  const auto next = FindNext(search_from);
  if (!next) return next.error();
  at_end_ = !next->has_value();
  offset_ = next->value_or(offset);
  return LogStep{.kind = kind, .offset = offset, .reason = std::move(reason), .next = *next};
}

LogStep LogWalker::Record(uint64_t offset, std::string_view payload) {
  const Zxid zxid = ZxidOfPayload(payload);
  last_ = std::max(last_, zxid);
  return LogStep{
      .kind = LogStep::Kind::kRecord, .offset = offset, .zxid = zxid, .payload = payload};
}

Result<std::optional<uint64_t>> LogWalker::FindNext(uint64_t from) {
  const auto non_zero = FirstNonZero(from);
  if (!non_zero || !non_zero->has_value()) return non_zero;
  // The first bytes of a record, checksum and length, may be zeros too.
  const uint64_t start = **non_zero - std::min<uint64_t>(**non_zero, kRecordPrefixBytes);
  return FindRecord(*file_, std::max(from, start), last_, limits_.payload_bytes_max);
}

Result<std::optional<uint64_t>> LogWalker::FirstNonZero(uint64_t from) {
  std::string chunk(kLogReadBytes, '\0');
  for (uint64_t at = from;;) {
    const auto got = file_->ReadAt(at, chunk);
    if (!got) return got.error();
    const size_t found = NonZeroIn(std::string_view(chunk).substr(0, *got));
    if (found != std::string_view::npos) return std::optional<uint64_t>(at + found);
    if (*got < chunk.size()) return std::optional<uint64_t>();
    at += *got;
  }
}

Result<std::string_view> LogWalker::View(uint64_t offset, size_t bytes) {
  // Two windows, so that most calls find their bytes.
  const uint64_t buffered_end = buffer_start_ + buffer_bytes_;
  const uint64_t wanted_end = std::min<uint64_t>(offset + bytes, file_bytes_);
  if (offset < buffer_start_ || wanted_end > buffered_end) {
    buffer_.resize(2 * bytes);
    const auto got = file_->ReadAt(offset, buffer_);
    if (!got) return got.error();
    buffer_start_ = offset;
    buffer_bytes_ = *got;
  }
  const std::string_view all = std::string_view(buffer_).substr(0, buffer_bytes_);
  return all.substr(std::min<size_t>(static_cast<size_t>(offset - buffer_start_), all.size()),
                    bytes);
}

}  // namespace lockkeeper
