#include "datatree/prepare.h"

#include <glog/logging.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#include "datatree/digest.h"
#include "datatree/owner.h"
#include "datatree/path.h"

namespace lockkeeper {
namespace {

int32_t WrappingAdd(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
}

std::string_view PathOfMultiElement(const MultiElement& element) {
  return std::visit([](const auto& r) { return r.path; }, element.body);
}

bool VersionMatches(int32_t expected, int32_t actual) {
  return expected == -1 || expected == actual;
}

}  // namespace

std::string TxnPreparer::Prepare(const PrepareContext& context, OpCode op,
                                 const RequestBody& request) {
  pending_.Mark();
  std::string payload = PrepareAny(context, op, request);
  if (payload.size() <= rules_.payload_bytes_max) {
    pending_.Keep();
    return payload;
  }
  // An "auth" entry stands for all identities: a short request can ask for a long record.
  pending_.Rollback();
  return RefusedPayload(context, ErrorCode::kBadArguments);
}

std::string TxnPreparer::PrepareAny(const PrepareContext& context, OpCode op,
                                    const RequestBody& request) {
  if (op == OpCode::kMulti) {
    return Finish(context, PrepareMulti(context, std::get<MultiRequest>(request)));
  }
  const BodyOrError body = PrepareOne(context, op, request);
  if (const Body* done = std::get_if<Body>(&body)) return Finish(context, *done);
  return RefusedPayload(context, std::get<ErrorCode>(body));
}

std::string TxnPreparer::RefusedPayload(const PrepareContext& context, ErrorCode code) const {
  return Finish(context, {OpCode::kError, Encoded(ErrorTxn{static_cast<int32_t>(code)})});
}

std::string TxnPreparer::PrepareCreateSession(const PrepareContext& context, int32_t timeout_ms) {
  return Finish(context, {OpCode::kCreateSession, Encoded(CreateSessionTxn{timeout_ms})});
}

std::string TxnPreparer::PrepareCloseSession(const PrepareContext& context) {
  const std::vector<std::string> paths = pending_.EphemeralPathsOf(context.session);
  std::vector<std::string_view> views;
  for (const std::string& path : paths) {
    views.emplace_back(path);
    if (std::optional<PendingNode> node = pending_.Find(path)) {
      PutDeleted(context, path, *std::move(node));
    }
  }
  Body body{OpCode::kCloseSession, ""};
  if (rules_.close_session_txn) body.bytes = Encoded(CloseSessionTxn{std::move(views)});
  // Whoever applies it removes all that the session owns, listed or not.
  if (body.bytes.size() > rules_.payload_bytes_max / 2) {
    body.bytes = Encoded(CloseSessionTxn{std::vector<std::string_view>{}});
  }
  return Finish(context, body);
}

std::string TxnPreparer::Finish(const PrepareContext& context, const Body& body) const {
  constexpr size_t kHeaderAndDigestBytes = 44;
  std::string payload;
  payload.reserve(kHeaderAndDigestBytes + body.bytes.size());
  Encode(TxnHeader{.client_id = context.session.value,
                   .cxid = context.xid,
                   .zxid = context.zxid.value,
                   .time = context.time.value,
                   .type = static_cast<int32_t>(body.type)},
         &payload);
  payload += body.bytes;
  if (tree_.digest_enabled() && body.type != OpCode::kError) {
    Encode(TxnDigest{kDigestVersion, static_cast<int64_t>(pending_.digest())}, &payload);
  }
  return payload;
}

TxnPreparer::BodyOrError TxnPreparer::PrepareOne(const PrepareContext& context, OpCode op,
                                                 const RequestBody& request) {
  switch (op) {
    case OpCode::kCreate:
    case OpCode::kCreate2:
    case OpCode::kCreateContainer:
      return Create(context, SpecOf(op, std::get<CreateRequest>(request)));
    case OpCode::kCreateTtl:
      return Create(context, SpecOf(std::get<CreateTtlRequest>(request)));
    case OpCode::kDelete:
      return Delete(context, std::get<DeleteRequest>(request));
    case OpCode::kDeleteContainer:
      return DeleteContainer(context, std::get<PathRequest>(request).path);
    case OpCode::kSetData:
      return SetData(context, std::get<SetDataRequest>(request));
    case OpCode::kSetAcl:
      return SetAcl(context, std::get<SetAclRequest>(request));
    case OpCode::kReconfig:
      return rules_.reconfig_enabled ? ErrorCode::kUnimplemented : ErrorCode::kReconfigDisabled;
    default:
      LOG(FATAL) << "no preparation for op " << static_cast<int32_t>(op);
      return ErrorCode::kUnimplemented;
  }
}

TxnPreparer::BodyOrError TxnPreparer::PrepareElement(const PrepareContext& context,
                                                     const MultiElement& element) {
  return std::visit(
      [&](const auto& r) -> BodyOrError {
        using R = std::decay_t<decltype(r)>;
        if constexpr (std::is_same_v<R, CreateRequest>) {
          return Create(context, SpecOfElement(element.type, r));
        } else if constexpr (std::is_same_v<R, CreateTtlRequest>) {
          return Create(context, SpecOfElement(r));
        } else if constexpr (std::is_same_v<R, DeleteRequest>) {
          return Delete(context, r);
        } else if constexpr (std::is_same_v<R, SetDataRequest>) {
          return SetData(context, r);
        } else {
          return Check(context, r);
        }
      },
      element.body);
}

// One failing element voids all; elements before it keep their records in the log
// (client-protocol 8.2).
TxnPreparer::Body TxnPreparer::PrepareMulti(const PrepareContext& context,
                                            const MultiRequest& multi) {
  std::vector<Body> bodies;
  bool failed = false;
  bodies.reserve(multi.elements.size());
  for (size_t i = 0; i < multi.elements.size(); ++i) {
    if (i % ExpectedPaths::kMax == 0) {
      tree_.nodes().Expect(NextPaths(multi.elements, i, PathOfMultiElement));
    }
    const MultiElement& element = multi.elements[i];
    ErrorCode code = ErrorCode::kRuntimeInconsistency;
    if (!failed) {
      BodyOrError body = PrepareElement(context, element);
      if (Body* done = std::get_if<Body>(&body)) {
        if (rules_.no_create2_in_multi && done->type == OpCode::kCreate2) {
          done->type = OpCode::kCreate;
        }
        bodies.push_back(std::move(*done));
        continue;
      }
      code = std::get<ErrorCode>(body);
      failed = true;
    }
    bodies.push_back({OpCode::kError, Encoded(ErrorTxn{static_cast<int32_t>(code)})});
  }
  if (failed) pending_.Rollback();
  std::vector<SubTxn> txns;
  txns.reserve(bodies.size());
  for (const Body& body : bodies) txns.push_back({static_cast<int32_t>(body.type), body.bytes});
  return {OpCode::kMulti, Encoded(MultiTxn{std::move(txns)})};
}

// What flags and op make of a create at top level (client-protocol 5.2, checks 1 to 3 of 7.1).
TxnPreparer::SpecOrError TxnPreparer::SpecOf(OpCode op, const CreateRequest& r) const {
  if (!IsKnownCreateMode(r.flags)) return ErrorCode::kBadArguments;
  if (IsTtlMode(r.flags)) {
    return tree_.owner_rules().extended_types ? ErrorCode::kBadArguments
                                              : ErrorCode::kUnimplemented;
  }
  NodeKind kind = IsEphemeralMode(r.flags) ? NodeKind::kEphemeral : NodeKind::kPlain;
  if (op == OpCode::kCreateContainer) kind = NodeKind::kContainer;
  return CreateSpec{r.path, r.data, r.acl, op, kind, IsSequentialMode(r.flags), 0};
}

TxnPreparer::SpecOrError TxnPreparer::SpecOf(const CreateTtlRequest& r) const {
  if (!IsKnownCreateMode(r.flags)) return ErrorCode::kBadArguments;
  if (!IsTtlMode(r.flags)) return ErrorCode::kBadArguments;
  if (!tree_.owner_rules().extended_types) return ErrorCode::kUnimplemented;
  if (r.ttl_ms < 1 || r.ttl_ms > kTtlMaxMs) return ErrorCode::kBadArguments;
  return CreateSpec{
      r.path,  r.data, r.acl, OpCode::kCreateTtl, NodeKind::kTtl, IsSequentialMode(r.flags),
      r.ttl_ms};
}

// Inside a multi the flags decide more than the op (client-protocol 8.3).
TxnPreparer::SpecOrError TxnPreparer::SpecOfElement(OpCode op, const CreateRequest& r) const {
  if (r.flags == static_cast<int32_t>(CreateMode::kContainer)) op = OpCode::kCreateContainer;
  return SpecOf(op, r);
}

TxnPreparer::SpecOrError TxnPreparer::SpecOfElement(const CreateTtlRequest& r) const {
  if (!IsKnownCreateMode(r.flags) || IsTtlMode(r.flags)) return SpecOf(r);
  const bool container = r.flags == static_cast<int32_t>(CreateMode::kContainer);
  NodeKind kind = IsEphemeralMode(r.flags) ? NodeKind::kEphemeral : NodeKind::kPlain;
  if (container) kind = NodeKind::kContainer;
  return CreateSpec{r.path, r.data,
                    r.acl,  container ? OpCode::kCreateContainer : OpCode::kCreate,
                    kind,   IsSequentialMode(r.flags),
                    0};
}

TxnPreparer::BodyOrError TxnPreparer::Create(const PrepareContext& context,
                                             const SpecOrError& spec) {
  if (const ErrorCode* code = std::get_if<ErrorCode>(&spec)) return *code;
  return Create(context, std::get<CreateSpec>(spec));
}

// The order of the checks is that of client-protocol 7.1: the first failing one decides.
TxnPreparer::BodyOrError TxnPreparer::Create(const PrepareContext& context,
                                             const CreateSpec& spec) {
  if (!LooksLikePath(spec.path)) return ErrorCode::kBadArguments;
  const std::variant<AclRef, ErrorCode> fixed =
      FixupAcl(rules_.access, spec.acl, context.identities);
  if (const ErrorCode* code = std::get_if<ErrorCode>(&fixed)) return *code;
  const AclRef& acl = std::get<AclRef>(fixed);

  const std::string_view parent_path = ParentPath(spec.path);
  std::optional<PendingNode> parent = pending_.Find(parent_path);
  if (!parent) return ErrorCode::kNoNode;
  if (!Allowed(context, *parent, kPermCreate)) return ErrorCode::kNoAuth;
  const std::string path =
      spec.sequential ? SequentialPath(spec.path, parent->stat.cversion) : std::string(spec.path);
  if (!IsValidPath(path)) return ErrorCode::kBadArguments;
  if (pending_.Find(path)) return ErrorCode::kNodeExists;
  if (KindOfOwner(tree_.owner_rules(), parent->stat.owner) == OwnerKind::kSession) {
    return ErrorCode::kNoChildrenForEphemerals;
  }
  const ErrorCode quota = CheckQuota(path, static_cast<int64_t>(spec.data.size()), 1);
  if (quota != ErrorCode::kOk) return quota;

  const int32_t parent_cversion = WrappingAdd(parent->stat.cversion, 1);
  if (parent_cversion > parent->stat.cversion) {
    parent->stat.cversion = parent_cversion;
    parent->stat.pzxid = context.zxid.value;
  }
  ++parent->child_count;
  parent->zxid = context.zxid;
  pending_.Put(parent_path, *std::move(parent));

  PendingNode node;
  node.stat.czxid = node.stat.mzxid = node.stat.pzxid = context.zxid.value;
  node.stat.ctime = node.stat.mtime = context.time.value;
  if (spec.kind == NodeKind::kEphemeral) node.stat.owner = context.session.value;
  if (spec.kind == NodeKind::kContainer) node.stat.owner = kContainerOwner;
  if (spec.kind == NodeKind::kTtl) node.stat.owner = TtlOwner(spec.ttl_ms);
  node.acl = acl;
  node.data_bytes = spec.data.size();
  if (tree_.digest_enabled()) node.digest_prefix = DigestPrefix(path, spec.data);
  node.zxid = context.zxid;
  pending_.Put(path, std::move(node));
  return EncodeCreate(spec, path, *acl, parent_cversion);
}

TxnPreparer::Body TxnPreparer::EncodeCreate(const CreateSpec& spec, std::string_view path,
                                            const AclList& acl, int32_t parent_cversion) {
  switch (spec.kind) {
    case NodeKind::kContainer:
      return {spec.txn_type,
              Encoded(CreateContainerTxn{path, spec.data, ToRecords(acl), parent_cversion})};
    case NodeKind::kTtl:
      return {spec.txn_type,
              Encoded(CreateTtlTxn{path, spec.data, ToRecords(acl), parent_cversion, spec.ttl_ms})};
    case NodeKind::kPlain:
    case NodeKind::kEphemeral:
      break;
  }
  const bool ephemeral = spec.kind == NodeKind::kEphemeral;
  return {spec.txn_type,
          Encoded(CreateTxn{path, spec.data, ToRecords(acl), ephemeral, parent_cversion})};
}

TxnPreparer::BodyOrError TxnPreparer::Delete(const PrepareContext& context,
                                             const DeleteRequest& r) {
  if (!LooksLikePath(r.path) || IsReservedPath(r.path)) return ErrorCode::kBadArguments;
  const std::optional<PendingNode> parent = pending_.Find(ParentPath(r.path));
  if (!parent) return ErrorCode::kNoNode;
  if (!Allowed(context, *parent, kPermDelete)) return ErrorCode::kNoAuth;
  std::optional<PendingNode> node = pending_.Find(r.path);
  if (!node) return ErrorCode::kNoNode;
  if (!VersionMatches(r.version, node->stat.version)) return ErrorCode::kBadVersion;
  if (node->child_count > 0) return ErrorCode::kNotEmpty;
  PutDeleted(context, r.path, *std::move(node));
  return Body{OpCode::kDelete, Encoded(DeleteTxn{r.path})};
}

// Asked for by the server's own reaper; re-checked here, since a child may have come in between
// (client-protocol 5.5).
TxnPreparer::BodyOrError TxnPreparer::DeleteContainer(const PrepareContext& context,
                                                      std::string_view path) {
  if (!LooksLikePath(path) || IsReservedPath(path)) return ErrorCode::kBadArguments;
  std::optional<PendingNode> node = pending_.Find(path);
  if (!node) return ErrorCode::kNoNode;
  if (node->child_count > 0) return ErrorCode::kNotEmpty;
  // The reaper's list may be a minute old: another node may have the path now, or new life.
  const OwnerKind kind = KindOfOwner(tree_.owner_rules(), node->stat.owner);
  const bool expired =
      kind == OwnerKind::kTtl && context.time.value - node->stat.mtime > TtlMsOf(node->stat.owner);
  if (kind != OwnerKind::kContainer && !expired) return ErrorCode::kBadVersion;
  PutDeleted(context, path, *std::move(node));
  return Body{OpCode::kDeleteContainer, Encoded(DeleteTxn{path})};
}

void TxnPreparer::PutDeleted(const PrepareContext& context, std::string_view path,
                             PendingNode node) {
  const std::string_view parent_path = ParentPath(path);
  std::optional<PendingNode> parent = pending_.Find(parent_path);
  CHECK(parent.has_value());
  --parent->child_count;
  parent->stat.pzxid = std::max(parent->stat.pzxid, context.zxid.value);
  parent->zxid = context.zxid;
  pending_.Put(parent_path, *std::move(parent));
  node.exists = false;
  node.zxid = context.zxid;
  pending_.Put(path, std::move(node));
}

TxnPreparer::BodyOrError TxnPreparer::SetData(const PrepareContext& context,
                                              const SetDataRequest& r) {
  if (!IsValidPath(r.path)) return ErrorCode::kBadArguments;
  std::optional<PendingNode> node = pending_.Find(r.path);
  if (!node) return ErrorCode::kNoNode;
  if (!Allowed(context, *node, kPermWrite)) return ErrorCode::kNoAuth;
  const auto more = static_cast<int64_t>(r.data.size()) - static_cast<int64_t>(node->data_bytes);
  const ErrorCode quota = CheckQuota(r.path, more, 0);
  if (quota != ErrorCode::kOk) return quota;
  if (!VersionMatches(r.version, node->stat.version)) return ErrorCode::kBadVersion;
  node->stat.version = WrappingAdd(node->stat.version, 1);
  node->stat.mzxid = context.zxid.value;
  node->stat.mtime = context.time.value;
  node->data_bytes = r.data.size();
  if (tree_.digest_enabled()) node->digest_prefix = DigestPrefix(r.path, r.data);
  node->zxid = context.zxid;
  const int32_t version = node->stat.version;
  pending_.Put(r.path, *std::move(node));
  return Body{OpCode::kSetData, Encoded(SetDataTxn{r.path, r.data, version})};
}

TxnPreparer::BodyOrError TxnPreparer::SetAcl(const PrepareContext& context,
                                             const SetAclRequest& r) {
  if (!IsValidPath(r.path)) return ErrorCode::kBadArguments;
  const std::variant<AclRef, ErrorCode> fixed = FixupAcl(rules_.access, r.acl, context.identities);
  if (const ErrorCode* code = std::get_if<ErrorCode>(&fixed)) return *code;
  const AclRef& acl = std::get<AclRef>(fixed);
  std::optional<PendingNode> node = pending_.Find(r.path);
  if (!node) return ErrorCode::kNoNode;
  if (!Allowed(context, *node, kPermAdmin)) return ErrorCode::kNoAuth;
  if (!VersionMatches(r.version, node->stat.aversion)) return ErrorCode::kBadVersion;
  node->stat.aversion = WrappingAdd(node->stat.aversion, 1);
  node->acl = acl;
  node->zxid = context.zxid;
  const int32_t version = node->stat.aversion;
  pending_.Put(r.path, *std::move(node));
  return Body{OpCode::kSetAcl, Encoded(SetAclTxn{r.path, ToRecords(*acl), version})};
}

TxnPreparer::BodyOrError TxnPreparer::Check(const PrepareContext& context,
                                            const CheckVersionRequest& r) {
  if (!IsValidPath(r.path)) return ErrorCode::kBadArguments;
  const std::optional<PendingNode> node = pending_.Find(r.path);
  if (!node) return ErrorCode::kNoNode;
  if (!Allowed(context, *node, kPermRead)) return ErrorCode::kNoAuth;
  if (!VersionMatches(r.version, node->stat.version)) return ErrorCode::kBadVersion;
  const int32_t recorded = WrappingAdd(node->stat.version, 1);
  return Body{OpCode::kCheck, Encoded(CheckVersionTxn{r.path, recorded})};
}

// Hard limits of the longest quota prefix, against the applied statistics
// (storage-and-operations 9.3).
ErrorCode TxnPreparer::CheckQuota(std::string_view path, int64_t bytes, int64_t count) const {
  if (!rules_.enforce_quota) return ErrorCode::kOk;
  const std::string* subject = tree_.quotas().LongestPrefix(path);
  if (subject == nullptr) return ErrorCode::kOk;
  const NodeId limits_node = tree_.nodes().Lookup(LimitsPathOf(*subject));
  const NodeId stats_node = tree_.nodes().Lookup(StatsPathOf(*subject));
  if (limits_node == kNoNode || stats_node == kNoNode) return ErrorCode::kOk;
  const std::optional<QuotaNumbers> limits = ParseQuota(tree_.nodes().DataOf(limits_node));
  const std::optional<QuotaNumbers> used = ParseQuota(tree_.nodes().DataOf(stats_node));
  if (!limits || !used) return ErrorCode::kMarshallingError;
  const auto exceeds = [](int64_t limit, int64_t present, int64_t more) {
    return more != 0 && limit > -1 && present + more > limit;
  };
  if (exceeds(limits->count_hard_limit, used->count, count) ||
      exceeds(limits->byte_hard_limit, used->bytes, bytes)) {
    return ErrorCode::kQuotaExceeded;
  }
  return ErrorCode::kOk;
}

bool TxnPreparer::Allowed(const PrepareContext& context, const PendingNode& node,
                          int32_t wanted) const {
  return IsAllowed(rules_.access, *node.acl, wanted, context.identities);
}

}  // namespace lockkeeper
