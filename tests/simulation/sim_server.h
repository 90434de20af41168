// One server of a simulated ensemble: the real core (Core, EnsembleMember, zab::Peer, DataTree) and
// real client sessions, over a simulated disk and simulated networks. It may crash between any two
// things that the core does to the world.
#ifndef LOCKKEEPER_TESTS_SIMULATION_SIM_SERVER_H_
#define LOCKKEEPER_TESTS_SIMULATION_SIM_SERVER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/pipeline/core.h"
#include "tests/simulation/checker.h"
#include "tests/simulation/client_network.h"
#include "tests/simulation/dice.h"
#include "tests/simulation/events.h"
#include "tests/simulation/faults.h"
#include "tests/simulation/sim_desk.h"
#include "tests/simulation/sim_disk.h"
#include "tests/simulation/sim_network.h"
#include "tests/simulation/sim_state.h"
#include "zab/options.h"

namespace lockkeeper::simulation {

// What all of one run share.
struct Surroundings {
  Events* events;
  Dice* dice;
  SimNetwork* network;
  ClientNetwork* client_network;
  Checker* checker;
  Sightings* sightings;
  const FaultPlan* plan;
  const Config* config;
  PlantedBug bug;
  std::function<void()> on_election;              // somebody begins to lead
  std::function<void(const std::string&)> trace;  // may be empty
};

class SimServer final : public NetworkUser,
                        public LinkServer,
                        public PeerTransport,
                        public CorePorts {
 public:
  SimServer(const Surroundings& surroundings, const zab::PeerOptions& options);
  ~SimServer() override;

  void Start();
  void Crash();
  // Crashes instead of the next thing after `count` more of them.
  void CrashAfter(int64_t count) { crash_after_ = count; }
  void Pause(int64_t ms);
  void SlowDisk(int64_t factor) { disk_factor_ = factor; }

  bool serving() const;
  bool paused() const { return around_.events->now() < paused_until_ || !deferred_.empty(); }
  bool leading() const;
  PeerId id() const { return options_.self; }
  std::string Described() const;
  // REQUIRES: Up().
  const DataTree& tree() const;
  const SimState& state() const { return state_; }

  // NetworkUser
  void HearNotification(PeerId from, const Notification& n) override;
  void LeaderConnected(uint64_t conn) override;
  void LeaderLost(uint64_t conn) override;
  void LeaderParcel(uint64_t conn, const Parcel& parcel) override;
  bool AcceptsLearners() const override { return listening_; }
  void LearnerConnected(uint64_t conn) override;
  void LearnerLost(uint64_t conn) override;
  void LearnerParcel(uint64_t conn, const Parcel& parcel) override;
  bool Up() const override { return process_ != nullptr; }

  // LinkServer
  bool AcceptLink(uint64_t link) override;
  void LinkInput(uint64_t link, const std::string& bytes) override;
  void LinkGone(uint64_t link) override;

  // PeerTransport
  void Notify(PeerId to, const Notification& notification) override;
  void ConnectToLeader(LinkId link, PeerId leader) override;
  void SendToLeader(LinkId link, std::vector<QuorumPacket> packets) override;
  void DisconnectLeader(LinkId link) override;
  void OpenLearnerPort() override;
  void CloseLearnerPort() override;
  void SendToLearner(LinkId link, std::vector<QuorumPacket> packets) override;
  Status StreamToLearner(LinkId link, const StateSource& state) override;
  void CloseLearner(LinkId link) override;

  // CorePorts
  void AppendToLog(std::vector<LogEntry> entries) override;
  void ChangeTree(const std::function<void()>& change, const AppliedBatchRef& batch) override;
  void Send(uint32_t io_thread, IoMessage message) override;
  void BeginCheckpoint(DataTree* tree) override;
  void Fail(const Error& error) override;
  Status WriteEpoch(EpochKind kind, int64_t epoch) override;
  Result<std::unique_ptr<DataTree>> TruncateStorage(Zxid upto) override;
  Status InstallStorage(DataTree* tree) override;
  std::vector<LogEntry> ReadLog(Zxid from, Zxid upto) override;

 private:
  struct Process;

  MonoMs Now() const;
  Instant NowInstant() const { return {Now(), WallMs{1'700'000'000'000 + Now().value}}; }
  // Now, or when a pause ends; not at all after a crash.
  void Do(std::function<void()> what);
  // The same, later.
  void Later(int64_t ms, std::function<void()> what);
  void Push(CoreMessage message);
  void PushPeerEvent(PeerEvent event);
  void WakeCore();
  void CoreTurn();
  void WakeDesk();
  void PlanTimer();
  void PlanTouches();
  // False: the process has crashed; nothing more may be done to the world.
  bool Step();
  void EndCrashed();
  void NoteRole();
  void StartSync();
  void QuietDisk();
  const zab::Peer& peer() const;
  void Saw(const char* what) { ++(*around_.sightings)[what]; }
  void Trace(const std::string& text);
  void TracePackets(const char* to, const std::vector<QuorumPacket>& packets);
  // Planted bugs.
  std::vector<QuorumPacket> Mutated(std::vector<QuorumPacket> packets);
  bool AnsweredWithoutLeader(const QuorumPacket& packet);
  void LeaveEphemeralBehind();

  const Surroundings around_;
  const zab::PeerOptions options_;
  const int64_t clock_speed_percent_;
  SimDisk disk_;
  int64_t disk_factor_ = 1;
  // Of the running process:
  std::unique_ptr<Process> process_;
  uint64_t incarnation_ = 0;
  SimState state_;
  std::map<const DataTree*, ImageRef> received_;
  ImageRef sent_;
  uint64_t leader_conn_ = 0;
  LinkId leader_link_ = 0;
  std::optional<Zxid> receiving_;  // a SNAP packet came, its stream not yet
  std::string stream_;             // what came of it
  std::set<uint64_t> learner_conns_;
  bool listening_ = false;
  bool syncing_ = false;
  uint64_t sync_ = 0;
  int64_t serving_epoch_ = 0;  // as the checker was told; 0: none
  bool core_turn_planned_ = false;
  bool desk_turn_planned_ = false;
  int64_t timer_at_ = 0;  // the earliest timer that waits; 0: none
  uint64_t checkpoint_ = 0;
  bool checkpointing_ = false;
  int64_t paused_until_ = 0;
  std::deque<std::function<void()>> deferred_;
  std::set<uint64_t> links_;
  int64_t crash_after_ = -1;
  bool dying_ = false;
};

}  // namespace lockkeeper::simulation

#endif  // LOCKKEEPER_TESTS_SIMULATION_SIM_SERVER_H_
