// The stream behind a SNAP packet: the content of a snapshot, then a signature
// (quorum-protocol 3.5). It becomes a tree while it arrives.
#ifndef LOCKKEEPER_SERVER_PEER_SNAPSHOT_RECEIVER_H_
#define LOCKKEEPER_SERVER_PEER_SNAPSHOT_RECEIVER_H_

#include <memory>
#include <string_view>

#include "datatree/data_tree.h"
#include "datatree/tree_loader.h"
#include "protocol/result.h"
#include "protocol/types.h"
#include "server/storage/snapshot_parser.h"

namespace lockkeeper {

// Threads: one. An unfinished one takes its half-filled tree with it.
class SnapshotReceiver {
 public:
  // `zxid`: of the SNAP packet. `field_bytes_max`: of a path, of data, of one ACL list.
  SnapshotReceiver(Zxid zxid, const DataTreeOptions& options, size_t field_bytes_max);
  SnapshotReceiver(const SnapshotReceiver&) = delete;
  SnapshotReceiver& operator=(const SnapshotReceiver&) = delete;

  // Takes whole items from the front of `bytes` and returns how many bytes they have. Fewer than
  // all: call again with the rest and bytes after it, unless it is done. kCorruption: not a
  // snapshot, or not the signature.
  Result<size_t> Consume(std::string_view bytes);

  bool done() const { return done_; }
  // REQUIRES: done. Once.
  std::unique_ptr<DataTree> TakeTree() { return std::move(tree_); }

 private:
  Result<size_t> TakeSignature(std::string_view bytes);

  const Zxid zxid_;
  std::unique_ptr<DataTree> tree_;
  TreeLoader loader_;
  const SnapshotHandlers handlers_;
  SnapshotContentParser content_;
  bool done_ = false;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PEER_SNAPSHOT_RECEIVER_H_
