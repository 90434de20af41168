#include "datatree/path.h"

#include <cstdint>
#include <cstdio>

namespace lockkeeper {
namespace {

// Rule 6.1.6, on code points: everything beyond the BMP would be surrogates in UTF-16.
bool IsForbidden(uint32_t c) {
  return c <= 0x1F || (c >= 0x7F && c <= 0x9F) || (c >= 0xD800 && c <= 0xF8FF) ||
         (c >= 0xFFF0 && c <= 0xFFFF) || c > 0xFFFF;
}

constexpr uint32_t kMalformed = 0xFFFD;

// Decodes one character of UTF-8 and advances; overlong and truncated forms are malformed.
uint32_t NextCodePoint(std::string_view s, size_t* pos) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char first = byte(*pos);
  ++*pos;
  if (first < 0x80) return first;
  const size_t extra = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0;
  if (extra == 0 || *pos + extra > s.size()) return kMalformed;
  uint32_t c = first & (0x3Fu >> extra);
  for (size_t i = 0; i < extra; ++i) {
    const unsigned char next = byte(*pos);
    if ((next & 0xC0) != 0x80) return kMalformed;
    c = c << 6 | (next & 0x3Fu);
    ++*pos;
  }
  constexpr uint32_t kSmallest[] = {0, 0x80, 0x800, 0x10000};
  return c < kSmallest[extra] ? kMalformed : c;
}

}  // namespace

bool IsValidPath(std::string_view path) {
  if (path.empty() || path[0] != '/') return false;
  if (path.size() == 1) return true;
  if (path.back() == '/') return false;
  size_t name_start = 1;
  for (size_t pos = 1; pos < path.size();) {
    const uint32_t c = NextCodePoint(path, &pos);
    if (IsForbidden(c)) return false;
    const bool at_end = pos == path.size();
    if (c != '/' && !at_end) continue;
    const size_t name_end = c == '/' ? pos - 1 : pos;
    const std::string_view name = path.substr(name_start, name_end - name_start);
    if (name.empty() || name == "." || name == "..") return false;
    name_start = pos;
  }
  return true;
}

bool LooksLikePath(std::string_view path) {
  return path.find('/') != std::string_view::npos && path.find('\0') == std::string_view::npos;
}

bool IsCanonicalPath(std::string_view path) {
  return path.size() > 1 && path[0] == '/' && path.back() != '/' &&
         path.find("//") == std::string_view::npos && LooksLikePath(path);
}

bool IsReservedPath(std::string_view path) {
  return path == "/" || path == kZookeeperPath || path == kQuotaPath || path == kConfigPath;
}

std::string_view ParentPath(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == 0 ? path.substr(0, 1) : path.substr(0, slash);
}

std::string_view LastName(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::string SequentialPath(std::string_view prefix, int32_t counter) {
  char digits[16];
  const int n = std::snprintf(digits, sizeof digits, "%010d", counter);
  std::string path(prefix);
  path.append(digits, static_cast<size_t>(n));
  return path;
}

}  // namespace lockkeeper
