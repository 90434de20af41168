// The watch table against a naive reading of client-protocol 9.3 and 9.4.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "datatree/path.h"
#include "datatree/watch_table.h"

namespace lockkeeper {
namespace {

using Event = std::tuple<WatcherId, EventType, std::string>;

// One set of modes for each (path, watcher); every question is a walk over all of them.
class NaiveWatches {
 public:
  void Add(const std::string& path, WatcherId watcher, uint8_t modes) {
    modes_[{path, watcher}] |= modes;
  }
  void Remove(const std::string& path, WatcherId watcher, uint8_t modes) {
    const auto found = modes_.find({path, watcher});
    if (found == modes_.end()) return;
    found->second &= static_cast<uint8_t>(~modes);
    if (found->second == 0) modes_.erase(found);
  }
  void RemoveWatcher(WatcherId watcher) {
    std::erase_if(modes_, [&](const auto& entry) { return entry.first.second == watcher; });
  }
  bool Has(const std::string& path, WatcherId watcher, uint8_t modes) const {
    const auto found = modes_.find({path, watcher});
    return found != modes_.end() && (found->second & modes) != 0;
  }
  size_t Count() const {
    size_t count = 0;
    for (const auto& [key, modes] : modes_) {
      count += (modes & kDataModes) != 0;
      count += (modes & kChildModes) != 0;
    }
    return count;
  }

  std::vector<Event> Match(const Change& change) {
    std::vector<Event> events;
    const std::string parent(ParentPath(change.path));
    if (change.kind == ChangeKind::kDataChanged) {
      Trigger(kDataModes, EventType::kNodeDataChanged, change.path, {}, &events);
    } else if (change.kind == ChangeKind::kCreated) {
      Trigger(kDataModes, EventType::kNodeCreated, change.path, {}, &events);
      Trigger(kChildModes, EventType::kNodeChildrenChanged, parent, {}, &events);
    } else {
      const std::set<WatcherId> reached =
          Trigger(kDataModes, EventType::kNodeDeleted, change.path, {}, &events);
      Trigger(kChildModes, EventType::kNodeDeleted, change.path, reached, &events);
      Trigger(kChildModes, EventType::kNodeChildrenChanged, parent, {}, &events);
    }
    return events;
  }

 private:
  static bool IsAncestor(const std::string& ancestor, const std::string& path) {
    if (ancestor == path) return false;
    return ancestor == "/" || path.starts_with(ancestor + "/");
  }
  std::set<WatcherId> Trigger(uint8_t table, EventType type, const std::string& path,
                              const std::set<WatcherId>& skip, std::vector<Event>* events) {
    std::set<WatcherId> reached;
    for (const auto& [key, modes] : modes_) {
      const auto& [watched, watcher] = key;
      if (watched == path && (modes & table) != 0) reached.insert(watcher);
      const bool recursive = (modes & table & kDataRecursive) != 0;
      if (recursive && IsAncestor(watched, path)) reached.insert(watcher);
    }
    for (WatcherId watcher : reached) {
      Remove(path, watcher, table & (kDataStandard | kChildStandard));
      if (!skip.contains(watcher)) events->emplace_back(watcher, type, path);
    }
    return reached;
  }
  std::map<std::pair<std::string, WatcherId>, uint8_t> modes_;
};

class RandomWatches : public ::testing::TestWithParam<uint64_t> {};

TEST_P(RandomWatches, BehaveAsTheNaiveTable) {
  std::mt19937_64 random(GetParam());
  const auto path = [&] {
    std::string p;
    const size_t depth = random() % 4;
    for (size_t i = 0; i < depth; ++i) p += std::string("/") + "ab"[random() % 2];
    return p.empty() ? std::string("/") : p;
  };
  WatchTable table;
  NaiveWatches naive;
  size_t fired = 0;
  for (int step = 0; step < 5000; ++step) {
    const std::string where = path();
    const WatcherId watcher = 1 + random() % 4;
    const auto modes = static_cast<uint8_t>(1u << random() % 5);
    switch (random() % 8) {
      case 0:
      case 1:
      case 2:
      case 3:
        table.Add(where, watcher, modes);
        naive.Add(where, watcher, modes);
        break;
      case 4:
        table.Remove(where, watcher, modes);
        naive.Remove(where, watcher, modes);
        break;
      case 5:
        if (random() % 10 == 0) {
          table.RemoveWatcher(watcher);
          naive.RemoveWatcher(watcher);
        }
        break;
      default: {
        if (where == "/") break;
        const auto kind = static_cast<ChangeKind>(random() % 3);
        const Change change{kind, Zxid{step}, where, OpenAcl(), OpenAcl()};
        std::vector<Event> events;
        table.Match(change, [&](const FiredWatch& f) {
          events.emplace_back(f.watcher, f.type, std::string(f.path));
        });
        ASSERT_EQ(events, naive.Match(change)) << "step " << step;
        fired += events.size();
      }
    }
    ASSERT_EQ(table.watch_count(), naive.Count());
    ASSERT_EQ(table.Has(where, watcher, modes), naive.Has(where, watcher, modes));
  }
  EXPECT_GT(fired, 100u);
  for (WatcherId watcher = 1; watcher <= 4; ++watcher) table.RemoveWatcher(watcher);
  EXPECT_TRUE(table.empty());
  EXPECT_EQ(table.watch_count(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomWatches, ::testing::Range<uint64_t>(1, 9));

}  // namespace
}  // namespace lockkeeper
