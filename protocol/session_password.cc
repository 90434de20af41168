#include "protocol/session_password.h"

#include <cstdint>
#include <limits>

namespace lockkeeper {

SessionPassword PasswordFor(SessionId id) {
  constexpr uint64_t kMultiplier = 0x5DEECE66D;
  constexpr uint64_t kMask = (uint64_t{1} << 48) - 1;
  constexpr uint64_t kSecret = 0xB3415C00;
  uint64_t s = (static_cast<uint64_t>(id.value) ^ kSecret ^ kMultiplier) & kMask;
  SessionPassword out;
  for (size_t word = 0; word < 4; ++word) {
    s = (s * kMultiplier + 0xB) & kMask;
    const auto bits = static_cast<uint32_t>(s >> 16);
    for (size_t i = 0; i < 4; ++i) out[word * 4 + i] = static_cast<char>(bits >> (8 * i));
  }
  return out;
}

bool IsPasswordOf(SessionId id, std::string_view passwd) {
  const SessionPassword expected = PasswordFor(id);
  return id.value != 0 && passwd == std::string_view(expected.data(), expected.size());
}

SessionId InitialSessionId(int64_t server_id, int64_t now_ms) {
  const uint64_t time = (static_cast<uint64_t>(now_ms) << 24) >> 8;
  auto id = static_cast<int64_t>(time | (static_cast<uint64_t>(server_id) << 56));
  if (id == std::numeric_limits<int64_t>::min()) ++id;  // that value marks container nodes
  return SessionId{id};
}

}  // namespace lockkeeper
