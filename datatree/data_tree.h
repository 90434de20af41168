// The replicated state: znodes, ACLs, sessions and their ephemerals, quota statistics, digest.
// It changes only by Apply of transactions, so that the same transactions give the same tree.
#ifndef LOCKKEEPER_DATATREE_DATA_TREE_H_
#define LOCKKEEPER_DATATREE_DATA_TREE_H_

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "datatree/acl.h"
#include "datatree/acl_table.h"
#include "datatree/change.h"
#include "datatree/checkpoint_tracker.h"
#include "datatree/node_store.h"
#include "datatree/owner.h"
#include "datatree/quota.h"
#include "protocol/error_code.h"
#include "protocol/op_code.h"
#include "protocol/result.h"
#include "protocol/txn.h"
#include "protocol/types.h"

namespace lockkeeper {

struct DataTreeOptions {
  OwnerRules owner_rules;
  bool digest_enabled = true;
  uint64_t hash_seed = 0;  // any number that clients cannot guess
};

// What one operation of a transaction did: enough for its reply. `path` and `stat` are set for
// creates, `stat` for setData and setACL.
struct OpResult {
  OpCode type = OpCode::kError;  // the transaction's type, kError for an error element
  ErrorCode error = ErrorCode::kOk;
  std::string path;
  Stat stat;
};

struct ApplyOutcome {
  TxnHeader header;
  OpResult result;                           // of a single operation
  std::vector<OpResult> multi;               // of each element, when header.type is kMulti
  std::optional<TxnDigest> recorded_digest;  // as the proposer computed it
};

// The ACL of the configuration znode in an empty database.
const AclList& ConfigAcl();

struct DigestRecord {
  Zxid zxid;
  uint64_t digest;
};

// Threads: the core thread calls Apply while it holds all read gates; const functions may be called
// by an I/O thread inside its gate and by the core at any time.
class DataTree {
 public:
  explicit DataTree(const DataTreeOptions& options);

  // Applies one transaction payload (header, body, digest). Appends what watches must hear of to
  // `changes` unless null. Repeating transactions that the tree already contains is harmless
  // (storage-and-operations 3.5). kCorruption: not a transaction; the tree is unchanged.
  Result<ApplyOutcome> Apply(std::string_view payload, std::vector<Change>* changes);
  // The path that a payload changes if it is one of a single operation, for ExpectedPaths; anything
  // for others.
  static std::string_view PathIn(std::string_view payload);
  // Whether Apply would take it, on any tree: for payloads of others, before they are logged.
  static bool CanApply(std::string_view payload);

  const NodeStore& nodes() const { return nodes_; }
  const AclRef& AclOf(NodeId node) const { return acls_.Get(nodes_.AclIdOf(node)); }
  // As a client sees it.
  Stat StatOf(NodeId node) const;
  const OwnerRules& owner_rules() const { return options_.owner_rules; }
  bool digest_enabled() const { return options_.digest_enabled; }
  uint64_t hash_seed() const { return options_.hash_seed; }

  Zxid last_zxid() const { return last_zxid_; }
  // A new leader's epoch begins: the state is the same, but it stands at `zxid` now.
  void BeginEpoch(Zxid zxid) { last_zxid_ = zxid; }
  // What a member of an ensemble shows as /zookeeper/config: its own configuration file says it,
  // not a transaction, so neither zxid nor digest knows of it. REQUIRES what Apply does.
  void SetMembership(std::string_view text, int64_t version, WallMs now);
  uint64_t digest() const { return digest_; }
  // The digest after every 128th zxid, oldest first, at most 1024.
  const std::deque<DigestRecord>& digest_history() const { return digest_history_; }

  // Session id -> negotiated timeout in ms, as the transactions say.
  const std::map<SessionId, int32_t>& sessions() const { return sessions_; }
  // Sessions that own ephemerals, with their nodes in no particular order.
  const std::map<SessionId, std::vector<NodeId>>& ephemerals() const { return ephemerals_; }
  // Ascending; empty if the session has none.
  std::vector<std::string> EphemeralPathsOf(SessionId session) const;
  const std::set<NodeId>& containers() const { return containers_; }
  const std::set<NodeId>& ttl_nodes() const { return ttl_nodes_; }
  const QuotaTable& quotas() const { return quotas_; }
  const AclTable& acls() const { return acls_; }

  // What checkpoints must write. Nothing is noted before it is told to start.
  CheckpointTracker& checkpoint_tracker() { return checkpoint_tracker_; }
  // Starts it for a disk that holds nothing.
  void StartWholeCheckpoint();

  // Descendants of all depths.
  int64_t CountDescendants(NodeId node) const;
  size_t ephemeral_count() const { return ephemeral_count_; }
  // Sum of path and data lengths over all znodes.
  int64_t approximate_data_bytes() const { return data_bytes_; }

 private:
  friend class TxnApplier;
  friend class TreeLoader;
  struct SubtreeUse {
    int64_t count = 0;
    int64_t bytes = 0;
  };

  void CreateSystemNodes();
  NodeId AddNode(std::string_view path, std::string_view data, uint32_t acl_id,
                 const NodeStat& stat);
  void RemoveNode(NodeId node, std::string_view path);
  void ReplaceData(NodeId node, std::string_view path, std::string_view data, const NodeStat& stat);
  void ReplaceStat(NodeId node, std::string_view path, const NodeStat& stat);
  // Takes over one use of `acl_id`.
  void ReplaceAcl(NodeId node, uint32_t acl_id);
  void OpenSession(SessionId session, int32_t timeout_ms);
  void CloseSession(SessionId session);
  void RegisterOwner(NodeId node, int64_t owner);
  void UnregisterOwner(NodeId node, int64_t owner);
  // Brings the digest up to date with a znode that is new or has changed.
  void UpdateDigest(NodeId node, std::string_view path);
  void OnQuotaNodeCreated(std::string_view path, NodeId node);
  // Fills in the statistics of all quotas, as after a load (storage-and-operations 9.4).
  void RecountQuotas();
  void SetQuotaUse(NodeId stats, std::string_view subject);
  void UpdateQuotaUse(std::string_view path, int64_t count, int64_t bytes);
  SubtreeUse UseOf(NodeId node) const;
  void Advance(Zxid zxid);

  const DataTreeOptions options_;
  NodeStore nodes_;
  CheckpointTracker checkpoint_tracker_{nodes_};
  AclTable acls_;
  std::map<SessionId, int32_t> sessions_;
  std::map<SessionId, std::vector<NodeId>> ephemerals_;
  size_t ephemeral_count_ = 0;
  std::set<NodeId> containers_;
  std::set<NodeId> ttl_nodes_;
  QuotaTable quotas_;
  Zxid last_zxid_;
  uint64_t digest_ = 0;
  std::deque<DigestRecord> digest_history_;
  int64_t data_bytes_ = 0;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_DATATREE_DATA_TREE_H_
