// What ends with the process of a simulated server, and what all of them share.
#ifndef LOCKKEEPER_TESTS_SIMULATION_SIM_PROCESS_H_
#define LOCKKEEPER_TESTS_SIMULATION_SIM_PROCESS_H_

#include <atomic>
#include <memory>
#include <utility>

#include "server/net/server_context.h"
#include "server/pipeline/core.h"
#include "tests/simulation/sim_desk.h"
#include "tests/simulation/sim_server.h"

namespace lockkeeper::simulation {

// Counted over everything that runs in this program.
Metrics& SharedMetrics();
const AuthSchemes& SharedAuthSchemes();

struct SimServer::Process {
  Process(const Config& config, std::unique_ptr<DataTree> tree)
      : slot{std::move(tree)},
        context{config,      AccessRules{}, SharedAuthSchemes(),
                slot,        gate,          inbox,
                outstanding, limiter,       SharedMetrics(),
                auth_failed, serving,       [](ConnectionRef, int32_t, const std::string&) {}} {}

  TreeSlot slot;
  ServingState serving{ServingRole::kNone};
  ReadGate gate{0};
  Inbox<CoreMessage> inbox;
  Outstanding outstanding;
  ConnectionLimiter limiter{0, 0};
  std::atomic<int64_t> auth_failed{0};
  const ServerContext context;
  std::unique_ptr<SimDesk> desk;
  std::unique_ptr<Core> core;
};

}  // namespace lockkeeper::simulation

#endif  // LOCKKEEPER_TESTS_SIMULATION_SIM_PROCESS_H_
