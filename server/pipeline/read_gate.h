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
    if (writer_waits_.load(std::memory_order_relaxed) != 0) std::this_thread::yield();
    slots_[i].mutex.lock();
  }
  // The same for a reader in no hurry: after a writer that waits. Yielding is not enough of a
  // thread with much time to its credit: the system lets it go on.
  void EnterReadLast(size_t i) {
    writer_waits_.wait(1);
    slots_[i].mutex.lock();
  }
  void LeaveRead(size_t i) { slots_[i].mutex.unlock(); }

  // Core thread only.
  template <class Fn>
  void Write(const Fn& fn) {
    writer_waits_.store(1, std::memory_order_relaxed);
    for (Slot& slot : slots_) slot.mutex.lock();
    writer_waits_.store(0);
    writer_waits_.notify_all();
    fn();
    for (Slot& slot : slots_) slot.mutex.unlock();
  }

 private:
  struct alignas(64) Slot {
    std::mutex mutex;
  };
  std::vector<Slot> slots_;
  alignas(64) std::atomic<int> writer_waits_{0};  // 0 or 1; an int is what futexes wait for
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PIPELINE_READ_GATE_H_
