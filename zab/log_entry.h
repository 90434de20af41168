// A transaction as zab and the log see it: opaque bytes with a zxid.
#ifndef LOCKKEEPER_ZAB_LOG_ENTRY_H_
#define LOCKKEEPER_ZAB_LOG_ENTRY_H_

#include <memory>
#include <string>

#include "protocol/types.h"

namespace lockkeeper {

struct LogEntry {
  Zxid zxid;
  // Shared by the log thread, the peers' queues and whoever applies it; never changed.
  std::shared_ptr<const std::string> payload;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_ZAB_LOG_ENTRY_H_
