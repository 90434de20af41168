// Every distinct ACL list once: a znode keeps a 24-bit number instead of a list.
#ifndef LOCKKEEPER_DATATREE_ACL_TABLE_H_
#define LOCKKEEPER_DATATREE_ACL_TABLE_H_

#include <cstdint>
#include <map>
#include <vector>

#include "datatree/acl.h"

namespace lockkeeper {

class CheckpointTracker;

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
  // For a table that is filled from a file: puts the list at `id` and counts one use. False if the
  // place or the list is taken. Call ListFree after the last one.
  bool Restore(uint32_t id, const AclList& acl);
  void ListFree();
  const AclRef& Get(uint32_t id) const { return entries_[id].acl; }
  template <class Fn>
  void ForEach(const Fn& fn) const {  // fn(id, list), each that is in use
    for (uint32_t id = 0; id < entries_.size(); ++id) {
      if (entries_[id].acl != nullptr) fn(id, entries_[id].acl);
    }
  }
  size_t size() const { return ids_.size(); }
  // Hears of each list that comes or goes. `tracker` must outlive the table.
  void SetTracker(CheckpointTracker* tracker) { tracker_ = tracker; }

 private:
  struct Entry {
    AclRef acl;
    uint64_t uses = 0;
  };
  std::vector<Entry> entries_;
  std::vector<uint32_t> free_;
  std::map<AclList, uint32_t> ids_;
  CheckpointTracker* tracker_ = nullptr;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_DATATREE_ACL_TABLE_H_
