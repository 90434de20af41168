#include "protocol/print.h"

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

}  // namespace lockkeeper
