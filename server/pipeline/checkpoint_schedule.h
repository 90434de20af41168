// When to write a checkpoint, and when writes must wait for one.
#ifndef LOCKKEEPER_SERVER_PIPELINE_CHECKPOINT_SCHEDULE_H_
#define LOCKKEEPER_SERVER_PIPELINE_CHECKPOINT_SCHEDULE_H_

#include <cstdint>

#include "protocol/types.h"

namespace lockkeeper {

struct CheckpointScheduleOptions {
  uint64_t dirty_bytes = 32 << 20;  // lockkeeper.checkpointDirtyMb
  int64_t interval_ms = 300'000;    // lockkeeper.checkpointIntervalSeconds; 0: no such trigger
};

// Triggers come from the log thread (snapCount, snapSizeLimitInKb), from the amount that changed
// and from the clock. One that comes while a checkpoint runs is dropped, as in ZooKeeper: what
// changed since makes the next one soon enough. The log's wait for a while after a checkpoint:
// under full load it reaches its limits several times a second.
//
// Threads: owned by the core thread.
class CheckpointSchedule {
 public:
  CheckpointSchedule(const CheckpointScheduleOptions& options, MonoMs now)
      : options_(options), next_by_clock_(now.value + options.interval_ms) {}

  // The log has grown to one of its limits, or the server has just loaded its state.
  void Due();
  // True once: a checkpoint must begin now. `dirty`: there is something to write.
  bool TakeStart(bool dirty, uint64_t dirty_bytes, MonoMs now);
  void Finished(MonoMs now);
  bool running() const { return running_; }

  // A checkpoint runs, and what has changed since it began is several times what begins one: the
  // disk does not keep up. Writes must wait, or recovery would take longer and longer.
  bool MustWait(uint64_t dirty_bytes) const;

  // When TakeStart is worth asking again without any other event.
  MonoMs NextDeadline() const;

 private:
  const CheckpointScheduleOptions options_;
  MonoMs next_by_clock_;
  bool due_ = false;
  bool running_ = false;
  MonoMs started_;
  MonoMs rest_until_;  // before it, due_ alone begins none
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PIPELINE_CHECKPOINT_SCHEDULE_H_
