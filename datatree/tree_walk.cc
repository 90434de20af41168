#include "datatree/tree_walk.h"

#include <string>
#include <vector>

namespace lockkeeper {

// An explicit stack: a path may be half a million levels deep.
Status ForEachNode(const DataTree& tree, const std::function<Status(const StoredNode&)>& visit) {
  const NodeStore& nodes = tree.nodes();
  struct Pending {
    NodeId node;
    size_t parent_bytes;  // of the path of its parent
  };
  std::vector<Pending> stack{{NodeStore::kRoot, 0}};
  std::string path;
  while (!stack.empty()) {
    const Pending next = stack.back();
    stack.pop_back();
    path.resize(next.parent_bytes);
    if (next.node != NodeStore::kRoot) path.append("/").append(nodes.NameOf(next.node));
    const uint32_t acl_id = nodes.AclIdOf(next.node);
    const StoredNode stored{.path = path,
                            .data = nodes.DataOf(next.node),
                            .acl_key = acl_id == AclTable::kOpenId ? kOpenAclKey : int64_t{acl_id},
                            .stat = nodes.StatOf(next.node)};
    if (Status visited = visit(stored); !visited) return visited;
    for (NodeId c = nodes.FirstChild(next.node); c != kNoNode; c = nodes.NextSibling(c)) {
      stack.push_back({c, path.size()});
    }
  }
  return {};
}

}  // namespace lockkeeper
