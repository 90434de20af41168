// Simulated time: what happens next, in order. Things of one moment happen in the order in which
// they were planned.
#ifndef LOCKKEEPER_TESTS_SIMULATION_EVENTS_H_
#define LOCKKEEPER_TESTS_SIMULATION_EVENTS_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace lockkeeper::simulation {

class Events {
 public:
  int64_t now() const { return now_; }
  void At(int64_t when, std::function<void()> what) {
    heap_.push_back({when < now_ ? now_ : when, next_++, std::move(what)});
    std::push_heap(heap_.begin(), heap_.end());
  }
  void After(int64_t ms, std::function<void()> what) { At(now_ + ms, std::move(what)); }
  // Runs everything planned up to `until`.
  void RunUntil(int64_t until) {
    while (!heap_.empty() && heap_.front().when <= until) {
      std::pop_heap(heap_.begin(), heap_.end());
      const Event event = std::move(heap_.back());
      heap_.pop_back();
      now_ = event.when;
      event.what();
    }
    now_ = until;
  }

 private:
  struct Event {
    int64_t when;
    uint64_t order;
    std::function<void()> what;
    bool operator<(const Event& other) const {
      return std::pair(when, order) > std::pair(other.when, other.order);
    }
  };
  int64_t now_ = 0;
  uint64_t next_ = 0;
  std::vector<Event> heap_;
};

}  // namespace lockkeeper::simulation

#endif  // LOCKKEEPER_TESTS_SIMULATION_EVENTS_H_
