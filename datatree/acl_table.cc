#include "datatree/acl_table.h"

#include <glog/logging.h>

namespace lockkeeper {

AclTable::AclTable() {
  entries_.push_back({OpenAcl(), 1});
  ids_.emplace(*OpenAcl(), kOpenId);
}

uint32_t AclTable::Acquire(const AclList& acl) {
  const auto found = ids_.find(acl);
  if (found != ids_.end()) {
    AddUse(found->second);
    return found->second;
  }
  uint32_t id = static_cast<uint32_t>(entries_.size());
  if (free_.empty()) {
    entries_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  entries_[id] = {std::make_shared<const AclList>(acl), 1};
  ids_.emplace(acl, id);
  return id;
}

void AclTable::AddUse(uint32_t id) { ++entries_[id].uses; }

void AclTable::Release(uint32_t id) {
  if (id == kOpenId) return;  // the system nodes of an empty tree use it without asking
  Entry& entry = entries_[id];
  CHECK_GT(entry.uses, 0u);
  if (--entry.uses > 0) return;
  ids_.erase(*entry.acl);
  entry.acl.reset();
  free_.push_back(id);
}

}  // namespace lockkeeper
