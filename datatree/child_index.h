// Finds a child by (parent, name): open addressing over 32-bit node ids with one tag byte each,
// about seven bytes a znode. It is split into segments that grow one at a time, so that no single
// insertion pauses for the whole table.
#ifndef LOCKKEEPER_DATATREE_CHILD_INDEX_H_
#define LOCKKEEPER_DATATREE_CHILD_INDEX_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "protocol/error_code.h"  // before kNoNode, whose name one of its members has too

namespace lockkeeper {

using NodeId = uint32_t;
inline constexpr NodeId kNoNode = 0xFFFFFFFF;

// Keyed by 64-bit hashes; whoever owns the nodes compares the keys.
// Threads: like the tree that owns it.
class ChildIndex {
 public:
  // `hash_of` recomputes the hash of a stored node when a segment grows.
  explicit ChildIndex(std::function<uint64_t(NodeId)> hash_of) : hash_of_(std::move(hash_of)) {}

  // The hash of a child under a parent. `seed` keeps clients from choosing colliding names.
  static uint64_t Hash(NodeId parent, std::string_view name, uint64_t seed);

  // First node with this hash for which `equal(node)` holds, else kNoNode.
  template <class Equal>
  NodeId Find(uint64_t hash, const Equal& equal) const {
    const Segment& segment = segments_[SegmentOf(hash)];
    if (segment.capacity == 0) return kNoNode;
    const uint8_t tag = TagOf(hash);
    for (uint32_t i = HomeOf(hash, segment.capacity);; i = Next(i, segment.capacity)) {
      if (segment.tags[i] == kEmpty) return kNoNode;
      if (segment.tags[i] == tag && equal(segment.ids[i])) return segment.ids[i];
    }
  }
  // Room for `nodes` nodes in all, so that none of them makes a segment grow.
  void Reserve(size_t nodes);
  void Insert(uint64_t hash, NodeId node);
  // REQUIRES: the node is in the index under this hash.
  void Erase(uint64_t hash, NodeId node);
  size_t reserved_bytes() const;

 private:
  static constexpr size_t kSegmentBits = 10;
  static constexpr uint8_t kEmpty = 0;
  static constexpr uint8_t kDeleted = 1;
  struct Segment {
    std::unique_ptr<uint8_t[]> tags;
    std::unique_ptr<NodeId[]> ids;
    uint32_t capacity = 0;
    uint32_t live = 0;
    uint32_t used = 0;  // live and deleted places
  };
  static size_t SegmentOf(uint64_t hash) { return hash >> (64 - kSegmentBits); }
  static uint8_t TagOf(uint64_t hash) {
    return static_cast<uint8_t>(2 + ((hash >> 32) & 0xFF) * 253 / 255);
  }
  static uint32_t HomeOf(uint64_t hash, uint32_t capacity) {
    return static_cast<uint32_t>((hash & 0xFFFFFFFF) * capacity >> 32);
  }
  static uint32_t Next(uint32_t i, uint32_t capacity) { return i + 1 == capacity ? 0 : i + 1; }
  void Grow(Segment* segment);
  void Resize(Segment* segment, uint32_t capacity);
  static void Place(Segment* segment, uint64_t hash, NodeId node);

  std::function<uint64_t(NodeId)> hash_of_;
  std::array<Segment, size_t{1} << kSegmentBits> segments_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_DATATREE_CHILD_INDEX_H_
