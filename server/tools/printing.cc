#include "server/tools/printing.h"

#include <array>
#include <cstdio>
#include <ctime>

#include "server/base64.h"

namespace lockkeeper {
namespace {

void AppendEscaped(char c, std::string* out) {
  static constexpr char kDigits[] = "0123456789abcdef";
  const auto u = static_cast<unsigned char>(c);
  *out += "\\x";
  out->push_back(kDigits[u >> 4]);
  out->push_back(kDigits[u & 15]);
}

// The bytes of the character that `text` opens with; 0 if that is no well-formed UTF-8: overlong
// forms, surrogates and values above U+10FFFF are not.
size_t CharacterBytes(std::string_view text) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
  }
  const bool wrong = (lead == 0xe0 && at(1) < 0xa0) || (lead == 0xed && at(1) > 0x9f) ||
                     (lead == 0xf0 && at(1) < 0x90) || (lead == 0xf4 && at(1) > 0x8f);
  return wrong ? 0 : length;
}

// C0 and C1 controls and the separators that some tools take for the end of a line.
bool IsControl(std::string_view character) {
  const auto lead = static_cast<unsigned char>(character[0]);
  if (character.size() == 1) return lead < 0x20 || lead == 0x7f;
  if (character.size() == 2) return lead == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;
  return character == "\u2028" || character == "\u2029";
}

std::string Escaped(std::string_view text, std::string_view also) {
  std::string out;
  while (!text.empty()) {
    const size_t length = CharacterBytes(text);
    const std::string_view character = text.substr(0, length == 0 ? 1 : length);
    if (length == 0 || IsControl(character) || also.find(character) != std::string_view::npos) {
      for (const char c : character) AppendEscaped(c, &out);
    } else {
      out += character;
    }
    text.remove_prefix(character.size());
  }
  return out;
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = CharacterBytes(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

// At most kPreviewBytes, without a broken character at the end.
std::string_view Preview(std::string_view data) {
  if (data.size() <= kPreviewBytes) return data;
  size_t end = kPreviewBytes;
  while (end > kPreviewBytes - 4 && (static_cast<unsigned char>(data[end]) & 0xc0) == 0x80) --end;
  return data.substr(0, end);
}

}  // namespace

std::string IsoTime(int64_t ms) {
  constexpr int64_t kYear1Ms = -62135596800000;
  constexpr int64_t kYear10000Ms = 253402300800000;
  if (ms < kYear1Ms || ms >= kYear10000Ms) return "time " + std::to_string(ms);
  const int64_t millis = (ms % 1000 + 1000) % 1000;
  const time_t seconds = (ms - millis) / 1000;
  tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900,
                utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                static_cast<int>(millis));
  return text.data();
}

std::string PathText(std::string_view path) { return IsNull(path) ? "null" : Escaped(path, "\\"); }

std::string DataText(std::string_view data) {
  if (IsNull(data)) return "null";
  const std::string_view preview = Preview(data);
  return std::to_string(data.size()) + " \"" + Escaped(preview, "\\\"") +
         (preview.size() < data.size() ? "\"..." : "\"");
}

std::string AclText(const JuteVector<Acl>& acl) {
  if (!acl) return "null";
  std::string out = "[";
  for (const Acl& entry : *acl) {
    if (out.size() > 1) out += ", ";
    out +=
        std::to_string(entry.perms) + " " + PathText(entry.id.scheme) + ":" + PathText(entry.id.id);
  }
  return out + "]";
}

Json StringJson(std::string_view text) {
  if (IsNull(text)) return nullptr;
  if (IsUtf8(text)) return std::string(text);
  return Json{{"base64", Base64(text)}};
}

Json DataJson(std::string_view data) {
  if (IsNull(data)) return nullptr;
  return Base64(data);
}

Json AclJson(const JuteVector<Acl>& acl) {
  if (!acl) return nullptr;
  Json list = Json::array();
  for (const Acl& entry : *acl) {
    list.push_back(Json{{"perms", entry.perms},
                        {"scheme", StringJson(entry.id.scheme)},
                        {"id", StringJson(entry.id.id)}});
  }
  return list;
}

}  // namespace lockkeeper
