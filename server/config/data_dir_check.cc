#include "server/config/data_dir_check.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "server/config/java_values.h"

namespace lockkeeper {
namespace {

namespace fs = std::filesystem;

Error BadDirectory(std::string text) { return Error{Errc::kDataDir, std::move(text)}; }

// As java.io.File: runs of slashes are one, none at the end; "." and ".." stay.
std::string VersionDirectory(std::string_view parent) {
  std::string path;
  for (const char c : std::string(parent) + "/version-2") {
    if (c != '/' || !path.ends_with('/')) path.push_back(c);
  }
  return path;
}

// `what` is "data" (the logs) or "snap", ZooKeeper's words in these messages.
Status PrepareDirectory(const std::string& path, const std::string& what, bool autocreate) {
  std::error_code error;
  if (!fs::exists(path, error)) {
    if (!autocreate) {
      return BadDirectory("Missing " + what + " directory " + path +
                          ", automatic data directory creation is disabled "
                          "(zookeeper.datadir.autocreate is false). Please create this directory "
                          "manually.");
    }
    error.clear();
    fs::create_directories(path, error);
    if (error) {
      return BadDirectory("Unable to create " + what + " directory " + path + ": " +
                          error.message());
    }
  }
  if (!fs::is_directory(path, error)) {
    return BadDirectory("The " + what + " directory " + path + " is not a directory");
  }
  if (access(path.c_str(), R_OK | W_OK | X_OK) != 0) {
    return BadDirectory("Cannot write to " + what + " directory " + path + ": " +
                        std::strerror(errno));
  }
  return {};
}

// The name of an entry of `directory` that starts with `prefix`; "": there is none.
Result<std::string> FindWithPrefix(const std::string& directory, std::string_view prefix) {
  std::error_code error;
  fs::directory_iterator it(directory, error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    std::string name = it->path().filename().string();
    if (name.starts_with(prefix)) return name;
  }
  if (error) return BadDirectory("Cannot read directory " + directory + ": " + error.message());
  return std::string();
}

Status RefuseStrangers(const std::string& directory, std::string_view prefix,
                       const std::string& text) {
  const auto found = FindWithPrefix(directory, prefix);
  if (!found) return found.error();
  if (found->empty()) return {};
  return BadDirectory(text + " Check if dataLogDir and dataDir configuration is correct. (" +
                      directory + "/" + *found + ")");
}

}  // namespace

Result<std::optional<PeerId>> ReadMyId(const std::string& data_dir) {
  const std::string path = data_dir + "/myid";
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return std::optional<PeerId>();
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{Errc::kBadConfig, path + ": " + std::strerror(errno)};
  std::string line;
  std::getline(file, line);
  if (file.bad()) return Error{Errc::kBadConfig, path + " cannot be read"};
  line = line.substr(0, line.find('\r'));
  const auto id = ParseJavaDecimal(line, INT64_MIN, INT64_MAX);
  if (!id) return Error{Errc::kBadConfig, path + ": serverid " + line + " is not a number"};
  return std::optional<PeerId>(PeerId{*id});
}

std::string SnapshotDirectory(const Config& config) { return VersionDirectory(config.data_dir); }
std::string LogDirectory(const Config& config) { return VersionDirectory(config.data_log_dir); }

Status PrepareDataDirectories(const Config& config) {
  const std::string logs = LogDirectory(config);
  const std::string snapshots = SnapshotDirectory(config);
  if (Status ready = PrepareDirectory(logs, "data", config.datadir_autocreate); !ready) {
    return ready;
  }
  if (Status ready = PrepareDirectory(snapshots, "snap", config.datadir_autocreate); !ready) {
    return ready;
  }
  if (logs == snapshots) return {};
  if (Status clean = RefuseStrangers(logs, "snapshot.", "Log directory has snapshot files.");
      !clean) {
    return clean;
  }
  return RefuseStrangers(snapshots, "log.", "Snapshot directory has log files.");
}

}  // namespace lockkeeper
