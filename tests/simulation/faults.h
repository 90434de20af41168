// What goes wrong in a simulated run, and what was seen of it.
#ifndef LOCKKEEPER_TESTS_SIMULATION_FAULTS_H_
#define LOCKKEEPER_TESTS_SIMULATION_FAULTS_H_

#include <cstdint>
#include <map>
#include <string>

namespace lockkeeper::simulation {

// Bugs that are planted on purpose: the checker must find each of them (see mutation_test.cc).
enum class PlantedBug : uint8_t {
  kNone,
  kAcknowledgeBeforeSync,    // the log says "durable" before it is
  kSkipTruncate,             // TRUNC is answered, but nothing is removed
  kForgetAcceptedEpoch,      // acceptedEpoch does not reach the disk
  kEpochBeforeLog,           // a log that is half received counts as the whole epoch's
  kKeepOldLogAfterSnapshot,  // records from before a snapshot are replayed behind it
  kDifferentVoters,          // members do not agree on who votes
  kCommitBeforeQuorum,       // COMMIT goes out right behind its PROPOSAL
  kNewLeaderBeforeSync,      // NEWLEADER goes out before what the learner lacks (P9)
  kSnapshotIsOlder,          // the snapshot that is sent lacks its newest entry
  // In the server around the broadcast:
  kStaleRead,                   // a follower reads from a state that stands still
  kEphemeralLeftBehind,         // a follower keeps an ephemeral of a closed session
  kWatchLostAtSliceBorder,      // the last transaction of a slice fires no watch
  kSessionWithoutRevalidation,  // a follower takes a session without its leader's word
  kNoRefusalAfterMove,          // a leader takes requests of a session from whoever sends them
  kNeverExpires,                // sessions of silent clients live for ever
  kReplyBeforeCommit,           // a follower takes its client's PROPOSAL for the COMMIT
};

// Numbers for one run, drawn from its seed.
struct FaultPlan {
  int64_t max_delay_ms = 20;       // of a packet
  int64_t max_sync_ms = 10;        // of a sync of the log
  int64_t mean_fault_ms = 1500;    // between two faults
  int64_t client_ms = 50;          // between two looks of a client
  int64_t clock_skew_percent = 0;  // members' clocks run at different speeds
  uint64_t checkpoint_dirty_bytes = 20'000;
  bool crashes = true;
  bool partitions = true;
  bool pauses = true;
};

// How often something worth reaching was reached, over many runs.
using Sightings = std::map<std::string, int64_t>;

}  // namespace lockkeeper::simulation

#endif  // LOCKKEEPER_TESTS_SIMULATION_FAULTS_H_
