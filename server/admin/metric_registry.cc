#include "server/admin/metric_registry.h"

#include <glog/logging.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "server/admin/java_text.h"

namespace lockkeeper {

using metric_internal::KeyedCells;
using metric_internal::Reservoir;
using metric_internal::Shard;
using metric_internal::SummaryCells;

namespace {

uint64_t NextRegistryId() {
  static std::atomic<uint64_t> last{0};
  return ++last;  // 0 is nobody's
}

// The samples of several reservoirs as one distribution: a sample of a reservoir that saw n values
// and kept k of them stands for n / k values. Most values are small, so these are counted in place.
class MergedSamples {
 public:
  void Add(const Reservoir& reservoir) {
    const int64_t seen = reservoir.seen();
    const auto kept = static_cast<size_t>(std::min<int64_t>(seen, Reservoir::kSize));
    const double weight = static_cast<double>(seen) / static_cast<double>(kept);
    for (size_t i = 0; i < kept; ++i) Add(reservoir.at(i), weight);
    total_ += static_cast<double>(seen);
  }

  // Between the two values next to rank quantile * (n + 1), rounded half-up; 0 without samples.
  int64_t Quantile(double quantile) const {
    if (total_ == 0) return 0;
    const double rank = quantile * (total_ + 1);
    const double below = std::floor(rank);
    const auto lower = static_cast<double>(ValueAtRank(below));
    const auto upper = static_cast<double>(ValueAtRank(below + 1));
    return static_cast<int64_t>(std::floor(lower + (rank - below) * (upper - lower) + 0.5));
  }

 private:
  static constexpr int64_t kSmall = 1024;

  void Add(int64_t value, double weight) {
    if (value >= 0 && value < kSmall) {
      small_[static_cast<size_t>(value)] += weight;
    } else {
      others_[value] += weight;
    }
  }

  // `rank` counts from 1; ranks outside give the smallest or the largest value.
  int64_t ValueAtRank(double rank) const {
    const double wanted = std::min(rank, total_) - 1e-6;  // weights are sums of fractions
    double passed = 0;
    int64_t largest = 0;
    auto other = others_.begin();
    for (; other != others_.end() && other->first < 0; ++other) {
      largest = other->first;
      if ((passed += other->second) >= wanted) return largest;
    }
    for (size_t value = 0; value < small_.size(); ++value) {
      if (small_[value] == 0) continue;
      largest = static_cast<int64_t>(value);
      if ((passed += small_[value]) >= wanted) return largest;
    }
    for (; other != others_.end(); ++other) {
      largest = other->first;
      if ((passed += other->second) >= wanted) break;
    }
    return largest;
  }

