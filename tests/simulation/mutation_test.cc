// The checker is only worth something if it finds bugs: each of these is planted and must be
// caught within 2,000 seeds. (A forgotten currentEpoch is not among them: the zxids of the log say
// as much, and an epoch without transactions leaves nothing that could be lost.)
#include <gtest/gtest.h>

#include <iostream>
#include <string>

#include "tests/simulation/sim_run.h"

namespace lockkeeper::simulation {
namespace {

constexpr uint64_t kSeeds = 2000;

struct Mutation {
  PlantedBug bug;
  const char* name;
};

class Planted : public ::testing::TestWithParam<Mutation> {};

TEST_P(Planted, BugIsCaught) {
  Sightings sightings;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SimRun run(seed, GetParam().bug, &sightings);
    const Verdict verdict = run.Run();
    if (verdict.violations.empty()) continue;
    std::cout << "seed " << seed << ": " << verdict.violations.front() << "\n";
    return;
  }
  FAIL() << "not caught in " << kSeeds << " seeds";
}

INSTANTIATE_TEST_SUITE_P(
    Simulation, Planted,
    ::testing::Values(Mutation{PlantedBug::kAcknowledgeBeforeSync, "AcknowledgeBeforeSync"},
                      Mutation{PlantedBug::kSkipTruncate, "SkipTruncate"},
                      Mutation{PlantedBug::kForgetAcceptedEpoch, "ForgetAcceptedEpoch"},
                      Mutation{PlantedBug::kEpochBeforeLog, "EpochBeforeLog"},
                      Mutation{PlantedBug::kKeepOldLogAfterSnapshot, "KeepOldLogAfterSnapshot"},
                      Mutation{PlantedBug::kDifferentVoters, "DifferentVoters"},
                      Mutation{PlantedBug::kCommitBeforeQuorum, "CommitBeforeQuorum"},
                      Mutation{PlantedBug::kNewLeaderBeforeSync, "NewLeaderBeforeSync"},
                      Mutation{PlantedBug::kSnapshotIsOlder, "SnapshotIsOlder"},
                      Mutation{PlantedBug::kStaleRead, "StaleRead"},
                      Mutation{PlantedBug::kEphemeralLeftBehind, "EphemeralLeftBehind"},
                      Mutation{PlantedBug::kWatchLostAtSliceBorder, "WatchLostAtSliceBorder"},
                      Mutation{PlantedBug::kSessionWithoutRevalidation,
                               "SessionWithoutRevalidation"},
                      Mutation{PlantedBug::kNoRefusalAfterMove, "NoRefusalAfterMove"},
                      Mutation{PlantedBug::kNeverExpires, "NeverExpires"},
                      Mutation{PlantedBug::kReplyBeforeCommit, "ReplyBeforeCommit"}),
    [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace lockkeeper::simulation
