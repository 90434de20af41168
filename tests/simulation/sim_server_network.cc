// The connections of a simulated server: to its leader, its learners, its clients.
#include <glog/logging.h>

#include <utility>

#include "protocol/jute.h"
#include "protocol/txn.h"
#include "server/peer/snapshot_receiver.h"
#include "tests/simulation/sim_process.h"
#include "tests/simulation/sim_server.h"
#include "zab/text.h"

namespace lockkeeper::simulation {
namespace {

using Type = QuorumPacketType;
using zab::Text;

bool IsWorthTracing(const QuorumPacket& packet) {
  switch (packet.type) {
    case Type::kPing:
    case Type::kRequest:
    case Type::kProposal:
    case Type::kCommit:
    case Type::kInform:
      return false;
    case Type::kAck:
      return CounterOf(packet.zxid) == 0;
    default:
      return true;
  }
}

}  // namespace

Metrics& SharedMetrics() {
  static Metrics metrics;
  return metrics;
}

const AuthSchemes& SharedAuthSchemes() {
  static const AuthSchemes schemes{AuthOptions{}};
  return schemes;
}

void SimServer::TracePackets(const char* to, const std::vector<QuorumPacket>& packets) {
  if (!around_.trace) return;
  for (const QuorumPacket& packet : packets) {
    if (!IsWorthTracing(packet)) continue;
    Trace(Text("to ", to, ": packet ", static_cast<int>(packet.type), " with ", packet.zxid));
  }
}

// ---- What comes in.

void SimServer::PushPeerEvent(PeerEvent event) {
  PeerEvents events;
  events.events.push_back(std::move(event));
  Push(std::move(events));
}

void SimServer::HearNotification(PeerId from, const Notification& n) {
  Do([this, from, n] { PushPeerEvent(NotificationCame{from, n}); });
}

void SimServer::LeaderConnected(uint64_t conn) {
  Do([this, conn] {
    if (conn == leader_conn_) PushPeerEvent(LeaderLinkUp{leader_link_});
  });
}

void SimServer::LeaderLost(uint64_t conn) {
  Do([this, conn] {
    if (conn != leader_conn_) return;
    if (receiving_) Saw("snapshot cut off");
    leader_conn_ = 0;
    PushPeerEvent(LeaderLinkDown{leader_link_, "connection lost"});
  });
}

void SimServer::LeaderParcel(uint64_t conn, const Parcel& parcel) {
  Do([this, conn, parcel] {
    if (conn != leader_conn_) return;
    if (parcel.image == nullptr) {
      const QuorumPacket& last = parcel.packets.back();
      if (last.type == Type::kSnap) {
        Saw("SNAP");
        receiving_ = last.zxid;
        stream_.clear();
      }
      PushPeerEvent(LeaderPackets{leader_link_, parcel.packets});
      if (around_.bug == PlantedBug::kReplyBeforeCommit && serving() &&
          last.type == Type::kProposal && around_.dice->OneIn(4)) {
        PushPeerEvent(LeaderPackets{leader_link_, {{Type::kCommit, last.zxid}}});
      }
      return;
    }
    stream_ += parcel.image->bytes;
    auto image = std::make_shared<Image>(Image{*receiving_, stream_, parcel.image->state});
    std::unique_ptr<DataTree> tree = TreeOf(*image);
    if (tree == nullptr) return;  // more will come
    receiving_.reset();
    received_[tree.get()] = std::move(image);
    PushPeerEvent(LeaderSnapshot{leader_link_, std::move(tree)});
  });
}

void SimServer::LearnerConnected(uint64_t conn) {
  learner_conns_.insert(conn);
  Do([this, conn] { PushPeerEvent(LearnerLinkUp{conn, "a learner"}); });
}

void SimServer::LearnerLost(uint64_t conn) {
  if (learner_conns_.erase(conn) == 0) return;
  Do([this, conn] { PushPeerEvent(LearnerLinkDown{conn, "connection lost"}); });
}

void SimServer::LearnerParcel(uint64_t conn, const Parcel& parcel) {
  Do([this, conn, parcel] {
    if (!learner_conns_.contains(conn)) return;
    if (around_.bug == PlantedBug::kNoRefusalAfterMove) {
      // Whoever asks becomes the owner of the session.
      for (const QuorumPacket& packet : parcel.packets) {
        const auto request = DecodeForwarded(packet.data);
        if (packet.type != Type::kRequest || !request) continue;
        PushPeerEvent(LearnerPackets{
            conn, {{Type::kRevalidate, Zxid{-1}, EncodeTouches({{request->head.session, 0}})}}});
      }
    }
    PushPeerEvent(LearnerPackets{conn, parcel.packets});
  });
}

bool SimServer::AcceptLink(uint64_t link) {
  if (!Up()) return false;
  links_.insert(link);
  Do([this, link] { process_->desk->Accept(Now(), link); });
  return true;
}

void SimServer::LinkInput(uint64_t link, const std::string& bytes) {
  Do([this, link, bytes] {
    process_->desk->Input(Now(), link, bytes);
    WakeCore();
  });
}

void SimServer::LinkGone(uint64_t link) {
  links_.erase(link);
  Do([this, link] {
    process_->desk->Gone(Now(), link);
    WakeCore();
  });
}

// ---- PeerTransport.

void SimServer::Notify(PeerId to, const Notification& notification) {
  if (Step()) around_.network->Notify(options_.self, to, notification);
}

void SimServer::ConnectToLeader(LinkId link, PeerId leader) {
  if (!Step()) return;
  Trace(Text("goes to leader ", leader));
  // Synchronization is the time for a crash.
  if (around_.plan->crashes && around_.dice->OneIn(6)) {
    crash_after_ = around_.dice->Between(0, 20);
    around_.events->After(around_.dice->Between(500, 6'000), [this] { Start(); });
  }
  leader_link_ = link;
  leader_conn_ = around_.network->Connect(options_.self, leader);
}

void SimServer::SendToLeader(LinkId link, std::vector<QuorumPacket> packets) {
  if (link != leader_link_) return;
  TracePackets("its leader", packets);
  for (QuorumPacket& packet : packets) {
    if (!Step()) return;
    if (packet.type == Type::kAckEpoch && DecodeInt(packet.data) == -1) Saw("the same epoch again");
    if (around_.bug == PlantedBug::kSessionWithoutRevalidation && AnsweredWithoutLeader(packet)) {
      continue;
    }
    around_.network->Send(leader_conn_, true, {{std::move(packet)}});
  }
}

void SimServer::DisconnectLeader(LinkId link) {
  if (link != leader_link_ || dying_) return;
  Trace("leaves its leader: " + peer().last_reason());
  if (receiving_) Saw("snapshot cut off");
  receiving_.reset();
  around_.network->Close(std::exchange(leader_conn_, 0), options_.self);
}

void SimServer::OpenLearnerPort() {
  Trace("is elected");
  listening_ = !dying_;
}

void SimServer::CloseLearnerPort() {
  if (dying_) return;
  Trace("leads no more: " + peer().last_reason());
  if (peer().last_reason().find("used up") != std::string::npos) {
    Saw("zxids of an epoch used up");
  }
  listening_ = false;
  for (const uint64_t conn : std::exchange(learner_conns_, {})) {
    around_.network->Close(conn, options_.self);
  }
}

void SimServer::SendToLearner(LinkId link, std::vector<QuorumPacket> packets) {
  TracePackets("a learner", packets);
  packets = Mutated(std::move(packets));
  for (QuorumPacket& packet : packets) {
    if (!Step()) return;
    around_.network->Send(link, false, {{std::move(packet)}});
  }
}

Status SimServer::StreamToLearner(LinkId link, const StateSource& state) {
  if (!Step()) return {};
  if (process_->outstanding.requests() > 0 || disk_.unsynced() > 0) Saw("SNAP under load");
  if (around_.bug == PlantedBug::kSnapshotIsOlder) {
    around_.network->Send(link, false, {{}, disk_.OlderImage()});
    return {};
  }
  std::string bytes;
  const Status made = state([&](const std::string& piece) { bytes += piece; });
  if (!made) return made;
  around_.network->Send(link, false, {{}, std::make_shared<Image>(Image{Zxid{0}, bytes, state_})});
  return {};
}

void SimServer::CloseLearner(LinkId link) {
  if (dying_) return;
  learner_conns_.erase(link);
  around_.network->Close(link, options_.self);
}

// ---- Planted bugs.

std::vector<QuorumPacket> SimServer::Mutated(std::vector<QuorumPacket> packets) {
  const bool early_commit = around_.bug == PlantedBug::kCommitBeforeQuorum && leading();
  const bool early_leader = around_.bug == PlantedBug::kNewLeaderBeforeSync;
  if (!early_commit && !early_leader) return packets;
  std::vector<QuorumPacket> mutated;
  for (QuorumPacket& packet : packets) {
    const Type type = packet.type;
    const Zxid zxid = packet.zxid;
    if (early_commit && type == Type::kCommit) continue;
    if (early_leader && type == Type::kNewLeader) continue;
    mutated.push_back(std::move(packet));
    if (early_commit && type == Type::kProposal) mutated.push_back({Type::kCommit, zxid});
    if (early_leader && type == Type::kDiff) {
      mutated.push_back({Type::kNewLeader, EpochStart(peer().leader()->epoch()),
                         std::make_shared<const std::string>(options_.config.text)});
    }
  }
  return mutated;
}

bool SimServer::AnsweredWithoutLeader(const QuorumPacket& packet) {
  if (packet.type != Type::kRevalidate) return false;
  const SessionId session = DecodeTouches(packet.data).front().session;
  PushPeerEvent(LeaderPackets{
      leader_link_, {{Type::kRevalidate, Zxid{-1}, EncodeRevalidateReply(session, true)}}});
  return true;
}

// The first ephemeral of a session that was closed comes back, here only.
void SimServer::LeaveEphemeralBehind() {
  if (leading() || state_.history.empty()) return;
  const LogEntry& newest = state_.history.back();
  JuteReader reader(*newest.payload);
  TxnHeader header;
  CloseSessionTxn close;
  reader.Read(header);
  if (header.type != static_cast<int32_t>(OpCode::kCloseSession)) return;
  reader.Read(close);
  if (!reader.ok() || !close.paths_to_delete || close.paths_to_delete->empty()) return;
  std::string forged;
  header.type = static_cast<int32_t>(OpCode::kCreate);
  Encode(header, &forged);
  Encode(CreateTxn{.path = close.paths_to_delete->front(),
                   .data = EmptyString(),
                   .acl = std::vector<Acl>{{kPermAll, {"world", "anyone"}}},
                   .ephemeral = true,
                   .parent_cversion = -1},
         &forged);
  CHECK(process_->slot.tree->Apply(forged, nullptr));
}

}  // namespace lockkeeper::simulation
