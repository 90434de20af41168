// What must hold in every run (quorum-protocol 10.1), judged from outside: one canonical history
// is built from what members deliver, and everything else is compared with it.
#ifndef LOCKKEEPER_TESTS_SIMULATION_CHECKER_H_
#define LOCKKEEPER_TESTS_SIMULATION_CHECKER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "protocol/quorum_packet.h"
#include "protocol/types.h"
#include "tests/simulation/faults.h"
#include "tests/simulation/sim_disk.h"
#include "tests/simulation/sim_state.h"
#include "tests/simulation/tree_model.h"
#include "zab/log_entry.h"

namespace lockkeeper::simulation {

class Checker {
 public:
  explicit Checker(Sightings* sightings) : sightings_(*sightings) {}

  // ---- Servers.
  // `node` has been told that `entry`, behind `state`, is committed.
  void Delivered(PeerId node, const SimState& state, const LogEntry& entry);
  // Its tree at `zxid` has this digest.
  void Stands(PeerId node, Zxid zxid, uint64_t digest);
  // `node` leads `epoch` from here on: what it holds is committed, and nothing else ever was.
  void Leads(PeerId node, int64_t epoch, const SimState& state);
  // `node` serves clients: it holds a part of the canonical history and all of its beginning.
  void Serves(PeerId node, const SimState& state);
  // Somebody has written it to a log; it need not ever be committed.
  void Logged(const LogEntry& entry);
  // `node` has just been started from this disk.
  void Started(PeerId node, const SimDisk& disk);
  // The ensemble has been healed and is quiet.
  void Healed(PeerId node, const SimState& state, const DataTree& tree);
  // It does not serve although nothing stands in its way.
  void Stalled(std::string how) { Say(std::move(how)); }

  // ---- Clients.
  // A client was told that its request was done, or refused, by this transaction.
  void Answered(SessionId session, int32_t xid, Zxid zxid, int32_t error);
  void Say(std::string what) { violations_.push_back(std::move(what)); }
  // Where a state that a client was shown must be: committed, or an epoch's beginning.
  bool IsCommitted(Zxid zxid) const { return CounterOf(zxid) == 0 || canonical_.contains(zxid); }
  int64_t newest_epoch() const { return leaders_.empty() ? 0 : leaders_.rbegin()->first; }
  Zxid newest_answer() const { return newest_answer_; }
  bool CloseWasProposed(SessionId session) const { return closing_.contains(session); }
  const TreeModel& model() const { return model_; }
  // Called with each transaction when it is committed for the first time.
  void OnCommit(std::function<void(const Understood&)> hear) { on_commit_ = std::move(hear); }

  const std::vector<std::string>& violations() const { return violations_; }
  size_t committed() const { return canonical_.size(); }
  size_t acknowledged() const { return acknowledged_; }

 private:
  void Commit(PeerId node, Zxid before, const LogEntry& entry);
  void TakeIn(const LogEntry& entry);
  bool IsPrefix(const SimState& state, Zxid upto) const;

  struct Committed {
    Zxid before;  // the entry that it follows
    SharedBytes payload;
    Understood understood;
  };
  std::map<Zxid, Committed> canonical_;
  std::map<Zxid, uint64_t> digests_;
  std::map<int64_t, PeerId> leaders_;
  std::set<SessionId> closing_;
  TreeModel model_;
  Zxid newest_answer_;
  size_t acknowledged_ = 0;
  std::vector<std::string> violations_;
  Sightings& sightings_;
  std::function<void(const Understood&)> on_commit_;
};

}  // namespace lockkeeper::simulation

#endif  // LOCKKEEPER_TESTS_SIMULATION_CHECKER_H_
