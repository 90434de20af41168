#include "bench/load/options.h"

#include <charconv>
#include <string_view>
#include <system_error>

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

bool SetOperation(std::string_view text, LoadOptions* options) {
  constexpr std::string_view kMixed = "mixed:";
  constexpr std::string_view kMulti = "multi:";
  options->operation = text;
  if (text.starts_with(kMixed)) {
    options->op = OpCode::kSetData;
    return Number(text.substr(kMixed.size()), 0.0, &options->read_share) &&
           options->read_share <= 1;
  }
  if (text.starts_with(kMulti)) {
    options->op = OpCode::kMulti;
    return Number(text.substr(kMulti.size()), 1, &options->multi_operations);
  }
  if (text == "create")
    options->op = OpCode::kCreate;
  else if (text == "set")
    options->op = OpCode::kSetData;
  else if (text == "get")
    options->op = OpCode::kGetData;
  else if (text == "exists")
    options->op = OpCode::kExists;
  else if (text == "children")
    options->op = OpCode::kGetChildren;
  else if (text == "sync")
    options->op = OpCode::kSync;
  else
    return false;
  return true;
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
  if (name == "--data") return Number(value, size_t{0}, &options->data_bytes);
  if (name == "--seconds") return Number(value, 0.0, &options->seconds);
  if (name == "--warmup") return Number(value, 0.0, &options->warmup_seconds);
  if (name == "--keys") return SetKeys(value, options);
  if (name == "--seed") return Number(value, uint64_t{0}, &options->seed);
  if (name == "--session-timeout") return Number(value, 1, &options->session_timeout_ms);
  return false;
}

}  // namespace

std::string UsageText() {
  return R"(usage: load [--prepare] [--OPTION VALUE]...
  --server HOST:PORT[,HOST:PORT]...    connections go to them in turn; default 127.0.0.1:2181
  --connections N           default 8, one session each
  --threads N               default 1
  --inflight K              requests of a connection that wait for replies, at most; default 16
  --operation create|set|get|exists|children|sync|mixed:R|multi:N
                            R: share of get beside set; N: set in each multi; default get
  --rate OPS                open loop, operations a second in all; without it: closed loop
  --nodes N                 the tree: /load/pNNN/nNNN, 1000 to a parent; default 100000
  --data BYTES              random data of create and set; default 100
  --keys uniform|hot        hot: nine of ten go to the first hundredth; default uniform
  --seconds S --warmup S    default 10 and 2; --seconds 0: only --prepare
  --session-timeout MS      default 30000
  --seed N                  default 1
  --prepare                 first makes the part of the tree that is not there
)";
}

Result<LoadOptions> ParseOptions(int argc, const char* const* argv) {
  LoadOptions options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--prepare") {
      options.prepare = true;
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
