// Transaction -> new state and list of changes (quorum-protocol 6.4, 6.5; client-protocol 7.4).
#include <algorithm>
#include <type_traits>

#include "datatree/data_tree.h"
#include "datatree/path.h"

namespace lockkeeper {

// Applies one transaction to a tree. Lives for that transaction only.
class TxnApplier {
 public:
  TxnApplier(DataTree* tree, const TxnHeader& header, std::vector<Change>* changes)
      : tree_(*tree), header_(header), zxid_{header.zxid}, changes_(changes) {}

  // False: the body cannot be decoded; nothing was changed.
  bool Apply(JuteReader& in, ApplyOutcome* outcome);

 private:
  // A create of any kind, after decoding.
  struct NewNode {
    std::string_view path;
    std::string_view data;
    const JuteVector<Acl>& acl;
    int32_t parent_cversion;
    int64_t owner;
  };

  bool ApplyMulti(JuteReader& in, ApplyOutcome* outcome);
  bool ApplyOne(OpCode type, JuteReader& in, OpResult* result);
  bool ApplyAnyCreate(OpCode type, JuteReader& in, OpResult* result);
  void Create(const NewNode& node, OpResult* result);
  void Delete(std::string_view path, OpResult* result);
  void RemoveSubtree(NodeId node, std::string_view path);
  void SetData(const SetDataTxn& txn, OpResult* result);
  void SetAcl(const SetAclTxn& txn, OpResult* result);
  bool CloseSession(JuteReader& in);
  uint32_t AcquireAcl(const JuteVector<Acl>& acl);
  void RaiseParent(NodeId parent, std::string_view parent_path, int32_t parent_cversion);
  void Report(ChangeKind kind, std::string_view path, const AclRef& acl, const AclRef& parent_acl);

