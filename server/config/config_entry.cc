#include "server/config/config_entry.h"

#include <algorithm>
#include <map>
#include <utility>

namespace lockkeeper {

std::string_view TrimmedAsJava(std::string_view text) {
  const auto is_blank = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<ConfigEntry> LastOfEachKey(std::vector<ConfigEntry> entries) {
  std::map<std::string, size_t> last;
  for (size_t i = 0; i < entries.size(); ++i) {
    const auto [it, first] = last.try_emplace(entries[i].key, i);
    if (first) continue;
    entries[i].replaced_line = entries[it->second].line;
    it->second = i;
  }
  std::vector<ConfigEntry> result;
  result.reserve(last.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    if (last.at(entries[i].key) == i) result.push_back(std::move(entries[i]));
  }
  return result;
}

}  // namespace lockkeeper
