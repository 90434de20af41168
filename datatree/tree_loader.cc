#include "datatree/tree_loader.h"

#include <glog/logging.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "datatree/digest.h"
#include "datatree/path.h"

namespace lockkeeper {
namespace {

// For a node whose ACL is lost: no identity has this scheme, so only the super user, who passes
// every check, gets in.
const AclList& NobodysAcl() {
  static const AclList acl{{kPermAll, "super", ""}};
  return acl;
}

Error Corrupt(std::string_view path, const char* what) {
  return {Errc::kCorruption, "znode \"" + std::string(path) + "\" " + what};
}

bool IsSystemPath(std::string_view path) {
  return path.empty() || path == kZookeeperPath || path == kQuotaPath || path == kConfigPath;
}

// In bytes, the common beginning of two paths that ends at a component.
size_t CommonAncestorBytes(std::string_view a, std::string_view b) {
  const auto [in_a, in_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  const bool a_ends = in_a == a.end() || *in_a == '/';
  const bool b_ends = in_b == b.end() || *in_b == '/';
  const auto common = static_cast<size_t>(in_a - a.begin());
  if (a_ends && b_ends) return common;
  const size_t slash = a.substr(0, common).rfind('/');
  return slash == std::string_view::npos ? 0 : slash;
}

}  // namespace

// The configuration znode's ACL is taken away until the file brings its own: it would occupy a
// number that the file uses.
TreeLoader::TreeLoader(DataTree* tree) : tree_(*tree) {
  CHECK_EQ(tree_.last_zxid().value, 0);
  const NodeId config = tree_.nodes_.Lookup(kConfigPath);
  tree_.acls_.Release(tree_.nodes_.AclIdOf(config));
  tree_.nodes_.SetAclId(config, AclTable::kOpenId);
  acl_ids_.emplace(kOpenAclKey, AclTable::kOpenId);
  levels_.push_back({NodeStore::kRoot, 0});
}

void TreeLoader::Expect(uint64_t nodes) { tree_.nodes_.Reserve(nodes); }

void TreeLoader::AddSession(SessionId session, int32_t timeout_ms) {
  tree_.sessions_[session] = timeout_ms;
}

void TreeLoader::AddAcl(int64_t key, const AclList& acl) {
  const uint32_t id = tree_.acls_.Acquire(acl);
  const auto [place, is_new] = acl_ids_.emplace(key, id);
  if (is_new) return;
  tree_.acls_.Release(std::exchange(place->second, id));
}

Status TreeLoader::RestoreAcl(uint32_t id, const AclList& acl) {
  if (id == AclTable::kOpenId || id > NodeStore::kAclIdMax || !tree_.acls_.Restore(id, acl)) {
    return Error{Errc::kCorruption, "the ACL with number " + std::to_string(id) +
                                        " stands twice or under a number it cannot have"};
  }
  acl_ids_.emplace(id, id);
  return {};
}

Result<uint32_t> TreeLoader::AclIdOf(const StoredNode& node) {
  const auto found = acl_ids_.find(node.acl_key);
  if (found != acl_ids_.end()) {
    tree_.acls_.AddUse(found->second);
    return found->second;
  }
  LOG_FIRST_N(ERROR, 10) << "znode \"" << node.path << "\" has the unknown ACL key " << node.acl_key
                         << ": only the super user can use it from now on";
  ++unknown_acls_;
  return tree_.acls_.Acquire(NobodysAcl());
}

NodeId TreeLoader::ParentOf(std::string_view path) {
  const std::string_view parent = path.substr(0, path.rfind('/'));
  const size_t common = CommonAncestorBytes(last_path_, parent);
  while (levels_.back().path_bytes > common) levels_.pop_back();
  if (levels_.back().path_bytes == parent.size()) return levels_.back().node;
  return tree_.nodes_.Lookup(parent);
}

bool TreeLoader::ReplaceSystemNode(const StoredNode& node, uint32_t acl_id) {
  if (!IsSystemPath(node.path)) return false;
  const NodeId present = tree_.nodes_.Lookup(node.path);
  tree_.ReplaceAcl(present, acl_id);
  tree_.ReplaceData(present, node.path, node.data, node.stat);
  config_loaded_ = config_loaded_ || node.path == kConfigPath;
  return true;
}

Status TreeLoader::AddNode(const StoredNode& node, std::optional<uint32_t> digest) {
  if (!node.path.empty() && !IsCanonicalPath(node.path)) {
    return Corrupt(node.path, "has no proper path");
  }
  const Result<uint32_t> acl_id = AclIdOf(node);
  if (!acl_id) return acl_id.error();
  if (ReplaceSystemNode(node, *acl_id)) return {};
  const NodeId parent = ParentOf(node.path);
  if (parent == kNoNode) return Corrupt(node.path, "stands before its parent");
  const std::string_view name = LastName(node.path);
  if (tree_.nodes_.FindChild(parent, name) != kNoNode) return Corrupt(node.path, "stands twice");
  const NodeId added = tree_.nodes_.Create(parent, name, node.data, *acl_id, node.stat);
  tree_.RegisterOwner(added, node.stat.owner);
  tree_.data_bytes_ += static_cast<int64_t>(node.path.size() + node.data.size());
  if (tree_.digest_enabled()) {
    tree_.nodes_.SetDigest(added, digest ? *digest : DigestOf(node));
    tree_.digest_ += tree_.nodes_.DigestOf(added);
  }
  if (levels_.back().path_bytes + 1 + name.size() == node.path.size()) {
    levels_.push_back({added, node.path.size()});
    last_path_.assign(node.path);
  }
  return {};
}

void TreeLoader::Finish(Zxid zxid) {
  if (!config_loaded_) {  // files of servers before 3.5
    const NodeId config = tree_.nodes_.Lookup(kConfigPath);
    tree_.nodes_.SetAclId(config, tree_.acls_.Acquire(ConfigAcl()));
  }
  for (const auto& [key, id] : acl_ids_) tree_.acls_.Release(id);
  tree_.acls_.ListFree();
  tree_.last_zxid_ = zxid;
  tree_.RecountQuotas();
}

}  // namespace lockkeeper
