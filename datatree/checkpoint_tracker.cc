#include "datatree/checkpoint_tracker.h"

#include <glog/logging.h>

#include <utility>

#include "datatree/acl_table.h"

namespace lockkeeper {
namespace {

// Stat and keys of a znode on disk, beside its data: an estimate for the triggers.
constexpr uint64_t kNodeBytes = 100;
constexpr uint64_t kEntryBytes = 32;

size_t WordOf(NodeId node) { return node / 64; }
uint64_t MaskOf(NodeId node) { return uint64_t{1} << (node % 64); }

}  // namespace

bool CheckpointTracker::Test(const Bits& bits, NodeId node) {
  return WordOf(node) < bits.size() && (bits[WordOf(node)] & MaskOf(node)) != 0;
}

bool CheckpointTracker::TestAndClear(Bits* bits, NodeId node) {
  if (!Test(*bits, node)) return false;
  (*bits)[WordOf(node)] &= ~MaskOf(node);
  return true;
}

void CheckpointTracker::Start(Zxid on_disk) {
  CHECK(!started_);
  started_ = true;
  known_on_disk_ = on_disk;
}

// In pre-order: neighbours in the file are written together.
void CheckpointTracker::StartWhole(const std::map<SessionId, int32_t>& sessions) {
  Start(Zxid{-1});
  delta_.whole = true;
  for (const auto& [session, timeout_ms] : sessions) delta_.sessions.emplace(session, timeout_ms);
  std::vector<NodeId> stack{NodeStore::kRoot};
  while (!stack.empty()) {
    const NodeId node = stack.back();
    stack.pop_back();
    Mark(node);
    for (NodeId c = nodes_.FirstChild(node); c != kNoNode; c = nodes_.NextSibling(c)) {
      stack.push_back(c);
    }
  }
}

void CheckpointTracker::Mark(NodeId node) {
  Bits& bits = next().bits;
  if (WordOf(node) >= bits.size()) bits.resize(WordOf(node) + WordOf(node) / 2 + 1);
  if (Test(bits, node)) return;
  bits[WordOf(node)] |= MaskOf(node);
  next().nodes.push_back(node);
  dirty_bytes_ += kNodeBytes + nodes_.DataOf(node).size();
}

void CheckpointTracker::NodeCreated(NodeId node) {
  if (started_) Mark(node);
}

void CheckpointTracker::NodeWillChange(NodeId node) {
  if (!started_) return;
  if (TestAndClear(&running().bits, node)) CopyOne(node, nodes_.PathOf(node));
  Mark(node);
}

void CheckpointTracker::NodeWillGo(NodeId node, std::string_view path) {
  if (!started_) return;
  if (TestAndClear(&running().bits, node)) CopyOne(node, path);
  TestAndClear(&next().bits, node);
  if (Zxid{nodes_.StatOf(node).czxid} > known_on_disk_) return;
  delta_.deleted.emplace_back(path);
  dirty_bytes_ += kEntryBytes + path.size();
}

void CheckpointTracker::AclAdded(uint32_t id, const AclRef& acl) {
  if (started_) delta_.acls[id] = acl;
}

void CheckpointTracker::AclDropped(uint32_t id) {
  if (started_) delta_.acls[id] = nullptr;
}

void CheckpointTracker::SessionOpened(SessionId session, int32_t timeout_ms) {
  if (!started_) return;
  delta_.sessions[session] = timeout_ms;
  dirty_bytes_ += kEntryBytes;
}

// A session that came and went between two checkpoints leaves no trace.
void CheckpointTracker::SessionClosed(SessionId session) {
  if (!started_) return;
  const auto found = delta_.sessions.find(session);
  if (found != delta_.sessions.end() && found->second.has_value()) {
    delta_.sessions.erase(found);
    return;
  }
  delta_.sessions[session] = std::nullopt;
}

bool CheckpointTracker::dirty() const {
  return !generations_[next_].nodes.empty() || !delta_.deleted.empty() ||
         !delta_.sessions.empty() || !delta_.acls.empty();
}

FrozenState CheckpointTracker::Freeze(Zxid zxid, std::optional<uint64_t> digest, CopyNode copy) {
  CHECK(started_);
  CHECK(!copying());
  next_ = 1 - next_;
  copied_ = 0;
  copy_ = std::move(copy);
  known_on_disk_ = zxid;
  dirty_bytes_ = 0;
  FrozenState frozen = std::exchange(delta_, FrozenState{});
  frozen.zxid = zxid;
  frozen.digest = digest;
  frozen.node_count = nodes_.size();
  return frozen;
}

bool CheckpointTracker::CopySome(size_t nodes_max, size_t bytes_max) {
  CHECK(copying());
  Generation& generation = running();
  size_t bytes = 0;
  for (size_t n = 0; n < nodes_max && bytes < bytes_max; ++n) {
    if (copied_ == generation.nodes.size()) {
      generation.nodes = {};
      copy_ = nullptr;
      return false;
    }
    const NodeId node = generation.nodes[copied_++];
    if (!TestAndClear(&generation.bits, node)) continue;
    bytes += nodes_.DataOf(node).size();
    CopyOne(node, nodes_.PathOf(node));
  }
  return true;
}

void CheckpointTracker::CopyOne(NodeId node, std::string_view path) {
  const uint32_t acl_id = nodes_.AclIdOf(node);
  copy_({.path = path,
         .data = nodes_.DataOf(node),
         .acl_key = acl_id == AclTable::kOpenId ? kOpenAclKey : int64_t{acl_id},
         .stat = nodes_.StatOf(node)});
}

}  // namespace lockkeeper
