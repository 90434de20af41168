// A tree with its preparer, for tests: a request becomes a transaction and is applied, at once or
// after others were prepared too.
#ifndef LOCKKEEPER_TESTS_DATATREE_TREE_TEST_UTIL_H_
#define LOCKKEEPER_TESTS_DATATREE_TREE_TEST_UTIL_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "datatree/data_tree.h"
#include "datatree/prepare.h"
#include "protocol/print.h"

namespace lockkeeper {

inline constexpr SessionId kAlice{0x100000000000001};
inline constexpr SessionId kBob{0x100000000000002};
inline constexpr ErrorCode kOk = ErrorCode::kOk;

// --- requests ---------------------------------------------------------------------------------

inline Acl Entry(int32_t perms, std::string_view scheme, std::string_view id) {
  return {perms, {scheme, id}};
}
inline JuteVector<Acl> OpenList() { return std::vector<Acl>{Entry(kPermAll, "world", "anyone")}; }
inline JuteVector<Acl> WorldMay(int32_t perms) {
  return std::vector<Acl>{Entry(perms, "world", "anyone")};
}

inline CreateRequest NewNode(std::string_view path, std::string_view data = EmptyString(),
                             int32_t flags = 0, JuteVector<Acl> acl = OpenList()) {
  return {path, data, std::move(acl), flags};
}
inline CreateTtlRequest NewTtlNode(std::string_view path, int64_t ttl_ms, int32_t flags = 5) {
  return {path, EmptyString(), OpenList(), flags, ttl_ms};
}
inline MultiRequest Multi(std::vector<MultiElement> elements) { return {std::move(elements)}; }

// --- transactions -----------------------------------------------------------------------------

inline TxnHeader HeaderIn(std::string_view payload) {
  const std::optional<TxnHeader> header = Decode<TxnHeader>(payload);
  EXPECT_TRUE(header.has_value()) << "no header in " << PrintBytes(payload);
  return header.value_or(TxnHeader{});
}
inline OpCode TypeIn(std::string_view payload) {
  return static_cast<OpCode>(HeaderIn(payload).type);
}
inline std::string_view BodyIn(std::string_view payload) { return payload.substr(32); }

// The body as an R; fails the test if it is none.
template <Record R>
R BodyAs(std::string_view payload) {
  const std::optional<R> body = Decode<R>(BodyIn(payload));
  EXPECT_TRUE(body.has_value()) << "no such body in " << PrintBytes(payload);
  return body.value_or(R{});
}

// What an error transaction says; kOk for any other.
inline ErrorCode ErrorIn(std::string_view payload) {
  if (TypeIn(payload) != OpCode::kError) return ErrorCode::kOk;
  return static_cast<ErrorCode>(BodyAs<ErrorTxn>(payload).err);
}

// A payload by hand, without digest unless it is part of `rest`.
inline std::string PayloadOf(OpCode type, int64_t zxid, std::string_view rest,
                             SessionId session = kAlice, int64_t time = 5000) {
  return Encoded(TxnHeader{session.value, 7, zxid, time, static_cast<int32_t>(type)}) +
         std::string(rest);
}
template <Record R>
std::string PayloadOf(OpCode type, int64_t zxid, const R& body, SessionId session = kAlice,
                      int64_t time = 5000) {
  return PayloadOf(type, zxid, std::string_view(Encoded(body)), session, time);
}

// --- looking ----------------------------------------------------------------------------------

inline std::string Text(const NodeStat& s) {
  std::string text;
  for (int64_t v : {s.czxid, s.mzxid, s.pzxid, s.ctime, s.mtime, int64_t{s.version},
                    int64_t{s.cversion}, int64_t{s.aversion}, s.owner}) {
    text += ' ' + std::to_string(v);
  }
  return text;
}
inline std::string Text(const AclList& acl) {
  std::string text;
  for (const AclEntry& e : acl) {
    text += ' ' + std::to_string(e.perms) + ':' + e.scheme + ':' + e.id;
  }
  return text;
}

// One line a znode, ascending by path: everything that is stored of it.
inline std::string DumpNodes(const DataTree& tree) {
  std::vector<std::string> lines;
  std::vector<NodeId> stack{NodeStore::kRoot};
  while (!stack.empty()) {
    const NodeId node = stack.back();
    stack.pop_back();
    const NodeStore& nodes = tree.nodes();
    lines.push_back(nodes.PathOf(node) + " data=" + Print(nodes.DataOf(node)) +
                    Text(nodes.StatOf(node)) + Text(*tree.AclOf(node)) + '\n');
    for (NodeId c = nodes.FirstChild(node); c != kNoNode; c = nodes.NextSibling(c)) {
      stack.push_back(c);
    }
  }
  EXPECT_EQ(lines.size(), tree.nodes().size());
  std::sort(lines.begin(), lines.end());
  std::string dump;
  for (const std::string& line : lines) dump += line;
  return dump;
}

// All that transactions decide: znodes, sessions, who owns what, quotas and the digest.
inline std::string DumpTree(const DataTree& tree) {
  std::string dump = DumpNodes(tree);
  for (const auto& [session, timeout_ms] : tree.sessions()) {
    dump += "session " + std::to_string(session.value) + ' ' + std::to_string(timeout_ms) + '\n';
  }
  size_t ephemerals = 0;
  for (const auto& [session, nodes] : tree.ephemerals()) {
    ephemerals += nodes.size();
    for (const std::string& path : tree.EphemeralPathsOf(session)) {
      dump += "ephemeral " + std::to_string(session.value) + ' ' + path + '\n';
    }
  }
  EXPECT_EQ(ephemerals, tree.ephemeral_count());
  std::set<std::string> reaped;
  for (NodeId node : tree.containers()) reaped.insert("container " + tree.nodes().PathOf(node));
  for (NodeId node : tree.ttl_nodes()) reaped.insert("ttl " + tree.nodes().PathOf(node));
  for (const std::string& line : reaped) dump += line + '\n';
  for (const std::string& subject : tree.quotas().subjects()) dump += "quota " + subject + '\n';
  dump += "bytes " + std::to_string(tree.approximate_data_bytes()) + '\n';
  return dump + "digest " + std::to_string(tree.digest()) + '\n';
}

// --- a tree that takes requests ---------------------------------------------------------------

struct TestTreeOptions {
  DataTreeOptions tree;
  PrepareRules rules;
};

class TestTree {
 public:
  explicit TestTree(const TestTreeOptions& options = {})
      : tree(options.tree), preparer(tree, options.rules) {}

