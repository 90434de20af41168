// The state that will exist when all prepared transactions are applied: changes in flight on top of
// the tree (client-protocol 7.0).
#ifndef LOCKKEEPER_DATATREE_PENDING_CHANGES_H_
#define LOCKKEEPER_DATATREE_PENDING_CHANGES_H_

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "datatree/acl.h"
#include "datatree/data_tree.h"
#include "datatree/hash_index.h"
#include "datatree/node_store.h"
#include "protocol/types.h"

namespace lockkeeper {

// A znode as preparation sees it.
struct PendingNode {
  bool exists = true;  // false: deleted by a change in flight
  NodeStat stat;
  uint32_t child_count = 0;
  AclRef acl;
  size_t data_bytes = 0;
  // DigestPrefix(path, data), where a change has needed it; digests may be off.
  std::optional<uint32_t> digest_prefix;
  uint32_t digest = 0;       // its share in the digest that the tree will have
  NodeId applied = kNoNode;  // the znode in the tree, if Find found it there
  Zxid zxid;                 // of the latest change
};

// Threads: owned by the core thread.
class PendingChanges {
 public:
  explicit PendingChanges(const DataTree& tree) : tree_(tree) {}

  // nullopt when the path names nothing, or nothing any more.
  std::optional<PendingNode> Find(std::string_view path) const;
  // `node`: what Find said of the path, changed; a new one if it said nullopt. REQUIRES: no Put of
  // the path in between, and `node.zxid` is not below that of an earlier Put.
  void Put(std::string_view path, PendingNode node);

  // Ephemerals that the session will own: applied ones, plus creates and minus deletes in flight.
  // Ascending.
  std::vector<std::string> EphemeralPathsOf(SessionId session) const;

  // The digest that the tree will have.
  uint64_t digest() const { return size() == 0 ? tree_.digest() : digest_; }

  // Everything put after Mark can be undone by Rollback, for a multi that fails half-way. Keep and
  // Rollback both end that.
  void Mark();
  void Rollback();
  void Keep();

  // Forgets changes of transactions up to `zxid`: they are applied.
  void Release(Zxid zxid);
  // Forgets everything: the transactions in flight will never be applied.
  void Clear();
  size_t size() const { return entries_.size() - free_.size(); }

 private:
  using Id = HashIndex::Id;  // a place in entries_
  struct Entry {
    std::string path;
    uint64_t hash = 0;
    PendingNode node;
    uint32_t puts = 0;  // how often it stands in order_; 0: the place is free
  };
  struct Undo {
    Id entry;
    std::optional<PendingNode> previous;  // nullopt: there was no entry
  };
  static std::string_view WithSlash(std::string_view path) { return path.empty() ? "/" : path; }
  uint64_t HashOf(std::string_view path) const;
  Id FindEntry(std::string_view path, uint64_t hash) const;
  Id AddEntry(std::string_view path, uint64_t hash);
  void FreeEntry(Id id);
  void UpdateDigest(std::string_view path, PendingNode* node);
  void Index(Id id);
  void Unindex(Id id);

  const DataTree& tree_;
  HashIndex index_;
  std::deque<Entry> entries_;
  std::vector<Id> free_;
  std::deque<std::pair<Zxid, Id>> order_;  // of the Puts, by zxid
  // Entries that exist and belong to a session.
  std::unordered_map<int64_t, std::vector<Id>> owned_;
  uint64_t digest_ = 0;
  bool marked_ = false;
  std::vector<Undo> undo_;
  uint64_t digest_at_mark_ = 0;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_DATATREE_PENDING_CHANGES_H_
