// Counters and summaries that many threads record into without touching each other.
//
// Every thread writes to its own shard of a registry: cells that only it stores to (relaxed load
// and store, no cache line shared with another recording thread) and that anyone may read. A
// reader adds up the shards. Recording is wait-free, but for two cases that take the registry's
// lock: a thread's first record in a registry, and its first use of a key.
//
// Reset raises a generation number and writes no cell. A thread that meets a new generation clears
// its own shard before it records; readers skip shards of an older generation. So a sample counts
// either before or after a reset, never half.
//
// Threads: everything may be called from any thread. Metrics are registered (constructed) before
//          the first record; the registry outlives every thread that records into it.
#ifndef LOCKKEEPER_SERVER_ADMIN_METRIC_REGISTRY_H_
#define LOCKKEEPER_SERVER_ADMIN_METRIC_REGISTRY_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

#include "protocol/types.h"
#include "server/admin/metric_cells.h"

namespace lockkeeper {

// One line of `mntr`, without the prefix `zk_`. Integers print as integers, doubles as in Java.
struct MetricLine {
  std::string name;
  std::variant<int64_t, double> value;
  friend bool operator==(const MetricLine&, const MetricLine&) = default;
};

// What a summary holds since the last reset; all 0 when it is empty.
struct SummaryValues {
  int64_t count = 0;
  int64_t sum = 0;
  int64_t min = 0;
  int64_t max = 0;
  double Average() const;  // 4 decimals, half-up
};

enum class SummaryKind : uint8_t {
  kBasic,     // avg_, min_, max_, cnt_, sum_
  kAdvanced,  // and p50_, p95_, p99_, p999_: of a uniform sample of 4096 values of each thread
  kLatency,   // avg_, max_, min_ only, as the request latency is printed
};

class MetricRegistry {
 public:
  // Keys of a set beyond this number count together under kFoldedKey: a client can invent
  // top-level znodes without end, and a registry keeps each key for ever.
  static constexpr uint32_t kKeysMax = 1000;
  // Equal to no znode name and no server id.
  static constexpr std::string_view kFoldedKey = "/other";

  MetricRegistry();
  ~MetricRegistry();
  MetricRegistry(const MetricRegistry&) = delete;
  MetricRegistry& operator=(const MetricRegistry&) = delete;

  // Every counter and summary is 0 for every later read. Keys of sets stay known.
  void Reset();

  // Every metric in the order of registration, expanded to lines.
  std::vector<MetricLine> Lines() const;

 private:
  friend class Counter;
  template <SummaryKind kind>
  friend class BasicSummary;
  friend class LastMinMax;
  friend class MetricSet;

  enum class Kind : uint8_t { kCounter, kSummary, kLastMinMax, kCounterSet, kSummarySet };
  struct Row {
    Kind kind;
    SummaryKind summary_kind;
    std::string_view name;
    uint32_t counter = 0;  // of kCounter, and of kLastMinMax: last value, then its time
    uint32_t summary = 0;  // of kSummary and kLastMinMax
    uint32_t set = 0;      // of the sets
  };
  struct KeyTable {
    std::vector<std::string> names;
    metric_internal::KeyIndex index;  // of names, without kFoldedKey
  };
  struct LastMinMaxValues {
    int64_t last = -1;
    int64_t max = -1;
    int64_t min = -1;
  };

  Row Register(Row row);

  // The calling thread's shard, cleared if it was of an older generation.
  metric_internal::Shard& Local() {
    metric_internal::LocalShard& local = metric_internal::local_shard;
    if (local.registry_id != id_) [[unlikely]]
      local = {id_, FindOrMakeShard()};
    const uint64_t now = generation_.load(std::memory_order_relaxed);
    if (local.shard->generation.load(std::memory_order_relaxed) != now) [[unlikely]] {
      local.shard->Clear();
      local.shard->generation.store(now, std::memory_order_release);
    }
    return *local.shard;
  }
  metric_internal::Shard* FindOrMakeShard();
  metric_internal::SummaryCells& LocalCellsOfKey(uint32_t set, std::string_view key);
  uint32_t LearnKey(uint32_t set, metric_internal::KeyedCells& cells, std::string_view key);

  int64_t ReadCounter(uint32_t counter) const;
  SummaryValues ReadSummary(uint32_t summary) const;
  LastMinMaxValues ReadLastMinMax(const Row& row) const;

