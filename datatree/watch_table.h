// Watches of one I/O thread's connections, and which of them a change reaches
// (client-protocol 9).
#ifndef LOCKKEEPER_DATATREE_WATCH_TABLE_H_
#define LOCKKEEPER_DATATREE_WATCH_TABLE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "datatree/change.h"
#include "protocol/op_code.h"

namespace lockkeeper {

// A connection, as the owner of the table numbers them. Watches belong to connections, not to
// sessions: they end with the connection.
using WatcherId = uint64_t;

// Which table, and how long: standard watches fire once, the others until removed. The five can
// stand side by side for one connection and path (9.1).
enum WatchMode : uint8_t {
  kDataStandard = 1,
  kDataPersistent = 2,
  kDataRecursive = 4,
  kChildStandard = 8,
  kChildPersistent = 16,
};
inline constexpr uint8_t kDataModes = kDataStandard | kDataPersistent | kDataRecursive;
inline constexpr uint8_t kChildModes = kChildStandard | kChildPersistent;
inline constexpr uint8_t kAllModes = kDataModes | kChildModes;

// `type` of addWatch.
inline constexpr int32_t kAddWatchPersistent = 0;
inline constexpr int32_t kAddWatchRecursive = 1;

// The modes that checkWatches / removeWatches look at for a watcher type (9.8); 0: unknown type.
uint8_t ModesToCheck(int32_t watcher_type);
uint8_t ModesToRemove(int32_t watcher_type);

// One event for one connection. `acl` decides whether it may see it (9.7).
struct FiredWatch {
  WatcherId watcher;
  EventType type;
  std::string_view path;
  const AclList& acl;
};

// Threads: owned by one I/O thread; not thread-safe.
class WatchTable {
 public:
  // `modes`: one or more bits of WatchMode. Adding twice is once.
  void Add(std::string_view path, WatcherId watcher, uint8_t modes);
  bool Has(std::string_view path, WatcherId watcher, uint8_t any_of) const;
  // Removes those of `modes` that are there.
  void Remove(std::string_view path, WatcherId watcher, uint8_t modes);
  // O(watches of that connection).
  void RemoveWatcher(WatcherId watcher);

  // Calls `fire` for every event of a change, in the order of 9.4, for each trigger in ascending
  // watcher order and at most once a watcher. One-shot watches that were reached are gone then.
  void Match(const Change& change, const std::function<void(const FiredWatch&)>& fire);

  bool empty() const { return paths_.empty(); }
  // Registrations in the data table and in the child table, as `watch_count` counts them.
  size_t watch_count() const { return data_count_ + child_count_; }
  size_t data_watch_count() const { return data_count_; }
  // Every (path, watcher) with a watch in the data table: what wchs, wchc and wchp show.
  void ForEachDataWatch(
      const std::function<void(const std::string& path, WatcherId watcher)>& visit) const;

 private:
  struct Registration {
    WatcherId watcher;
    uint8_t modes;
  };
  struct PathHash {
    using is_transparent = void;
    size_t operator()(std::string_view path) const { return std::hash<std::string_view>()(path); }
  };
  // Registrations of a path, ascending by watcher.
  using Paths =
      std::unordered_map<std::string, std::vector<Registration>, PathHash, std::equal_to<>>;

  void Trigger(uint8_t table, EventType type, std::string_view path, const AclList& acl,
               const std::vector<WatcherId>& skip, std::vector<WatcherId>* reached,
               const std::function<void(const FiredWatch&)>& fire);
  void ReachAncestors(std::string_view path, std::vector<WatcherId>* reached) const;
  void SetModes(Paths::iterator place, WatcherId watcher, uint8_t modes);
  void Forget(WatcherId watcher, const std::string* path);
  void Count(uint8_t modes, size_t sign);

  Paths paths_;
  // The paths each connection watches: keys of paths_, whose addresses are stable.
  std::unordered_map<WatcherId, std::unordered_set<const std::string*>> by_watcher_;
  size_t data_count_ = 0;
  size_t child_count_ = 0;
  size_t recursive_count_ = 0;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_DATATREE_WATCH_TABLE_H_
