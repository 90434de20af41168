#include "datatree/watch_table.h"

#include <glog/logging.h>

#include <algorithm>

#include "datatree/path.h"

namespace lockkeeper {
namespace {

template <class Vector>
auto PlaceOf(Vector& registrations, WatcherId watcher) {
  return std::lower_bound(registrations.begin(), registrations.end(), watcher,
                          [](const auto& r, WatcherId w) { return r.watcher < w; });
}

}  // namespace

uint8_t ModesToCheck(int32_t watcher_type) {
  switch (watcher_type) {
    case 1:
      return kChildStandard;
    case 2:
      return kDataStandard;
    case 3:
      return kAllModes;
    case 4:
      return kDataPersistent;
    case 5:
      return kDataRecursive;
    default:
      return 0;
  }
}

uint8_t ModesToRemove(int32_t watcher_type) {
  return watcher_type == 4 ? kDataPersistent | kChildPersistent : ModesToCheck(watcher_type);
}

void WatchTable::Add(std::string_view path, WatcherId watcher, uint8_t modes) {
  auto place = paths_.find(path);
  if (place == paths_.end()) place = paths_.try_emplace(std::string(path)).first;
  std::vector<Registration>& registrations = place->second;
  auto r = PlaceOf(registrations, watcher);
  if (r == registrations.end() || r->watcher != watcher) {
    r = registrations.insert(r, {watcher, 0});
    by_watcher_[watcher].insert(&place->first);
  }
  SetModes(place, watcher, r->modes | modes);
}

bool WatchTable::Has(std::string_view path, WatcherId watcher, uint8_t any_of) const {
  const auto place = paths_.find(path);
  if (place == paths_.end()) return false;
  const auto r = PlaceOf(place->second, watcher);
  return r != place->second.end() && r->watcher == watcher && (r->modes & any_of) != 0;
}

void WatchTable::Remove(std::string_view path, WatcherId watcher, uint8_t modes) {
  const auto place = paths_.find(path);
  if (place == paths_.end()) return;
  const auto r = PlaceOf(place->second, watcher);
  if (r == place->second.end() || r->watcher != watcher) return;
  SetModes(place, watcher, static_cast<uint8_t>(r->modes & ~modes));
}

void WatchTable::RemoveWatcher(WatcherId watcher) {
  const auto found = by_watcher_.find(watcher);
  if (found == by_watcher_.end()) return;
  const std::unordered_set<const std::string*> paths = found->second;
  for (const std::string* path : paths) SetModes(paths_.find(*path), watcher, 0);
}

// Changes the modes of an existing registration and forgets what has become empty.
void WatchTable::SetModes(Paths::iterator place, WatcherId watcher, uint8_t modes) {
  std::vector<Registration>& registrations = place->second;
  const auto r = PlaceOf(registrations, watcher);
  CHECK(r != registrations.end() && r->watcher == watcher);
  Count(r->modes, static_cast<size_t>(-1));
  Count(modes, 1);
  r->modes = modes;
  if (modes != 0) return;
  registrations.erase(r);
  Forget(watcher, &place->first);
  if (registrations.empty()) paths_.erase(place);
}

void WatchTable::Forget(WatcherId watcher, const std::string* path) {
  const auto of_watcher = by_watcher_.find(watcher);
  of_watcher->second.erase(path);
  if (of_watcher->second.empty()) by_watcher_.erase(of_watcher);
}

void WatchTable::Count(uint8_t modes, size_t sign) {
  if ((modes & kDataModes) != 0) data_count_ += sign;
  if ((modes & kChildModes) != 0) child_count_ += sign;
  if ((modes & kDataRecursive) != 0) recursive_count_ += sign;
}

void WatchTable::Match(const Change& change, const std::function<void(const FiredWatch&)>& fire) {
  if (paths_.empty()) return;
  std::vector<WatcherId> reached;
  const std::vector<WatcherId> nobody;
  switch (change.kind) {
    case ChangeKind::kDataChanged:
      Trigger(kDataModes, EventType::kNodeDataChanged, change.path, *change.acl, nobody, &reached,
              fire);
      return;
    case ChangeKind::kCreated:
      Trigger(kDataModes, EventType::kNodeCreated, change.path, *change.acl, nobody, &reached,
              fire);
      break;
    case ChangeKind::kDeleted: {
      Trigger(kDataModes, EventType::kNodeDeleted, change.path, *change.acl, nobody, &reached,
              fire);
      std::vector<WatcherId> reached_child;
      Trigger(kChildModes, EventType::kNodeDeleted, change.path, *change.acl, reached,
              &reached_child, fire);
      break;
    }
  }
  reached.clear();
  Trigger(kChildModes, EventType::kNodeChildrenChanged, ParentPath(change.path), *change.parent_acl,
          nobody, &reached, fire);
}

// One trigger of 9.3: everybody registered in `table` at the path, and everybody with a recursive
// watch above it. Those in `skip` (ascending) hear nothing, but their one-shot watches are
// consumed.
void WatchTable::Trigger(uint8_t table, EventType type, std::string_view path, const AclList& acl,
                         const std::vector<WatcherId>& skip, std::vector<WatcherId>* reached,
                         const std::function<void(const FiredWatch&)>& fire) {
  constexpr uint8_t kOneShot = kDataStandard | kChildStandard;
  const auto place = paths_.find(path);
  if (place != paths_.end()) {
    std::vector<Registration>& registrations = place->second;
    size_t kept = 0;
    for (Registration r : registrations) {
      if ((r.modes & table) != 0) {
        reached->push_back(r.watcher);
        const auto left = static_cast<uint8_t>(r.modes & ~(table & kOneShot));
        Count(r.modes, static_cast<size_t>(-1));
        Count(left, 1);
        r.modes = left;
      }
      if (r.modes == 0) {
        Forget(r.watcher, &place->first);
      } else {
        registrations[kept++] = r;
      }
    }
    registrations.resize(kept);
    if (kept == 0) paths_.erase(place);
  }
  if (table == kDataModes && recursive_count_ > 0) ReachAncestors(path, reached);
  for (WatcherId watcher : *reached) {
    if (std::binary_search(skip.begin(), skip.end(), watcher)) continue;
    fire({watcher, type, path, acl});
  }
}

void WatchTable::ReachAncestors(std::string_view path, std::vector<WatcherId>* reached) const {
  while (path.size() > 1) {
    path = ParentPath(path);
    const auto place = paths_.find(path);
    if (place == paths_.end()) continue;
    for (const Registration& r : place->second) {
      if ((r.modes & kDataRecursive) != 0) reached->push_back(r.watcher);
    }
  }
  std::sort(reached->begin(), reached->end());
  reached->erase(std::unique(reached->begin(), reached->end()), reached->end());
}

void WatchTable::ForEachDataWatch(
    const std::function<void(const std::string& path, WatcherId watcher)>& visit) const {
  for (const auto& [path, registrations] : paths_) {
    for (const Registration& r : registrations) {
      if ((r.modes & kDataModes) != 0) visit(path, r.watcher);
    }
  }
}

}  // namespace lockkeeper
