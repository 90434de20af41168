#include "server/storage/log_tail_check.h"

#include <span>
#include <string>
#include <string_view>

#include "server/storage/txn_log_format.h"

namespace lockkeeper {
namespace {

// Whether `bytes` open with a whole record whose zxid is above `above`. Cheap tests first.
bool OpensWithRecord(std::string_view bytes, Zxid above, size_t payload_bytes_max) {
  if (bytes.size() < LogRecordBytes(kTxnHeaderBytes)) return false;
  const uint32_t length = LoadBigEndian32(bytes.data() + 8);
  if (length < kTxnHeaderBytes || length > payload_bytes_max) return false;
  if (bytes.size() < LogRecordBytes(length)) return false;
  if (bytes[kRecordPrefixBytes + length] != kRecordEnd) return false;
  const std::string_view payload = bytes.substr(kRecordPrefixBytes, length);
  return ZxidOfPayload(payload) > above && LoadBigEndian64(bytes.data()) == LogChecksum(payload);
}

}  // namespace

Result<bool> MissesASector(ReadableFile& file, uint64_t from, uint64_t to) {
  std::string sector;
  for (uint64_t at = from; at < to; at = (at / kSectorBytes + 1) * kSectorBytes) {
    sector.assign(static_cast<size_t>(kSectorBytes - at % kSectorBytes), '\0');
    const auto got = file.ReadAt(at, sector);
    if (!got) return got.error();
    if (sector.find_first_not_of('\0') == std::string::npos) return true;
  }
  return false;
}

Result<std::optional<uint64_t>> FindRecord(ReadableFile& file, uint64_t from, Zxid above,
                                           size_t payload_bytes_max) {
  // A record that starts in the first half of the window ends within it.
  const size_t half = LogRecordBytes(payload_bytes_max);
  std::string window(2 * half, '\0');
  for (uint64_t base = from;; base += half) {
    const auto got = file.ReadAt(base, window);
    if (!got) return got.error();
    const bool last = *got < window.size();
    const std::string_view bytes = std::string_view(window).substr(0, *got);
    for (size_t i = 0; i < (last ? bytes.size() : half); ++i) {
      if (OpensWithRecord(bytes.substr(i), above, payload_bytes_max)) {
        return std::optional<uint64_t>(base + i);
      }
    }
    if (last) return std::optional<uint64_t>();
  }
}

}  // namespace lockkeeper
