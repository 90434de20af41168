// What the core of a member does for its clients and for the other servers (quorum-protocol 4, 5).
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "protocol/print.h"
#include "protocol/txn.h"
#include "tests/server/pipeline/scripted_core.h"

namespace lockkeeper::core_test {
namespace {

using Type = QuorumPacketType;

constexpr SessionId kFar{0x100000000000077};  // its client is at the learner
constexpr int32_t kTimeoutMs = 4000;

std::vector<QuorumPacket> Only(std::vector<QuorumPacket> packets, Type type) {
  std::erase_if(packets, [type](const QuorumPacket& packet) { return packet.type != type; });
  return packets;
}

std::vector<std::string> Payloads(const std::vector<LogEntry>& entries) {
  std::vector<std::string> payloads;
  for (const LogEntry& entry : entries) payloads.push_back(*entry.payload);
  return payloads;
}

// The code of an error transaction; kOk: it is another one.
ErrorCode CodeIn(const std::string& payload) {
  JuteReader in(payload);
  const auto header = Decode<TxnHeader>(in);
  const auto error = Decode<ErrorTxn>(in);
  if (!header || !error || static_cast<OpCode>(header->type) != OpCode::kError) {
    return ErrorCode::kOk;
  }
  return static_cast<ErrorCode>(error->err);
}

std::string CreateBody(const std::string& path) {
  return Encoded(CreateRequest{path, "x", std::vector<Acl>{{31, {"world", "anyone"}}}, 0});
}

class MemberCore : public ::testing::Test {
 protected:
  // As a follower: a client's session, opened by the transaction 5:1.
  SessionId Opened() {
    core.Send(OpenSession{kClient, kTimeoutMs});
    const auto requests = core.ToLeader();
    EXPECT_EQ(requests.size(), 1u);
    const SessionId session = DecodeForwarded(requests.at(0).data)->head.session;
    core.Committed(At(1),
                   TxnOf(At(1), OpCode::kCreateSession, CreateSessionTxn{kTimeoutMs}, session));
    core.ToLeader();
    core.ToClients();
    core.Logged();
    return session;
  }

  // As the leader.
  void Forwards(SessionId session, int32_t xid, int32_t type, const std::string& body) {
    core.FromLearner({Type::kRequest, Zxid{-1}, EncodeForwarded({session, xid, type}, body),
                      std::vector<Identity>{{"ip", "127.0.0.1"}}});
  }
  void FarSessionOpens() {
    core.FromLearner({Type::kRequest, Zxid{-1},
                      EncodeForwarded({kFar, 0, static_cast<int32_t>(OpCode::kCreateSession)},
                                      Encoded(CreateSessionTxn{kTimeoutMs}))});
    core.AllOnDisk();
    ASSERT_TRUE(core.tree().sessions().contains(kFar));
    core.Logged();
    core.ToLearner();
  }
  bool IsValid(SessionId session) {
    core.FromLearner({Type::kRevalidate, Zxid{-1}, EncodeTouches({{session, kTimeoutMs}})});
    const auto answers = Only(core.ToLearner(), Type::kRevalidate);
    EXPECT_EQ(answers.size(), 1u);
    const auto reply = DecodeRevalidateReply(answers.at(0).data);
    EXPECT_EQ(reply->session, session);
    return reply->valid;
  }
  bool Has(std::string_view path) const { return core.tree().nodes().Lookup(path) != kNoNode; }

