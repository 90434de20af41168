// Load from many sessions on a server that speaks ZooKeeper's client protocol; see options.cc.
// Exit codes: 0; 1 after any error, also one that a server answered; 2 for bad arguments.
#include <sys/resource.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "bench/load/options.h"
#include "bench/load/report.h"
#include "bench/load/worker.h"
#include "bench/load/workload.h"
#include "protocol/error_code.h"

namespace lockkeeper::load {
namespace {

using boost::asio::ip::tcp;

Result<std::vector<tcp::endpoint>> Resolve(const LoadOptions& options) {
  boost::asio::io_context io;
  std::vector<tcp::endpoint> endpoints;
  for (const auto& [host, port] : options.servers) {
    boost::system::error_code ec;
    const auto found = tcp::resolver(io).resolve(host, port, ec);
    if (ec || found.empty()) return Error{Errc::kBadConfig, host + ": " + ec.message()};
    endpoints.push_back(found.begin()->endpoint());
  }
  return endpoints;
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Clock::duration Seconds(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

class LoadRun {
 public:
  explicit LoadRun(const LoadOptions& options) : options_(options) {
    for (int i = 0; i < options.threads; ++i) {
      const int connections = (options.connections + i) / options.threads;
      workers_.push_back(std::make_unique<Worker>(options_, connections, options.seed * 31 + i));
    }
  }

  // Everything that the options ask for; prints a line for each phase. False: a server answered
  // with errors.
  Result<bool> Run() {
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
    Status closed = OnEach([&](int i) { return workers_[i]->Close(); });
    if (!closed) return closed.error();
    return good;
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
      Result<PhaseResult> result = workers_[i]->Run(source.get(), rules);
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
    // Each level only when the one above is there.
    for (const auto& [kind, count] : {std::pair<Kind, uint64_t>{Kind::kRoot, 1},
                                      {Kind::kParent, options_.parents()},
                                      {Kind::kNode, options_.nodes}}) {
      const auto made = RunPhase(
          [&, kind = kind, count = count](int i) {
            return std::make_unique<TreeSource>(kind, i, options_.threads, count);
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
    const PhaseRules rules{.skip = Seconds(options_.warmup_seconds),
                           .window = Seconds(options_.seconds)};
    const double rate = options_.rate / options_.threads;
    const auto result =
        RunPhase([&](int i) { return std::make_unique<RandomSource>(options_, i, rate); }, rules);
    if (!result) return result.error();
    *good = result->errors.empty();
    std::cout << ReportLine(options_, "measure", *result, options_.seconds, CpuSeconds())
              << std::endl;
    return {};
  }

  const LoadOptions& options_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

int Main(int argc, const char* const* argv) {
  const Result<LoadOptions> options = ParseOptions(argc, argv);
  if (!options) {
    std::cerr << options.error().message << "\n" << UsageText();
    return 2;
  }
  const Result<bool> good = LoadRun(*options).Run();
  if (!good) {
    std::cerr << "load: " << good.error().message << "\n";
    return 1;
  }
  if (!*good) std::cerr << "load: the server answered with errors\n";
  return *good ? 0 : 1;
}

}  // namespace
}  // namespace lockkeeper::load

int main(int argc, char** argv) { return lockkeeper::load::Main(argc, argv); }
