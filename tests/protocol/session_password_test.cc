#include "protocol/session_password.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <limits>
#include <string>

namespace lockkeeper {
namespace {

std::string Hex(const SessionPassword& password) {
  std::string hex;
  for (char c : password) {
    char byte[3];
    std::snprintf(byte, sizeof byte, "%02x", static_cast<unsigned char>(c));
    hex += byte;
  }
  return hex;
}

TEST(SessionPassword, EqualsZooKeepers) {  // CP-2.8, QP-5.10, P39
  EXPECT_EQ(Hex(PasswordFor(SessionId{0x01000010cd460000})), "58b0e4e0055783e5f656b7ef56539bdd");
  EXPECT_EQ(Hex(PasswordFor(SessionId{0x01000010cddc0000})), "66e0fea3fb60beefb49895d83c057612");
  EXPECT_EQ(Hex(PasswordFor(SessionId{0x0100001a505b0000})), "077038d8882eb7e9bdcb2d9411d6698a");
  EXPECT_EQ(Hex(PasswordFor(SessionId{0x100001286d50000})), "611cd5f0da6c3d16a700ecb4b399a812");
}

TEST(SessionPassword, IsAcceptedOnlyByteForByte) {  // CP-2.11
  const SessionId id{0x01000010cd460000};
  const SessionPassword password = PasswordFor(id);
  const std::string_view right(password.data(), password.size());
  EXPECT_TRUE(IsPasswordOf(id, right));
  EXPECT_FALSE(IsPasswordOf(id, right.substr(1)));
  EXPECT_FALSE(IsPasswordOf(id, std::string(right) + "x"));
  EXPECT_FALSE(IsPasswordOf(id, {}));
  EXPECT_FALSE(IsPasswordOf(SessionId{id.value + 1}, right));
  const SessionPassword of_zero = PasswordFor(SessionId{0});
  EXPECT_FALSE(IsPasswordOf(SessionId{0}, {of_zero.data(), of_zero.size()}));
}

TEST(InitialSessionId, CarriesTheServerAndTheTime) {  // CP-2.17
  const SessionId id = InitialSessionId(1, 0x1234567890);
  EXPECT_EQ(id.value, 0x0112345678900000);
  EXPECT_EQ(static_cast<uint64_t>(InitialSessionId(254, 1).value) >> 56, 254u);
  // The value that marks container nodes is never given out.
  EXPECT_EQ(InitialSessionId(128, 0).value, std::numeric_limits<int64_t>::min() + 1);
}

}  // namespace
}  // namespace lockkeeper
