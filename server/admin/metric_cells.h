// The storage of metric_registry.h: what one thread stores to and every thread may read.
//
// Threads: functions that change something belong to the owning thread; `Load...`, `seen` and `at`
//          to anyone. Nothing here is read-modify-write: a cell has one writer.
#ifndef LOCKKEEPER_SERVER_ADMIN_METRIC_CELLS_H_
#define LOCKKEEPER_SERVER_ADMIN_METRIC_CELLS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lockkeeper::metric_internal {

inline constexpr size_t kCacheLine = 64;

class Cell {
 public:
  int64_t Load() const { return value_.load(std::memory_order_relaxed); }
  int64_t LoadAcquire() const { return value_.load(std::memory_order_acquire); }
  void Store(int64_t v) { value_.store(v, std::memory_order_relaxed); }
  void StoreRelease(int64_t v) { value_.store(v, std::memory_order_release); }
  void Add(int64_t n) { Store(Load() + n); }

 private:
  std::atomic<int64_t> value_{0};
};

// A uniform sample of all values since the last Clear (Vitter's algorithm R).
class alignas(kCacheLine) Reservoir {
 public:
  static constexpr size_t kSize = 4096;

  void Record(int64_t value);
  void Clear() { seen_.StoreRelease(0); }

  int64_t seen() const { return seen_.LoadAcquire(); }
  int64_t at(size_t i) const { return values_[i].Load(); }  // REQUIRES: i < min(seen(), kSize)

 private:
  Cell seen_;
  Cell random_state_;
  std::array<Cell, kSize> values_;
};

// One summary. sum, min and max mean nothing while count is 0.
struct SummaryCells {
  SummaryCells() = default;
  SummaryCells(const SummaryCells&) = delete;
  SummaryCells& operator=(const SummaryCells&) = delete;
  ~SummaryCells() { delete reservoir.load(std::memory_order_relaxed); }

  void Record(int64_t value) {
    const int64_t n = count.Load();
    sum.Store(n == 0 ? value : sum.Load() + value);
    if (n == 0 || value < min.Load()) min.Store(value);
    if (n == 0 || value > max.Load()) max.Store(value);
    count.StoreRelease(n + 1);  // last: who sees it sees the others
  }
  void RecordInReservoir(int64_t value);
  void Clear();

  Cell count, sum, min, max;
  std::atomic<Reservoir*> reservoir{nullptr};  // 32 KiB, made with the first sample
};

// An array whose cache lines hold nothing of another thread.
template <class T>
class CellArray {
 public:
  explicit CellArray(size_t size) : chunks_((size + kPerChunk - 1) / kPerChunk) {}
  T& operator[](size_t i) { return chunks_[i / kPerChunk].items[i % kPerChunk]; }
  const T& operator[](size_t i) const { return chunks_[i / kPerChunk].items[i % kPerChunk]; }
  template <class F>
  void ForEach(F&& f) {
    for (Chunk& chunk : chunks_) {
      for (T& item : chunk.items) f(item);
    }
  }

 private:
  static constexpr size_t kPerChunk = 8;
  struct alignas(kCacheLine) Chunk {
    std::array<T, kPerChunk> items;
  };
  std::vector<Chunk> chunks_;
};

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
};
using KeyIndex = std::unordered_map<std::string, uint32_t, StringHash, std::equal_to<>>;

// The summaries of one set by number of key, in blocks that are made when a key is first used.
class alignas(kCacheLine) KeyedCells {
 public:
  static constexpr size_t kPerBlock = 32;

  explicit KeyedCells(size_t keys) : blocks_((keys + kPerBlock - 1) / kPerBlock) {}
  ~KeyedCells();
  KeyedCells(const KeyedCells&) = delete;
  KeyedCells& operator=(const KeyedCells&) = delete;

  SummaryCells& At(uint32_t key);
  void Clear();
  const SummaryCells* Find(uint32_t key) const;  // null: this thread has no sample in its block

  // Of the owning thread alone.
  KeyIndex known;                              // names that it has used
  const KeyIndex::value_type* last = nullptr;  // of them, the one that it used last
  bool knows_all_keys = false;                 // `known` is a copy of a full key table

 private:
  using Block = CellArray<SummaryCells>;
  std::vector<std::atomic<Block*>> blocks_;
};

// Everything one thread records into one registry.
struct alignas(kCacheLine) Shard {
  Shard(size_t counter_count, size_t summary_count, size_t set_count, size_t keys_per_set);
  void Clear();

  std::atomic<uint64_t> generation{0};  // the cells hold samples of this generation
  CellArray<Cell> counters;
  CellArray<SummaryCells> summaries;
  std::vector<std::unique_ptr<KeyedCells>> sets;
};

// The shard that a thread used last, and of which registry it is.
struct LocalShard {
  uint64_t registry_id = 0;
  Shard* shard = nullptr;
};
inline thread_local constinit LocalShard local_shard;

}  // namespace lockkeeper::metric_internal

#endif  // LOCKKEEPER_SERVER_ADMIN_METRIC_CELLS_H_
