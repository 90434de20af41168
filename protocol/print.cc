#include "protocol/print.h"

#include <array>
#include <charconv>

namespace lockkeeper {
namespace {
constexpr size_t kPrintedBytesMax = 256;
}

std::string PrintBytes(std::string_view bytes) {
  if (IsNull(bytes)) return "null";
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (char c : bytes.substr(0, kPrintedBytesMax)) {
    const auto u = static_cast<unsigned char>(c);
    if (u >= 0x20 && u < 0x7f && c != '\\') {
      out.push_back(c);
    } else {
      out += "\\x";
      out.push_back(kHex[u >> 4]);
      out.push_back(kHex[u & 15]);
    }
  }
  if (bytes.size() > kPrintedBytesMax) out += "...(" + std::to_string(bytes.size()) + " bytes)";
  return out;
}

std::string Hex(uint64_t value) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.begin(), digits.end(), value, 16).ptr;
  return std::string("0x").append(digits.begin(), end);
}

}  // namespace lockkeeper