  // The next transaction: takes a zxid, one ms passes, and it waits for Apply.
  std::string Prepare(OpCode op, const RequestBody& request) {
    return Remember(preparer.Prepare(NextContext(), op, request));
  }
  std::string PrepareClose(SessionId who) {
    session = who;
    return Remember(preparer.PrepareCloseSession(NextContext()));
  }
  std::string PrepareOpen(SessionId who, int32_t timeout_ms = 30000) {
    session = who;
    return Remember(preparer.PrepareCreateSession(NextContext(), timeout_ms));
  }

  // Applies the oldest transaction that waits, and checks the digest it carries.
  ApplyOutcome ApplyNext() {
    const std::string payload = std::move(in_flight.front());
    in_flight.pop_front();
    changes.clear();
    Result<ApplyOutcome> outcome = tree.Apply(payload, &changes);
    EXPECT_TRUE(outcome.has_value()) << PrintBytes(payload);
    if (!outcome) return {};
    preparer.Applied(Zxid{outcome->header.zxid});
    if (outcome->recorded_digest) {
      EXPECT_EQ(static_cast<uint64_t>(outcome->recorded_digest->tree_digest), tree.digest())
          << "after zxid " << outcome->header.zxid;
    }
    return *std::move(outcome);
  }
  ApplyOutcome ApplyAll() {
    ApplyOutcome last;
    while (!in_flight.empty()) last = ApplyNext();
    return last;
  }

