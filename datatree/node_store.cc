#include "datatree/node_store.h"

#include <glog/logging.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

namespace lockkeeper {

// Packed by hand: written and read with memcpy, so that no padding is stored.
#pragma pack(push, 1)
struct NodeStore::LeanHead {
  uint32_t digest = 0;
  uint64_t ctime : 48 = 0;
  uint64_t name_bytes : 8 = 0;
  uint64_t data_bytes_high : 8 = 0;
  uint16_t data_bytes_low = 0;
  size_t data_bytes() const { return size_t{data_bytes_high} << 16 | data_bytes_low; }
};
struct NodeStore::FullHead {
  uint32_t digest = 0;
  int64_t mzxid = 0;
  int64_t pzxid = 0;
  int64_t ctime = 0;
  int64_t mtime = 0;
  int64_t owner = 0;
  int32_t version = 0;
  int32_t cversion = 0;
  int32_t aversion = 0;
  uint32_t child_count = 0;
  NodeId first_child = kNoNode;
  uint32_t name_bytes = 0;
  uint32_t data_bytes = 0;
};
#pragma pack(pop)

namespace {

// What a LeanHead has room for.
constexpr size_t kLeanNameMax = 0xFF;
constexpr size_t kLeanDataMax = 0xFF'FFFF;
constexpr int64_t kLeanTimeMax = 0xFFFF'FFFF'FFFF;

constexpr size_t kCacheLineBytes = 64;
// The payload of a small znode: head, name and some data.
constexpr size_t kExpectedPayloadBytes = 3 * kCacheLineBytes;

// Never changed, no owner: everything follows from czxid and ctime.
bool IsLean(const NodeStat& s) {
  return s.ctime >= 0 && s.ctime <= kLeanTimeMax && s.mzxid == s.czxid && s.pzxid == s.czxid &&
         s.mtime == s.ctime && s.version == 0 && s.cversion == 0 && s.aversion == 0 && s.owner == 0;
}

void AppendBytes(char* to, std::string_view bytes) {
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
}

}  // namespace

NodeStore::NodeStore(uint64_t hash_seed) : hash_seed_(hash_seed) {
  const NodeId root = TakeSlot();
  CHECK_EQ(root, kRoot);
  const FullHead head;
  slot(root) = Slot{kNoNode, kNoNode, kNoNode, kFull, arena_.Allocate(sizeof head), 0};
  WriteFullHead(root, head);
  live_ = 1;
}

NodeStore::~NodeStore() {
  // Only large payloads live outside the arena's chunks.
  for (NodeId n = 0; n < next_unused_; ++n) {
    if (slot(n).payload == nullptr) continue;
    const size_t bytes = PartsOf(n).total();
    if (bytes > PayloadArena::kSmallMax) arena_.Free(slot(n).payload, bytes);
  }
}

size_t NodeStore::reserved_bytes() const {
  return chunks_.size() * kSlotsPerChunk * sizeof(Slot) + arena_.reserved_bytes() +
         index_.reserved_bytes();
}

NodeId NodeStore::Lookup(std::string_view path) const {
  if (path.empty()) return kRoot;
  if (path[0] != '/') return kNoNode;
  path.remove_prefix(1);
  NodeId node = kRoot;
  while (!path.empty()) {
    const size_t slash = path.find('/');
    node = FindChild(node, path.substr(0, slash));
    if (node == kNoNode || slash == std::string_view::npos) return node;
    path.remove_prefix(slash + 1);
    if (path.empty()) return kNoNode;  // a trailing slash names nothing
  }
  return node;
}

NodeId NodeStore::FindChild(NodeId parent, std::string_view name) const {
  return FindChild(HashIndex::Hash(parent, name, hash_seed_), parent, name);
}

NodeId NodeStore::FindChild(uint64_t hash, NodeId parent, std::string_view name) const {
  return index_.Find(hash, [&](NodeId n) { return slot(n).parent == parent && NameOf(n) == name; });
}

void NodeStore::Expect(const ExpectedPaths& expected) const {
  if (expected.fewer_than_two()) return;
  SoughtNodes sought;
  Fetch(expected, &sought);
}

void NodeStore::LookupAll(const ExpectedPaths& expected, FoundNodes* found) const {
  SoughtNodes sought;
  Fetch(expected, &sought);
  found->Clear();
  const Sought* s = sought.data();
  for (const std::string_view path : expected.paths()) {
    found->Add(path, s->parent == kNoNode ? Lookup(path) : FindChild(s->hash, s->parent, s->name));
    ++s;
  }
}

// Few of many paths have a parent of their own.
NodeId NodeStore::ParentAt(std::string_view path, KnownParents* known) const {
  if (path.empty()) return kRoot;
  if (path.ends_with('/')) return kNoNode;
  auto& [known_path, node] = (*known)[static_cast<unsigned char>(path.back()) % known->size()];
  if (known_path != path) {
    known_path = path;
    node = Lookup(path);
  }
  return node;
}

// Three steps, each of which needs what the one before has fetched: place in the index, slot,
// payload. Parents are few and used all the time: they are simply looked up.
void NodeStore::Fetch(const ExpectedPaths& expected, SoughtNodes* sought) const {
  const size_t size = expected.paths().size();
  KnownParents parents;
  for (size_t i = 0; i < size; ++i) {
    const std::string_view path = expected.paths()[i];
    const size_t slash = path.rfind('/');
    Sought& s = (*sought)[i];
    s.name = path.substr(slash + 1);
    s.parent = s.name.empty() ? kNoNode : ParentAt(path.substr(0, slash), &parents);
    if (s.parent == kNoNode) continue;
    s.hash = HashIndex::Hash(s.parent, s.name, hash_seed_);
    index_.Prefetch(s.hash);
  }
  std::array<NodeId, ExpectedPaths::kMax> nodes;
  for (size_t i = 0; i < size; ++i) {
    const Sought& s = (*sought)[i];
    nodes[i] = s.parent == kNoNode ? kNoNode : index_.Find(s.hash, [](NodeId) { return true; });
    if (nodes[i] != kNoNode) __builtin_prefetch(&slot(nodes[i]));
  }
  for (size_t i = 0; i < size; ++i) {
    if (nodes[i] == kNoNode) continue;
    const char* payload = slot(nodes[i]).payload;
    for (size_t at = 0; at < kExpectedPayloadBytes; at += kCacheLineBytes) {
      __builtin_prefetch(payload + at);
    }
  }
}

NodeId NodeStore::Create(NodeId parent, std::string_view name, std::string_view data,
                         uint32_t acl_id, const NodeStat& stat) {
  CHECK_LE(acl_id, kAclIdMax);
  const bool lean = IsLean(stat) && name.size() <= kLeanNameMax && data.size() <= kLeanDataMax;
  const size_t head_bytes = lean ? sizeof(LeanHead) : sizeof(FullHead);
  const NodeId node = TakeSlot();
  char* payload = arena_.Allocate(head_bytes + name.size() + data.size());
  const uint32_t flags = (lean ? 0 : kFull) | (IsNull(data) ? kNullData : 0);
  slot(node) = Slot{parent, kNoNode, kNoNode, acl_id << 8 | flags, payload, stat.czxid};
  if (lean) {
    LeanHead head;
    head.ctime = static_cast<uint64_t>(stat.ctime) & kLeanTimeMax;
    head.name_bytes = name.size() & kLeanNameMax;
    head.data_bytes_high = (data.size() >> 16) & 0xFF;
    head.data_bytes_low = static_cast<uint16_t>(data.size());
    std::memcpy(payload, &head, sizeof head);
  } else {
    const FullHead head{.name_bytes = static_cast<uint32_t>(name.size()),
                        .data_bytes = static_cast<uint32_t>(data.size())};
    WriteFullHead(node, head);
    SetStat(node, stat);
  }
  AppendBytes(payload + head_bytes, name);
  AppendBytes(payload + head_bytes + name.size(), data);
  Link(parent, node);
  index_.Insert(HashOf(node), node);
  ++live_;
  return node;
}

void NodeStore::Remove(NodeId node) {
  CHECK_NE(node, kRoot);
  CHECK_EQ(ChildCountOf(node), 0u);
  index_.Erase(HashOf(node), node);
  Unlink(node);
  arena_.Free(slot(node).payload, PartsOf(node).total());
  slot(node) = Slot{kNoNode, free_head_, kNoNode, 0, nullptr, 0};
  free_head_ = node;
  --live_;
}

std::string NodeStore::PathOf(NodeId node) const {
  std::vector<std::string_view> names;
  for (NodeId n = node; n != kRoot; n = slot(n).parent) names.push_back(NameOf(n));
  std::string path;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    path += '/';
    path += *name;
  }
  return path;
}

