// Which ZooKeeper we claim to be, and how we say who we are.
#ifndef LOCKKEEPER_SERVER_ADMIN_VERSION_LINE_H_
#define LOCKKEEPER_SERVER_ADMIN_VERSION_LINE_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace lockkeeper {

// Clients switch features on by it.
inline constexpr std::string_view kCompatibleVersion = "3.9.5";

// `3.9.5-<revision>, built on <date>`: the value of zk_version and zookeeper.version, and the rest
// of the line `Zookeeper version: `. Parsers in use want digits and points, then at once a '-',
// then [A-Za-z0-9.-] up to the comma; some take 40 hexadecimal digits for granted. So our name has
// no place in it: the revision and the date are those of our own build, the name is in `envi`.
struct VersionLine {
  std::string version{kCompatibleVersion};
  std::string revision;
  std::string built_on;

  std::string Text() const { return version + "-" + revision + ", built on " + built_on; }
};

// `revision`: the commit that was built; 40 zeros stand for anything that is not 40 lower-case
// hexadecimal digits. `built_at`: seconds since 1970, printed as `2026-01-01 00:00 UTC`.
VersionLine MakeVersionLine(std::string_view revision, int64_t built_at);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_ADMIN_VERSION_LINE_H_
