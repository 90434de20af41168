#include "server/admin/metrics.h"

#include <iterator>

#include "server/admin/java_text.h"

namespace lockkeeper {
namespace {

// Turns gauges into lines; one function for each kind of field.
struct GaugeLines {
  std::vector<MetricLine>& out;

  void operator()(const char* name, int64_t value) const { out.push_back({name, value}); }
  void operator()(const char* name, double value) const { out.push_back({name, value}); }
  void operator()(const char* name, const std::optional<int64_t>& value) const {
    if (value) out.push_back({name, *value});
  }
  void operator()(const char* name, const KeyedGauges& set) const {
    for (const auto& [key, value] : set) out.push_back({key + "_" + name, value});
  }
};

}  // namespace

std::vector<MetricLine> Metrics::Collect(const GaugeValues& gauges) const {
  std::vector<MetricLine> lines;
  gauges.Fields(GaugeLines{lines});
  std::vector<MetricLine> recorded = registry_.Lines();
  lines.insert(lines.end(), std::make_move_iterator(recorded.begin()),
               std::make_move_iterator(recorded.end()));
  return lines;
}

std::string MetricValueText(const MetricLine& line) {
  const auto* whole = std::get_if<int64_t>(&line.value);
  return whole != nullptr ? std::to_string(*whole) : JavaDouble(std::get<double>(line.value));
}

}  // namespace lockkeeper
