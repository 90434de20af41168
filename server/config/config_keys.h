// The one list of configuration keys (storage-and-operations 4.3, 4.4). A row gives name, value
// grammar, default, bounds, unit, help and what becomes of the key; parsing, refusals, the
// start-up listing and the documentation all come from it. A new key is a new row (and a field
// in Config).
#ifndef LOCKKEEPER_SERVER_CONFIG_CONFIG_KEYS_H_
#define LOCKKEEPER_SERVER_CONFIG_CONFIG_KEYS_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/config/config.h"

namespace lockkeeper {

// Where the Java server takes the key from.
enum class KeyOrigin : uint8_t {
  kParser,        // its configuration parser: exactly this name in the file
  kProperty,      // the system property `zookeeper.<name>`; in its file without the prefix.
                  // Here with or without
  kBareProperty,  // the system property `<name>`, never its file. Here from the file, with or
                  // without the prefix `zookeeper.`
  kLockkeeper,    // not known to the Java server
};

// The grammar of the value; letters as in storage-and-operations 4.2.
enum class ValueKind : uint8_t {
  kStrictInt,      // P: decimal, anything else is refused
  kPort,           // P, 0..65535; 0: unset
  kStrictBool,     // B: true or false, anything else is refused
  kInt,            // I: decimal, hexadecimal or octal; malformed gives the default
  kDouble,         // as I
  kBool,           // b: `true` is true, everything else is false
  kYesNo,          // y: only the opposite of the default changes anything, by exactly that word
  kOnUnlessFalse,  // only the exact word `false` is false
  kText,
  kPath,
  kList,  // comma-separated, items trimmed, empty items dropped
};

// What a key does in this server.
enum class KeyEffect : uint8_t {
  kObeyed,
  kEnsemble,     // accepted: matters only in an ensemble
  kTls,          // accepted: matters only with TLS
  kSasl,         // accepted: matters only with SASL
  kAdminServer,  // accepted: belongs to the HTTP AdminServer
  kThrottle,     // accepted: tunes a throttle that is off
  kMetrics,      // accepted: belongs to the Prometheus provider
  kJavaOnly,     // accepted: tunes the Java server
  kSwitch,       // its neutral value is accepted, any other refused (column `refusal`)
};
// Why the key has no effect, for an operator; empty for kObeyed.
std::string_view EffectText(KeyEffect effect);

// Values that would change behaviour in a way that this server cannot give.
struct Refusal {
  enum class When : uint8_t { kNever, kNotEmpty, kTrue, kPositive };
  When when = When::kNever;
  std::string_view reason;
};
constexpr Refusal RefusedIf(Refusal::When when, std::string_view reason) { return {when, reason}; }

struct Bounds {
  enum class Below : uint8_t { kRefuse, kRaise };
  int64_t min = std::numeric_limits<int32_t>::min();
  int64_t max = std::numeric_limits<int32_t>::max();
  Below below = Below::kRefuse;  // kRaise: a smaller value becomes `min`, with a warning
};
inline constexpr Bounds kAnyInt64 = {std::numeric_limits<int64_t>::min(),
                                     std::numeric_limits<int64_t>::max(), Bounds::Below::kRefuse};
inline constexpr Bounds kAnyInt32;
constexpr Bounds AtLeast(int64_t min) { return {.min = min}; }
constexpr Bounds Between(int64_t min, int64_t max) { return {.min = min, .max = max}; }
constexpr Bounds RaisedTo(int64_t min) { return {.min = min, .below = Bounds::Below::kRaise}; }

using ConfigField =
    std::variant<std::monostate, bool Config::*, int32_t Config::*, int64_t Config::*,
                 double Config::*, std::optional<uint16_t> Config::*, std::string Config::*,
                 std::vector<std::string> Config::*>;

// In the order in which a row is read.
struct ConfigKey {        // NOLINT(clang-analyzer-optin.performance.Padding)
  std::string_view name;  // as in the file; "ssl.*": every key that starts with "ssl."
  KeyOrigin origin;
  ValueKind kind;
  std::string_view default_text;  // as it would be written; "": unset or derived, see `help`
  std::string_view unit;
  KeyEffect effect;
  ConfigField field;  // none: kept in Config::accepted, or read by the checks
  std::string_view help;
  Bounds bounds = {};
  Refusal refusal = {};

  bool IsPattern() const { return name.ends_with('*'); }
  // Passwords and hashes: never in a log, an error or a listing.
  bool IsSecret() const;
};

std::span<const ConfigKey> ConfigKeys();

// The row for a name as it stands in a file; nullptr: unknown. `plain_name` gets the name without
// an understood prefix `zookeeper.`.
const ConfigKey* FindConfigKey(std::string_view name, std::string* plain_name);

// True when the value of a key with this name must not be shown, known or not.
bool IsSecretKey(std::string_view name);
// `value`, or "***" for a secret.
std::string ShownValue(std::string_view name, std::string_view value);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_CONFIG_CONFIG_KEYS_H_
