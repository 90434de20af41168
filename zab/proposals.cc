#include "zab/proposals.h"

#include <glog/logging.h>

#include <utility>

namespace lockkeeper::zab {

void Proposals::Add(LogEntry entry) {
  CHECK_EQ(entry.zxid, NextZxid(last_proposed_));
  last_proposed_ = entry.zxid;
  open_.push_back(std::move(entry));
}

void Proposals::OnAck(PeerId from, Zxid upto) {
  if (!quorum_.IsVoter(from) || upto > last_proposed_) return;
  Zxid& acked = acked_[from];
  if (upto <= acked) return;
  acked = upto;
  agreed_ = quorum_.HighestAcked(acked_);
}

std::optional<LogEntry> Proposals::TakeCommitted() {
  if (open_.empty() || open_.front().zxid > agreed_) return std::nullopt;
  LogEntry entry = std::move(open_.front());
  open_.pop_front();
  last_committed_ = entry.zxid;
  return entry;
}

}  // namespace lockkeeper::zab
