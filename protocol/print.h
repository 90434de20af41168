// Readable text of any record, made from its field list: {path=/a, version=-1}.
#ifndef LOCKKEEPER_PROTOCOL_PRINT_H_
#define LOCKKEEPER_PROTOCOL_PRINT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include "protocol/jute.h"

namespace lockkeeper {

// Bytes outside printable ASCII as \xNN; null as the word null; long data cut with its length.
std::string PrintBytes(std::string_view bytes);

// 0x and hexadecimal digits without leading zeros; a negative number as its two's complement.
std::string Hex(uint64_t value);

inline std::string Print(std::string_view v) { return PrintBytes(v); }
inline std::string Print(bool v) { return v ? "true" : "false"; }
inline std::string Print(int32_t v) { return std::to_string(v); }
inline std::string Print(int64_t v) { return std::to_string(v); }
template <Record R>
std::string Print(const R& record);
template <class T>
std::string Print(const JuteVector<T>& v) {
  if (!v) return "null";
  std::string out = "[";
  for (const T& item : *v) {
    if (out.size() > 1) out += ", ";
    out += Print(item);
  }
  return out + "]";
}
template <Record R>
std::string Print(const R& record) {
  std::string out = "{";
  std::apply(
      [&](const auto&... field) {
        ((out += (out.size() > 1 ? ", " : ""), out += field.name, out += '=',
          out += Print(field.value)),
         ...);
      },
      R::Fields(record));
  return out + "}";
}

}  // namespace lockkeeper

#endif  // LOCKKEEPER_PROTOCOL_PRINT_H_
