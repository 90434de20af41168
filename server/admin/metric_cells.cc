#include "server/admin/metric_cells.h"

namespace lockkeeper::metric_internal {
namespace {

// splitmix64: advances `state` and returns the next number.
uint64_t NextRandom(Cell& state) {
  const uint64_t next = static_cast<uint64_t>(state.Load()) + 0x9E3779B97F4A7C15ull;
  state.Store(static_cast<int64_t>(next));
  uint64_t mixed = (next ^ (next >> 30)) * 0xBF58476D1CE4E5B9ull;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBull;
  return mixed ^ (mixed >> 31);
}

}  // namespace

void Reservoir::Record(int64_t value) {
  const auto before = static_cast<uint64_t>(seen_.Load());
  // The value stays with probability kSize / (before + 1), in place of any other.
  const uint64_t slot = before < kSize ? before : NextRandom(random_state_) % (before + 1);
  if (slot < kSize) values_[slot].Store(value);
  seen_.StoreRelease(static_cast<int64_t>(before + 1));
}

void SummaryCells::RecordInReservoir(int64_t value) {
  Reservoir* samples = reservoir.load(std::memory_order_relaxed);
  if (samples == nullptr) {
    samples = new Reservoir;
    reservoir.store(samples, std::memory_order_release);
  }
  samples->Record(value);
}

void SummaryCells::Clear() {
  count.Store(0);
  if (Reservoir* samples = reservoir.load(std::memory_order_relaxed)) samples->Clear();
}

KeyedCells::~KeyedCells() {
  for (std::atomic<Block*>& block : blocks_) delete block.load(std::memory_order_relaxed);
}

SummaryCells& KeyedCells::At(uint32_t key) {
  std::atomic<Block*>& place = blocks_[key / kPerBlock];
  Block* block = place.load(std::memory_order_relaxed);
  if (block == nullptr) {
    block = new Block(kPerBlock);
    place.store(block, std::memory_order_release);
  }
  return (*block)[key % kPerBlock];
}

void KeyedCells::Clear() {
  for (std::atomic<Block*>& place : blocks_) {
    Block* block = place.load(std::memory_order_relaxed);
    if (block != nullptr) block->ForEach([](SummaryCells& cells) { cells.Clear(); });
  }
}

const SummaryCells* KeyedCells::Find(uint32_t key) const {
  const Block* block = blocks_[key / kPerBlock].load(std::memory_order_acquire);
  return block == nullptr ? nullptr : &(*block)[key % kPerBlock];
}

Shard::Shard(size_t counter_count, size_t summary_count, size_t set_count, size_t keys_per_set)
    : counters(counter_count), summaries(summary_count) {
  for (size_t i = 0; i < set_count; ++i) sets.push_back(std::make_unique<KeyedCells>(keys_per_set));
}

void Shard::Clear() {
  counters.ForEach([](Cell& cell) { cell.Store(0); });
  summaries.ForEach([](SummaryCells& cells) { cells.Clear(); });
  for (const std::unique_ptr<KeyedCells>& set : sets) set->Clear();
}

}  // namespace lockkeeper::metric_internal
