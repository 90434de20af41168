// The one lock of the request path: I/O thread i reads the tree under slot i, the core writes it
// under all of them. Readers never share a cache line and a writer cannot starve.
#ifndef LOCKKEEPER_SERVER_PIPELINE_READ_GATE_H_
#define LOCKKEEPER_SERVER_PIPELINE_READ_GATE_H_

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

namespace lockkeeper {

// Lock order: gate slots in ascending order, then inbox mutexes. A slot is held for a bounded slice
// (limits.h), never across a suspension or a system call on a socket.
class ReadGate {
 public:
  explicit ReadGate(size_t io_threads) : slots_(io_threads) {}

  // I/O thread `i` only.
  void EnterRead(size_t i) {
    // A thread that leaves and enters again at once would win every race for its mutex.
    if (writer_waits_.load(std::memory_order_relaxed)) std::this_thread::yield();
    slots_[i].mutex.lock();
  }
  void LeaveRead(size_t i) { slots_[i].mutex.unlock(); }

  // Core thread only.
  template <class Fn>
  void Write(const Fn& fn) {
    writer_waits_.store(true, std::memory_order_relaxed);
    for (Slot& slot : slots_) slot.mutex.lock();
    writer_waits_.store(false, std::memory_order_relaxed);
    fn();
    for (Slot& slot : slots_) slot.mutex.unlock();
  }

 private:
  struct alignas(64) Slot {
    std::mutex mutex;
  };
  std::vector<Slot> slots_;
  alignas(64) std::atomic<bool> writer_waits_{false};
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PIPELINE_READ_GATE_H_
