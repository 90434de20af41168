// A random history of transactions, for tests of replay, checkpoints and snapshots.
#ifndef LOCKKEEPER_TESTS_DATATREE_RANDOM_HISTORY_H_
#define LOCKKEEPER_TESTS_DATATREE_RANDOM_HISTORY_H_

#include <string>
#include <vector>

#include "datatree/data_tree.h"
#include "tests/datatree/random_requests.h"
#include "tests/datatree/tree_test_util.h"

namespace lockkeeper {

inline constexpr size_t kHistoryTransactions = 1000;

inline DataTreeOptions HistoryOptions() {
  DataTreeOptions options;
  options.owner_rules.extended_types = true;
  return options;
}

// A random history in which no session id comes back after it was closed.
inline std::vector<std::string> RandomPayloads(uint64_t seed) {
  TestTree t({.tree = HistoryOptions()});
  RandomRequests requests(seed);
  std::vector<SessionId> sessions{SessionId{11}, SessionId{12}, SessionId{13}};
  std::vector<std::string> payloads;
  size_t changes = 0;
  const auto take = [&](std::string payload) {
    payloads.push_back(std::move(payload));
    t.ApplyAll();
    changes += t.changes.size();
  };
  for (SessionId session : sessions) take(t.PrepareOpen(session));
  while (payloads.size() < kHistoryTransactions) {
    if (requests.Below(25) == 0) {
      take(t.PrepareClose(sessions[0]));
      sessions.erase(sessions.begin());
      sessions.push_back(SessionId{sessions.back().value + 1});
      take(t.PrepareOpen(sessions.back()));
      continue;
    }
    t.session = sessions[requests.Below(3)];
    t.identities = {{"digest", "bob:hash"}};
    std::vector<std::string> known;
    std::vector<NodeId> stack{NodeStore::kRoot};
    while (!stack.empty()) {
      const NodeId node = stack.back();
      stack.pop_back();
      known.push_back(t.tree.nodes().PathOf(node));
      for (NodeId c = t.tree.nodes().FirstChild(node); c != kNoNode;
           c = t.tree.nodes().NextSibling(c)) {
        stack.push_back(c);
      }
    }
    const auto [op, request] = requests.Make(known);
    take(t.Prepare(op, request));
  }
  // About a fifth changes something; a history that closed its own ACLs would prove nothing.
  EXPECT_GT(changes, kHistoryTransactions / 8) << "too much is refused";
  return payloads;
}

}  // namespace lockkeeper

#endif  // LOCKKEEPER_TESTS_DATATREE_RANDOM_HISTORY_H_
