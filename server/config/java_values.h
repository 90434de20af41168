// How Java reads numbers and booleans from text (storage-and-operations 4.2). The same text must
// give the same value here, or a server that is swapped for another behaves differently.
#ifndef LOCKKEEPER_SERVER_CONFIG_JAVA_VALUES_H_
#define LOCKKEEPER_SERVER_CONFIG_JAVA_VALUES_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace lockkeeper {

// Decimal digits with an optional sign, as Integer.parseInt and Long.parseLong; nullopt: anything
// else, blanks included, or outside [min, max].
std::optional<int64_t> ParseJavaDecimal(std::string_view text, int64_t min, int64_t max);

// As Integer.decode and Long.decode: decimal, 0x 0X # for hexadecimal, a leading 0 for octal,
// each after an optional sign.
std::optional<int64_t> DecodeJavaInteger(std::string_view text, int64_t min, int64_t max);

// A finite decimal fraction.
std::optional<double> ParseJavaDouble(std::string_view text);

// `true` in any case is true, everything else false (Boolean.parseBoolean).
bool ParseJavaBoolean(std::string_view text);
bool EqualsIgnoringCase(std::string_view a, std::string_view b);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_CONFIG_JAVA_VALUES_H_
