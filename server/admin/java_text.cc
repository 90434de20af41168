#include "server/admin/java_text.h"

#include <glog/logging.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iterator>
#include <string_view>

namespace lockkeeper {
namespace {

// d.ddd × 10^exponent, the digits without the point.
struct DecimalDigits {
  std::string digits;
  int exponent = 0;
};

DecimalDigits ShortestDecimal(double magnitude) {
  std::array<char, 40> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), magnitude,
                                 std::chars_format::scientific)
                       .ptr;
  const std::string_view text(buffer.data(), static_cast<size_t>(end - buffer.data()));
  const size_t e = text.find('e');
  DecimalDigits out;
  std::copy_if(text.begin(), text.begin() + static_cast<ptrdiff_t>(e),
               std::back_inserter(out.digits), [](char c) { return c != '.'; });
  out.exponent = std::atoi(std::string(text.substr(e + 1)).c_str());
  return out;
}

std::string PlainNotation(const DecimalDigits& v) {
  if (v.exponent < 0) {
    return "0." + std::string(static_cast<size_t>(-v.exponent - 1), '0') + v.digits;
  }
  const size_t whole = static_cast<size_t>(v.exponent) + 1;
  if (v.digits.size() <= whole) {
    return v.digits + std::string(whole - v.digits.size(), '0') + ".0";
  }
  return v.digits.substr(0, whole) + "." + v.digits.substr(whole);
}

std::string ScientificNotation(const DecimalDigits& v) {
  const std::string fraction = v.digits.size() > 1 ? v.digits.substr(1) : "0";
  return v.digits.substr(0, 1) + "." + fraction + "E" + std::to_string(v.exponent);
}

// A tie at the fifth decimal that is exact in binary: only odd multiples of 1/32 are.
bool IsExactTie(double v) {
  const double scaled = v * 32;
  return scaled == std::floor(scaled) && std::fmod(std::fabs(scaled), 2.0) == 1.0;
}

std::string ZoneName(const std::tm& local) {
  const std::string_view name = local.tm_zone == nullptr ? "UTC" : local.tm_zone;
  if (!name.starts_with('+') && !name.starts_with('-')) return std::string(name);
  const long minutes = std::labs(local.tm_gmtoff) / 60;
  std::array<char, 40> text;
  std::snprintf(text.data(), text.size(), "GMT%c%02ld:%02ld", local.tm_gmtoff < 0 ? '-' : '+',
                minutes / 60, minutes % 60);
  return text.data();
}

bool IsMappedIpv4(std::span<const uint8_t> ip) {
  return ip.size() == 16 &&
         std::all_of(ip.begin(), ip.begin() + 10, [](uint8_t b) { return b == 0; }) &&
         ip[10] == 0xFF && ip[11] == 0xFF;
}

}  // namespace

std::string JavaDouble(double v) {
  if (std::isnan(v)) return "NaN";
  const std::string sign = std::signbit(v) ? "-" : "";
  const double magnitude = std::fabs(v);
  if (std::isinf(v)) return sign + "Infinity";
  if (magnitude == 0) return sign + "0.0";
  const DecimalDigits decimal = ShortestDecimal(magnitude);
  const bool plain = magnitude >= 1e-3 && magnitude < 1e7;
  return sign + (plain ? PlainNotation(decimal) : ScientificNotation(decimal));
}

double RoundedAverage(int64_t sum, int64_t count) {
  if (count == 0) return 0;
  double quotient = static_cast<double>(sum) / static_cast<double>(count);
  // to_chars rounds the exact binary value, but exact ties to even: lift those over the edge.
  if (IsExactTie(quotient)) quotient = std::nextafter(quotient, quotient < 0 ? -1e300 : 1e300);
  std::array<char, 64> text;
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), quotient, std::chars_format::fixed, 4)
          .ptr;
  double rounded = 0;
  std::from_chars(text.data(), end, rounded);
  return rounded + 0.0;  // a small negative gives 0.0, not -0.0
}

std::string JavaDate(WallMs at) {
  static constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const int64_t ms = at.value;
  const std::time_t seconds = ms / 1000 - (ms % 1000 < 0 ? 1 : 0);
  std::tm local{};
  CHECK(localtime_r(&seconds, &local) != nullptr);  // the year of any int64 of ms fits an int
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "%s %s %02d %02d:%02d:%02d ",
                kDays[static_cast<size_t>(local.tm_wday)],
                kMonths[static_cast<size_t>(local.tm_mon)], local.tm_mday, local.tm_hour,
                local.tm_min, local.tm_sec);
  return text.data() + ZoneName(local) + " " + std::to_string(local.tm_year + 1900);
}

std::string JavaHex(int64_t v) {
  std::array<char, 16> text;
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), static_cast<uint64_t>(v), 16).ptr;
  return std::string(text.data(), end);
}

std::string JavaSocketAddress(std::span<const uint8_t> ip, uint16_t port, uint32_t scope) {
  CHECK(ip.size() == 4 || ip.size() == 16) << "an IP address has 4 or 16 bytes, not " << ip.size();
  if (IsMappedIpv4(ip)) ip = ip.subspan(12);
  std::string text;
  if (ip.size() == 4) {
    for (const uint8_t byte : ip) text += (text.empty() ? "/" : ".") + std::to_string(byte);
  } else {
    for (size_t i = 0; i < 16; i += 2) {
      text += (text.empty() ? "/[" : ":") + JavaHex(ip[i] << 8 | ip[i + 1]);
    }
    if (scope != 0) text += "%" + std::to_string(scope);
    text += "]";
  }
  return text + ":" + std::to_string(port);
}

}  // namespace lockkeeper
