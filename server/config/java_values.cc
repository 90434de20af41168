#include "server/config/java_values.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <system_error>

namespace lockkeeper {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Takes a sign from the front of `text`; true: a minus.
bool TakeSign(std::string_view* text) {
  const bool negative = text->starts_with('-');
  if (negative || text->starts_with('+')) text->remove_prefix(1);
  return negative;
}

// Digits only, no sign.
std::optional<int64_t> Magnitude(std::string_view digits, int base, bool negative, int64_t min,
                                 int64_t max) {
  uint64_t magnitude = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  const uint64_t limit = static_cast<uint64_t>(INT64_MAX) + (negative ? 1 : 0);
  if (magnitude > limit) return std::nullopt;
  const auto value = static_cast<int64_t>(negative ? ~magnitude + 1 : magnitude);
  if (value < min || value > max) return std::nullopt;
  return value;
}

}  // namespace

std::optional<int64_t> ParseJavaDecimal(std::string_view text, int64_t min, int64_t max) {
  const bool negative = TakeSign(&text);
  return Magnitude(text, 10, negative, min, max);
}

std::optional<int64_t> DecodeJavaInteger(std::string_view text, int64_t min, int64_t max) {
  const bool negative = TakeSign(&text);
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    text.remove_prefix(2);
    base = 16;
  } else if (text.starts_with('#')) {
    text.remove_prefix(1);
    base = 16;
  } else if (text.size() > 1 && text.starts_with('0')) {
    text.remove_prefix(1);
    base = 8;
  }
  return Magnitude(text, base, negative, min, max);
}

std::optional<double> ParseJavaDouble(std::string_view text) {
  const bool negative = TakeSign(&text);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.starts_with('-') ||
      !std::isfinite(value)) {
    return std::nullopt;
  }
  return negative ? -value : value;
}

bool ParseJavaBoolean(std::string_view text) { return EqualsIgnoringCase(text, "true"); }

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return Lower(x) == Lower(y); });
}

}  // namespace lockkeeper
