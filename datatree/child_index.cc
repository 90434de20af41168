#include "datatree/child_index.h"

#include <glog/logging.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace lockkeeper {
namespace {

__extension__ typedef unsigned __int128 Uint128;

uint64_t Mix(uint64_t a, uint64_t b) {
  const Uint128 product = static_cast<Uint128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

uint64_t LoadTail(const char* p, size_t n) {
  uint64_t v = 0;
  std::memcpy(&v, p, n);
  return v;
}

constexpr uint32_t kFirstCapacity = 8;

}  // namespace

uint64_t ChildIndex::Hash(NodeId parent, std::string_view name, uint64_t seed) {
  constexpr uint64_t kA = 0x9E3779B97F4A7C15;
  constexpr uint64_t kB = 0xD6E8FEB86659FD93;
  uint64_t h = Mix(seed ^ kA, (uint64_t{parent} + 1) * kB);
  const char* p = name.data();
  size_t left = name.size();
  for (; left >= 8; p += 8, left -= 8) h = Mix(h ^ LoadTail(p, 8), kA);
  h = Mix(h ^ (left == 0 ? 0 : LoadTail(p, left)), kB ^ name.size());
  return Mix(h, kA);
}

void ChildIndex::Insert(uint64_t hash, NodeId node) {
  Segment& segment = segments_[SegmentOf(hash)];
  if (uint64_t{segment.used + 1} * 8 > uint64_t{segment.capacity} * 7) Grow(&segment);
  Place(&segment, hash, node);
}

void ChildIndex::Erase(uint64_t hash, NodeId node) {
  Segment& segment = segments_[SegmentOf(hash)];
  CHECK_GT(segment.capacity, 0u);
  uint32_t i = HomeOf(hash, segment.capacity);
  for (; segment.tags[i] != kEmpty; i = Next(i, segment.capacity)) {
    if (segment.tags[i] > kDeleted && segment.ids[i] == node) break;
  }
  CHECK_NE(segment.tags[i], kEmpty) << "node " << node << " is not in the child index";
  --segment.live;
  if (segment.tags[Next(i, segment.capacity)] == kEmpty) {
    segment.tags[i] = kEmpty;  // no probe runs through here
    --segment.used;
  } else {
    segment.tags[i] = kDeleted;
  }
}

size_t ChildIndex::reserved_bytes() const {
  size_t bytes = sizeof segments_;
  for (const Segment& segment : segments_) {
    bytes += segment.capacity * (sizeof(uint8_t) + sizeof(NodeId));
  }
  return bytes;
}

// A quarter larger, or no larger if enough of it is only deleted places: memory before speed.
void ChildIndex::Grow(Segment* segment) {
  const uint32_t wanted = segment->live + segment->live / 4 + 2;
  Resize(segment, std::max(kFirstCapacity, wanted + wanted / 7));
}

// Segments fill at random: four standard deviations above the mean.
void ChildIndex::Reserve(size_t nodes) {
  const double mean = static_cast<double>(nodes) / static_cast<double>(segments_.size());
  const auto wanted = static_cast<uint32_t>(mean + 4 * std::sqrt(mean)) + 2;
  for (Segment& segment : segments_) {
    const uint32_t capacity = std::max(kFirstCapacity, wanted + wanted / 7);
    if (capacity > segment.capacity) Resize(&segment, capacity);
  }
}

void ChildIndex::Resize(Segment* segment, uint32_t capacity) {
  Segment old = std::move(*segment);
  *segment = Segment{};
  segment->capacity = capacity;
  segment->tags = std::make_unique<uint8_t[]>(segment->capacity);
  segment->ids = std::make_unique_for_overwrite<NodeId[]>(segment->capacity);
  for (uint32_t i = 0; i < old.capacity; ++i) {
    if (old.tags[i] > kDeleted) Place(segment, hash_of_(old.ids[i]), old.ids[i]);
  }
}

void ChildIndex::Place(Segment* segment, uint64_t hash, NodeId node) {
  uint32_t i = HomeOf(hash, segment->capacity);
  while (segment->tags[i] > kDeleted) i = Next(i, segment->capacity);
  if (segment->tags[i] == kEmpty) ++segment->used;
  segment->tags[i] = TagOf(hash);
  segment->ids[i] = node;
  ++segment->live;
}

}  // namespace lockkeeper
