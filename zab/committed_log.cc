#include "zab/committed_log.h"

#include <glog/logging.h>

#include <utility>

namespace lockkeeper::zab {

void CommittedLog::Add(LogEntry entry) {
  if (!entries_.empty()) {
    if (entry.zxid <= newest()) return;
    CHECK(Follows(newest(), entry.zxid)) << "a hole after " << newest() << ": " << entry.zxid;
  }
  entries_.push_back(std::move(entry));
  if (entries_.size() > limit_) entries_.pop_front();
}

void CommittedLog::Truncate(Zxid upto) {
  while (!entries_.empty() && newest() > upto) entries_.pop_back();
}

}  // namespace lockkeeper::zab
