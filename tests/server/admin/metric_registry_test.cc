#include "server/admin/metric_registry.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace lockkeeper {
namespace {

std::map<std::string, std::variant<int64_t, double>> ByName(const MetricRegistry& registry) {
  std::map<std::string, std::variant<int64_t, double>> out;
  for (const MetricLine& line : registry.Lines()) {
    EXPECT_TRUE(out.emplace(line.name, line.value).second) << line.name << " is printed twice";
  }
  return out;
}

int64_t Whole(const MetricRegistry& registry, const std::string& name) {
  const auto lines = ByName(registry);
  const auto line = lines.find(name);
  if (line == lines.end()) {
    ADD_FAILURE() << "no line " << name;
    return INT64_MIN;
  }
  return std::get<int64_t>(line->second);
}

void InThreads(size_t count, const std::function<void(size_t)>& body) {
  std::vector<std::thread> threads;
  for (size_t i = 0; i < count; ++i) threads.emplace_back(body, i);
  for (std::thread& thread : threads) thread.join();
}

TEST(MetricRegistry, SO_7_1_ExpandsASummaryToFiveLines) {
  MetricRegistry registry;
  const Summary fsync(registry, "fsynctime");
  EXPECT_EQ(registry.Lines(), (std::vector<MetricLine>{{"avg_fsynctime", 0.0},
                                                       {"min_fsynctime", int64_t{0}},
                                                       {"max_fsynctime", int64_t{0}},
                                                       {"cnt_fsynctime", int64_t{0}},
                                                       {"sum_fsynctime", int64_t{0}}}));
  for (const int64_t ms : {7, 3, 9}) fsync.Record(ms);
  EXPECT_EQ(registry.Lines(), (std::vector<MetricLine>{{"avg_fsynctime", 6.3333},
                                                       {"min_fsynctime", int64_t{3}},
                                                       {"max_fsynctime", int64_t{9}},
                                                       {"cnt_fsynctime", int64_t{3}},
                                                       {"sum_fsynctime", int64_t{19}}}));
}

TEST(MetricRegistry, SO_7_1_ExpandsAnAdvancedSummaryToNineLines) {
  MetricRegistry registry;
  const AdvancedSummary latency(registry, "readlatency");
  std::vector<std::string> names;
  for (const MetricLine& line : registry.Lines()) names.push_back(line.name);
  EXPECT_EQ(names,
            (std::vector<std::string>{"avg_readlatency", "min_readlatency", "max_readlatency",
                                      "cnt_readlatency", "sum_readlatency", "p50_readlatency",
                                      "p95_readlatency", "p99_readlatency", "p999_readlatency"}));
  EXPECT_EQ(Whole(registry, "p999_readlatency"), 0);
}

TEST(MetricRegistry, SO_7_1_PrintsTheRequestLatencyAsThreeGauges) {
  MetricRegistry registry;
  const LatencySummary latency(registry, "latency");
  latency.Record(4);
  latency.Record(-2);
  EXPECT_EQ(registry.Lines(),
            (std::vector<MetricLine>{
                {"avg_latency", 1.0}, {"min_latency", int64_t{-2}}, {"max_latency", int64_t{4}}}));
  EXPECT_EQ(latency.Read().count, 2);
}

// Values and results that an Apache server printed: quantiles lie between two samples, half-up.
TEST(MetricRegistry, SO_7_1_InterpolatesQuantilesLikeZooKeeper) {
  MetricRegistry registry;
  const AdvancedSummary two(registry, "two"), one(registry, "one"), most(registry, "most");
  for (const int64_t ms : {0, 2}) two.Record(ms);
  for (const int64_t ms : {0, 1}) one.Record(ms);
  for (int i = 0; i < 14; ++i) most.Record(i < 5 ? 1 : 0);
  EXPECT_EQ(Whole(registry, "p50_two"), 1);
  EXPECT_EQ(Whole(registry, "p95_two"), 2);
  EXPECT_EQ(Whole(registry, "p50_one"), 1);
  EXPECT_EQ(Whole(registry, "p50_most"), 0);
  EXPECT_EQ(Whole(registry, "p999_most"), 1);
}

TEST(MetricRegistry, SO_7_1_QuantilesAreExactWhileTheReservoirIsNotFull) {
  MetricRegistry registry;
  const AdvancedSummary latency(registry, "x");
  for (int64_t ms = 4000; ms >= 1; --ms) latency.Record(ms);  // small and large values
  EXPECT_EQ(Whole(registry, "p50_x"), 2001);                  // between 2000 and 2001, half-up
  EXPECT_EQ(Whole(registry, "p95_x"), 3801);
  EXPECT_EQ(Whole(registry, "p99_x"), 3961);
  EXPECT_EQ(Whole(registry, "p999_x"), 3997);
}

TEST(MetricRegistry, QuantilesOfNegativeValues) {
  MetricRegistry registry;
  const AdvancedSummary x(registry, "x");
  for (int64_t v = -10; v <= -1; ++v) x.Record(v);
  EXPECT_EQ(Whole(registry, "p50_x"), -5);  // -5.5 half-up
  EXPECT_EQ(Whole(registry, "p999_x"), -1);
}

TEST(MetricRegistry, SO_7_1_TheReservoirIsAUniformSampleOfAllValues) {
  MetricRegistry registry;
  const AdvancedSummary x(registry, "x");
  constexpr int64_t kValues = 1'000'000;
  for (int64_t v = 0; v < kValues; ++v) x.Record(v);  // a sample of the first or last would show
  // Standard deviation of a quantile of 4096 samples: below 0.8 % of the range.
  EXPECT_NEAR(static_cast<double>(Whole(registry, "p50_x")), 0.5 * kValues, 0.04 * kValues);
  EXPECT_NEAR(static_cast<double>(Whole(registry, "p95_x")), 0.95 * kValues, 0.02 * kValues);
  EXPECT_NEAR(static_cast<double>(Whole(registry, "p99_x")), 0.99 * kValues, 0.01 * kValues);
}

TEST(MetricRegistry, SO_7_1_AThreadWeighsAsMuchAsItRecorded) {
  MetricRegistry registry;
  const AdvancedSummary x(registry, "x");
  for (int i = 0; i < 200'000; ++i) x.Record(1);
  std::thread([&] {
    for (int i = 0; i < 4096; ++i) x.Record(5000);  // 2 % of all values, half of all samples
  }).join();
  EXPECT_EQ(Whole(registry, "cnt_x"), 204'096);
  EXPECT_EQ(Whole(registry, "p50_x"), 1);
  EXPECT_EQ(Whole(registry, "p95_x"), 1);
  EXPECT_EQ(Whole(registry, "p99_x"), 5000);
}

TEST(MetricRegistry, SO_7_2_ResetSetsEverythingToZeroAndKeepsKeys) {
  MetricRegistry registry;
  const Counter counter(registry, "c");
  const Summary summary(registry, "s");
  const AdvancedSummary advanced(registry, "a");
  const LatencySummary latency(registry, "latency");
  const CounterSet counters(registry, "cs");
  const SummarySet summaries(registry, "ss");
  const AdvancedSummarySet advanced_set(registry, "as");
  const std::vector<MetricLine> empty = registry.Lines();
  const auto record = [&] {
    counter.Add(5);
    summary.Record(6);
    advanced.Record(7);
    latency.Record(8);
    counters.Add("k", 9);
    summaries.Record("k", 10);
    advanced_set.Record("1", 11);
  };
  record();
  std::thread(record).join();
  EXPECT_EQ(Whole(registry, "c"), 10);
  EXPECT_EQ(Whole(registry, "p99_1_as"), 11);
  registry.Reset();
  size_t lines = 0;
  for (const auto& [name, value] : ByName(registry)) {
    ++lines;
    EXPECT_EQ(std::visit([](auto v) { return static_cast<double>(v); }, value), 0) << name;
  }
  EXPECT_EQ(lines, empty.size() + 1 + 5 + 9);
  EXPECT_EQ(counter.Read(), 0);
  EXPECT_EQ(summary.Read().max, 0);
  record();
  EXPECT_EQ(Whole(registry, "c"), 5);
  EXPECT_EQ(Whole(registry, "min_s"), 6);
  EXPECT_EQ(Whole(registry, "p50_a"), 7);
  EXPECT_EQ(Whole(registry, "k_cs"), 9);
  EXPECT_EQ(Whole(registry, "cnt_k_ss"), 1);
  EXPECT_EQ(Whole(registry, "p50_1_as"), 11);
}

TEST(MetricRegistry, SO_7_2_LastMinMaxIsMinusOneWithoutASample) {
  MetricRegistry registry;
  const LastMinMax size(registry, "client_response_size");
  EXPECT_EQ(registry.Lines(), (std::vector<MetricLine>{{"last_client_response_size", int64_t{-1}},
                                                       {"max_client_response_size", int64_t{-1}},
                                                       {"min_client_response_size", int64_t{-1}}}));
  size.Record(16, MonoMs{100});
  std::thread([&] { size.Record(93, MonoMs{300}); }).join();
  size.Record(40, MonoMs{200});
  EXPECT_EQ(size.Read().last, 93) << "the latest by time, whichever thread it was";
  EXPECT_EQ(size.Read().max, 93);
  EXPECT_EQ(size.Read().min, 16);
  registry.Reset();
  EXPECT_EQ(size.Read().last, -1);
  EXPECT_EQ(size.Read().min, -1);
  size.Record(7, MonoMs{400});
  EXPECT_EQ(size.Read().last, 7);
}

TEST(MetricRegistry, SO_7_4_AKeyAppearsWithItsFirstSample) {
  MetricRegistry registry;
  const SummarySet writes(registry, "write_per_namespace");
  const CounterSet errors(registry, "quota_exceeded_error_per_namespace");
  EXPECT_TRUE(registry.Lines().empty());
  writes.Record("a", 7);
  writes.Record("a", 8);
  errors.Add("b");
  EXPECT_EQ(registry.Lines(),
            (std::vector<MetricLine>{{"avg_a_write_per_namespace", 7.5},
                                     {"min_a_write_per_namespace", int64_t{7}},
                                     {"max_a_write_per_namespace", int64_t{8}},
                                     {"cnt_a_write_per_namespace", int64_t{2}},
                                     {"sum_a_write_per_namespace", int64_t{15}},
                                     {"b_quota_exceeded_error_per_namespace", int64_t{1}}}));
}

TEST(MetricRegistry, SO_7_4_KeysBeyondTheLimitCountTogether) {
  MetricRegistry registry;
  const SummarySet set(registry, "x");
  constexpr int64_t kMore = 500;
  const auto record_all = [&] {
    for (int64_t i = 0; i < MetricRegistry::kKeysMax + kMore; ++i) {
      set.Record("n" + std::to_string(i), 1);
    }
  };
  record_all();
  std::thread(record_all).join();  // a second thread agrees on which keys are folded
  EXPECT_EQ(registry.Lines().size(), 5 * (MetricRegistry::kKeysMax + 1));
  EXPECT_EQ(Whole(registry, "cnt_n0_x"), 2);
  EXPECT_EQ(Whole(registry, "cnt_n999_x"), 2);
  EXPECT_EQ(Whole(registry, "cnt_/other_x"), 2 * kMore);
}

TEST(MetricRegistry, SO_7_4_AThreadThatMeetsAFullTableStillKnowsItsKeys) {
  MetricRegistry registry;
  const CounterSet set(registry, "x");
  for (int64_t i = 0; i < MetricRegistry::kKeysMax; ++i) set.Add("n" + std::to_string(i));
  std::thread([&] {
    set.Add("one too many");
    set.Add("n7");
    set.Add("another");
  }).join();
  EXPECT_EQ(Whole(registry, "n7_x"), 2);
  EXPECT_EQ(Whole(registry, "/other_x"), 2);
}

TEST(MetricRegistry, CountsOfEndedThreadsAreKept) {
  MetricRegistry registry;
  const Counter counter(registry, "c");
  for (int i = 0; i < 100; ++i) std::thread([&] { counter.Add(); }).join();
  EXPECT_EQ(counter.Read(), 100);
}

TEST(MetricRegistry, AThreadMayRecordIntoSeveralRegistries) {
  MetricRegistry first, second;
  const Counter a(first, "a"), b(second, "b");
  for (int i = 0; i < 10; ++i) {
    a.Add();
    b.Add(2);
  }
  EXPECT_EQ(a.Read(), 10);
  EXPECT_EQ(b.Read(), 20);
}

TEST(MetricRegistry, ANewRegistryAtAnOldAddressHasItsOwnShards) {
  for (int64_t i = 0; i < 3; ++i) {
    MetricRegistry registry;
    const Counter counter(registry, "c");
    counter.Add(i);
    EXPECT_EQ(counter.Read(), i);
  }
}

TEST(MetricRegistryDeathTest, RegistrationAfterTheFirstRecordIsABug) {
  MetricRegistry registry;
  const Counter counter(registry, "c");
  counter.Add();
  EXPECT_DEATH({ const Counter late(registry, "late"); }, "late is registered after");
}

TEST(MetricRegistry, CellsOfDifferentThreadsShareNoCacheLine) {
  using metric_internal::CellArray, metric_internal::SummaryCells, metric_internal::kCacheLine;
  static_assert(alignof(metric_internal::Shard) == kCacheLine);
  static_assert(alignof(metric_internal::Reservoir) == kCacheLine);
  static_assert(alignof(metric_internal::KeyedCells) == kCacheLine);
  CellArray<metric_internal::Cell> counters(1);
  CellArray<SummaryCells> summaries(1);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(&counters[0]) % kCacheLine, 0u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(&summaries[0]) % kCacheLine, 0u);
}

// The rest runs under ThreadSanitizer too: writers, readers and resets at the same time.
struct Everything {
  MetricRegistry registry;
  Counter counter{registry, "c"};
  Summary summary{registry, "s"};
  AdvancedSummary advanced{registry, "a"};
  LastMinMax last{registry, "l"};
  CounterSet counters{registry, "cs"};
  SummarySet summaries{registry, "ss"};
  AdvancedSummarySet advanced_set{registry, "as"};

  void Record(int64_t value, const std::string& key) {
    counter.Add();
    summary.Record(value);
    advanced.Record(value);
    last.Record(value, MonoMs{value});
    counters.Add(key);
    summaries.Record(key, value);
    advanced_set.Record(key, value);
  }
};

TEST(MetricRegistryThreads, SO_7_1_NoSampleIsLostWhileOthersRead) {
  constexpr size_t kThreads = 4;
  constexpr int64_t kEach = 20'000;
  Everything all;
  std::atomic<bool> done{false};
  std::thread reader([&] {
    int64_t before = 0;
    while (!done.load()) {
      const int64_t now = Whole(all.registry, "c");
      EXPECT_GE(now, before) << "a counter went back";
      before = now;
    }
  });
  InThreads(kThreads, [&](size_t thread) {
    for (int64_t i = 0; i < kEach; ++i) {
      all.Record(i % 100 + 1, "k" + std::to_string((thread + static_cast<size_t>(i)) % 50));
    }
  });
  done.store(true);
  reader.join();
  constexpr int64_t kTotal = kThreads * kEach;
  EXPECT_EQ(all.counter.Read(), kTotal);
  EXPECT_EQ(all.summary.Read().count, kTotal);
  EXPECT_EQ(all.summary.Read().sum, kTotal / 100 * 5050);
  EXPECT_EQ(all.summary.Read().min, 1);
  EXPECT_EQ(all.summary.Read().max, 100);
  EXPECT_EQ(Whole(all.registry, "k0_cs"), kTotal / 50);
  EXPECT_EQ(Whole(all.registry, "cnt_k49_ss"), kTotal / 50);
  EXPECT_NEAR(static_cast<double>(Whole(all.registry, "p50_a")), 50, 5);
}

// Writers record the number of the epoch. Once every writer has seen the new epoch and a reset has
// followed, nothing of an older epoch may be seen again, however late a writer clears its shard.
TEST(MetricRegistryThreads, SO_7_2_NothingFromBeforeAResetIsSeenAfterIt) {
  constexpr size_t kThreads = 3;
  constexpr int64_t kEpochs = 60;
  Everything all;
  std::atomic<int64_t> epoch{1};
  std::atomic<int64_t> recorded[kThreads] = {};
  std::vector<std::thread> writers;
  for (size_t i = 0; i < kThreads; ++i) {
    writers.emplace_back([&, i] {
      for (int64_t now = 1; (now = epoch.load()) <= kEpochs;) {
        all.Record(now, "k");
        recorded[i].store(now);
      }
    });
  }
  const auto all_have_recorded = [&](int64_t wanted) {
    for (const auto& value : recorded) {
      if (value.load() < wanted) return false;
    }
    return true;
  };
  for (int64_t now = 1; now <= kEpochs; ++now) {
    epoch.store(now);
    while (!all_have_recorded(now)) std::this_thread::yield();
    all.registry.Reset();
    for (const auto& [name, value] : ByName(all.registry)) {
      if (!name.starts_with("min_") && !name.starts_with("p50_")) continue;
      const int64_t oldest = std::get<int64_t>(value);
      EXPECT_TRUE(oldest <= 0 || oldest == now) << name << " is " << oldest << " in epoch " << now;
    }
  }
  epoch.store(kEpochs + 1);
  for (std::thread& writer : writers) writer.join();
  all.registry.Reset();
  for (const auto& [name, value] : ByName(all.registry)) {
    const double v = std::visit([](auto number) { return static_cast<double>(number); }, value);
    EXPECT_EQ(v, name.ends_with("_l") ? -1 : 0) << name;
  }
}

}  // namespace
}  // namespace lockkeeper
