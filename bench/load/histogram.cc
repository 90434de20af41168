#include "bench/load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace lockkeeper::load {
namespace {

// A bucket keeps the highest 8 bits of a value: 128 buckets for each power of two.
constexpr int kBits = 7;
constexpr uint64_t kPerPower = uint64_t{1} << kBits;
constexpr size_t kBuckets = (64 - kBits) * kPerPower + kPerPower;

}  // namespace

Histogram::Histogram() : counts_(kBuckets) {}

size_t Histogram::BucketOf(uint64_t value) {
  if (value < 2 * kPerPower) return value;
  const auto shift = static_cast<uint64_t>(std::bit_width(value)) - (kBits + 1);
  return shift * kPerPower + (value >> shift);
}

uint64_t Histogram::LargestIn(size_t bucket) {
  if (bucket < 2 * kPerPower) return bucket;
  const uint64_t shift = bucket / kPerPower - 1;
  return ((bucket - shift * kPerPower + 1) << shift) - 1;
}

void Histogram::Add(const Histogram& other) {
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

uint64_t Histogram::ValueAt(double quantile) const {
  const double wanted = std::ceil(quantile * static_cast<double>(count_));
  uint64_t seen = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen > 0 && static_cast<double>(seen) >= wanted) return std::min(LargestIn(i), max_);
  }
  return max_;
}

}  // namespace lockkeeper::load
