#include "protocol/election_message.h"

#include <gtest/gtest.h>

#include <random>

#include "protocol/jute.h"
#include "tests/protocol/peer_golden_vectors.h"

namespace lockkeeper {
namespace {

constexpr size_t kFrameLengthBytes = 4;
const ElectionHandshake kFromThree{PeerId{3}, {"127.0.0.1:21843"}};
const ElectionHandshake kFromOne{PeerId{1}, {"127.0.0.1:21841", "127.0.0.2:21841"}};

std::string Message(const char* golden) {
  return FromHex(golden).substr(kFrameLengthBytes) + kGoldenConfig;
}

// The first `size` bytes of a notification that holds `version` and a config length of `config`.
std::string NotificationOf(size_t size, int32_t version, int32_t config = 0) {
  std::string bytes;
  JuteWriter out(&bytes);
  out.Write(int32_t{2});
  out.Write(int64_t{3});
  out.Write(int64_t{0x5'00000007});
  out.Write(int64_t{11});
  out.Write(int64_t{9});
  out.Write(version);
  out.Write(config);
  bytes.resize(size, 'c');
  return bytes;
}

std::string HandshakeHead(int64_t version, int32_t address_bytes, int64_t sid = 7) {
  std::string bytes;
  JuteWriter out(&bytes);
  out.Write(version);
  out.Write(sid);
  out.Write(address_bytes);
  return bytes;
}

void ExpectNeedsMore(std::string_view bytes) {
  const auto decoded = DecodeElectionHandshake(bytes);
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_FALSE(decoded->has_value()) << "taken after " << bytes.size() << " bytes";
}

void ExpectHandshake(std::string_view bytes, const ElectionHandshake& expected, size_t size) {
  const auto decoded = DecodeElectionHandshake(bytes);
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  ASSERT_TRUE(decoded->has_value());
  EXPECT_EQ((*decoded)->handshake, expected);
  EXPECT_EQ((*decoded)->size, size);
}

void ExpectBadHandshake(std::string_view bytes) {
  const auto decoded = DecodeElectionHandshake(bytes);
  ASSERT_FALSE(decoded.has_value());
  EXPECT_EQ(decoded.error().code, Errc::kBadFrame);
  EXPECT_NE(decoded.error().message, "");
}

TEST(ElectionHandshake, Version1IsThatOfARealServer) {  // QP-1.1, QP-12.1
  const std::string golden = FromHex(kGoldenHandshakeV1);
  EXPECT_EQ(EncodeHandshake(kFromThree, false), golden);
  EXPECT_EQ(EncodeHandshake(kFromThree, true), golden);
  ExpectHandshake(golden, kFromThree, golden.size());
}

TEST(ElectionHandshake, Version2IsThatOfARealServer) {  // QP-1.2, QP-12.1
  const std::string golden = FromHex(kGoldenHandshakeV2);
  EXPECT_EQ(EncodeHandshake(kFromOne, true), golden);
  ExpectHandshake(golden, kFromOne, golden.size());
}

TEST(ElectionHandshake, SeveralAddressesAreSentOnlyIfMultiAddressIsEnabled) {  // QP-1.2
  const std::string bytes = EncodeHandshake(kFromOne, false);
  ExpectHandshake(bytes, {PeerId{1}, {"127.0.0.1:21841"}}, bytes.size());
  EXPECT_EQ(bytes.substr(0, 8), FromHex("ffffffffffff0000"));
}

TEST(ElectionHandshake, BeginsWithTheSidBefore35) {  // QP-1.7
  for (const int64_t sid : {int64_t{0}, int64_t{5}, INT64_MAX}) {
    std::string bytes;
    JuteWriter(&bytes).Write(sid);
    const ElectionHandshake expected{PeerId{sid}, {}};
    ExpectHandshake(bytes + "what follows is the first frame", expected, 8);
    EXPECT_EQ(EncodeHandshake(expected, false), bytes);
  }
}

TEST(ElectionHandshake, TakesTheSidOfAnAnonymousObserverAsItIs) {  // QP-1.7
  const ElectionHandshake anonymous{kAnonymousObserver, {"10.0.0.1:3888"}};
  const std::string bytes = EncodeHandshake(anonymous, false);
  ExpectHandshake(bytes, anonymous, bytes.size());
}

// Below zero are the numbers that observers without one get here.
TEST(ElectionHandshake, RefusesNegativeSids) {  // QP-1.7
  for (const int64_t version : {int64_t{-65536}, int64_t{-65535}}) {
    ExpectBadHandshake(HandshakeHead(version, 9, -1) + "127.0.0.1");
    ExpectBadHandshake(HandshakeHead(version, 9, INT64_MIN));
  }
}

TEST(ElectionHandshake, RefusesUnknownVersions) {  // QP-1.7
  for (const int64_t version : {int64_t{-1}, int64_t{-65534}, int64_t{-65537}, INT64_MIN}) {
    ExpectBadHandshake(HandshakeHead(version, 1) + "a");
    ExpectBadHandshake(HandshakeHead(version, 1).substr(0, 8));
  }
}

TEST(ElectionHandshake, AddressesTake1To2048Bytes) {  // QP-1.2, P29
  for (const int64_t version : {-65536, -65535}) {
    // Known to be wrong before any address has come.
    for (const int32_t length : {0, -1, 2049, INT32_MAX, INT32_MIN}) {
      ExpectBadHandshake(HandshakeHead(version, length));
    }
    for (const int32_t length : {1, 2048}) {
      const std::string address(static_cast<size_t>(length), 'a');
      const std::string bytes = HandshakeHead(version, length) + address;
      ExpectHandshake(bytes, {PeerId{7}, {address}}, bytes.size());
    }
  }
}

TEST(ElectionHandshake, LeavesOutAddressesThatTheAcceptorWouldNotTake) {  // QP-1.2, P29
  const std::string half(1024, 'h');
  const std::string bytes = EncodeHandshake({PeerId{1}, {half, half, "a:1"}}, true);
  ExpectHandshake(bytes, {PeerId{1}, {half, "a:1"}}, bytes.size());
}

TEST(ElectionHandshake, ArrivesInAnyTwoParts) {  // QP-1.3, P28
  std::string old_form;
  JuteWriter(&old_form).Write(int64_t{4});
  const std::vector<std::pair<std::string, ElectionHandshake>> handshakes = {
      {FromHex(kGoldenHandshakeV1), kFromThree},
      {FromHex(kGoldenHandshakeV2), kFromOne},
      {old_form, {PeerId{4}, {}}},
  };
  const std::string frames = FromHex(kGoldenLooking) + kGoldenConfig;
  for (const auto& [bytes, expected] : handshakes) {
    for (size_t cut = 0; cut < bytes.size(); ++cut) ExpectNeedsMore(bytes.substr(0, cut));
    ExpectHandshake(bytes, expected, bytes.size());
    // The second part may bring frames with it.
    ExpectHandshake(bytes + frames, expected, bytes.size());
  }
}

TEST(ElectionHandshake, WildcardsAreLeftToTheCallerAndNothingIsNoAddress) {
  const std::string bytes = HandshakeHead(-65535, 26) + "|0.0.0.0:1||[::]:2|a:3||||";
  ExpectHandshake(bytes, {PeerId{7}, {"0.0.0.0:1", "[::]:2", "a:3"}}, bytes.size());
  const std::string nothing = HandshakeHead(-65535, 2) + "||";
  ExpectHandshake(nothing, {PeerId{7}, {}}, nothing.size());
  // A separator means nothing in version 1.
  const std::string one = HandshakeHead(-65536, 7) + "a:1|b:2";
  ExpectHandshake(one, {PeerId{7}, {"a:1|b:2"}}, one.size());
}

TEST(ElectionHandshake, RandomOnesComeBack) {
  std::mt19937_64 random(1);  // NOLINT: the same cases each time
  for (int i = 0; i < 500; ++i) {
    ElectionHandshake handshake{PeerId{static_cast<int64_t>(random() >> 1)}, {}};
    for (uint64_t n = 1 + random() % 6; n > 0; --n) {
      handshake.addresses.push_back(std::string(1 + random() % 200, 'x') +
                                    std::to_string(random()));
    }
    const std::string bytes = EncodeHandshake(handshake, true);
    ExpectHandshake(bytes, handshake, bytes.size());
  }
}

TEST(Notification, OfALookingServerIsThatOfARealOne) {  // QP-1.11, QP-12.1
  const Notification looking{ServerState::kLooking, {PeerId{3}, Zxid{0}, 0}, 1, 2, kGoldenConfig};
  EXPECT_EQ(DecodeNotification(Message(kGoldenLooking)), looking);
  EXPECT_EQ(EncodeNotification(looking), Message(kGoldenLooking));
  EXPECT_EQ(EncodeNotification(looking).size(), 0xb6u);  // what the frame's length says
}

TEST(Notification, OfAnEstablishedFollowerIsThatOfARealOne) {  // QP-1.11, QP-12.1
  const Notification following{
      ServerState::kFollowing, {PeerId{2}, Zxid{0}, 1}, 1, 2, kGoldenConfig};
  EXPECT_EQ(DecodeNotification(Message(kGoldenFollowing)), following);
  EXPECT_EQ(EncodeNotification(following), Message(kGoldenFollowing));
}

TEST(Notification, IsSentAsVersion2With44BytesAndTheConfiguration) {  // QP-1.11
  Notification notification;
  notification.config = "version=100000000";
  const std::string message = EncodeNotification(notification);
  EXPECT_EQ(message.size(), 44 + notification.config.size());
  EXPECT_EQ(message.substr(36), FromHex("00000002 00000011") + notification.config);
}

TEST(Notification, OldestFormTakesTheEpochOfTheZxid) {  // QP-1.12
  const Notification expected{ServerState::kLeading, {PeerId{3}, Zxid{0x5'00000007}, 5}, 11, 0, ""};
  EXPECT_EQ(DecodeNotification(NotificationOf(28, 0)), expected);
}

TEST(Notification, FormOf34HasNoVersionWhateverItHolds) {  // QP-1.12, QP-1.13
  const Notification expected{ServerState::kLeading, {PeerId{3}, Zxid{0x5'00000007}, 9}, 11, 0, ""};
  for (const int32_t held : {0, 1, 2, -1, INT32_MAX}) {
    EXPECT_EQ(DecodeNotification(NotificationOf(40, held)), expected) << held;
  }
}

TEST(Notification, BelowVersion2TheRestIsNotLookedAt) {  // QP-1.12
  for (const int32_t version : {0, 1, -7}) {
    for (const size_t size : {41u, 44u, 60u}) {
      const auto notification = DecodeNotification(NotificationOf(size, version, INT32_MAX));
      ASSERT_TRUE(notification.has_value()) << version << ' ' << size;
      EXPECT_EQ(notification->version, version);
      EXPECT_EQ(notification->vote.peer_epoch, 9);
      EXPECT_EQ(notification->config, "");
    }
  }
}

TEST(Notification, HasAConfigurationFromVersion2On) {  // QP-1.12
  for (const int32_t version : {2, 3, INT32_MAX}) {
    for (const int32_t length : {0, 1, 500}) {
      const size_t size = 44 + static_cast<size_t>(length);
      const auto notification = DecodeNotification(NotificationOf(size, version, length));
      ASSERT_TRUE(notification.has_value()) << version << ' ' << length;
      EXPECT_EQ(notification->version, version);
      EXPECT_EQ(notification->config, std::string(static_cast<size_t>(length), 'c'));
      EXPECT_EQ(DecodeNotification(NotificationOf(size + 3, version, length)), notification);
    }
  }
}

TEST(Notification, IsIgnoredIfTooShortForItsFields) {  // QP-1.12
  const std::string whole = Message(kGoldenLooking);
  for (size_t size = 0; size < whole.size(); ++size) {
    if (size == 28 || size == 40) continue;  // forms of their own
    EXPECT_FALSE(DecodeNotification(whole.substr(0, size)).has_value()) << size;
  }
}

TEST(Notification, IsIgnoredWithAnImpossibleConfigLength) {  // QP-1.12, P29
  for (const int32_t length : {-1, -2, 17, 61, INT32_MAX, INT32_MIN}) {
    EXPECT_FALSE(DecodeNotification(NotificationOf(44 + 16, 2, length)).has_value()) << length;
  }
  EXPECT_TRUE(DecodeNotification(NotificationOf(44 + 16, 2, 16)).has_value());
}

TEST(Notification, IsIgnoredInAnUnknownState) {  // QP-1.12
  for (const size_t size : {28u, 40u, 50u}) {
    for (const int32_t state : {0, 1, 2, 3, 4, -1, INT32_MAX}) {
      std::string message = NotificationOf(size, 2);
      StoreInt(state, message.data());
      EXPECT_EQ(DecodeNotification(message).has_value(), state >= 0 && state <= 3) << state;
    }
  }
}

TEST(Notification, RandomOnesComeBack) {
  std::mt19937_64 random(2);  // NOLINT: the same cases each time
  const auto number = [&] { return static_cast<int64_t>(random()); };
  for (int i = 0; i < 500; ++i) {
    Notification notification{static_cast<ServerState>(random() % 4),
                              {PeerId{number()}, Zxid{number()}, number()},
                              number(),
                              static_cast<int32_t>(2 + random() % 3),
                              std::string(random() % 600, '\0')};
    for (char& c : notification.config) c = static_cast<char>(random());
    const std::string message = EncodeNotification(notification);
    EXPECT_EQ(DecodeNotification(message), notification);
  }
}

}  // namespace
}  // namespace lockkeeper
