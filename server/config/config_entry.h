// A key with its value as text, as a configuration file of either syntax gives it.
#ifndef LOCKKEEPER_SERVER_CONFIG_CONFIG_ENTRY_H_
#define LOCKKEEPER_SERVER_CONFIG_CONFIG_ENTRY_H_

#include <string>
#include <string_view>
#include <vector>

namespace lockkeeper {

struct ConfigEntry {
  std::string key;
  std::string value;
  int line = 0;           // of the key, from 1; 0: not from a file
  int replaced_line = 0;  // an earlier line with the same key, which lost; 0: none

  friend bool operator==(const ConfigEntry&, const ConfigEntry&) = default;
};

// Without what Java's String.trim drops: every character up to and including the blank.
std::string_view TrimmedAsJava(std::string_view text);

// Keeps the last of the entries with the same key, in the order of the entries that stay.
std::vector<ConfigEntry> LastOfEachKey(std::vector<ConfigEntry> entries);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_CONFIG_CONFIG_ENTRY_H_
