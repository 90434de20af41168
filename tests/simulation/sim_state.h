// The history of a simulated member beside its tree: what the checker compares, so that nothing can
// hide in the tree. It goes wherever the tree goes: into checkpoints, snapshots, across the
// network.
#ifndef LOCKKEEPER_TESTS_SIMULATION_SIM_STATE_H_
#define LOCKKEEPER_TESTS_SIMULATION_SIM_STATE_H_

#include <memory>
#include <string>
#include <vector>

#include "protocol/types.h"
#include "zab/log_entry.h"

namespace lockkeeper::simulation {

struct SimState {
  std::vector<LogEntry> history;

  Zxid LastEntry() const { return history.empty() ? Zxid{0} : history.back().zxid; }
};

// A tree as bytes (the stream behind a SNAP), at `zxid`, with its history.
struct Image {
  Zxid zxid;
  std::string bytes;
  SimState state;
};
using ImageRef = std::shared_ptr<const Image>;

}  // namespace lockkeeper::simulation

#endif  // LOCKKEEPER_TESTS_SIMULATION_SIM_STATE_H_
