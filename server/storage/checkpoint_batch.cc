#include "server/storage/checkpoint_batch.h"

#include <endian.h>

#include <algorithm>
#include <cstring>

#include "server/storage/checkpoint_format.h"

namespace lockkeeper {
namespace {

constexpr size_t kChunkBytes = 256 << 10;

// The eight bytes from `at` on, as a number that compares as they do; zeros, which no key has,
// where there are none left.
uint64_t NumberAt(std::string_view key, size_t at) {
  if (at >= key.size()) return 0;
  uint64_t number = 0;
  std::memcpy(&number, key.data() + at, std::min<size_t>(8, key.size() - at));
  return be64toh(number);
}

}  // namespace

// By eight bytes at a time, those that the keys differ in: comparing whole keys, each of them
// somewhere else in memory, would cost more than the order saves.
std::vector<CheckpointBatch::Place> CheckpointBatch::InOrder() const {
  std::vector<Place> places;
  places.reserve(nodes_);
  for (const Chunk& chunk : chunks_) {
    const char* at = chunk.bytes.get();
    const char* const end = at + chunk.used;
    while (at < end) {
      places.push_back({0, at});
      const Lengths lengths = LengthsAt(at);
      at += sizeof lengths + lengths.key + lengths.value;
    }
  }
  // Places whose keys are equal before the byte `from`.
  struct Run {
    std::span<Place> places;
    size_t from;
  };
  std::vector<Run> runs{{places, 0}};
  while (!runs.empty()) {
    const Run run = runs.back();
    runs.pop_back();
    if (run.places.size() < 2) continue;
    const size_t at = CommonBytes(run.places, run.from);
    for (Place& place : run.places) place.part = NumberAt(KeyAt(place.record), at);
    std::ranges::sort(run.places, {}, &Place::part);
    for (auto begin = run.places.begin(); begin != run.places.end();) {
      const auto end = std::find_if(begin, run.places.end(),
                                    [&](const Place& p) { return p.part != begin->part; });
      // Keys that end here are the same.
      if ((begin->part & 0xFF) != 0) runs.push_back({{begin, end}, at + sizeof begin->part});
      begin = end;
    }
  }
  return places;
}

size_t CheckpointBatch::CommonBytes(std::span<const Place> places, size_t from) {
  const std::string_view first = KeyAt(places.front().record).substr(from);
  size_t common = first.size();
  for (const Place& place : places) {
    const std::string_view key = KeyAt(place.record).substr(from);
    common = std::min(common, key.size());
    if (std::memcmp(key.data(), first.data(), common) == 0) continue;
    common = static_cast<size_t>(std::ranges::mismatch(key, first).in1 - key.begin());
  }
  return from + common;
}

void CheckpointBatch::Add(const StoredNode& node) {
  SetNodeKey(node.path, &key_);
  SetNodeValue(node, &value_);
  const Lengths lengths{static_cast<uint32_t>(key_.size()), static_cast<uint32_t>(value_.size())};
  char* to = Room(sizeof lengths + key_.size() + value_.size());
  std::memcpy(to, &lengths, sizeof lengths);
  std::memcpy(to + sizeof lengths, key_.data(), key_.size());
  std::memcpy(to + sizeof lengths + key_.size(), value_.data(), value_.size());
  bytes_ += key_.size() + value_.size();
  ++nodes_;
}

char* CheckpointBatch::Room(size_t bytes) {
  if (chunks_.empty() || chunks_.back().size - chunks_.back().used < bytes) {
    const size_t size = std::max(kChunkBytes, bytes);
    chunks_.push_back({std::make_unique_for_overwrite<char[]>(size), size, 0});
  }
  Chunk& chunk = chunks_.back();
  char* const room = chunk.bytes.get() + chunk.used;
  chunk.used += bytes;
  return room;
}

}  // namespace lockkeeper
