// Helpers of the admin tests: texts captured from an Apache ZooKeeper 3.8.0 server, and the time
// zone they were captured in. Captured bytes are unchanged, but for data directories, class path
// and kernel version, and for the metric lines, which are sorted.
#ifndef LOCKKEEPER_TESTS_SERVER_ADMIN_ADMIN_TEST_SUPPORT_H_
#define LOCKKEEPER_TESTS_SERVER_ADMIN_ADMIN_TEST_SUPPORT_H_

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "protocol/types.h"
#include "server/admin/version_line.h"

namespace lockkeeper {

inline std::string Capture(const std::string& name) {
  const std::string path =
      std::string(LOCKKEEPER_SOURCE_DIR) + "/tests/server/admin/captures/" + name;
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.is_open()) << path;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

inline std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// The time zone of the process while the object lives: a POSIX TZ string.
class ScopedTimeZone {
 public:
  explicit ScopedTimeZone(const char* zone) {
    if (const char* old = std::getenv("TZ")) old_ = old;
    setenv("TZ", zone, 1);
    tzset();
  }
  ~ScopedTimeZone() {
    if (old_) {
      setenv("TZ", old_->c_str(), 1);
    } else {
      unsetenv("TZ");
    }
    tzset();
  }
  ScopedTimeZone(const ScopedTimeZone&) = delete;
  ScopedTimeZone& operator=(const ScopedTimeZone&) = delete;

 private:
  std::optional<std::string> old_;
};

// The version that the captured server printed (its build forgot to fill in the revision).
inline VersionLine CapturedVersion() {
  return {"3.8.0", "${mvngit.commit.id}", "2024-12-29 17:54 UTC"};
}

}  // namespace lockkeeper

#endif  // LOCKKEEPER_TESTS_SERVER_ADMIN_ADMIN_TEST_SUPPORT_H_
