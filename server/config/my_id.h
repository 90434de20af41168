// The number of this server in its ensemble (storage-and-operations 4.6).
#ifndef LOCKKEEPER_SERVER_CONFIG_MY_ID_H_
#define LOCKKEEPER_SERVER_CONFIG_MY_ID_H_

#include <optional>
#include <string>

#include "protocol/result.h"
#include "protocol/types.h"

namespace lockkeeper {

// The first line of `<data_dir>/myid`, a decimal number without any blanks; no file: nullopt.
// Errc::kBadConfig: something else, or the file cannot be read.
Result<std::optional<PeerId>> ReadMyId(const std::string& data_dir);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_CONFIG_MY_ID_H_
