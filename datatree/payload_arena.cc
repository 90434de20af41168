#include "datatree/payload_arena.h"

#include <cstring>

namespace lockkeeper {

char* PayloadArena::Allocate(size_t bytes) {
  if (bytes > kSmallMax) {
    reserved_bytes_ += bytes;
    return new char[bytes];
  }
  char*& head = free_[ClassOf(bytes)];
  if (head == nullptr) return Carve(ClassOf(bytes) * kGranule);
  char* block = head;
  std::memcpy(&head, block, sizeof head);
  return block;
}

void PayloadArena::Free(char* block, size_t bytes) {
  if (bytes > kSmallMax) {
    reserved_bytes_ -= bytes;
    delete[] block;
    return;
  }
  char*& head = free_[ClassOf(bytes)];
  std::memcpy(block, &head, sizeof head);
  head = block;
}

char* PayloadArena::Carve(size_t size) {
  if (bump_left_ < size) {
    if (bump_left_ >= kSmallest) Free(bump_, bump_left_);  // the rest becomes one smaller block
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(kChunkBytes));
    reserved_bytes_ += kChunkBytes;
    bump_ = chunks_.back().get();
    bump_left_ = kChunkBytes;
  }
  char* block = bump_;
  bump_ += size;
  bump_left_ -= size;
  return block;
}

}  // namespace lockkeeper
