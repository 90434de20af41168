// Reads the znodes of a checkpoint on a thread of its own, while the caller builds the tree: one
// core decompresses, checks and decodes, the other makes znodes.
#ifndef LOCKKEEPER_SERVER_STORAGE_NODE_READ_AHEAD_H_
#define LOCKKEEPER_SERVER_STORAGE_NODE_READ_AHEAD_H_

#include <leveldb/iterator.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "datatree/stored_node.h"

namespace lockkeeper {

// Some znodes in key order, with their bytes.
struct NodeChunk {
  struct Item {
    StoredNode node;      // without path and data
    uint64_t offset = 0;  // of the path in `bytes`; the data follow
    uint32_t path_bytes = 0;
    uint32_t data_bytes = 0;
    bool null_data = false;
    uint32_t digest = 0;  // the znode's share in the tree's, if it was asked for
  };
  std::vector<Item> items;
  std::string bytes;

  // Points into `bytes`.
  StoredNode NodeOf(const Item& item) const;
};

// Threads: made, asked and destroyed by one thread, which nobody else shares the iterator with.
class NodeReadAhead {
 public:
  NodeReadAhead(std::unique_ptr<leveldb::Iterator> it, bool with_digests);
  ~NodeReadAhead();

  // nullptr at the end, or after the last znode before an error.
  std::unique_ptr<NodeChunk> Next();

  // After Next gave nullptr.
  const leveldb::Status& status() const { return status_; }
  bool undecodable() const { return undecodable_; }

 private:
  void Run();
  // False at the end.
  bool Fill(NodeChunk* chunk);
  bool Append(NodeChunk* chunk);
  // False when nobody wants it any more.
  bool Put(std::unique_ptr<NodeChunk> chunk);

  // Owned by the reading thread until it has ended.
  const std::unique_ptr<leveldb::Iterator> it_;
  const bool with_digests_;
  std::string path_;
  leveldb::Status status_;
  bool undecodable_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<NodeChunk>> ready_;  // under mutex_; a nullptr is the end
  bool unwanted_ = false;                         // under mutex_
  std::thread thread_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_NODE_READ_AHEAD_H_
