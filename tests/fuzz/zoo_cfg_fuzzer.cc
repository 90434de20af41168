// Any bytes as zoo.cfg: parsing either refuses them or gives distinct trimmed keys, each with the
// line where it stands.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "server/config/properties_file.h"

namespace {

using namespace lockkeeper;  // NOLINT: a fuzz target is one function

// What the parser promises to emit: UTF-8 without surrogates, in the shortest form.
bool IsUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if ((lead >= 0x80 && lead < 0xC2) || lead > 0xF4 || length > text.size() - i) return false;
    uint32_t c = length == 1 ? lead : lead & (0x7Fu >> length);
    for (size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xC0) != 0x80) return false;
      c = c << 6 | (next & 0x3Fu);
    }
    constexpr uint32_t kSmallest[] = {0, 0x80, 0x800, 0x10000};
    if (c < kSmallest[length - 1] || (c >= 0xD800 && c <= 0xDFFF)) return false;
    i += length;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto entries = ParseProperties(bytes);
  if (!entries) {
    if (entries.error().code != Errc::kBadConfig || entries.error().message.empty()) std::abort();
    return 0;
  }
  const auto line_ends =
      std::count_if(bytes.begin(), bytes.end(), [](char c) { return c == '\n' || c == '\r'; });
  std::set<std::string> keys;
  int line = 0;
  for (const ConfigEntry& entry : *entries) {
    if (!keys.insert(entry.key).second) std::abort();
    if (TrimmedAsJava(entry.key) != entry.key || TrimmedAsJava(entry.value) != entry.value) {
      std::abort();
    }
    if (!IsUtf8(entry.key) || !IsUtf8(entry.value)) std::abort();
    if (entry.line <= line || entry.line > line_ends + 1) std::abort();
    if (entry.replaced_line >= entry.line) std::abort();
    line = entry.line;
  }
  return 0;
}
