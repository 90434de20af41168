#include "protocol/quorum_packet.h"

#include <gtest/gtest.h>

#include <random>

#include "protocol/op_code.h"
#include "protocol/records.h"
#include "protocol/txn.h"
#include "tests/protocol/peer_golden_vectors.h"

namespace lockkeeper {
namespace {

using Type = QuorumPacketType;

constexpr SessionId kSession{0x10000177c9a0000};
const std::vector<Identity> kLocalhost{{"ip", "127.0.0.1"}};

SharedBytes Share(std::string bytes) {
  return std::make_shared<const std::string>(std::move(bytes));
}

std::string Bytes(const QuorumPacket& packet) {
  std::string bytes;
  Encode(packet, &bytes);
  return bytes;
}

// By content; null is not empty.
void ExpectSame(const QuorumPacket& actual, const QuorumPacket& expected) {
  EXPECT_EQ(actual.type, expected.type);
  EXPECT_EQ(actual.zxid, expected.zxid);
  ASSERT_EQ(actual.data == nullptr, expected.data == nullptr);
  if (actual.data != nullptr) {
    EXPECT_EQ(*actual.data, *expected.data);
  }
  EXPECT_EQ(actual.identities, expected.identities);
}

void ExpectPacket(std::string_view bytes, const QuorumPacket& expected, size_t size) {
  const auto decoded = DecodeQuorumPacket(bytes);
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  ASSERT_TRUE(decoded->has_value());
  ExpectSame((*decoded)->packet, expected);
  EXPECT_EQ((*decoded)->size, size);
}

void ExpectIncomplete(std::string_view bytes) {
  const auto decoded = DecodeQuorumPacket(bytes);
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  EXPECT_FALSE(decoded->has_value()) << "taken after " << bytes.size() << " bytes";
}

void ExpectBad(std::string_view bytes, size_t buffer_max = kQuorumBufferMax) {
  const auto decoded = DecodeQuorumPacket(bytes, buffer_max);
  ASSERT_FALSE(decoded.has_value());
  EXPECT_EQ(decoded.error().code, Errc::kBadFrame);
  EXPECT_NE(decoded.error().message, "");
}

struct Golden {
  std::string bytes;
  QuorumPacket packet;
};

std::vector<Golden> GoldenHandshakePackets() {
  return {
      {FromHex("0000000b 0000000000000000 00000014 0000000000000001 00010000 0000000000000000"
               "ffffffff"),
       {Type::kFollowerInfo, Zxid{0}, EncodeLearnerInfo({.sid = PeerId{1}})}},
      {FromHex("00000011 0000000100000000 00000004 00010000 ffffffff"),
       {Type::kLeaderInfo, Zxid{0x1'00000000}, EncodeInt(kLearnerProtocolVersion)}},
      {FromHex("00000012 0000000000000000 00000004 00000000 ffffffff"),
       {Type::kAckEpoch, Zxid{0}, EncodeInt(0)}},
      {FromHex("0000000f 0000000100000000 ffffffff ffffffff"), {Type::kSnap, Zxid{0x1'00000000}}},
      {FromHex(kGoldenNewLeaderHead) + kGoldenConfig + FromHex(kGoldenNewLeaderEnd),
       {Type::kNewLeader, Zxid{0x1'00000000}, Share(kGoldenConfig)}},
      {FromHex("00000003 0000000100000000 ffffffff ffffffff"), {Type::kAck, Zxid{0x1'00000000}}},
      {FromHex("0000000c ffffffffffffffff ffffffff ffffffff"), {Type::kUpToDate, Zxid{-1}}},
  };
}

std::vector<Golden> GoldenSessionPackets() {
  return {
      {FromHex("00000005 0000000100000000 ffffffff ffffffff"), {Type::kPing, Zxid{0x1'00000000}}},
      {FromHex("00000005 0000000100000000 00000000 ffffffff"),
       {Type::kPing, Zxid{0x1'00000000}, EncodeTouches({})}},
      {FromHex("00000005 0000000100000005 0000000c 020000177c970000 00002710 ffffffff"),
       {Type::kPing, Zxid{0x1'00000005}, EncodeTouches({{SessionId{0x20000177c970000}, 10000}})}},
      {FromHex("00000006 ffffffffffffffff 0000000c 010000177c9a0000 00002710 ffffffff"),
       {Type::kRevalidate, Zxid{-1}, EncodeTouches({{kSession, 10000}})}},
      {FromHex("00000006 ffffffffffffffff 00000009 010000177c9a0000 01 ffffffff"),
       {Type::kRevalidate, Zxid{-1}, EncodeRevalidateReply(kSession, true)}},
  };
}

std::string GoldenCreateBody() {
  return Encoded(CreateRequest{
      .path = "/fl", .data = "x", .acl = std::vector<Acl>{{kPermAll, {"world", "anyone"}}}});
}

std::vector<Golden> GoldenRequests() {
  const auto request = [](int32_t xid, OpCode type, std::string_view body) {
    return EncodeForwarded({kSession, xid, static_cast<int32_t>(type)}, body);
  };
  return {
      {FromHex("00000001 ffffffffffffffff 00000014 010000177c9a0000 00000000 fffffff6 00002710"
               "ffffffff"),
       {Type::kRequest, Zxid{-1}, request(0, OpCode::kCreateSession, *EncodeInt(10000))}},
      {FromHex("00000001 ffffffffffffffff 0000003b 010000177c9a0000 00000001 00000001 00000003"
               "2f666c 00000001 78 00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65"
               "00000000 00000001 00000002 6970 00000009 3132372e302e302e31"),
       {Type::kRequest, Zxid{-1}, request(1, OpCode::kCreate, GoldenCreateBody()), kLocalhost}},
      {FromHex("00000001 ffffffffffffffff 00000017 010000177c9a0000 00000002 00000009 00000003"
               "2f666c 00000001 00000002 6970 00000009 3132372e302e302e31"),
       {Type::kRequest, Zxid{-1}, request(2, OpCode::kSync, Encoded(PathRequest{"/fl"})),
        kLocalhost}},
      {FromHex("00000007 0000000000000000 ffffffff ffffffff"), {Type::kSync, Zxid{0}}},
      {FromHex("00000001 ffffffffffffffff 00000010 010000177c9a0000 00000002 fffffff5 00000001"
               "00000002 6970 00000009 3132372e302e302e31"),
       {Type::kRequest, Zxid{-1}, request(2, OpCode::kCloseSession, ""), kLocalhost}},
  };
}

constexpr SessionId kWriter{0x100001286d50000};

std::string GoldenSetDataTxn() {
  return Encoded(TxnHeader{kWriter.value, 2, 0x1'00000003, 0x1a1fbe23acd, 5}) +
         Encoded(SetDataTxn{"/a", "world", 1}) + Encoded(TxnDigest{2, 5645837775});
}

std::string GoldenCreateTxn() {
  const std::vector<Acl> open{{kPermAll, {"world", "anyone"}}};
  return Encoded(TxnHeader{kWriter.value, 1, 0x1'00000002, 0x1a1fbe23abb, 1}) +
         Encoded(CreateTxn{"/a", "hello", open, false, 1}) + Encoded(TxnDigest{2, 5320738555});
}

std::vector<Golden> GoldenBroadcastPackets() {
  return {
      {FromHex("00000002 0000000100000003 0000003f 0100001286d50000 00000002 0000000100000003"
               "000001a1fbe23acd 00000005 00000002 2f61 00000005 776f726c64 00000001 00000002"
               "000000015084a5cf ffffffff"),
       {Type::kProposal, Zxid{0x1'00000003}, Share(GoldenSetDataTxn())}},
      {FromHex("00000008 0000000100000002 0000005b 0100001286d50000 00000001 0000000100000002"
               "000001a1fbe23abb 00000001 00000002 2f61 00000005 68656c6c6f 00000001 0000001f"
               "00000005 776f726c64 00000006 616e796f6e65 00 00000001 00000002 000000013d2406fb"
               "ffffffff"),
       {Type::kInform, Zxid{0x1'00000002}, Share(GoldenCreateTxn())}},
      {FromHex("00000004 0000000100000002 ffffffff ffffffff"), {Type::kCommit, Zxid{0x1'00000002}}},
      {FromHex("00000009 0000000100000002 00000008 0000000000000003 ffffffff"),
       {Type::kCommitAndActivate, Zxid{0x1'00000002}, EncodeLong(3)}},
  };
}

std::vector<Golden> GoldenPackets() {
  std::vector<Golden> all;
  for (auto& some : {GoldenHandshakePackets(), GoldenSessionPackets(), GoldenRequests(),
                     GoldenBroadcastPackets()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

void ExpectGolden(const std::vector<Golden>& vectors) {
  for (const Golden& golden : vectors) {
    SCOPED_TRACE(static_cast<int>(golden.packet.type));
    EXPECT_EQ(Bytes(golden.packet), golden.bytes);
    ExpectPacket(golden.bytes, golden.packet, golden.bytes.size());
    const auto decoded = DecodeQuorumPacket(golden.bytes);
    EXPECT_EQ(Bytes((**decoded).packet), golden.bytes);
  }
}

TEST(QuorumPacket, OfDiscoveryAndSynchronizationIsThatOfARealServer) {  // QP-2.2, QP-4.1, QP-12.1
  ExpectGolden(GoldenHandshakePackets());
}

TEST(QuorumPacket, OfSessionsIsThatOfARealServer) {  // QP-4.1, QP-4.4, QP-12.1
  ExpectGolden(GoldenSessionPackets());
}

TEST(QuorumPacket, OfRequestsIsThatOfARealServer) {  // QP-4.1, QP-4.2, QP-12.1
  ExpectGolden(GoldenRequests());
}

TEST(QuorumPacket, OfBroadcastIsThatOfARealServer) {  // QP-4.1, QP-12.1
  ExpectGolden(GoldenBroadcastPackets());
}

TEST(QuorumPacket, OfAnObserverDiffersFromThatOfAFollowerInItsTypeOnly) {  // QP-2.2
  const QuorumPacket info{Type::kObserverInfo, Zxid{0x7'00000000},
                          EncodeLearnerInfo({.sid = PeerId{4}, .config_version = 0x1'00000005})};
  EXPECT_EQ(Bytes(info), FromHex("00000010 0000000700000000 00000014 0000000000000004 00010000"
                                 "0000000100000005 ffffffff"));
}

TEST(QuorumPacket, NumbersAreThoseOfTheWire) {  // QP-4.1
  const std::vector<Type> in_order{Type::kRequest,
                                   Type::kProposal,
                                   Type::kAck,
                                   Type::kCommit,
                                   Type::kPing,
                                   Type::kRevalidate,
                                   Type::kSync,
                                   Type::kInform,
                                   Type::kCommitAndActivate,
                                   Type::kNewLeader,
                                   Type::kFollowerInfo,
                                   Type::kUpToDate,
                                   Type::kDiff,
                                   Type::kTrunc,
                                   Type::kSnap,
                                   Type::kObserverInfo,
                                   Type::kLeaderInfo,
                                   Type::kAckEpoch,
                                   Type::kInformAndActivate};
  for (size_t i = 0; i < in_order.size(); ++i) {
    EXPECT_EQ(LoadInt(Bytes({in_order[i], Zxid{5}}).data()), static_cast<int32_t>(i) + 1);
  }
}

TEST(QuorumPacket, UnknownTypesAreDecoded) {  // QP-4.1
  for (const int32_t type : {0, 20, -1, INT32_MAX}) {
    const QuorumPacket unknown{static_cast<Type>(type), Zxid{9}, Share("new")};
    const std::string bytes = Bytes(unknown);
    ExpectPacket(bytes, unknown, bytes.size());
  }
}

TEST(QuorumPacket, ShortestHas20Bytes) {  // QP-4.1
  EXPECT_EQ(Bytes({Type::kAck, Zxid{1}}).size(), 20u);
}

TEST(QuorumPacket, EncodingAppends) {
  std::string bytes = "before";
  for (const Golden& golden : GoldenPackets()) {
    const std::string before = bytes;
    Encode(golden.packet, &bytes);
    EXPECT_EQ(bytes, before + golden.bytes);
  }
}

TEST(QuorumPacket, NullAndEmptyAreDifferent) {  // QP-4.1, P57
  const std::vector<Identity> none;
  const std::vector<Golden> forms = {
      {FromHex("00000005 0000000000000001 ffffffff ffffffff"), {Type::kPing, Zxid{1}}},
      {FromHex("00000005 0000000000000001 00000000 ffffffff"), {Type::kPing, Zxid{1}, Share("")}},
      {FromHex("00000005 0000000000000001 ffffffff 00000000"),
       {Type::kPing, Zxid{1}, nullptr, none}},
      {FromHex("00000005 0000000000000001 00000000 00000000"),
       {Type::kPing, Zxid{1}, Share(""), none}},
  };
  ExpectGolden(forms);
}

TEST(QuorumPacket, ListsAllIdentitiesInOrder) {  // QP-4.2
  const QuorumPacket request{
      Type::kRequest, Zxid{-1}, Share("body"),
      std::vector<Identity>{
          {"ip", "::1"}, {"digest", "bob:hash"}, {"", ""}, {"x509", "CN=\xc3\xa4"}}};
  const std::string bytes = Bytes(request);
  ExpectPacket(bytes, request, bytes.size());
}

TEST(QuorumPacket, NullStringOfAnIdentityBecomesAnEmptyOne) {
  const std::string bytes =
      FromHex("00000001 ffffffffffffffff ffffffff 00000001 ffffffff 00000001 61");
  ExpectPacket(bytes, {Type::kRequest, Zxid{-1}, nullptr, std::vector<Identity>{{"", "a"}}},
               bytes.size());
}

TEST(QuorumPacket, CutAnywhereNeedsMoreBytes) {  // QP-4.1
  for (const Golden& golden : GoldenPackets()) {
    for (size_t cut = 0; cut < golden.bytes.size(); ++cut) {
      ExpectIncomplete(std::string_view(golden.bytes).substr(0, cut));
    }
  }
}

TEST(QuorumPacket, TakesNothingOfWhatFollows) {
  const std::string stream = FromHex(kGoldenSnapStream);
  for (const Golden& golden : GoldenPackets()) {
    ExpectPacket(golden.bytes + stream, golden.packet, golden.bytes.size());
    ExpectPacket(golden.bytes + '\xff', golden.packet, golden.bytes.size());
  }
}

TEST(QuorumPacket, DataIsBoundedByTheBufferLimit) {  // QP-4.12
  for (const size_t limit : {size_t{0}, size_t{100}, kQuorumBufferMax}) {
    const QuorumPacket longest{Type::kProposal, Zxid{1}, Share(std::string(limit, 'd'))};
    const std::string bytes = Bytes(longest);
    const auto decoded = DecodeQuorumPacket(bytes, limit);
    ASSERT_TRUE(decoded.has_value() && decoded->has_value()) << limit;
    ExpectSame((**decoded).packet, longest);
    // Refused as soon as the length is known.
    ExpectBad(Bytes({Type::kProposal, Zxid{1}, Share(std::string(limit + 1, 'd'))}).substr(0, 16),
              limit);
  }
  EXPECT_EQ(kQuorumBufferMax, 2'097'150u);
}

TEST(QuorumPacket, ImpossibleLengthsAreRefusedWithoutWaiting) {  // QP-4.12
  const std::string head = FromHex("00000001 ffffffffffffffff");
  const std::string null = FromHex("ffffffff");
  for (const char* length : {"fffffffe", "80000000", "7fffffff", "001fffff"}) {
    SCOPED_TRACE(length);
    const std::string bad = FromHex(length);
    ExpectBad(head + bad);                                                 // of the data
    ExpectBad(head + null + FromHex("00000001") + bad);                    // of a scheme
    ExpectBad(head + null + FromHex("00000001 00000000") + bad);           // of an id
    ExpectBad(head + null + FromHex("00000002 00000000 00000000") + bad);  // of the second
    ExpectBad(head + null + bad);                                          // a count
    for (size_t have = 0; have < 4; ++have) ExpectIncomplete(head + bad.substr(0, have));
  }
}

TEST(QuorumPacket, HasAtMost1000Identities) {
  const QuorumPacket most{Type::kRequest, Zxid{-1}, nullptr,
                          std::vector<Identity>(kIdentitiesMax, {"digest", "a:b"})};
  const std::string bytes = Bytes(most);
  ExpectPacket(bytes, most, bytes.size());
  ExpectIncomplete(std::string_view(bytes).substr(0, bytes.size() - 1));
  ExpectBad(FromHex("00000001 ffffffffffffffff ffffffff 000003e9"));
}

// A client may have more; its server's connection to the leader must not end for it (QP-4.2).
TEST(QuorumPacket, IsSentWithTheFirstIdentitiesThatAReceiverTakes) {
  QuorumPacket packet{Type::kRequest, Zxid{-1}, nullptr, std::vector<Identity>()};
  for (size_t i = 0; i < kIdentitiesMax + 5; ++i) {
    packet.identities->push_back({"digest", std::to_string(i)});
  }
  QuorumPacket sent = packet;
  sent.identities->resize(kIdentitiesMax);
  EXPECT_EQ(Bytes(packet), Bytes(sent));
  ExpectPacket(Bytes(packet), sent, Bytes(sent).size());

  packet.identities.emplace(5, Identity{"digest", std::string(kQuorumBufferMax / 4, 'x')});
  sent = packet;
  sent.identities->resize(3);
  ExpectPacket(Bytes(packet), sent, Bytes(sent).size());
}

TEST(QuorumPacket, IdentitiesTogetherAreBoundedByTheBufferLimit) {  // QP-4.12
  std::string bytes = FromHex("00000001 ffffffffffffffff ffffffff 00000003");
  const std::string large(kQuorumBufferMax / 2, 'x');
  for (int i = 0; i < 3; ++i) {
    JuteWriter(&bytes).Write(std::string_view("digest"));
    JuteWriter(&bytes).Write(std::string_view(large));
  }
  ExpectBad(bytes);
}

class RandomPackets {
 public:
  explicit RandomPackets(uint64_t seed) : random_(seed) {}

  QuorumPacket Make() {
    QuorumPacket packet{static_cast<Type>(random_() % 22), Zxid{static_cast<int64_t>(random_())}};
    if (random_() % 4 != 0) packet.data = Share(Text(200));
    if (random_() % 3 == 0) {
      packet.identities.emplace();
      for (uint64_t n = random_() % 4; n > 0; --n)
        packet.identities->push_back({Text(8), Text(30)});
    }
    return packet;
  }

 private:
  std::string Text(size_t bytes_max) {
    std::string text(random_() % (bytes_max + 1), '\0');
    for (char& c : text) c = static_cast<char>(random_());
    return text;
  }
  std::mt19937_64 random_;
};

TEST(QuorumPacket, RandomStreamsComeBackHoweverTheyArrive) {
  RandomPackets packets(3);
  for (int round = 0; round < 50; ++round) {
    std::vector<QuorumPacket> sent;
    std::string stream;
    for (int i = 0; i < 10; ++i) Encode(sent.emplace_back(packets.Make()), &stream);
    // Arrives byte by byte: each packet is there with its last byte, not before.
    std::vector<QuorumPacket> received;
    size_t begin = 0;
    for (size_t end = 0; end <= stream.size(); ++end) {
      const auto decoded = DecodeQuorumPacket(std::string_view(stream).substr(begin, end - begin));
      ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
      if (!decoded->has_value()) continue;
      EXPECT_EQ(begin + (**decoded).size, end);
      begin = end;
      received.push_back((**decoded).packet);
    }
    ASSERT_EQ(received.size(), sent.size());
    for (size_t i = 0; i < sent.size(); ++i) ExpectSame(received[i], sent[i]);
  }
}

TEST(LearnerInfo, Has8Or12Or20Bytes) {  // QP-2.11
  const std::string whole = FromHex("0000000000000005 00010000 0000000700000001");
  struct Case {
    size_t size;
    int32_t version;
    int64_t config;
  };
  for (const Case& c : {Case{8, 0, 0}, Case{12, 0x10000, 0}, Case{20, 0x10000, 0x7'00000001}}) {
    const auto info = DecodeLearnerInfo(Share(whole.substr(0, c.size)));
    ASSERT_TRUE(info.has_value()) << c.size;
    EXPECT_EQ(info->sid, PeerId{5});
    EXPECT_EQ(info->protocol_version, c.version);
    EXPECT_EQ(info->config_version, c.config);
  }
  for (size_t size = 0; size < 24; ++size) {
    const bool known = size == 8 || size == 12 || size == 20;
    EXPECT_EQ(DecodeLearnerInfo(Share((whole + "surplus").substr(0, size))).has_value(), known);
  }
  EXPECT_FALSE(DecodeLearnerInfo(nullptr).has_value());
}

TEST(PacketNumber, IsAtTheFrontOfTheData) {  // QP-2.2, QP-4.1
  for (const int32_t value : {0, 1, -1, kLearnerProtocolVersion, INT32_MAX, INT32_MIN}) {
    EXPECT_EQ(DecodeInt(EncodeInt(value)), value);
  }
  for (const int64_t value : {int64_t{3}, int64_t{-1}, INT64_MAX, INT64_MIN}) {
    EXPECT_EQ(DecodeLong(EncodeLong(value)), value);
    // INFORMANDACTIVATE: a transaction follows the designated leader.
    EXPECT_EQ(DecodeLong(Share(*EncodeLong(value) + GoldenCreateTxn())), value);
  }
  EXPECT_FALSE(DecodeInt(nullptr).has_value());
  EXPECT_FALSE(DecodeLong(nullptr).has_value());
  for (size_t size = 0; size < 8; ++size) {
    EXPECT_EQ(DecodeInt(Share(std::string(size, '\1'))).has_value(), size >= 4) << size;
    EXPECT_FALSE(DecodeLong(Share(std::string(size, '\1'))).has_value()) << size;
  }
}

TEST(PacketData, IsNeverNullWhereApacheReadsIt) {  // P57
  EXPECT_EQ(*EncodeTouches({}), "");
  EXPECT_EQ(*EncodeInt(-1), FromHex("ffffffff"));          // ACKEPOCH
  EXPECT_EQ(*EncodeLong(3), FromHex("0000000000000003"));  // COMMITANDACTIVATE
  EXPECT_EQ(*EncodeRevalidateReply(kSession, false), FromHex("010000177c9a0000 00"));
  EXPECT_EQ(*EncodeForwarded({kSession, 2, -11}, ""),
            FromHex("010000177c9a0000 00000002 fffffff5"));
}

TEST(Touches, Have12BytesEach) {  // QP-4.4
  const std::vector<SessionTouch> touches{
      {SessionId{0x20000177c970000}, 10000}, {SessionId{-1}, INT32_MIN}, {SessionId{0}, 0}};
  const SharedBytes data = EncodeTouches(touches);
  EXPECT_EQ(data->size(), 36u);
  EXPECT_EQ(DecodeTouches(data), touches);
}

TEST(Touches, ArePassedOverIfIncomplete) {  // QP-4.4
  const std::vector<SessionTouch> touches{{SessionId{7}, 1}, {SessionId{8}, 2}};
  const std::string whole = *EncodeTouches(touches);
  for (size_t size = 0; size <= whole.size(); ++size) {
    const auto decoded = DecodeTouches(Share(whole.substr(0, size)));
    ASSERT_EQ(decoded.size(), size / 12) << size;
    for (size_t i = 0; i < decoded.size(); ++i) EXPECT_EQ(decoded[i], touches[i]);
  }
  EXPECT_TRUE(DecodeTouches(nullptr).empty());
}

TEST(Touches, AsManyAsTheLimitAllowsFitAPacket) {  // QP-4.4, QP-4.12
  const size_t most = kQuorumBufferMax / kTouchBytes;
  std::vector<SessionTouch> touches(most, {SessionId{5}, 4000});
  const std::string bytes = Bytes({Type::kPing, Zxid{1}, EncodeTouches(touches)});
  const auto decoded = DecodeQuorumPacket(bytes);
  ASSERT_TRUE(decoded.has_value() && decoded->has_value());
  EXPECT_EQ(DecodeTouches((**decoded).packet.data), touches);
  touches.push_back({SessionId{6}, 4000});
  ExpectBad(Bytes({Type::kPing, Zxid{1}, EncodeTouches(touches)}));
}

TEST(RevalidateReply, TellsASessionAndWhetherItIsValid) {
  for (const bool valid : {false, true}) {
    const auto reply = DecodeRevalidateReply(EncodeRevalidateReply(kSession, valid));
    ASSERT_TRUE(reply.has_value());
    EXPECT_EQ(reply->session, kSession);
    EXPECT_EQ(reply->valid, valid);
  }
  const auto odd = DecodeRevalidateReply(Share(FromHex("010000177c9a0000 80")));
  ASSERT_TRUE(odd.has_value());
  EXPECT_TRUE(odd->valid);  // any byte but 0
  EXPECT_FALSE(DecodeRevalidateReply(Share(FromHex("010000177c9a0000"))).has_value());
  EXPECT_FALSE(DecodeRevalidateReply(nullptr).has_value());
}

TEST(ForwardedRequest, CarriesTheClientsBytes) {  // QP-4.2
  // Not even bytes that are no request are changed on their way.
  for (const std::string& body : {GoldenCreateBody(), std::string(), std::string("\0\xff\0", 3)}) {
    const SharedBytes data = EncodeForwarded({kSession, -8, 1}, body);
    const auto request = DecodeForwarded(data);
    ASSERT_TRUE(request.has_value());
    EXPECT_EQ(request->head.session, kSession);
    EXPECT_EQ(request->head.xid, -8);
    EXPECT_EQ(request->head.type, 1);
    EXPECT_EQ(request->body, body);
    EXPECT_EQ(request->body.data(), data->data() + 16);  // borrowed, not copied
  }
}

TEST(ForwardedRequest, HasAHeadOf16Bytes) {  // QP-4.2
  const std::string head(16, '\1');
  for (size_t size = 0; size <= 16; ++size) {
    EXPECT_EQ(DecodeForwarded(Share(head.substr(0, size))).has_value(), size == 16) << size;
  }
  EXPECT_FALSE(DecodeForwarded(nullptr).has_value());
}

}  // namespace
}  // namespace lockkeeper
