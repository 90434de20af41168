// ZooKeeper's snapshot files, byte for byte (storage-and-operations 3).
//
//   stream   := header content seal tail
//   header   := "ZKSN" int version=2, long dbid=-1                                     16 bytes
//   content  := int n, n * session, int m, m * acl, node*, end
//   session  := long id, int timeout in ms
//   acl      := long key, int count >= 0, count * {int perms, ustring scheme, ustring id}
//   node     := ustring path, buffer data, long acl key,
//               long czxid, mzxid, ctime, mtime, int version, cversion, aversion,
//               long owner, long pzxid                     the root first, its path is empty
//   end      := ustring "/"
//   seal     := long adler, ustring "/"                                                13 bytes
//   tail     := digest? processed?          by the number of bytes left: 0, 33, 21 or 54
//   digest   := long zxid, int version, long tree digest, seal
//   processed := long zxid, seal
//
// Integers are big-endian two's complement; ustring and buffer are an int length and the bytes,
// length -1 is null. adler is the Adler-32 of every byte before it, seals included. The file holds
// the stream as it is, as a gzip file, or in the container of snappy-java (snapshot_stream.h).
// Nothing here may ever change: ZooKeeper reads ours, and we read snapshots of ten years ago.
#ifndef LOCKKEEPER_SERVER_STORAGE_SNAPSHOT_FORMAT_H_
#define LOCKKEEPER_SERVER_STORAGE_SNAPSHOT_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/types.h"

namespace lockkeeper {

inline constexpr std::string_view kSnapshotMagic = "ZKSN";
inline constexpr int32_t kSnapshotVersion = 2;  // written; any version is read
inline constexpr int64_t kSnapshotDbId = -1;    // written; any is read
inline constexpr size_t kSnapshotHeaderBytes = 16;

inline constexpr size_t kSnapshotSessionBytes = 12;
// A node's fields after its data: ACL key and stat.
inline constexpr size_t kSnapshotNodeFixedBytes = 8 + 60;
// Behind the content where a learner gets it over the wire (quorum-protocol 3.5).
inline constexpr std::string_view kSnapshotStreamSignature = "BenWasHere";
// The path that ends the nodes and stands in every seal, and its encoding.
inline constexpr std::string_view kSnapshotEndPath = "/";
inline constexpr std::string_view kSnapshotEndBytes{"\0\0\0\1/", 5};

inline constexpr size_t kSealBytes = 8 + kSnapshotEndBytes.size();
inline constexpr size_t kDigestSectionBytes = 20 + kSealBytes;
inline constexpr size_t kProcessedSectionBytes = 8 + kSealBytes;
inline constexpr size_t kSnapshotTailBytesMax = kDigestSectionBytes + kProcessedSectionBytes;

// The digest version that ZooKeeper 3.6 and later compare; others are kept but not compared.
inline constexpr int32_t kSnapshotDigestVersion = 2;

// The digest of the tree after the transaction `zxid`; zxid 0 means that none was known.
struct SnapshotDigest {
  Zxid zxid;
  int32_t version = kSnapshotDigestVersion;
  uint64_t digest = 0;
  friend bool operator==(const SnapshotDigest&, const SnapshotDigest&) = default;
};

enum class SnapshotCompression : uint8_t { kNone, kGzip, kSnappy };

// The value of snapshot.compression.method: "gz" or "snappy" in any case; everything else is none.
SnapshotCompression CompressionFromConfig(std::string_view value);

// What a reader takes a file for: its name after the last dot, as above.
SnapshotCompression CompressionOfFileName(std::string_view name);

// `snapshot.<hex>`, with ".gz" or ".snappy".
std::string SnapshotFileName(Zxid zxid, SnapshotCompression compression);

// Follows the name while the snapshot is being written.
inline constexpr char kUnfinishedSnapshotSuffix[] = ".tmp";

// nullopt: not the name of a snapshot. Parts after the number are ignored: see ZxidOfFileName.
std::optional<Zxid> ZxidOfSnapshotName(std::string_view name);

// The part after the last slash.
std::string_view FileNameOf(std::string_view path);

// The 16 bytes that open a stream.
std::string SnapshotHeader();

// The Adler-32 of more and more bytes.
class RunningAdler {
 public:
  void Add(std::string_view bytes);
  uint32_t value() const { return value_; }

 private:
  uint32_t value_ = 1;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_SNAPSHOT_FORMAT_H_
