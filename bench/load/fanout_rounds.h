// The account of a watch fan-out: who has registered, who has heard, and how long it took.
#ifndef LOCKKEEPER_BENCH_LOAD_FANOUT_ROUNDS_H_
#define LOCKKEEPER_BENCH_LOAD_FANOUT_ROUNDS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/load/clock.h"
#include "bench/load/histogram.h"
#include "protocol/result.h"

namespace lockkeeper::load {

// A round: every watcher registers; the znode is set once; every watcher hears of it once; the set
// is answered. Threads: one.
class FanoutRounds {
 public:
  explicit FanoutRounds(size_t watchers) : heard_in_(watchers), registered_in_(watchers) {}

  // A watch is registered by a read of this version. An error: twice in a round, or not the version
  // of the last set.
  Status Registered(size_t watcher, int32_t version);
  bool all_registered() const { return registered_ == registered_in_.size(); }

  // The set goes out now. REQUIRES: all_registered().
  void Set(TimePoint now);
  // An error: without a set, or the second event of a round.
  Status Heard(size_t watcher, TimePoint now);
  // The answer to the set. An error: it is not the version that follows.
  Status SetDone(int32_t version);
  // Everybody heard, and the set was answered: the next round may begin.
  bool round_done() const { return all_heard() && set_done_; }
  bool all_heard() const { return heard_ == heard_in_.size(); }
  void NextRound();
  // What the round waits for, for people.
  std::string Waiting() const;

  // From a set to the last event of its round, to each event, and both sums.
  const Histogram& last_ns() const { return last_ns_; }
  const Histogram& each_ns() const { return each_ns_; }
  double seconds() const { return InSeconds(all_last_); }

 private:
  uint64_t round_ = 1;
  std::vector<uint64_t> heard_in_;  // the last round in which each did; 0: none
  std::vector<uint64_t> registered_in_;
  size_t heard_ = 0;
  size_t registered_ = 0;
  int32_t version_ = -1;  // -1: not known yet
  bool set_sent_ = false;
  bool set_done_ = false;
  TimePoint sent_;
  Histogram last_ns_;
  Histogram each_ns_;
  Clock::duration all_last_{0};
};

}  // namespace lockkeeper::load

#endif  // LOCKKEEPER_BENCH_LOAD_FANOUT_ROUNDS_H_
