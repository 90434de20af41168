// A leader's proposals that are not committed yet (quorum-protocol 5.2): consecutive zxids,
// committed in that order once a quorum has them on disk.
#ifndef LOCKKEEPER_ZAB_PROPOSALS_H_
#define LOCKKEEPER_ZAB_PROPOSALS_H_

#include <deque>
#include <map>
#include <optional>

#include "protocol/types.h"
#include "zab/log_entry.h"
#include "zab/quorum.h"

namespace lockkeeper::zab {

// Threads: none of its own.
class Proposals {
 public:
  // `quorum` outlives this. `last`: the last zxid of the history that this leadership starts
  // from; everything up to it is committed.
  Proposals(const MajorityQuorum* quorum, Zxid last)
      : quorum_(*quorum), last_proposed_(last), last_committed_(last) {}

  // REQUIRES: entry.zxid == NextZxid(last_proposed()).
  void Add(LogEntry entry);
  // A member has everything up to `upto` on disk. Acks of strangers, repeated ones and ones beyond
  // the last proposal change nothing.
  void OnAck(PeerId from, Zxid upto);
  // The next entry that a quorum has, each once.
  std::optional<LogEntry> TakeCommitted();

  const std::deque<LogEntry>& open() const { return open_; }
  Zxid last_proposed() const { return last_proposed_; }
  Zxid last_committed() const { return last_committed_; }

 private:
  const MajorityQuorum& quorum_;
  std::map<PeerId, Zxid> acked_;
  std::deque<LogEntry> open_;
  Zxid last_proposed_;
  Zxid last_committed_;
  Zxid agreed_;
};

}  // namespace lockkeeper::zab

#endif  // LOCKKEEPER_ZAB_PROPOSALS_H_