  // REQUIRES mutex_ for all that follow.
  template <class Visit>
  void ForEachShard(Visit&& visit) const;
  template <class CellsOf>
  void AppendSummary(SummaryKind kind, const std::string& name, CellsOf&& cells_of,
                     std::vector<MetricLine>& out) const;
  int64_t SumOfCounter(uint32_t counter) const;
  LastMinMaxValues MergeLastMinMax(const Row& row) const;
  void AppendLines(const Row& row, std::vector<MetricLine>& out) const;
  void AppendSet(const Row& row, std::vector<MetricLine>& out) const;

  // Read by every record, written by resets only.
  alignas(metric_internal::kCacheLine) std::atomic<uint64_t> generation_{1};
  const uint64_t id_;  // never given again in this process: a stale local_shard matches nobody

  // Constant after the last registration.
  std::vector<std::unique_ptr<KeyTable>> sets_;  // the tables themselves are guarded by mutex_
  uint32_t counters_ = 0;
  uint32_t summaries_ = 0;

  alignas(metric_internal::kCacheLine) mutable std::mutex mutex_;
  std::vector<Row> rows_;  // constant after the last registration
  // An id is given again only after its thread has ended: the new thread goes on with the shard.
  std::unordered_map<std::thread::id, std::unique_ptr<metric_internal::Shard>> shards_;
};

// Prints `name`.
class Counter {
 public:
  Counter(MetricRegistry& registry, std::string_view name);
  void Add(int64_t n = 1) const { registry_->Local().counters[cell_].Add(n); }
  int64_t Read() const { return registry_->ReadCounter(cell_); }

 private:
  MetricRegistry* registry_;
  uint32_t cell_;
};

template <SummaryKind kind>
class BasicSummary {
 public:
  BasicSummary(MetricRegistry& registry, std::string_view name);
  void Record(int64_t value) const {
    metric_internal::SummaryCells& cells = registry_->Local().summaries[cell_];
    cells.Record(value);
    if constexpr (kind == SummaryKind::kAdvanced) cells.RecordInReservoir(value);
  }
  SummaryValues Read() const { return registry_->ReadSummary(cell_); }

 private:
  MetricRegistry* registry_;
  uint32_t cell_;
};
using Summary = BasicSummary<SummaryKind::kBasic>;
using AdvancedSummary = BasicSummary<SummaryKind::kAdvanced>;
using LatencySummary = BasicSummary<SummaryKind::kLatency>;

// Prints last_, max_ and min_, each -1 before the first sample.
class LastMinMax {
 public:
  using Values = MetricRegistry::LastMinMaxValues;

  LastMinMax(MetricRegistry& registry, std::string_view name);
  // `now` orders the samples of different threads; the time that an event loop has at hand will do.
  void Record(int64_t value, MonoMs now) const;
  Values Read() const { return registry_->ReadLastMinMax(row_); }

 private:
  MetricRegistry* registry_;
  MetricRegistry::Row row_;
};

// A key appears in the lines with its first sample and stays.
class MetricSet {
 protected:
  MetricSet(MetricRegistry& registry, std::string_view name, MetricRegistry::Kind kind,
            SummaryKind summary_kind);
  metric_internal::SummaryCells& CellsOf(std::string_view key) const {
    return registry_->LocalCellsOfKey(set_, key);
  }
  static constexpr auto kCounterSet = MetricRegistry::Kind::kCounterSet;
  static constexpr auto kSummarySet = MetricRegistry::Kind::kSummarySet;

 private:
  MetricRegistry* registry_;
  uint32_t set_;
};

// Prints `<key>_name`.
class CounterSet : private MetricSet {
 public:
  CounterSet(MetricRegistry& registry, std::string_view name)
      : MetricSet(registry, name, kCounterSet, SummaryKind::kBasic) {}
  void Add(std::string_view key, int64_t n = 1) const { CellsOf(key).Record(n); }
};

// Prints `avg_<key>_name` and so on.
class SummarySet : private MetricSet {
 public:
  SummarySet(MetricRegistry& registry, std::string_view name)
      : MetricSet(registry, name, kSummarySet, SummaryKind::kBasic) {}
  void Record(std::string_view key, int64_t value) const { CellsOf(key).Record(value); }
};

class AdvancedSummarySet : private MetricSet {
 public:
  AdvancedSummarySet(MetricRegistry& registry, std::string_view name)
      : MetricSet(registry, name, kSummarySet, SummaryKind::kAdvanced) {}
  void Record(std::string_view key, int64_t value) const {
    metric_internal::SummaryCells& cells = CellsOf(key);
    cells.Record(value);
    cells.RecordInReservoir(value);
  }
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_ADMIN_METRIC_REGISTRY_H_
