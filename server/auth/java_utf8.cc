#include "server/auth/java_utf8.h"

#include <cstddef>
#include <cstdint>

namespace lockkeeper {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// What may follow the first byte of a character: so many bytes, the first of them in [low, high],
// which excludes overlong forms and what lies beyond U+10FFFF.
struct Continuation {
  size_t bytes;
  uint8_t low;
  uint8_t high;
};

constexpr Continuation ContinuationOf(uint8_t first) {
  if (first >= 0xC2 && first <= 0xDF) return {1, 0x80, 0xBF};
  if (first == 0xE0) return {2, 0xA0, 0xBF};
  if (first >= 0xE1 && first <= 0xEF) return {2, 0x80, 0xBF};
  if (first == 0xF0) return {3, 0x90, 0xBF};
  if (first >= 0xF1 && first <= 0xF3) return {3, 0x80, 0xBF};
  if (first == 0xF4) return {3, 0x80, 0x8F};
  return {0, 0, 0};  // begins no character
}

uint8_t ByteAt(std::string_view bytes, size_t i) { return static_cast<uint8_t>(bytes[i]); }

// How many of the bytes that should follow bytes[0] do.
size_t Following(std::string_view bytes, const Continuation& wanted) {
  size_t count = 0;
  while (count < wanted.bytes && count + 1 < bytes.size()) {
    const uint8_t next = ByteAt(bytes, count + 1);
    const uint8_t low = count == 0 ? wanted.low : 0x80;
    const uint8_t high = count == 0 ? wanted.high : 0xBF;
    if (next < low || next > high) break;
    ++count;
  }
  return count;
}

}  // namespace

std::string DecodedAsJava(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const uint8_t first = ByteAt(bytes, 0);
    const Continuation wanted = ContinuationOf(first);
    const size_t following = Following(bytes, wanted);
    const std::string_view part = bytes.substr(0, 1 + following);
    const bool surrogate = first == 0xED && following == 2 && ByteAt(part, 1) >= 0xA0;
    const bool whole = first < 0x80 || (wanted.bytes > 0 && following == wanted.bytes);
    text += whole && !surrogate ? part : kReplacement;
    bytes.remove_prefix(part.size());
  }
  return text;
}

}  // namespace lockkeeper