std::string_view NodeStore::NameOf(NodeId node) const {
  const Parts parts = PartsOf(node);
  return {slot(node).payload + parts.head_bytes, parts.name_bytes};
}

std::string_view NodeStore::DataOf(NodeId node) const {
  if ((slot(node).acl_and_flags & kNullData) != 0) return {};
  const Parts parts = PartsOf(node);
  return {slot(node).payload + parts.head_bytes + parts.name_bytes, parts.data_bytes};
}

NodeStat NodeStore::StatOf(NodeId node) const {
  const int64_t czxid = slot(node).czxid;
  if (!IsFull(node)) {
    const auto ctime = static_cast<int64_t>(ReadLeanHead(node).ctime);
    return {.czxid = czxid, .mzxid = czxid, .pzxid = czxid, .ctime = ctime, .mtime = ctime};
  }
  const FullHead head = ReadFullHead(node);
  return {.czxid = czxid,
          .mzxid = head.mzxid,
          .pzxid = head.pzxid,
          .ctime = head.ctime,
          .mtime = head.mtime,
          .version = head.version,
          .cversion = head.cversion,
          .aversion = head.aversion,
          .owner = head.owner};
}

uint32_t NodeStore::ChildCountOf(NodeId node) const {
  return IsFull(node) ? ReadFullHead(node).child_count : 0;
}

