#include "bench/load/report.h"

#include <cstdint>
#include <iomanip>
#include <sstream>

namespace lockkeeper::load {
namespace {

double Microseconds(uint64_t ns) { return static_cast<double>(ns) / 1000; }

}  // namespace

std::string ReportLine(const LoadOptions& options, const std::string& phase,
                       const PhaseResult& result, double seconds, double cpu_seconds) {
  uint64_t errors = 0;
  for (const auto& [code, count] : result.errors) errors += count;
  std::ostringstream out;
  out << std::fixed << std::setprecision(1);
  out << R"({"phase": ")" << phase << R"(", "operation": ")" << options.operation
      << R"(", "connections": )" << options.connections << R"(, "threads": )" << options.threads
      << R"(, "inflight": )" << options.in_flight << R"(, "rate": )" << options.rate
      << R"(, "nodes": )" << options.nodes << R"(, "data": )" << options.data_bytes
      << R"(, "seconds": )" << seconds << R"(, "operations": )" << result.latency_ns.count()
      << R"(, "errors": )" << errors << R"(, "per_second": )"
      << static_cast<double>(result.completed) / seconds;
  const auto percentile = [&](const char* name, double quantile) {
    out << R"(, ")" << name << R"(": )" << Microseconds(result.latency_ns.ValueAt(quantile));
  };
  percentile("p50_us", 0.5);
  percentile("p90_us", 0.9);
  percentile("p99_us", 0.99);
  percentile("p999_us", 0.999);
  out << R"(, "max_us": )" << Microseconds(result.latency_ns.max()) << R"(, "errors_by_code": {)";
  const char* separator = "";
  for (const auto& [code, count] : result.errors) {
    out << separator << '"' << code << R"(": )" << count;
    separator = ", ";
  }
  out << R"(}, "max_us_of_each_second": [)";
  separator = "";
  for (const uint64_t ns : result.max_ns) {
    out << separator << Microseconds(ns);
    separator = ", ";
  }
  out << R"(], "cpu_seconds": )" << std::setprecision(2) << cpu_seconds << "}";
  return out.str();
}

}  // namespace lockkeeper::load
