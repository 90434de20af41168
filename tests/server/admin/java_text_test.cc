#include "server/admin/java_text.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "tests/server/admin/admin_test_support.h"

namespace lockkeeper {
namespace {

// The expected texts are what a JVM printed for the same values.
TEST(JavaDouble, SO_5_6_PrintsPlainNotationBetweenAThousandthAndTenMillion) {
  EXPECT_EQ(JavaDouble(0), "0.0");
  EXPECT_EQ(JavaDouble(-0.0), "-0.0");
  EXPECT_EQ(JavaDouble(0.001), "0.001");
  EXPECT_EQ(JavaDouble(0.0012), "0.0012");
  EXPECT_EQ(JavaDouble(0.5), "0.5");
  EXPECT_EQ(JavaDouble(-0.5), "-0.5");
  EXPECT_EQ(JavaDouble(1), "1.0");
  EXPECT_EQ(JavaDouble(4.3571), "4.3571");
  EXPECT_EQ(JavaDouble(12.1667), "12.1667");
  EXPECT_EQ(JavaDouble(100), "100.0");
  EXPECT_EQ(JavaDouble(1234567), "1234567.0");
  EXPECT_EQ(JavaDouble(9999999.9999), "9999999.9999");
  EXPECT_EQ(JavaDouble(0.1 + 0.2), "0.30000000000000004");
}

TEST(JavaDouble, SO_5_12_PrintsScientificNotationOutsideThatRange) {
  EXPECT_EQ(JavaDouble(0.0001), "1.0E-4");
  EXPECT_EQ(JavaDouble(0.0008), "8.0E-4");
  EXPECT_EQ(JavaDouble(0.0009999), "9.999E-4");
  EXPECT_EQ(JavaDouble(2e-5), "2.0E-5");
  EXPECT_EQ(JavaDouble(1e7), "1.0E7");
  EXPECT_EQ(JavaDouble(12345678.9012), "1.23456789012E7");
  EXPECT_EQ(JavaDouble(123456789.5), "1.234567895E8");
  EXPECT_EQ(JavaDouble(-1.5e10), "-1.5E10");
  EXPECT_EQ(JavaDouble(1e15), "1.0E15");
  EXPECT_EQ(JavaDouble(1e22), "1.0E22");
}

TEST(JavaDouble, SpellsWhatIsNoNumber) {
  EXPECT_EQ(JavaDouble(std::nan("")), "NaN");
  EXPECT_EQ(JavaDouble(std::numeric_limits<double>::infinity()), "Infinity");
  EXPECT_EQ(JavaDouble(-std::numeric_limits<double>::infinity()), "-Infinity");
}

TEST(RoundedAverage, SO_5_6_RoundsTheFourthDecimalHalfUp) {
  EXPECT_EQ(JavaDouble(RoundedAverage(0, 0)), "0.0");
  EXPECT_EQ(JavaDouble(RoundedAverage(1, 3)), "0.3333");
  EXPECT_EQ(JavaDouble(RoundedAverage(2, 3)), "0.6667");
  EXPECT_EQ(JavaDouble(RoundedAverage(61, 14)), "4.3571");
  EXPECT_EQ(JavaDouble(RoundedAverage(1, 9999)), "1.0E-4");
  EXPECT_EQ(JavaDouble(RoundedAverage(1, 20001)), "0.0");
  EXPECT_EQ(JavaDouble(RoundedAverage(-1, 1000000)), "0.0");
  EXPECT_EQ(JavaDouble(RoundedAverage(-3, 7)), "-0.4286");
  EXPECT_EQ(JavaDouble(RoundedAverage(10000001, 1)), "1.0000001E7");
  EXPECT_EQ(JavaDouble(RoundedAverage(123456789012, 7)), "1.76366841445714E10");
}

TEST(RoundedAverage, SO_5_6_RoundsExactTiesAwayFromZeroNotToEven) {
  EXPECT_EQ(JavaDouble(RoundedAverage(1, 32)), "0.0313");  // 0.03125
  EXPECT_EQ(JavaDouble(RoundedAverage(3, 32)), "0.0938");  // 0.09375
  EXPECT_EQ(JavaDouble(RoundedAverage(5, 32)), "0.1563");  // 0.15625
  EXPECT_EQ(JavaDouble(RoundedAverage(-1, 32)), "-0.0313");
  // No ties in binary: the quotient is a little above or below.
  EXPECT_EQ(JavaDouble(RoundedAverage(1, 20000)), "1.0E-4");
  EXPECT_EQ(JavaDouble(RoundedAverage(3, 20000)), "1.0E-4");
}

constexpr WallMs kNovember{1795237227000};  // 2026-11-21 05:00:27 UTC
constexpr WallMs kJuly{1783000000000};      // 2026-07-02 13:46:40 UTC

TEST(JavaDate, SO_5_9_PrintsTheTimeZoneOfTheServer) {
  {
    const ScopedTimeZone utc("UTC0");
    EXPECT_EQ(JavaDate(kNovember), "Sat Nov 21 05:00:27 UTC 2026");
    EXPECT_EQ(JavaDate(kJuly), "Thu Jul 02 13:46:40 UTC 2026");
    EXPECT_EQ(JavaDate(WallMs{-1}), "Wed Dec 31 23:59:59 UTC 1969");
  }
  {
    const ScopedTimeZone berlin("CET-1CEST,M3.5.0,M10.5.0/3");
    EXPECT_EQ(JavaDate(kNovember), "Sat Nov 21 06:00:27 CET 2026");
    EXPECT_EQ(JavaDate(kJuly), "Thu Jul 02 15:46:40 CEST 2026");
  }
  {
    const ScopedTimeZone new_york("EST5EDT,M3.2.0,M11.1.0");
    EXPECT_EQ(JavaDate(kNovember), "Sat Nov 21 00:00:27 EST 2026");
  }
}

TEST(JavaDate, SO_5_9_NamesAZoneWithoutLettersByItsOffset) {
  const ScopedTimeZone kathmandu("<+0545>-5:45");
  EXPECT_EQ(JavaDate(kNovember), "Sat Nov 21 10:45:27 GMT+05:45 2026");
  const ScopedTimeZone brazil("<-03>3");
  EXPECT_EQ(JavaDate(kNovember), "Sat Nov 21 02:00:27 GMT-03:00 2026");
}

TEST(JavaHex, PrintsTheUnsignedBits) {
  EXPECT_EQ(JavaHex(0), "0");
  EXPECT_EQ(JavaHex(0x100000e433b0000), "100000e433b0000");
  EXPECT_EQ(JavaHex(-1), "ffffffffffffffff");
}

TEST(JavaSocketAddress, SO_5_7_PrintsIpv4) {
  EXPECT_EQ(JavaSocketAddress(std::array<uint8_t, 4>{127, 0, 0, 1}, 51808), "/127.0.0.1:51808");
}

TEST(JavaSocketAddress, SO_5_7_PrintsEveryGroupOfIpv6InBrackets) {
  std::array<uint8_t, 16> ip{};
  ip[15] = 1;
  EXPECT_EQ(JavaSocketAddress(ip, 42368), "/[0:0:0:0:0:0:0:1]:42368");
  ip = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 0, 0xff, 0xfe, 0, 0, 7};
  EXPECT_EQ(JavaSocketAddress(ip, 1, 2), "/[fe80:0:0:0:1234:ff:fe00:7%2]:1");
}

TEST(JavaSocketAddress, SO_5_7_PrintsMappedIpv4AsIpv4) {
  const std::array<uint8_t, 16> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3};
  EXPECT_EQ(JavaSocketAddress(mapped, 9), "/10.1.2.3:9");
}

}  // namespace
}  // namespace lockkeeper
