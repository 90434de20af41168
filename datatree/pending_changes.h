// The state that will exist when all prepared transactions are applied: changes in flight on top of
// the tree (client-protocol 7.0).
#ifndef LOCKKEEPER_DATATREE_PENDING_CHANGES_H_
#define LOCKKEEPER_DATATREE_PENDING_CHANGES_H_

#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "datatree/acl.h"
#include "datatree/data_tree.h"
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
  uint32_t digest_prefix = 0;  // DigestPrefix(path, data); 0 when digests are off
  Zxid zxid;                   // of the latest change
};

// Threads: owned by the core thread.
class PendingChanges {
 public:
  explicit PendingChanges(const DataTree& tree) : tree_(tree) {}

  // nullopt when the path names nothing, or nothing any more.
  std::optional<PendingNode> Find(std::string_view path) const;
  // `node.zxid` must not be below that of an earlier Put.
  void Put(std::string_view path, PendingNode node);

  // Ephemerals that the session will own: applied ones, plus creates and minus deletes in flight.
  // Ascending.
  std::vector<std::string> EphemeralPathsOf(SessionId session) const;

  // The digest that the tree will have.
  uint64_t digest() const { return size() == 0 ? tree_.digest() : digest_; }
  uint32_t PrefixFor(std::string_view path, std::string_view data) const;

  // Everything put after Mark can be undone by Rollback, for a multi that fails half-way. Keep and
  // Rollback both end that.
  void Mark();
  void Rollback();
  void Keep();

  // Forgets changes of transactions up to `zxid`: they are applied.
  void Release(Zxid zxid);
  // Forgets everything: the transactions in flight will never be applied.
  void Clear();
  size_t size() const { return nodes_.size(); }

 private:
  struct Undo {
    std::string path;
    std::optional<PendingNode> previous;
  };
  struct Entry {
    PendingNode node;
    uint32_t puts = 0;  // how often the path stands in order_
  };
  struct PathHash {
    using is_transparent = void;
    size_t operator()(std::string_view path) const { return std::hash<std::string_view>()(path); }
  };
  using Map = std::unordered_map<std::string, Entry, PathHash, std::equal_to<>>;
  uint64_t DigestOf(std::string_view path, const PendingNode& node) const;
  void Index(const Map::value_type& entry);
  void Unindex(const Map::value_type& entry);

  const DataTree& tree_;
  Map nodes_;
  // In the order of zxid; keys of `nodes_`, whose addresses are stable.
  std::deque<std::pair<Zxid, const std::string*>> order_;
  // Paths in `nodes_` that exist and belong to a session.
  std::unordered_map<int64_t, std::vector<const std::string*>> owned_;
  uint64_t digest_ = 0;
  bool marked_ = false;
  std::vector<Undo> undo_;
  uint64_t digest_at_mark_ = 0;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_DATATREE_PENDING_CHANGES_H_
