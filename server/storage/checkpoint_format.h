// Keys and values of the checkpoint store (docs/disk-format.md has them as a grammar).
//
//   key   := 'a' id:u32 | 'm' | 'n' path | 's' session:i64
//   value := for 'a': Jute vector<ACL>
//            for 'm': CheckpointMeta, in Jute
//            for 'n': flags:u8 czxid:i64 ctime:i64
//                     [mzxid:i64 pzxid:i64 mtime:i64 version:i32 cversion:i32 aversion:i32]
//                     [owner:i64] [acl:u32] data
//            for 's': timeout in ms:i32
//
// Integers are big-endian. In keys the '/' of a path is the byte 1, and the bytes 0, 1 and 2, which
// no client can put into a path, are 2 followed by themselves plus one: so the order of keys is the
// pre-order of the tree, parents before children and every subtree in one piece.
#ifndef LOCKKEEPER_SERVER_STORAGE_CHECKPOINT_FORMAT_H_
#define LOCKKEEPER_SERVER_STORAGE_CHECKPOINT_FORMAT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datatree/acl.h"
#include "datatree/stored_node.h"
#include "protocol/types.h"

namespace lockkeeper {

// Raised when keys or values change their meaning; a store of a higher version is refused.
inline constexpr int32_t kCheckpointVersion = 1;

// Written in the same atomic batch as everything it speaks about. A store without it is the
// remainder of a first checkpoint that never ended.
struct CheckpointMeta {
  int32_t version = kCheckpointVersion;
  Zxid zxid;                       // of the last transaction that the store contains
  std::optional<uint64_t> digest;  // of the tree; none when digests were off
  uint64_t node_count = 0;
  int64_t written_ms = 0;         // wall clock
  std::vector<Zxid> generations;  // zxids of the last checkpoints, oldest first, this one last
  friend bool operator==(const CheckpointMeta&, const CheckpointMeta&) = default;
};

// More than any sensible autopurge.snapRetainCount.
inline constexpr size_t kGenerationsMax = 1000;

inline constexpr char kAclKeyPrefix = 'a';
inline constexpr char kNodeKeyPrefix = 'n';
inline constexpr char kSessionKeyPrefix = 's';
inline constexpr std::string_view kMetaKey = "m";

std::string AclKey(uint32_t id);
std::string SessionKey(SessionId session);
// Replaces `key`, so that one string serves many calls.
void SetNodeKey(std::string_view path, std::string* key);
void SetNodeValue(const StoredNode& node, std::string* value);
std::string AclValue(const AclList& acl);
std::string SessionValue(int32_t timeout_ms);
std::string MetaValue(const CheckpointMeta& meta);

// nullopt or false: not what the functions above make.
std::optional<uint32_t> ParseAclKey(std::string_view key);
std::optional<SessionId> ParseSessionKey(std::string_view key);
bool ParseNodeKey(std::string_view key, std::string* path);
// All of `node` but its path; its data points into `value`.
bool ParseNodeValue(std::string_view value, StoredNode* node);
std::optional<AclList> ParseAclValue(std::string_view value);
std::optional<int32_t> ParseSessionValue(std::string_view value);
std::optional<CheckpointMeta> ParseMetaValue(std::string_view value);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_CHECKPOINT_FORMAT_H_
