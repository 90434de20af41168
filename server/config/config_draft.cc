#include "server/config/config_draft.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <utility>

#include "server/config/config_keys.h"
#include "server/config/properties_file.h"
#include "server/config/yaml_file.h"

namespace lockkeeper {
namespace {

// A configuration of a few kilobytes is a long one; this is a wrong file.
constexpr size_t kConfigFileBytesMax = 16 << 20;

ConfigRemark RemarkAbout(const ConfigEntry* entry, std::string_view name, std::string text) {
  return {std::string(name), entry != nullptr ? entry->line : 0, std::move(text)};
}

Result<std::string> ReadConfigFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{Errc::kBadConfig, path + ": " + std::strerror(errno)};
  std::string bytes;
  char chunk[4096];
  while (bytes.size() <= kConfigFileBytesMax &&
         (file.read(chunk, sizeof chunk), file.gcount() > 0)) {
    bytes.append(chunk, static_cast<size_t>(file.gcount()));
  }
  if (file.bad()) return Error{Errc::kBadConfig, path + " cannot be read"};
  if (bytes.size() > kConfigFileBytesMax) {
    return Error{Errc::kBadConfig, path + " is too long for a configuration file"};
  }
  return bytes;
}

}  // namespace

const ConfigEntry* ConfigDraft::Find(std::string_view name) const {
  const auto it = entries.find(name);
  return it == entries.end() ? nullptr : &it->second;
}

std::string_view ConfigDraft::Text(std::string_view name) const {
  const ConfigEntry* entry = Find(name);
  return entry != nullptr ? std::string_view(entry->value) : std::string_view();
}

std::vector<ConfigEntry> ConfigDraft::WithPrefix(std::string_view prefix) const {
  std::vector<ConfigEntry> found;
  for (const auto& [name, entry] : entries) {
    if (name.starts_with(prefix)) found.push_back({name, entry.value, entry.line, 0});
  }
  std::ranges::stable_sort(found, {}, &ConfigEntry::line);
  return found;
}

Error ConfigDraft::Refuse(std::string_view name, std::string_view text, Errc code) const {
  if (const ConfigEntry* entry = Find(name)) return ErrorAt(config.source, *entry, text, code);
  return Error{code, config.source + ": " + std::string(text)};
}

void ConfigDraft::Warn(std::string_view name, std::string text) {
  config.warnings.push_back(RemarkAbout(Find(name), name, std::move(text)));
}

void ConfigDraft::Note(std::string_view name, std::string text) {
  config.notes.push_back(RemarkAbout(Find(name), name, std::move(text)));
}

Error ErrorAt(std::string_view source, const ConfigEntry& entry, std::string_view text, Errc code) {
  std::string message(source);
  if (entry.line != 0) message.append(":").append(std::to_string(entry.line));
  message.append(": ").append(entry.key).append("=");
  message.append(ShownValue(entry.key, entry.value)).append(": ").append(text);
  return Error{code, std::move(message)};
}

Result<std::vector<ConfigEntry>> ReadConfigEntries(const std::string& path) {
  const auto bytes = ReadConfigFile(path);
  if (!bytes) return bytes.error();
  auto entries = IsYamlFileName(path) ? ParseYaml(*bytes) : ParseProperties(*bytes);
  if (!entries) return Error{entries.error().code, path + ": " + entries.error().message};
  return entries;
}

Result<std::string> LookUpBindAddress(std::string_view host) {
  std::string name(host);
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int error = getaddrinfo(name.c_str(), nullptr, &hints, &list); error != 0) {
    return Error{Errc::kBadConfig, name + ": " + gai_strerror(error)};
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, &freeaddrinfo);
  const addrinfo* chosen = list;
  for (const addrinfo* item = list; item != nullptr; item = item->ai_next) {
    if (item->ai_family != AF_INET) continue;
    chosen = item;
    break;
  }
  char text[NI_MAXHOST];
  if (chosen == nullptr || getnameinfo(chosen->ai_addr, chosen->ai_addrlen, text, sizeof text,
                                       nullptr, 0, NI_NUMERICHOST) != 0) {
    return Error{Errc::kBadConfig, name + ": has no address in numbers"};
  }
  const std::string_view address = text;
  return address == "0.0.0.0" || address == "::" ? std::string() : std::string(address);
}

}  // namespace lockkeeper
