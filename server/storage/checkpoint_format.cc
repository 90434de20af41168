#include "server/storage/checkpoint_format.h"

#include "protocol/jute.h"
#include "protocol/records.h"

namespace lockkeeper {
namespace {

constexpr char kSeparator = 1;
constexpr char kEscape = 2;

// What a node value holds beside the fields that every one has.
enum NodeFlags : uint8_t {
  kFullStat = 1,  // otherwise the znode is as it was created
  kNullData = 2,
  kHasOwner = 4,
  kHasAcl = 8,  // otherwise open to all
};
constexpr uint8_t kKnownFlags = kFullStat | kNullData | kHasOwner | kHasAcl;

struct MetaRecord {
  int32_t version = 0;
  int64_t zxid = 0;
  bool has_digest = false;
  int64_t digest = 0;
  int64_t node_count = 0;
  int64_t written_ms = 0;
  JuteVector<int64_t> generations;
  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("version", r.version), Field("zxid", r.zxid),
                      Field("hasDigest", r.has_digest), Field("digest", r.digest),
                      Field("nodeCount", r.node_count), Field("writtenMs", r.written_ms),
                      Field("generations", r.generations));
  }
};

void Append32(uint32_t v, std::string* out) { JuteWriter(out).Write(static_cast<int32_t>(v)); }
void Append64(int64_t v, std::string* out) { JuteWriter(out).Write(v); }

bool IsAsCreated(const NodeStat& s) {
  return s.mzxid == s.czxid && s.pzxid == s.czxid && s.mtime == s.ctime && s.version == 0 &&
         s.cversion == 0 && s.aversion == 0;
}

// Whole records only: bytes that nobody wrote are damage.
template <class T>
std::optional<T> DecodeAll(std::string_view bytes) {
  JuteReader in(bytes);
  T value{};
  in.Read(value);
  if (!in.ok() || !in.rest().empty()) return std::nullopt;
  return value;
}

}  // namespace

std::string AclKey(uint32_t id) {
  std::string key(1, kAclKeyPrefix);
  Append32(id, &key);
  return key;
}

std::string SessionKey(SessionId session) {
  std::string key(1, kSessionKeyPrefix);
  Append64(session.value, &key);
  return key;
}

void SetNodeKey(std::string_view path, std::string* key) {
  key->assign(1, kNodeKeyPrefix);
  for (const char c : path) {
    if (c == '/') {
      key->push_back(kSeparator);
    } else if (c >= 0 && c <= kEscape) {
      key->push_back(kEscape);
      key->push_back(static_cast<char>(c + 1));
    } else {
      key->push_back(c);
    }
  }
}

void SetNodeValue(const StoredNode& node, std::string* value) {
  const NodeStat& s = node.stat;
  const uint8_t flags = static_cast<uint8_t>(
      (IsAsCreated(s) ? 0 : kFullStat) | (IsNull(node.data) ? kNullData : 0) |
      (s.owner != 0 ? kHasOwner : 0) | (node.acl_key != kOpenAclKey ? kHasAcl : 0));
  value->clear();
  JuteWriter out(value);
  value->push_back(static_cast<char>(flags));
  out.Write(s.czxid);
  out.Write(s.ctime);
  if (flags & kFullStat) {
    out.Write(s.mzxid);
    out.Write(s.pzxid);
    out.Write(s.mtime);
    out.Write(s.version);
    out.Write(s.cversion);
    out.Write(s.aversion);
  }
  if (flags & kHasOwner) out.Write(s.owner);
  if (flags & kHasAcl) out.Write(static_cast<int32_t>(node.acl_key));
  value->append(node.data);
}

std::string AclValue(const AclList& acl) {
  std::string value;
  JuteWriter(&value).Write(ToRecords(acl));
  return value;
}

std::string SessionValue(int32_t timeout_ms) {
  std::string value;
  JuteWriter(&value).Write(timeout_ms);
  return value;
}

