#include "tests/datatree/tree_model.h"

#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <variant>

#include "protocol/print.h"
#include "tests/datatree/tree_test_util.h"

namespace lockkeeper {
namespace {

constexpr int64_t kContainerMark = std::numeric_limits<int64_t>::min();

std::string Parent(const std::string& path) { return path.substr(0, path.rfind('/')); }

// The random requests use ASCII only, so this is all of rule 6.1 that they can break.
bool IsWellFormed(const std::string& path) {
  if (path == "/") return true;
  if (path.empty() || path[0] != '/' || path.back() == '/') return false;
  if (path.find('\0') != std::string::npos) return false;
  const std::string closed = path + "/";
  return closed.find("//") == std::string::npos && closed.find("/./") == std::string::npos &&
         closed.find("/../") == std::string::npos;
}

bool IsReserved(const std::string& path) {
  return path == "/" || path == "/zookeeper" || path == "/zookeeper/quota" ||
         path == "/zookeeper/config";
}

// world:anyone and digest are the schemes that the random requests use.
bool May(const AclList& acl, int32_t wanted, const std::vector<Identity>& identities) {
  return std::any_of(acl.begin(), acl.end(), [&](const AclEntry& e) {
    if ((e.perms & wanted) == 0) return false;
    if (e.scheme == "world") return true;
    return std::any_of(identities.begin(), identities.end(),
                       [&](const Identity& i) { return i.scheme == e.scheme && i.id == e.id; });
  });
}

// Empty: not valid.
AclList Stored(const JuteVector<Acl>& requested, const std::vector<Identity>& identities) {
  AclList stored;
  if (!requested) return stored;
  for (const Acl& e : *requested) {
    if (e.id.scheme != "auth") {
      stored.push_back({e.perms, std::string(e.id.scheme), std::string(e.id.id)});
      continue;
    }
    for (const Identity& i : identities) stored.push_back({e.perms, i.scheme, i.id});
    if (identities.empty()) return {};
  }
  return stored;
}

void AppendBigEndian(uint64_t value, int bytes, std::string* out) {
  for (int i = bytes - 1; i >= 0; --i) *out += static_cast<char>(value >> (8 * i));
}

}  // namespace

TreeModel::TreeModel(bool extended_types) : extended_types_(extended_types) {
  const AclList open{{31, "world", "anyone"}};
  nodes_[""] = {"", open, {}};
  nodes_["/zookeeper"] = {"", open, {}};
  nodes_["/zookeeper/quota"] = {"", open, {}};
  nodes_["/zookeeper/config"] = {"", {{1, "world", "anyone"}}, {}};
  nodes_["/zookeeper/config"].stat.aversion = -1;
}

const ModelNode* TreeModel::Find(const std::string& path) const {
  const auto found = nodes_.find(path == "/" ? "" : path);
  return found == nodes_.end() ? nullptr : &found->second;
}

int32_t TreeModel::ChildrenOf(const std::string& path) const {
  const std::string prefix = path + "/";
  int32_t count = 0;
  for (auto n = nodes_.lower_bound(prefix); n != nodes_.end(); ++n) {
    if (n->first.compare(0, prefix.size(), prefix) != 0) break;
    if (n->first.find('/', prefix.size()) == std::string::npos) ++count;
  }
  return count;
}

bool TreeModel::IsSessions(int64_t owner) const {
  if (owner == 0 || owner == kContainerMark) return false;
  return !(extended_types_ && static_cast<uint64_t>(owner) >> 56 == 0xFF);
}

Stat TreeModel::ShownStat(const std::string& path) const {
  const std::string key = path == "/" ? "" : path;
  const ModelNode& n = nodes_.at(key);
  Stat s;
  s.czxid = n.stat.czxid;
  s.mzxid = n.stat.mzxid;
  s.pzxid = n.stat.pzxid;
  s.ctime = n.stat.ctime;
  s.mtime = n.stat.mtime;
  s.version = n.stat.version;
  s.aversion = n.stat.aversion;
  s.num_children = ChildrenOf(key);
  s.cversion = 2 * n.stat.cversion - s.num_children;
  s.ephemeral_owner = IsSessions(n.stat.owner) ? n.stat.owner : 0;
  s.data_length = n.data ? static_cast<int32_t>(n.data->size()) : 0;
  return s;
}

TreeModel::Result TreeModel::Create(const Context& context, OpCode op, std::string path,
                                    std::string_view data, const JuteVector<Acl>& acl,
                                    int32_t flags, std::optional<int64_t> ttl_ms, bool in_multi) {
  if (flags < 0 || flags > 6) return {ErrorCode::kBadArguments};
  const bool ttl_mode = flags == 5 || flags == 6;
  if (ttl_mode && !extended_types_) return {ErrorCode::kUnimplemented};
  if (ttl_mode && (!ttl_ms || *ttl_ms < 1 || *ttl_ms >= int64_t{1} << 40)) {
    return {ErrorCode::kBadArguments};
  }
  if (op == OpCode::kCreateTtl && !ttl_mode && !in_multi) return {ErrorCode::kBadArguments};
  if (path.find('/') == std::string::npos || path.find('\0') != std::string::npos) {
    return {ErrorCode::kBadArguments};
  }
  const AclList stored = Stored(acl, context.identities);
  if (stored.empty()) return {ErrorCode::kInvalidAcl};
  const ModelNode* parent = Find(Parent(path));
  if (parent == nullptr) return {ErrorCode::kNoNode};
  if (!May(parent->acl, kPermCreate, context.identities)) return {ErrorCode::kNoAuth};
  if (flags == 2 || flags == 3 || flags == 6) {
    char suffix[16];
    std::snprintf(suffix, sizeof suffix, "%010d", parent->stat.cversion);
    path += suffix;
  }
  if (!IsWellFormed(path)) return {ErrorCode::kBadArguments};
  if (Find(path) != nullptr) return {ErrorCode::kNodeExists};
  if (IsSessions(parent->stat.owner)) return {ErrorCode::kNoChildrenForEphemerals};

  ModelNode node;
  if (!IsNull(data)) node.data = std::string(data);
  node.acl = stored;
  node.stat.czxid = node.stat.mzxid = node.stat.pzxid = context.zxid;
  node.stat.ctime = node.stat.mtime = context.time;
  if (ttl_mode) {
    node.stat.owner = static_cast<int64_t>(0xFFull << 56 | static_cast<uint64_t>(*ttl_ms));
  } else if (op == OpCode::kCreateContainer || (in_multi && flags == 4)) {
    node.stat.owner = kContainerMark;
  } else if (flags == 1 || flags == 3) {
    node.stat.owner = context.session;
  }
  NodeStat& above = nodes_.at(Parent(path)).stat;
  ++above.cversion;
  above.pzxid = context.zxid;
  nodes_[path] = node;
  return {ErrorCode::kOk, path, ShownStat(path)};
}

void TreeModel::Remove(const std::string& path, int64_t zxid) {
  nodes_.erase(path);
  NodeStat& above = nodes_.at(Parent(path)).stat;
  above.pzxid = std::max(above.pzxid, zxid);
}

TreeModel::Result TreeModel::Delete(const Context& context, std::string path, int32_t version) {
  if (path.find('/') == std::string::npos || path.find('\0') != std::string::npos ||
      IsReserved(path)) {
    return {ErrorCode::kBadArguments};
  }
  const ModelNode* parent = Find(Parent(path));
  if (parent == nullptr) return {ErrorCode::kNoNode};
  if (!May(parent->acl, kPermDelete, context.identities)) return {ErrorCode::kNoAuth};
  const ModelNode* node = Find(path);
  if (node == nullptr) return {ErrorCode::kNoNode};
  if (version != -1 && version != node->stat.version) return {ErrorCode::kBadVersion};
  if (ChildrenOf(path) > 0) return {ErrorCode::kNotEmpty};
  Remove(path, context.zxid);
  return {};
}

TreeModel::Result TreeModel::DeleteContainer(const Context& context, std::string path) {
  if (path.find('/') == std::string::npos || IsReserved(path)) return {ErrorCode::kBadArguments};
  const ModelNode* node = Find(path);
  if (node == nullptr) return {ErrorCode::kNoNode};
  if (ChildrenOf(path) > 0) return {ErrorCode::kNotEmpty};
  const int64_t owner = node->stat.owner;
  const bool container = owner == std::numeric_limits<int64_t>::min();
  const bool ttl = !container && (static_cast<uint64_t>(owner) >> 56) == 0xFF;
  const int64_t ttl_ms = owner & 0xFFFFFFFFFF;
  if (!container && !(ttl && context.time - node->stat.mtime > ttl_ms)) {
    return {ErrorCode::kBadVersion};
  }
  Remove(path, context.zxid);
  return {};
}

TreeModel::Result TreeModel::SetData(const Context& context, std::string path,
                                     std::string_view data, int32_t version) {
  if (!IsWellFormed(path)) return {ErrorCode::kBadArguments};
  if (Find(path) == nullptr) return {ErrorCode::kNoNode};
  ModelNode& node = nodes_.at(path == "/" ? "" : path);
  if (!May(node.acl, kPermWrite, context.identities)) return {ErrorCode::kNoAuth};
  if (version != -1 && version != node.stat.version) return {ErrorCode::kBadVersion};
  node.data.reset();
  if (!IsNull(data)) node.data = std::string(data);
  ++node.stat.version;
  node.stat.mzxid = context.zxid;
  node.stat.mtime = context.time;
  return {ErrorCode::kOk, "", ShownStat(path)};
}

TreeModel::Result TreeModel::SetAcl(const Context& context, std::string path,
                                    const JuteVector<Acl>& acl, int32_t version) {
  if (!IsWellFormed(path)) return {ErrorCode::kBadArguments};
  const AclList stored = Stored(acl, context.identities);
  if (stored.empty()) return {ErrorCode::kInvalidAcl};
  if (Find(path) == nullptr) return {ErrorCode::kNoNode};
  ModelNode& node = nodes_.at(path == "/" ? "" : path);
  if (!May(node.acl, kPermAdmin, context.identities)) return {ErrorCode::kNoAuth};
  if (version != -1 && version != node.stat.aversion) return {ErrorCode::kBadVersion};
  node.acl = stored;
  ++node.stat.aversion;
  return {ErrorCode::kOk, "", ShownStat(path)};
}

TreeModel::Result TreeModel::Check(const Context& context, std::string path,
                                   int32_t version) const {
  if (!IsWellFormed(path)) return {ErrorCode::kBadArguments};
  const ModelNode* node = Find(path);
  if (node == nullptr) return {ErrorCode::kNoNode};
  if (!May(node->acl, kPermRead, context.identities)) return {ErrorCode::kNoAuth};
  if (version != -1 && version != node->stat.version) return {ErrorCode::kBadVersion};
  return {};
}

TreeModel::Result TreeModel::Execute(const Context& context, OpCode op,
                                     const RequestBody& request) {
  if (const auto* r = std::get_if<CreateRequest>(&request)) {
    return Create(context, op, std::string(r->path), r->data, r->acl, r->flags, std::nullopt,
                  false);
  }
  if (const auto* r = std::get_if<CreateTtlRequest>(&request)) {
    return Create(context, op, std::string(r->path), r->data, r->acl, r->flags, r->ttl_ms, false);
  }
  if (const auto* r = std::get_if<DeleteRequest>(&request)) {
    return Delete(context, std::string(r->path), r->version);
  }
  if (const auto* r = std::get_if<SetDataRequest>(&request)) {
    return SetData(context, std::string(r->path), r->data, r->version);
  }
  if (const auto* r = std::get_if<SetAclRequest>(&request)) {
    return SetAcl(context, std::string(r->path), r->acl, r->version);
  }
  return DeleteContainer(context, std::string(std::get<PathRequest>(request).path));
}

TreeModel::Result TreeModel::ExecuteElement(const Context& context, const MultiElement& element) {
  if (const auto* r = std::get_if<CreateRequest>(&element.body)) {
    return Create(context, element.type, std::string(r->path), r->data, r->acl, r->flags,
                  std::nullopt, true);
  }
  if (const auto* r = std::get_if<CreateTtlRequest>(&element.body)) {
    return Create(context, element.type, std::string(r->path), r->data, r->acl, r->flags, r->ttl_ms,
                  true);
  }
  if (const auto* r = std::get_if<DeleteRequest>(&element.body)) {
    return Delete(context, std::string(r->path), r->version);
  }
  if (const auto* r = std::get_if<SetDataRequest>(&element.body)) {
    return SetData(context, std::string(r->path), r->data, r->version);
  }
  const auto& r = std::get<CheckVersionRequest>(element.body);
  return Check(context, std::string(r.path), r.version);
}

std::vector<TreeModel::Result> TreeModel::ExecuteMulti(const Context& context,
                                                       const MultiRequest& multi) {
  const std::map<std::string, ModelNode> before = nodes_;
  std::vector<Result> results;
  for (const MultiElement& element : multi.elements) {
    results.push_back(ExecuteElement(context, element));
    if (results.back().error == ErrorCode::kOk) continue;
    nodes_ = before;
    for (size_t i = 0; i + 1 < results.size(); ++i) results[i] = {};
    results.resize(multi.elements.size(), {ErrorCode::kRuntimeInconsistency});
    break;
  }
  return results;
}

void TreeModel::CloseSession(const Context& context) {
  std::vector<std::string> owned;
  for (const auto& [path, node] : nodes_) {
    if (node.stat.owner == context.session) owned.push_back(path);
  }
  for (const std::string& path : owned) Remove(path, context.zxid);
}

uint64_t TreeModel::Digest() const {
  uint64_t sum = 0;
  for (const auto& [path, node] : nodes_) {
    if (path.compare(0, 11, "/zookeeper/") == 0) continue;
    std::string bytes = path + node.data.value_or("");
    const NodeStat& s = node.stat;
    for (int64_t v : {s.czxid, s.mzxid, s.pzxid, s.ctime, s.mtime}) {
      AppendBigEndian(static_cast<uint64_t>(v), 8, &bytes);
    }
    for (int32_t v : {s.version, s.cversion, s.aversion}) {
      AppendBigEndian(static_cast<uint32_t>(v), 4, &bytes);
    }
    AppendBigEndian(static_cast<uint64_t>(s.owner), 8, &bytes);
    sum += crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size()));
  }
  return sum;
}

std::string TreeModel::Dump() const {
  std::vector<std::string> lines;
  for (const auto& [path, node] : nodes_) {
    const std::string data =
        node.data ? Print(std::string_view(*node.data)) : Print(std::string_view());
    lines.push_back(path + " data=" + data + Text(node.stat) + Text(node.acl) + '\n');
  }
  std::sort(lines.begin(), lines.end());
  std::string dump;
  for (const std::string& line : lines) dump += line;
  return dump;
}

}  // namespace lockkeeper
