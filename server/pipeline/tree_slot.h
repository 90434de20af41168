// Where the tree is: a member of an ensemble may have to replace it by its leader's.
#ifndef LOCKKEEPER_SERVER_PIPELINE_TREE_SLOT_H_
#define LOCKKEEPER_SERVER_PIPELINE_TREE_SLOT_H_

#include <memory>

#include "datatree/data_tree.h"

namespace lockkeeper {

// Threads: replaced by the core thread while it holds all read gates; read inside a gate, and by
// the core at any time. Never empty after the start.
struct TreeSlot {
  std::unique_ptr<DataTree> tree;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PIPELINE_TREE_SLOT_H_
