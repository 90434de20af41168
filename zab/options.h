// What a member of an ensemble is told at its start.
#ifndef LOCKKEEPER_ZAB_OPTIONS_H_
#define LOCKKEEPER_ZAB_OPTIONS_H_

#include <cstdint>
#include <set>
#include <string>

#include "protocol/types.h"

namespace lockkeeper::zab {

// The membership as this layer needs it; addresses are the shell's.
struct EnsembleConfig {
  int64_t version = 0;
  std::string text;  // as notifications and NEWLEADER carry it
  std::set<PeerId> voters;
  std::set<PeerId> observers;

  bool IsMember(PeerId peer) const { return voters.contains(peer) || observers.contains(peer); }
};

// Names of the configuration keys beside the fields; times in ms.
struct PeerOptions {
  PeerId self;
  bool observer = false;  // listed as an observer
  EnsembleConfig config;
  int64_t tick_ms = 2000;                      // tickTime
  int64_t init_limit = 10;                     // initLimit, ticks
  int64_t sync_limit = 5;                      // syncLimit, ticks
  int64_t finalize_wait_ms = 200;              // fixed (quorum-protocol 1.6)
  int64_t min_notification_interval_ms = 200;  // fastleader.minNotificationInterval
  int64_t max_notification_interval_ms = 60'000;
  int64_t max_time_to_wait_for_epoch_ms = -1;  // leader.maxTimeToWaitForEpoch; -1: off
  int64_t observer_election_delay_ms = 200;    // observer.election.DelayMs
  size_t commit_log_count = 500;               // commitLogCount
  bool force_snapshot_sync = false;            // forceSnapshotSync
  bool sync_from_log_files = true;             // snapshotSizeFactor >= 0
  size_t max_concurrent_snap_syncs = 10;       // leader.maxConcurrentSnapSyncs
  size_t max_concurrent_diff_syncs = 100;      // leader.maxConcurrentDiffSyncs
  // What may wait for a learner that is not synchronized yet; looked at with the time limits.
  size_t held_bytes_max = size_t{512} << 20;
  // The last counter of an epoch that is proposed (quorum-protocol 5.1).
  uint32_t last_counter = 0xFFFF'FFFE;
  uint64_t seed = 0;  // of random delays before looking

  int64_t init_ms() const { return init_limit * tick_ms; }
  int64_t sync_ms() const { return sync_limit * tick_ms; }
};

}  // namespace lockkeeper::zab

#endif  // LOCKKEEPER_ZAB_OPTIONS_H_
