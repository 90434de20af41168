// One line of JSON on stdout, flushed: who runs the tool reads the servers' counters when it comes.
#ifndef LOCKKEEPER_BENCH_LOAD_JSON_LINE_H_
#define LOCKKEEPER_BENCH_LOAD_JSON_LINE_H_

#include <concepts>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string_view>

#include "bench/load/histogram.h"

namespace lockkeeper::load {

class JsonLine {
 public:
  explicit JsonLine(std::string_view phase) {
    out_ << std::fixed << std::setprecision(3) << R"({"phase": ")" << phase << '"';
  }
  template <class Number>
  requires std::integral<Number> || std::floating_point<Number> JsonLine& Add(std::string_view name,
                                                                              Number value) {
    out_ << R"(, ")" << name << R"(": )" << value;
    return *this;
  }
  // NAME_p50_us, NAME_p99_us and NAME_max_us of nanoseconds.
  JsonLine& Add(std::string_view name, const Histogram& ns) {
    const auto us = [](uint64_t value) { return static_cast<double>(value) / 1000; };
    const std::string prefix(name);
    Add(prefix + "_p50_us", us(ns.ValueAt(0.5))).Add(prefix + "_p99_us", us(ns.ValueAt(0.99)));
    return Add(prefix + "_max_us", us(ns.max()));
  }
  void Print() { std::cout << out_.str() << "}" << std::endl; }

 private:
  std::ostringstream out_;
};

}  // namespace lockkeeper::load

#endif  // LOCKKEEPER_BENCH_LOAD_JSON_LINE_H_
