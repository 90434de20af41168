// A znode as files hold it: a snapshot's record, a checkpoint's value.
#ifndef LOCKKEEPER_DATATREE_STORED_NODE_H_
#define LOCKKEEPER_DATATREE_STORED_NODE_H_

#include <cstdint>
#include <string_view>

#include "datatree/node_store.h"

namespace lockkeeper {

// The ACL key of world:anyone with all permissions, which no file lists (storage-and-operations
// 3.1).
inline constexpr int64_t kOpenAclKey = -1;

// Views of somebody else's bytes, valid as long as those.
struct StoredNode {
  std::string_view path;  // "" for the root
  std::string_view data;  // null stays null
  int64_t acl_key = kOpenAclKey;
  NodeStat stat;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_DATATREE_STORED_NODE_H_
