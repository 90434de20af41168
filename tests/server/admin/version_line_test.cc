#include "server/admin/version_line.h"

#include <gtest/gtest.h>

#include <regex>
#include <string>

namespace lockkeeper {
namespace {

constexpr std::string_view kRevision = "228f0716ef56376da68555078aa4cc582c37ab6d";
constexpr int64_t kNewYear2026 = 1767225600;

TEST(VersionLine, SO_5_6_HasTheShapeOfZooKeepers) {
  EXPECT_EQ(MakeVersionLine(kRevision, kNewYear2026).Text(),
            "3.9.5-228f0716ef56376da68555078aa4cc582c37ab6d, built on 2026-01-01 00:00 UTC");
}

TEST(VersionLine, SO_5_6_KeepsItsShapeWithoutAUsableRevision) {
  const std::string zeros(40, '0');
  for (const std::string& revision : {std::string(), std::string("unknown"), std::string(39, 'a'),
                                      std::string(40, 'G'), std::string(kRevision) + "-dirty"}) {
    EXPECT_EQ(MakeVersionLine(revision, kNewYear2026).revision, zeros) << revision;
  }
}

// The expressions with which clients and monitoring tools read the line.
TEST(VersionLine, SO_5_6_IsReadByToolsInUse) {
  const std::string value = MakeVersionLine(kRevision, kNewYear2026).Text();
  const std::string line = "Zookeeper version: " + value;
  std::smatch m;
  // kazoo, on zookeeper.version of envi.
  ASSERT_TRUE(std::regex_search(value, m, std::regex(R"(^([\d\.]*).*)")));
  EXPECT_EQ(m[1], "3.9.5");
  // aiozk.
  ASSERT_TRUE(
      std::regex_search(line, m, std::regex(R"(^Zookeeper version: (\d+)\.(\d+)\.(\d+)-.*)")));
  EXPECT_EQ(m[3], "5");
  // Datadog.
  ASSERT_TRUE(
      std::regex_search(line, m, std::regex(R"(Zookeeper version: ([^.]+)\.([^.]+)\.([^-]+))")));
  EXPECT_EQ(m[3], "5");
  // OpenVAS and others.
  ASSERT_TRUE(std::regex_search(line, m, std::regex(R"(Zookeeper version: ([0-9.]+)[-,])")));
  EXPECT_EQ(m[1], "3.9.5");
  // go-zookeeper (its date is that of releases before 3.7) and node clients.
  ASSERT_TRUE(std::regex_search(
      line, m, std::regex(R"(^Zookeeper version: ([A-Za-z0-9\.\-]+), built on (.*))")));
  EXPECT_EQ(m[2], "2026-01-01 00:00 UTC");
}

}  // namespace
}  // namespace lockkeeper
