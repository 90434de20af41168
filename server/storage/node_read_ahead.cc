#include "server/storage/node_read_ahead.h"

#include <utility>

#include "datatree/digest.h"
#include "protocol/jute.h"
#include "server/storage/checkpoint_format.h"

namespace lockkeeper {
namespace {

constexpr size_t kNodesPerChunk = 1000;
constexpr size_t kBytesPerChunk = 1 << 20;
constexpr size_t kChunksAhead = 8;

}  // namespace

StoredNode NodeChunk::NodeOf(const Item& item) const {
  StoredNode node = item.node;
  const std::string_view all(bytes);
  node.path = all.substr(item.offset, item.path_bytes);
  if (!item.null_data) node.data = all.substr(item.offset + item.path_bytes, item.data_bytes);
  return node;
}

NodeReadAhead::NodeReadAhead(std::unique_ptr<leveldb::Iterator> it, bool with_digests)
    : it_(std::move(it)), with_digests_(with_digests), thread_([this] { Run(); }) {}

NodeReadAhead::~NodeReadAhead() {
  {
    std::lock_guard lock(mutex_);
    unwanted_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::unique_ptr<NodeChunk> NodeReadAhead::Next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !ready_.empty(); });
  std::unique_ptr<NodeChunk> chunk = std::move(ready_.front());
  ready_.pop_front();
  lock.unlock();
  changed_.notify_all();
  if (chunk == nullptr) thread_.join();
  return chunk;
}

void NodeReadAhead::Run() {
  it_->Seek(leveldb::Slice(&kNodeKeyPrefix, 1));
  bool more = true;
  while (more) {
    auto chunk = std::make_unique<NodeChunk>();
    more = Fill(chunk.get());
    if (!Put(std::move(chunk))) return;
  }
  Put(nullptr);
}

bool NodeReadAhead::Fill(NodeChunk* chunk) {
  chunk->items.reserve(kNodesPerChunk);
  while (chunk->items.size() < kNodesPerChunk && chunk->bytes.size() < kBytesPerChunk) {
    if (!it_->Valid() || it_->key()[0] != kNodeKeyPrefix) {
      status_ = it_->status();
      return false;
    }
    if (!Append(chunk)) {
      undecodable_ = true;
      return false;
    }
    it_->Next();
  }
  return true;
}

bool NodeReadAhead::Append(NodeChunk* chunk) {
  const std::string_view key(it_->key().data(), it_->key().size());
  const std::string_view value(it_->value().data(), it_->value().size());
  NodeChunk::Item item;
  if (!ParseNodeKey(key, &path_) || !ParseNodeValue(value, &item.node)) return false;
  item.node.path = path_;
  if (with_digests_) item.digest = DigestOf(item.node);
  item.offset = chunk->bytes.size();
  item.path_bytes = static_cast<uint32_t>(path_.size());
  item.data_bytes = static_cast<uint32_t>(item.node.data.size());
  item.null_data = IsNull(item.node.data);
  chunk->bytes.append(path_).append(item.node.data);
  chunk->items.push_back(item);
  return true;
}

bool NodeReadAhead::Put(std::unique_ptr<NodeChunk> chunk) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return unwanted_ || ready_.size() < kChunksAhead; });
  if (unwanted_) return false;
  ready_.push_back(std::move(chunk));
  lock.unlock();
  changed_.notify_all();
  return true;
}

}  // namespace lockkeeper
