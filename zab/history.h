// What this member holds: the mirror of its disk and state that votes and synchronization are
// made from. Kept by whichever of Peer, Leader and Learner is at work.
#ifndef LOCKKEEPER_ZAB_HISTORY_H_
#define LOCKKEEPER_ZAB_HISTORY_H_

#include <cstdint>

#include "protocol/types.h"
#include "zab/committed_log.h"

namespace lockkeeper::zab {

struct History {
  int64_t accepted_epoch = 0;  // newest epoch promised to a leader
  int64_t current_epoch = 0;   // of the newest leader whose history this is
  Zxid appended;               // newest entry given to the log
  Zxid persisted;              // newest entry known to be on disk
  Zxid applied;                // where the state stands; an epoch's zxid 0 at its beginning
  CommittedLog committed;
};

}  // namespace lockkeeper::zab

#endif  // LOCKKEEPER_ZAB_HISTORY_H_
