// The small files beside the database that belong to a server: myid and the epoch files.
#ifndef LOCKKEEPER_SERVER_TOOLS_SERVER_FILES_H_
#define LOCKKEEPER_SERVER_TOOLS_SERVER_FILES_H_

#include <string>

#include "protocol/result.h"
#include "server/storage/file_system.h"

namespace lockkeeper {

// Copies the files that exist from one data directory to another, durably. An existing myid of the
// target stays.
Status CopyServerFiles(FileSystem& fs, const std::string& from_data_dir,
                       const std::string& to_data_dir);

// Whether `dir` is missing or has no file in it.
Result<bool> IsMissingOrEmpty(FileSystem& fs, const std::string& dir);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_TOOLS_SERVER_FILES_H_
