// Visits all znodes of a tree, parents before children.
#ifndef LOCKKEEPER_DATATREE_TREE_WALK_H_
#define LOCKKEEPER_DATATREE_TREE_WALK_H_

#include <functional>

#include "datatree/data_tree.h"
#include "datatree/stored_node.h"
#include "protocol/result.h"

namespace lockkeeper {

// An error of `visit` ends the walk and is its result. The root comes first, with the path "".
// Threads: nobody may change the tree meanwhile.
Status ForEachNode(const DataTree& tree, const std::function<Status(const StoredNode&)>& visit);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_DATATREE_TREE_WALK_H_
