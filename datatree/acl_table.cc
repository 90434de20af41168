#include "datatree/acl_table.h"

#include <glog/logging.h>

#include "datatree/checkpoint_tracker.h"

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
  if (tracker_ != nullptr) tracker_->AclAdded(id, entries_[id].acl);
  return id;
}

bool AclTable::Restore(uint32_t id, const AclList& acl) {
  if (id >= entries_.size()) entries_.resize(size_t{id} + 1);
  if (entries_[id].acl != nullptr || !ids_.emplace(acl, id).second) return false;
  entries_[id] = {std::make_shared<const AclList>(acl), 1};
  return true;
}

void AclTable::ListFree() {
  free_.clear();
  for (size_t id = entries_.size(); id-- > 1;) {
    if (entries_[id].acl == nullptr) free_.push_back(static_cast<uint32_t>(id));
  }
}

void AclTable::AddUse(uint32_t id) { ++entries_[id].uses; }

void AclTable::Release(uint32_t id) {
  if (id == kOpenId) return;  // the system nodes of an empty tree use it without asking
  Entry& entry = entries_[id];
  CHECK_GT(entry.uses, 0u);
  if (--entry.uses > 0) return;
  ids_.erase(*entry.acl);
  if (tracker_ != nullptr) tracker_->AclDropped(id);
  entry.acl.reset();
  free_.push_back(id);
}

}  // namespace lockkeeper
