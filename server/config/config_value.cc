#include "server/config/config_value.h"

#include <charconv>
#include <type_traits>
#include <utility>

#include "server/config/java_values.h"

namespace lockkeeper {
namespace {

// The parsed value of any kind, and what to tell about it.
struct Parsed {
  using Value = std::variant<std::monostate, bool, int64_t, double, std::string>;
  Value value;  // none: the default stays
  std::string warning;
};

Error Bad(std::string text) { return Error{Errc::kBadConfig, std::move(text)}; }

std::string Quoted(std::string_view text) { return std::string("\"").append(text).append("\""); }

std::string DefaultStays(const ConfigKey& key) {
  return "not a number, the default " +
         (key.default_text.empty() ? "" : std::string(key.default_text) + " ") + "is used";
}

// The range of the Java type behind an integer: a number outside is malformed, as a letter is.
std::pair<int64_t, int64_t> TypeRange(const ConfigKey& key) {
  const bool is_long = std::holds_alternative<int64_t Config::*>(key.field);
  const Bounds type = is_long ? kAnyInt64 : kAnyInt32;
  return {type.min, type.max};
}

Result<Parsed> InBounds(const ConfigKey& key, int64_t number) {
  const Bounds& bounds = key.bounds;
  if (number < bounds.min && bounds.below == Bounds::Below::kRaise) {
    return Parsed{bounds.min, "Invalid " + std::string(key.name) + ": " + std::to_string(number) +
                                  ". Defaulting to " + std::to_string(bounds.min)};
  }
  if (number < bounds.min) return Bad("must be at least " + std::to_string(bounds.min));
  if (number > bounds.max) return Bad("must be at most " + std::to_string(bounds.max));
  return Parsed{number, ""};
}

Result<Parsed> ParseStrictInt(const ConfigKey& key, std::string_view text) {
  const auto [min, max] = TypeRange(key);
  const auto number = ParseJavaDecimal(text, min, max);
  if (!number) return Bad("For input string: " + Quoted(text));
  if (key.kind == ValueKind::kPort) {
    if (*number < 0 || *number > 65535) return Bad("port out of range:" + std::to_string(*number));
    if (*number == 0) return Parsed{};
  }
  return InBounds(key, *number);
}

Result<Parsed> ParseLenientInt(const ConfigKey& key, std::string_view text) {
  const auto [min, max] = TypeRange(key);
  const auto number = DecodeJavaInteger(text, min, max);
  if (!number) return Parsed{{}, DefaultStays(key)};
  return InBounds(key, *number);
}

Result<Parsed> ParseStrictBool(const ConfigKey& key, std::string_view text) {
  if (EqualsIgnoringCase(text, "true")) return Parsed{true, ""};
  if (EqualsIgnoringCase(text, "false")) return Parsed{false, ""};
  return Bad("Invalid option " + std::string(text) + " for " + std::string(key.name) +
             ". Choose 'true' or 'false.'");
}

Parsed ParseLenientBool(std::string_view text) {
  const bool value = ParseJavaBoolean(text);
  const bool said_so = value || EqualsIgnoringCase(text, "false");
  return {value, said_so ? "" : "taken as false: only the word true is true"};
}

// The value changes only by the word opposite to the default; `yes` and `no` are exact words.
Parsed ParseYesNo(const ConfigKey& key, std::string_view text) {
  const bool default_yes = key.default_text == "yes";
  const bool value = default_yes ? text != "no" : text == "yes";
  const bool said_so = text == "yes" || text == "no";
  return {value, said_so ? ""
                         : std::string("taken as ") + (value ? "yes" : "no") + ": only the word " +
                               (default_yes ? "no" : "yes") + " changes anything"};
}

Result<Parsed> Parse(const ConfigKey& key, std::string_view text) {
  switch (key.kind) {
    case ValueKind::kStrictInt:
    case ValueKind::kPort:
      return ParseStrictInt(key, text);
    case ValueKind::kStrictBool:
      return ParseStrictBool(key, text);
    case ValueKind::kInt:
      return ParseLenientInt(key, text);
    case ValueKind::kDouble:
      if (const auto number = ParseJavaDouble(text)) return Parsed{*number, ""};
      return Parsed{{}, DefaultStays(key)};
    case ValueKind::kBool:
      return ParseLenientBool(text);
    case ValueKind::kYesNo:
      return ParseYesNo(key, text);
    case ValueKind::kOnUnlessFalse:
      return Parsed{text != "false", ""};
    case ValueKind::kText:
    case ValueKind::kPath:
    case ValueKind::kList:
      return Parsed{std::string(text), ""};
  }
  return Parsed{};
}

bool IsValueRefused(const Refusal& refusal, const Parsed::Value& value) {
  switch (refusal.when) {
    case Refusal::When::kNever:
      return false;
    case Refusal::When::kNotEmpty:
      return !std::get<std::string>(value).empty();
    case Refusal::When::kTrue:
      return std::get<bool>(value);
    case Refusal::When::kPositive:
      return std::holds_alternative<int64_t>(value) && std::get<int64_t>(value) > 0;
  }
  return false;
}

template <class T>
void SetField(T Config::*field, const Parsed::Value& value, Config* config) {
  if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    config->*field = SplitList(std::get<std::string>(value));
  } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    config->*field = static_cast<T>(std::get<int64_t>(value));
  } else if constexpr (std::is_same_v<T, std::optional<uint16_t>>) {
    config->*field = static_cast<uint16_t>(std::get<int64_t>(value));
  } else {
    config->*field = std::get<T>(value);
  }
}

// As few digits as give the same number back.
std::string DoubleText(double number) {
  char digits[32];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
  return error == std::errc() ? std::string(digits, end) : std::string();
}

template <class T>
std::string ConfigFieldText(const ConfigKey& key, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    if (key.kind == ValueKind::kYesNo) return value ? "yes" : "no";
    return value ? "true" : "false";
  } else if constexpr (std::is_same_v<T, std::string>) {
    return value;
  } else if constexpr (std::is_same_v<T, double>) {
    return DoubleText(value);
  } else if constexpr (std::is_same_v<T, std::optional<uint16_t>>) {
    return value ? std::to_string(*value) : "";
  } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    std::string text;
    for (const std::string& item : value) text += (text.empty() ? "" : ",") + item;
    return text;
  } else {
    return std::to_string(value);
  }
}

}  // namespace

Result<std::string> StoreValue(const ConfigKey& key, std::string_view text, Config* config) {
  auto parsed = Parse(key, text);
  if (!parsed) return parsed.error();
  if (IsValueRefused(key.refusal, parsed->value)) return Bad(std::string(key.refusal.reason));
  std::visit(
      [&](auto field) {
        if constexpr (!std::is_same_v<decltype(field), std::monostate>) {
          if (!std::holds_alternative<std::monostate>(parsed->value)) {
            SetField(field, parsed->value, config);
          }
        }
      },
      key.field);
  return std::move(parsed->warning);
}

std::string FormatValue(const ConfigKey& key, const Config& config) {
  return std::visit(
      [&](auto field) -> std::string {
        if constexpr (std::is_same_v<decltype(field), std::monostate>) {
          LOG(FATAL) << key.name << " has no field";
          return "";
        } else {
          return ConfigFieldText(key, config.*field);
        }
      },
      key.field);
}

std::vector<std::string> SplitList(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view item = TrimmedAsJava(text.substr(0, comma));
    if (!item.empty()) items.emplace_back(item);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return items;
}

}  // namespace lockkeeper
