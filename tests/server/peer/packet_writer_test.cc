#include "server/peer/packet_writer.h"

#include <gtest/gtest.h>

#include <string>

#include "server/peer/host_port.h"
#include "server/peer/port_listener.h"
#include "tests/server/peer/peer_test_util.h"

namespace lockkeeper {
namespace {

std::string Content(const std::vector<boost::asio::const_buffer>& buffers) {
  std::string all;
  for (const auto& buffer : buffers) {
    all.append(static_cast<const char*>(buffer.data()), buffer.size());
  }
  return all;
}

QuorumPacket Proposal(SharedBytes data) {
  return {.type = QuorumPacketType::kProposal, .zxid = Zxid{3}, .data = std::move(data)};
}

TEST(PacketWriter, LongDataIsSharedAndNotCopied) {  // P47: the bytes have one owner
  const SharedBytes data = Share(std::string(100'000, 'd'));
  QuorumPacket packet = Proposal(data);
  packet.identities = std::vector<Identity>{{"ip", "::1"}};
  PacketWriter first;
  PacketWriter second;
  for (PacketWriter* writer : {&first, &second}) {
    writer->AddPacket(packet);
    const auto buffers = writer->Front();
    ASSERT_EQ(buffers.size(), 3u);
    EXPECT_EQ(buffers[1].data(), data->data());
    std::string expected;
    Encode(packet, &expected);
    EXPECT_EQ(Content(buffers), expected);
    EXPECT_EQ(writer->bytes(), expected.size());
  }
}

TEST(PacketWriter, ShortPacketsAreGatheredInOneBuffer) {
  PacketWriter writer;
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    const QuorumPacket packet = Proposal(i % 2 == 0 ? Share(std::string(i, 's')) : nullptr);
    writer.AddPacket(packet);
    Encode(packet, &expected);
  }
  EXPECT_EQ(writer.Front().size(), 1u);
  EXPECT_EQ(Content(writer.Front()), expected);
}

TEST(PacketWriter, GoesOnBehindWhatWasWrittenWhereverThatEnds) {
  std::string expected;
  const auto fill = [&](PacketWriter* writer) {
    expected.clear();
    writer->AddBytes("head");
    expected += "head";
    for (const size_t size : {0, 10, 600, 513, 512, 1000}) {
      const QuorumPacket packet = Proposal(Share(std::string(size, 'p')));
      writer->AddPacket(packet);
      Encode(packet, &expected);
    }
    writer->AddShared(Share(std::string(700, 'x')));
    writer->AddShared(Share("short"));
    expected += std::string(700, 'x') + "short";
  };
  for (size_t step = 1; step < 900; step += 7) {
    PacketWriter writer;
    fill(&writer);
    std::string written;
    while (!writer.empty()) {
      const std::string next = Content(writer.Front()).substr(0, step);
      written += next;
      writer.Drop(next.size());
      EXPECT_EQ(writer.bytes(), expected.size() - written.size());
    }
    EXPECT_EQ(written, expected);
    EXPECT_TRUE(writer.Front().empty());
    writer.AddBytes("again");
    EXPECT_EQ(Content(writer.Front()), "again");
  }
}

TEST(PacketWriter, FrontIsAtMostWhatOneCallTakes) {
  PacketWriter writer;
  for (int i = 0; i < 500; ++i) writer.AddShared(Share(std::string(600, 'x')));
  EXPECT_EQ(writer.Front().size(), kWriteBuffersMax);
  writer.Drop(600 * 490);
  EXPECT_EQ(writer.Front().size(), 10u);
}

TEST(HostPort, ReadsAndWritesBothKindsOfHosts) {
  for (const HostPort& address : {HostPort{"a.example", 1}, HostPort{"127.0.0.1", 65535},
                                  HostPort{"0:0:0:0:0:0:0:1", 3888}}) {
    EXPECT_EQ(ParseHostPort(ToText(address)), address);
  }
  EXPECT_EQ(ToText({"::1", 5}), "[::1]:5");
  EXPECT_EQ(ParseHostPort("[::1]:5"), (HostPort{"::1", 5}));
}

TEST(HostPort, RefusesWhatIsNoAddress) {
  for (const char* text : {"", ":", "host", "host:", ":1", "host:0", "host:65536", "host:-1",
                           "host:1x", "[]:1", "host: 1"}) {
    EXPECT_EQ(ParseHostPort(text), std::nullopt) << text;
  }
}

TEST(HostPort, KnowsWildcards) {  // P27
  for (const char* host : {"0.0.0.0", "::", "0:0:0:0:0:0:0:0"}) EXPECT_TRUE(IsWildcard(host));
  for (const char* host : {"127.0.0.1", "::1", "name", ""}) EXPECT_FALSE(IsWildcard(host));
}

TEST(ListenAddresses, AreTheOwnOnesOrEveryLocalOne) {  // QP-9.2
  const std::vector<HostPort> own = {{"a", 1}, {"b", 1}, {"c", 2}};
  EXPECT_EQ(ListenAddresses(own, false), own);
  EXPECT_EQ(ListenAddresses(own, true), (std::vector<HostPort>{{"::", 1}, {"::", 2}}));
  EXPECT_EQ(ListenAddresses({{"0.0.0.0", 1}, {"b", 2}}, false),
            (std::vector<HostPort>{{"::", 1}, {"b", 2}}));
}

}  // namespace
}  // namespace lockkeeper
