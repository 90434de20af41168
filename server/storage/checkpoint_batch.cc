#include "server/storage/checkpoint_batch.h"

#include <algorithm>
#include <cstring>

#include "server/storage/checkpoint_format.h"

namespace lockkeeper {
namespace {

constexpr size_t kChunkBytes = 256 << 10;

}  // namespace

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
