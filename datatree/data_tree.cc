#include "datatree/data_tree.h"

#include <glog/logging.h>

#include <algorithm>

#include "datatree/digest.h"
#include "datatree/path.h"

namespace lockkeeper {
namespace {

// How often the digest history takes an entry, and how many it keeps (storage-and-operations 3.7).
constexpr int64_t kDigestInterval = 128;
constexpr size_t kDigestHistoryMax = 1024;

int64_t BytesOf(std::string_view path, std::string_view data) {
  return static_cast<int64_t>(path.size() + data.size());
}

}  // namespace

const AclList& ConfigAcl() {
  static const AclList acl{{kPermRead, "world", "anyone"}};
  return acl;
}

DataTree::DataTree(const DataTreeOptions& options) : options_(options), nodes_(options.hash_seed) {
  acls_.SetTracker(&checkpoint_tracker_);
  data_bytes_ = 1;  // the root's "/"
  UpdateDigest(NodeStore::kRoot, "/");
  CreateSystemNodes();
}

// The nodes of an empty database (client-protocol 6.3).
void DataTree::CreateSystemNodes() {
  AddNode(kZookeeperPath, EmptyString(), AclTable::kOpenId, {});
  AddNode(kQuotaPath, EmptyString(), AclTable::kOpenId, {});
  const uint32_t read_only = acls_.Acquire(ConfigAcl());
  NodeStat config;
  config.aversion = -1;
  AddNode(kConfigPath, EmptyString(), read_only, config);
}

Stat DataTree::StatOf(NodeId node) const {
  const NodeStat s = nodes_.StatOf(node);
  const auto children = static_cast<int32_t>(nodes_.ChildCountOf(node));
  const uint32_t shown = 2 * static_cast<uint32_t>(s.cversion) - static_cast<uint32_t>(children);
  return {.czxid = s.czxid,
          .mzxid = s.mzxid,
          .ctime = s.ctime,
          .mtime = s.mtime,
          .version = s.version,
          .cversion = static_cast<int32_t>(shown),
          .aversion = s.aversion,
          .ephemeral_owner = ShownOwner(options_.owner_rules, s.owner),
          .data_length = static_cast<int32_t>(nodes_.DataOf(node).size()),
          .num_children = children,
          .pzxid = s.pzxid};
}

std::vector<std::string> DataTree::EphemeralPathsOf(SessionId session) const {
  std::vector<std::string> paths;
  const auto found = ephemerals_.find(session);
  if (found == ephemerals_.end()) return paths;
  for (NodeId node : found->second) paths.push_back(nodes_.PathOf(node));
  std::sort(paths.begin(), paths.end());
  return paths;
}

int64_t DataTree::CountDescendants(NodeId node) const { return UseOf(node).count - 1; }

// An explicit stack: a path may be half a million levels deep.
DataTree::SubtreeUse DataTree::UseOf(NodeId node) const {
  SubtreeUse use;
  std::vector<NodeId> stack{node};
  while (!stack.empty()) {
    const NodeId next = stack.back();
    stack.pop_back();
    ++use.count;
    use.bytes += static_cast<int64_t>(nodes_.DataOf(next).size());
    for (NodeId c = nodes_.FirstChild(next); c != kNoNode; c = nodes_.NextSibling(c)) {
      stack.push_back(c);
    }
  }
  return use;
}

NodeId DataTree::AddNode(std::string_view path, std::string_view data, uint32_t acl_id,
                         const NodeStat& stat) {
  const NodeId parent = nodes_.Lookup(ParentPath(path));
  const NodeId node = nodes_.Create(parent, LastName(path), data, acl_id, stat);
  checkpoint_tracker_.NodeCreated(node);
  RegisterOwner(node, stat.owner);
  data_bytes_ += BytesOf(path, data);
  UpdateDigest(node, path);
  OnQuotaNodeCreated(path, node);
  UpdateQuotaUse(path, 1, static_cast<int64_t>(data.size()));
  return node;
}

void DataTree::RemoveNode(NodeId node, std::string_view path) {
  const auto data_size = static_cast<int64_t>(nodes_.DataOf(node).size());
  checkpoint_tracker_.NodeWillGo(node, path);
  digest_ -= nodes_.DigestOf(node);
  UnregisterOwner(node, nodes_.StatOf(node).owner);
  data_bytes_ -= static_cast<int64_t>(path.size()) + data_size;
  acls_.Release(nodes_.AclIdOf(node));
  nodes_.Remove(node);
  if (const auto subject = QuotaSubject(path, kLimitsName)) quotas_.Remove(*subject);
  UpdateQuotaUse(path, -1, -data_size);
}

void DataTree::ReplaceData(NodeId node, std::string_view path, std::string_view data,
                           const NodeStat& stat) {
  const auto old_size = static_cast<int64_t>(nodes_.DataOf(node).size());
  const auto new_size = static_cast<int64_t>(data.size());
  checkpoint_tracker_.NodeWillChange(node);
  nodes_.SetData(node, data);
  nodes_.SetStat(node, stat);
  UpdateDigest(node, path);
  data_bytes_ += new_size - old_size;
  UpdateQuotaUse(path, 0, new_size - old_size);
}

void DataTree::ReplaceStat(NodeId node, std::string_view path, const NodeStat& stat) {
  checkpoint_tracker_.NodeWillChange(node);
  nodes_.SetStat(node, stat);
  UpdateDigest(node, path);
}

void DataTree::ReplaceAcl(NodeId node, uint32_t acl_id) {
  checkpoint_tracker_.NodeWillChange(node);
  acls_.Release(nodes_.AclIdOf(node));
  nodes_.SetAclId(node, acl_id);
}

void DataTree::SetMembership(std::string_view text, int64_t version, WallMs now) {
  const NodeId node = nodes_.Lookup(kConfigPath);
  NodeStat stat = nodes_.StatOf(node);
  stat.mzxid = version;
  stat.mtime = now.value;
  stat.version = -1;
  ReplaceData(node, kConfigPath, text, stat);
}

void DataTree::OpenSession(SessionId session, int32_t timeout_ms) {
  checkpoint_tracker_.SessionOpened(session, timeout_ms);
  sessions_[session] = timeout_ms;
}

void DataTree::CloseSession(SessionId session) {
  if (sessions_.erase(session) > 0) checkpoint_tracker_.SessionClosed(session);
}

void DataTree::StartWholeCheckpoint() {
  checkpoint_tracker_.StartWhole(sessions_);
  acls_.ForEach([this](uint32_t id, const AclRef& acl) {
    if (id != AclTable::kOpenId) checkpoint_tracker_.AclAdded(id, acl);
  });
}

void DataTree::RegisterOwner(NodeId node, int64_t owner) {
  switch (KindOfOwner(options_.owner_rules, owner)) {
    case OwnerKind::kNone:
      return;
    case OwnerKind::kContainer:
      containers_.insert(node);
      return;
    case OwnerKind::kTtl:
      ttl_nodes_.insert(node);
      return;
    case OwnerKind::kSession:
      ephemerals_[SessionId{owner}].push_back(node);
      ++ephemeral_count_;
      return;
  }
}

void DataTree::UnregisterOwner(NodeId node, int64_t owner) {
  switch (KindOfOwner(options_.owner_rules, owner)) {
    case OwnerKind::kNone:
      return;
    case OwnerKind::kContainer:
      containers_.erase(node);
      return;
    case OwnerKind::kTtl:
      ttl_nodes_.erase(node);
      return;
    case OwnerKind::kSession: {
      const auto found = ephemerals_.find(SessionId{owner});
      CHECK(found != ephemerals_.end());
      std::vector<NodeId>& nodes = found->second;
      const auto place = std::find(nodes.rbegin(), nodes.rend(), node);
      CHECK(place != nodes.rend());
      *place = nodes.back();
      nodes.pop_back();
      if (nodes.empty()) ephemerals_.erase(found);
      --ephemeral_count_;
      return;
    }
  }
}

void DataTree::UpdateDigest(NodeId node, std::string_view path) {
  if (!options_.digest_enabled || IsOutsideDigest(path)) return;
  const uint32_t digest = NodeDigest(DigestPrefix(path, nodes_.DataOf(node)), nodes_.StatOf(node));
  digest_ += digest;
  digest_ -= nodes_.DigestOf(node);
  nodes_.SetDigest(node, digest);
}

// A new limits node starts the accounting of its subtree; a new stats node is filled in.
void DataTree::OnQuotaNodeCreated(std::string_view path, NodeId node) {
  if (const auto subject = QuotaSubject(path, kLimitsName)) quotas_.Add(*subject);
  if (const auto subject = QuotaSubject(path, kStatsName)) {
    SetQuotaUse(node, *subject);
  }
}

void DataTree::SetQuotaUse(NodeId stats, std::string_view subject) {
  const NodeId counted = nodes_.Lookup(subject);
  const SubtreeUse use = counted == kNoNode ? SubtreeUse{} : UseOf(counted);
  checkpoint_tracker_.NodeWillChange(stats);
  nodes_.SetData(stats, FormatQuota({.count = use.count, .bytes = use.bytes}));
}

void DataTree::RecountQuotas() {
  std::vector<NodeId> stack{nodes_.Lookup(kQuotaPath)};
  while (!stack.empty()) {
    const NodeId node = stack.back();
    stack.pop_back();
    for (NodeId c = nodes_.FirstChild(node); c != kNoNode; c = nodes_.NextSibling(c)) {
      stack.push_back(c);
    }
    if (nodes_.NameOf(node) != kLimitsName) continue;
    const std::string path = nodes_.PathOf(node);
    if (const auto subject = QuotaSubject(path, kLimitsName)) quotas_.Add(*subject);
  }
  for (const std::string& subject : quotas_.subjects()) {
    const NodeId stats = nodes_.Lookup(StatsPathOf(subject));
    if (stats != kNoNode) SetQuotaUse(stats, subject);
  }
}

// Rewrites the statistics of the quota that `path` falls under: only data, no stat, no digest.
void DataTree::UpdateQuotaUse(std::string_view path, int64_t count, int64_t bytes) {
  const std::string* subject = quotas_.LongestPrefix(path);
  if (subject == nullptr || (count == 0 && bytes == 0)) return;
  const NodeId stats = nodes_.Lookup(StatsPathOf(*subject));
  if (stats == kNoNode) return;
  // A client may have stored anything here; then there is nothing to add to.
  std::optional<QuotaNumbers> numbers = ParseQuota(nodes_.DataOf(stats));
  if (!numbers) return;
  numbers->count += count;
  numbers->bytes += bytes;
  checkpoint_tracker_.NodeWillChange(stats);
  nodes_.SetData(stats, FormatQuota(*numbers));
}

void DataTree::Advance(Zxid zxid) {
  last_zxid_ = std::max(last_zxid_, zxid);
  if (!options_.digest_enabled || zxid.value % kDigestInterval != 0) return;
  digest_history_.push_back({zxid, digest_});
  if (digest_history_.size() > kDigestHistoryMax) digest_history_.pop_front();
}

}  // namespace lockkeeper
