#include "server/tools/checkpoint_stats.h"

#include <nlohmann/json.hpp>
#include <sstream>

#include "server/storage/data_dir.h"

namespace lockkeeper {

Result<CheckpointStats> ReadCheckpointStats(FileSystem& fs, const Config& config) {
  const auto dir = DataDir::Open(
      fs, {.data_dir = config.data_dir, .data_log_dir = config.data_log_dir, .auto_create = false});
  if (!dir) return dir.error();
  const std::string path = (*dir)->checkpoint_dir();
  const auto info = fs.Stat(path);
  if (!info) return info.error();
  if (!info->has_value()) return Error{Errc::kDataDir, "there is no checkpoint in " + path};
  const auto store = CheckpointStore::Open(fs, path, CheckpointStore::IfMissing::kRefuse);
  if (!store) return store.error();
  if (!(*store)->meta()) {
    return Error{Errc::kDataDir, "the first checkpoint in " + path + " was never finished"};
  }
  return (*store)->Stats();
}

std::string TextOf(const CheckpointStats& stats) {
  std::ostringstream text;
  text << "zxid:        " << stats.meta.zxid << "\n"
       << "format:      " << stats.meta.version << "\n"
       << "written:     " << stats.meta.written_ms << " ms since 1970\n";
  if (stats.meta.digest) text << "digest:      " << *stats.meta.digest << "\n";
  text << "znodes:      " << stats.nodes << "\n"
       << "ACLs:        " << stats.acls << "\n"
       << "sessions:    " << stats.sessions << "\n"
       << "key bytes:   " << stats.key_bytes << "\n"
       << "value bytes: " << stats.value_bytes << "\n"
       << "on disk:     " << stats.store_bytes << " bytes\n"
       << "generations:";
  for (const Zxid zxid : stats.meta.generations) text << " " << zxid;
  text << "\n" << stats.levels;
  return text.str();
}

std::string JsonOf(const CheckpointStats& stats) {
  nlohmann::json json{{"zxid", stats.meta.zxid.value},
                      {"version", stats.meta.version},
                      {"writtenMs", stats.meta.written_ms},
                      {"znodes", stats.nodes},
                      {"acls", stats.acls},
                      {"sessions", stats.sessions},
                      {"keyBytes", stats.key_bytes},
                      {"valueBytes", stats.value_bytes},
                      {"storeBytes", stats.store_bytes}};
  if (stats.meta.digest) json["digest"] = *stats.meta.digest;
  for (const Zxid zxid : stats.meta.generations) json["generations"].push_back(zxid.value);
  return json.dump() + "\n";
}

}  // namespace lockkeeper
