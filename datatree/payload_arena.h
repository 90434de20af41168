// Memory for the variable part of znodes: size classes of four bytes without a header per block,
// since a general allocator's header and rounding would cost a quarter of a small znode.
#ifndef LOCKKEEPER_DATATREE_PAYLOAD_ARENA_H_
#define LOCKKEEPER_DATATREE_PAYLOAD_ARENA_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <vector>

namespace lockkeeper {

// Blocks are aligned to 4 bytes. Freed blocks serve later blocks of the same class; memory goes
// back to the system when the arena is destroyed. Blocks above kSmallMax come from the heap.
// Threads: like the tree that owns it (written under all read gates).
class PayloadArena {
 public:
  static constexpr size_t kSmallMax = 1024;

  PayloadArena() = default;
  PayloadArena(const PayloadArena&) = delete;
  PayloadArena& operator=(const PayloadArena&) = delete;

  char* Allocate(size_t bytes);
  // `bytes` is what Allocate was called with. Large blocks must be freed before destruction.
  void Free(char* block, size_t bytes);
  // Bytes taken from the system, free blocks included.
  size_t reserved_bytes() const { return reserved_bytes_; }

 private:
  static constexpr size_t kGranule = 4;
  static constexpr size_t kSmallest = sizeof(char*);  // a free block holds a link
  static constexpr size_t kChunkBytes = 1 << 20;
  static constexpr size_t kClasses = kSmallMax / kGranule + 1;
  static size_t ClassOf(size_t bytes) {
    return (std::max(bytes, kSmallest) + kGranule - 1) / kGranule;
  }
  char* Carve(size_t size);

  std::array<char*, kClasses> free_{};  // heads of lists linked through the blocks themselves
  std::vector<std::unique_ptr<char[]>> chunks_;
  char* bump_ = nullptr;
  size_t bump_left_ = 0;
  size_t reserved_bytes_ = 0;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_DATATREE_PAYLOAD_ARENA_H_
