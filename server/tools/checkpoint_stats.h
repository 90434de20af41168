// `lockkeeper checkpoint stats [--json] CONF`: what the checkpoint of a stopped server holds.
#ifndef LOCKKEEPER_SERVER_TOOLS_CHECKPOINT_STATS_H_
#define LOCKKEEPER_SERVER_TOOLS_CHECKPOINT_STATS_H_

#include <string>

#include "protocol/result.h"
#include "server/config/config.h"
#include "server/storage/checkpoint_store.h"
#include "server/storage/file_system.h"

namespace lockkeeper {

// Reads the whole store, so that damage shows. kDataDir: a server holds the directory, or there is
// no checkpoint in it.
Result<CheckpointStats> ReadCheckpointStats(FileSystem& fs, const Config& config);

// For people, with a line break at the end.
std::string TextOf(const CheckpointStats& stats);
// One JSON object in one line, with a line break at the end.
std::string JsonOf(const CheckpointStats& stats);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_TOOLS_CHECKPOINT_STATS_H_
