// The syntax of zoo.cfg: a Java properties file (storage-and-operations 4.1).
//
//   line      := comment | key separator value
//   comment   := first non-blank character is '#' or '!'
//   key       := up to the first unescaped '=', ':' or blank
//   separator := blanks, at most one '=' or ':', blanks
//
// A line that ends with an odd number of backslashes goes on in the next one, whose leading blanks
// are dropped. `\t \n \r \f \uXXXX` are escapes, any other `\c` is `c`. Bytes are ISO-8859-1; the
// result is UTF-8. There is no include, no expansion of variables and no quoting.
#ifndef LOCKKEEPER_SERVER_CONFIG_PROPERTIES_FILE_H_
#define LOCKKEEPER_SERVER_CONFIG_PROPERTIES_FILE_H_

#include <string_view>
#include <vector>

#include "protocol/result.h"
#include "server/config/config_entry.h"

namespace lockkeeper {

// One entry for each key, in the order of the lines that won (the last of duplicates); keys and
// values are trimmed. Errc::kBadConfig, naming the line: a `\u` without four hexadecimal digits.
Result<std::vector<ConfigEntry>> ParseProperties(std::string_view bytes);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_CONFIG_PROPERTIES_FILE_H_
