// Understands the bytes of a snapshot as they arrive, from a file or from a socket.
//
// Both parsers take whole items (a session, an ACL, a node) from the front of what the caller has,
// decode them in place and hand them on at once: the checksum is known to be right only at the
// end, and after an error whatever was handed on must be thrown away.
//
// Memory:  none for nodes. The caller's buffer must be able to grow to one item, which the limit
//          bounds; every length is checked before anything is made of it.
// Threads: an object is used by one thread; handlers run on it.
// Errors:  kCorruption: the name, the offset in the uncompressed stream, what is wrong there, what
//          to do. An error of a handler comes back with its code; a kCorruption gets name and
//          offset put before its message. After an error a parser must not be used again.
// Twice:   a session or an ACL key that comes twice is handed on twice; the later one replaces the
//          earlier, as in ZooKeeper. What a path that comes twice means, or one without parent, is
//          for the handler to say.
#ifndef LOCKKEEPER_SERVER_STORAGE_SNAPSHOT_PARSER_H_
#define LOCKKEEPER_SERVER_STORAGE_SNAPSHOT_PARSER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "datatree/acl.h"
#include "datatree/stored_node.h"
#include "protocol/result.h"
#include "protocol/types.h"
#include "server/storage/snapshot_format.h"
#include "server/storage/txn_log_format.h"

namespace lockkeeper {

// Called in the order of the stream. Views are valid during the call. An empty function is not
// called.
struct SnapshotHandlers {
  std::function<Status(SessionId, int32_t timeout_ms)> session;
  // Never called with kOpenAclKey: ZooKeeper would not look such an entry up.
  std::function<Status(int64_t key, const AclList&)> acl;
  // The first call is for the root, and no other is.
  std::function<Status(const StoredNode&)> node;
};

struct SnapshotLimits {
  // jute.maxbuffer plus jute.maxbuffer.extrasize: of a path, of data, of one ACL list.
  size_t field_bytes_max = kDefaultPayloadBytesMax;
};

struct SnapshotInfo {
  Zxid zxid;              // in the name of the file: what counts
  uint64_t sessions = 0;  // items in the file, repetitions included
  uint64_t acls = 0;
  uint64_t nodes = 0;
  uint64_t bytes = 0;  // uncompressed
  std::optional<SnapshotDigest> digest;
  std::optional<Zxid> last_processed;
  friend bool operator==(const SnapshotInfo&, const SnapshotInfo&) = default;
};

class FieldCursor;

// `content` of snapshot_format.h: what files and a quorum leader's full snapshot have in common.
class SnapshotContentParser {
 public:
  // `name`: for messages, for example "snapshot /data/version-2/snapshot.5". `offset`: where the
  // content starts in the stream, for messages. `handlers` must outlive the parser.
  SnapshotContentParser(std::string name, const SnapshotLimits& limits,
                        const SnapshotHandlers& handlers, uint64_t offset);

  // Takes whole items from the front of `bytes` and returns how many bytes they have. Fewer than
  // all: call again with the rest and bytes after it, more than now.
  Result<size_t> Consume(std::string_view bytes);

  // All of the content was taken; Consume takes nothing more.
  bool done() const { return part_ == Part::kDone; }
  // What to say when the stream has no more bytes and the content is not done.
  Error EndsEarly() const;

  uint64_t offset() const { return offset_; }  // of the next byte
  uint64_t sessions() const { return sessions_; }
  uint64_t acls() const { return acls_; }
  uint64_t nodes() const { return nodes_; }

 private:
  enum class Part : uint8_t { kSessionCount, kSessions, kAclCount, kAcls, kNodes, kDone };

  Status TakeItem(FieldCursor& in);
  Status TakeCount(FieldCursor& in, const char* what, uint64_t* count, Part next);
  Status TakeSession(FieldCursor& in);
  Status TakeAcl(FieldCursor& in);
  Status TakeNode(FieldCursor& in);
  // Leaves a part whose items were all taken.
  void SkipFinishedParts();
  std::string ItemName() const;
  Error Damage(const std::string& what, uint64_t offset) const;
  // The outcome of a handler for the item at offset_.
  Status Handled(Status outcome) const;

  const std::string name_;
  const SnapshotLimits limits_;
  const SnapshotHandlers& handlers_;
  uint64_t offset_;
  Part part_ = Part::kSessionCount;
  uint64_t session_count_ = 0;
  uint64_t acl_count_ = 0;
  uint64_t sessions_ = 0;
  uint64_t acls_ = 0;
  uint64_t nodes_ = 0;
};

// A whole `stream` of snapshot_format.h.
class SnapshotParser {
 public:
  // As for SnapshotContentParser.
  SnapshotParser(const std::string& name, const SnapshotLimits& limits,
                 const SnapshotHandlers& handlers);

  // As for SnapshotContentParser. The seals are never taken: they are for Finish.
  Result<size_t> Consume(std::string_view bytes);

  // The stream has ended; `rest` is what Consume did not take. The zxid is left 0. Which of the
  // optional sections are there follows from the number of bytes, whatever the server's settings.
  Result<SnapshotInfo> Finish(std::string_view rest);

 private:
  // Checks the seal at the front of `rest` and takes it.
  Status TakeSeal(std::string_view* rest, const char* which);
  std::string_view TakeFields(std::string_view* rest, size_t bytes);
  Error Damage(const std::string& what) const;  // at the present end of what was taken

  const std::string name_;
  bool header_taken_ = false;
  SnapshotContentParser content_;
  RunningAdler adler_;  // of everything taken
  uint64_t offset_ = 0;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_SNAPSHOT_PARSER_H_
