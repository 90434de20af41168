#include "server/config/config.h"

#include <algorithm>
#include <limits>

#include "server/config/config_keys.h"
#include "server/config/config_value.h"

namespace lockkeeper {

bool Config::AllowsFourLetterWord(std::string_view word) const {
  if (word == "srvr" || (word == "isro" && read_only_mode_enabled)) return true;
  return std::ranges::any_of(four_letter_words, [&](const std::string& allowed) {
    return allowed == "*" || allowed == word;
  });
}

int32_t Config::DecodedBytesMax() const {
  const int64_t sum = int64_t{jute_maxbuffer} + jute_extrasize;
  return static_cast<int32_t>(std::min<int64_t>(sum, std::numeric_limits<int32_t>::max()));
}

// One core stays for the core's thread and the log's; on two cores a second I/O thread would
// displace them and its own clients (measured: docs/performance.md).
int Config::IoThreads(unsigned cores) const {
  return io_threads > 0 ? io_threads : static_cast<int>(std::clamp(cores, 2u, 9u)) - 1;
}

std::vector<std::string> Config::Describe() const {
  std::vector<std::string> lines;
  for (const ConfigKey& key : ConfigKeys()) {
    if (std::holds_alternative<std::monostate>(key.field)) continue;
    lines.push_back(std::string(key.name) + " = " + ShownValue(key.name, FormatValue(key, *this)));
  }
  for (const auto& [id, member] : membership.members) {
    lines.push_back("server." + std::to_string(id.value) + " = " + CanonicalText(member));
  }
  if (myid) lines.push_back("myid = " + std::to_string(myid->value));
  return lines;
}

}  // namespace lockkeeper
