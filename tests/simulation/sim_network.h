// The simulated network between members: election messages, and connections to a leader's quorum
// port. A connection delivers in order, late, or breaks; a cut between two members holds back
// what is under way until it is healed or the connection breaks.
#ifndef LOCKKEEPER_TESTS_SIMULATION_SIM_NETWORK_H_
#define LOCKKEEPER_TESTS_SIMULATION_SIM_NETWORK_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "protocol/election_message.h"
#include "protocol/quorum_packet.h"
#include "protocol/types.h"
#include "tests/simulation/dice.h"
#include "tests/simulation/events.h"
#include "tests/simulation/faults.h"
#include "tests/simulation/sim_state.h"

namespace lockkeeper::simulation {

// Packets, or (with an image) the stream behind a SNAP.
struct Parcel {
  std::vector<QuorumPacket> packets;
  ImageRef image = nullptr;
};

// What a member's end of the network hears; `conn` is never used twice in a run.
class NetworkUser {
 public:
  virtual ~NetworkUser() = default;
  virtual void HearNotification(PeerId from, const Notification& n) = 0;
  virtual void LeaderConnected(uint64_t conn) = 0;
  virtual void LeaderLost(uint64_t conn) = 0;
  virtual void LeaderParcel(uint64_t conn, const Parcel& parcel) = 0;
  virtual bool AcceptsLearners() const = 0;
  virtual void LearnerConnected(uint64_t conn) = 0;
  virtual void LearnerLost(uint64_t conn) = 0;
  virtual void LearnerParcel(uint64_t conn, const Parcel& parcel) = 0;
  virtual bool Up() const = 0;
};

class SimNetwork {
 public:
  SimNetwork(Events* events, Dice* dice, const FaultPlan& plan)
      : events_(*events), dice_(*dice), plan_(plan) {}

  void Join(PeerId id, NetworkUser* user) { users_[id] = user; }

  void Notify(PeerId from, PeerId to, const Notification& n);
  // Up to five tries, as a learner does.
  uint64_t Connect(PeerId learner, PeerId leader);
  void Send(uint64_t conn, bool to_leader, Parcel parcel);
  void Close(uint64_t conn, PeerId by);
  // A member's process ended: its connections break.
  void Drop(PeerId member);

  // Nothing goes from `from` to `to` until healed.
  void Cut(PeerId from, PeerId to) { cuts_.insert({from, to}); }
  void Heal() { cuts_.clear(); }
  // Breaks one connection at random; false if there is none.
  bool BreakOne();

 private:
  struct Direction {
    std::deque<Parcel> queue;
    int64_t last_arrival = 0;
  };
  struct Connection {
    PeerId learner, leader;
    bool open = false;  // the leader has accepted it
    Direction to_leader, to_learner;
  };
  bool IsCut(PeerId from, PeerId to) const { return cuts_.contains({from, to}); }
  int64_t Delay() { return dice_.Between(0, plan_.max_delay_ms); }
  void Try(uint64_t conn, int tries);
  void Plan(uint64_t conn, bool to_leader);
  void Deliver(uint64_t conn, bool to_leader);
  void Break(uint64_t conn, std::optional<PeerId> by);
  void DeliverNotification(PeerId from, PeerId to);

  Events& events_;
  Dice& dice_;
  const FaultPlan& plan_;
  std::map<PeerId, NetworkUser*> users_;
  std::map<uint64_t, Connection> conns_;
  uint64_t next_conn_ = 1;
  std::set<std::pair<PeerId, PeerId>> cuts_;
  // The newest unsent message of each direction, as the election port keeps it.
  std::map<std::pair<PeerId, PeerId>, Notification> outbox_;
  std::set<std::pair<PeerId, PeerId>> on_the_way_;
};

}  // namespace lockkeeper::simulation

#endif  // LOCKKEEPER_TESTS_SIMULATION_SIM_NETWORK_H_