  std::array<double, kSmall> small_{};
  std::map<int64_t, double> others_;
  double total_ = 0;
};

void Merge(const SummaryCells& cells, SummaryValues& into) {
  const int64_t count = cells.count.LoadAcquire();
  if (count == 0) return;
  const int64_t min = cells.min.Load();
  const int64_t max = cells.max.Load();
  into.min = into.count == 0 ? min : std::min(into.min, min);
  into.max = into.count == 0 ? max : std::max(into.max, max);
  into.sum += cells.sum.Load();
  into.count += count;
}

}  // namespace

double SummaryValues::Average() const { return RoundedAverage(sum, count); }

MetricRegistry::MetricRegistry() : id_(NextRegistryId()) {}
MetricRegistry::~MetricRegistry() = default;

void MetricRegistry::Reset() {
  const std::lock_guard lock(mutex_);
  generation_.store(generation_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

std::vector<MetricLine> MetricRegistry::Lines() const {
  const std::lock_guard lock(mutex_);
  std::vector<MetricLine> lines;
  for (const Row& row : rows_) AppendLines(row, lines);
  return lines;
}

MetricRegistry::Row MetricRegistry::Register(Row row) {
  const std::lock_guard lock(mutex_);
  CHECK(shards_.empty()) << "metric " << row.name << " is registered after the first record";
  row.counter = counters_;
  row.summary = summaries_;
  row.set = static_cast<uint32_t>(sets_.size());
  switch (row.kind) {
    case Kind::kCounter:
      counters_ += 1;
      break;
    case Kind::kSummary:
      summaries_ += 1;
      break;
    case Kind::kLastMinMax:
      counters_ += 2;
      summaries_ += 1;
      break;
    case Kind::kCounterSet:
    case Kind::kSummarySet:
      sets_.push_back(std::make_unique<KeyTable>());
      break;
  }
  rows_.push_back(row);
  return row;
}

Shard* MetricRegistry::FindOrMakeShard() {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<Shard>& shard = shards_[std::this_thread::get_id()];
  // One key more than kKeysMax: the folded ones.
  if (!shard) shard = std::make_unique<Shard>(counters_, summaries_, sets_.size(), kKeysMax + 1);
  return shard.get();
}

SummaryCells& MetricRegistry::LocalCellsOfKey(uint32_t set, std::string_view key) {
  KeyedCells& cells = *Local().sets[set];
  if (cells.last == nullptr || cells.last->first != key) {
    const auto known = cells.known.find(key);
    cells.last = known == cells.known.end() ? nullptr : &*known;
  }
  return cells.At(cells.last != nullptr ? cells.last->second : LearnKey(set, cells, key));
}

// The number of a key that this thread meets for the first time. A thread that saw the table full
// has a copy of it, so that new keys from then on cost no lock.
uint32_t MetricRegistry::LearnKey(uint32_t set, KeyedCells& cells, std::string_view key) {
  KeyTable& table = *sets_[set];
  if (cells.knows_all_keys) return kKeysMax;
  const std::lock_guard lock(mutex_);
  const auto found = table.index.find(key);
  if (found != table.index.end()) {
    cells.known.insert(*found);
    return found->second;
  }
  if (table.names.size() < kKeysMax) {
    const auto number = static_cast<uint32_t>(table.names.size());
    table.names.emplace_back(key);
    table.index.emplace(key, number);
    cells.known.emplace(key, number);
    return number;
  }
  if (table.names.size() == kKeysMax) table.names.emplace_back(kFoldedKey);
  cells.known = table.index;
  cells.knows_all_keys = true;
  return kKeysMax;
}

// Shards that hold samples of the present generation.
template <class Visit>
void MetricRegistry::ForEachShard(Visit&& visit) const {
  const uint64_t now = generation_.load(std::memory_order_relaxed);
  for (const auto& [thread, shard] : shards_) {
    if (shard->generation.load(std::memory_order_acquire) == now) visit(*shard);
  }
}

int64_t MetricRegistry::SumOfCounter(uint32_t counter) const {
  int64_t sum = 0;
  ForEachShard([&](const Shard& shard) { sum += shard.counters[counter].Load(); });
  return sum;
}

int64_t MetricRegistry::ReadCounter(uint32_t counter) const {
  const std::lock_guard lock(mutex_);
  return SumOfCounter(counter);
}

SummaryValues MetricRegistry::ReadSummary(uint32_t summary) const {
  const std::lock_guard lock(mutex_);
  SummaryValues values;
  ForEachShard([&](const Shard& shard) { Merge(shard.summaries[summary], values); });
  return values;
}

MetricRegistry::LastMinMaxValues MetricRegistry::ReadLastMinMax(const Row& row) const {
  const std::lock_guard lock(mutex_);
  return MergeLastMinMax(row);
}

MetricRegistry::LastMinMaxValues MetricRegistry::MergeLastMinMax(const Row& row) const {
  SummaryValues values;
  LastMinMaxValues out;
  int64_t newest = 0;
  ForEachShard([&](const Shard& shard) {
    const int64_t others = values.count;
    Merge(shard.summaries[row.summary], values);
    if (values.count == others) return;
    const int64_t time = shard.counters[row.counter + 1].Load();
    if (others > 0 && time < newest) return;
    out.last = shard.counters[row.counter].Load();
    newest = time;
  });
  if (values.count > 0) {
    out.min = values.min;
    out.max = values.max;
  }
  return out;
}

template <class CellsOf>
void MetricRegistry::AppendSummary(SummaryKind kind, const std::string& name, CellsOf&& cells_of,
                                   std::vector<MetricLine>& out) const {
  SummaryValues values;
  ForEachShard([&](const Shard& shard) {
    if (const SummaryCells* cells = cells_of(shard)) Merge(*cells, values);
  });
  out.push_back({"avg_" + name, values.Average()});
  out.push_back({"min_" + name, values.min});
  out.push_back({"max_" + name, values.max});
  if (kind == SummaryKind::kLatency) return;
  out.push_back({"cnt_" + name, values.count});
  out.push_back({"sum_" + name, values.sum});
  if (kind != SummaryKind::kAdvanced) return;
  MergedSamples samples;
  ForEachShard([&](const Shard& shard) {
    const SummaryCells* cells = cells_of(shard);
    if (cells == nullptr) return;
    const Reservoir* reservoir = cells->reservoir.load(std::memory_order_acquire);
    if (reservoir != nullptr && reservoir->seen() > 0) samples.Add(*reservoir);
  });
  out.push_back({"p50_" + name, samples.Quantile(0.5)});
  out.push_back({"p95_" + name, samples.Quantile(0.95)});
  out.push_back({"p99_" + name, samples.Quantile(0.99)});
  out.push_back({"p999_" + name, samples.Quantile(0.999)});
}

void MetricRegistry::AppendLines(const Row& row, std::vector<MetricLine>& out) const {
  const std::string name(row.name);
  switch (row.kind) {
    case Kind::kCounter:
      out.push_back({name, SumOfCounter(row.counter)});
      return;
    case Kind::kSummary:
      AppendSummary(
          row.summary_kind, name, [&](const Shard& shard) { return &shard.summaries[row.summary]; },
          out);
      return;
    case Kind::kLastMinMax: {
      if (row.name.empty()) return;
      const LastMinMaxValues values = MergeLastMinMax(row);
      out.push_back({"last_" + name, values.last});
      out.push_back({"max_" + name, values.max});
      out.push_back({"min_" + name, values.min});
      return;
    }
    case Kind::kCounterSet:
    case Kind::kSummarySet:
      AppendSet(row, out);
      return;
  }
}

void MetricRegistry::AppendSet(const Row& row, std::vector<MetricLine>& out) const {
  const KeyTable& table = *sets_[row.set];
  for (uint32_t key = 0; key < table.names.size(); ++key) {
    const std::string name = table.names[key] + "_" + std::string(row.name);
    const auto cells_of = [&](const Shard& shard) { return shard.sets[row.set]->Find(key); };
    if (row.kind == Kind::kSummarySet) {
      AppendSummary(row.summary_kind, name, cells_of, out);
    } else {
      SummaryValues values;
      ForEachShard([&](const Shard& shard) {
        if (const SummaryCells* cells = cells_of(shard)) Merge(*cells, values);
      });
      out.push_back({name, values.sum});
    }
  }
}

Counter::Counter(MetricRegistry& registry, std::string_view name)
    : registry_(&registry),
      cell_(registry
                .Register({.kind = MetricRegistry::Kind::kCounter,
                           .summary_kind = SummaryKind::kBasic,
                           .name = name})
                .counter) {}

template <SummaryKind kind>
BasicSummary<kind>::BasicSummary(MetricRegistry& registry, std::string_view name)
    : registry_(&registry),
      cell_(registry
                .Register(
                    {.kind = MetricRegistry::Kind::kSummary, .summary_kind = kind, .name = name})
                .summary) {}
template class BasicSummary<SummaryKind::kBasic>;
template class BasicSummary<SummaryKind::kAdvanced>;
template class BasicSummary<SummaryKind::kLatency>;

LastMinMax::LastMinMax(MetricRegistry& registry, std::string_view name)
    : registry_(&registry),
      row_(registry.Register({.kind = MetricRegistry::Kind::kLastMinMax,
                              .summary_kind = SummaryKind::kBasic,
                              .name = name})) {}

void LastMinMax::Record(int64_t value, MonoMs now) const {
  Shard& shard = registry_->Local();
  shard.counters[row_.counter].Store(value);
  shard.counters[row_.counter + 1].Store(now.value);
  shard.summaries[row_.summary].Record(value);
}

MetricSet::MetricSet(MetricRegistry& registry, std::string_view name, MetricRegistry::Kind kind,
                     SummaryKind summary_kind)
    : registry_(&registry),
      set_(registry.Register({.kind = kind, .summary_kind = summary_kind, .name = name}).set) {}

}  // namespace lockkeeper
