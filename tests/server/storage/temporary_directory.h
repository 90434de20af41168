// A directory of its own for a test on the real file system; removed with all that is in it.
#ifndef LOCKKEEPER_TESTS_SERVER_STORAGE_TEMPORARY_DIRECTORY_H_
#define LOCKKEEPER_TESTS_SERVER_STORAGE_TEMPORARY_DIRECTORY_H_

#include <glog/logging.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

namespace lockkeeper {

class TemporaryDirectory {
 public:
  TemporaryDirectory() : path_(testing::TempDir() + "lockkeeper-storage-XXXXXX") {
    PCHECK(mkdtemp(path_.data()) != nullptr) << path_;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_TESTS_SERVER_STORAGE_TEMPORARY_DIRECTORY_H_
