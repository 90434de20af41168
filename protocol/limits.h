// Ceilings of every queue and buffer. The configuration may choose less, never more.
#ifndef LOCKKEEPER_PROTOCOL_LIMITS_H_
#define LOCKKEEPER_PROTOCOL_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace lockkeeper {

// ZooKeeper's default for `jute.maxbuffer`, inclusive (client-protocol 1.4).
inline constexpr size_t kFrameBytesDefault = 0xfffff;
// Above this many unsent bytes no further request of that connection is read.
inline constexpr size_t kOutboxBytesMax = 1 << 20;
// Watch events still arrive at a client that does not read; above this it is disconnected.
inline constexpr size_t kOutboxBytesHardMax = 64 << 20;
// Reads that wait behind a write of their own session.
inline constexpr size_t kParkedBytesMax = 1 << 20;
// A gate is held for at most this much work, and the reads that are looked up already (32), so that
// a commit never waits long.
inline constexpr size_t kReadsPerGateMax = 64;
inline constexpr size_t kReplyBytesPerGateMax = 64 << 10;
// Transactions applied while all gates are held.
inline constexpr size_t kTxnsPerGateMax = 256;
// A standalone server's log begins to write when it has so many, while the next are prepared.
inline constexpr size_t kTxnsPerAppend = 64;
// Encoded replies in one batch of commits, above which the next batch begins.
inline constexpr size_t kBatchBytesMax = 1 << 20;
// Batches that wait at an I/O thread which they do not concern, before it is woken all the same.
inline constexpr size_t kQuietBatchesMax = 64;
// Bytes of requests that are not applied yet; above it connections with work in flight pause.
inline constexpr int64_t kOutstandingBytesMax = 32 << 20;
// Read from a socket in one system call.
inline constexpr size_t kReadChunkBytes = 128 << 10;

static_assert(kOutboxBytesHardMax > kOutboxBytesMax);
static_assert(kOutstandingBytesMax >= 2 * static_cast<int64_t>(kFrameBytesDefault));

}  // namespace lockkeeper

#endif  // LOCKKEEPER_PROTOCOL_LIMITS_H_
