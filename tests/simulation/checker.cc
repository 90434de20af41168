#include "tests/simulation/checker.h"

#include <algorithm>

#include "protocol/error_code.h"
#include "protocol/txn.h"
#include "zab/text.h"

namespace lockkeeper::simulation {

using zab::Text;

namespace {

bool Same(const SharedBytes& a, const SharedBytes& b) { return a == b || *a == *b; }

}  // namespace

// What it does is judged against the history before it.
void Checker::TakeIn(const LogEntry& entry) {
  std::vector<std::string> complaints;
  const Understood understood = model_.Apply(entry.zxid, *entry.payload, &complaints);
  for (std::string& complaint : complaints) Say(std::move(complaint));
  canonical_.at(entry.zxid).understood = understood;
  if (understood.error == static_cast<int32_t>(ErrorCode::kSessionMoved)) {
    ++sightings_["refused: session moved"];
  }
  if (understood.error == static_cast<int32_t>(ErrorCode::kSessionExpired)) {
    ++sightings_["refused: session expired"];
  }
  if (understood.type == OpCode::kCloseSession && understood.cxid == 0) {
    ++sightings_["session expired"];
  }
  if (on_commit_) on_commit_(understood);
}

void Checker::Stands(PeerId node, Zxid zxid, uint64_t digest) {
  const auto [found, is_new] = digests_.try_emplace(zxid, digest);
  if (!is_new && found->second != digest) {
    Say(Text("server ", node, " has another tree at ", zxid));
  }
}

void Checker::Logged(const LogEntry& entry) {
  const auto header = Decode<TxnHeader>(*entry.payload);
  if (header && header->type == static_cast<int32_t>(OpCode::kCloseSession)) {
    closing_.insert(SessionId{header->client_id});
  }
}

void Checker::Answered(SessionId session, int32_t xid, Zxid zxid, int32_t error) {
  const auto found = canonical_.find(zxid);
  if (found == canonical_.end()) {
    return Say(Text("session ", session, " is told that ", xid, " is done as ", zxid,
                    ", which is not committed"));
  }
  const Understood& told = found->second.understood;
  if (told.session != session || told.cxid != xid || told.error != error) {
    Say(Text("session ", session, " is told that its request ", xid, " is ", zxid, " (", error,
             "), but that is request ", told.cxid, " of ", told.session, " (", told.error, ")"));
  }
  newest_answer_ = std::max(newest_answer_, zxid);
  ++acknowledged_;
}

// Agreement and total order: one payload and one predecessor for each zxid.
void Checker::Commit(PeerId node, Zxid before, const LogEntry& entry) {
  const auto [found, is_new] =
      canonical_.try_emplace(entry.zxid, Committed{before, entry.payload, {}});
  if (is_new) {
    TakeIn(entry);
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
  if (!Same(found->second.payload, entry.payload)) {
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
    if (last == canonical_.end() || !Same(last->second.payload, state.history.back().payload)) {
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
        !Same(committed->second.payload, entry.payload)) {
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

// The vote of a member must never be higher than its promises allow (10.1, 9).
void Checker::Started(PeerId node, const SimDisk& disk) {
  if (disk.accepted_epoch < disk.current_epoch ||
      disk.accepted_epoch < EpochOf(disk.LastLogged())) {
    Say(Text("server ", node, " promised epoch ", disk.accepted_epoch, ", has epoch ",
             disk.current_epoch, " and a log to ", disk.LastLogged()));
  }
  for (size_t i = 1; i < disk.log().size(); ++i) {
    const auto found = canonical_.find(disk.log()[i].zxid);
    if (found != canonical_.end() && found->second.before != disk.log()[i - 1].zxid &&
        canonical_.contains(disk.log()[i - 1].zxid)) {
      Say(Text("the log of server ", node, " has a hole behind ", disk.log()[i - 1].zxid));
    }
  }
}

void Checker::Healed(PeerId node, const SimState& state, const DataTree& tree) {
  if (canonical_.empty()) return;
  if (!IsPrefix(state, canonical_.rbegin()->first)) {
    Say(Text("healed server ", node, " ends at ", state.LastEntry(), " instead of ",
             canonical_.rbegin()->first));
  }
  for (const std::string& difference : model_.Compare(tree)) {
    Say(Text("healed server ", node, ": ", difference));
  }
}

}  // namespace lockkeeper::simulation
