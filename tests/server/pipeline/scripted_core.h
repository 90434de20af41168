// The core of one member of an ensemble in a scripted world: the tests are its clients, its disk
// and the other servers, and read what it does. Nothing runs but what they call.
#ifndef LOCKKEEPER_TESTS_SERVER_PIPELINE_SCRIPTED_CORE_H_
#define LOCKKEEPER_TESTS_SERVER_PIPELINE_SCRIPTED_CORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "datatree/data_tree.h"
#include "protocol/quorum_packet.h"
#include "protocol/records.h"
#include "server/admin/metrics.h"
#include "server/peer/peer_transport.h"
#include "server/pipeline/core.h"
#include "server/pipeline/core_ports.h"

namespace lockkeeper::core_test {

inline constexpr int64_t kEpoch = 5;    // the first that this member serves in
inline constexpr LinkId kLearner = 11;  // the connection of follower 1
inline constexpr ConnectionRef kClient{0, 70};

constexpr Zxid At(int64_t counter) { return Zxid{kEpoch << 32 | counter}; }

// A transaction of `session`: header and body, without a digest.
template <Record R>
std::string TxnOf(Zxid zxid, OpCode type, const R& body, SessionId session, int32_t xid = 0) {
  return Encoded(TxnHeader{session.value, xid, zxid.value, 1'700'000'000'000,
                           static_cast<int32_t>(type)}) +
         Encoded(body);
}

// Server 3 of the voters 1, 2 and 3, with an empty state. It follows 2, or leads 1.
class ScriptedCore final : public CorePorts, public PeerTransport {
 public:
  ScriptedCore();

  // ---- The ensemble. Both end with the member serving.
  void Follow();
  // The same, by the snapshot `tree`; the packets come between NEWLEADER and UPTODATE.
  void FollowBehind(std::unique_ptr<DataTree> tree, std::vector<QuorumPacket> in_the_gap);
  // Its follower stands at `learner_at`.
  void Lead(Zxid learner_at = Zxid{0});
  void FromLeader(QuorumPacket packet);
  // A PROPOSAL, on disk at once, and its COMMIT.
  void Committed(Zxid zxid, const std::string& payload);
  void LeaderLost();
  void FromLearner(QuorumPacket packet);
  // Everything that is logged is on the disks of this server and follower 1.
  void AllOnDisk();

  // ---- A client.
  void Send(CoreMessage message);
  // A request of `session` on kClient.
  void Request(SessionId session, int32_t xid, OpCode op, std::string body);

  // ---- Time. Does what is due then.
  void Pass(int64_t ms);
  // False: its thread would not sleep at all.
  bool Sleeps() const { return core_->NextDeadline() > now_; }

  // ---- What came of it, since the last call.
  std::vector<QuorumPacket> ToLeader() { return std::exchange(to_leader_, {}); }
  std::vector<QuorumPacket> ToLearner() { return std::exchange(to_learner_, {}); }
  std::vector<LogEntry> Logged() { return std::exchange(logged_, {}); }
  std::vector<IoMessage> ToClients() { return std::exchange(to_clients_, {}); }
  // Replies to kClient, without their length.
  std::vector<std::string> Replies();

  const DataTree& tree() const { return *slot_.tree; }
  const ServingState& serving() const { return serving_; }
  Metrics& metrics() { return metrics_; }
  const std::optional<Error>& failure() const { return failure_; }

  // CorePorts
  void AppendToLog(std::vector<LogEntry> entries) override;
  void ChangeTree(const std::function<void()>& change, const AppliedBatchRef& batch) override;
  void Send(uint32_t io_thread, IoMessage message) override;
  void BeginCheckpoint(DataTree*) override {}
  void Fail(const Error& error) override { failure_ = error; }
  Status WriteEpoch(EpochKind, int64_t) override { return {}; }
  Result<std::unique_ptr<DataTree>> TruncateStorage(Zxid) override {
    return std::unique_ptr<DataTree>();
  }
  Status InstallStorage(DataTree*) override { return {}; }
  std::vector<LogEntry> ReadLog(Zxid, Zxid) override { return {}; }

  // PeerTransport
  void Notify(PeerId, const Notification&) override {}
  void ConnectToLeader(LinkId link, PeerId) override { leader_link_ = link; }
  void SendToLeader(LinkId link, std::vector<QuorumPacket> packets) override;
  void DisconnectLeader(LinkId) override {}
  void OpenLearnerPort() override {}
  void CloseLearnerPort() override {}
  void SendToLearner(LinkId link, std::vector<QuorumPacket> packets) override;
  Status StreamToLearner(LinkId, const StateSource&) override { return {}; }
  void CloseLearner(LinkId) override {}

 private:
  Instant Now() const { return {now_, WallMs{1'700'000'000'000 + now_.value}}; }
  void Tell(PeerEvent event);
  void Elect(const Vote& vote);
  // Finds leader 2 and agrees on the epoch with it.
  void Discover();
  void BeginToFollow(std::vector<QuorumPacket> in_the_gap);

  MonoMs now_{1000};
  TreeSlot slot_;
  ServingState serving_{ServingRole::kNone};
  Outstanding outstanding_;
  Metrics metrics_;
  std::optional<Error> failure_;
  LinkId leader_link_ = 0;
  Zxid last_logged_;
  std::vector<QuorumPacket> to_leader_;
  std::vector<QuorumPacket> to_learner_;
  std::vector<LogEntry> logged_;
  std::vector<IoMessage> to_clients_;
  std::unique_ptr<Core> core_;
};

}  // namespace lockkeeper::core_test

#endif  // LOCKKEEPER_TESTS_SERVER_PIPELINE_SCRIPTED_CORE_H_
