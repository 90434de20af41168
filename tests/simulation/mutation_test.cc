// The checker is only worth something if it finds bugs: each of these is planted and must be
// caught within 2,000 seeds. (A forgotten currentEpoch is not among them: the zxids of the log say
// as much, and an epoch without transactions leaves nothing that could be lost.)
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
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

constexpr int kCaught = 0;
constexpr int kNotCaught = 1;

int RunSeeds(PlantedBug bug) {
  Sightings sightings;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SimRun run(seed, bug, &sightings);
    const Verdict verdict = run.Run();
    if (verdict.violations.empty()) continue;
    std::cout << "seed " << seed << ": " << verdict.violations.front() << std::endl;
    return kCaught;
  }
  return kNotCaught;
}

// In a process of its own: the server's own checks may find the bug before the checker does, and
// end it.
TEST_P(Planted, BugIsCaught) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(RunSeeds(GetParam().bug));
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  const bool by_the_server = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
  const bool by_the_checker = WIFEXITED(status) && WEXITSTATUS(status) == kCaught;
  EXPECT_TRUE(by_the_checker || by_the_server)
      << "not caught in " << kSeeds << " seeds, status " << status;
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
