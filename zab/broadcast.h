// The leader's side of the broadcast phase (quorum-protocol 5.2): proposals get consecutive zxids,
// and are committed in that order once a quorum has them on disk. A standalone server is a leader
// whose quorum is itself.
#ifndef LOCKKEEPER_ZAB_BROADCAST_H_
#define LOCKKEEPER_ZAB_BROADCAST_H_

#include <deque>
#include <map>
#include <set>
#include <vector>

#include "protocol/types.h"
#include "zab/log_entry.h"
#include "zab/quorum.h"

namespace lockkeeper::zab {

// What the shell must carry out, in the order of the fields.
struct Output {
  std::vector<LogEntry> append;  // to the own log; answered by OnPersisted
  std::vector<Zxid> commit;      // apply in this order, each exactly once
};

// Threads: none of its own; called by the core thread.
class Broadcast {
 public:
  // `last`: the last zxid of the history this leadership starts from; everything up to it is
  // committed.
  Broadcast(PeerId self, std::set<PeerId> voters, Zxid last);

  // The zxid that the next proposal must carry.
  Zxid NextProposal() const { return NextZxid(last_proposed_); }
  // REQUIRES: entry.zxid == NextProposal().
  void Propose(LogEntry entry, Output* out);
  // Everything up to `upto` is on this server's disk.
  void OnPersisted(Zxid upto, Output* out) { OnAck(self_, upto, out); }
  // A voter has everything up to `upto` on disk. Acks of strangers, repeated ones and ones beyond
  // the last proposal change nothing.
  void OnAck(PeerId from, Zxid upto, Output* out);

  Zxid last_proposed() const { return last_proposed_; }
  Zxid last_committed() const { return last_committed_; }
  size_t in_flight() const { return in_flight_.size(); }

 private:
  const PeerId self_;
  const MajorityQuorum quorum_;
  std::map<PeerId, Zxid> acked_;
  std::deque<Zxid> in_flight_;  // proposed, not committed
  Zxid last_proposed_;
  Zxid last_committed_;
};

}  // namespace lockkeeper::zab

#endif  // LOCKKEEPER_ZAB_BROADCAST_H_