NodeId NodeStore::FirstChild(NodeId node) const {
  return IsFull(node) ? ReadFullHead(node).first_child : kNoNode;
}

void NodeStore::SetStat(NodeId node, const NodeStat& stat) {
  if (!IsFull(node) && stat == StatOf(node)) return;
  Expand(node);
  FullHead head = ReadFullHead(node);
  head.mzxid = stat.mzxid;
  head.pzxid = stat.pzxid;
  head.ctime = stat.ctime;
  head.mtime = stat.mtime;
  head.owner = stat.owner;
  head.version = stat.version;
  head.cversion = stat.cversion;
  head.aversion = stat.aversion;
  WriteFullHead(node, head);
  slot(node).czxid = stat.czxid;
}

void NodeStore::SetData(NodeId node, std::string_view data) {
  Expand(node);
  const Parts old = PartsOf(node);
  if (old.data_bytes != data.size()) {
    const size_t kept = old.head_bytes + old.name_bytes;
    char* payload = arena_.Allocate(kept + data.size());
    std::memcpy(payload, slot(node).payload, kept);
    arena_.Free(slot(node).payload, old.total());
    slot(node).payload = payload;
    FullHead head = ReadFullHead(node);
    head.data_bytes = static_cast<uint32_t>(data.size());
    WriteFullHead(node, head);
  }
  AppendBytes(slot(node).payload + old.head_bytes + old.name_bytes, data);
  uint32_t& flags = slot(node).acl_and_flags;
  flags = IsNull(data) ? flags | kNullData : flags & ~kNullData;
}

