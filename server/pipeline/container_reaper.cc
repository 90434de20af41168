#include "server/pipeline/container_reaper.h"

#include <algorithm>

namespace lockkeeper {

std::optional<std::string> ContainerReaper::Next(const DataTree& tree, MonoMs now, WallMs wall) {
  if (candidates_.empty()) {
    if (now < next_check_) return std::nullopt;
    next_check_ = MonoMs{now.value + options_.check_interval_ms};
    Look(tree, wall);
  }
  if (candidates_.empty() || now < next_deletion_) return std::nullopt;
  std::string path = std::move(candidates_.front());
  candidates_.pop_front();
  next_deletion_ = MonoMs{now.value + 60'000 / std::max<int64_t>(options_.max_per_minute, 1)};
  return path;
}

MonoMs ContainerReaper::NextDeadline() const {
  return candidates_.empty() ? next_check_ : next_deletion_;
}

void ContainerReaper::Look(const DataTree& tree, WallMs wall) {
  const NodeStore& nodes = tree.nodes();
  for (NodeId node : tree.containers()) {
    if (nodes.ChildCountOf(node) > 0) continue;
    const NodeStat stat = nodes.StatOf(node);
    const bool unused_too_long =
        options_.max_never_used_ms > 0 && wall.value - stat.mtime > options_.max_never_used_ms;
    if (stat.cversion > 0 || unused_too_long) candidates_.push_back(nodes.PathOf(node));
  }
  for (NodeId node : tree.ttl_nodes()) {
    if (nodes.ChildCountOf(node) > 0) continue;
    const NodeStat stat = nodes.StatOf(node);
    if (wall.value - stat.mtime > TtlMsOf(stat.owner)) candidates_.push_back(nodes.PathOf(node));
  }
}

}  // namespace lockkeeper
