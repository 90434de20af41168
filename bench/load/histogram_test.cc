#include "bench/load/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace lockkeeper::load {
namespace {

uint64_t ExactlyAt(const std::vector<uint64_t>& sorted, double quantile) {
  const auto rank = static_cast<size_t>(std::ceil(quantile * static_cast<double>(sorted.size())));
  return sorted[std::max<size_t>(rank, 1) - 1];
}

TEST(HistogramTest, WithoutValuesEverythingIsZero) {
  const Histogram none;
  EXPECT_EQ(none.count(), 0u);
  EXPECT_EQ(none.max(), 0u);
  EXPECT_EQ(none.ValueAt(0.99), 0u);
}

TEST(HistogramTest, SmallValuesAreExact) {
  Histogram histogram;
  for (uint64_t value = 1; value <= 200; ++value) histogram.Record(value);
  EXPECT_EQ(histogram.ValueAt(0.5), 100u);
  EXPECT_EQ(histogram.ValueAt(0.99), 198u);
  EXPECT_EQ(histogram.ValueAt(1), 200u);
  EXPECT_EQ(histogram.ValueAt(0), 1u);
}

TEST(HistogramTest, EveryPowerOfTwoHasTheSameRelativePrecisionAndIsNeverTooSmall) {
  for (int power = 8; power < 64; ++power) {
    for (const uint64_t offset : {-1, 0, 1}) {
      const uint64_t value = (uint64_t{1} << power) + offset;
      Histogram histogram;
      histogram.Record(value);
      histogram.Record(std::numeric_limits<uint64_t>::max());  // keeps max() out of the answer
      const uint64_t found = histogram.ValueAt(0.5);
      EXPECT_GE(found, value);
      EXPECT_LE(found - value, value / 128) << value;
    }
  }
}

TEST(HistogramTest, PercentilesOfASkewedDistributionAreWithinOnePercent) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> latency(12, 2);
  std::vector<uint64_t> values;
  Histogram parts[2];
  for (int i = 0; i < 100'000; ++i) {
    values.push_back(static_cast<uint64_t>(latency(random)));
    parts[i % 2].Record(values.back());
  }
  std::sort(values.begin(), values.end());
  Histogram histogram;
  for (const Histogram& part : parts) histogram.Add(part);

  EXPECT_EQ(histogram.count(), values.size());
  EXPECT_EQ(histogram.max(), values.back());
  for (const double quantile : {0.01, 0.5, 0.9, 0.99, 0.999, 0.99999, 1.0}) {
    const auto exact = static_cast<double>(ExactlyAt(values, quantile));
    EXPECT_NEAR(static_cast<double>(histogram.ValueAt(quantile)), exact, exact / 100) << quantile;
  }
}

}  // namespace
}  // namespace lockkeeper::load
