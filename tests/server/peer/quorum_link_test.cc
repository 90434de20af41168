// The connections between a leader and its learners: against raw sockets, and two networks of ours.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "server/peer/snapshot_receiver.h"
#include "tests/server/peer/peer_test_util.h"
#include "tests/server/storage/fake_file_system.h"
#include "tests/server/storage/snapshot_test_util.h"

namespace lockkeeper {
namespace {

constexpr PeerId kLeader{1};
constexpr LinkId kLink = 70;

QuorumPacket Packet(QuorumPacketType type, int64_t zxid, SharedBytes data = nullptr) {
  return {.type = type, .zxid = Zxid{zxid}, .data = std::move(data)};
}
QuorumPacket Proposal(int64_t zxid, size_t bytes) {
  return Packet(QuorumPacketType::kProposal, zxid,
                Share(std::string(bytes, static_cast<char>('a' + zxid % 26))));
}

// Every form that a packet has.
std::vector<QuorumPacket> Assortment() {
  std::vector<QuorumPacket> packets;
  packets.push_back(Packet(QuorumPacketType::kAck, 1));
  packets.push_back(Packet(QuorumPacketType::kPing, 2, Share("")));
  packets.push_back(Proposal(3, 100));
  packets.push_back(Proposal(4, 1'000'000));
  packets.push_back(Packet(QuorumPacketType::kRequest, -1, Share(std::string(5'000, 'r'))));
  packets.back().identities = std::vector<Identity>{{"ip", "127.0.0.1"}, {"digest", "bob:x"}};
  packets.push_back(Packet(QuorumPacketType::kRequest, -1, Share("short")));
  packets.back().identities = std::vector<Identity>{};
  packets.push_back(Packet(static_cast<QuorumPacketType>(99), 5));
  packets.push_back(Proposal(6, 70'000));
  packets.push_back(Packet(QuorumPacketType::kCommit, 6));
  return packets;
}

// The leader is server 1, its learners servers 2 and 3; any of them can be a raw socket.
class QuorumLinkTest : public testing::Test {
 protected:
  void StartLeader() { StartLeader(ports_.Options(1)); }
  void StartLeader(PeerNetworkOptions options) {
    leader_.emplace(std::move(options));
    ASSERT_TRUE(leader_->network.Start().ok());
    leader_->network.OpenLearnerPort();
  }
  void StartLearner() { StartLearner(ports_.Options(2)); }
  void StartLearner(PeerNetworkOptions options) {
    learner_.emplace(std::move(options));
    ASSERT_TRUE(learner_->network.Start().ok());
  }
  // A raw learner and its link at the leader. The port opens a moment after the call.
  std::pair<RawSocket, LinkId> RawLearner() {
    std::optional<RawSocket> socket;
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (!socket && std::chrono::steady_clock::now() < deadline) {
      socket = RawSocket::Connect(ports_.quorum(1));
    }
    CHECK(socket.has_value());
    const auto up = leader_->events.Next<LearnerLinkUp>();
    CHECK(up.has_value());
    return {std::move(*socket), up->link};
  }
  // A raw leader's end of the learner's link kLink.
  RawSocket AcceptLearner(RawListener& listener) {
    learner_->network.ConnectToLeader(kLink, kLeader);
    auto socket = listener.Accept();
    CHECK(socket.has_value());
    const auto up = learner_->events.Next<LeaderLinkUp>();
    CHECK(up.has_value());
    CHECK_EQ(up->link, kLink);
    return std::move(*socket);
  }
  // The encoding of the next `count` packets, in the order in which they are delivered.
  template <class Event>
  std::string Receive(Recorder& events, LinkId link, size_t count) {
    std::string bytes;
    while (count > 0) {
      auto came = events.Next<Event>();
      if (!came) return "deadline";
      EXPECT_EQ(came->link, link);
      bytes += Encoded(came->packets);
      count -= std::min(count, came->packets.size());
    }
    return bytes;
  }

  Ports ports_{3};
  std::optional<Node> leader_;
  std::optional<Node> learner_;
};

// ---- Packets.

TEST_F(QuorumLinkTest, PacketsOfEveryFormArriveInOrderInBothDirections) {
  StartLeader();
  StartLearner();
  learner_->network.ConnectToLeader(kLink, kLeader);
  const auto up = learner_->events.Next<LeaderLinkUp>();
  const auto came = leader_->events.Next<LearnerLinkUp>();
  ASSERT_TRUE(up && came);
  EXPECT_EQ(up->link, kLink);
  EXPECT_NE(came->link, 0u);
  EXPECT_TRUE(came->address.starts_with("127.0.0.1:")) << came->address;

  const std::vector<QuorumPacket> packets = Assortment();
  learner_->network.SendToLeader(kLink, packets);
  leader_->network.SendToLearner(came->link, packets);
  const size_t count = packets.size();
  EXPECT_EQ(Receive<LearnerPackets>(leader_->events, came->link, count), Encoded(packets));
  EXPECT_EQ(Receive<LeaderPackets>(learner_->events, kLink, count), Encoded(packets));
}

std::shared_ptr<FrozenStream> Stream(std::vector<std::string> pieces) {
  auto stream = FrozenStream::Start([&](const FrozenStream::Sink& sink) {
    for (const std::string& piece : pieces) sink(piece);
    return Status();
  });
  CHECK(stream.has_value()) << stream.error().message;
  return std::move(*stream);
}

TEST_F(QuorumLinkTest, StreamBytesKeepTheirPlaceBetweenPackets) {
  StartLeader();
  auto [learner, link] = RawLearner();
  const std::string stream(3'000'000, 's');
  leader_->network.SendToLearner(link, {Proposal(1, 2'000), Packet(QuorumPacketType::kSnap, 2)});
  leader_->network.StreamToLearner(link, Stream({stream, "end"}));
  leader_->network.SendToLearner(link, {Packet(QuorumPacketType::kNewLeader, 3, Share("config"))});
  const std::string expected = Encoded(Proposal(1, 2'000)) +
                               Encoded(Packet(QuorumPacketType::kSnap, 2)) + stream + "end" +
                               Encoded(Packet(QuorumPacketType::kNewLeader, 3, Share("config")));
  EXPECT_EQ(learner.Read(expected.size()), expected);
}

// A lone packet leaves on the caller's thread, several and whole states on the peer thread.
TEST_F(QuorumLinkTest, LonePacketsSeveralAndStreamsKeepTheirOrder) {
  StartLeader();
  auto [learner, link] = RawLearner();
  for (int state = 0; state < 20; ++state) {
    std::string expected;
    for (int64_t round = 0; round < 60; ++round) {
      if (round == 30) {
        leader_->network.StreamToLearner(link, Stream({"a state", std::string(100'000, 's')}));
        expected += "a state" + std::string(100'000, 's');
      }
      const std::vector<QuorumPacket> packets(static_cast<size_t>(round % 3),
                                              Proposal(round, static_cast<size_t>(round * 10)));
      leader_->network.SendToLearner(link, packets);
      expected += Encoded(packets);
    }
    ASSERT_EQ(learner.Read(expected.size()), expected);
  }
}

TEST_F(QuorumLinkTest, SmallPacketsWaitForAReaderThatComesLate) {
  StartLeader();
  auto [learner, link] = RawLearner();
  std::string expected;
  for (int64_t zxid = 1; zxid <= 400; ++zxid) {  // each of few bytes, all of them too many
    leader_->network.SendToLearner(link, {Proposal(zxid, 60'000)});
    expected += Encoded(Proposal(zxid, 60'000));
  }
  EXPECT_EQ(learner.Read(expected.size()), expected);
}

TEST_F(QuorumLinkTest, PacketsOfOneReadComeInOneEvent) {
  StartLeader();
  auto [learner, link] = RawLearner();
  std::vector<QuorumPacket> packets;
  for (int64_t zxid = 1; zxid <= 1000; ++zxid) {
    packets.push_back(Packet(QuorumPacketType::kAck, zxid));
  }
  ASSERT_TRUE(learner.Send(Encoded(packets)));
  std::string bytes;
  int events = 0;
  while (bytes.size() < Encoded(packets).size()) {
    const auto came = leader_->events.Next<LearnerPackets>();
    ASSERT_TRUE(came.has_value());
    bytes += Encoded(came->packets);
    ++events;
  }
  EXPECT_EQ(bytes, Encoded(packets));
  EXPECT_LT(events, 100);
}

TEST_F(QuorumLinkTest, PacketsArriveWhereverTheStreamIsCut) {
  StartLeader();
  auto [learner, link] = RawLearner();
  const std::vector<QuorumPacket> packets = {Packet(QuorumPacketType::kAck, 1),
                                             Packet(QuorumPacketType::kPing, 2, Share("touch")),
                                             Packet(QuorumPacketType::kRequest, -1, Share("body"))};
  for (const char byte : Encoded(packets)) ASSERT_TRUE(learner.Send(std::string(1, byte)));
  EXPECT_EQ(Receive<LearnerPackets>(leader_->events, link, packets.size()), Encoded(packets));
}

TEST_F(QuorumLinkTest, BytesThatAreNoPacketEndTheLinkBehindThePacketsBeforeThem) {
  StartLeader();
  auto [learner, link] = RawLearner();
  const QuorumPacket good = Packet(QuorumPacketType::kAck, 1);
  ASSERT_TRUE(learner.Send(Encoded(good) + Int(3) + Long(1) + Int(INT32_MAX)));
  EXPECT_EQ(Receive<LearnerPackets>(leader_->events, link, 1), Encoded(good));
  const auto down = leader_->events.Next<LearnerLinkDown>();
  ASSERT_TRUE(down.has_value());
  EXPECT_EQ(down->link, link);
  EXPECT_TRUE(learner.Ended());

  RawListener listener(0);
  ports_.membership().members[kLeader].addresses = {{"127.0.0.1", listener.port(), 1}};
  StartLearner();
  RawSocket bad_leader = AcceptLearner(listener);
  ASSERT_TRUE(bad_leader.Send(Encoded(good) + Int(3) + Long(1) + Int(-2)));
  EXPECT_EQ(Receive<LeaderPackets>(learner_->events, kLink, 1), Encoded(good));
  const auto leader_down = learner_->events.Next<LeaderLinkDown>();
  ASSERT_TRUE(leader_down.has_value());
  EXPECT_EQ(leader_down->link, kLink);
}

// ---- A snapshot behind SNAP.

// What a leader sends behind SNAP: the content of a snapshot file, and the signature.
std::string StreamOf(const SnapshotContent& content) {
  FakeFileSystem fs;
  CHECK(fs.MakeDirs(kSnapshotDir).ok());
  CHECK(WriteFile(fs, kSnapshotDir, Zxid{9}, SnapshotCompression::kNone, content, {}).ok());
  const std::string& file = fs.Content(SnapshotPath("snapshot.9"));
  const size_t content_bytes = file.size() - kSnapshotHeaderBytes - kSealBytes;
  return file.substr(kSnapshotHeaderBytes, content_bytes) + Int(10) + "BenWasHere";
}

class SnapshotLinkTest : public QuorumLinkTest {
 protected:
  void SetUp() override { StartLearner(); }

  RawListener listener_{ports_.quorum(1)};
  const QuorumPacket snap_ = Packet(QuorumPacketType::kSnap, 0x100000009);
};

TEST_F(SnapshotLinkTest, QP_3_14_WholeSnapshotIsDeliveredBetweenItsPackets) {
  const SnapshotContent content = SampleContent();
  const std::string stream = StreamOf(content);
  const QuorumPacket before = Packet(QuorumPacketType::kPing, 1);
  const QuorumPacket after = Packet(QuorumPacketType::kNewLeader, 2, Share("config"));
  const std::string bytes = Encoded(before) + Encoded(snap_) + stream + Encoded(after);
  for (const size_t piece : {size_t{333}, size_t{4096}, size_t{100'000}, bytes.size()}) {
    RawSocket leader = AcceptLearner(listener_);
    for (size_t at = 0; at < bytes.size(); at += piece) {
      ASSERT_TRUE(leader.Send(std::string_view(bytes).substr(at, piece)));
    }
    std::vector<QuorumPacket> packets;
    std::unique_ptr<DataTree> tree;
    while (packets.size() < 3) {
      auto event = learner_->events.NextOfAny();
      ASSERT_TRUE(event.has_value());
      if (auto* came = std::get_if<LeaderPackets>(&*event)) {
        packets.insert(packets.end(), came->packets.begin(), came->packets.end());
        EXPECT_EQ(tree != nullptr, packets.size() == 3);
      } else {
        auto* snapshot = std::get_if<LeaderSnapshot>(&*event);
        ASSERT_NE(snapshot, nullptr);
        EXPECT_EQ(snapshot->link, kLink);
        EXPECT_EQ(packets.size(), 2u);
        tree = std::move(snapshot->tree);
      }
    }
    EXPECT_EQ(Encoded(packets), Encoded({before, snap_, after}));
    EXPECT_EQ(tree->last_zxid(), snap_.zxid);
    EXPECT_EQ(tree->digest(), TreeDigest(content));
    EXPECT_EQ(tree->sessions().size(), content.sessions.size());
    learner_->network.DisconnectLeader(kLink);
    EXPECT_TRUE(leader.Ended());
  }
}

TEST_F(SnapshotLinkTest, TwoSnapshotsOfOneLinkAreTwoTrees) {
  const SnapshotContent content = FreshContent();
  RawSocket leader = AcceptLearner(listener_);
  ASSERT_TRUE(leader.Send(Encoded(snap_) + StreamOf(content) +
                          Encoded(Packet(QuorumPacketType::kSnap, 5)) + StreamOf(content)));
  const auto first = learner_->events.Next<LeaderSnapshot>();
  const auto second = learner_->events.Next<LeaderSnapshot>();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->tree->last_zxid(), snap_.zxid);
  EXPECT_EQ(second->tree->last_zxid(), Zxid{5});
  EXPECT_EQ(second->tree->digest(), TreeDigest(content));
}

TEST_F(SnapshotLinkTest, QP_3_14_SnapshotThatIsCutIsNotDelivered) {
  const std::string stream = StreamOf(FreshContent());
  for (const size_t cut :
       {size_t{0}, size_t{1}, stream.size() / 2, stream.size() - 14, stream.size() - 1}) {
    RawSocket leader = AcceptLearner(listener_);
    ASSERT_TRUE(leader.Send(Encoded(snap_) + stream.substr(0, cut)));
    leader.Close();
    EXPECT_EQ(Receive<LeaderPackets>(learner_->events, kLink, 1), Encoded(snap_));
    const auto down = learner_->events.Next<LeaderLinkDown>();
    ASSERT_TRUE(down.has_value()) << cut;
    EXPECT_NE(down->why.find("inside a snapshot"), std::string::npos) << down->why;
  }
  EXPECT_TRUE(learner_->events.Never<LeaderSnapshot>());
}

TEST_F(SnapshotLinkTest, QP_3_6_WrongSignatureFailsTheLink) {
  const std::string stream = StreamOf(FreshContent());
  const std::string content = stream.substr(0, stream.size() - 14);
  for (const std::string& end : {Int(10) + "BenWasHerE", Int(9) + "BenWasHer", Int(-1),
                                 Encoded(Packet(QuorumPacketType::kNewLeader, 1))}) {
    RawSocket leader = AcceptLearner(listener_);
    ASSERT_TRUE(leader.Send(Encoded(snap_) + content + end));
    const auto down = learner_->events.Next<LeaderLinkDown>();
    ASSERT_TRUE(down.has_value());
    EXPECT_NE(down->why.find("BenWasHere"), std::string::npos) << down->why;
    EXPECT_TRUE(leader.Ended());
  }
  EXPECT_TRUE(learner_->events.Never<LeaderSnapshot>());
}

TEST_F(SnapshotLinkTest, DamagedContentFailsTheLink) {
  RawSocket leader = AcceptLearner(listener_);
  ASSERT_TRUE(leader.Send(Encoded(snap_) + Int(-7)));
  const auto down = learner_->events.Next<LeaderLinkDown>();
  ASSERT_TRUE(down.has_value());
  EXPECT_NE(down->why.find("negative number of sessions"), std::string::npos) << down->why;
}

TEST(SnapshotReceiverTest, QP_3_14_EveryPlaceToCutTheStreamGivesTheSameTree) {
  const SnapshotContent content = FreshContent();
  const std::string stream = StreamOf(content) + "next packet";
  for (size_t cut = 0; cut <= stream.size(); ++cut) {
    SnapshotReceiver receiver(Zxid{7}, DataTreeOptions{}, kQuorumBufferMax);
    const auto first = receiver.Consume(std::string_view(stream).substr(0, cut));
    ASSERT_TRUE(first.has_value()) << cut;
    const auto second = receiver.Consume(std::string_view(stream).substr(*first));
    ASSERT_TRUE(second.has_value()) << cut;
    EXPECT_EQ(stream.substr(*first + *second), "next packet");
    ASSERT_TRUE(receiver.done());
    EXPECT_EQ(receiver.TakeTree()->digest(), TreeDigest(content));
  }
}

// ---- Links begin and end.

TEST_F(QuorumLinkTest, LearnerThatComesBackHasANewLink) {
  StartLeader();
  auto [first, link] = RawLearner();
  first.Reset();
  const auto down = leader_->events.Next<LearnerLinkDown>();
  ASSERT_TRUE(down.has_value());
  EXPECT_EQ(down->link, link);
  auto [second, other] = RawLearner();
  EXPECT_NE(other, link);
  leader_->network.SendToLearner(link, {Packet(QuorumPacketType::kPing, 1)});  // goes nowhere
  leader_->network.SendToLearner(other, {Packet(QuorumPacketType::kPing, 2)});
  EXPECT_EQ(second.Read(20), Encoded(Packet(QuorumPacketType::kPing, 2)));
}

TEST_F(QuorumLinkTest, CloseLearnerWritesWhatWasSentBefore) {
  StartLeader();
  auto [learner, link] = RawLearner();
  ASSERT_TRUE(learner.Send(Encoded(Packet(QuorumPacketType::kAck, 1))));
  std::string expected;
  for (int64_t zxid = 1; zxid <= 20; ++zxid) {
    leader_->network.SendToLearner(link, {Proposal(zxid, 500'000)});
    expected += Encoded(Proposal(zxid, 500'000));
  }
  leader_->network.CloseLearner(link);
  leader_->network.SendToLearner(link, {Proposal(21, 10)});  // too late
  const auto all = learner.ReadToEnd();
  ASSERT_TRUE(all.has_value());
  EXPECT_TRUE(*all == expected) << all->size() << " bytes instead of " << expected.size();
  learner.Close();
  EXPECT_TRUE(leader_->events.Never<LearnerLinkDown>());
}

TEST_F(QuorumLinkTest, CloseLearnerDoesNotWaitLongForOneThatDoesNotRead) {
  StartLeader();
  auto [learner, link] = RawLearner();
  for (int64_t zxid = 1; zxid <= 40; ++zxid) {
    leader_->network.SendToLearner(link, {Proposal(zxid, 500'000)});
  }
  const auto begin = std::chrono::steady_clock::now();
  leader_->network.CloseLearner(link);
  while (learner.Send("x") && std::chrono::steady_clock::now() < begin + kDeadline) {
    std::this_thread::yield();
  }
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(took, std::chrono::milliseconds(900));
  EXPECT_LT(took, std::chrono::seconds(5));
}

TEST_F(QuorumLinkTest, DisconnectLeaderEndsTheLinkWithoutAReport) {
  StartLeader();
  StartLearner();
  learner_->network.ConnectToLeader(kLink, kLeader);
  ASSERT_TRUE(learner_->events.Next<LeaderLinkUp>().has_value());
  learner_->network.DisconnectLeader(kLink + 1);  // another one
  learner_->network.SendToLeader(kLink, {Packet(QuorumPacketType::kAck, 1)});
  EXPECT_TRUE(leader_->events.Next<LearnerPackets>().has_value());
  learner_->network.DisconnectLeader(kLink);
  EXPECT_TRUE(leader_->events.Next<LearnerLinkDown>().has_value());
  EXPECT_TRUE(learner_->events.Never<LeaderLinkDown>());
}

TEST_F(QuorumLinkTest, NewConnectionToALeaderReplacesTheOldOne) {
  RawListener listener(ports_.quorum(1));
  StartLearner();
  RawSocket first = AcceptLearner(listener);
  learner_->network.ConnectToLeader(kLink + 1, kLeader);
  EXPECT_TRUE(first.Ended());
  auto second = listener.Accept();
  ASSERT_TRUE(second.has_value());
  const auto up = learner_->events.Next<LeaderLinkUp>();
  ASSERT_TRUE(up.has_value());
  EXPECT_EQ(up->link, kLink + 1);
  EXPECT_TRUE(learner_->events.Never<LeaderLinkDown>());
}

TEST_F(QuorumLinkTest, ClosingTheLearnerPortEndsItsLinksWithoutAReport) {
  StartLeader();
  auto [learner, link] = RawLearner();
  leader_->network.CloseLearnerPort();
  EXPECT_TRUE(learner.Ended());
  EXPECT_FALSE(RawSocket::Connect(ports_.quorum(1)).has_value());
  EXPECT_TRUE(leader_->events.Never<LearnerLinkDown>());
  leader_->network.OpenLearnerPort();
  auto [again, other] = RawLearner();
  EXPECT_NE(other, link);
}

TEST_F(QuorumLinkTest, LearnerHearsThatItsLeaderHasStopped) {
  StartLeader();
  StartLearner();
  learner_->network.ConnectToLeader(kLink, kLeader);
  ASSERT_TRUE(learner_->events.Next<LeaderLinkUp>().has_value());
  ASSERT_TRUE(leader_->events.Next<LearnerLinkUp>().has_value());
  leader_.reset();
  const auto down = learner_->events.Next<LeaderLinkDown>();
  ASSERT_TRUE(down.has_value());
  EXPECT_EQ(down->link, kLink);
}

// ---- The port, and finding it.

TEST_F(QuorumLinkTest, QP_9_2_QuorumPortInUseIsReported) {
  const RawListener other(ports_.quorum(1));
  StartLeader();
  const auto failed = leader_->events.Next<PortFailed>();
  ASSERT_TRUE(failed.has_value());
  EXPECT_FALSE(failed->election);
  EXPECT_NE(failed->error.message.find(std::to_string(ports_.quorum(1))), std::string::npos);
}

TEST_F(QuorumLinkTest, QP_9_2_OneOfSeveralQuorumAddressesIsEnough) {
  const RawListener other;
  ports_.membership().members[kLeader].addresses.push_back({"no-such-host.invalid", 1, 1});
  ports_.membership().members[kLeader].addresses.push_back(
      {"127.0.0.1", other.port(), ports_.election(1)});
  StartLeader();
  auto [learner, link] = RawLearner();
  EXPECT_TRUE(leader_->events.Never<PortFailed>());
}

TEST_F(QuorumLinkTest, QP_9_2_QuorumPortListensOnAllAddressesWhenToldSo) {
  PeerNetworkOptions options = ports_.Options(1);
  options.listen_on_all_ips = true;
  StartLeader(options);
  RawLearner();
  EXPECT_TRUE(RawSocket::Connect(ports_.quorum(1), "127.0.0.2").has_value());
}

TEST_F(QuorumLinkTest, QP_2_10_FiveTriesWithADelayThenTheLinkIsDown) {
  PeerNetworkOptions options = ports_.Options(2);
  options.leader_connect_delay_ms = 20;
  StartLearner(options);
  const auto begin = std::chrono::steady_clock::now();
  learner_->network.ConnectToLeader(kLink, kLeader);
  const auto down = learner_->events.Next<LeaderLinkDown>();
  ASSERT_TRUE(down.has_value());
  EXPECT_EQ(down->link, kLink);
  EXPECT_NE(down->why.find("after 5 tries"), std::string::npos) << down->why;
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(4 * 20));
}

TEST_F(QuorumLinkTest, QP_2_10_LaterTryReachesALeaderThatHasJustOpenedItsPort) {
  PeerNetworkOptions options = ports_.Options(2);
  options.leader_connect_delay_ms = 500;
  StartLearner(options);
  learner_->network.ConnectToLeader(kLink, kLeader);
  EXPECT_TRUE(learner_->events.Never<LeaderLinkDown>());  // the first try has failed meanwhile
  StartLeader();
  EXPECT_TRUE(learner_->events.Next<LeaderLinkUp>().has_value());
}

TEST_F(QuorumLinkTest, QP_2_10_TriesEndWithTheirLimit) {
  const StuckPort stuck;
  ports_.membership().members[kLeader].addresses = {{"127.0.0.1", stuck.port(), 1}};
  PeerNetworkOptions options = ports_.Options(2);
  options.leader_connect_ms = 100;
  StartLearner(options);
  learner_->network.ConnectToLeader(kLink, kLeader);
  const auto down = learner_->events.Next<LeaderLinkDown>();
  ASSERT_TRUE(down.has_value());
  EXPECT_EQ(stuck.Attempts(), 0);
}

TEST_F(QuorumLinkTest, QP_2_10_SeveralAddressesAreTriedInTurn) {
  RawListener listener;
  const StuckPort stuck;
  ports_.membership().members[kLeader].addresses = {
      {"127.0.0.1", ports_.quorum(1), 1},  // refused
      {"127.0.0.1", stuck.port(), 1},      // silent
      {"localhost", listener.port(), 1},
  };
  PeerNetworkOptions options = ports_.Options(2);
  options.connect_timeout_ms = 50;
  StartLearner(options);
  AcceptLearner(listener);
}

TEST_F(QuorumLinkTest, LeaderOutsideTheMembershipIsDownAtOnce) {
  StartLearner();
  learner_->network.ConnectToLeader(kLink, PeerId{99});
  EXPECT_TRUE(learner_->events.Next<LeaderLinkDown>().has_value());
}

// ---- Pressure.

TEST_F(QuorumLinkTest, QP_9_7_LearnerThatDoesNotReadIsDroppedAndDelaysNoOther) {
  PeerNetworkOptions options = ports_.Options(1);
  options.learner_queue_bytes_max = 16 << 20;
  StartLeader(options);
  auto [blocked, blocked_link] = RawLearner();
  auto [reading, link] = RawLearner();
  int64_t zxid = 0;
  std::optional<LearnerLinkDown> down;
  while (!down && zxid < 200) {
    const QuorumPacket proposal = Proposal(++zxid, 1'000'000);
    leader_->network.SendToLearner(blocked_link, {proposal});
    leader_->network.SendToLearner(link, {proposal});
    ASSERT_TRUE(reading.Read(Encoded(proposal).size()) == Encoded(proposal)) << zxid;
    down = leader_->events.Next<LearnerLinkDown>(std::chrono::milliseconds(0));
  }
  ASSERT_TRUE(down.has_value());
  EXPECT_EQ(down->link, blocked_link);
  EXPECT_NE(down->why.find("does not read"), std::string::npos);
  EXPECT_GT(zxid, 16);  // not before the bound
  EXPECT_TRUE(blocked.Ended());
}

// A state of 20 MiB through a queue of 1 MiB; of what comes behind it, nothing comes before it.
TEST_F(QuorumLinkTest, StateIsSentAsFastAsItIsTaken) {
  constexpr size_t kPiece = 256 << 10;
  constexpr size_t kPieces = 80;
  PeerNetworkOptions options = ports_.Options(1);
  options.learner_queue_bytes_max = 1 << 20;
  StartLeader(options);
  auto [learner, link] = RawLearner();
  leader_->network.StreamToLearner(
      link, Stream(std::vector<std::string>(kPieces, std::string(kPiece, 's'))));
  const QuorumPacket behind = Packet(QuorumPacketType::kNewLeader, 3, Share("config"));
  leader_->network.SendToLearner(link, {behind});
  EXPECT_EQ(learner.Read(kPieces * kPiece), std::string(kPieces * kPiece, 's'));
  EXPECT_EQ(learner.Read(Encoded(behind).size()), Encoded(behind));
  const auto takes = leader_->events.Next<LearnerTakes>();
  ASSERT_TRUE(takes.has_value());
  EXPECT_EQ(takes->link, link);
  EXPECT_TRUE(leader_->events.Never<LearnerLinkDown>());
}

TEST_F(QuorumLinkTest, PacketsBehindAStateThatIsNotTakenAreBounded) {
  PeerNetworkOptions options = ports_.Options(1);
  options.learner_queue_bytes_max = 16 << 20;
  StartLeader(options);
  auto [learner, link] = RawLearner();
  leader_->network.StreamToLearner(link, Stream({std::string(40'000'000, 's')}));
  std::optional<LearnerLinkDown> down;
  for (int64_t zxid = 1; !down && zxid < 200; ++zxid) {
    leader_->network.SendToLearner(link, {Proposal(zxid, 1'000'000)});
    down = leader_->events.Next<LearnerLinkDown>(std::chrono::milliseconds(zxid < 30 ? 0 : 50));
  }
  ASSERT_TRUE(down.has_value());
  EXPECT_TRUE(learner.Ended());
}

TEST_F(QuorumLinkTest, StateThatEndsEarlyEndsTheLink) {
  StartLeader();
  auto [learner, link] = RawLearner();
  auto failing = FrozenStream::Start([](const FrozenStream::Sink& sink) -> Status {
    sink("half");
    return Error{Errc::kIo, "no more"};
  });
  ASSERT_TRUE(failing.has_value());
  leader_->network.StreamToLearner(link, std::move(*failing));
  ASSERT_TRUE(leader_->events.Next<LearnerLinkDown>().has_value());
  EXPECT_TRUE(learner.Ended());
}

// What the leader does not deal with stays in the learner's socket, and comes when it does.
TEST_F(QuorumLinkTest, LearnerThatFloodsIsNotReadFurther) {
  PeerNetworkOptions options = ports_.Options(1);
  options.learner_unhandled_bytes_max = 1 << 20;
  StartLeader(options);
  auto [learner, link] = RawLearner();
  constexpr size_t kRequests = 64;
  const QuorumPacket request =
      Packet(QuorumPacketType::kRequest, -1, Share(std::string(1'000'000, 'r')));
  std::thread flood([&, socket = &learner] {
    for (size_t i = 0; i < kRequests; ++i) ASSERT_TRUE(socket->Send(Encoded(request)));
  });
  std::vector<LearnerPackets> kept;
  size_t got = 0;
  while (auto event = leader_->events.Next<LearnerPackets>(std::chrono::milliseconds(500))) {
    got += event->packets.size();
    kept.push_back(*std::move(event));
  }
  EXPECT_LT(got, kRequests / 4);
  while (got < kRequests) {
    kept.clear();  // dealt with
    auto event = leader_->events.Next<LearnerPackets>();
    ASSERT_TRUE(event.has_value()) << got;
    got += event->packets.size();
  }
  flood.join();
  EXPECT_EQ(got, kRequests);
}

}  // namespace
}  // namespace lockkeeper
