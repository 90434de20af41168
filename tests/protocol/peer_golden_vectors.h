// Bytes that real servers exchanged (quorum-protocol 12), as hex in which blanks do not count.
#ifndef LOCKKEEPER_TESTS_PROTOCOL_PEER_GOLDEN_VECTORS_H_
#define LOCKKEEPER_TESTS_PROTOCOL_PEER_GOLDEN_VECTORS_H_

#include <cctype>
#include <string>
#include <string_view>

namespace lockkeeper {

inline std::string FromHex(std::string_view hex) {
  std::string bytes;
  std::string digits;
  for (const char c : hex) {
    if (std::isspace(static_cast<unsigned char>(c)) != 0) continue;
    digits += c;
    if (digits.size() < 2) continue;
    bytes += static_cast<char>(std::stoi(digits, nullptr, 16));
    digits.clear();
  }
  return bytes;
}

// 138 (0x8a) bytes: the configuration in the notifications and in NEWLEADER.
inline constexpr char kGoldenConfig[] =
    "server.1=127.0.0.1:21831:21841:participant\n"
    "server.2=127.0.0.1:21832:21842:participant\n"
    "server.3=127.0.0.1:21834:21844:participant\n"
    "version=0";

inline constexpr char kGoldenHandshakeV1[] =
    "ffffffffffff0000 0000000000000003 0000000f 3132372e302e302e313a3231383433";
inline constexpr char kGoldenHandshakeV2[] =
    "ffffffffffff0001 0000000000000001 0000001f"
    "3132372e302e302e313a32313834317c3132372e302e302e323a3231383431";

// With the frame's length in front; the configuration follows.
inline constexpr char kGoldenLooking[] =
    "000000b6 00000000 0000000000000003 0000000000000000 0000000000000001 0000000000000000"
    "00000002 0000008a";
inline constexpr char kGoldenFollowing[] =
    "000000b6 00000001 0000000000000002 0000000000000000 0000000000000001 0000000000000001"
    "00000002 0000008a";

// Around the configuration.
inline constexpr char kGoldenNewLeaderHead[] = "0000000a 0000000100000000 0000008a";
inline constexpr char kGoldenNewLeaderEnd[] = "ffffffff";
// What follows the SNAP packet of the vectors: no sessions, one ACL.
inline constexpr char kGoldenSnapStream[] =
    "00000000 00000001 0000000000000001 00000001 00000001 00000005 776f726c64 00000006 "
    "616e796f6e65";

}  // namespace lockkeeper

#endif  // LOCKKEEPER_TESTS_PROTOCOL_PEER_GOLDEN_VECTORS_H_
