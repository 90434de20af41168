#include "bench/load/options.h"

#include <charconv>
#include <string_view>
#include <system_error>
#include <utility>

namespace lockkeeper::load {
namespace {

// All of `text` is a number, and not below `least`.
template <class T>
bool Number(std::string_view text, T least, T* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size() && *out >= least;
}

bool SetServers(std::string_view text, LoadOptions* options) {
  options->servers.clear();
  for (;;) {
    const size_t comma = text.find(',');
    const std::string_view one = text.substr(0, comma);
    const size_t colon = one.rfind(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == one.size()) return false;
    options->servers.push_back(
        {std::string(one.substr(0, colon)), std::string(one.substr(colon + 1))});
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

bool SetOpCode(std::string_view name, OpCode* op) {
  static constexpr std::pair<std::string_view, OpCode> kNames[] = {
      {"create", OpCode::kCreate},        {"delete", OpCode::kDelete}, {"set", OpCode::kSetData},
      {"get", OpCode::kGetData},          {"exists", OpCode::kExists}, {"multi", OpCode::kMulti},
      {"children", OpCode::kGetChildren}, {"sync", OpCode::kSync},
  };
  for (const auto& [known, code] : kNames) {
    if (name == known) return *op = code, true;
  }
  return false;
}

// NAME=SHARE,...; the shares need not come to 1.
bool SetMix(std::string_view text, LoadOptions* options) {
  options->mix.clear();
  double sum = 0;
  for (size_t end = 0; end != std::string_view::npos; text.remove_prefix(end + 1)) {
    end = text.find(',');
    const std::string_view part = text.substr(0, end);
    const size_t equals = part.find('=');
    if (equals == std::string_view::npos) return false;
    OpCode op{};
    double share = 0;
    if (!SetOpCode(part.substr(0, equals), &op)) return false;
    if (!Number(part.substr(equals + 1), 0.0, &share)) return false;
    options->mix.push_back({op, sum += share});
    if (end == std::string_view::npos) break;
  }
  for (MixPart& part : options->mix) part.upto /= sum;
  return sum > 0;
}

bool SetOperation(std::string_view text, LoadOptions* options) {
  constexpr std::string_view kMix = "mix:";
  constexpr std::string_view kMixed = "mixed:";
  constexpr std::string_view kMulti = "multi:";
  options->operation = text;
  if (text.starts_with(kMix)) return SetMix(text.substr(kMix.size()), options);
  if (text.starts_with(kMixed)) {
    double reads = 0;
    if (!Number(text.substr(kMixed.size()), 0.0, &reads) || reads > 1) return false;
    options->mix = {{OpCode::kGetData, reads}, {OpCode::kSetData, 1}};
    return true;
  }
  if (text.starts_with(kMulti)) {
    options->mix = {{OpCode::kMulti, 1}};
    return Number(text.substr(kMulti.size()), 1, &options->multi_operations);
  }
  options->mix = {{OpCode::kGetData, 1}};
  return SetOpCode(text, &options->mix.front().op);
}

bool SetScenario(std::string_view text, LoadOptions* options) {
  static constexpr std::pair<std::string_view, Scenario> kNames[] = {
      {"locks", Scenario::kLocks},
      {"fanout", Scenario::kFanout},
      {"idle", Scenario::kIdle},
      {"storm", Scenario::kStorm},
  };
  for (const auto& [known, scenario] : kNames) {
    if (text == known) return options->scenario = scenario, true;
  }
  return false;
}

bool SetKeys(std::string_view text, LoadOptions* options) {
  if (text != "uniform" && text != "hot") return false;
  options->keys = text == "hot" ? KeyChoice::kHot : KeyChoice::kUniform;
  return true;
}

bool SetOption(std::string_view name, std::string_view value, LoadOptions* options) {
  if (name == "--server") return SetServers(value, options);
  if (name == "--connections") return Number(value, 1, &options->connections);
  if (name == "--threads") return Number(value, 1, &options->threads);
  if (name == "--inflight") return Number(value, 1, &options->in_flight);
  if (name == "--operation") return SetOperation(value, options);
  if (name == "--rate") return Number(value, 0.0, &options->rate);
  if (name == "--nodes") return Number(value, uint64_t{1}, &options->nodes);
  if (name == "--depth") return Number(value, uint64_t{0}, &options->depth);
  if (name == "--name") return Number(value, kNameBytesLeast, &options->name_bytes);
  if (name == "--data") return Number(value, size_t{0}, &options->data_bytes);
  if (name == "--seconds") return Number(value, 0.0, &options->seconds);
  if (name == "--warmup") return Number(value, 0.0, &options->warmup_seconds);
  if (name == "--keys") return SetKeys(value, options);
  if (name == "--seed") return Number(value, uint64_t{0}, &options->seed);
  if (name == "--session-timeout") return Number(value, 1, &options->session_timeout_ms);
  if (name == "--locks") return Number(value, 1, &options->locks);
  if (name == "--rounds") return Number(value, 1, &options->rounds);
  return false;
}

}  // namespace

std::string UsageText() {
  return R"(usage: load [--prepare] [--clean] [--OPTION VALUE]...
       load locks|fanout|idle|storm [--OPTION VALUE]...
  --server HOST:PORT[,HOST:PORT]...    connections go to them in turn; default 127.0.0.1:2181
  --connections N           default 8, one session each
  --seconds S --warmup S    default 10 and 2; --seconds 0: only --prepare
  --session-timeout MS      default 30000
  --seed N                  default 1
requests:
  --threads N               default 1
  --inflight K              requests of a connection that wait for replies, at most; default 16
  --operation create|delete|set|get|exists|children|sync|mixed:R|multi:N|mix:NAME=SHARE[,...]
                            R: share of get beside set; N: sets in each multi; default get.
                            delete: each session's own znodes, which it creates in turn
  --rate OPS                open loop, operations a second in all; without it: closed loop
  --nodes N                 the tree: /load/pNNN/nNNN, 1000 to a parent; default 100000
  --depth N                 levels more between /load and pNNN; default 0
  --name BYTES              of each nNNN; default 4
  --data BYTES              random data of create and set; default 100
  --keys uniform|hot        hot: nine of ten go to the first hundredth; default uniform
  --prepare                 first makes the part of the tree that is not there
  --clean                   in the end deletes what create made
locks    each connection takes and gives back its lock for ever by the lock recipe; mutual
         exclusion is verified
  --locks N                 connection i contends for lock i modulo N; default 10
  --rate OPS                lock operations a second in all: a free connection begins each when it
                            is due; without it: closed loop
fanout   every connection watches one znode, one more sets it
  --rounds N                sets; default 20
idle     the sessions ping, each third of the timeout; the warm-up is no part of the time
storm    sessions begun and ended; --connections: at a time
)";
}

Result<LoadOptions> ParseOptions(int argc, const char* const* argv) {
  LoadOptions options;
  int i = 1;
  if (argc > 1 && SetScenario(argv[1], &options)) ++i;
  for (; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--prepare" || name == "--clean") {
      (name == "--prepare" ? options.prepare : options.clean) = true;
      continue;
    }
    const std::string_view value = i + 1 < argc ? argv[++i] : "";
    if (!SetOption(name, value, &options)) {
      return Error{Errc::kBadConfig,
                   std::string(name) + " " + std::string(value) + ": no such option or value"};
    }
  }
  if (options.threads > options.connections) {
    return Error{Errc::kBadConfig, "--threads: a thread needs at least one connection"};
  }
  return options;
}

}  // namespace lockkeeper::load
