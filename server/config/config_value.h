// Text to value and back, by the grammar of a key's row in config_keys.cc.
#ifndef LOCKKEEPER_SERVER_CONFIG_CONFIG_VALUE_H_
#define LOCKKEEPER_SERVER_CONFIG_CONFIG_VALUE_H_

#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.h"
#include "server/config/config_keys.h"

namespace lockkeeper {

// Reads `text` as a value of `key`, checks bounds and refusals, and sets the key's field, if any.
// Gives a warning, "" if there is none, when the value in force is not what the text seems to say:
// a malformed number replaced by its default, a raised one, a word that is not a boolean.
// Errc::kBadConfig with the text for the operator, without key and line.
Result<std::string> StoreValue(const ConfigKey& key, std::string_view text, Config* config);

// The value in force, as it would be written in a file; REQUIRES: the key has a field.
std::string FormatValue(const ConfigKey& key, const Config& config);

// Items between commas, trimmed, without empty ones.
std::vector<std::string> SplitList(std::string_view text);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_CONFIG_CONFIG_VALUE_H_
