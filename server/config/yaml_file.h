// The same configuration keys from a YAML file (a file whose name ends in .yaml or .yml).
//
// Every key of zoo.cfg may be written flat (`autopurge.purgeInterval: 1`) or nested
// (`autopurge: {purgeInterval: 1}`): nested names are joined with dots. Values are taken as they
// are written, so `no`, `0x10` and `~/x` mean what they mean in zoo.cfg. A sequence is joined with
// commas (`4lw.commands.whitelist: [ruok, mntr]`), except that the addresses of one server are
// joined with '|' and the members of a group with ':'. `servers:`, `groups:` and `weights:` at the
// top stand for `server.`, `group.` and `weight.`.
#ifndef LOCKKEEPER_SERVER_CONFIG_YAML_FILE_H_
#define LOCKKEEPER_SERVER_CONFIG_YAML_FILE_H_

#include <string_view>
#include <vector>

#include "protocol/result.h"
#include "server/config/config_entry.h"

namespace lockkeeper {

bool IsYamlFileName(std::string_view path);

// One entry for each key, as ParseProperties. Errc::kBadConfig, naming the line: not YAML, more
// than one document, or a shape that has no meaning here (a sequence of maps, a list as a key).
Result<std::vector<ConfigEntry>> ParseYaml(std::string_view text);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_CONFIG_YAML_FILE_H_
