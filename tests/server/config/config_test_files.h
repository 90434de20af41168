// A directory of its own for every test, and files in it.
#ifndef LOCKKEEPER_TESTS_SERVER_CONFIG_CONFIG_TEST_FILES_H_
#define LOCKKEEPER_TESTS_SERVER_CONFIG_CONFIG_TEST_FILES_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace lockkeeper::config_test {

inline std::string Contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

// Removed with everything in it when the test ends, also when it fails.
class TempDirTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string path = ::testing::TempDir() + "lockkeeper-config-XXXXXX";
    ASSERT_NE(mkdtemp(path.data()), nullptr);
    dir_ = path;
  }
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }

  const std::string& dir() const { return dir_; }
  std::string Path(std::string_view name) const { return dir_ + "/" + std::string(name); }

  // Returns the path. Directories on the way are made.
  std::string Write(std::string_view name, std::string_view bytes) const {
    const std::filesystem::path path = Path(name);
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
    return path.string();
  }

  // zoo.cfg with this data directory, a client port, and `lines`, which begin in line 3.
  std::string WriteConfig(std::string_view lines) const {
    return Write("zoo.cfg", "dataDir=" + dir_ + "\nclientPort=2181\n" + std::string(lines));
  }

  // All files below the directory with their contents, sorted.
  std::vector<std::pair<std::string, std::string>> Everything() const {
    std::vector<std::pair<std::string, std::string>> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_)) {
      files.emplace_back(entry.path().string(),
                         entry.is_regular_file() ? Contents(entry.path()) : "directory");
    }
    std::ranges::sort(files);
    return files;
  }

 private:
  std::string dir_;
};

}  // namespace lockkeeper::config_test

#endif  // LOCKKEEPER_TESTS_SERVER_CONFIG_CONFIG_TEST_FILES_H_