  DataTree& tree_;
  const TxnHeader& header_;
  const Zxid zxid_;
  std::vector<Change>* const changes_;
};

namespace {

template <class Txn>
bool HasPath(std::string_view body) {
  const std::optional<Txn> txn = Decode<Txn>(body);
  if constexpr (std::is_same_v<Txn, DeleteTxn>) return txn && LooksLikePath(txn->path);
  return txn && IsCanonicalPath(txn->path);
}

// Everything is decoded before anything is applied, so that a broken multi changes nothing.
bool IsDecodable(const SubTxn& txn) {
  switch (static_cast<OpCode>(txn.type)) {
    case OpCode::kCreate:
    case OpCode::kCreate2:
      return HasPath<CreateTxnV0>(txn.data);  // also the head of a CreateTxn
    case OpCode::kCreateContainer:
      return HasPath<CreateContainerTxn>(txn.data);
    case OpCode::kCreateTtl:
      return HasPath<CreateTtlTxn>(txn.data);
    case OpCode::kDelete:
    case OpCode::kDeleteContainer:
      return HasPath<DeleteTxn>(txn.data);
    case OpCode::kSetData:
      return Decode<SetDataTxn>(txn.data).has_value();
    case OpCode::kSetAcl:
      return Decode<SetAclTxn>(txn.data).has_value();
    case OpCode::kCheck:
      return Decode<CheckVersionTxn>(txn.data).has_value();
    case OpCode::kError:
      return Decode<ErrorTxn>(txn.data).has_value();
    default:
      return false;
  }
}

// The results of a multi that was refused: 0 before the failing element, its code, -2 after.
void ListFailures(const std::vector<SubTxn>& txns, std::vector<OpResult>* results) {
  for (const SubTxn& txn : txns) {
    OpResult result;
    if (static_cast<OpCode>(txn.type) == OpCode::kError) {
      result.error = static_cast<ErrorCode>(Decode<ErrorTxn>(txn.data)->err);
    }
    results->push_back(std::move(result));
  }
}

// Most transactions begin with the path that they change; others give something else or nothing.
std::string_view FirstPath(JuteReader in) {
  std::string_view path;
  in.Read(path);
  return path;
}

std::string_view PathOfSubTxn(const SubTxn& txn) { return FirstPath(JuteReader(txn.data)); }

}  // namespace

std::string_view DataTree::PathIn(std::string_view payload) {
  JuteReader in(payload);
  TxnHeader header;
  in.Read(header);
  return FirstPath(in);
}

bool DataTree::CanApply(std::string_view payload) {
  JuteReader in(payload);
  const auto header = Decode<TxnHeader>(in);
  if (!header) return false;
  switch (static_cast<OpCode>(header->type)) {
    case OpCode::kMulti: {
      const std::optional<MultiTxn> multi = Decode<MultiTxn>(in);
      return multi && multi->txns && std::ranges::all_of(*multi->txns, IsDecodable);
    }
    case OpCode::kCreateSession:
      return Decode<CreateSessionTxn>(in).has_value();
    case OpCode::kCloseSession:
      return true;  // its list may be missing
    case OpCode::kReconfig:
      return Decode<SetDataTxn>(in).has_value();
    default:
      return IsDecodable({header->type, in.rest()});
  }
}

Result<ApplyOutcome> DataTree::Apply(std::string_view payload, std::vector<Change>* changes) {
  JuteReader in(payload);
  ApplyOutcome outcome;
  in.Read(outcome.header);
  if (!in.ok() || !TxnApplier(this, outcome.header, changes).Apply(in, &outcome)) {
    return Error{Errc::kCorruption, "transaction of type " + std::to_string(outcome.header.type) +
                                        " at zxid " + std::to_string(outcome.header.zxid) +
                                        " cannot be decoded"};
  }
  const std::optional<TxnDigest> digest = Decode<TxnDigest>(in);
  if (digest) outcome.recorded_digest = digest;
  Advance(Zxid{outcome.header.zxid});
  return outcome;
}

bool TxnApplier::Apply(JuteReader& in, ApplyOutcome* outcome) {
  const auto type = static_cast<OpCode>(header_.type);
  if (type == OpCode::kMulti) return ApplyMulti(in, outcome);
  return ApplyOne(type, in, &outcome->result);
}

bool TxnApplier::ApplyMulti(JuteReader& in, ApplyOutcome* outcome) {
  const std::optional<MultiTxn> multi = Decode<MultiTxn>(in);
  if (!multi || !multi->txns) return false;
  const std::vector<SubTxn>& txns = *multi->txns;
  if (!std::all_of(txns.begin(), txns.end(), IsDecodable)) return false;
  const bool failed = std::any_of(txns.begin(), txns.end(), [](const SubTxn& txn) {
    return static_cast<OpCode>(txn.type) == OpCode::kError;
  });
  if (failed) {
    ListFailures(txns, &outcome->multi);
    return true;
  }
  outcome->multi.reserve(txns.size());
  for (size_t i = 0; i < txns.size(); ++i) {
    if (i % ExpectedPaths::kMax == 0) tree_.nodes().Expect(NextPaths(txns, i, PathOfSubTxn));
    JuteReader body(txns[i].data);
    ApplyOne(static_cast<OpCode>(txns[i].type), body, &outcome->multi.emplace_back());
  }
  return true;
}

bool TxnApplier::ApplyOne(OpCode type, JuteReader& in, OpResult* result) {
  result->type = type;
  switch (type) {
    case OpCode::kCreate:
    case OpCode::kCreate2:
    case OpCode::kCreateContainer:
    case OpCode::kCreateTtl:
      return ApplyAnyCreate(type, in, result);
    case OpCode::kDelete:
    case OpCode::kDeleteContainer: {
      const std::optional<DeleteTxn> txn = Decode<DeleteTxn>(in);
      if (!txn || !LooksLikePath(txn->path)) return false;
      Delete(txn->path, result);
      return true;
    }
    case OpCode::kSetData:
    case OpCode::kReconfig: {
      const std::optional<SetDataTxn> txn = Decode<SetDataTxn>(in);
      if (txn) SetData(*txn, result);
      return txn.has_value();
    }
    case OpCode::kSetAcl: {
      const std::optional<SetAclTxn> txn = Decode<SetAclTxn>(in);
      if (txn) SetAcl(*txn, result);
      return txn.has_value();
    }
    case OpCode::kCheck:
      return Decode<CheckVersionTxn>(in).has_value();
    case OpCode::kError: {
      const std::optional<ErrorTxn> txn = Decode<ErrorTxn>(in);
      if (txn) result->error = static_cast<ErrorCode>(txn->err);
      return txn.has_value();
    }
    case OpCode::kCreateSession: {
      const std::optional<CreateSessionTxn> txn = Decode<CreateSessionTxn>(in);
      if (txn) tree_.OpenSession(SessionId{header_.client_id}, txn->timeout_ms);
      return txn.has_value();
    }
    case OpCode::kCloseSession:
      return CloseSession(in);
    default:
      return false;
  }
}

bool TxnApplier::ApplyAnyCreate(OpCode type, JuteReader& in, OpResult* result) {
  if (type == OpCode::kCreateContainer) {
    const std::optional<CreateContainerTxn> txn = Decode<CreateContainerTxn>(in);
    if (!txn || !IsCanonicalPath(txn->path)) return false;
    Create({txn->path, txn->data, txn->acl, txn->parent_cversion, kContainerOwner}, result);
    return true;
  }
  if (type == OpCode::kCreateTtl) {
    const std::optional<CreateTtlTxn> txn = Decode<CreateTtlTxn>(in);
    if (!txn || !IsCanonicalPath(txn->path)) return false;
    Create({txn->path, txn->data, txn->acl, txn->parent_cversion, TtlOwner(txn->ttl_ms)}, result);
    return true;
  }
  JuteReader v0(in);
  if (std::optional<CreateTxn> txn = Decode<CreateTxn>(in)) {
    if (!IsCanonicalPath(txn->path)) return false;
    const int64_t owner = txn->ephemeral ? header_.client_id : 0;
    Create({txn->path, txn->data, txn->acl, txn->parent_cversion, owner}, result);
    return true;
  }
  const std::optional<CreateTxnV0> txn = Decode<CreateTxnV0>(v0);
  if (!txn || !IsCanonicalPath(txn->path)) return false;
  in = v0;
  Create({txn->path, txn->data, txn->acl, -1, txn->ephemeral ? header_.client_id : 0}, result);
  return true;
}

void TxnApplier::Create(const NewNode& node, OpResult* result) {
  const std::string_view parent_path = ParentPath(node.path);
  const NodeId parent = tree_.nodes_.Lookup(parent_path);
  if (parent == kNoNode) {
    result->error = ErrorCode::kNoNode;
    return;
  }
  const uint32_t acl_id = AcquireAcl(node.acl);
  const NodeId existing = tree_.nodes_.Lookup(node.path);
  RaiseParent(parent, parent_path, node.parent_cversion);
  if (existing != kNoNode) {
    tree_.ReplaceAcl(existing, acl_id);
    result->error = ErrorCode::kNodeExists;
    return;
  }
  NodeStat stat;
  stat.czxid = stat.mzxid = stat.pzxid = header_.zxid;
  stat.ctime = stat.mtime = header_.time;
  stat.owner = node.owner;
  const NodeId created = tree_.AddNode(node.path, node.data, acl_id, stat);
  Report(ChangeKind::kCreated, node.path, tree_.AclOf(created), tree_.AclOf(parent));
  result->path = node.path;
  result->stat = tree_.StatOf(created);
}

uint32_t TxnApplier::AcquireAcl(const JuteVector<Acl>& acl) {
  if (!IsOpenAcl(acl)) return tree_.acls_.Acquire(FromRecords(acl));
  tree_.acls_.AddUse(AclTable::kOpenId);
  return AclTable::kOpenId;
}

// The parent's creation counter never goes down (quorum-protocol 6.4).
void TxnApplier::RaiseParent(NodeId parent, std::string_view parent_path, int32_t parent_cversion) {
  NodeStat stat = tree_.nodes_.StatOf(parent);
  const int64_t raised =
      parent_cversion == -1 ? int64_t{stat.cversion} + 1 : int64_t{parent_cversion};
  if (raised <= stat.cversion || raised > std::numeric_limits<int32_t>::max()) return;
  stat.cversion = static_cast<int32_t>(raised);
  stat.pzxid = header_.zxid;
  tree_.ReplaceStat(parent, parent_path, stat);
}

// The parent's pzxid is raised even when the node is gone already: a replay must converge.
void TxnApplier::Delete(std::string_view path, OpResult* result) {
  const std::string_view parent_path = ParentPath(path);
  const NodeId parent = tree_.nodes_.Lookup(parent_path);
  if (parent == kNoNode) {
    result->error = ErrorCode::kNoNode;
    return;
  }
  NodeStat stat = tree_.nodes_.StatOf(parent);
  if (header_.zxid > stat.pzxid) {
    stat.pzxid = header_.zxid;
    tree_.ReplaceStat(parent, parent_path, stat);
  }
  const NodeId node = tree_.nodes_.Lookup(path);
  if (node == kNoNode || node == NodeStore::kRoot) {
    result->error = ErrorCode::kNoNode;
    return;
  }
  const AclRef acl = tree_.AclOf(node);
  RemoveSubtree(node, path);
  Report(ChangeKind::kDeleted, path, acl, tree_.AclOf(parent));
}

// Children can only be there when a fuzzy snapshot already holds a later incarnation; the
// transactions that made them follow in the replay.
void TxnApplier::RemoveSubtree(NodeId node, std::string_view path) {
  std::vector<NodeId> order{node};
  for (size_t i = 0; i < order.size(); ++i) {
    const NodeStore& nodes = tree_.nodes_;
    for (NodeId c = nodes.FirstChild(order[i]); c != kNoNode; c = nodes.NextSibling(c)) {
      order.push_back(c);
    }
  }
  for (size_t i = order.size(); i-- > 1;) {
    tree_.RemoveNode(order[i], tree_.nodes_.PathOf(order[i]));
  }
  tree_.RemoveNode(node, path);
}

void TxnApplier::SetData(const SetDataTxn& txn, OpResult* result) {
  const NodeId node = tree_.nodes_.Lookup(txn.path);
  if (node == kNoNode) {
    result->error = ErrorCode::kNoNode;
    return;
  }
  NodeStat stat = tree_.nodes_.StatOf(node);
  stat.version = txn.version;
  stat.mzxid = header_.zxid;
  stat.mtime = header_.time;
  tree_.ReplaceData(node, txn.path, txn.data, stat);
  Report(ChangeKind::kDataChanged, txn.path, tree_.AclOf(node), nullptr);
  result->stat = tree_.StatOf(node);
}

void TxnApplier::SetAcl(const SetAclTxn& txn, OpResult* result) {
  const NodeId node = tree_.nodes_.Lookup(txn.path);
  if (node == kNoNode) {
    result->error = ErrorCode::kNoNode;
    return;
  }
  const uint32_t acl_id = AcquireAcl(txn.acl);
  tree_.ReplaceAcl(node, acl_id);
  NodeStat stat = tree_.nodes_.StatOf(node);
  stat.aversion = txn.version;
  tree_.ReplaceStat(node, txn.path, stat);
  result->stat = tree_.StatOf(node);
}

// First the listed ephemerals, then any others the session still owns. The list is absent in logs
// of servers before 3.6.
bool TxnApplier::CloseSession(JuteReader& in) {
  JuteReader attempt(in);
  if (const std::optional<CloseSessionTxn> txn = Decode<CloseSessionTxn>(attempt)) {
    in = attempt;
    if (txn->paths_to_delete) {
      for (std::string_view path : *txn->paths_to_delete) {
        OpResult ignored;
        if (LooksLikePath(path)) Delete(path, &ignored);
      }
    }
  }
  const SessionId session{header_.client_id};
  for (const std::string& path : tree_.EphemeralPathsOf(session)) {
    OpResult ignored;
    Delete(path, &ignored);
  }
  tree_.CloseSession(session);
  return true;
}

void TxnApplier::Report(ChangeKind kind, std::string_view path, const AclRef& acl,
                        const AclRef& parent_acl) {
  if (changes_ == nullptr) return;
  changes_->push_back({kind, zxid_, std::string(path), acl, parent_acl});
}

}  // namespace lockkeeper
