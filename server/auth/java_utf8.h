// Bytes as Java's UTF-8 decoder reads them.
#ifndef LOCKKEEPER_SERVER_AUTH_JAVA_UTF8_H_
#define LOCKKEEPER_SERVER_AUTH_JAVA_UTF8_H_

#include <string>
#include <string_view>

namespace lockkeeper {

// The text of `new String(bytes, UTF_8)` in UTF-8: each malformed part becomes one U+FFFD. A part
// is the longest beginning of a character that the bytes have, or else one byte; an encoded
// surrogate (ed a0 80 to ed bf bf) is one part of three bytes.
std::string DecodedAsJava(std::string_view bytes);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_AUTH_JAVA_UTF8_H_
