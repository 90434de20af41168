// One member of a simulated ensemble: a real zab::Peer, a simulated disk, and the history as its
// state. It carries out the actions of the peer in order and may crash between any two of them.
#ifndef LOCKKEEPER_TESTS_SIMULATION_SIM_MEMBER_H_
#define LOCKKEEPER_TESTS_SIMULATION_SIM_MEMBER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "tests/simulation/checker.h"
#include "tests/simulation/dice.h"
#include "tests/simulation/events.h"
#include "tests/simulation/faults.h"
#include "tests/simulation/sim_disk.h"
#include "tests/simulation/sim_network.h"
#include "tests/simulation/sim_state.h"
#include "zab/action.h"
#include "zab/peer.h"

namespace lockkeeper::simulation {

// What all members of one run share.
struct Surroundings {
  Events* events;
  Dice* dice;
  SimNetwork* network;
  Checker* checker;
  Sightings* sightings;
  const FaultPlan* plan;
  PlantedBug bug;
  std::function<void(const std::string&)> trace;  // may be empty
};

class SimMember final : public NetworkUser {
 public:
  SimMember(const Surroundings& surroundings, const zab::PeerOptions& options);

  void Start();
  void Crash();
  // Crashes before the action after `count` more of them.
  void CrashAfter(int64_t count) { crash_after_ = count; }
  void Pause(int64_t ms);
  void SlowDisk(int64_t factor) { disk_factor_ = factor; }

  // A client writes `payload` here; it is answered when it is done, or never.
  void Submit(const std::string& payload);

  bool serving() const { return peer_ != nullptr && peer_->serving(); }
  bool leading() const { return peer_ != nullptr && peer_->leading(); }
  PeerId id() const { return options_.self; }
  const zab::Peer* peer() const { return peer_.get(); }
  const SimState& state() const { return state_; }

  // NetworkUser
  void HearNotification(PeerId from, const Notification& n) override;
  void LeaderConnected(uint64_t conn) override;
  void LeaderLost(uint64_t conn) override;
  void LeaderParcel(uint64_t conn, const Parcel& parcel) override;
  void LeaderSnapshotEnd(uint64_t conn, std::shared_ptr<const SimState> state) override;
  bool AcceptsLearners() const override { return listening_; }
  void LearnerConnected(uint64_t conn) override;
  void LearnerLost(uint64_t conn) override;
  void LearnerParcel(uint64_t conn, const Parcel& parcel) override;
  bool Up() const override { return peer_ != nullptr; }

 private:
  // Now, or when a pause ends; not at all after a crash.
  void Do(std::function<void()> what);
  // Tells the peer something and carries out what it wants.
  void Tell(const std::function<void(zab::Actions*)>& event);
  MonoMs Now() const;
  void PlanTimer();
  void StartSync();
  void SendMutated(uint64_t conn, QuorumPacket packet);
  void Saw(const char* what) { ++(*around_.sightings)[what]; }
  void Trace(const std::string& text);

  void Carry(zab::SendNotification& action);
  void Carry(zab::ConnectToLeader& action);
  void Carry(zab::DisconnectLeader& action);
  void Carry(zab::SendToLeader& action);
  void Carry(zab::AnswerPing& action);
  void Carry(zab::LeaderAnswer& action);
  void Carry(zab::OpenLearnerPort& action);
  void Carry(zab::CloseLearnerPort& action);
  void Carry(zab::SendToLearner& action);
  void Carry(zab::SendSnapshot& action);
  void Carry(zab::CloseLearner& action);
  void Carry(zab::FetchLog& action);
  void Carry(zab::LearnerMessage& action);
  void Carry(zab::Append& action);
  void Carry(zab::WriteAcceptedEpoch& action);
  void Carry(zab::WriteCurrentEpoch& action);
  void Carry(zab::Truncate& action);
  void Carry(zab::InstallSnapshot& action);
  void Carry(zab::DiscardSnapshot& action);
  void Carry(zab::Deliver& action);
  void Carry(zab::StartServing& action);
  void Carry(zab::StopServing& action);
  void Carry(zab::FastForward& action);

  const Surroundings around_;
  const zab::PeerOptions options_;
  const int64_t clock_speed_percent_;
  SimDisk disk_;
  int64_t disk_factor_ = 1;
  // Of the running process:
  std::unique_ptr<zab::Peer> peer_;
  uint64_t incarnation_ = 0;
  SimState state_;
  std::shared_ptr<const SimState> received_;
  uint64_t leader_conn_ = 0;
  std::set<uint64_t> learner_conns_;
  bool listening_ = false;
  bool syncing_ = false;
  bool serves_ = false;
  uint64_t timer_ = 0;  // only the newest one counts
  int64_t paused_until_ = 0;
  std::deque<std::function<void()>> deferred_;
  std::set<std::string> submitted_;
  int64_t crash_after_ = -1;
};

}  // namespace lockkeeper::simulation

#endif  // LOCKKEEPER_TESTS_SIMULATION_SIM_MEMBER_H_
