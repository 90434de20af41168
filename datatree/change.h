// What a transaction changed, as far as watches care: `Apply` lists changes, the threads that own
// watches turn them into events (client-protocol 9.4).
#ifndef LOCKKEEPER_DATATREE_CHANGE_H_
#define LOCKKEEPER_DATATREE_CHANGE_H_

#include <string>

#include "datatree/acl.h"
#include "protocol/types.h"

namespace lockkeeper {

enum class ChangeKind : uint8_t { kCreated, kDeleted, kDataChanged };

struct Change {
  ChangeKind kind;
  Zxid zxid;
  std::string path;
  AclRef acl;         // of the node; its last one if it was deleted
  AclRef parent_acl;  // null for kDataChanged
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_DATATREE_CHANGE_H_
