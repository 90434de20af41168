// Request -> transaction: every check that decides success or failure is made here, against the
// tree plus the changes in flight; applying the transaction then never fails (client-protocol 7.0).
#ifndef LOCKKEEPER_DATATREE_PREPARE_H_
#define LOCKKEEPER_DATATREE_PREPARE_H_

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "datatree/acl.h"
#include "datatree/data_tree.h"
#include "datatree/pending_changes.h"
#include "protocol/request.h"
#include "protocol/txn.h"

namespace lockkeeper {

struct PrepareRules {
  AccessRules access;
  bool enforce_quota = false;
  bool reconfig_enabled = false;
  bool close_session_txn = true;  // closeSession transactions list the ephemerals
  // create2 inside a multi becomes a create with the same record: members up to ZooKeeper 3.8.1
  // apply nothing of a multi that holds a create2 (quorum-protocol P3).
  bool no_create2_in_multi = false;
  // No reader of the log accepts a longer payload (jute.maxbuffer plus its extra size).
  size_t payload_bytes_max = 2 * 1048575;
};

// Who asks, and what the proposer has chosen for the transaction.
struct PrepareContext {
  SessionId session;  // 0: the server itself
  int32_t xid = 0;
  Zxid zxid;  // above that of every earlier transaction
  WallMs time;
  const std::vector<Identity>& identities;
};

// Threads: owned by the core thread; reads the tree, which only the core thread changes.
class TxnPreparer {
 public:
  TxnPreparer(const DataTree& tree, const PrepareRules& rules)
      : tree_(tree), rules_(rules), pending_(tree) {}

  // The payload of the transaction for a request: header, body, digest. A refused request gives an
  // error transaction, which takes its place in the order like any other.
  // REQUIRES: the session is alive.
  std::string Prepare(const PrepareContext& context, OpCode op, const RequestBody& request);
  std::string PrepareCreateSession(const PrepareContext& context, int32_t timeout_ms);
  std::string PrepareCloseSession(const PrepareContext& context);
  // The error transaction of a request that cannot even be looked at.
  std::string PrepareRefusal(const PrepareContext& context, ErrorCode code) const {
    return RefusedPayload(context, code);
  }

  // The transaction was applied: its changes are in the tree.
  void Applied(Zxid zxid) { pending_.Release(zxid); }
  // Transactions in flight will never be applied.
  void Abandon() { pending_.Clear(); }
  const PendingChanges& pending() const { return pending_; }

 private:
  // An encoded transaction body with its type, or why there is none.
  struct Body {
    OpCode type;
    std::string bytes;
  };
  using BodyOrError = std::variant<Body, ErrorCode>;
  enum class NodeKind { kPlain, kEphemeral, kContainer, kTtl };
  struct CreateSpec {
    std::string_view path;
    std::string_view data;
    const JuteVector<Acl>& acl;
    OpCode txn_type;
    NodeKind kind;
    bool sequential;
    int64_t ttl_ms;
  };
  using SpecOrError = std::variant<CreateSpec, ErrorCode>;

  std::string PrepareAny(const PrepareContext& context, OpCode op, const RequestBody& request);
  BodyOrError PrepareOne(const PrepareContext& context, OpCode op, const RequestBody& request);
  BodyOrError PrepareElement(const PrepareContext& context, const MultiElement& element);
  Body PrepareMulti(const PrepareContext& context, const MultiRequest& multi);
  std::string RefusedPayload(const PrepareContext& context, ErrorCode code) const;
  SpecOrError SpecOf(OpCode op, const CreateRequest& r) const;
  SpecOrError SpecOf(const CreateTtlRequest& r) const;
  SpecOrError SpecOfElement(OpCode op, const CreateRequest& r) const;
  SpecOrError SpecOfElement(const CreateTtlRequest& r) const;
  BodyOrError Create(const PrepareContext& context, const SpecOrError& spec);
  BodyOrError Create(const PrepareContext& context, const CreateSpec& spec);
  static Body EncodeCreate(const CreateSpec& spec, std::string_view path, const AclList& acl,
                           int32_t parent_cversion);
  BodyOrError Delete(const PrepareContext& context, const DeleteRequest& r);
  BodyOrError DeleteContainer(const PrepareContext& context, std::string_view path);
  BodyOrError SetData(const PrepareContext& context, const SetDataRequest& r);
  BodyOrError SetAcl(const PrepareContext& context, const SetAclRequest& r);
  BodyOrError Check(const PrepareContext& context, const CheckVersionRequest& r);
  void PutDeleted(const PrepareContext& context, std::string_view path, PendingNode node);
  ErrorCode CheckQuota(std::string_view path, int64_t bytes, int64_t count) const;
  bool Allowed(const PrepareContext& context, const PendingNode& node, int32_t wanted) const;
  std::string Finish(const PrepareContext& context, const Body& body) const;

  const DataTree& tree_;
  const PrepareRules rules_;
  PendingChanges pending_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_DATATREE_PREPARE_H_
