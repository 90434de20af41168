// The znodes and sessions as the canonical history makes them, independent of the product's tree:
// what every transaction may do, and what every read at a zxid must show.
#ifndef LOCKKEEPER_TESTS_SIMULATION_TREE_MODEL_H_
#define LOCKKEEPER_TESTS_SIMULATION_TREE_MODEL_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "datatree/data_tree.h"
#include "protocol/txn.h"
#include "protocol/types.h"

namespace lockkeeper::simulation {

// A transaction as the model has understood it.
struct Understood {
  SessionId session;
  int32_t cxid = 0;
  OpCode type = OpCode::kError;
  int32_t error = 0;  // of an error transaction
};

class TreeModel {
 public:
  struct Node {
    bool exists = false;
    std::string data;
    int32_t version = 0;
    SessionId owner;
  };

  // The next transaction; what is wrong with it is added to `complaints`.
  Understood Apply(Zxid zxid, std::string_view payload, std::vector<std::string>* complaints);

  // As it was at `zxid`.
  const Node& At(const std::string& path, Zxid zxid) const;
  std::set<std::string> ChildrenAt(const std::string& path, Zxid zxid) const;
  // Whether something happened that a watch set at `after` hears of, up to `upto`.
  bool DataChanged(const std::string& path, Zxid after, Zxid upto) const;
  bool ChildrenChanged(const std::string& path, Zxid after, Zxid upto) const;

  bool IsLive(SessionId session) const { return live_.contains(session); }
  const std::set<SessionId>& live() const { return live_; }
  // 0: never.
  Zxid OpenedAt(SessionId session) const {
    const auto found = opened_.find(session);
    return found == opened_.end() ? Zxid{0} : found->second;
  }
  std::optional<Zxid> ClosedAt(SessionId session) const;
  // What is different in `tree`, which stands at the end of the history.
  std::vector<std::string> Compare(const DataTree& tree) const;

 private:
  struct Change;
  void ApplyBody(OpCode type, JuteReader& body);
  void Create(std::string_view path, std::string_view data, bool ephemeral);
  void Delete(std::string_view path);
  void SetData(const SetDataTxn& txn);
  void Close(const CloseSessionTxn& txn);
  void Put(const std::string& path, Node node);
  const Node& Now(const std::string& path) const;
  void Say(const std::string& what) { complaints_->push_back(what); }

  std::map<std::string, std::vector<std::pair<Zxid, Node>>> nodes_;
  std::map<std::string, std::vector<Zxid>> child_changes_;
  std::map<SessionId, std::set<std::string>> owned_;
  std::set<SessionId> live_;
  std::map<SessionId, Zxid> opened_;
  std::map<SessionId, Zxid> closed_;
  std::map<SessionId, int32_t> last_cxid_;            // of what was carried out
  std::set<std::pair<SessionId, int32_t>> requests_;  // that have a transaction
  // Of the transaction at work:
  Zxid zxid_;
  SessionId session_;
  std::vector<std::string>* complaints_ = nullptr;
};

}  // namespace lockkeeper::simulation

#endif  // LOCKKEEPER_TESTS_SIMULATION_TREE_MODEL_H_
