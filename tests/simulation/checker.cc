#include "tests/simulation/checker.h"

#include <algorithm>

#include "zab/text.h"

namespace lockkeeper::simulation {

using zab::Text;

// Agreement and total order: one payload and one predecessor for each zxid.
void Checker::Commit(PeerId node, Zxid before, const LogEntry& entry) {
  const auto [found, is_new] = canonical_.try_emplace(entry.zxid, Committed{before, entry.payload});
  if (is_new) {
    const auto next = std::next(found);
    if (next != canonical_.end() && next->second.before >= entry.zxid) {
      Say(Text("server ", node, " commits ", entry.zxid, " late: ", next->first, " follows it"));
    } else if (next != canonical_.end()) {
      Say(Text("server ", node, " commits ", entry.zxid, ", but ", next->first, " follows ",
               next->second.before));
    }
    if (found != canonical_.begin() && std::prev(found)->first != before) {
      Say(Text("server ", node, " commits ", entry.zxid, " behind ", before, ", but ",
               std::prev(found)->first, " is committed"));
    }
    return;
  }
  if (*found->second.payload != *entry.payload) {
    Say(Text("server ", node, " commits another transaction as ", entry.zxid));
  }
  if (found->second.before != before) {
    Say(Text("server ", node, " commits ", entry.zxid, " behind ", before, " instead of ",
             found->second.before));
  }
}

void Checker::Delivered(PeerId node, const SimState& state, const LogEntry& entry) {
  // What lies further back is compared when the member begins to serve.
  if (!state.history.empty()) {
    const auto last = canonical_.find(state.LastEntry());
    if (last == canonical_.end() || *last->second.payload != *state.history.back().payload) {
      Say(Text("server ", node, " applies ", entry.zxid, " to what was never committed"));
    }
  }
  Commit(node, state.LastEntry(), entry);
}

void Checker::Leads(PeerId node, int64_t epoch, const SimState& state) {
  const auto [leader, is_new] = leaders_.try_emplace(epoch, node);
  if (!is_new) Say(Text("epoch ", epoch, " has two leaders: ", leader->second, " and ", node));
  if (EpochOf(state.LastEntry()) >= epoch) {
    Say(Text("server ", node, " begins epoch ", epoch, " behind ", state.LastEntry()));
  }
  Zxid before{0};
  for (const LogEntry& entry : state.history) {
    Commit(node, before, entry);
    before = entry.zxid;
  }
  if (!canonical_.empty() && EpochOf(canonical_.rbegin()->first) < epoch &&
      canonical_.rbegin()->first != before) {
    Say(Text("server ", node, " leads epoch ", epoch, " with ", before, " as its last, but ",
             canonical_.rbegin()->first, " is committed"));
  }
}

// Every committed entry up to `upto` is in the state, and nothing else.
bool Checker::IsPrefix(const SimState& state, Zxid upto) const {
  auto committed = canonical_.begin();
  for (const LogEntry& entry : state.history) {
    if (committed == canonical_.end() || committed->first != entry.zxid ||
        *committed->second.payload != *entry.payload) {
      return false;
    }
    ++committed;
  }
  return committed == canonical_.end() || committed->first > upto;
}

void Checker::Serves(PeerId node, const SimState& state) {
  if (!IsPrefix(state, state.LastEntry())) {
    Say(Text("server ", node, " serves at ", state.LastEntry(), " what was never committed"));
  }
}

void Checker::Acknowledged(const std::string& payload) { acknowledged_.insert(payload); }

// The vote of a member must never be higher than its promises allow (10.1, 9).
void Checker::Started(PeerId node, const SimDisk& disk) {
  if (disk.accepted_epoch < disk.current_epoch ||
      disk.accepted_epoch < EpochOf(disk.LastLogged())) {
    Say(Text("server ", node, " promised epoch ", disk.accepted_epoch, ", has epoch ",
             disk.current_epoch, " and a log to ", disk.LastLogged()));
  }
}

void Checker::Healed(PeerId node, const SimState& state) {
  if (canonical_.empty()) return;
  if (!IsPrefix(state, canonical_.rbegin()->first)) {
    Say(Text("healed server ", node, " ends at ", state.LastEntry(), " instead of ",
             canonical_.rbegin()->first));
  }
  std::set<std::string> held;
  for (const LogEntry& entry : state.history) held.insert(*entry.payload);
  for (const std::string& payload : acknowledged_) {
    if (!held.contains(payload)) Say(Text("server ", node, " has lost acknowledged ", payload));
  }
}

}  // namespace lockkeeper::simulation
