// What the load tool prints.
#ifndef LOCKKEEPER_BENCH_LOAD_REPORT_H_
#define LOCKKEEPER_BENCH_LOAD_REPORT_H_

#include <string>

#include "bench/load/options.h"
#include "bench/load/worker.h"

namespace lockkeeper::load {

// One line of JSON. Latencies in microseconds; `seconds`: of the window; `cpu_seconds`: what the
// tool itself used since the window began.
std::string ReportLine(const LoadOptions& options, const std::string& phase,
                       const PhaseResult& result, double seconds, double cpu_seconds);

}  // namespace lockkeeper::load

#endif  // LOCKKEEPER_BENCH_LOAD_REPORT_H_
