#include "server/storage/log_tail_check.h"

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

#include "server/storage/txn_log_format.h"

namespace lockkeeper {
namespace {

constexpr size_t kWindowBytes = 64 << 10;
constexpr size_t kLengthOffset = 8;  // of the payload's length in a record

// The first place at or after `at` where a record may begin, as far as zeros tell: its length is
// not zero. bytes.size(): none.
size_t SkipZeros(std::string_view bytes, size_t at) {
  const size_t other = bytes.find_first_not_of('\0', at);
  if (other == std::string_view::npos) return bytes.size();
  return std::max(at, other - std::min(other, kRecordPrefixBytes - 1));
}

bool MayBeLength(uint32_t length, size_t payload_bytes_max) {
  return length >= kTxnHeaderBytes && length <= payload_bytes_max;
}

// Whether a whole record of `length` bytes of payload and with a zxid above `above` is at `at`.
Result<bool> IsRecord(ReadableFile& file, uint64_t at, uint32_t length, Zxid above) {
  char end = 0;
  const auto got_end = file.ReadAt(at + kRecordPrefixBytes + length, {&end, 1});
  if (!got_end) return got_end.error();
  if (*got_end < 1 || end != kRecordEnd) return false;
  std::string record(kRecordPrefixBytes + length, '\0');
  const auto got = file.ReadAt(at, record);
  if (!got) return got.error();
  if (*got < record.size()) return false;
  const std::string_view payload = std::string_view(record).substr(kRecordPrefixBytes);
  return ZxidOfPayload(payload) > above && LoadBigEndian64(record.data()) == LogChecksum(payload);
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
  std::string window(kWindowBytes, '\0');
  // Windows overlap: each place is seen with all of its prefix.
  for (uint64_t base = from;; base += kWindowBytes - kRecordPrefixBytes + 1) {
    const auto got = file.ReadAt(base, window);
    if (!got) return got.error();
    const std::string_view bytes = std::string_view(window).substr(0, *got);
    for (size_t i = SkipZeros(bytes, 0); i + kRecordPrefixBytes <= bytes.size();
         i = SkipZeros(bytes, i + 1)) {
      const uint32_t length = LoadBigEndian32(bytes.data() + i + kLengthOffset);
      if (!MayBeLength(length, payload_bytes_max)) continue;
      const auto is_record = IsRecord(file, base + i, length, above);
      if (!is_record) return is_record.error();
      if (*is_record) return std::optional<uint64_t>(base + i);
    }
    if (*got < window.size()) return std::optional<uint64_t>();
  }
}

}  // namespace lockkeeper
