// What the load tool does, one function for each scenario. Each prints lines of JSON: "open" when
// its sessions are there (where it holds many), "begin" when what is measured begins, then what it
// measured. An error: a session failed, or the server answered what it must not.
#ifndef LOCKKEEPER_BENCH_LOAD_SCENARIOS_H_
#define LOCKKEEPER_BENCH_LOAD_SCENARIOS_H_

#include "bench/load/options.h"
#include "protocol/result.h"

namespace lockkeeper::load {

// Requests of the kinds of a mix (requests.cc).
Status RunRequests(const LoadOptions& options);
// The standard lock recipe, with mutual exclusion verified (locks.cc).
Status RunLocks(const LoadOptions& options);
// Many watch one znode (fanout.cc).
Status RunFanout(const LoadOptions& options);
// Sessions that only ping (idle.cc).
Status RunIdle(const LoadOptions& options);
// Sessions begun and ended (storm.cc).
Status RunStorm(const LoadOptions& options);

}  // namespace lockkeeper::load

#endif  // LOCKKEEPER_BENCH_LOAD_SCENARIOS_H_
