// The house rules that a machine can check: dependencies go one way, the cores have no I/O, and no
// file becomes the system.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/architecture/source_files.h"

namespace lockkeeper {
namespace {

const std::map<std::string, std::set<std::string>> kMayInclude = {
    {"protocol", {"protocol"}},
    {"datatree", {"datatree", "protocol"}},
    {"zab", {"zab", "protocol"}},
    {"server", {"server", "zab", "datatree", "protocol"}},
};
const std::vector<std::string> kNotInCores = {
    "<thread>", "<mutex>",    "<chrono>",   "<random>",       "<fstream>",   "<condition_variable>",
    "<future>", "<fcntl.h>",  "<ctime>",    "<sys/socket.h>", "<boost/asio", "<leveldb",
    "<atomic>", "<unistd.h>", "<stdlib.h>", "<cstdlib>",      "<iostream>",  "<filesystem>"};
// Also reachable through other headers.
const std::vector<std::string> kCallsNotInCores = {"getenv(",        "fopen(", "time(nullptr)",
                                                   "clock_gettime(", "rand()", "random_device"};
constexpr int kLinesMax = 700;

TEST(Architecture, DependenciesGoOneWay) {
  const std::vector<SourceFile> files = SourceFiles();
  ASSERT_GT(files.size(), 50u);
  for (const SourceFile& file : files) {
    for (const std::string& line : file.lines) {
      if (!line.starts_with("#include \"")) continue;
      const std::string target = line.substr(10, line.find('/') - 10);
      EXPECT_TRUE(kMayInclude.at(file.module).contains(target)) << file.path << ": " << line;
    }
  }
}

TEST(Architecture, CoresHaveNoInputOutputThreadsClocksOrRandomness) {
  for (const SourceFile& file : SourceFiles()) {
    if (file.module == "server") continue;
    for (const std::string& line : file.lines) {
      if (!line.starts_with("#include <")) continue;
      for (const std::string& banned : kNotInCores) {
        EXPECT_EQ(line.find(banned), std::string::npos) << file.path << ": " << line;
      }
    }
  }
}

TEST(Architecture, CoresAskTheOperatingSystemForNothing) {
  for (const SourceFile& file : SourceFiles()) {
    if (file.module == "server") continue;
    for (const std::string& line : file.lines) {
      for (const std::string& banned : kCallsNotInCores) {
        EXPECT_EQ(line.find(banned), std::string::npos) << file.path << ": " << line;
      }
    }
  }
}

TEST(Architecture, NoFileBecomesTheSystem) {
  for (const SourceFile& file : SourceFiles()) {
    EXPECT_LE(file.lines.size(), static_cast<size_t>(kLinesMax)) << file.path;
  }
}

}  // namespace
}  // namespace lockkeeper
