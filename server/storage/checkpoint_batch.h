// The znodes of a checkpoint on their way from the tree to the store.
#ifndef LOCKKEEPER_SERVER_STORAGE_CHECKPOINT_BATCH_H_
#define LOCKKEEPER_SERVER_STORAGE_CHECKPOINT_BATCH_H_

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "datatree/stored_node.h"

namespace lockkeeper {

// Filled while the tree stands still for it, so nothing that was added is moved again.
// Threads: as its user says.
class CheckpointBatch {
 public:
  void Add(const StoredNode& node);
  // Of keys and values.
  uint64_t bytes() const { return bytes_; }
  uint64_t nodes() const { return nodes_; }
  // Calls `visit(key, value)`, as checkpoint_format.h has them, for each znode in the order of Add.
  template <class Visit>
  void ForEach(const Visit& visit) const {
    for (const Chunk& chunk : chunks_) {
      const char* at = chunk.bytes.get();
      const char* const end = at + chunk.used;
      while (at < end) {
        Lengths lengths;
        std::memcpy(&lengths, at, sizeof lengths);
        const char* const key = at + sizeof lengths;
        const char* const value = key + lengths.key;
        at = value + lengths.value;
        visit(std::string_view(key, lengths.key), std::string_view(value, lengths.value));
      }
    }
  }

 private:
  // In front of each record.
  struct Lengths {
    uint32_t key;
    uint32_t value;
  };
  struct Chunk {
    std::unique_ptr<char[]> bytes;
    size_t size = 0;
    size_t used = 0;
  };
  char* Room(size_t bytes);

  std::vector<Chunk> chunks_;
  uint64_t bytes_ = 0;
  uint64_t nodes_ = 0;
  std::string key_;
  std::string value_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_CHECKPOINT_BATCH_H_
