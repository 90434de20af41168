// Requests of the kinds of a mix, from many sessions, in a closed or an open loop; first, where it
// is asked for, the tree on which they work.
#include <functional>
#include <iostream>
#include <memory>
#include <thread>
#include <vector>

#include "bench/load/clock.h"
#include "bench/load/json_line.h"
#include "bench/load/report.h"
#include "bench/load/resolve.h"
#include "bench/load/scenarios.h"
#include "bench/load/worker.h"
#include "bench/load/workload.h"
#include "protocol/error_code.h"

namespace lockkeeper::load {
namespace {

class LoadRun {
 public:
  explicit LoadRun(const LoadOptions& options) : options_(options) {
    for (int i = 0; i < options.threads; ++i) {
      const int connections = (options.connections + i) / options.threads;
      workers_.push_back(std::make_unique<Worker>(options_, connections, options.seed * 31 + i));
    }
  }

  // Everything that the options ask for; prints a line for each phase.
  Status Run() {
    const auto servers = Resolve(options_);
    if (!servers) return servers.error();
    Status connected = OnEach([&](int i) { return workers_[i]->Connect(*servers); });
    if (!connected) return connected.error();
    bool good = true;
    if (options_.prepare) {
      if (Status prepared = Prepare(&good); !prepared) return prepared.error();
    }
    if (good && options_.seconds > 0) {
      if (Status measured = Measure(&good); !measured) return measured.error();
    }
    if (good && options_.clean) {
      Status deleted = OnEach([&](int i) { return workers_[i]->DeleteMade(); });
      if (!deleted) return deleted;
    }
    if (Status closed = OnEach([&](int i) { return workers_[i]->Close(); }); !closed) return closed;
    if (!good) return Error{Errc::kIo, "the server answered with errors"};
    return {};
  }

 private:
  using MakeSource = std::function<std::unique_ptr<Source>(int worker)>;

  Status OnEach(const std::function<Status(int)>& call) {
    std::vector<Status> results(workers_.size());
    std::vector<std::thread> threads;
    for (size_t i = 0; i < workers_.size(); ++i) {
      threads.emplace_back([&, i] { results[i] = call(static_cast<int>(i)); });
    }
    for (std::thread& thread : threads) thread.join();
    for (Status& result : results) {
      if (!result) return result;
    }
    return {};
  }

  Result<PhaseResult> RunPhase(const MakeSource& make_source, const PhaseRules& rules) {
    std::vector<PhaseResult> results(workers_.size());
    Status ran = OnEach([&](int i) -> Status {
      const std::unique_ptr<Source> source = make_source(i);
      PhaseRules own = rules;
      if (i != 0) own.on_begin = nullptr;
      Result<PhaseResult> result = workers_[i]->Run(source.get(), own);
      if (!result) return result.error();
      results[i] = std::move(*result);
      return {};
    });
    if (!ran) return ran.error();
    PhaseResult all;
    for (const PhaseResult& result : results) all.Add(result);
    return all;
  }

  Status Prepare(bool* good) {
    const TimePoint start = Clock::now();
    PhaseResult all;
    const PhaseRules rules{.accepted_error = static_cast<int32_t>(ErrorCode::kNodeExists)};
    using Kind = Target::Kind;
    struct Part {
      Kind kind;
      uint64_t first;
      uint64_t end;
    };
    std::vector<Part> parts;
    for (uint64_t i = 0; i <= options_.depth; ++i) parts.push_back({Kind::kLevel, i, i + 1});
    parts.push_back({Kind::kParent, 0, options_.parents()});
    parts.push_back({Kind::kNode, 0, options_.nodes});
    // Each only when the one above is there.
    for (const Part& part : parts) {
      const auto made = RunPhase(
          [&](int i) {
            return std::make_unique<TreeSource>(part.kind, part.first + i, options_.threads,
                                                part.end);
          },
          rules);
      if (!made) return made.error();
      all.Add(*made);
    }
    const std::chrono::duration<double> took = Clock::now() - start;
    *good = all.errors.empty();
    std::cout << ReportLine(options_, "prepare", all, took.count(), CpuSeconds()) << std::endl;
    return {};
  }

  Status Measure(bool* good) {
    double cpu_at_begin = 0;
    const PhaseRules rules{.skip = Seconds(options_.warmup_seconds),
                           .window = Seconds(options_.seconds),
                           .on_begin = [&] {
                             cpu_at_begin = CpuSeconds();
                             JsonLine("begin").Print();
                           }};
    const double rate = options_.rate / options_.threads;
    const auto result =
        RunPhase([&](int i) { return std::make_unique<RandomSource>(options_, i, rate); }, rules);
    if (!result) return result.error();
    *good = result->errors.empty();
    std::cout << ReportLine(options_, "measure", *result, options_.seconds,
                            CpuSeconds() - cpu_at_begin)
              << std::endl;
    return {};
  }

  const LoadOptions& options_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace

Status RunRequests(const LoadOptions& options) { return LoadRun(options).Run(); }

}  // namespace lockkeeper::load
