#include "server/tools/txn_decoder.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "datatree/path.h"
#include "protocol/error_code.h"
#include "protocol/op_code.h"

namespace lockkeeper {
namespace {

template <class Txn>
OpBody BodyAs(JuteReader& in) {
  JuteReader attempt(in);
  std::optional<Txn> txn = Decode<Txn>(attempt);
  if (!txn) return UnreadableBody{};
  in = attempt;
  return *std::move(txn);
}

// A create without the parent's counter is one of ZooKeeper 3.3.
OpBody AnyCreate(JuteReader& in) {
  OpBody body = BodyAs<CreateTxn>(in);
  return std::holds_alternative<UnreadableBody>(body) ? BodyAs<CreateTxnV0>(in) : body;
}

// What the body does not take is left in `in`.
OpBody DecodeBody(int32_t type, bool in_multi, JuteReader& in) {
  switch (static_cast<OpCode>(type)) {
    case OpCode::kCreate:
    case OpCode::kCreate2:
      return AnyCreate(in);
    case OpCode::kCreateContainer:
      return BodyAs<CreateContainerTxn>(in);
    case OpCode::kCreateTtl:
      return BodyAs<CreateTtlTxn>(in);
    case OpCode::kDelete:
    case OpCode::kDeleteContainer:
      return BodyAs<DeleteTxn>(in);
    case OpCode::kSetData:
      return BodyAs<SetDataTxn>(in);
    case OpCode::kSetAcl:
      return BodyAs<SetAclTxn>(in);
    case OpCode::kCheck:
      return BodyAs<CheckVersionTxn>(in);
    case OpCode::kError:
      return BodyAs<ErrorTxn>(in);
    default:
      break;
  }
  if (in_multi) return UnreadableBody{};
  switch (static_cast<OpCode>(type)) {
    case OpCode::kReconfig:
      return BodyAs<SetDataTxn>(in);
    case OpCode::kCreateSession:
      return BodyAs<CreateSessionTxn>(in);
    case OpCode::kCloseSession: {
      OpBody body = BodyAs<CloseSessionTxn>(in);
      return std::holds_alternative<UnreadableBody>(body) ? OpBody(NoBody{}) : body;
    }
    default:
      return UnreadableBody{};
  }
}

DecodedOp DecodeElement(const SubTxn& txn) {
  JuteReader in(txn.data);
  DecodedOp op{.type = txn.type, .body = DecodeBody(txn.type, true, in), .bytes = txn.data};
  op.surplus = in.rest();
  return op;
}

std::optional<std::vector<DecodedOp>> DecodeElements(JuteReader& in) {
  JuteReader attempt(in);
  const std::optional<MultiTxn> multi = Decode<MultiTxn>(attempt);
  if (!multi || !multi->txns) return std::nullopt;
  in = attempt;
  std::vector<DecodedOp> elements;
  std::transform(multi->txns->begin(), multi->txns->end(), std::back_inserter(elements),
                 DecodeElement);
  return elements;
}

// Whether the body has a path with which a server refuses the transaction.
bool HasRefusedPath(const OpBody& body) {
  return std::visit(
      [](const auto& txn) {
        using Txn = std::decay_t<decltype(txn)>;
        if constexpr (std::is_same_v<Txn, DeleteTxn>) {
          return !LooksLikePath(txn.path);
        } else if constexpr (requires { txn.acl; } && !std::is_same_v<Txn, SetAclTxn>) {
          return !IsCanonicalPath(txn.path);
        } else {
          return false;
        }
      },
      body);
}

std::string ProblemOf(const DecodedOp& op) {
  const std::string what = "a body of type " + TxnTypeName(op.type);
  if (std::holds_alternative<UnreadableBody>(op.body)) {
    return what + ", " + std::to_string(op.bytes.size()) + " bytes, that cannot be decoded";
  }
  return HasRefusedPath(op.body) ? what + " with an invalid path" : "";
}

constexpr std::array<std::pair<OpCode, const char*>, 16> kTypeNames{{
    {OpCode::kCreate, "create"},
    {OpCode::kDelete, "delete"},
    {OpCode::kSetData, "setData"},
    {OpCode::kSetAcl, "setACL"},
    {OpCode::kCheck, "check"},
    {OpCode::kMulti, "multi"},
    {OpCode::kCreate2, "create2"},
    {OpCode::kReconfig, "reconfig"},
    {OpCode::kCreateContainer, "createContainer"},
    {OpCode::kDeleteContainer, "deleteContainer"},
    {OpCode::kCreateTtl, "createTtl"},
    {OpCode::kCreateSession, "createSession"},
    {OpCode::kCloseSession, "closeSession"},
    {OpCode::kError, "error"},
    {OpCode::kNotification, "notification"},
    {OpCode::kSync, "sync"},
}};

constexpr std::array<std::pair<ErrorCode, std::string_view>, 24> kErrorNames{{
    {ErrorCode::kOk, "Ok"},
    {ErrorCode::kRuntimeInconsistency, "RuntimeInconsistency"},
    {ErrorCode::kMarshallingError, "MarshallingError"},
    {ErrorCode::kUnimplemented, "Unimplemented"},
    {ErrorCode::kBadArguments, "BadArguments"},
    {ErrorCode::kNewConfigNoQuorum, "NewConfigNoQuorum"},
    {ErrorCode::kReconfigInProgress, "ReconfigInProgress"},
    {ErrorCode::kNoNode, "NoNode"},
    {ErrorCode::kNoAuth, "NoAuth"},
    {ErrorCode::kBadVersion, "BadVersion"},
    {ErrorCode::kNoChildrenForEphemerals, "NoChildrenForEphemerals"},
    {ErrorCode::kNodeExists, "NodeExists"},
    {ErrorCode::kNotEmpty, "NotEmpty"},
    {ErrorCode::kSessionExpired, "SessionExpired"},
    {ErrorCode::kInvalidAcl, "InvalidACL"},
    {ErrorCode::kAuthFailed, "AuthFailed"},
    {ErrorCode::kSessionMoved, "SessionMoved"},
    {ErrorCode::kNotReadOnly, "NotReadOnly"},
    {ErrorCode::kEphemeralOnLocalSession, "EphemeralOnLocalSession"},
    {ErrorCode::kNoWatcher, "NoWatcher"},
    {ErrorCode::kReconfigDisabled, "ReconfigDisabled"},
    {ErrorCode::kSessionClosedRequireSaslAuth, "SessionClosedRequireAuth"},
    {ErrorCode::kQuotaExceeded, "QuotaExceeded"},
    {ErrorCode::kThrottledOp, "ThrottledOp"},
}};

}  // namespace

DecodedTxn DecodeTxn(std::string_view payload) {
  DecodedTxn txn;
  JuteReader in(payload);
  in.Read(txn.header);
  txn.op.type = txn.header.type;
  txn.op.bytes = in.rest();
  bool readable = true;
  if (static_cast<OpCode>(txn.header.type) == OpCode::kMulti) {
    txn.elements = DecodeElements(in);
    readable = txn.elements.has_value();
  } else {
    txn.op.body = DecodeBody(txn.header.type, false, in);
    readable = !std::holds_alternative<UnreadableBody>(txn.op.body);
  }
  if (!readable) return txn;
  JuteReader after(in);
  txn.digest = Decode<TxnDigest>(after);
  txn.surplus = txn.digest ? after.rest() : in.rest();
  txn.op.surplus = in.rest();
  return txn;
}

std::string LoadProblem(const DecodedTxn& txn) {
  if (!txn.elements) return ProblemOf(txn.op);
  for (size_t i = 0; i < txn.elements->size(); ++i) {
    const std::string problem = ProblemOf((*txn.elements)[i]);
    if (!problem.empty()) return "a multi whose element " + std::to_string(i) + " is " + problem;
  }
  return "";
}

std::string TxnTypeName(int32_t type) {
  for (const auto& [code, name] : kTypeNames) {
    if (static_cast<int32_t>(code) == type) return name;
  }
  return "unknown " + std::to_string(type);
}

std::string_view ErrorName(int32_t code) {
  for (const auto& [known, name] : kErrorNames) {
    if (static_cast<int32_t>(known) == code) return name;
  }
  return "unknown";
}

}  // namespace lockkeeper
