// One simulated run: an ensemble, its clients, its faults, and at the end a healed network in which
// it must serve again. Everything follows from the seed.
#ifndef LOCKKEEPER_TESTS_SIMULATION_SIM_RUN_H_
#define LOCKKEEPER_TESTS_SIMULATION_SIM_RUN_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/config/config.h"
#include "tests/simulation/checker.h"
#include "tests/simulation/client_network.h"
#include "tests/simulation/dice.h"
#include "tests/simulation/events.h"
#include "tests/simulation/faults.h"
#include "tests/simulation/sim_client.h"
#include "tests/simulation/sim_network.h"
#include "tests/simulation/sim_server.h"

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
  void BuildServers();
  void BuildClients();
  void PlanFaults(int64_t until);
  void OneFault();
  void OneClientFault();
  void CutSomething();
  void Heal();
  void CheckLiveness();
  bool AllServe() const;
  bool AllWrote() const;
  void CheckQuiet();
  Surroundings Around();
  void HearElection();
  void HearCommit(const Understood& what);
  SimServer* Any() { return servers_[dice_.Below(servers_.size())].get(); }

  Dice dice_;
  Events events_;
  FaultPlan plan_;
  Config config_;
  Checker checker_;
  SimNetwork network_;
  ClientNetwork client_network_;
  const PlantedBug bug_;
  Sightings* const sightings_;
  const std::function<void(const std::string&)> trace_;
  std::vector<std::unique_ptr<SimServer>> servers_;
  std::vector<std::unique_ptr<SimClient>> clients_;
  int64_t voters_ = 0;
  int64_t observers_ = 0;
  int64_t fault_ms_ = 0;
  bool healthy_ = false;  // healed, and everybody serves
};

}  // namespace lockkeeper::simulation

#endif  // LOCKKEEPER_TESTS_SIMULATION_SIM_RUN_H_
