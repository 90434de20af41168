// One simulated run: an ensemble, its clients, its faults, and at the end a healed network in which
// it must serve again. Everything follows from the seed.
#ifndef LOCKKEEPER_TESTS_SIMULATION_SIM_RUN_H_
#define LOCKKEEPER_TESTS_SIMULATION_SIM_RUN_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/simulation/checker.h"
#include "tests/simulation/dice.h"
#include "tests/simulation/events.h"
#include "tests/simulation/faults.h"
#include "tests/simulation/sim_member.h"
#include "tests/simulation/sim_network.h"

namespace lockkeeper::simulation {

struct Verdict {
  std::vector<std::string> violations;
  size_t committed = 0;
  size_t acknowledged = 0;
};

class SimRun {
 public:
  SimRun(uint64_t seed, PlantedBug bug, Sightings* sightings,
         std::function<void(const std::string&)> trace = {});

  Verdict Run();

 private:
  void Draw();
  void BuildMembers();
  void PlanWrites(int64_t until);
  void PlanFaults(int64_t until);
  void OneFault();
  void CutSomething();
  void Heal();
  void CheckLiveness();
  SimMember* Any() { return members_[dice_.Below(members_.size())].get(); }
  bool AllServe() const;

  Dice dice_;
  Events events_;
  FaultPlan plan_;
  Checker checker_;
  SimNetwork network_;
  const PlantedBug bug_;
  Sightings* const sightings_;
  const std::function<void(const std::string&)> trace_;
  std::vector<std::unique_ptr<SimMember>> members_;
  int64_t voters_ = 0;
  int64_t observers_ = 0;
  int64_t fault_ms_ = 0;
  int64_t write_ms_ = 0;
  int64_t next_write_ = 0;
};

}  // namespace lockkeeper::simulation

#endif  // LOCKKEEPER_TESTS_SIMULATION_SIM_RUN_H_
