// A configuration while it is loaded: the values stored so far and the entries they came from, so
// that checks over several keys can name key and line. Internal to server/config.
#ifndef LOCKKEEPER_SERVER_CONFIG_CONFIG_DRAFT_H_
#define LOCKKEEPER_SERVER_CONFIG_CONFIG_DRAFT_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.h"
#include "server/config/config.h"

namespace lockkeeper {

struct ConfigDraft {
  Config config;
  std::map<std::string, ConfigEntry, std::less<>> entries;  // known keys by their plain name

  const ConfigEntry* Find(std::string_view name) const;
  // The value as text; "" if the key is not there.
  std::string_view Text(std::string_view name) const;
  // The entries whose plain name, which is their `key` here, starts with `prefix`; by their lines.
  std::vector<ConfigEntry> WithPrefix(std::string_view prefix) const;

  // Says `text` about the key; about the whole file if the key is not there.
  Error Refuse(std::string_view name, std::string_view text, Errc code = Errc::kBadConfig) const;
  void Warn(std::string_view name, std::string text);
  void Note(std::string_view name, std::string text);
};

// "<source>:<line>: <key>=<value>: <text>", the value masked if it is a secret.
Error ErrorAt(std::string_view source, const ConfigEntry& entry, std::string_view text,
              Errc code = Errc::kBadConfig);

// The rules that concern a server by itself: directories, times, addresses, authentication.
// Fills in the defaults that depend on other keys.
Status CheckServer(ConfigDraft* draft);

// The server list: reads it (and `myid`), decides whether this is an ensemble, and refuses what is
// wrong with it. A single participant runs standalone.
Status CheckEnsemble(ConfigDraft* draft);

// Reads a file in the syntax that its name says; errors name the file.
Result<std::vector<ConfigEntry>> ReadConfigEntries(const std::string& path);

// The address in numbers for a host name or address (brackets allowed), IPv4 first; "" for the
// addresses that mean every local one. Errc::kBadConfig: the name does not resolve.
Result<std::string> LookUpBindAddress(std::string_view host);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_CONFIG_CONFIG_DRAFT_H_
