// Every distinct ACL list once: a znode keeps a 24-bit number instead of a list.
#ifndef LOCKKEEPER_DATATREE_ACL_TABLE_H_
#define LOCKKEEPER_DATATREE_ACL_TABLE_H_

#include <cstdint>
#include <map>
#include <vector>

#include "datatree/acl.h"

namespace lockkeeper {

// Counted: an id is free for reuse after as many Release as Acquire calls.
// Threads: like the tree that owns it.
class AclTable {
 public:
  // The id of world:anyone with all permissions, always present.
  static constexpr uint32_t kOpenId = 0;

  AclTable();
  // Finds or adds the list and counts one use.
  uint32_t Acquire(const AclList& acl);
  void AddUse(uint32_t id);
  void Release(uint32_t id);
  const AclRef& Get(uint32_t id) const { return entries_[id].acl; }
  size_t size() const { return ids_.size(); }

 private:
  struct Entry {
    AclRef acl;
    uint64_t uses = 0;
  };
  std::vector<Entry> entries_;
  std::vector<uint32_t> free_;
  std::map<AclList, uint32_t> ids_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_DATATREE_ACL_TABLE_H_
