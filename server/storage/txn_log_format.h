// The transaction log as ZooKeeper writes it, byte for byte.
//
//   file   := header record* padding
//   header := "ZKLG" int version=2, long dbid=0                                      16 bytes
//   record := long checksum, int L, L bytes of payload, 'B'
//   payload := TxnHeader{long session, int cxid, long zxid, long time, int type} body digest?
//   padding := zeros up to the preallocated size
//
// Integers are big-endian two's complement. The checksum is the Adler-32 of the payload alone, in
// the low half of the long. The name is `log.<zxid of the first record, lower-case hexadecimal>`.
// Nothing here may ever change: logs of ten years ago are read, and ZooKeeper reads ours.
#ifndef LOCKKEEPER_SERVER_STORAGE_TXN_LOG_FORMAT_H_
#define LOCKKEEPER_SERVER_STORAGE_TXN_LOG_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/types.h"

namespace lockkeeper {

inline constexpr std::string_view kLogMagic = "ZKLG";
inline constexpr int32_t kLogVersion = 2;  // written; any version is read
inline constexpr size_t kLogHeaderBytes = 16;
inline constexpr size_t kRecordPrefixBytes = 12;  // checksum and L
inline constexpr char kRecordEnd = 'B';
inline constexpr size_t kRecordOverheadBytes = kRecordPrefixBytes + 1;

inline constexpr size_t kTxnHeaderBytes = 32;
inline constexpr size_t kTxnZxidOffset = 12;

// jute.maxbuffer plus its extra size, both at their default: no longer payload is read or written.
inline constexpr size_t kDefaultPayloadBytesMax = 2 * 1048575;
// preAllocSize, by default, in bytes.
inline constexpr uint64_t kDefaultPreallocBytes = 64 << 20;
// A file is extended when a record would start within this distance of its end.
inline constexpr uint64_t kPaddingMarginBytes = 4096;

static_assert(kTxnZxidOffset + sizeof(int64_t) <= kTxnHeaderBytes);

inline uint32_t LoadBigEndian32(const char* p) {
  const auto* const b = reinterpret_cast<const unsigned char*>(p);
  return uint32_t{b[0]} << 24 | uint32_t{b[1]} << 16 | uint32_t{b[2]} << 8 | uint32_t{b[3]};
}
inline uint64_t LoadBigEndian64(const char* p) {
  return uint64_t{LoadBigEndian32(p)} << 32 | LoadBigEndian32(p + 4);
}

// The 16 bytes that open a file.
std::string LogFileHeader();

uint32_t LogChecksum(std::string_view payload);

// Appends one whole record to `out`.
void AppendLogRecord(std::string_view payload, std::string* out);

constexpr uint64_t LogRecordBytes(size_t payload_bytes) {
  return payload_bytes + kRecordOverheadBytes;
}

// REQUIRES: at least kTxnHeaderBytes.
Zxid ZxidOfPayload(std::string_view payload);

std::string LogFileName(Zxid first);

// The zxid in the name of a data file: `<kind>.<hex>` with `kind` "log" or "snapshot"; further
// parts after a dot are ignored, as ZooKeeper does. nullopt: not a data file of that kind.
std::optional<Zxid> ZxidOfFileName(std::string_view kind, std::string_view name);

// The size that a file of `size` bytes is extended to before a record is put at `position`, for
// steps of `unit` bytes; 0 means no padding.
constexpr uint64_t PaddedLogSize(uint64_t position, uint64_t size, uint64_t unit) {
  if (unit == 0 || position + kPaddingMarginBytes < size) return size;
  if (position <= size) return size + unit;
  return (position + unit) / unit * unit;
}

// Whether a log may go on with `next` after `previous`: the zxids of an epoch have no gap.
constexpr bool FollowsInLog(Zxid previous, Zxid next) {
  return next == NextZxid(previous) || EpochOf(next) > EpochOf(previous);
}

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_TXN_LOG_FORMAT_H_
