// Values spelled as a Java server spells them, because the tools that read four-letter words and
// metrics were written against that spelling (storage-and-operations 5.4).
#ifndef LOCKKEEPER_SERVER_ADMIN_JAVA_TEXT_H_
#define LOCKKEEPER_SERVER_ADMIN_JAVA_TEXT_H_

#include <cstdint>
#include <span>
#include <string>

#include "protocol/types.h"

namespace lockkeeper {

// The shortest digits that read back as `v`, in the notation of Double.toString: at least one
// digit after the point (0.0, 4.3571), scientific below 1.0E-3 and from 1.0E7 on.
std::string JavaDouble(double v);

// sum / count rounded half-up at the fourth decimal, 0 when count is 0. The rounding looks at the
// binary quotient, as BigDecimal(double).setScale(4, HALF_UP) does.
double RoundedAverage(int64_t sum, int64_t count);

// `EEE MMM dd HH:mm:ss zzz yyyy` in the time zone of the process: Sat Nov 21 02:09:19 UTC 2026.
// A zone without letters is written as GMT+03:00.
std::string JavaDate(WallMs at);

// Lower-case hexadecimal of the 64 bits, without prefix and leading zeros (Long.toHexString).
std::string JavaHex(int64_t v);

// `/127.0.0.1:51808`, `/[0:0:0:0:0:0:0:1]:51808`. `ip`: 4 or 16 bytes in network order; an
// IPv4-mapped IPv6 address is written as IPv4. `scope`: interface of a link-local IPv6 address.
std::string JavaSocketAddress(std::span<const uint8_t> ip, uint16_t port, uint32_t scope = 0);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_ADMIN_JAVA_TEXT_H_
