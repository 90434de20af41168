#include "server/pipeline/checkpoint_schedule.h"

#include <glog/logging.h>

#include <limits>

namespace lockkeeper {
namespace {

constexpr uint64_t kBacklogFactor = 8;

}  // namespace

void CheckpointSchedule::Due() {
  if (running_) {
    LOG(WARNING) << "Too busy to checkpoint, skipping: the one before still runs";
    return;
  }
  due_ = true;
}

bool CheckpointSchedule::TakeStart(bool dirty, uint64_t dirty_bytes, MonoMs now) {
  if (running_) return false;
  const bool by_clock = options_.interval_ms > 0 && now >= next_by_clock_;
  if (by_clock) next_by_clock_ = MonoMs{now.value + options_.interval_ms};
  if (!due_ && !by_clock && dirty_bytes < options_.dirty_bytes) return false;
  due_ = false;
  running_ = dirty;
  return dirty;
}

void CheckpointSchedule::Finished(MonoMs now) {
  running_ = false;
  next_by_clock_ = MonoMs{now.value + options_.interval_ms};
}

bool CheckpointSchedule::MustWait(uint64_t dirty_bytes) const {
  return running_ && dirty_bytes > kBacklogFactor * options_.dirty_bytes;
}

MonoMs CheckpointSchedule::NextDeadline() const {
  if (options_.interval_ms <= 0 || running_) return MonoMs{std::numeric_limits<int64_t>::max()};
  return next_by_clock_;
}

}  // namespace lockkeeper
