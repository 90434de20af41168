#include "datatree/pending_changes.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "datatree/digest.h"

namespace lockkeeper {
namespace {

constexpr size_t kPathKeptMax = 1024;

}  // namespace

std::optional<PendingNode> PendingChanges::Find(std::string_view path) const {
  path = WithSlash(path);
  if (size() > 0) {
    const Id id = FindEntry(path, HashOf(path));
    if (id != HashIndex::kNone) {
      if (!entries_[id].node.exists) return std::nullopt;
      return entries_[id].node;
    }
  }
  const NodeId node = tree_.nodes().Lookup(path);
  if (node == kNoNode) return std::nullopt;
  std::optional<PendingNode> found(std::in_place);
  found->stat = tree_.nodes().StatOf(node);
  found->child_count = tree_.nodes().ChildCountOf(node);
  found->acl = tree_.AclOf(node);
  found->data_bytes = tree_.nodes().DataOf(node).size();
  found->digest = tree_.nodes().DigestOf(node);
  found->applied = node;
  found->zxid = tree_.last_zxid();
  return found;
}

void PendingChanges::UpdateDigest(std::string_view path, PendingNode* node) {
  digest_ -= std::exchange(node->digest, 0);
  if (!node->exists || !tree_.digest_enabled() || IsOutsideDigest(path)) return;
  if (!node->digest_prefix) {
    node->digest_prefix = DigestPrefix(path, tree_.nodes().DataOf(node->applied));
  }
  node->digest = NodeDigest(*node->digest_prefix, node->stat);
  digest_ += node->digest;
}

void PendingChanges::Put(std::string_view path, PendingNode node) {
  path = WithSlash(path);
  if (size() == 0) digest_ = tree_.digest();
  UpdateDigest(path, &node);
  const uint64_t hash = HashOf(path);
  Id id = FindEntry(path, hash);
  if (id == HashIndex::kNone) {
    id = AddEntry(path, hash);
    if (marked_) undo_.push_back({id, std::nullopt});
  } else {
    if (marked_) undo_.push_back({id, entries_[id].node});
    Unindex(id);
  }
  Entry& entry = entries_[id];
  entry.node = std::move(node);
  ++entry.puts;
  order_.emplace_back(entry.node.zxid, id);
  Index(id);
}

std::vector<std::string> PendingChanges::EphemeralPathsOf(SessionId session) const {
  std::vector<std::string> paths = tree_.EphemeralPathsOf(session);
  if (size() == 0) return paths;
  std::erase_if(paths, [&](const std::string& path) {
    return FindEntry(path, HashOf(path)) != HashIndex::kNone;
  });
  const auto owned = owned_.find(session.value);
  if (owned == owned_.end()) return paths;
  for (const Id id : owned->second) paths.push_back(entries_[id].path);
  std::sort(paths.begin(), paths.end());
  return paths;
}

void PendingChanges::Mark() {
  marked_ = true;
  undo_.clear();
  digest_at_mark_ = digest_;
}

void PendingChanges::Rollback() {
  marked_ = false;
  while (!undo_.empty()) {
    Undo& undo = undo_.back();
    Entry& entry = entries_[undo.entry];
    CHECK(order_.back().second == undo.entry);
    order_.pop_back();
    Unindex(undo.entry);
    --entry.puts;
    if (undo.previous) {
      entry.node = *std::move(undo.previous);
      Index(undo.entry);
    } else {
      FreeEntry(undo.entry);
    }
    undo_.pop_back();
  }
  digest_ = digest_at_mark_;
}

void PendingChanges::Keep() {
  marked_ = false;
  undo_.clear();
}

void PendingChanges::Release(Zxid zxid) {
  while (!order_.empty() && order_.front().first <= zxid) {
    const Id id = order_.front().second;
    order_.pop_front();
    if (--entries_[id].puts > 0) continue;  // a later change of the same path is still in flight
    Unindex(id);
    FreeEntry(id);
  }
}

void PendingChanges::Clear() {
  for (Id id = 0; id < entries_.size(); ++id) {
    if (std::exchange(entries_[id].puts, 0) > 0) FreeEntry(id);
  }
  order_.clear();
  owned_.clear();
  undo_.clear();
  marked_ = false;
}

uint64_t PendingChanges::HashOf(std::string_view path) const {
  return HashIndex::Hash(0, path, tree_.hash_seed());
}

PendingChanges::Id PendingChanges::FindEntry(std::string_view path, uint64_t hash) const {
  return index_.Find(hash, [&](Id id) { return entries_[id].path == path; });
}

// The path of a free entry leaves its memory to the next one in its place, unless it is large.
PendingChanges::Id PendingChanges::AddEntry(std::string_view path, uint64_t hash) {
  Id id = static_cast<Id>(entries_.size());
  if (free_.empty()) {
    entries_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  entries_[id].path = path;
  entries_[id].hash = hash;
  index_.Insert(hash, id);
  return id;
}

void PendingChanges::FreeEntry(Id id) {
  Entry& entry = entries_[id];
  index_.Erase(entry.hash, id);
  entry.node.acl.reset();
  if (entry.path.capacity() > kPathKeptMax) std::string().swap(entry.path);
  free_.push_back(id);
}

void PendingChanges::Index(Id id) {
  const PendingNode& node = entries_[id].node;
  if (!node.exists) return;
  if (KindOfOwner(tree_.owner_rules(), node.stat.owner) != OwnerKind::kSession) return;
  owned_[node.stat.owner].push_back(id);
}

void PendingChanges::Unindex(Id id) {
  const int64_t owner = entries_[id].node.stat.owner;
  if (owner == 0) return;
  const auto owned = owned_.find(owner);
  if (owned == owned_.end()) return;
  std::erase(owned->second, id);
  if (owned->second.empty()) owned_.erase(owned);
}

}  // namespace lockkeeper
