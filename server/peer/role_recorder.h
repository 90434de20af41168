// Turns what a member of an ensemble does into its metrics (storage-and-operations 7.2).
//
// Threads: the core thread.
#ifndef LOCKKEEPER_SERVER_PEER_ROLE_RECORDER_H_
#define LOCKKEEPER_SERVER_PEER_ROLE_RECORDER_H_

#include <cstdint>
#include <map>
#include <optional>

#include "protocol/types.h"
#include "server/admin/metrics.h"
#include "zab/action.h"
#include "zab/peer.h"

namespace lockkeeper {

class RoleRecorder {
 public:
  explicit RoleRecorder(Metrics* metrics) : metrics_(*metrics) {}

  // `action` is about to be carried out; `peer` is as it is behind the event that led to it.
  void Note(MonoMs now, const zab::Peer& peer, const zab::Action& action);
  // What was to be sent to learners has been handed to the network.
  void Sent(MonoMs now);

  // Since when this member serves clients in its present role; nullopt: it does not.
  std::optional<MonoMs> serving_since() const { return serving_since_; }

 private:
  struct Queue {
    PeerId sid;
    int64_t packets = 0;
    MonoMs since;
  };

  void Looking(MonoMs now);
  void Elected(MonoMs now, bool observer);
  void ToLearner(MonoMs now, const zab::Peer& peer, const zab::SendToLearner& action);
  void Serving(MonoMs now, const zab::StartServing& action);

  Metrics& metrics_;
  std::optional<MonoMs> looking_since_;      // an election goes on
  std::optional<MonoMs> unavailable_since_;  // nobody is served
  std::optional<MonoMs> syncing_since_;      // a leader brings this member up to date
  std::optional<MonoMs> serving_since_;
  bool leading_ = false;                    // or about to
  std::map<zab::LearnerId, Queue> queues_;  // since Sent
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PEER_ROLE_RECORDER_H_
