// The project's own files, for the rules that a machine can check.
#ifndef LOCKKEEPER_TESTS_ARCHITECTURE_SOURCE_FILES_H_
#define LOCKKEEPER_TESTS_ARCHITECTURE_SOURCE_FILES_H_

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace lockkeeper {

struct SourceFile {
  std::string module;  // the directory at the top that it is in
  std::filesystem::path path;
  std::vector<std::string> lines;
};

// Headers and sources of the modules, without tests and benchmarks.
inline std::vector<SourceFile> SourceFiles() {
  std::vector<SourceFile> files;
  for (const char* module : {"protocol", "datatree", "zab", "server"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(
             std::filesystem::path(LOCKKEEPER_SOURCE_DIR) / module)) {
      const std::string extension = entry.path().extension();
      if (extension != ".h" && extension != ".cc") continue;
      SourceFile file{module, entry.path(), {}};
      std::ifstream in(entry.path());
      for (std::string line; std::getline(in, line);) file.lines.push_back(line);
      files.push_back(std::move(file));
    }
  }
  return files;
}

}  // namespace lockkeeper

#endif  // LOCKKEEPER_TESTS_ARCHITECTURE_SOURCE_FILES_H_
