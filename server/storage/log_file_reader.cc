#include "server/storage/log_file_reader.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <utility>

#include "protocol/print.h"
#include "server/storage/log_tail_check.h"

namespace lockkeeper {
namespace {

bool AllZero(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

}  // namespace

LogFileReader::LogFileReader(std::unique_ptr<ReadableFile> file, std::string path,
                             const ReplayLimits& limits)
    : file_(std::move(file)), path_(std::move(path)), limits_(limits) {}

Result<std::unique_ptr<LogFileReader>> LogFileReader::Open(FileSystem& fs, const std::string& path,
                                                           const ReplayLimits& limits) {
  auto file = fs.OpenForRead(path);
  if (!file) return file.error();
  std::unique_ptr<LogFileReader> reader(new LogFileReader(std::move(*file), path, limits));
  std::array<char, kLogHeaderBytes> header;
  const auto got = reader->file_->ReadAt(0, header);
  if (!got) return got.error();
  if (*got < kLogHeaderBytes) {
    return Error{Errc::kCorruption,
                 "transaction log " + path + " has only " + std::to_string(*got) +
                     " bytes, less than its header of " + std::to_string(kLogHeaderBytes) +
                     ": it holds no transaction; move it out of the directory if the files before "
                     "and after it are complete, else restore it from a backup"};
  }
  if (std::string_view(header.data(), kLogMagic.size()) != kLogMagic) {
    return Error{Errc::kCorruption,
                 "transaction log " + path + " has a wrong magic number at offset 0 (" +
                     Hex(LoadBigEndian32(header.data())) +
                     " instead of 0x5a4b4c47): it is no transaction log or damaged; restore it "
                     "from a backup, or move it out of the directory if it does not belong there"};
  }
  reader->buffer_start_ = reader->buffer_end_ = kLogHeaderBytes;
  return reader;
}

Status LogFileReader::Fill(size_t bytes) {
  const size_t have = static_cast<size_t>(buffer_end_ - offset_);
  if (have >= bytes) return {};
  if (buffer_.size() < std::max(bytes, kLogReadBytes))
    buffer_.resize(std::max(bytes, kLogReadBytes));
  std::memmove(buffer_.data(), buffer_.data() + (offset_ - buffer_start_), have);
  buffer_start_ = offset_;
  const auto got = file_->ReadAt(buffer_end_, std::span<char>(buffer_).subspan(have));
  if (!got) return got.error();
  buffer_end_ += *got;
  return {};
}

std::optional<LogRecord> LogFileReader::End(std::string torn) {
  ended_ = true;
  torn_ = std::move(torn);
  return std::nullopt;
}

Result<std::optional<LogRecord>> LogFileReader::EndAtBroken(uint64_t bytes,
                                                            const std::string& why) {
  // Nothing but zeros, to the end of the sector, is the ordinary end of the records.
  const bool blank = AllZero(View().substr(0, kRecordPrefixBytes));
  const std::string torn = blank ? "" : why;
  if (limits_.drop_records_after_damage) return End(torn);
  auto interrupted = blank ? MissesASector(*file_, offset_, offset_ + bytes) : Result<bool>(false);
  if (!interrupted) return interrupted.error();
  if (*interrupted) return End(torn);
  const auto next = FindRecord(*file_, offset_ + 1, last_, limits_.payload_bytes_max);
  if (!next) return next.error();
  if (!next->has_value()) return End(torn);
  // A whole record within the broken one means that its length is wrong.
  interrupted = MissesASector(*file_, offset_, std::min(offset_ + bytes, **next));
  if (!interrupted) return interrupted.error();
  if (*interrupted) return End(torn);
  return Damage(why + ", but a whole record follows it at offset " + std::to_string(**next) +
                ": this is damage, not an interrupted write,");
}

// The command that makes the file usable again, for the same limit as this reader's.
std::string LogFileReader::CutCommand() const {
  std::string command = "lockkeeper log check --cut ";
  if (limits_.payload_bytes_max != kDefaultPayloadBytesMax) {
    // The tool allows an extra size of the same number of bytes, as is the default.
    command += "--jute-maxbuffer " + std::to_string((limits_.payload_bytes_max + 1) / 2) + " ";
  }
  return command + path_;
}

Error LogFileReader::Damage(const std::string& what) const {
  return Error{Errc::kCorruption,
               what + " at offset " + std::to_string(offset_) + " of transaction log " + path_ +
                   ". Restore the data directory from a backup, or, in an ensemble, empty it so "
                   "that the server copies the state of the others. Only to give up this "
                   "transaction and every later one: `" +
                   CutCommand() + "`, which keeps beside what it takes away"};
}

Result<std::optional<LogRecord>> LogFileReader::Next() {
  if (ended_) return std::optional<LogRecord>();
  if (Status filled = Fill(kRecordPrefixBytes); !filled) return filled.error();
  std::string_view view = View();
  if (view.empty()) return End("");
  if (view.size() < kRecordPrefixBytes) {
    return End(AllZero(view) ? "" : "the file ends inside the record's first 12 bytes");
  }
  const uint64_t checksum = LoadBigEndian64(view.data());
  const auto length = static_cast<int32_t>(LoadBigEndian32(view.data() + 8));
  if (length == 0) {
    return EndAtBroken(kRecordPrefixBytes, "the record has no length");
  }
  if (length < 0 || static_cast<size_t>(length) > limits_.payload_bytes_max) {
    return Damage("Unreasonable length = " + std::to_string(length) + " (the limit is " +
                  std::to_string(limits_.payload_bytes_max) +
                  ", jute.maxbuffer plus its extra size) of the record");
  }
  const size_t payload_bytes = static_cast<size_t>(length);
  const uint64_t record_bytes = LogRecordBytes(payload_bytes);
  if (Status filled = Fill(record_bytes); !filled) return filled.error();
  view = View();
  if (view.size() < kRecordPrefixBytes + payload_bytes) {
    return EndAtBroken(record_bytes,
                       "the file ends inside the record of " + std::to_string(length) + " bytes");
  }
  // Before the checksum: a record without its end mark was interrupted, whatever its content.
  if (view.size() < record_bytes || view[kRecordPrefixBytes + payload_bytes] != kRecordEnd) {
    return EndAtBroken(record_bytes, "Last transaction was partial: the record of " +
                                         std::to_string(length) + " bytes has no end mark");
  }
  return CheckedRecord(checksum, view.substr(kRecordPrefixBytes, payload_bytes));
}

Result<std::optional<LogRecord>> LogFileReader::CheckedRecord(uint64_t checksum,
                                                              std::string_view payload) {
  const uint64_t computed = LogChecksum(payload);
  if (computed != checksum) {
    const auto interrupted =
        MissesASector(*file_, offset_, offset_ + kRecordPrefixBytes + payload.size());
    if (!interrupted) return interrupted.error();
    return Damage("CRC check failed (computed " + Hex(computed) + ", stored " + Hex(checksum) +
                  (*interrupted ? "; a whole sector of it is zero, as when power fails in the "
                                  "middle of a write that was not yet acknowledged"
                                : "") +
                  ") for the record of " + std::to_string(payload.size()) + " bytes");
  }
  if (payload.size() < kTxnHeaderBytes) {
    return Damage("a payload of " + std::to_string(payload.size()) +
                  " bytes, shorter than a transaction header, in the record");
  }
  offset_ += LogRecordBytes(payload.size());
  last_ = ZxidOfPayload(payload);
  return std::optional<LogRecord>(LogRecord{last_, payload});
}

Result<bool> LogFileReader::HasBytesAfterEnd() {
  std::string chunk(kLogReadBytes, '\0');
  for (uint64_t at = offset_;;) {
    const auto got = file_->ReadAt(at, chunk);
    if (!got) return got.error();
    if (!AllZero(std::string_view(chunk).substr(0, *got))) return true;
    if (*got < chunk.size()) return false;
    at += *got;
  }
}

}  // namespace lockkeeper
