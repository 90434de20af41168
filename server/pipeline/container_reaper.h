// Finds container and TTL nodes whose time has come (client-protocol 5.4, 5.5).
#ifndef LOCKKEEPER_SERVER_PIPELINE_CONTAINER_REAPER_H_
#define LOCKKEEPER_SERVER_PIPELINE_CONTAINER_REAPER_H_

#include <deque>
#include <optional>
#include <string>

#include "datatree/data_tree.h"
#include "protocol/types.h"

namespace lockkeeper {

struct ReaperOptions {
  int64_t check_interval_ms = 60'000;  // znode.container.checkIntervalMs
  int64_t max_per_minute = 10'000;     // znode.container.maxPerMinute
  int64_t max_never_used_ms = 0;       // znode.container.maxNeverUsedIntervalMs; 0: kept for ever
};

// It only names candidates, spread over time; whether a node may go is decided when its deletion is
// prepared. Threads: owned by the core thread.
class ContainerReaper {
 public:
  // The first look at the tree is one interval after `start`.
  ContainerReaper(const ReaperOptions& options, MonoMs start)
      : options_(options), next_check_(start.value + options.check_interval_ms) {}

  // The next node to delete, if its turn has come.
  std::optional<std::string> Next(const DataTree& tree, MonoMs now, WallMs wall);
  // When Next is worth calling again.
  MonoMs NextDeadline() const;

 private:
  void Look(const DataTree& tree, WallMs wall);

  const ReaperOptions options_;
  MonoMs next_check_;
  MonoMs next_deletion_;
  std::deque<std::string> candidates_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PIPELINE_CONTAINER_REAPER_H_
