// Tells an interrupted write from damage, where a record of a transaction log is not whole.
//
// Records go into space that held zeros, and a disk writes whole sectors. So a power failure leaves
// each sector of the records in flight either written or zero, in any order. A broken record that
// misses no sector, with whole records after it, is something else: bytes changed that were on
// the disk, and the records after them were probably acknowledged.
#ifndef LOCKKEEPER_SERVER_STORAGE_LOG_TAIL_CHECK_H_
#define LOCKKEEPER_SERVER_STORAGE_LOG_TAIL_CHECK_H_

#include <cstdint>
#include <optional>

#include "protocol/result.h"
#include "protocol/types.h"
#include "server/storage/file_system.h"

namespace lockkeeper {

// The unit that a disk writes whole, or a part of it.
inline constexpr uint64_t kSectorBytes = 512;

// Whether a sector that overlaps [from, to) holds only zeros from `from` to its end. Bytes beyond
// the end of the file count as zeros.
Result<bool> MissesASector(ReadableFile& file, uint64_t from, uint64_t to);

// The offset of the first whole record at or after `from` with a zxid above `above`.
Result<std::optional<uint64_t>> FindRecord(ReadableFile& file, uint64_t from, Zxid above,
                                           size_t payload_bytes_max);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_LOG_TAIL_CHECK_H_
