// Requests that were sent to the core and are not applied yet, of all connections: what the I/O
// threads look at before they read more.
#ifndef LOCKKEEPER_SERVER_PIPELINE_OUTSTANDING_H_
#define LOCKKEEPER_SERVER_PIPELINE_OUTSTANDING_H_

#include <atomic>
#include <cstdint>

namespace lockkeeper {

// Any thread. Added to when requests go to the core, taken from when each is applied or dropped.
class Outstanding {
 public:
  void Add(int64_t requests, int64_t bytes) {
    requests_.fetch_add(requests, std::memory_order_relaxed);
    bytes_.fetch_add(bytes, std::memory_order_relaxed);
  }
  void Done(int64_t bytes) { Add(-1, -bytes); }
  int64_t requests() const { return requests_.load(std::memory_order_relaxed); }
  int64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> requests_{0};
  std::atomic<int64_t> bytes_{0};
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PIPELINE_OUTSTANDING_H_
