// The election port against raw sockets and against itself.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "tests/server/peer/peer_test_util.h"

namespace lockkeeper {
namespace {

constexpr PeerId kOne{1};
constexpr PeerId kTwo{2};
constexpr PeerId kThree{3};

std::string Local(uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

// Server 2 of three, whose peers 1 and 3 are played by the test.
class ElectionPortTest : public testing::Test {
 protected:
  void Start() { Start(ports_.Options(2)); }
  void Start(PeerNetworkOptions options) {
    node_.emplace(std::move(options));
    const Status started = node_->network.Start();
    ASSERT_TRUE(started.ok()) << started.error().message;
  }
  // A connection to our election port that has said `hello`.
  RawSocket Dial(const std::string& hello) {
    auto socket = RawSocket::Connect(ports_.election(2));
    CHECK(socket.has_value());
    CHECK(socket->Send(hello));
    return std::move(*socket);
  }
  std::string HelloOf(int64_t sid) { return HandshakeBytes(sid, Local(ports_.election(sid))); }
  // What arrives next is this notification.
  void ExpectNote(RawSocket& socket, int64_t round) {
    const std::string frame = Frame(Note(round));
    EXPECT_EQ(socket.Read(frame.size()), frame);
  }
  void ExpectNotification(PeerId from, int64_t round) {
    const auto came = node_->events.Next<NotificationCame>();
    ASSERT_TRUE(came.has_value());
    EXPECT_EQ(came->from, from);
    EXPECT_EQ(came->notification.round, round);
  }

  Ports ports_{3};
  std::optional<Node> node_;
};

// ---- The handshake.

TEST_F(ElectionPortTest, QP_1_1_HandshakeOfVersion1IsOneSegmentAndOneAddress) {
  RawListener three(ports_.election(3));
  Start();
  node_->network.Notify(kThree, Note(1));
  auto socket = three.Accept();
  ASSERT_TRUE(socket.has_value());
  EXPECT_EQ(socket->ReadToEnd(), HandshakeBytes(2, Local(ports_.election(2))));
  EXPECT_EQ(socket->DataSegments(), 1);  // Java refuses a handshake in pieces (P28)
}

TEST_F(ElectionPortTest, QP_1_2_HandshakeOfVersion2WithAllAddressesWhenMultiAddressIsOn) {
  RawListener three(ports_.election(3));
  const ReservedPort second;
  ports_.membership().members[kTwo].addresses.push_back({"127.0.0.1", 1, second.number()});
  PeerNetworkOptions options = ports_.Options(2);
  options.multi_address = true;
  Start(options);
  node_->network.Notify(kThree, Note(1));
  auto socket = three.Accept();
  ASSERT_TRUE(socket.has_value());
  const std::string addresses = Local(ports_.election(2)) + "|" + Local(second.number());
  EXPECT_EQ(socket->ReadToEnd(), Bytes("ffffffffffff0001") + Long(2) +
                                     Int(static_cast<int32_t>(addresses.size())) + addresses);
}

TEST_F(ElectionPortTest, QP_1_2_BothVersionsAreAcceptedWhateverOurSetting) {
  Start();
  RawSocket first = Dial(HelloOf(3) + Frame(Note(1)));
  ExpectNotification(kThree, 1);
  const std::string addresses = "127.0.0.1:1|127.0.0.2:1";
  RawSocket second = Dial(Bytes("ffffffffffff0001") + Long(4) +
                          Int(static_cast<int32_t>(addresses.size())) + addresses + Frame(Note(2)));
  ExpectNotification(PeerId{4}, 2);
}

TEST_F(ElectionPortTest, QP_1_2_AddressLengthOutside1To2048Closes) {
  Start();
  for (const int32_t length : {0, -1, 2049, INT32_MAX}) {
    RawSocket socket = Dial(Bytes("ffffffffffff0000") + Long(3) + Int(length));
    EXPECT_TRUE(socket.Ended()) << length;
  }
  RawSocket longest = Dial(HandshakeBytes(3, std::string(2048, 'a')) + Frame(Note(1)));
  ExpectNotification(kThree, 1);
}

TEST_F(ElectionPortTest, QP_1_3_HandshakeInManySegmentsIsAccepted) {
  Start();
  RawSocket socket = Dial("");
  for (const char byte : HelloOf(3) + Frame(Note(7))) {
    ASSERT_TRUE(socket.Send(std::string(1, byte)));
  }
  ExpectNotification(kThree, 7);
}

TEST_F(ElectionPortTest, HandshakeThatDoesNotComeIsNotWaitedForLonger) {
  PeerNetworkOptions options = ports_.Options(2);
  options.handshake_timeout_ms = 50;
  Start(options);
  RawSocket silent = Dial("");
  EXPECT_TRUE(silent.Ended());
  RawSocket half = Dial(HelloOf(3).substr(0, 20));
  EXPECT_TRUE(half.Ended());
  RawSocket greeted = Dial(HelloOf(3));  // has no limit any more
  EXPECT_TRUE(greeted.StaysQuiet());
}

// ---- Who makes the connection.

TEST_F(ElectionPortTest, QP_1_4_SmallerInitiatorClosesAndTheLargerOneConnectsBack) {
  RawListener three(ports_.election(3));
  Start();
  node_->network.Notify(kThree, Note(1));
  auto asked = three.Accept();
  ASSERT_TRUE(asked.has_value());
  EXPECT_TRUE(asked->Ended());
  RawSocket back = Dial(HelloOf(3));
  ExpectNote(back, 1);
  ASSERT_TRUE(back.Send(Frame(Note(2))));
  ExpectNotification(kThree, 2);
}

TEST_F(ElectionPortTest, QP_1_4_LargerAcceptorClosesAndConnectsBack) {
  RawListener one(ports_.election(1));
  Start();
  RawSocket asking = Dial(HelloOf(1));
  EXPECT_TRUE(asking.Ended());
  auto back = one.Accept();
  ASSERT_TRUE(back.has_value());
  const std::string hello = HelloOf(2);
  EXPECT_EQ(back->Read(hello.size()), hello);
  node_->network.Notify(kOne, Note(5));
  ExpectNote(*back, 5);
  ASSERT_TRUE(back->Send(Frame(Note(6))));
  ExpectNotification(kOne, 6);
}

TEST_F(ElectionPortTest, QP_1_4_LargerAcceptorEndsItsOlderConnection) {
  RawListener one(ports_.election(1));
  Start();
  node_->network.Notify(kOne, Note(5));
  auto older = one.Accept();
  ASSERT_TRUE(older.has_value());
  RawSocket asking = Dial(HelloOf(1));
  EXPECT_TRUE(older->Ended());
  auto newer = one.Accept();
  ASSERT_TRUE(newer.has_value());
  EXPECT_EQ(newer->Read(HelloOf(2).size()), HelloOf(2));
  ExpectNote(*newer, 5);
}

TEST_F(ElectionPortTest, QP_1_4_LargerAcceptorUsesTheAnnouncedAddress) {
  RawListener elsewhere;
  Start();
  RawSocket asking = Dial(HandshakeBytes(1, Local(elsewhere.port())));
  auto back = elsewhere.Accept();
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->Read(HelloOf(2).size()), HelloOf(2));
}

TEST_F(ElectionPortTest, ServerThatIsNoMemberCanAskToBeConnectedBackTo) {
  RawListener stranger;
  Start();
  RawSocket asking = Dial(HandshakeBytes(0, Local(stranger.port())));
  auto back = stranger.Accept();
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->Read(HelloOf(2).size()), HelloOf(2));
  node_->network.Notify(PeerId{0}, Note(3));
  ExpectNote(*back, 3);
}

TEST_F(ElectionPortTest, QP_1_5_EqualSidIsClosed) {
  Start();
  RawSocket socket = Dial(HelloOf(2) + Frame(Note(1)));
  EXPECT_TRUE(socket.Ended());
  EXPECT_TRUE(node_->events.Never<NotificationCame>());
}

TEST_F(ElectionPortTest, QP_1_6_WildcardsInAHandshakeMeanTheConfiguredAddress) {
  RawListener one(ports_.election(1));
  RawListener trap;
  Start();
  for (const char* wildcard : {"0.0.0.0", "[::]", "[0:0:0:0:0:0:0:0]"}) {
    RawSocket asking = Dial(HandshakeBytes(1, wildcard + (":" + std::to_string(trap.port()))));
    auto back = one.Accept();
    ASSERT_TRUE(back.has_value()) << wildcard;
    EXPECT_EQ(back->Read(HelloOf(2).size()), HelloOf(2));
  }
  EXPECT_FALSE(trap.Accept(kQuiet).has_value());
}

TEST_F(ElectionPortTest, QP_1_7_FirstLongOfAnOldPeerIsItsSid) {
  Start();
  RawSocket socket = Dial(Long(3) + Frame(Note(4)));
  ExpectNotification(kThree, 4);
}

TEST_F(ElectionPortTest, QP_1_7_UnknownVersionCloses) {
  Start();
  for (const int64_t version : {int64_t{-1}, int64_t{-65534}, int64_t{-65537}, INT64_MIN}) {
    RawSocket socket = Dial(Long(version) + Long(3) + Int(1) + "a");
    EXPECT_TRUE(socket.Ended()) << version;
  }
}

TEST_F(ElectionPortTest, QP_1_7_AnonymousObserversGetPrivateNegativeIds) {
  Start();
  RawSocket first = Dial(HandshakeBytes(INT64_MAX, "127.0.0.1:1") + Frame(Note(1)));
  ExpectNotification(PeerId{-1}, 1);
  RawSocket second = Dial(HandshakeBytes(INT64_MAX, "127.0.0.1:1") + Frame(Note(2)));
  ExpectNotification(PeerId{-2}, 2);
  node_->network.Notify(PeerId{-1}, Note(3));
  node_->network.Notify(PeerId{-2}, Note(4));
  ExpectNote(first, 3);
  ExpectNote(second, 4);
}

TEST_F(ElectionPortTest, QP_1_8_SecondConnectionOfTheSamePeerReplacesTheFirst) {
  Start();
  RawSocket first = Dial(HelloOf(3) + Frame(Note(1)));
  ExpectNotification(kThree, 1);
  node_->network.Notify(kThree, Note(2));
  ExpectNote(first, 2);
  RawSocket second = Dial(HelloOf(3));
  EXPECT_TRUE(first.Ended());
  ExpectNote(second, 2);  // the last message, again
  node_->network.Notify(kThree, Note(3));
  ExpectNote(second, 3);
}

TEST_F(ElectionPortTest, TwoServersFindEachOtherWhoeverBegins) {
  for (const bool smaller_begins : {true, false}) {
    Ports ports(2);
    Node one(ports.Options(1));
    Node two(ports.Options(2));
    ASSERT_TRUE(one.network.Start().ok());
    ASSERT_TRUE(two.network.Start().ok());
    (smaller_begins ? one : two).network.Notify(smaller_begins ? kTwo : kOne, Note(1));
    const auto first = (smaller_begins ? two : one).events.Next<NotificationCame>();
    ASSERT_TRUE(first.has_value());
    (smaller_begins ? two : one).network.Notify(first->from, Note(2, std::string(100'000, 'c')));
    const auto answer = (smaller_begins ? one : two).events.Next<NotificationCame>();
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->notification.round, 2);
    EXPECT_EQ(answer->notification.config, std::string(100'000, 'c'));
  }
}

TEST_F(ElectionPortTest, MessageToOneselfIsDelivered) {
  Start();
  node_->network.Notify(kTwo, Note(9));
  ExpectNotification(kTwo, 9);
}

// ---- Frames and the queue.

TEST_F(ElectionPortTest, QP_1_9_FrameLengthThatCannotBeClosesThePair) {
  Start();
  for (const int32_t length : {0, -1, 524'289, INT32_MAX, INT32_MIN}) {
    RawSocket socket = Dial(HelloOf(3) + Frame(Note(1)));
    ExpectNotification(kThree, 1);
    ASSERT_TRUE(socket.Send(Int(length)));
    EXPECT_TRUE(socket.Ended()) << length;
  }
}

TEST_F(ElectionPortTest, QP_1_9_LongestFrameAndNonsenseInsideAFrameKeepThePair) {
  Start();
  RawSocket socket = Dial(HelloOf(3));
  ASSERT_TRUE(socket.Send(Int(524'288) + std::string(524'288, '\x7f')));
  ASSERT_TRUE(socket.Send(Int(1) + "x" + Frame(Note(2, std::string(524'288 - 44, 'c')))));
  const auto came = node_->events.Next<NotificationCame>();
  ASSERT_TRUE(came.has_value());
  EXPECT_EQ(came->notification.round, 2);
  EXPECT_EQ(came->notification.config.size(), 524'288u - 44);
}

TEST_F(ElectionPortTest, QP_1_10_OnlyTheNewestMessageWaitsForAConnection) {
  Start();
  for (int64_t round = 1; round <= 5; ++round) node_->network.Notify(kThree, Note(round));
  RawSocket socket = Dial(HelloOf(3));
  ExpectNote(socket, 5);
  EXPECT_TRUE(socket.StaysQuiet());
}

TEST_F(ElectionPortTest, QP_1_10_PeerThatDoesNotReadGetsTheNewestMessageLater) {
  constexpr int64_t kMessages = 200;
  Start();
  RawSocket socket = Dial(HelloOf(3) + Frame(Note(0)));
  ExpectNotification(kThree, 0);
  const std::string config(400'000, 'c');
  for (int64_t round = 1; round <= kMessages; ++round) {
    node_->network.Notify(kThree, Note(round, config));
    node_->network.Notify(kTwo, Note(round));  // answered when all before it is done
    ExpectNotification(kTwo, round);
  }
  const size_t frame = Frame(Note(1, config)).size();
  std::vector<int64_t> rounds;
  while (rounds.empty() || rounds.back() < kMessages) {
    const std::string bytes = socket.Read(frame);
    ASSERT_EQ(bytes.size(), frame);
    rounds.push_back(RoundsOf(bytes).front());
  }
  EXPECT_TRUE(std::is_sorted(rounds.begin(), rounds.end()));
  EXPECT_LT(rounds.size(), size_t{kMessages} / 2);
  EXPECT_TRUE(socket.StaysQuiet());
}

TEST_F(ElectionPortTest, QP_1_10_LastMessageIsRepeatedUnlessANewerOneWaits) {  // P25
  Start();
  RawSocket first = Dial(HelloOf(3) + Frame(Note(0)));
  ExpectNotification(kThree, 0);
  node_->network.Notify(kThree, Note(1));
  ExpectNote(first, 1);
  first.Close();
  RawSocket second = Dial(HelloOf(3));
  ExpectNote(second, 1);
  second.Close();
  // Whether it goes to the dying connection or waits: on the next one it comes, and only it.
  node_->network.Notify(kThree, Note(2));
  RawSocket third = Dial(HelloOf(3));
  std::string frame = third.Read(Frame(Note(2)).size());
  EXPECT_EQ(RoundsOf(frame).back(), 2);
}

// ---- Attempts to connect.

TEST_F(ElectionPortTest, P26_UnreachablePeerDelaysNoOtherAndIsTriedOnceAtATime) {
  const StuckPort stuck;
  RawListener one(ports_.election(1));
  ports_.membership().members[PeerId{0}].addresses.push_back({"127.0.0.1", 1, stuck.port()});
  Start();
  for (int64_t round = 1; round <= 5; ++round) node_->network.Notify(PeerId{0}, Note(round));
  node_->network.Notify(kOne, Note(6));
  auto socket = one.Accept();
  ASSERT_TRUE(socket.has_value());
  EXPECT_EQ(socket->Read(HelloOf(2).size()), HelloOf(2));
  ExpectNote(*socket, 6);
  EXPECT_EQ(stuck.Attempts(), 1);
}

TEST_F(ElectionPortTest, AttemptEndsAfterTheConnectTimeoutAndTheNextNotificationTriesAgain) {
  const StuckPort stuck;
  ports_.membership().members[kOne].addresses = {{"127.0.0.1", 1, stuck.port()}};
  PeerNetworkOptions options = ports_.Options(2);
  options.connect_timeout_ms = 500;
  Start(options);
  for (int64_t round = 1; round <= 2; ++round) {
    node_->network.Notify(kOne, Note(round));
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    bool seen = false;
    while (std::chrono::steady_clock::now() < deadline && (!seen || stuck.Attempts() > 0)) {
      seen = seen || stuck.Attempts() == 1;
    }
    EXPECT_TRUE(seen);
    EXPECT_EQ(stuck.Attempts(), 0);
  }
}

TEST_F(ElectionPortTest, NothingIsTriedAgainBeforeTheNextNotification) {
  PeerNetworkOptions options = ports_.Options(2);
  options.connect_timeout_ms = 20;
  Start(options);
  node_->network.Notify(kOne, Note(1));  // refused
  // A failed attempt takes microseconds here: the listener comes long after it.
  EXPECT_TRUE(node_->events.Never<NotificationCame>());
  RawListener one(ports_.election(1));
  EXPECT_FALSE(one.Accept(kQuiet).has_value());
  node_->network.Notify(kOne, Note(2));
  auto socket = one.Accept();
  ASSERT_TRUE(socket.has_value());
  EXPECT_EQ(socket->Read(HelloOf(2).size()), HelloOf(2));
  ExpectNote(*socket, 2);
}

TEST_F(ElectionPortTest, P55_NamesAndFurtherAddressesAreTriedInTurn) {
  RawListener one(ports_.election(1));
  const ReservedPort closed;
  ports_.membership().members[kOne].addresses = {
      {"no-such-host.invalid", 1, 1},
      {"127.0.0.1", 1, closed.number()},
      {"localhost", 1, ports_.election(1)},
  };
  Start();
  node_->network.Notify(kOne, Note(1));
  auto socket = one.Accept();
  ASSERT_TRUE(socket.has_value());
  EXPECT_EQ(socket->Read(HelloOf(2).size()), HelloOf(2));
  ExpectNote(*socket, 1);
}

TEST_F(ElectionPortTest, NotificationToAStrangerIsDropped) {
  RawListener one(ports_.election(1));
  Start();
  node_->network.Notify(PeerId{77}, Note(1));
  node_->network.Notify(PeerId{-5}, Note(1));
  node_->network.Notify(kOne, Note(2));
  EXPECT_TRUE(one.Accept().has_value());
}

// ---- Listening.

TEST_F(ElectionPortTest, QP_9_2_PortInUseIsReportedAfterTheRetries) {
  const RawListener other(ports_.election(2));
  Node node(ports_.Options(2));
  const auto begin = std::chrono::steady_clock::now();
  const Status started = node.network.Start();
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().code, Errc::kElectionPort);
  EXPECT_NE(started.error().message.find(Local(ports_.election(2))), std::string::npos);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(200));  // one retry
}

TEST_F(ElectionPortTest, QP_9_2_ZeroRetriesAreForEverAndStopEndsThem) {
  const RawListener other(ports_.election(2));
  PeerNetworkOptions options = ports_.Options(2);
  options.election_bind_retries = 0;
  Node node(options);
  std::atomic<bool> started = true;
  std::thread starting([&] { started = node.network.Start().ok(); });
  node.network.Stop();
  starting.join();
  EXPECT_FALSE(started);
}

TEST_F(ElectionPortTest, QP_9_2_OneAddressIsEnoughAndTheOtherIsTriedAgain) {
  const ReservedPort second;
  auto other = std::make_unique<RawListener>(second.number());
  ports_.membership().members[kTwo].addresses.push_back({"127.0.0.1", 1, second.number()});
  Start();
  RawSocket socket = Dial(HelloOf(3) + Frame(Note(1)));
  ExpectNotification(kThree, 1);
  other.reset();
  std::optional<RawSocket> late;
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (!late && std::chrono::steady_clock::now() < deadline) {
    late = RawSocket::Connect(second.number());
  }
  ASSERT_TRUE(late.has_value());
  ASSERT_TRUE(late->Send(HelloOf(3) + Frame(Note(2))));
  ExpectNotification(kThree, 2);
}

// Breaks the socket that listens on `port` in this process.
void BreakListener(uint16_t port) {
  for (int fd = 3; fd < 1024; ++fd) {
    int listening = 0;
    socklen_t size = sizeof listening;
    if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0) continue;
    sockaddr_in address{};
    size = sizeof address;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) continue;
    if (listening == 1 && ntohs(address.sin_port) == port) ::shutdown(fd, SHUT_RDWR);
  }
}

TEST_F(ElectionPortTest, QP_9_2_PortThatFailsIsOpenedAgainAndItsLossIsReported) {
  Start();
  BreakListener(ports_.election(2));
  std::optional<RawSocket> socket;
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (!socket && std::chrono::steady_clock::now() < deadline) {
    socket = RawSocket::Connect(ports_.election(2));
  }
  ASSERT_TRUE(socket.has_value());

  BreakListener(ports_.election(2));
  std::unique_ptr<RawListener> thief;  // takes the port before it is opened again
  while (!thief) {
    if (RawSocket::Connect(ports_.election(2))) continue;  // not broken yet
    thief = std::make_unique<RawListener>(ports_.election(2));
  }
  const auto failed = node_->events.Next<PortFailed>();
  ASSERT_TRUE(failed.has_value());
  EXPECT_TRUE(failed->election);
  EXPECT_EQ(failed->error.code, Errc::kElectionPort);
}

TEST_F(ElectionPortTest, QP_9_2_ListensOnAllAddressesWhenToldSo) {
  PeerNetworkOptions options = ports_.Options(2);
  options.listen_on_all_ips = true;
  Start(options);
  auto socket = RawSocket::Connect(ports_.election(2), "127.0.0.2");
  ASSERT_TRUE(socket.has_value());
  ASSERT_TRUE(socket->Send(HelloOf(3) + Frame(Note(1))));
  ExpectNotification(kThree, 1);
}

TEST_F(ElectionPortTest, QP_9_2_ListensOnItsOwnAddressesOnlyOtherwise) {
  Start();
  EXPECT_FALSE(RawSocket::Connect(ports_.election(2), "127.0.0.2").has_value());
}

TEST_F(ElectionPortTest, ServerOutsideTheMembershipDoesNotStart) {
  Node node(ports_.Options(9));
  const Status started = node.network.Start();
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().code, Errc::kBadConfig);
}

TEST_F(ElectionPortTest, NothingIsDeliveredAfterStop) {
  Start();
  RawSocket socket = Dial(HelloOf(3) + Frame(Note(1)));
  ExpectNotification(kThree, 1);
  node_->network.Stop();
  EXPECT_TRUE(socket.Ended());
  node_->network.Notify(kTwo, Note(2));
  EXPECT_TRUE(node_->events.Never<NotificationCame>());
}

}  // namespace
}  // namespace lockkeeper