  // Both at once.
  ApplyOutcome Run(OpCode op, const RequestBody& request) {
    Prepare(op, request);
    return ApplyAll();
  }
  ErrorCode Do(OpCode op, const RequestBody& request) { return Run(op, request).result.error; }
  ErrorCode Create(std::string_view path, std::string_view data = EmptyString(), int32_t flags = 0,
                   JuteVector<Acl> acl = OpenList()) {
    return Do(OpCode::kCreate, NewNode(path, data, flags, std::move(acl)));
  }
  ErrorCode SetData(std::string_view path, std::string_view data, int32_t version = -1) {
    return Do(OpCode::kSetData, SetDataRequest{path, data, version});
  }
  ErrorCode SetAcl(std::string_view path, JuteVector<Acl> acl, int32_t version = -1) {
    return Do(OpCode::kSetAcl, SetAclRequest{path, std::move(acl), version});
  }
  ErrorCode Delete(std::string_view path, int32_t version = -1) {
    return Do(OpCode::kDelete, DeleteRequest{path, version});
  }
  // The codes of the elements.
  std::vector<ErrorCode> RunMulti(std::vector<MultiElement> elements) {
    std::vector<ErrorCode> codes;
    for (const OpResult& r : Run(OpCode::kMulti, Multi(std::move(elements))).multi) {
      codes.push_back(r.error);
    }
    return codes;
  }
  void Open(SessionId who, int32_t timeout_ms = 30000) {
    PrepareOpen(who, timeout_ms);
    ApplyAll();
  }
  void Close(SessionId who) {
    PrepareClose(who);
    ApplyAll();
  }

  bool Has(std::string_view path) const { return tree.nodes().Lookup(path) != kNoNode; }
  // These fail the test for a missing node.
  Stat StatOf(std::string_view path) const {
    const NodeId node = tree.nodes().Lookup(path);
    EXPECT_NE(node, kNoNode) << path;
    return node == kNoNode ? Stat{} : tree.StatOf(node);
  }
  NodeStat StoredStatOf(std::string_view path) const {
    const NodeId node = tree.nodes().Lookup(path);
    EXPECT_NE(node, kNoNode) << path;
    return node == kNoNode ? NodeStat{} : tree.nodes().StatOf(node);
  }
  std::string DataOf(std::string_view path) const {
    const NodeId node = tree.nodes().Lookup(path);
    EXPECT_NE(node, kNoNode) << path;
    return node == kNoNode ? "" : std::string(tree.nodes().DataOf(node));
  }
  std::string AclTextOf(std::string_view path) const {
    const NodeId node = tree.nodes().Lookup(path);
    EXPECT_NE(node, kNoNode) << path;
    return node == kNoNode ? "" : Text(*tree.AclOf(node));
  }
  // zxid and time of the latest transaction.
  int64_t zxid() const { return zxid_; }
  int64_t time() const { return kFirstTime + zxid_; }

  DataTree tree;
  TxnPreparer preparer;
  SessionId session = kAlice;         // who asks
  std::vector<Identity> identities;   // and what it has shown
  std::deque<std::string> in_flight;  // prepared, not applied
  std::vector<Change> changes;        // of the transaction applied last

 private:
  static constexpr int64_t kFirstTime = 1'700'000'000'000;

  PrepareContext NextContext() {
    ++zxid_;
    return {session, 42, Zxid{zxid_}, WallMs{time()}, identities};
  }
  std::string Remember(std::string payload) {
    in_flight.push_back(payload);
    return payload;
  }

  int64_t zxid_ = 0;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_TESTS_DATATREE_TREE_TEST_UTIL_H_
