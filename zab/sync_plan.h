// How a leader brings a learner up to date: the decision table of quorum-protocol 3.3.
#ifndef LOCKKEEPER_ZAB_SYNC_PLAN_H_
#define LOCKKEEPER_ZAB_SYNC_PLAN_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "protocol/types.h"
#include "zab/committed_log.h"
#include "zab/log_entry.h"

namespace lockkeeper::zab {

struct SyncPlan {
  enum class Kind : uint8_t {
    kDiff,
    kTruncate,
    kSnapshot,
    kNeedsLog,  // only the log files can tell: see PlanWithLog
  };
  Kind kind;
  Zxid zxid;                       // of the DIFF, TRUNC or SNAP packet
  std::vector<LogEntry> resend{};  // committed entries to send after it, in order
};

struct SyncSituation {
  const CommittedLog& committed;
  Zxid leader;  // where the leader's state stands
  Zxid peer;    // what the learner's ACKEPOCH says it has logged
  bool force_snapshot = false;
  bool may_read_log = true;
};

SyncPlan PlanSync(const SyncSituation& situation);

// After kNeedsLog. `logged`: entries of the log files, ascending and without holes, from the last
// one at or below `peer` to the oldest one of the committed log; empty when they cannot be had. A
// snapshot, if they leave a gap to the committed log.
SyncPlan PlanWithLog(const SyncSituation& situation, std::span<const LogEntry> logged);

}  // namespace lockkeeper::zab

#endif  // LOCKKEEPER_ZAB_SYNC_PLAN_H_
