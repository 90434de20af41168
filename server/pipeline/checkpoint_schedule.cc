#include "server/pipeline/checkpoint_schedule.h"

#include <glog/logging.h>

#include <algorithm>
#include <limits>

namespace lockkeeper {
namespace {

constexpr uint64_t kBacklogFactor = 8;
// After a checkpoint the log's triggers wait for so many times what it took: writing checkpoints
// then takes a fiftieth of the time at most, however quickly transactions come. Not longer than
// kRestMaxMs, since what has not been written must be replayed (in less than a quarter of the time
// that clients took to send it).
constexpr int64_t kRestFactor = 49;
constexpr int64_t kRestMaxMs = 2000;

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
  const bool by_log = due_ && now >= rest_until_;
  if (!by_log && !by_clock && dirty_bytes < options_.dirty_bytes) return false;
  due_ = false;
  running_ = dirty;
  started_ = now;
  return dirty;
}

void CheckpointSchedule::Finished(MonoMs now) {
  running_ = false;
  next_by_clock_ = MonoMs{now.value + options_.interval_ms};
  const int64_t took_ms = now.value - started_.value;
  rest_until_ = MonoMs{now.value + std::min(kRestFactor * took_ms, kRestMaxMs)};
}

bool CheckpointSchedule::MustWait(uint64_t dirty_bytes) const {
  return running_ && dirty_bytes > kBacklogFactor * options_.dirty_bytes;
}

MonoMs CheckpointSchedule::NextDeadline() const {
  MonoMs next{std::numeric_limits<int64_t>::max()};
  if (running_) return next;
  if (options_.interval_ms > 0) next = next_by_clock_;
  return due_ ? std::min(next, rest_until_) : next;
}

}  // namespace lockkeeper
