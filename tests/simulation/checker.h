// What must hold in every run (quorum-protocol 10.1), judged from outside: one canonical history
// is built from what members deliver, and everything else is compared with it.
#ifndef LOCKKEEPER_TESTS_SIMULATION_CHECKER_H_
#define LOCKKEEPER_TESTS_SIMULATION_CHECKER_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "protocol/quorum_packet.h"
#include "protocol/types.h"
#include "tests/simulation/sim_disk.h"
#include "tests/simulation/sim_state.h"
#include "zab/log_entry.h"

namespace lockkeeper::simulation {

class Checker {
 public:
  // `node` has been told that `entry`, behind `state`, is committed.
  void Delivered(PeerId node, const SimState& state, const LogEntry& entry);
  // `node` leads `epoch` from here on: what it holds is committed, and nothing else ever was.
  void Leads(PeerId node, int64_t epoch, const SimState& state);
  // `node` serves clients: it holds a part of the canonical history and all of its beginning.
  void Serves(PeerId node, const SimState& state);
  // A client was told that `payload` is done.
  void Acknowledged(const std::string& payload);
  // `node` has just been started from this disk.
  void Started(PeerId node, const SimDisk& disk);
  // The ensemble has been healed and is quiet.
  void Healed(PeerId node, const SimState& state);
  // It does not serve although nothing stands in its way.
  void Stalled(std::string how) { Say(std::move(how)); }

  const std::vector<std::string>& violations() const { return violations_; }
  size_t committed() const { return canonical_.size(); }
  size_t acknowledged() const { return acknowledged_.size(); }

 private:
  void Say(std::string what) { violations_.push_back(std::move(what)); }
  void Commit(PeerId node, Zxid before, const LogEntry& entry);
  bool IsPrefix(const SimState& state, Zxid upto) const;

  struct Committed {
    Zxid before;  // the entry that it follows
    SharedBytes payload;
  };
  std::map<Zxid, Committed> canonical_;
  std::map<int64_t, PeerId> leaders_;
  std::set<std::string> acknowledged_;
  std::vector<std::string> violations_;
};

}  // namespace lockkeeper::simulation

#endif  // LOCKKEEPER_TESTS_SIMULATION_CHECKER_H_
