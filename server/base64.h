// Base64 with padding and without line breaks (RFC 4648, section 4).
#ifndef LOCKKEEPER_SERVER_BASE64_H_
#define LOCKKEEPER_SERVER_BASE64_H_

#include <string>
#include <string_view>

namespace lockkeeper {

std::string Base64(std::string_view bytes);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_BASE64_H_
