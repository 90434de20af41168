// What a checkpoint must write: the znodes, ACLs and sessions that changed since the one before,
// each as it stood at one zxid, although the tree goes on changing while they are copied.
//
// Freezing costs nothing; from then on a znode that is about to change, and was not copied yet, is
// copied first. Two bits a znode say what the running and what the next checkpoint still need.
#ifndef LOCKKEEPER_DATATREE_CHECKPOINT_TRACKER_H_
#define LOCKKEEPER_DATATREE_CHECKPOINT_TRACKER_H_

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datatree/acl.h"
#include "datatree/node_store.h"
#include "datatree/stored_node.h"
#include "protocol/types.h"

namespace lockkeeper {

// Everything of a checkpoint but the znodes that it stores.
struct FrozenState {
  Zxid zxid;
  std::optional<uint64_t> digest;                        // of the tree; none when it is not kept
  uint64_t node_count = 0;                               // in the whole tree
  bool whole = false;                                    // nothing on disk counts any more
  std::map<SessionId, std::optional<int32_t>> sessions;  // timeout in ms; nullopt: closed
  std::map<uint32_t, AclRef> acls;                       // by number; null: no longer in use
  std::vector<std::string> deleted;                      // paths; may have been created again since
};

// Threads: whoever holds the checkpoint's read gate, and the core while it holds all of them.
class CheckpointTracker {
 public:
  // Receives each stored znode once; the views are valid during the call.
  using CopyNode = std::function<void(const StoredNode&)>;

  explicit CheckpointTracker(const NodeStore& nodes) : nodes_(nodes) {}

  // From now on changes are noted; the disk holds the state as it is now, at `on_disk`.
  void Start(Zxid on_disk);
  // The same, but the disk holds nothing: the first checkpoint takes everything.
  void StartWhole(const std::map<SessionId, int32_t>& sessions);

  // --- the tree's reports; nothing happens before Start ---
  void NodeCreated(NodeId node);
  // Before a change of data, stat or ACL.
  void NodeWillChange(NodeId node);
  // Before the removal.
  void NodeWillGo(NodeId node, std::string_view path);
  void AclAdded(uint32_t id, const AclRef& acl);
  void AclDropped(uint32_t id);
  void SessionOpened(SessionId session, int32_t timeout_ms);
  void SessionClosed(SessionId session);

  // Roughly what a checkpoint would have to write now, in bytes.
  uint64_t dirty_bytes() const { return dirty_bytes_; }
  // False: a checkpoint now would write nothing but its zxid.
  bool dirty() const;

  // The state as it is now becomes the next checkpoint: `copy` gets its znodes, some of them on
  // the thread that changes the tree. REQUIRES: !copying().
  FrozenState Freeze(Zxid zxid, std::optional<uint64_t> digest, CopyNode copy);
  // Copies some of the znodes that remain, at most `nodes_max`, and stops after `bytes_max` bytes
  // of data. False when none remains.
  bool CopySome(size_t nodes_max, size_t bytes_max);
  bool copying() const { return static_cast<bool>(copy_); }

 private:
  // Bit sets by NodeId: of the changes that the next checkpoint takes, and of those that the
  // running one takes. They change their roles at each Freeze.
  using Bits = std::vector<uint64_t>;
  struct Generation {
    Bits bits;
    std::vector<NodeId> nodes;  // may name a node twice, or one that is gone: the bits decide
  };
  Generation& next() { return generations_[next_]; }
  Generation& running() { return generations_[1 - next_]; }
  static bool Test(const Bits& bits, NodeId node);
  static bool TestAndClear(Bits* bits, NodeId node);
  void Mark(NodeId node);
  void CopyOne(NodeId node, std::string_view path);

  const NodeStore& nodes_;
  bool started_ = false;
  Zxid known_on_disk_;  // a znode created after it has no key on disk and in the running checkpoint
  std::array<Generation, 2> generations_;
  size_t next_ = 0;
  size_t copied_ = 0;  // of running().nodes
  CopyNode copy_;
  FrozenState delta_;  // what collects for the next Freeze
  uint64_t dirty_bytes_ = 0;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_DATATREE_CHECKPOINT_TRACKER_H_
