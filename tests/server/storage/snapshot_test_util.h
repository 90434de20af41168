// What the tests of snapshots share: contents as values, files put together by hand, readings.
#ifndef LOCKKEEPER_TESTS_SERVER_STORAGE_SNAPSHOT_TEST_UTIL_H_
#define LOCKKEEPER_TESTS_SERVER_STORAGE_SNAPSHOT_TEST_UTIL_H_

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/storage/file_system.h"
#include "server/storage/snapshot_parser.h"

namespace lockkeeper {

// The directory of the snapshots in the fake file system.
inline constexpr char kSnapshotDir[] = "/data/version-2";
std::string SnapshotPath(std::string_view name);

// A StoredNode with its own bytes, in which null and empty data differ.
struct NodeCopy {
  std::string path;
  std::optional<std::string> data;
  int64_t acl_key = kOpenAclKey;
  NodeStat stat;
  friend bool operator==(const NodeCopy&, const NodeCopy&) = default;

  StoredNode View() const;
};
std::ostream& operator<<(std::ostream& out, const NodeCopy& node);

// All that a snapshot hands on, in the order of the file.
struct SnapshotContent {
  std::vector<std::pair<SessionId, int32_t>> sessions;
  std::vector<std::pair<int64_t, AclList>> acls;
  std::vector<NodeCopy> nodes;
  friend bool operator==(const SnapshotContent&, const SnapshotContent&) = default;
};

// Handlers that keep everything in `content`.
SnapshotHandlers Collect(SnapshotContent* content);

struct SnapshotReading {
  Status status;
  SnapshotInfo info;        // when the status is OK
  SnapshotContent content;  // handed on, also before an error

  // The same outcome to whoever loads it.
  bool SameAs(const SnapshotReading& other) const;
};
SnapshotReading ReadFile(FileSystem& fs, const std::string& path,
                         const SnapshotLimits& limits = {});
// A plain stream that arrives in pieces of `piece_bytes`, as from a socket.
SnapshotReading ReadPieces(std::string_view stream, size_t piece_bytes,
                           const SnapshotLimits& limits = {});

// "00ff" -> two bytes; blanks are ignored.
std::string FromHex(std::string_view hex);

// The bytes of storage-and-operations 3.2, put together without the code under test.
std::string FreshSnapshot();
SnapshotContent FreshContent();
// Where its first seal and its two optional sections start.
inline constexpr size_t kFreshFirstSeal = 0x19b;
inline constexpr size_t kFreshDigest = 0x1a8;
inline constexpr size_t kFreshProcessed = 0x1c9;

// Sessions, ACLs and nodes of every kind, null, empty and 300 KiB of data.
SnapshotContent SampleContent();

// The digest of a tree of these nodes.
uint64_t TreeDigest(const SnapshotContent& content);

// Writes `content` with both optional sections or those given.
struct SnapshotTail {
  std::optional<SnapshotDigest> digest;
  std::optional<Zxid> last_processed;
};
Status WriteFile(FileSystem& fs, const std::string& dir, Zxid zxid, SnapshotCompression compression,
                 const SnapshotContent& content, const SnapshotTail& tail);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_TESTS_SERVER_STORAGE_SNAPSHOT_TEST_UTIL_H_
