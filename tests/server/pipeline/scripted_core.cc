#include "tests/server/pipeline/scripted_core.h"

#include <gtest/gtest.h>

#include <cstring>

namespace lockkeeper::core_test {
namespace {

using Type = QuorumPacketType;

constexpr PeerId kSelf{3};

zab::PeerOptions OptionsOfServer3() {
  zab::PeerOptions options;
  options.self = kSelf;
  options.config = {.version = 0, .text = "config", .voters = {PeerId{1}, PeerId{2}, PeerId{3}}};
  return options;
}

SharedBytes Bytes(std::string text) { return std::make_shared<const std::string>(std::move(text)); }

}  // namespace

ScriptedCore::ScriptedCore() : slot_{std::make_unique<DataTree>(DataTreeOptions{})} {
  CoreOptions options;
  options.first_session_id = SessionId{kSelf.value << 56 | 0x100};
  core_ = std::make_unique<Core>(CoreShared{&slot_, &serving_, &outstanding_, &metrics_}, this,
                                 options, Now());
  // The epoch before is the last that anybody promised.
  zab::History history{.accepted_epoch = kEpoch - 1,
                       .current_epoch = kEpoch - 1,
                       .appended = Zxid{0},
                       .persisted = Zxid{0},
                       .applied = Zxid{0},
                       .committed = zab::CommittedLog(500)};
  core_->JoinEnsemble(
      std::make_unique<EnsembleMember>(OptionsOfServer3(), std::move(history), this, core_.get()));
  core_->Start(Now());
}

// ---- The ensemble.

void ScriptedCore::Send(CoreMessage message) {
  core_->Handle(Now(), message);
  core_->Advance(Now());
}

void ScriptedCore::Pass(int64_t ms) {
  now_.value += ms;
  core_->Advance(Now());
}

void ScriptedCore::Tell(PeerEvent event) {
  PeerEvents events;
  events.events.push_back(std::move(event));
  Send(std::move(events));
}

// The others say that they vote like this.
void ScriptedCore::Elect(const Vote& vote) {
  for (const int64_t sid : {1, 2}) {
    Tell(NotificationCame{PeerId{sid},
                          {.state = ServerState::kLooking,
                           .vote = vote,
                           .round = core_->member()->peer().round(),
                           .version = 2,
                           .config = ""}});
  }
  now_.value += 1000;  // longer than anybody waits for a better vote
  core_->Advance(Now());
}

void ScriptedCore::Discover() {
  Elect({PeerId{2}, At(0xFFFF), kEpoch});  // beats whatever this server has
  ASSERT_NE(leader_link_, 0u);
  Tell(LeaderLinkUp{leader_link_});
  FromLeader({Type::kLeaderInfo, At(0), EncodeInt(kLearnerProtocolVersion)});
}

void ScriptedCore::Follow() {
  Discover();
  FromLeader({Type::kDiff, At(0)});
  BeginToFollow({});
}

void ScriptedCore::FollowBehind(std::unique_ptr<DataTree> tree,
                                std::vector<QuorumPacket> in_the_gap) {
  Discover();
  FromLeader({Type::kSnap, tree->last_zxid()});
  Tell(LeaderSnapshot{leader_link_, std::move(tree)});
  BeginToFollow(std::move(in_the_gap));
}

void ScriptedCore::BeginToFollow(std::vector<QuorumPacket> in_the_gap) {
  FromLeader({Type::kNewLeader, At(0), Bytes("config")});
  for (QuorumPacket& packet : in_the_gap) FromLeader(std::move(packet));
  FromLeader({Type::kUpToDate, Zxid{-1}});
  ASSERT_EQ(serving_.role(), ServingRole::kFollower);
  ToLeader();
  ToClients();
}

void ScriptedCore::Lead(Zxid learner_at) {
  const zab::History& own = core_->member()->peer().history();
  Elect({kSelf, own.appended, own.current_epoch});
  ASSERT_NE(core_->member()->peer().leader(), nullptr);
  Tell(LearnerLinkUp{kLearner, "127.0.0.1:1"});
  FromLearner({Type::kFollowerInfo, Zxid{(kEpoch - 1) << 32},
               EncodeLearnerInfo({PeerId{1}, kLearnerProtocolVersion, 0})});
  FromLearner({Type::kAckEpoch, learner_at, EncodeInt(static_cast<int32_t>(kEpoch - 1))});
  FromLearner({Type::kAck, Zxid{core_->member()->peer().leader()->epoch() << 32}});
  ASSERT_EQ(serving_.role(), ServingRole::kLeader);
  ToClients();
}

void ScriptedCore::FromLeader(QuorumPacket packet) {
  Tell(LeaderPackets{leader_link_, {std::move(packet)}});
}

void ScriptedCore::Committed(Zxid zxid, const std::string& payload) {
  FromLeader({Type::kProposal, zxid, Bytes(payload)});
  Send(Persisted{zxid});
  FromLeader({Type::kCommit, zxid});
}

void ScriptedCore::LeaderLost() { Tell(LeaderLinkDown{leader_link_, "a test says so"}); }

void ScriptedCore::FromLearner(QuorumPacket packet) {
  Tell(LearnerPackets{kLearner, {std::move(packet)}});
}

void ScriptedCore::AllOnDisk() {
  Send(Persisted{last_logged_});
  FromLearner({Type::kAck, last_logged_});
}

// ---- A client.

void ScriptedCore::Request(SessionId session, int32_t xid, OpCode op, std::string body) {
  CoreRequest request{.frame = std::make_unique<char[]>(body.size() + 1),
                      .frame_bytes = body.size(),
                      .op = op,
                      .xid = xid};
  std::memcpy(request.frame.get(), body.data(), body.size());
  std::optional<RequestBody> decoded = DecodeRequest(op, {request.frame.get(), body.size()});
  ASSERT_TRUE(decoded.has_value());
  request.body = *std::move(decoded);
  request.identities = std::make_shared<const std::vector<Identity>>(
      std::vector<Identity>{{"ip", "127.0.0.1"}, {"digest", "ann:hash"}});
  RequestBatch batch{.from = kClient, .session = session, .requests = {}};
  batch.requests.push_back(std::move(request));
  outstanding_.Add(1, static_cast<int64_t>(body.size()));
  Send(std::move(batch));
}

std::vector<std::string> ScriptedCore::Replies() {
  std::vector<std::string> replies;
  for (const IoMessage& message : ToClients()) {
    const auto* batch = std::get_if<AppliedBatchRef>(&message);
    if (batch == nullptr) continue;
    for (const BatchItem& item : (*batch)->items) {
      if (!(item.to == kClient) || item.bytes_end == item.bytes_begin) continue;
      replies.push_back(
          (*batch)->bytes.substr(item.bytes_begin + 4, item.bytes_end - item.bytes_begin - 4));
    }
  }
  return replies;
}

// ---- The ports.

void ScriptedCore::AppendToLog(std::vector<LogEntry> entries) {
  for (LogEntry& entry : entries) {
    last_logged_ = entry.zxid;
    logged_.push_back(std::move(entry));
  }
}

void ScriptedCore::ChangeTree(const std::function<void()>& change, const AppliedBatchRef& batch) {
  change();
  to_clients_.emplace_back(batch);
}

void ScriptedCore::Send(uint32_t, IoMessage message) { to_clients_.push_back(std::move(message)); }

void ScriptedCore::SendToLeader(LinkId link, std::vector<QuorumPacket> packets) {
  ASSERT_EQ(link, leader_link_);
  for (QuorumPacket& packet : packets) to_leader_.push_back(std::move(packet));
}

void ScriptedCore::SendToLearner(LinkId link, std::vector<QuorumPacket> packets) {
  ASSERT_EQ(link, kLearner);
  for (QuorumPacket& packet : packets) to_learner_.push_back(std::move(packet));
}

}  // namespace lockkeeper::core_test
