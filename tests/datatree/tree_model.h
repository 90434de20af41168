// What the tree must do, said again as simply as possible: one map of paths, requests executed one
// after the other, nothing in flight. The reference of the model tests (client-protocol 5 to 8).
#ifndef LOCKKEEPER_TESTS_DATATREE_TREE_MODEL_H_
#define LOCKKEEPER_TESTS_DATATREE_TREE_MODEL_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datatree/data_tree.h"
#include "protocol/request.h"

namespace lockkeeper {

struct ModelNode {
  std::optional<std::string> data;  // nullopt: null
  AclList acl;
  NodeStat stat;
};

class TreeModel {
 public:
  // Who asks, and what the transaction gets.
  struct Context {
    int64_t session = 0;
    const std::vector<Identity>& identities;
    int64_t zxid = 0;
    int64_t time = 0;
  };
  struct Result {
    ErrorCode error = ErrorCode::kOk;
    std::string path;  // of a create
    Stat stat;         // of create, setData and setACL
  };

  explicit TreeModel(bool extended_types);

  Result Execute(const Context& context, OpCode op, const RequestBody& request);
  // The elements' results; nothing is changed if one fails.
  std::vector<Result> ExecuteMulti(const Context& context, const MultiRequest& multi);
  void CloseSession(const Context& context);

  const std::map<std::string, ModelNode>& nodes() const { return nodes_; }
  // From scratch, from the definition (storage-and-operations 3.7).
  uint64_t Digest() const;
  // As DumpNodes in tree_test_util.h.
  std::string Dump() const;

 private:
  Result Create(const Context& context, OpCode op, std::string path, std::string_view data,
                const JuteVector<Acl>& acl, int32_t flags, std::optional<int64_t> ttl_ms,
                bool in_multi);
  Result Delete(const Context& context, std::string path, int32_t version);
  Result DeleteContainer(const Context& context, std::string path);
  Result SetData(const Context& context, std::string path, std::string_view data, int32_t version);
  Result SetAcl(const Context& context, std::string path, const JuteVector<Acl>& acl,
                int32_t version);
  Result Check(const Context& context, std::string path, int32_t version) const;
  Result ExecuteElement(const Context& context, const MultiElement& element);
  void Remove(const std::string& path, int64_t zxid);
  int32_t ChildrenOf(const std::string& path) const;
  Stat ShownStat(const std::string& path) const;
  bool IsSessions(int64_t owner) const;
  const ModelNode* Find(const std::string& path) const;

  const bool extended_types_;
  std::map<std::string, ModelNode> nodes_;  // the root is ""
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_TESTS_DATATREE_TREE_MODEL_H_
