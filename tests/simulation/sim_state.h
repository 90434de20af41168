// The replicated state of a simulated member: the history itself, so that nothing can hide in it.
#ifndef LOCKKEEPER_TESTS_SIMULATION_SIM_STATE_H_
#define LOCKKEEPER_TESTS_SIMULATION_SIM_STATE_H_

#include <vector>

#include "protocol/types.h"
#include "zab/log_entry.h"

namespace lockkeeper::simulation {

struct SimState {
  Zxid zxid;  // the newest entry, or the beginning of an epoch
  std::vector<LogEntry> history;

  Zxid LastEntry() const { return history.empty() ? Zxid{0} : history.back().zxid; }
  void Apply(const LogEntry& entry) {
    history.push_back(entry);
    zxid = entry.zxid;
  }
};

}  // namespace lockkeeper::simulation

#endif  // LOCKKEEPER_TESTS_SIMULATION_SIM_STATE_H_
