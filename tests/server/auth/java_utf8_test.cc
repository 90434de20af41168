// CP-11.2: what digest credentials are before they are hashed. Each row was seen in the identity
// that Apache ZooKeeper 3.8.0 (OpenJDK 17) made of these bytes.
#include "server/auth/java_utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace lockkeeper {
namespace {

// `pattern` with U+FFFD for every '?'.
std::string Replaced(std::string_view pattern) {
  std::string text;
  for (const char c : pattern) {
    if (c == '?') {
      text += "\xEF\xBF\xBD";
    } else {
      text.push_back(c);
    }
  }
  return text;
}

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

TEST(DecodedAsJava, KeepsWellFormedText_CP_11_2) {
  for (const char* hex : {"", "00", "417f", "c280", "dfbf", "e0a080", "ed9fbf", "ee8080", "efbfbf",
                          "efbfbd", "f0908080", "f48fbfbf", "41c3a9e282acf09f988041"}) {
    EXPECT_EQ(DecodedAsJava(FromHex(hex)), FromHex(hex)) << hex;
  }
}

TEST(DecodedAsJava, ReplacesEachMalformedPartByOneCharacter_CP_11_2) {
  const struct {
    const char* hex;
    const char* want;
  } cases[] = {
      // Bytes that begin no character.
      {"80", "?"},
      {"bf", "?"},
      {"ff", "?"},
      {"fe80", "??"},
      {"c080", "??"},
      {"c1bf", "??"},
      {"f5808080", "????"},
      {"f880808080", "?????"},
      {"fc8080808080", "??????"},
      // Cut off by the end or by another character.
      {"c3", "?"},
      {"c341", "?A"},
      {"e0", "?"},
      {"e0a0", "?"},
      {"e0a041", "?A"},
      {"e18041", "?A"},
      {"e14141", "?AA"},
      {"f0", "?"},
      {"f090", "?"},
      {"f09080", "?"},
      {"f09041", "?A"},
      {"f0908041", "?A"},
      {"f09f9841", "?A"},
      {"e182e183", "??"},
      {"f09082f0", "??"},
      {"f48fbf", "?"},
      // Overlong, and beyond U+10FFFF: the second byte does not belong to the first.
      {"e080", "??"},
      {"e08080", "???"},
      {"e09fbf", "???"},
      {"f080", "??"},
      {"f08f", "??"},
      {"f0808080", "????"},
      {"f490", "??"},
      {"f4908080", "????"},
      // Surrogates are decoded first and refused as a whole.
      {"eda080", "?"},
      {"edbfbf", "?"},
      {"eda0", "?"},
      {"eda041", "?A"},
      {"eda080edb080", "??"},
  };
  for (const auto& c : cases) EXPECT_EQ(DecodedAsJava(FromHex(c.hex)), Replaced(c.want)) << c.hex;
}

}  // namespace
}  // namespace lockkeeper
