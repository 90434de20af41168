// Quorum arithmetic, behind one type so that weights and groups can take its place.
#ifndef LOCKKEEPER_ZAB_QUORUM_H_
#define LOCKKEEPER_ZAB_QUORUM_H_

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "protocol/types.h"

namespace lockkeeper::zab {

// Any two sets of more than half of the voters share a voter.
class MajorityQuorum {
 public:
  explicit MajorityQuorum(std::set<PeerId> voters) : voters_(std::move(voters)) {}

  bool IsVoter(PeerId peer) const { return voters_.contains(peer); }
  bool IsQuorum(const std::set<PeerId>& peers) const {
    const auto present =
        std::count_if(peers.begin(), peers.end(), [this](PeerId peer) { return IsVoter(peer); });
    return static_cast<size_t>(present) > voters_.size() / 2;
  }
  // The highest zxid that a quorum has acknowledged; 0 if there is none yet.
  Zxid HighestAcked(const std::map<PeerId, Zxid>& acked) const {
    std::vector<Zxid> zxids;
    for (const auto& [peer, zxid] : acked) {
      if (IsVoter(peer)) zxids.push_back(zxid);
    }
    const size_t needed = voters_.size() / 2 + 1;
    if (zxids.size() < needed) return Zxid{0};
    std::sort(zxids.begin(), zxids.end(), std::greater<>());
    return zxids[needed - 1];
  }

 private:
  std::set<PeerId> voters_;
};

}  // namespace lockkeeper::zab

#endif  // LOCKKEEPER_ZAB_QUORUM_H_
