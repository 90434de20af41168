// Load from many sessions on a server that speaks ZooKeeper's client protocol; see options.cc.
// Exit codes: 0; 1 after any error, also one that a server answered; 2 for bad arguments.
#include <iostream>

#include "bench/load/options.h"
#include "bench/load/scenarios.h"

namespace lockkeeper::load {
namespace {

Status Run(const LoadOptions& options) {
  switch (options.scenario) {
    case Scenario::kRequests:
      return RunRequests(options);
    case Scenario::kLocks:
      return RunLocks(options);
    case Scenario::kFanout:
      return RunFanout(options);
    case Scenario::kIdle:
      return RunIdle(options);
    case Scenario::kStorm:
      return RunStorm(options);
  }
  return Error{Errc::kBadConfig, "no such scenario"};
}

int Main(int argc, const char* const* argv) {
  const Result<LoadOptions> options = ParseOptions(argc, argv);
  if (!options) {
    std::cerr << options.error().message << "\n" << UsageText();
    return 2;
  }
  const Status done = Run(*options);
  if (!done) std::cerr << "load: " << done.error().message << "\n";
  return done ? 0 : 1;
}

}  // namespace
}  // namespace lockkeeper::load

int main(int argc, char** argv) { return lockkeeper::load::Main(argc, argv); }
