// Whether clients may come, and in which role this server serves them.
#ifndef LOCKKEEPER_SERVER_PIPELINE_SERVING_STATE_H_
#define LOCKKEEPER_SERVER_PIPELINE_SERVING_STATE_H_

#include <atomic>
#include <cstdint>

namespace lockkeeper {

enum class ServingRole : uint8_t { kNone, kStandalone, kLeader, kFollower, kObserver };

// Threads: set by whoever uses the core, read by any. A connection that was let in just before the
// end is closed by the core, so a reader needs no more than this.
class ServingState {
 public:
  explicit ServingState(ServingRole role) : role_(role) {}
  ServingRole role() const { return role_.load(std::memory_order_acquire); }
  bool serving() const { return role() != ServingRole::kNone; }
  void Set(ServingRole role) { role_.store(role, std::memory_order_release); }

 private:
  std::atomic<ServingRole> role_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PIPELINE_SERVING_STATE_H_
