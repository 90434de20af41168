#include "zab/broadcast.h"

#include <glog/logging.h>

namespace lockkeeper::zab {

Broadcast::Broadcast(PeerId self, std::set<PeerId> voters, Zxid last)
    : self_(self), quorum_(std::move(voters)), last_proposed_(last), last_committed_(last) {}

void Broadcast::Propose(LogEntry entry, Output* out) {
  CHECK_EQ(entry.zxid, NextProposal());
  last_proposed_ = entry.zxid;
  in_flight_.push_back(entry.zxid);
  out->append.push_back(std::move(entry));
}

void Broadcast::OnAck(PeerId from, Zxid upto, Output* out) {
  if (!quorum_.IsVoter(from) || upto > last_proposed_) return;
  Zxid& acked = acked_[from];
  if (upto <= acked) return;
  acked = upto;
  const Zxid agreed = quorum_.HighestAcked(acked_);
  while (!in_flight_.empty() && in_flight_.front() <= agreed) {
    last_committed_ = in_flight_.front();
    in_flight_.pop_front();
    out->commit.push_back(last_committed_);
  }
}

}  // namespace lockkeeper::zab
