// Finds small numbers by the 64-bit hash of a name that others keep: open addressing over 32-bit
// ids, each with 32 bits of its hash, about ten bytes an entry. With the hash at hand a miss costs
// no look at the name, and growing none at all. It is split into segments that grow one at a time,
// so that no single insertion pauses for the whole table.
#ifndef LOCKKEEPER_DATATREE_HASH_INDEX_H_
#define LOCKKEEPER_DATATREE_HASH_INDEX_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

namespace lockkeeper {

// Whoever owns the names compares them.
// Threads: like the tree that owns it.
class HashIndex {
 public:
  using Id = uint32_t;
  static constexpr Id kNone = 0xFFFFFFFF;
  static constexpr Id kIdsMax = kNone - 1;  // every id is below

  // The hash of a name in a scope, such as a child's under its parent. `seed` keeps clients from
  // choosing colliding names.
  static uint64_t Hash(uint32_t scope, std::string_view name, uint64_t seed);

  // First id with this hash for which `equal(id)` holds, else kNone.
  template <class Equal>
  Id Find(uint64_t hash, const Equal& equal) const {
    const Segment& segment = segments_[SegmentOf(hash)];
    if (segment.capacity == 0) return kNone;
    const uint32_t low = LowOf(hash);
    for (uint32_t i = HomeOf(low, segment.capacity);; i = Next(i, segment.capacity)) {
      const Place& place = segment.places[i];
      if (place.id == kEmpty) return kNone;
      if (place.low == low && place.id != kDeleted && equal(place.id)) return place.id;
    }
  }
  // Brings into the cache where Find(hash) begins.
  void Prefetch(uint64_t hash) const {
    const Segment& segment = segments_[SegmentOf(hash)];
    if (segment.capacity == 0) return;
    __builtin_prefetch(&segment.places[HomeOf(LowOf(hash), segment.capacity)]);
  }
  // Room for `ids` ids in all, so that none of them makes a segment grow.
  void Reserve(size_t ids);
  void Insert(uint64_t hash, Id id);
  // REQUIRES: the id is in the index under this hash.
  void Erase(uint64_t hash, Id id);
  size_t reserved_bytes() const;

 private:
  static constexpr size_t kSegmentBits = 10;
  static constexpr Id kEmpty = kNone;
  static constexpr Id kDeleted = kIdsMax;
  struct Place {
    uint32_t low;  // LowOf the hash
    Id id;         // or kEmpty, kDeleted
  };
  struct Segment {
    std::unique_ptr<Place[]> places;
    uint32_t capacity = 0;
    uint32_t live = 0;
    uint32_t used = 0;  // live and deleted places
  };
  static size_t SegmentOf(uint64_t hash) { return hash >> (64 - kSegmentBits); }
  static uint32_t LowOf(uint64_t hash) { return static_cast<uint32_t>(hash); }
  static uint32_t HomeOf(uint32_t low, uint32_t capacity) {
    return static_cast<uint32_t>(uint64_t{low} * capacity >> 32);
  }
  static uint32_t Next(uint32_t i, uint32_t capacity) { return i + 1 == capacity ? 0 : i + 1; }
  static void Grow(Segment* segment);
  static void Resize(Segment* segment, uint32_t capacity);
  static void Put(Segment* segment, const Place& added);

  std::array<Segment, size_t{1} << kSegmentBits> segments_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_DATATREE_HASH_INDEX_H_
