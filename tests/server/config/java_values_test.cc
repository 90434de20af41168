// SO-4.4: numbers and booleans as Java reads them.
#include "server/config/java_values.h"

#include <gtest/gtest.h>

namespace lockkeeper {
namespace {

std::optional<int64_t> Decimal(std::string_view text) {
  return ParseJavaDecimal(text, INT32_MIN, INT32_MAX);
}
std::optional<int64_t> Decoded(std::string_view text) {
  return DecodeJavaInteger(text, INT32_MIN, INT32_MAX);
}

// SO-4.4
TEST(JavaValues, ParserIntegersArePlainDecimals) {
  EXPECT_EQ(Decimal("0"), 0);
  EXPECT_EQ(Decimal("007"), 7);
  EXPECT_EQ(Decimal("+5"), 5);
  EXPECT_EQ(Decimal("-5"), -5);
  EXPECT_EQ(Decimal("2147483647"), INT32_MAX);
  EXPECT_EQ(Decimal("-2147483648"), INT32_MIN);
  for (const auto text : {"", "-", "+", " 1", "1 ", "0x10", "#10", "1.0", "1e3", "1_000", "--1",
                          "+-1", "2147483648", "99999999999999999999"}) {
    EXPECT_EQ(Decimal(text), std::nullopt) << text;
  }
}

// SO-4.4
TEST(JavaValues, PropertyIntegersMayBeHexadecimalOrOctal) {
  EXPECT_EQ(Decoded("10"), 10);
  EXPECT_EQ(Decoded("0x10"), 16);
  EXPECT_EQ(Decoded("0XfF"), 255);
  EXPECT_EQ(Decoded("#1f"), 31);
  EXPECT_EQ(Decoded("010"), 8);
  EXPECT_EQ(Decoded("-0x10"), -16);
  EXPECT_EQ(Decoded("+010"), 8);
  EXPECT_EQ(Decoded("0"), 0);
  EXPECT_EQ(Decoded("-0x80000000"), INT32_MIN);
  for (const auto text : {"", "0x", "#", "08", "0x-1", "0x80000000", "10k", "1 "}) {
    EXPECT_EQ(Decoded(text), std::nullopt) << text;
  }
}

TEST(JavaValues, LongsReachBothEnds) {
  EXPECT_EQ(ParseJavaDecimal("-9223372036854775808", INT64_MIN, INT64_MAX), INT64_MIN);
  EXPECT_EQ(ParseJavaDecimal("9223372036854775807", INT64_MIN, INT64_MAX), INT64_MAX);
  EXPECT_EQ(ParseJavaDecimal("9223372036854775808", INT64_MIN, INT64_MAX), std::nullopt);
}

// SO-4.4
TEST(JavaValues, OnlyTheWordTrueIsTrue) {
  EXPECT_TRUE(ParseJavaBoolean("true"));
  EXPECT_TRUE(ParseJavaBoolean("TrUe"));
  for (const auto text : {"", "yes", "1", "on", "true ", "false"}) {
    EXPECT_FALSE(ParseJavaBoolean(text)) << text;
  }
}

TEST(JavaValues, Fractions) {
  EXPECT_EQ(ParseJavaDouble("0.33"), 0.33);
  EXPECT_EQ(ParseJavaDouble("-1e-3"), -0.001);
  EXPECT_EQ(ParseJavaDouble("+.5"), 0.5);
  for (const auto text : {"", "a", "1,5", "inf", "nan", "--1", "1x"}) {
    EXPECT_EQ(ParseJavaDouble(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace lockkeeper
