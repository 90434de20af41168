// The command line of the load tool.
#ifndef LOCKKEEPER_BENCH_LOAD_OPTIONS_H_
#define LOCKKEEPER_BENCH_LOAD_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "protocol/op_code.h"
#include "protocol/result.h"

namespace lockkeeper::load {

inline constexpr uint64_t kNodesPerParent = 1000;

enum class KeyChoice : uint8_t {
  kUniform,
  kHot,  // nine of ten operations go to the first hundredth of the keys
};

struct LoadOptions {
  struct Server {
    std::string host;
    std::string port;
  };
  std::vector<Server> servers{{"127.0.0.1", "2181"}};  // connections go to them in turn
  int connections = 8;
  int threads = 1;
  int in_flight = 16;  // requests of one connection that wait for their replies
  std::string operation = "get";
  OpCode op = OpCode::kGetData;  // of what is not a read share
  double read_share = 0;         // of kGetData, for mixed:R
  int multi_operations = 0;      // of kMulti, each a kSetData
  double rate = 0;               // operations a second of all threads; 0: closed loop
  uint64_t nodes = 100'000;
  size_t data_bytes = 100;
  double seconds = 10;
  double warmup_seconds = 2;
  KeyChoice keys = KeyChoice::kUniform;
  bool prepare = false;
  uint64_t seed = 1;
  int session_timeout_ms = 30'000;

  uint64_t parents() const { return (nodes + kNodesPerParent - 1) / kNodesPerParent; }
};

std::string UsageText();
// kBadConfig: an option that does not exist or has no such value.
Result<LoadOptions> ParseOptions(int argc, const char* const* argv);

}  // namespace lockkeeper::load

#endif  // LOCKKEEPER_BENCH_LOAD_OPTIONS_H_
