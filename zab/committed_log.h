// The newest committed transactions, from which learners that are a little behind are brought up
// to date (quorum-protocol 3.2).
#ifndef LOCKKEEPER_ZAB_COMMITTED_LOG_H_
#define LOCKKEEPER_ZAB_COMMITTED_LOG_H_

#include <cstddef>
#include <deque>

#include "protocol/types.h"
#include "zab/log_entry.h"

namespace lockkeeper::zab {

// True if `next` may stand behind `previous` in a history: one more, or of a later epoch.
constexpr bool Follows(Zxid previous, Zxid next) {
  return next == NextZxid(previous) || EpochOf(next) > EpochOf(previous);
}

class CommittedLog {
 public:
  explicit CommittedLog(size_t limit) : limit_(limit) {}

  // An entry at or below the newest one changes nothing. REQUIRES otherwise: it Follows that one;
  // a hole here would become lost data in a learner.
  void Add(LogEntry entry);
  void Truncate(Zxid upto);
  void Clear() { entries_.clear(); }

  const std::deque<LogEntry>& entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }
  // REQUIRES: !empty()
  Zxid oldest() const { return entries_.front().zxid; }
  Zxid newest() const { return entries_.back().zxid; }

 private:
  const size_t limit_;
  std::deque<LogEntry> entries_;
};

}  // namespace lockkeeper::zab

#endif  // LOCKKEEPER_ZAB_COMMITTED_LOG_H_
