#include "server/config/yaml_file.h"

#include <yaml-cpp/yaml.h>

#include <string>
#include <utility>

namespace lockkeeper {
namespace {

// An alias can make a document refer to itself; nothing sensible is this deep or this long.
constexpr int kYamlDepthMax = 8;
constexpr size_t kEntriesMax = 10'000;

Error AtMark(const YAML::Mark& mark, const std::string& what) {
  const std::string line = mark.is_null() ? "" : "line " + std::to_string(mark.line + 1) + ": ";
  return Error{Errc::kBadConfig, line + what};
}

bool IsScalar(const YAML::Node& node) { return node.IsScalar() || node.IsNull(); }
std::string ScalarText(const YAML::Node& node) { return node.IsScalar() ? node.Scalar() : ""; }

std::string_view SequenceSeparator(std::string_view key) {
  if (key.starts_with("server.")) return "|";
  if (key.starts_with("group.")) return ":";
  return ",";
}

// `servers: {1: ...}` reads better than `server: {1: ...}`; both are understood.
std::string TopName(const std::string& name) {
  if (name == "servers" || name == "groups" || name == "weights") {
    return name.substr(0, name.size() - 1);
  }
  return name;
}

class Flattener {
 public:
  Status AddMap(const YAML::Node& map, const std::string& prefix, int depth) {
    if (depth > kYamlDepthMax) return AtMark(map.Mark(), "nested too deeply");
    for (const auto& item : map) {
      const YAML::Node& name = item.first;
      if (!name.IsScalar()) return AtMark(map.Mark(), "a key must be a plain name");
      const std::string key =
          prefix.empty() ? TopName(name.Scalar()) : prefix + "." + name.Scalar();
      if (const Status added = AddValue(key, name.Mark(), item.second, depth); !added) {
        return added.error();
      }
    }
    return {};
  }

  std::vector<ConfigEntry> Take() { return LastOfEachKey(std::move(entries_)); }

 private:
  Status AddValue(const std::string& key, const YAML::Mark& mark, const YAML::Node& value,
                  int depth) {
    if (value.IsMap()) return AddMap(value, key, depth + 1);
    if (entries_.size() == kEntriesMax) return AtMark(mark, "too many keys");
    std::string text;
    if (value.IsSequence()) {
      std::string_view separator;
      for (const YAML::Node& item : value) {
        if (!IsScalar(item)) return AtMark(mark, key + ": a list of plain values is expected");
        text += separator;
        text += TrimmedAsJava(ScalarText(item));
        separator = SequenceSeparator(key);
      }
    } else {
      text = ScalarText(value);
    }
    entries_.push_back(
        {std::string(TrimmedAsJava(key)), std::string(TrimmedAsJava(text)), mark.line + 1, 0});
    return {};
  }

  std::vector<ConfigEntry> entries_;
};

}  // namespace

bool IsYamlFileName(std::string_view path) {
  return path.ends_with(".yaml") || path.ends_with(".yml");
}

// yaml-cpp reports by exceptions; none leaves this function.
Result<std::vector<ConfigEntry>> ParseYaml(std::string_view text) {
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
    if (documents.empty() || documents.front().IsNull()) return std::vector<ConfigEntry>{};
    if (documents.size() > 1) {
      return AtMark(documents[1].Mark(), "more than one YAML document in the file");
    }
    if (!documents.front().IsMap()) {
      return AtMark(documents.front().Mark(), "a map of keys to values is expected");
    }
    Flattener flattener;
    if (const Status added = flattener.AddMap(documents.front(), "", 1); !added) {
      return added.error();
    }
    return flattener.Take();
  } catch (const YAML::Exception& e) {
    return AtMark(e.mark, e.msg);
  }
}

}  // namespace lockkeeper
