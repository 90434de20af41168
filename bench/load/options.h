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

inline constexpr size_t kNameBytesLeast = 4;  // a letter and three digits

// What the tool does; each is described in its own header.
enum class Scenario : uint8_t { kRequests, kLocks, kFanout, kIdle, kStorm };

// Operations of one kind in a mix: those from the part before up to this share of all.
struct MixPart {
  OpCode op;
  double upto;
};

enum class KeyChoice : uint8_t {
  kUniform,
  kHot,  // nine of ten operations go to the first hundredth of the keys
};

struct LoadOptions {
  Scenario scenario = Scenario::kRequests;
  struct Server {
    std::string host;
    std::string port;
  };
  std::vector<Server> servers{{"127.0.0.1", "2181"}};  // connections go to them in turn
  int connections = 8;
  int threads = 1;
  int in_flight = 16;  // requests of one connection that wait for their replies
  std::string operation = "get";
  std::vector<MixPart> mix{{OpCode::kGetData, 1}};
  int multi_operations = 10;  // of kMulti, each a kSetData
  double rate = 0;            // operations a second of all threads; 0: closed loop
  uint64_t nodes = 100'000;
  uint64_t depth = 0;                   // levels between /load and the parents
  size_t name_bytes = kNameBytesLeast;  // of a znode's name
  size_t data_bytes = 100;
  double seconds = 10;
  double warmup_seconds = 2;
  KeyChoice keys = KeyChoice::kUniform;
  bool prepare = false;
  bool clean = false;
  uint64_t seed = 1;
  int session_timeout_ms = 30'000;
  int locks = 10;   // kLocks
  int rounds = 20;  // kFanout

  uint64_t parents() const { return (nodes + kNodesPerParent - 1) / kNodesPerParent; }
};

std::string UsageText();
// kBadConfig: an option that does not exist or has no such value.
Result<LoadOptions> ParseOptions(int argc, const char* const* argv);

}  // namespace lockkeeper::load

#endif  // LOCKKEEPER_BENCH_LOAD_OPTIONS_H_
