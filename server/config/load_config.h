// From a file or from arguments to a checked Config.
//
//   lockkeeper server CONF                                 zoo.cfg syntax, or YAML by its name
//   lockkeeper server PORT DATADIR [TICKTIME] [MAXCNXNS]   standalone, everything else default
//
// A key that Java takes only as a system property is obeyed from the file, and every property with
// or without the prefix `zookeeper.` (the name without it wins if both are there); ZooKeeper itself
// ignores both spellings silently. Unknown keys are accepted, each with a warning in
// Config::warnings.
#ifndef LOCKKEEPER_SERVER_CONFIG_LOAD_CONFIG_H_
#define LOCKKEEPER_SERVER_CONFIG_LOAD_CONFIG_H_

#include <span>
#include <string>

#include "protocol/result.h"
#include "server/config/config.h"

namespace lockkeeper {

// Reads the file, `myid` and a dynamic configuration file, looks up clientPortAddress; changes
// nothing. The text of an error names file, line, key and value.
// Errc::kBadConfig: exit code 2. Errc::kIo: a digestAlg that is not available, exit code 1.
Result<Config> LoadConfig(const std::string& path);

// `args`: what follows `lockkeeper server`. One argument is LoadConfig.
Result<Config> ConfigFromArguments(std::span<const std::string> args);

// What the process ends with: 2 for kBadConfig, 3 for kDataDir, else 1
// (storage-and-operations 12.1).
int ExitCode(const Error& error);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_CONFIG_LOAD_CONFIG_H_
