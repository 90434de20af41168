// Seeded runs of whole ensembles (quorum-protocol 10.1, QP-10.1). scripts/simulate runs more of
// them and replays one.
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

TEST(Simulation, ManySeedsKeepEveryInvariant) {
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
  for (const char* rare : {"SNAP", "snapshot cut off", "TRUNC done", "TRUNC of several entries",
                           "DIFF from log files", "DIFF from log files impossible",
                           "the same epoch again", "start with a log of a later epoch",
                           "uncommitted tail before an election", "zxids of an epoch used up"}) {
    EXPECT_GT(sightings[rare], 0) << rare;
  }
}

}  // namespace
}  // namespace lockkeeper::simulation
