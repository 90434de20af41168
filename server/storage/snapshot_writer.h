// Writes one of ZooKeeper's snapshot files, so that it is there whole or not at all.
//
// The bytes go to `<name>.tmp`, which gets its name when all of it is on stable storage.
//
// Order:   Create, Begin, Add for every node, Finish, all once; nothing after an error.
// Threads: one.
// Errors:  kIo from the disk; the unfinished file is removed by the destructor.
#ifndef LOCKKEEPER_SERVER_STORAGE_SNAPSHOT_WRITER_H_
#define LOCKKEEPER_SERVER_STORAGE_SNAPSHOT_WRITER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "datatree/acl.h"
#include "datatree/stored_node.h"
#include "protocol/result.h"
#include "protocol/types.h"
#include "server/storage/file_system.h"
#include "server/storage/snapshot_format.h"
#include "server/storage/snapshot_stream.h"

namespace lockkeeper {

class SnapshotWriter {
 public:
  // `zxid`: of the last transaction that the snapshot contains for certain.
  static Result<std::unique_ptr<SnapshotWriter>> Create(FileSystem& fs, const std::string& dir,
                                                        Zxid zxid, SnapshotCompression compression);
  ~SnapshotWriter();
  SnapshotWriter(const SnapshotWriter&) = delete;
  SnapshotWriter& operator=(const SnapshotWriter&) = delete;

  // Timeouts in ms. `acls`: by positive keys, without kOpenAclKey; at most 2^31-1 of each.
  Status Begin(const std::map<SessionId, int32_t>& sessions, const std::map<int64_t, AclRef>& acls);

  // REQUIRES: the root, path "", first; parents before children; an ACL key that Begin was given,
  // or kOpenAclKey: ZooKeeper would fail on such a node later, with nobody to tell why.
  Status Add(const StoredNode& node);

  // Writes the sections that are given and everything to stable storage. To be read by any
  // ZooKeeper 3.6 to 3.9 with default settings a file needs both.
  Status Finish(const std::optional<SnapshotDigest>& digest,
                const std::optional<Zxid>& last_processed);

  const std::string& path() const { return path_; }  // of the finished file
  uint64_t bytes() const { return bytes_; }          // uncompressed, written so far

 private:
  SnapshotWriter(FileSystem& fs, std::string dir, const std::string& name,
                 SnapshotCompression compression, std::unique_ptr<WritableFile> file);

  Status FlushIfFull();
  Status Flush();
  // The checksum of all before it, and the end mark.
  Status Seal();

  FileSystem& fs_;
  const std::string dir_;
  const std::string path_;
  const std::string unfinished_path_;
  std::unique_ptr<WritableFile> file_;
  std::unique_ptr<ByteSink> sink_;
  std::string buffer_;
  RunningAdler adler_;  // of all that was flushed
  uint64_t bytes_ = 0;
  std::unordered_set<int64_t> acl_keys_;
  bool root_added_ = false;
  bool renamed_ = false;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_SNAPSHOT_WRITER_H_
