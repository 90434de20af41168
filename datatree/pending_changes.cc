#include "datatree/pending_changes.h"

#include <glog/logging.h>

#include <algorithm>
#include <set>

#include "datatree/digest.h"

namespace lockkeeper {

std::optional<PendingNode> PendingChanges::Find(std::string_view path) const {
  if (!nodes_.empty()) {
    const auto found = nodes_.find(path.empty() ? std::string_view("/") : path);
    if (found != nodes_.end()) {
      if (!found->second.node.exists) return std::nullopt;
      return found->second.node;
    }
  }
  const NodeId node = tree_.nodes().Lookup(path);
  if (node == kNoNode) return std::nullopt;
  const std::string_view data = tree_.nodes().DataOf(node);
  return PendingNode{.exists = true,
                     .stat = tree_.nodes().StatOf(node),
                     .child_count = tree_.nodes().ChildCountOf(node),
                     .acl = tree_.AclOf(node),
                     .data_bytes = data.size(),
                     .digest_prefix = PrefixFor(path, data),
                     .zxid = tree_.last_zxid()};
}

uint32_t PendingChanges::PrefixFor(std::string_view path, std::string_view data) const {
  if (!tree_.digest_enabled() || IsOutsideDigest(path)) return 0;
  return DigestPrefix(path, data);
}

uint64_t PendingChanges::DigestOf(std::string_view path, const PendingNode& node) const {
  if (!tree_.digest_enabled() || IsOutsideDigest(path)) return 0;
  return NodeDigest(node.digest_prefix, node.stat);
}

void PendingChanges::Put(std::string_view path, PendingNode node) {
  if (path.empty()) path = "/";
  if (nodes_.empty()) digest_ = tree_.digest();
  const std::optional<PendingNode> current = Find(path);
  if (current) digest_ -= DigestOf(path, *current);
  if (node.exists) digest_ += DigestOf(path, node);

  const Zxid zxid = node.zxid;
  const auto [place, added] = nodes_.try_emplace(std::string(path));
  if (marked_) {
    undo_.push_back({std::string(path), added ? std::nullopt : std::optional(place->second.node)});
  }
  if (!added) Unindex(*place);
  place->second.node = std::move(node);
  ++place->second.puts;
  Index(*place);
  order_.emplace_back(zxid, &place->first);
}

std::vector<std::string> PendingChanges::EphemeralPathsOf(SessionId session) const {
  std::vector<std::string> paths = tree_.EphemeralPathsOf(session);
  if (nodes_.empty()) return paths;
  std::erase_if(paths, [&](const std::string& path) { return nodes_.contains(path); });
  const auto owned = owned_.find(session.value);
  if (owned == owned_.end()) return paths;
  for (const std::string* path : owned->second) paths.push_back(*path);
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
    const auto place = nodes_.find(undo.path);
    CHECK(place != nodes_.end());
    CHECK(order_.back().second == &place->first);
    order_.pop_back();
    Unindex(*place);
    --place->second.puts;
    if (undo.previous) {
      place->second.node = *std::move(undo.previous);
      Index(*place);
    } else {
      nodes_.erase(place);
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
    const auto place = nodes_.find(*order_.front().second);
    CHECK(place != nodes_.end());
    order_.pop_front();
    if (--place->second.puts > 0) continue;  // a later change of the same path is still in flight
    Unindex(*place);
    nodes_.erase(place);
  }
}

void PendingChanges::Clear() {
  nodes_.clear();
  order_.clear();
  owned_.clear();
  undo_.clear();
  marked_ = false;
}

void PendingChanges::Index(const Map::value_type& entry) {
  const PendingNode& node = entry.second.node;
  if (!node.exists) return;
  if (KindOfOwner(tree_.owner_rules(), node.stat.owner) != OwnerKind::kSession) return;
  owned_[node.stat.owner].push_back(&entry.first);
}

void PendingChanges::Unindex(const Map::value_type& entry) {
  const auto owned = owned_.find(entry.second.node.stat.owner);
  if (owned == owned_.end()) return;
  std::erase(owned->second, &entry.first);
  if (owned->second.empty()) owned_.erase(owned);
}

}  // namespace lockkeeper
