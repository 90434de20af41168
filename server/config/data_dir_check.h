// The data directories as a configuration finds them (storage-and-operations 1.2, 1.3, 4.6).
#ifndef LOCKKEEPER_SERVER_CONFIG_DATA_DIR_CHECK_H_
#define LOCKKEEPER_SERVER_CONFIG_DATA_DIR_CHECK_H_

#include <optional>
#include <string>

#include "protocol/result.h"
#include "protocol/types.h"
#include "server/config/config.h"

namespace lockkeeper {

// The first line of `<data_dir>/myid`, a decimal number without any blanks; no file: nullopt.
// Errc::kBadConfig: something else, or the file cannot be read.
Result<std::optional<PeerId>> ReadMyId(const std::string& data_dir);

// Where snapshots (dataDir) and transaction logs (dataLogDir) live: `<dir>/version-2`.
std::string SnapshotDirectory(const Config& config);
std::string LogDirectory(const Config& config);

// Makes missing directories, unless datadir.autocreate is off, and checks that both can be used.
// Errc::kDataDir (exit code 3): missing, not a directory, not writable; or, if they are two
// different paths, snapshots among the logs or logs among the snapshots. Paths are compared as
// text, so two spellings of one directory count as different.
Status PrepareDataDirectories(const Config& config);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_CONFIG_DATA_DIR_CHECK_H_