  ScriptedCore core;
};

// ---- As a follower.

TEST_F(MemberCore, ForwardsTheBeginningAndTheEndOfASession) {  // QP-4.8
  core.Follow();
  core.Send(OpenSession{kClient, kTimeoutMs});
  std::vector<QuorumPacket> packets = core.ToLeader();
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(packets[0].type, Type::kRequest);
  EXPECT_EQ(packets[0].zxid, Zxid{-1});
  EXPECT_EQ(packets[0].identities, std::nullopt) << "nobody's";
  auto request = DecodeForwarded(packets[0].data);
  ASSERT_TRUE(request.has_value());
  const SessionId session = request->head.session;
  EXPECT_EQ(session.value >> 56, 3);
  EXPECT_EQ(request->head.xid, 0);
  EXPECT_EQ(request->head.type, -10);
  EXPECT_EQ(request->body, Encoded(CreateSessionTxn{kTimeoutMs}));
  core.Committed(At(1),
                 TxnOf(At(1), OpCode::kCreateSession, CreateSessionTxn{kTimeoutMs}, session));
  core.ToLeader();

  core.Request(session, 9, OpCode::kCloseSession, "");
  packets = core.ToLeader();
  ASSERT_EQ(packets.size(), 1u);
  request = DecodeForwarded(packets[0].data);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->head.session, session);
  EXPECT_EQ(request->head.xid, 9);
  EXPECT_EQ(request->head.type, -11);
  EXPECT_EQ(request->body, "");
}

TEST_F(MemberCore, ForwardsARequestAsItCameWithAllIdentities) {  // QP-4.2
  core.Follow();
  const SessionId session = Opened();
  const std::string body = CreateBody("/a");
  core.Request(session, 7, OpCode::kCreate, body);
  const auto packets = core.ToLeader();
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(DecodeForwarded(packets[0].data)->body, body);
  EXPECT_EQ(packets[0].identities,
            (std::vector<Identity>{{"ip", "127.0.0.1"}, {"digest", "ann:hash"}}));
  EXPECT_TRUE(core.Logged().empty()) << "only its leader proposes";
}

// With a digest, without, and with fewer bytes behind it than a digest has.
TEST_F(MemberCore, KeepsAndSendsOnEveryByteOfATransaction) {  // QP-4.3
  core.Follow();
  const SessionId session = Opened();
  const auto create = [&](int64_t counter, const std::string& path) {
    return TxnOf(At(counter), OpCode::kCreate,
                 CreateTxn{path, "x", std::vector<Acl>{{31, {"world", "anyone"}}}, false, 1},
                 session);
  };
  const std::vector<std::string> payloads = {create(2, "/plain"),
                                             create(3, "/digest") + Encoded(TxnDigest{2, 77}),
                                             create(4, "/short") + "surplus"};
  for (size_t i = 0; i < payloads.size(); ++i) {
    core.Committed(At(static_cast<int64_t>(i) + 2), payloads[i]);
  }
  EXPECT_EQ(Payloads(core.Logged()), payloads);
  for (const char* path : {"/plain", "/digest", "/short"}) EXPECT_TRUE(Has(path)) << path;

  core.LeaderLost();
  core.Lead(At(1));
  std::vector<std::string> sent;
  for (const QuorumPacket& packet : Only(core.ToLearner(), Type::kProposal)) {
    sent.push_back(*packet.data);
  }
  EXPECT_EQ(sent, payloads);
}

// The checkpoint that is due must wait until it serves again.
TEST_F(MemberCore, SleepsThoughItServesNobodyForLongerThanACheckpointInterval) {
  EXPECT_TRUE(core.Sleeps()) << "before its first election";
  core.Follow();
  EXPECT_TRUE(core.Sleeps());
  core.LeaderLost();
  for (int n = 0; n < 100; ++n) {
    core.Pass(10'000);
    EXPECT_EQ(core.serving().role(), ServingRole::kNone);
    EXPECT_TRUE(core.Sleeps()) << n;
  }
}

// Clients whose requests no answer of the leader belongs to any more would wait for ever.
TEST_F(MemberCore, ASyncsAnswerThatIsNotForTheNextRequestEndsTheRole) {
  core.Follow();
  const SessionId session = Opened();
  core.Request(session, 7, OpCode::kDelete, Encoded(DeleteRequest{"/no", -1}));
  EXPECT_EQ(core.serving().role(), ServingRole::kFollower);
  core.FromLeader({Type::kSync});
  EXPECT_EQ(core.serving().role(), ServingRole::kNone);
}

TEST_F(MemberCore, AnErrorTransactionIsLoggedAcknowledgedAndAnswersItsClient) {  // QP-6.10, QP-5.8
  core.Follow();
  const SessionId session = Opened();
  const uint64_t digest = core.tree().digest();
  const size_t nodes = core.tree().nodes().size();
  core.Request(session, 7, OpCode::kDelete, Encoded(DeleteRequest{"/no", -1}));
  core.ToLeader();
  const std::string refused = TxnOf(At(2), OpCode::kError, ErrorTxn{-101}, session, 7);
  core.FromLeader({Type::kProposal, At(2), std::make_shared<const std::string>(refused)});
  EXPECT_EQ(Payloads(core.Logged()), std::vector{refused});
  EXPECT_TRUE(core.ToLeader().empty()) << "not on the disk yet";
  core.Send(Persisted{At(2)});
  const auto acks = core.ToLeader();
  ASSERT_EQ(acks.size(), 1u);
  EXPECT_EQ(acks[0].type, Type::kAck);
  EXPECT_EQ(acks[0].zxid, At(2));
  EXPECT_TRUE(core.Replies().empty()) << "not committed yet";
  core.FromLeader({Type::kCommit, At(2)});
  const auto replies = core.Replies();
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(Print(*Decode<ReplyHeader>(replies[0])), Print(ReplyHeader{7, At(2).value, -101}));
  EXPECT_EQ(core.tree().last_zxid(), At(2));
  EXPECT_EQ(core.tree().digest(), digest);
  EXPECT_EQ(core.tree().nodes().size(), nodes);
}

TEST_F(MemberCore, ADigestThatIsNotItsOwnIsCountedAndTheServerGoesOn) {  // QP-7.4
  core.Follow();
  const SessionId session = Opened();
  const auto change = [&](int64_t counter, int64_t digest) {
    return TxnOf(At(counter), OpCode::kSetData, SetDataTxn{"/", "x", 1}, session) +
           Encoded(TxnDigest{2, digest});
  };
  core.Committed(At(2), change(2, 12345));
  EXPECT_EQ(core.metrics().digest_mismatches_count.Read(), 1);
  EXPECT_EQ(core.tree().last_zxid(), At(2)) << "applied all the same";
  core.Committed(At(3), change(3, 54321));
  EXPECT_EQ(core.metrics().digest_mismatches_count.Read(), 2);
  EXPECT_EQ(core.tree().last_zxid(), At(3));
  EXPECT_EQ(core.serving().role(), ServingRole::kFollower);
  EXPECT_EQ(core.failure(), std::nullopt);
}

// An algorithm that this server does not know says nothing.
TEST_F(MemberCore, DigestsOfAnotherVersionAreNotCompared) {  // QP-7.4
  core.Follow();
  const SessionId session = Opened();
  core.Committed(At(2), TxnOf(At(2), OpCode::kSetData, SetDataTxn{"/", "x", 1}, session) +
                            Encoded(TxnDigest{3, 12345}));
  EXPECT_EQ(core.tree().last_zxid(), At(2));
  EXPECT_EQ(core.metrics().digest_mismatches_count.Read(), 0);
}

// An Apache leader goes on while it writes its snapshot, which holds some of what follows.
TEST_F(MemberCore, DigestsAreComparedAboveWhatASnapshotMayHold) {  // QP-7.4
  const auto change = [](int64_t counter) {
    return TxnOf(At(counter), OpCode::kSetData, SetDataTxn{"/", "x", 1}, kFar) +
           Encoded(TxnDigest{2, 12345});
  };
  const auto shared = [](std::string text) {
    return std::make_shared<const std::string>(std::move(text));
  };
  auto tree = std::make_unique<DataTree>(DataTreeOptions{});
  ASSERT_TRUE(tree->Apply(change(1), nullptr));
  core.FollowBehind(std::move(tree), {{Type::kProposal, At(2), shared(change(2))},
                                      {Type::kCommit, At(2)},
                                      {Type::kProposal, At(3), shared(change(3))}});
  core.Send(Persisted{At(3)});
  core.FromLeader({Type::kCommit, At(3)});
  EXPECT_EQ(core.tree().last_zxid(), At(3));
  EXPECT_EQ(core.metrics().digest_mismatches_count.Read(), 0);
  core.Committed(At(4), change(4));
  EXPECT_EQ(core.metrics().digest_mismatches_count.Read(), 1);
}

// In the log it would end this server at every start.
TEST_F(MemberCore, WhatIsNoTransactionDoesNotReachTheLog) {  // P1, P42
  const auto type = [](int32_t number) { return static_cast<OpCode>(number); };
  const std::string bad[] = {"", "junk", TxnOf(At(2), type(3), DeleteTxn{"/a"}, kFar),
                             TxnOf(At(2), type(99), DeleteTxn{"/a"}, kFar),
                             TxnOf(At(2), type(5), DeleteTxn{"/a"}, kFar)};
  for (const std::string& payload : bad) {
    ScriptedCore follower;
    follower.Follow();
    follower.Logged();
    follower.FromLeader({Type::kProposal, At(1), std::make_shared<const std::string>(payload)});
    EXPECT_TRUE(follower.Logged().empty()) << PrintBytes(payload);
    EXPECT_EQ(follower.serving().role(), ServingRole::kNone) << "it looks for another leader";
    EXPECT_EQ(follower.failure(), std::nullopt);
    follower.Follow();
  }
}

// Only a leader ends sessions; a learner's clock and what it has not heard of mean nothing.
TEST_F(MemberCore, AFollowerEndsNoSession) {  // QP-5.9, P49
  core.Follow();
  Opened();
  core.Send(TouchReport{.io_thread = 0, .complete_until = MonoMs{1'000'000'000}, .touched = {}});
  EXPECT_TRUE(core.ToLeader().empty());
  for (const IoMessage& message : core.ToClients()) {
    EXPECT_FALSE(std::holds_alternative<CloseConnection>(message));
  }
}

// Whose session has moved here is served when the leader says so, and only that client.
TEST_F(MemberCore, TakesAMovedSessionOnItsLeadersWord) {  // QP-4.5
  core.Follow();
  const auto attached = [this] {
    std::vector<SessionId> sessions;
    for (const IoMessage& message : core.ToClients()) {
      const auto* answer = std::get_if<SessionAttached>(&message);
      if (answer != nullptr) sessions.push_back(answer->session);
    }
    return sessions;
  };
  for (const bool valid : {false, true}) {
    core.Send(AttachSession{kClient, kFar, kTimeoutMs});
    const auto asked = core.ToLeader();
    ASSERT_EQ(asked.size(), 1u);
    EXPECT_EQ(asked[0].type, Type::kRevalidate);
    EXPECT_EQ(asked[0].zxid, Zxid{-1});
    EXPECT_EQ(*asked[0].data, *EncodeTouches({{kFar, kTimeoutMs}}));
    EXPECT_EQ(attached(), std::vector<SessionId>{});
    core.FromLeader({Type::kRevalidate, Zxid{-1}, EncodeRevalidateReply(kFar, valid)});
    EXPECT_EQ(attached(), std::vector{valid ? kFar : SessionId{0}});
  }
}

TEST_F(MemberCore, QuestionsEndWithTheLeaderThatWasAsked) {  // QP-4.5, P48
  core.Follow();
  core.Send(AttachSession{kClient, kFar, kTimeoutMs});
  core.LeaderLost();
  const auto told = core.ToClients();
  EXPECT_TRUE(std::any_of(told.begin(), told.end(), [](const IoMessage& message) {
    return std::holds_alternative<CloseAllConnections>(message);
  }));
  core.Follow();
  core.FromLeader({Type::kRevalidate, Zxid{-1}, EncodeRevalidateReply(kFar, true)});
  for (const IoMessage& message : core.ToClients()) {
    EXPECT_FALSE(std::holds_alternative<SessionAttached>(message));
  }
}

// ---- As the leader.

TEST_F(MemberCore, ALearnersCheckIsRefusedAndNeverProposed) {  // QP-5.14, P1
  core.Lead();
  FarSessionOpens();
  const std::string check = Encoded(CheckVersionRequest{"/", 0});
  int32_t xid = 0;
  // Also what only a leader makes, a read, and what does not exist.
  for (const int32_t type : {13, 20, 3, -1, 9999}) {
    const Zxid next{core.tree().last_zxid().value + 1};
    Forwards(kFar, ++xid, type, check);
    const auto logged = core.Logged();
    ASSERT_EQ(logged.size(), 1u) << type;
    EXPECT_EQ(logged[0].zxid, next);
    EXPECT_EQ(CodeIn(*logged[0].payload), ErrorCode::kUnimplemented) << type;
    core.AllOnDisk();
    EXPECT_EQ(core.tree().last_zxid(), next);
  }
}

TEST_F(MemberCore, ALearnersMalformedRequestGetsAZxidOfItsOwn) {  // QP-5.8, P2
  core.Lead();
  FarSessionOpens();
  const std::string body = CreateBody("/a");
  Forwards(kFar, 1, 1, body.substr(0, 5));
  Forwards(kFar, 2, 1, body);
  const auto logged = core.Logged();
  ASSERT_EQ(logged.size(), 2u);
  EXPECT_EQ(logged[0].zxid, At(2));
  EXPECT_EQ(CodeIn(*logged[0].payload), ErrorCode::kMarshallingError);
  EXPECT_EQ(logged[1].zxid, At(3));
  EXPECT_EQ(CodeIn(*logged[1].payload), ErrorCode::kOk);
  core.AllOnDisk();
  EXPECT_TRUE(Has("/a")) << "writes go on";
  EXPECT_EQ(Only(core.ToLearner(), Type::kCommit).size(), 2u);
}

TEST_F(MemberCore, ConfirmsSessionsThatLiveAndNoOthers) {  // QP-4.5, P50
  core.Lead();
  EXPECT_FALSE(IsValid(kFar)) << "unknown";
  FarSessionOpens();
  EXPECT_TRUE(IsValid(kFar));
  Forwards(kFar, 1, -11, "");
  core.FromLearner({Type::kPing, At(1), EncodeTouches({{kFar, kTimeoutMs}})});
  EXPECT_FALSE(IsValid(kFar)) << "closing, whatever its owner still says";
  core.AllOnDisk();
  EXPECT_FALSE(IsValid(kFar)) << "closed";
}

TEST_F(MemberCore, ALeaderEndsTheSessionThatNobodyHearsOf) {  // QP-5.9
  core.Lead();
  FarSessionOpens();
  core.Send(TouchReport{.io_thread = 0, .complete_until = MonoMs{1'000'000'000}, .touched = {}});
  core.AllOnDisk();
  EXPECT_FALSE(core.tree().sessions().contains(kFar));
}

TEST_F(MemberCore, ARequestFromWhereTheSessionWasBeforeIsRefused) {  // QP-5.11
  core.Lead();
  FarSessionOpens();
  core.Send(AttachSession{kClient, kFar, kTimeoutMs});
  Forwards(kFar, 1, 1, CreateBody("/stale"));
  EXPECT_TRUE(IsValid(kFar)) << "and it moves back";
  Forwards(kFar, 2, 1, CreateBody("/new"));
  const auto logged = core.Logged();
  ASSERT_EQ(logged.size(), 2u);
  EXPECT_EQ(CodeIn(*logged[0].payload), ErrorCode::kSessionMoved);
  EXPECT_EQ(CodeIn(*logged[1].payload), ErrorCode::kOk);
  core.AllOnDisk();
  EXPECT_FALSE(Has("/stale"));
  EXPECT_TRUE(Has("/new"));
}

}  // namespace
}  // namespace lockkeeper::core_test
