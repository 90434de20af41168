// The disk of a simulated member: a base (checkpoint or snapshot), a log, the epochs. What is not
// synced may be lost in a crash; everything else survives.
#ifndef LOCKKEEPER_TESTS_SIMULATION_SIM_DISK_H_
#define LOCKKEEPER_TESTS_SIMULATION_SIM_DISK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "datatree/data_tree.h"
#include "protocol/types.h"
#include "tests/simulation/dice.h"
#include "tests/simulation/sim_state.h"
#include "zab/log_entry.h"

namespace lockkeeper::simulation {

std::unique_ptr<DataTree> NewTree();
// The tree with its history as an image.
ImageRef ImageOf(const DataTree& tree, const SimState& state);
// The tree of an image; null: the bytes are no snapshot.
std::unique_ptr<DataTree> TreeOf(const Image& image);

// What a start finds.
struct Loaded {
  std::unique_ptr<DataTree> tree;
  SimState state;
};

class SimDisk {
 public:
  SimDisk();

  void Append(const LogEntry& entry) { log_.push_back(entry); }
  Zxid LastLogged() const;
  size_t unsynced() const { return log_.size() - synced_; }
  // Records up to `upto` are durable from here on.
  void Synced(Zxid upto);
  // Some of what was not synced may have reached the disk all the same, from the front.
  void Crash(Dice* dice);
  // False: there is no state that ends at `upto`.
  bool Truncate(Zxid upto);
  // A snapshot of somebody else: no record that stands here now is replayed again.
  void Install(ImageRef image);
  // A checkpoint of one's own state. `purge`: records that it covers go.
  void Checkpoint(ImageRef image, bool purge);
  Loaded Load() const;
  // Null: no entry with this zxid.
  const LogEntry* Find(Zxid zxid) const;
  const std::vector<LogEntry>& log() const { return log_; }
  // Without the newest record.
  ImageRef OlderImage() const;

  int64_t accepted_epoch = 0;
  int64_t current_epoch = 0;

 private:
  Loaded LoadUpTo(size_t records) const;

  ImageRef base_;
  std::vector<LogEntry> log_;  // by zxid; some of it may be older than the base
  size_t synced_ = 0;
};

}  // namespace lockkeeper::simulation

#endif  // LOCKKEEPER_TESTS_SIMULATION_SIM_DISK_H_
