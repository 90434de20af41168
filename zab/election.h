// Fast leader election (quorum-protocol 1.5 and 1.6): the rounds of a member that is LOOKING.
//
// Threads: none of its own. Times are MonoMs given by the caller.
#ifndef LOCKKEEPER_ZAB_ELECTION_H_
#define LOCKKEEPER_ZAB_ELECTION_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "protocol/election_message.h"
#include "protocol/types.h"
#include "zab/options.h"
#include "zab/quorum.h"

namespace lockkeeper::zab {

// The higher vote wins: by epoch, then zxid, then server (QP-1.17).
bool Beats(const Vote& a, const Vote& b);

struct Decision {
  Vote vote;
  int64_t round;
};

class Election {
 public:
  // `options` outlives this.
  explicit Election(const PeerOptions& options);

  // A new round with this member's own vote. The proposal must be sent to every voter.
  void Enter(MonoMs now, const Vote& own);

  struct Outcome {
    bool send_proposal = false;  // to every voter
    std::optional<Decision> decision{};
  };
  // REQUIRES: Enter was called and no decision came since.
  Outcome OnNotification(MonoMs now, PeerId from, const Notification& n);
  Outcome OnTimer(MonoMs now);
  MonoMs NextDeadline() const { return finalizing_ ? finalize_at_ : resend_at_; }

  const Vote& proposal() const { return proposal_; }
  int64_t round() const { return round_; }

 private:
  // A vote as it is counted. Those that count for the present round are kept with version 0.
  struct Counted {
    Vote vote;
    int64_t round = 0;
    ServerState state = ServerState::kLooking;
    int32_t version = 0;
  };
  using Votes = std::map<PeerId, Counted>;

  static bool Same(const Counted& a, const Counted& b);
  bool IsQuorum(const Votes& votes, const Counted& candidate) const;
  // Do not follow a server that others still vote for but that leads no more (QP-1.22).
  bool LeaderOk(const Votes& votes, PeerId leader, int64_t round) const;
  Outcome OnLooking(MonoMs now, PeerId from, const Notification& n);
  Outcome OnEstablished(PeerId from, const Notification& n);
  void Propose(const Vote& vote);
  void MaybeFinalize(MonoMs now);

  const PeerOptions& options_;
  const MajorityQuorum quorum_;
  int64_t round_ = 0;  // the logical clock
  Vote own_;
  Vote proposal_;
  Votes in_round_;           // of this round
  Votes established_;        // of servers that follow or lead, of whatever round
  bool finalizing_ = false;  // a quorum agrees: silence decides
  MonoMs finalize_at_;
  // The proposal is sent again whatever comes in meanwhile: a server that hears only others would
  // never be heard itself if its first message was lost.
  int64_t wait_ms_ = 0;
  MonoMs resend_at_;
};

}  // namespace lockkeeper::zab

#endif  // LOCKKEEPER_ZAB_ELECTION_H_
