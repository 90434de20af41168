#include "server/config/my_id.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "server/config/java_values.h"

namespace lockkeeper {

namespace fs = std::filesystem;

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

}  // namespace lockkeeper
