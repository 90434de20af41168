// Counts of values in buckets whose width is at most 1/128 of the value (0.8 %), as HdrHistogram
// does it: a percentile costs no memory per value and has the same relative error everywhere.
#ifndef LOCKKEEPER_BENCH_LOAD_HISTOGRAM_H_
#define LOCKKEEPER_BENCH_LOAD_HISTOGRAM_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lockkeeper::load {

// Threads: one at a time.
class Histogram {
 public:
  Histogram();

  void Record(uint64_t value) {
    ++counts_[BucketOf(value)];
    ++count_;
    if (value > max_) max_ = value;
  }
  void Add(const Histogram& other);

  uint64_t count() const { return count_; }
  uint64_t max() const { return max_; }  // exact
  // The smallest value known to be at least as large as the share `quantile` (0 to 1) of all; 0
  // without any value. Exact below 256, otherwise too large by less than 0.8 %.
  uint64_t ValueAt(double quantile) const;

 private:
  static size_t BucketOf(uint64_t value);
  static uint64_t LargestIn(size_t bucket);

  std::vector<uint64_t> counts_;
  uint64_t count_ = 0;
  uint64_t max_ = 0;
};

}  // namespace lockkeeper::load

#endif  // LOCKKEEPER_BENCH_LOAD_HISTOGRAM_H_
