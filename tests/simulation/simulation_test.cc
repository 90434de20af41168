// Seeded runs of whole ensembles (quorum-protocol 10.1, QP-10.1). scripts/simulate runs more of
// them and replays one.
#include <glog/logging.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "tests/simulation/sim_run.h"

namespace lockkeeper::simulation {
namespace {

int64_t FromEnvironment(const char* name, int64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoll(text, nullptr, 10);
}

std::string Joined(const std::vector<std::string>& lines) {
  std::string text;
  for (size_t i = 0; i < lines.size() && i < 10; ++i) text += "  " + lines[i] + "\n";
  return text;
}

// What runs logs a lot, and every run is repeated exactly when somebody asks.
class Quiet : public ::testing::Environment {
 public:
  void SetUp() override { FLAGS_minloglevel = google::GLOG_FATAL; }
};
const auto* const kQuiet = ::testing::AddGlobalTestEnvironment(new Quiet);

struct Regression {
  uint64_t seed;
  const char* name;
};

class Mended : public ::testing::TestWithParam<Regression> {};

TEST_P(Mended, StaysMended) {
  Sightings sightings;
  SimRun run(GetParam().seed, PlantedBug::kNone, &sightings);
  const Verdict verdict = run.Run();
  EXPECT_TRUE(verdict.violations.empty()) << Joined(verdict.violations);
}

INSTANTIATE_TEST_SUITE_P(
    Simulation, Mended,
    ::testing::Values(
        // Pings of a new leader were answered with the zxid before its epoch,
        Regression{5, "ZxidOfASessionWentBackInANewEpoch"},
        // and after a truncation with one that was never committed.
        Regression{127, "ZxidThatWasNeverCommittedWasShown"},
        // A sync was answered behind a write that was proposed after it; nothing was answered then.
        Regression{29, "SyncBehindALaterWriteBlockedTheServer"},
        // A checkpoint was on disk before the log's entries that it holds.
        Regression{137, "CheckpointAheadOfTheLogLeftAHole"},
        // A session that expired before its creation was committed came back to life.
        Regression{9049, "ExpiredSessionCameBackWithItsCreation"},
        // A server that had promised a later epoch could not join until the next election.
        Regression{14147, "PromiseOfALaterEpochKeptAServerOut"},
        // A server whose log could not be cut elected one leader after another that could not lead.
        Regression{25155, "VotesOfAServerThatCannotFollowKeptLeadersApart"},
        Regression{32494, "VotesOfAServerThatCannotFollowKeptLeadersApartOfFive"}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(Simulation, OneSeed) {
  const int64_t seed = FromEnvironment("LOCKKEEPER_SEED", 1);
  const bool traced = FromEnvironment("LOCKKEEPER_TRACE", 0) != 0;
  Sightings sightings;
  std::function<void(const std::string&)> trace;
  if (traced) trace = [](const std::string& line) { std::cout << line << "\n"; };
  SimRun run(static_cast<uint64_t>(seed), PlantedBug::kNone, &sightings, trace);
  const Verdict verdict = run.Run();
  EXPECT_TRUE(verdict.violations.empty()) << Joined(verdict.violations);
}

TEST(Simulation, ManySeedsKeepEveryInvariant) {  // QP-10.1
  const int64_t first = FromEnvironment("LOCKKEEPER_FIRST_SEED", 1);
  const int64_t count = FromEnvironment("LOCKKEEPER_SEEDS", 2000);
  Sightings sightings;
  size_t committed = 0;
  size_t acknowledged = 0;
  for (int64_t seed = first; seed < first + count; ++seed) {
    SimRun run(static_cast<uint64_t>(seed), PlantedBug::kNone, &sightings);
    const Verdict verdict = run.Run();
    committed += verdict.committed;
    acknowledged += verdict.acknowledged;
    EXPECT_TRUE(verdict.violations.empty()) << "replay with LOCKKEEPER_SEED=" << seed << "\n"
                                            << Joined(verdict.violations);
  }
  std::cout << count << " seeds: " << committed << " transactions committed, " << acknowledged
            << " acknowledged\n";
  for (const auto& [what, times] : sightings) std::cout << "  " << what << ": " << times << "\n";
  EXPECT_GT(acknowledged, 0u);
  if (count < 2000) return;
  // A campaign that never gets there proves nothing.
  for (const char* rare : {"SNAP",
                           "SNAP under load",
                           "snapshot installed",
                           "snapshot cut off",
                           "TRUNC done",
                           "TRUNC of several entries",
                           "DIFF from log files",
                           "DIFF from log files impossible",
                           "the same epoch again",
                           "start with a log of a later epoch",
                           "applied before it serves",
                           "zxids of an epoch used up",
                           "leader crashed between two steps",
                           "checkpoint given up",
                           "session move",
                           "session expired",
                           "session overdue at an election",
                           "refused: session moved",
                           "refused: session expired",

                           "connection left with requests on it",
                           "watch fired",
                           "watch fired by setWatches",
                           "watches set again",
                           "multi done",
                           "multi refused",
                           "compare-and-set refused"}) {
    EXPECT_GT(sightings[rare], 0) << rare;
  }
}

}  // namespace
}  // namespace lockkeeper::simulation
