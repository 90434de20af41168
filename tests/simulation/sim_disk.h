// The disk of a simulated member: a base (checkpoint or snapshot), a log behind it, the epochs.
// What is not synced may be lost in a crash; everything else survives.
#ifndef LOCKKEEPER_TESTS_SIMULATION_SIM_DISK_H_
#define LOCKKEEPER_TESTS_SIMULATION_SIM_DISK_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/types.h"
#include "tests/simulation/dice.h"
#include "tests/simulation/sim_state.h"
#include "zab/log_entry.h"

namespace lockkeeper::simulation {

class SimDisk {
 public:
  void Append(const LogEntry& entry) { log_.push_back(entry); }
  Zxid LastLogged() const { return log_.empty() ? base_.zxid : log_.back().zxid; }
  size_t unsynced() const { return log_.size() - synced_; }
  // Records up to `upto` are durable from here on.
  void Synced(Zxid upto) {
    while (synced_ < log_.size() && log_[synced_].zxid <= upto) ++synced_;
  }

  // Some of what was not synced may have reached the disk all the same, from the front.
  void Crash(Dice* dice) {
    log_.resize(synced_ + dice->Below(unsynced() + 1));
    synced_ = log_.size();
  }

  // False: there is no state that ends at `upto`.
  bool Truncate(Zxid upto) {
    if (upto < base_.zxid) return false;
    while (!log_.empty() && log_.back().zxid > upto) log_.pop_back();
    synced_ = std::min(synced_, log_.size());
    return Load().zxid == upto;
  }
  // A snapshot of somebody else: no record that stands here now is replayed again.
  void InstallBase(const SimState& state) {
    base_ = state;
    log_.clear();
    synced_ = 0;
  }
  // A checkpoint of one's own state; the log is kept where it goes on behind it.
  void Checkpoint(const SimState& state) {
    size_t covered = 0;
    while (covered < log_.size() && log_[covered].zxid <= state.LastEntry()) ++covered;
    log_.erase(log_.begin(), log_.begin() + static_cast<std::ptrdiff_t>(covered));
    synced_ -= std::min(synced_, covered);
    base_ = state;
    base_.zxid = state.LastEntry();
  }
  SimState Load() const {
    SimState state = base_;
    for (const LogEntry& entry : log_) state.Apply(entry);
    return state;
  }
  const std::vector<LogEntry>& log() const { return log_; }

  int64_t accepted_epoch = 0;
  int64_t current_epoch = 0;

 private:
  SimState base_;
  std::vector<LogEntry> log_;
  size_t synced_ = 0;
};

}  // namespace lockkeeper::simulation

#endif  // LOCKKEEPER_TESTS_SIMULATION_SIM_DISK_H_
