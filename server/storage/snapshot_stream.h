// The bytes of a snapshot on their way from and to a file, without and with compression.
//
//   gz      RFC 1952, one or more members
//   snappy  the container of snappy-java: 82 "SNAPPY" 00, int version=1, int compatible=1, then
//           chunks {int n, n bytes of one raw Snappy block}; no checksum and no end mark
//
// Threads: an object is used by one thread.
// Errors:  kIo from the disk; kCorruption names the file, the offset in the file and what is wrong
//          with its compression. After an error an object must not be used again.
#ifndef LOCKKEEPER_SERVER_STORAGE_SNAPSHOT_STREAM_H_
#define LOCKKEEPER_SERVER_STORAGE_SNAPSHOT_STREAM_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "protocol/result.h"
#include "server/storage/file_system.h"
#include "server/storage/snapshot_format.h"

namespace lockkeeper {

inline constexpr std::string_view kGzipMagic = "\x1f\x8b";
inline constexpr std::string_view kSnappyMagic{"\x82SNAPPY\0", 8};
inline constexpr size_t kSnappyHeaderBytes = 16;
// How much one chunk holds, uncompressed, when we write; and more than anybody writes.
inline constexpr size_t kSnappyBlockBytes = 32 << 10;
inline constexpr size_t kSnappyBlockBytesMax = 16 << 20;

// What the operator of a server with a damaged snapshot can do; part of every message about one.
extern const char kSnapshotRemedy[];

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Puts the next bytes to the front of `into` and returns how many, at least one; 0 at the end.
  // REQUIRES: room for at least one byte.
  virtual Result<size_t> Read(std::span<char> into) = 0;
};

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual Status Write(std::string_view bytes) = 0;
  // Writes what is held back and what the container needs at its end. Syncs nothing.
  virtual Status Finish() = 0;
};

// A file's uncompressed bytes. `path` is for messages.
std::unique_ptr<ByteSource> MakeSnapshotSource(std::unique_ptr<ReadableFile> file,
                                               const std::string& path,
                                               SnapshotCompression compression);

// Writes from the start of the file. `file` must outlive the sink.
std::unique_ptr<ByteSink> MakeSnapshotSink(WritableFile* file, SnapshotCompression compression);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_SNAPSHOT_STREAM_H_