std::string MetaValue(const CheckpointMeta& meta) {
  MetaRecord record{.version = meta.version,
                    .zxid = meta.zxid.value,
                    .has_digest = meta.digest.has_value(),
                    .digest = static_cast<int64_t>(meta.digest.value_or(0)),
                    .node_count = static_cast<int64_t>(meta.node_count),
                    .written_ms = meta.written_ms,
                    .generations = std::vector<int64_t>()};
  for (const Zxid zxid : meta.generations) record.generations->push_back(zxid.value);
  std::string value;
  JuteWriter(&value).Write(record);
  return value;
}

std::optional<uint32_t> ParseAclKey(std::string_view key) {
  if (key.empty() || key[0] != kAclKeyPrefix) return std::nullopt;
  const auto id = DecodeAll<int32_t>(key.substr(1));
  if (!id) return std::nullopt;
  return static_cast<uint32_t>(*id);
}

std::optional<SessionId> ParseSessionKey(std::string_view key) {
  if (key.empty() || key[0] != kSessionKeyPrefix) return std::nullopt;
  const auto id = DecodeAll<int64_t>(key.substr(1));
  if (!id) return std::nullopt;
  return SessionId{*id};
}

bool ParseNodeKey(std::string_view key, std::string* path) {
  if (key.empty() || key[0] != kNodeKeyPrefix) return false;
  path->clear();
  for (size_t i = 1; i < key.size(); ++i) {
    const char c = key[i];
    if (c == kSeparator) {
      path->push_back('/');
    } else if (c != kEscape) {
      path->push_back(c);
    } else if (++i == key.size() || key[i] < 1 || key[i] > kEscape + 1) {
      return false;
    } else {
      path->push_back(static_cast<char>(key[i] - 1));
    }
  }
  return true;
}

bool ParseNodeValue(std::string_view value, StoredNode* node) {
  if (value.empty()) return false;
  const auto flags = static_cast<uint8_t>(value[0]);
  if ((flags & ~kKnownFlags) != 0) return false;
  JuteReader in(value.substr(1));
  NodeStat& s = node->stat;
  in.Read(s.czxid);
  in.Read(s.ctime);
  s.mzxid = s.pzxid = s.czxid;
  s.mtime = s.ctime;
  s.version = s.cversion = s.aversion = 0;
  if (flags & kFullStat) {
    in.Read(s.mzxid);
    in.Read(s.pzxid);
    in.Read(s.mtime);
    in.Read(s.version);
    in.Read(s.cversion);
    in.Read(s.aversion);
  }
  s.owner = 0;
  if (flags & kHasOwner) in.Read(s.owner);
  node->acl_key = kOpenAclKey;
  if (flags & kHasAcl) {
    int32_t id = 0;
    in.Read(id);
    node->acl_key = static_cast<uint32_t>(id);
  }
  if (!in.ok() || ((flags & kNullData) != 0 && !in.rest().empty())) return false;
  node->data = (flags & kNullData) != 0 ? std::string_view() : in.rest();
  return true;
}

std::optional<AclList> ParseAclValue(std::string_view value) {
  const auto records = DecodeAll<JuteVector<Acl>>(value);
  if (!records) return std::nullopt;
  return FromRecords(*records);
}

std::optional<int32_t> ParseSessionValue(std::string_view value) {
  return DecodeAll<int32_t>(value);
}

std::optional<CheckpointMeta> ParseMetaValue(std::string_view value) {
  const auto record = DecodeAll<MetaRecord>(value);
  if (!record || !record->generations) return std::nullopt;
  CheckpointMeta meta{.version = record->version,
                      .zxid = Zxid{record->zxid},
                      .node_count = static_cast<uint64_t>(record->node_count),
                      .written_ms = record->written_ms};
  if (record->has_digest) meta.digest = static_cast<uint64_t>(record->digest);
  for (const int64_t zxid : *record->generations) meta.generations.push_back(Zxid{zxid});
  return meta;
}

}  // namespace lockkeeper
