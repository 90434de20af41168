// Znodes in memory: names, data, stats and the parent-child links. Knows no ACL meaning, no
// watches and no transactions.
//
// A znode is a 32-byte slot and one payload block. The payload of a leaf that was never changed
// holds only ctime, the lengths, name, data and digest (lean): its other times, zxids and versions
// follow from czxid and ctime. The first change or child gives it the full stat.
#ifndef LOCKKEEPER_DATATREE_NODE_STORE_H_
#define LOCKKEEPER_DATATREE_NODE_STORE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "datatree/expected_paths.h"
#include "datatree/hash_index.h"
#include "datatree/payload_arena.h"
#include "protocol/error_code.h"  // before kNoNode, whose name one of its members has too
#include "protocol/records.h"

namespace lockkeeper {

using NodeId = HashIndex::Id;
inline constexpr NodeId kNoNode = HashIndex::kNone;

// The part of a stat that is stored. `cversion` counts child creations: what clients see is
// 2 * cversion - children (client-protocol 7.4). `owner` is the internal ephemeral owner: a session
// id, kContainerOwner, a TTL (see owner.h) or 0.
struct NodeStat {
  int64_t czxid = 0;
  int64_t mzxid = 0;
  int64_t pzxid = 0;
  int64_t ctime = 0;
  int64_t mtime = 0;
  int32_t version = 0;
  int32_t cversion = 0;
  int32_t aversion = 0;
  int64_t owner = 0;
  friend bool operator==(const NodeStat&, const NodeStat&) = default;
};

// Threads: written by the core thread while it holds all read gates, read under any gate.
class NodeStore {
 public:
  static constexpr NodeId kRoot = 0;
  static constexpr uint32_t kAclIdMax = 0xFFFFFF;

  // Starts with the root alone. `hash_seed`: any number a client cannot guess.
  explicit NodeStore(uint64_t hash_seed);
  ~NodeStore();
  NodeStore(const NodeStore&) = delete;
  NodeStore& operator=(const NodeStore&) = delete;

  size_t size() const { return live_; }
  // Makes room for `nodes` znodes in all: adding them is quicker then.
  void Reserve(size_t nodes) { index_.Reserve(nodes); }
  // Bytes taken from the system for nodes, free space included.
  size_t reserved_bytes() const;

  // kNoNode when there is none. "/" and "" are the root.
  NodeId Lookup(std::string_view path) const;
  NodeId FindChild(NodeId parent, std::string_view name) const;
  // Brings into the cache what Lookup of these paths will read and what stands there, all of them
  // at the same time: one after the other they would each wait for memory.
  void Expect(const ExpectedPaths& expected) const;
  // The same, and what Lookup says of each of them.
  void LookupAll(const ExpectedPaths& expected, FoundNodes* found) const;

  // REQUIRES: the parent exists and has no child of that name.
  NodeId Create(NodeId parent, std::string_view name, std::string_view data, uint32_t acl_id,
                const NodeStat& stat);
  // REQUIRES: not the root, no children.
  void Remove(NodeId node);

  std::string PathOf(NodeId node) const;  // "" for the root, as on disk and in digests
  std::string_view NameOf(NodeId node) const;
  std::string_view DataOf(NodeId node) const;  // null stays null
  NodeStat StatOf(NodeId node) const;
  uint32_t AclIdOf(NodeId node) const { return slot(node).acl_and_flags >> 8; }
  NodeId ParentOf(NodeId node) const { return slot(node).parent; }
  uint32_t ChildCountOf(NodeId node) const;
  // Children in no particular order: for (c = FirstChild(n); c != kNoNode; c = NextSibling(c)).
  NodeId FirstChild(NodeId node) const;
  NodeId NextSibling(NodeId node) const { return slot(node).next; }

  void SetStat(NodeId node, const NodeStat& stat);
  void SetData(NodeId node, std::string_view data);
  void SetAclId(NodeId node, uint32_t acl_id);
  // A number that is kept for the owner of the store; 0 at first.
  void SetDigest(NodeId node, uint32_t digest);
  uint32_t DigestOf(NodeId node) const;

 private:
  static constexpr uint32_t kFull = 1;      // the payload starts with a FullHead
  static constexpr uint32_t kNullData = 2;  // data is null rather than empty
  struct Slot {
    NodeId parent;
    NodeId next;
    NodeId prev;
    uint32_t acl_and_flags;  // ACL id in the high 24 bits
    char* payload;
    int64_t czxid;
  };
  static_assert(sizeof(Slot) == 32);
  struct LeanHead;
  struct FullHead;
  struct Sought {
    std::string_view name;
    NodeId parent;  // kNoNode: there is none, or the path is an odd one
    uint64_t hash;
  };
  // In the order of the paths.
  using SoughtNodes = std::array<Sought, ExpectedPaths::kMax>;
  // Where things stand in a payload.
  struct Parts {
    size_t head_bytes;
    size_t name_bytes;
    size_t data_bytes;
    size_t total() const { return head_bytes + name_bytes + data_bytes; }
  };
  static constexpr size_t kSlotsPerChunk = 1 << 15;

  Slot& slot(NodeId n) { return chunks_[n / kSlotsPerChunk][n % kSlotsPerChunk]; }
  const Slot& slot(NodeId n) const { return chunks_[n / kSlotsPerChunk][n % kSlotsPerChunk]; }
  bool IsFull(NodeId n) const { return (slot(n).acl_and_flags & kFull) != 0; }
  Parts PartsOf(NodeId node) const;
  NodeId FindChild(uint64_t hash, NodeId parent, std::string_view name) const;
  using KnownParents = std::array<std::pair<std::string_view, NodeId>, 16>;
  NodeId ParentAt(std::string_view path, KnownParents* known) const;
  void Fetch(const ExpectedPaths& expected, SoughtNodes* sought) const;
  NodeId TakeSlot();
  LeanHead ReadLeanHead(NodeId node) const;
  FullHead ReadFullHead(NodeId node) const;
  void WriteFullHead(NodeId node, const FullHead& head);
  // Makes sure that the payload has a FullHead.
  void Expand(NodeId node);
  void Link(NodeId parent, NodeId child);
  void Unlink(NodeId child);
  uint64_t HashOf(NodeId node) const;

  const uint64_t hash_seed_;
  PayloadArena arena_;
  HashIndex index_;
  std::vector<std::unique_ptr<Slot[]>> chunks_;
  NodeId next_unused_ = 0;
  NodeId free_head_ = kNoNode;  // free slots are linked through `next`
  size_t live_ = 0;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_DATATREE_NODE_STORE_H_
