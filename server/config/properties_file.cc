#include "server/config/properties_file.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace lockkeeper {
namespace {

// Only these three: other control characters belong to keys and values.
bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\f'; }
bool IsLineEnd(char c) { return c == '\n' || c == '\r'; }

// Lines joined over continuations; comments and blank lines left out.
class LogicalLines {
 public:
  explicit LogicalLines(std::string_view bytes) : rest_(bytes) {}

  // False at the end of the file. `line` is where the text starts.
  bool Next(std::string* text, int* line) {
    text->clear();
    while (!rest_.empty()) {
      SkipBlanks();
      if (text->empty()) *line = line_;
      std::string_view natural = TakeNaturalLine();
      // A comment cannot start in a continuation, unless nothing stands before it.
      if (text->empty() && (natural.starts_with('#') || natural.starts_with('!'))) continue;
      if (TrailingBackslashes(natural) % 2 == 1) {
        natural.remove_suffix(1);
        text->append(natural);
        continue;
      }
      text->append(natural);
      if (!text->empty()) return true;
    }
    return !text->empty();
  }

 private:
  void SkipBlanks() {
    while (!rest_.empty() && IsBlank(rest_.front())) rest_.remove_prefix(1);
  }

  // The line ends with "\n", "\r" or "\r\n", which is taken but not returned.
  std::string_view TakeNaturalLine() {
    size_t end = 0;
    while (end < rest_.size() && !IsLineEnd(rest_[end])) ++end;
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end);
    if (rest_.starts_with("\r\n")) {
      rest_.remove_prefix(2);
    } else if (!rest_.empty()) {
      rest_.remove_prefix(1);
    }
    ++line_;
    return line;
  }

  static size_t TrailingBackslashes(std::string_view line) {
    const size_t last_other = line.find_last_not_of('\\');
    return last_other == std::string_view::npos ? line.size() : line.size() - 1 - last_other;
  }

  std::string_view rest_;
  int line_ = 1;
};

// Length of the key at the start of `line`, escapes included.
size_t KeyLength(std::string_view line) {
  bool escaped = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (!escaped && (c == '=' || c == ':' || IsBlank(c))) return i;
    escaped = c == '\\' && !escaped;
  }
  return line.size();
}

// `text` starts with what follows the key.
std::string_view WithoutSeparator(std::string_view text) {
  const auto skip_blanks = [&] {
    while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  };
  skip_blanks();
  if (text.starts_with('=') || text.starts_with(':')) {
    text.remove_prefix(1);
    skip_blanks();
  }
  return text;
}

std::optional<char16_t> FourHexDigits(std::string_view text) {
  if (text.size() < 4) return std::nullopt;
  unsigned value = 0;
  for (const char c : text.substr(0, 4)) {
    value <<= 4;
    if (c >= '0' && c <= '9') {
      value |= static_cast<unsigned>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      value |= static_cast<unsigned>(c - 'a' + 10);
    } else if (c >= 'A' && c <= 'F') {
      value |= static_cast<unsigned>(c - 'A' + 10);
    } else {
      return std::nullopt;
    }
  }
  return static_cast<char16_t>(value);
}

// Resolves the escapes; nullopt: a malformed \uXXXX.
std::optional<std::u16string> Unescaped(std::string_view text) {
  std::u16string result;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c != '\\' || i + 1 == text.size()) {
      result.push_back(static_cast<unsigned char>(c));
      continue;
    }
    c = text[++i];
    if (c == 'u') {
      const auto unit = FourHexDigits(text.substr(i + 1));
      if (!unit) return std::nullopt;
      result.push_back(*unit);
      i += 4;
      continue;
    }
    if (c == 't') c = '\t';
    if (c == 'n') c = '\n';
    if (c == 'r') c = '\r';
    if (c == 'f') c = '\f';
    result.push_back(static_cast<unsigned char>(c));
  }
  return result;
}

void AppendUtf8(char32_t c, std::string* out) {
  const auto push = [&](char32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    push(c);
  } else if (c < 0x800) {
    push(0xC0 | c >> 6);
    push(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    push(0xE0 | c >> 12);
    push(0x80 | (c >> 6 & 0x3F));
    push(0x80 | (c & 0x3F));
  } else {
    push(0xF0 | c >> 18);
    push(0x80 | (c >> 12 & 0x3F));
    push(0x80 | (c >> 6 & 0x3F));
    push(0x80 | (c & 0x3F));
  }
}

// Half a surrogate pair becomes '?', as when Java hands the text to the operating system.
std::string Utf8(const std::u16string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char32_t unit = text[i];
    if (unit < 0xD800 || unit > 0xDFFF) {
      AppendUtf8(unit, &out);
    } else if (unit < 0xDC00 && i + 1 < text.size() && (text[i + 1] & 0xFC00) == 0xDC00) {
      AppendUtf8(0x10000 + ((unit & 0x3FF) << 10) + (text[++i] & 0x3FF), &out);
    } else {
      out.push_back('?');
    }
  }
  return out;
}

}  // namespace

Result<std::vector<ConfigEntry>> ParseProperties(std::string_view bytes) {
  std::vector<ConfigEntry> entries;
  LogicalLines lines(bytes);
  std::string text;
  int line = 0;
  while (lines.Next(&text, &line)) {
    const std::string_view view = text;
    const size_t key_length = KeyLength(view);
    const auto key = Unescaped(view.substr(0, key_length));
    const auto value = Unescaped(WithoutSeparator(view.substr(key_length)));
    if (!key || !value) {
      return Error{Errc::kBadConfig,
                   "line " + std::to_string(line) + ": Malformed \\uxxxx encoding."};
    }
    entries.push_back({std::string(TrimmedAsJava(Utf8(*key))),
                       std::string(TrimmedAsJava(Utf8(*value))), line, 0});
  }
  return LastOfEachKey(std::move(entries));
}

}  // namespace lockkeeper
