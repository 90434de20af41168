#include "server/config/load_config.h"

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "server/config/config_draft.h"
#include "server/config/config_keys.h"
#include "server/config/config_value.h"
#include "server/config/java_values.h"

namespace lockkeeper {
namespace {

constexpr char kUsage[] =
    "Usage: lockkeeper server configfile | port datadir [ticktime] [maxcnxns]";

// The entry moves into the draft under its plain name. Of two spellings of a property the one
// without prefix wins, since it is the only one that ZooKeeper obeys.
void AddKnown(const ConfigKey& key, const std::string& plain_name, const ConfigEntry& entry,
              ConfigDraft* draft) {
  const ConfigEntry* other = draft->Find(plain_name);
  const bool stays = other != nullptr && other->key == plain_name;
  if (other != nullptr) {
    draft->Warn(plain_name, "given as " + plain_name + " and as zookeeper." + plain_name +
                                ": the name without the prefix counts");
  }
  if (stays) return;
  draft->entries[plain_name] = entry;
  if (entry.replaced_line != 0) {
    draft->Warn(plain_name, "given before in line " + std::to_string(entry.replaced_line) +
                                ": the last one counts");
  }
  const bool silent = key.effect == KeyEffect::kObeyed || key.effect == KeyEffect::kSwitch ||
                      key.effect == KeyEffect::kAdminServer;
  if (!silent) draft->Note(plain_name, std::string(EffectText(key.effect)));
}

void AddUnknown(const ConfigEntry& entry, Config* config) {
  config->warnings.push_back({entry.key, entry.line, "unknown key, it has no effect"});
}

// Sorts entries into known and unknown ones and stores the values, in the order of the lines.
Status StoreEntries(const std::vector<ConfigEntry>& entries, ConfigDraft* draft) {
  std::vector<std::pair<std::string, const ConfigKey*>> known;
  for (const ConfigEntry& entry : entries) {
    std::string name;
    const ConfigKey* key = FindConfigKey(entry.key, &name);
    if (key == nullptr) {
      AddUnknown(entry, &draft->config);
      continue;
    }
    if (draft->Find(name) == nullptr) known.emplace_back(name, key);
    AddKnown(*key, name, entry, draft);
  }
  for (const auto& [name, key] : known) {
    const ConfigEntry& entry = *draft->Find(name);
    const auto warning = StoreValue(*key, entry.value, &draft->config);
    if (!warning) return ErrorAt(draft->config.source, entry, warning.error().message);
    if (!warning->empty()) draft->Warn(name, *warning);
    if (std::holds_alternative<std::monostate>(key->field)) {
      draft->config.accepted.push_back({name, entry.value, entry.line, 0});
    }
  }
  return {};
}

// ZooKeeper warns about these: they depend on the directory in which the server is started.
void WarnAboutRelativePath(std::string_view key, const std::string& path, ConfigDraft* draft) {
  if (path.empty() || path.starts_with('/') || path.starts_with('.')) return;
  draft->Warn(key, path + " is relative. Prepend ./ to indicate that you're sure!");
}

Result<Config> Finish(ConfigDraft draft, bool with_server_list) {
  WarnAboutRelativePath("dataDir", draft.config.data_dir, &draft);
  WarnAboutRelativePath("dataLogDir", draft.config.data_log_dir, &draft);
  if (const Status checked = CheckServer(&draft); !checked) return checked.error();
  if (with_server_list) {
    if (const Status checked = CheckEnsemble(&draft); !checked) return checked.error();
    if (draft.config.ensemble) {
      std::erase_if(draft.config.notes, [](const ConfigRemark& note) {
        return note.text == EffectText(KeyEffect::kEnsemble);
      });
    }
  }
  std::ranges::stable_sort(draft.config.warnings, {}, &ConfigRemark::line);
  std::ranges::stable_sort(draft.config.notes, {}, &ConfigRemark::line);
  return std::move(draft.config);
}

Error BadArguments(const std::string& text) {
  return Error{Errc::kBadConfig, text + "\n" + kUsage};
}

}  // namespace

Result<Config> LoadConfig(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    return Error{Errc::kBadConfig, path + " file is missing"};
  }
  ConfigDraft draft;
  draft.config.source = path;
  WarnAboutRelativePath("", path, &draft);
  const auto entries = ReadConfigEntries(path);
  if (!entries) return entries.error();
  if (const Status stored = StoreEntries(*entries, &draft); !stored) return stored.error();
  return Finish(std::move(draft), true);
}

Result<Config> ConfigFromArguments(std::span<const std::string> args) {
  if (args.size() == 1) return LoadConfig(args[0]);
  if (args.empty() || args.size() > 4) {
    return BadArguments("Invalid number of arguments: " + std::to_string(args.size()));
  }
  ConfigDraft draft;
  draft.config.source = "command line";
  draft.config.max_client_cnxns = 0;  // this form has no limit, as in ZooKeeper
  const auto port = ParseJavaDecimal(args[0], INT32_MIN, INT32_MAX);
  if (!port) return BadArguments("port: For input string: \"" + args[0] + "\"");
  if (*port < 0 || *port > 65535) return BadArguments("port out of range:" + args[0]);
  draft.config.client_port = static_cast<uint16_t>(*port);
  std::vector<ConfigEntry> entries = {{"dataDir", args[1], 0, 0}};
  if (args.size() > 2) entries.push_back({"tickTime", args[2], 0, 0});
  if (args.size() > 3) entries.push_back({"maxClientCnxns", args[3], 0, 0});
  if (const Status stored = StoreEntries(entries, &draft); !stored) {
    return BadArguments(stored.error().message);
  }
  return Finish(std::move(draft), false);
}

int ExitCode(const Error& error) {
  switch (error.code) {
    case Errc::kBadConfig:
      return 2;
    case Errc::kDataDir:
      return 3;
    case Errc::kCheckpoint:
      return 10;
    case Errc::kElectionPort:
      return 14;
    default:
      return 1;
  }
}

}  // namespace lockkeeper
