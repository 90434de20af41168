// Fills a new tree from a file that holds whole znodes: ZooKeeper's snapshot, our checkpoint.
#ifndef LOCKKEEPER_DATATREE_TREE_LOADER_H_
#define LOCKKEEPER_DATATREE_TREE_LOADER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "datatree/data_tree.h"
#include "datatree/stored_node.h"
#include "protocol/result.h"

namespace lockkeeper {

// Order of calls: sessions and ACLs, then nodes (parents before children), then Finish. After an
// error the tree is useless: start again with a new one.
// Threads: one; nobody else uses the tree before Finish.
// Errors:  kCorruption with the path or key in the message.
class TreeLoader {
 public:
  // REQUIRES: a tree as its constructor leaves it.
  explicit TreeLoader(DataTree* tree);

  // How many znodes will come, if that is known: only for speed.
  void Expect(uint64_t nodes);

  void AddSession(SessionId session, int32_t timeout_ms);

  // An ACL under the key that the file's nodes use, which need not be the tree's own number. The
  // last of several under one key counts, as in ZooKeeper.
  void AddAcl(int64_t key, const AclList& acl);
  // The same, but the tree uses `id` from now on: what a checkpoint wrote stays valid.
  Status RestoreAcl(uint32_t id, const AclList& acl);

  // Quick when siblings and their descendants come together. A node with an unknown ACL key is
  // kept, but only the super user may do anything with it. `digest`: DigestOf(node), for callers
  // that have it already.
  Status AddNode(const StoredNode& node, std::optional<uint32_t> digest = std::nullopt);

  // Drops ACLs that no node uses and recomputes the quota statistics (storage-and-operations 9.4).
  // `zxid`: of the last transaction that the file contains.
  void Finish(Zxid zxid);

  uint64_t nodes_with_unknown_acl() const { return unknown_acls_; }

 private:
  // An ancestor of the node that was added last, that node included.
  struct Level {
    NodeId node;
    size_t path_bytes;
  };

  NodeId ParentOf(std::string_view path);
  bool ReplaceSystemNode(const StoredNode& node, uint32_t acl_id);
  Result<uint32_t> AclIdOf(const StoredNode& node);

  DataTree& tree_;
  std::unordered_map<int64_t, uint32_t> acl_ids_;  // by the file's key
  std::string last_path_;
  std::vector<Level> levels_;  // of last_path_, the root first
  uint64_t unknown_acls_ = 0;
  bool config_loaded_ = false;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_DATATREE_TREE_LOADER_H_
