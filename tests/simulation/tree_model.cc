#include "tests/simulation/tree_model.h"

#include <algorithm>

#include "zab/text.h"

namespace lockkeeper::simulation {
namespace {

using zab::Text;

std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

template <class T>
T Take(JuteReader& reader) {
  T record;
  reader.Read(record);
  return record;
}

}  // namespace

Understood TreeModel::Apply(Zxid zxid, std::string_view payload,
                            std::vector<std::string>* complaints) {
  complaints_ = complaints;
  JuteReader reader(payload);
  const auto header = Take<TxnHeader>(reader);
  zxid_ = zxid;
  session_ = SessionId{header.client_id};
  Understood understood{session_, header.cxid, static_cast<OpCode>(header.type)};
  if (header.zxid != zxid.value) Say(Text(zxid, " says that it is ", Zxid{header.zxid}));
  const bool of_client = understood.cxid > 0;
  if (of_client && !requests_.insert({session_, header.cxid}).second) {
    Say(Text(zxid, ": request ", header.cxid, " of session ", session_, " for the second time"));
  }
  if (understood.type == OpCode::kError) {
    understood.error = Take<ErrorTxn>(reader).err;
    return understood;
  }
  if (of_client) {
    int32_t& last = last_cxid_[session_];
    if (header.cxid <= last) {
      Say(Text(zxid, ": request ", header.cxid, " of session ", session_, " behind its request ",
               last));
    }
    last = std::max(last, header.cxid);
  }
  if (understood.type != OpCode::kCreateSession && !live_.contains(session_)) {
    Say(Text(zxid, " is of session ", session_, ", which does not live"));
  }
  ApplyBody(understood.type, reader);
  if (!reader.ok()) Say(Text(zxid, " cannot be read"));
  return understood;
}

void TreeModel::ApplyBody(OpCode type, JuteReader& body) {
  switch (type) {
    case OpCode::kCreateSession:
      if (!live_.insert(session_).second || closed_.contains(session_)) {
        Say(Text(zxid_, " opens session ", session_, " again"));
      }
      opened_.emplace(session_, zxid_);
      return;
    case OpCode::kCloseSession:
      return Close(Take<CloseSessionTxn>(body));
    case OpCode::kCreate:
    case OpCode::kCreate2: {
      const auto txn = Take<CreateTxn>(body);
      return Create(txn.path, txn.data, txn.ephemeral);
    }
    case OpCode::kDelete:
      return Delete(Take<DeleteTxn>(body).path);
    case OpCode::kSetData:
      return SetData(Take<SetDataTxn>(body));
    case OpCode::kCheck: {
      const auto txn = Take<CheckVersionTxn>(body);
      const Node& node = Now(std::string(txn.path));
      if (!node.exists) Say(Text(zxid_, " has checked ", txn.path, ", which is not there"));
      return;
    }
    case OpCode::kMulti: {
      const auto subs = Take<MultiTxn>(body).txns.value_or(std::vector<SubTxn>{});
      const bool refused = std::any_of(subs.begin(), subs.end(), [](const SubTxn& sub) {
        return static_cast<OpCode>(sub.type) == OpCode::kError;
      });
      if (refused) return;  // all or nothing
      for (const SubTxn& sub : subs) {
        JuteReader reader(sub.data);
        ApplyBody(static_cast<OpCode>(sub.type), reader);
      }
      return;
    }
    default:
      Say(Text(zxid_, " has type ", static_cast<int>(type)));
  }
}

const TreeModel::Node& TreeModel::Now(const std::string& path) const {
  static const Node kNone;
  const auto found = nodes_.find(path);
  return found == nodes_.end() ? kNone : found->second.back().second;
}

void TreeModel::Put(const std::string& path, Node node) {
  const bool existed = Now(path).exists;
  if (existed != node.exists) {
    std::vector<Zxid>& changes = child_changes_[ParentOf(path)];
    if (changes.empty() || changes.back() != zxid_) changes.push_back(zxid_);
  }
  nodes_[path].emplace_back(zxid_, std::move(node));
}

void TreeModel::Create(std::string_view view, std::string_view data, bool ephemeral) {
  const std::string path(view);
  const std::string parent = ParentOf(path);
  if (Now(path).exists) Say(Text(zxid_, " creates ", path, ", which is there"));
  if (parent != "/" && !Now(parent).exists) Say(Text(zxid_, " creates ", path, " below nothing"));
  if (ephemeral) owned_[session_].insert(path);
  Put(path, {true, std::string(data), 0, ephemeral ? session_ : SessionId{}});
}

void TreeModel::Delete(std::string_view view) {
  const std::string path(view);
  const Node node = Now(path);
  if (!node.exists) Say(Text(zxid_, " deletes ", path, ", which is not there"));
  if (!ChildrenAt(path, zxid_).empty()) Say(Text(zxid_, " deletes ", path, " with children"));
  if (node.owner.value != 0) owned_[node.owner].erase(path);
  Put(path, {});
}

// Compare-and-set: a version is given to one write only.
void TreeModel::SetData(const SetDataTxn& txn) {
  const std::string path(txn.path);
  Node node = Now(path);
  if (!node.exists) Say(Text(zxid_, " sets ", path, ", which is not there"));
  if (txn.version != node.version + 1) {
    Say(Text(zxid_, " makes version ", txn.version, " of ", path, " out of ", node.version));
  }
  node.data = txn.data;
  node.version = txn.version;
  Put(path, std::move(node));
}

void TreeModel::Close(const CloseSessionTxn& txn) {
  live_.erase(session_);
  if (!closed_.emplace(session_, zxid_).second) {
    Say(Text(zxid_, " closes session ", session_, " again"));
  }
  const std::set<std::string> owned = std::exchange(owned_[session_], {});
  std::set<std::string> listed;
  if (txn.paths_to_delete) listed = {txn.paths_to_delete->begin(), txn.paths_to_delete->end()};
  if (listed != owned) {
    Say(Text(zxid_, " closes session ", session_, " and lists ", listed.size(),
             " ephemerals instead of ", owned.size()));
  }
  for (const std::string& path : owned) Put(path, {});
}

// ---- Questions.

const TreeModel::Node& TreeModel::At(const std::string& path, Zxid zxid) const {
  static const Node kNone;
  const auto found = nodes_.find(path);
  if (found == nodes_.end()) return kNone;
  const auto after = std::upper_bound(found->second.begin(), found->second.end(), zxid,
                                      [](Zxid z, const auto& change) { return z < change.first; });
  return after == found->second.begin() ? kNone : std::prev(after)->second;
}

std::set<std::string> TreeModel::ChildrenAt(const std::string& path, Zxid zxid) const {
  std::set<std::string> names;
  const std::string prefix = path + "/";
  for (auto it = nodes_.lower_bound(prefix); it != nodes_.end() && it->first.starts_with(prefix);
       ++it) {
    const std::string name = it->first.substr(prefix.size());
    if (name.find('/') == std::string::npos && At(it->first, zxid).exists) names.insert(name);
  }
  return names;
}

bool TreeModel::DataChanged(const std::string& path, Zxid after, Zxid upto) const {
  const auto found = nodes_.find(path);
  if (found == nodes_.end()) return false;
  return std::any_of(found->second.rbegin(), found->second.rend(), [&](const auto& change) {
    return change.first > after && change.first <= upto;
  });
}

bool TreeModel::ChildrenChanged(const std::string& path, Zxid after, Zxid upto) const {
  const auto found = child_changes_.find(path);
  if (found == child_changes_.end()) return false;
  const auto next = std::upper_bound(found->second.begin(), found->second.end(), after);
  return next != found->second.end() && *next <= upto;
}

std::optional<Zxid> TreeModel::ClosedAt(SessionId session) const {
  const auto found = closed_.find(session);
  if (found == closed_.end()) return std::nullopt;
  return found->second;
}

std::vector<std::string> TreeModel::Compare(const DataTree& tree) const {
  std::vector<std::string> differences;
  size_t existing = 0;
  for (const auto& [path, changes] : nodes_) {
    const Node& node = changes.back().second;
    existing += node.exists ? 1 : 0;
    const NodeId id = tree.nodes().Lookup(path);
    if ((id != kNoNode) != node.exists) {
      differences.push_back(path + (node.exists ? " is missing" : " is still there"));
    } else if (node.exists &&
               (tree.nodes().DataOf(id) != node.data || tree.StatOf(id).version != node.version ||
                tree.StatOf(id).ephemeral_owner != node.owner.value)) {
      differences.push_back(path + " has another content");
    }
  }
  static const size_t kSystemNodes = DataTree(DataTreeOptions{}).nodes().size();
  if (tree.nodes().size() != existing + kSystemNodes) {
    differences.push_back(
        Text("there are ", tree.nodes().size() - kSystemNodes, " znodes instead of ", existing));
  }
  std::set<SessionId> sessions;
  for (const auto& [session, timeout_ms] : tree.sessions()) sessions.insert(session);
  if (sessions != live_) differences.emplace_back("other sessions live");
  return differences;
}

}  // namespace lockkeeper::simulation