void NodeStore::SetAclId(NodeId node, uint32_t acl_id) {
  CHECK_LE(acl_id, kAclIdMax);
  uint32_t& word = slot(node).acl_and_flags;
  word = acl_id << 8 | (word & 0xFF);
}

// Both heads begin with it.
void NodeStore::SetDigest(NodeId node, uint32_t digest) {
  std::memcpy(slot(node).payload, &digest, sizeof digest);
}

uint32_t NodeStore::DigestOf(NodeId node) const {
  uint32_t digest = 0;
  std::memcpy(&digest, slot(node).payload, sizeof digest);
  return digest;
}

NodeStore::Parts NodeStore::PartsOf(NodeId node) const {
  if (IsFull(node)) {
    const FullHead head = ReadFullHead(node);
    return {sizeof head, head.name_bytes, head.data_bytes};
  }
  const LeanHead head = ReadLeanHead(node);
  return {sizeof head, head.name_bytes, head.data_bytes()};
}

NodeId NodeStore::TakeSlot() {
  if (free_head_ != kNoNode) {
    const NodeId node = free_head_;
    free_head_ = slot(node).next;
    return node;
  }
  CHECK_LT(next_unused_, HashIndex::kIdsMax) << "out of node ids";
  if (next_unused_ % kSlotsPerChunk == 0) {
    chunks_.push_back(std::make_unique_for_overwrite<Slot[]>(kSlotsPerChunk));
  }
  slot(next_unused_).payload = nullptr;
  return next_unused_++;
}

NodeStore::LeanHead NodeStore::ReadLeanHead(NodeId node) const {
  LeanHead head;
  std::memcpy(&head, slot(node).payload, sizeof head);
  return head;
}

NodeStore::FullHead NodeStore::ReadFullHead(NodeId node) const {
  FullHead head;
  std::memcpy(&head, slot(node).payload, sizeof head);
  return head;
}

void NodeStore::WriteFullHead(NodeId node, const FullHead& head) {
  std::memcpy(slot(node).payload, &head, sizeof head);
}

void NodeStore::Expand(NodeId node) {
  if (IsFull(node)) return;
  const NodeStat stat = StatOf(node);
  const uint32_t digest = DigestOf(node);
  const Parts old = PartsOf(node);
  char* payload = arena_.Allocate(sizeof(FullHead) + old.name_bytes + old.data_bytes);
  std::memcpy(payload + sizeof(FullHead), slot(node).payload + old.head_bytes,
              old.name_bytes + old.data_bytes);
  arena_.Free(slot(node).payload, old.total());
  slot(node).payload = payload;
  slot(node).acl_and_flags |= kFull;
  WriteFullHead(node, FullHead{.digest = digest,
                               .mzxid = stat.mzxid,
                               .pzxid = stat.pzxid,
                               .ctime = stat.ctime,
                               .mtime = stat.mtime,
                               .name_bytes = static_cast<uint32_t>(old.name_bytes),
                               .data_bytes = static_cast<uint32_t>(old.data_bytes)});
}

void NodeStore::Link(NodeId parent, NodeId child) {
  Expand(parent);
  FullHead head = ReadFullHead(parent);
  slot(child).next = head.first_child;
  slot(child).prev = kNoNode;
  if (head.first_child != kNoNode) slot(head.first_child).prev = child;
  head.first_child = child;
  ++head.child_count;
  WriteFullHead(parent, head);
}

void NodeStore::Unlink(NodeId child) {
  const Slot& s = slot(child);
  FullHead head = ReadFullHead(s.parent);
  if (s.prev == kNoNode) {
    head.first_child = s.next;
  } else {
    slot(s.prev).next = s.next;
  }
  if (s.next != kNoNode) slot(s.next).prev = s.prev;
  --head.child_count;
  WriteFullHead(s.parent, head);
}

uint64_t NodeStore::HashOf(NodeId node) const {
  return HashIndex::Hash(slot(node).parent, NameOf(node), hash_seed_);
}

}  // namespace lockkeeper
