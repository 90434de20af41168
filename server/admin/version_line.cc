#include "server/admin/version_line.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace lockkeeper {

VersionLine MakeVersionLine(std::string_view revision, int64_t built_at) {
  constexpr size_t kRevisionDigits = 40;
  const bool is_revision = revision.size() == kRevisionDigits &&
                           revision.find_first_not_of("0123456789abcdef") == revision.npos;
  const std::time_t seconds = built_at;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 64> date;
  std::snprintf(date.data(), date.size(), "%04d-%02d-%02d %02d:%02d UTC", utc.tm_year + 1900,
                utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min);
  VersionLine line;
  line.revision = is_revision ? std::string(revision) : std::string(kRevisionDigits, '0');
  line.built_on = date.data();
  return line;
}

}  // namespace lockkeeper
