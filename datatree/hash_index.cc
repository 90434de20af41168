#include "datatree/hash_index.h"

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

uint64_t Load8(const char* p) {
  uint64_t v = 0;
  std::memcpy(&v, p, 8);
  return v;
}

uint64_t Load4(const char* p) {
  uint32_t v = 0;
  std::memcpy(&v, p, 4);
  return v;
}

// Each of up to seven bytes, some of them twice: the length is hashed too.
uint64_t LoadTail(const char* p, size_t n) {
  if (n >= 4) return Load4(p) | Load4(p + n - 4) << 32;
  if (n == 0) return 0;
  const auto byte = [p](size_t i) { return uint64_t{static_cast<unsigned char>(p[i])}; };
  return byte(0) | byte(n / 2) << 8 | byte(n - 1) << 16;
}

constexpr uint32_t kFirstCapacity = 8;

}  // namespace

uint64_t HashIndex::Hash(uint32_t scope, std::string_view name, uint64_t seed) {
  constexpr uint64_t kA = 0x9E3779B97F4A7C15;
  constexpr uint64_t kB = 0xD6E8FEB86659FD93;
  uint64_t h = Mix(seed ^ kA, (uint64_t{scope} + 1) * kB);
  const char* p = name.data();
  size_t left = name.size();
  for (; left >= 8; p += 8, left -= 8) h = Mix(h ^ Load8(p), kA);
  h = Mix(h ^ LoadTail(p, left), kB ^ name.size());
  return Mix(h, kA);
}

void HashIndex::Insert(uint64_t hash, Id id) {
  Segment& segment = segments_[SegmentOf(hash)];
  if (uint64_t{segment.used + 1} * 8 > uint64_t{segment.capacity} * 7) Grow(&segment);
  Put(&segment, {LowOf(hash), id});
}

void HashIndex::Erase(uint64_t hash, Id id) {
  Segment& segment = segments_[SegmentOf(hash)];
  CHECK_GT(segment.capacity, 0u);
  uint32_t i = HomeOf(LowOf(hash), segment.capacity);
  while (segment.places[i].id != kEmpty && segment.places[i].id != id) {
    i = Next(i, segment.capacity);
  }
  CHECK_NE(segment.places[i].id, kEmpty) << "id " << id << " is not in the index";
  --segment.live;
  if (segment.places[Next(i, segment.capacity)].id == kEmpty) {
    segment.places[i].id = kEmpty;  // no probe runs through here
    --segment.used;
  } else {
    segment.places[i].id = kDeleted;
  }
}

size_t HashIndex::reserved_bytes() const {
  size_t bytes = sizeof segments_;
  for (const Segment& segment : segments_) {
    bytes += segment.capacity * sizeof(Place);
  }
  return bytes;
}

// An eighth larger, or no larger if enough of it is only deleted places: growing only copies, and
// memory is for znodes.
void HashIndex::Grow(Segment* segment) {
  const uint32_t wanted = segment->live + segment->live / 8 + 2;
  Resize(segment, std::max(kFirstCapacity, wanted + wanted / 7));
}

// Segments fill at random: four standard deviations above the mean.
void HashIndex::Reserve(size_t ids) {
  const double mean = static_cast<double>(ids) / static_cast<double>(segments_.size());
  const auto wanted = static_cast<uint32_t>(mean + 4 * std::sqrt(mean)) + 2;
  for (Segment& segment : segments_) {
    const uint32_t capacity = std::max(kFirstCapacity, wanted + wanted / 7);
    if (capacity > segment.capacity) Resize(&segment, capacity);
  }
}

void HashIndex::Resize(Segment* segment, uint32_t capacity) {
  Segment old = std::move(*segment);
  *segment = Segment{};
  segment->capacity = capacity;
  segment->places = std::make_unique_for_overwrite<Place[]>(capacity);
  std::fill_n(segment->places.get(), capacity, Place{0, kEmpty});
  for (uint32_t i = 0; i < old.capacity; ++i) {
    const Place& place = old.places[i];
    if (place.id != kEmpty && place.id != kDeleted) Put(segment, place);
  }
}

void HashIndex::Put(Segment* segment, const Place& added) {
  uint32_t i = HomeOf(added.low, segment->capacity);
  while (segment->places[i].id != kEmpty && segment->places[i].id != kDeleted) {
    i = Next(i, segment->capacity);
  }
  if (segment->places[i].id == kEmpty) ++segment->used;
  segment->places[i] = added;
  ++segment->live;
}

}  // namespace lockkeeper
