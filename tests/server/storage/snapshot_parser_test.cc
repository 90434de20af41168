#include "server/storage/snapshot_parser.h"

#include <glog/logging.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "protocol/jute.h"
#include "tests/server/storage/fake_file_system.h"
#include "tests/server/storage/snapshot_test_files.h"
#include "tests/server/storage/snapshot_test_util.h"

namespace lockkeeper {
namespace {

constexpr size_t kEverything = std::numeric_limits<size_t>::max() / 2;

SnapshotReading ReadStream(std::string_view stream, const SnapshotLimits& limits = {}) {
  return ReadPieces(stream, std::max<size_t>(stream.size(), 1), limits);
}

// A stream with these sessions, ACLs and nodes, already encoded, and the seal that fits.
std::string Sealed(const std::string& content) {
  std::string stream = SnapshotHeader() + content;
  RunningAdler adler;
  adler.Add(stream);
  JuteWriter(&stream).Write(static_cast<int64_t>(adler.value()));
  return stream + std::string(kSnapshotEndBytes);
}

std::string NodeBytes(const std::string& path_and_data) {
  return path_and_data + std::string(kSnapshotNodeFixedBytes, '\0');
}
std::string Root() { return NodeBytes(std::string(8, '\0')); }
std::string End() { return std::string(kSnapshotEndBytes); }
std::string None() { return std::string(4, '\0'); }  // a count of zero

class SnapshotParserTest : public testing::Test {
 protected:
  SnapshotParserTest() { CHECK(fs_.MakeDirs(kSnapshotDir).ok()); }

  FakeFileSystem fs_;
};

// Every field has a value of its own, in the order of the file.
TEST_F(SnapshotParserTest, ANodeHasItsFieldsInTheOrderOfTheFile_SO_3_5) {
  const std::string node = FromHex("00000002") + "/a" + FromHex("00000003") + "abc" +
                           FromHex("0000000000000001 0000000000000002 0000000000000003") +
                           FromHex("0000000000000004 0000000000000005") +
                           FromHex("00000006 00000007 00000008") +
                           FromHex("0000000000000009 000000000000000a");
  const SnapshotReading reading = ReadStream(Sealed(None() + None() + Root() + node + End()));
  ASSERT_TRUE(reading.status.ok()) << reading.status.error().message;
  NodeStat stat;
  stat.czxid = 2;
  stat.mzxid = 3;
  stat.ctime = 4;
  stat.mtime = 5;
  stat.version = 6;
  stat.cversion = 7;
  stat.aversion = 8;
  stat.owner = 9;
  stat.pzxid = 10;
  EXPECT_EQ(reading.content.nodes[1], (NodeCopy{"/a", "abc", 1, stat}));
}

TEST_F(SnapshotParserTest, AStreamMayArriveInAnyPieces) {
  ASSERT_TRUE(WriteFile(fs_, kSnapshotDir, Zxid{5}, SnapshotCompression::kNone, SampleContent(),
                        {SnapshotDigest{Zxid{5}, 2, 77}, Zxid{6}})
                  .ok());
  const std::string stream = fs_.Content(SnapshotPath("snapshot.5"));
  const SnapshotReading whole = ReadPieces(stream, kEverything);
  ASSERT_TRUE(whole.status.ok()) << whole.status.error().message;
  EXPECT_EQ(whole.content, SampleContent());
  for (const size_t piece_bytes : {61, 4096, 100000}) {
    EXPECT_TRUE(ReadPieces(stream, piece_bytes).SameAs(whole)) << piece_bytes;
  }
  const std::string fresh = FreshSnapshot();
  EXPECT_TRUE(ReadPieces(fresh, 1).SameAs(ReadStream(fresh)));
}

// --- the sections at the end -----------------------------------------------------------------

TEST_F(SnapshotParserTest, AllFourTailsAreReadWhateverOurSettings_SO_3_3) {
  const std::optional<SnapshotDigest> digest = SnapshotDigest{Zxid{4}, 2, 0x51c6d660};
  const std::optional<Zxid> processed = Zxid{9};
  size_t bytes_without_tail = 0;
  const struct {
    SnapshotTail tail;
    size_t tail_bytes;
  } cases[] = {{{}, 0}, {{digest, {}}, 33}, {{{}, processed}, 21}, {{digest, processed}, 54}};
  for (const auto& c : cases) {
    ASSERT_TRUE(
        WriteFile(fs_, kSnapshotDir, Zxid{5}, SnapshotCompression::kNone, FreshContent(), c.tail)
            .ok());
    const SnapshotReading reading = ReadFile(fs_, SnapshotPath("snapshot.5"));
    ASSERT_TRUE(reading.status.ok()) << reading.status.error().message;
    EXPECT_EQ(reading.content, FreshContent());
    EXPECT_EQ(reading.info.digest, c.tail.digest);
    EXPECT_EQ(reading.info.last_processed, c.tail.last_processed);
    if (c.tail_bytes == 0) bytes_without_tail = reading.info.bytes;
    EXPECT_EQ(reading.info.bytes, bytes_without_tail + c.tail_bytes);
  }
}

// The vector has three seals computed by a real server; each covers those before it.
TEST_F(SnapshotParserTest, EachSealIsCheckedOverAllBytesBeforeIt_SO_3_2) {
  const struct {
    size_t offset;
    const char* which;
  } seals[] = {{kFreshFirstSeal, "first"}, {0x1bc, "digest's"}, {0x1d1, "last"}};
  for (const auto& seal : seals) {
    std::string file = FreshSnapshot();
    file[seal.offset + 7] ^= 1;
    ExpectCorrupt(ReadStream(file),
                  {seal.which, "checksum does not match", "offset " + std::to_string(seal.offset)});
    file = FreshSnapshot();
    file[seal.offset] ^= 1;  // of the long's high half, which is no part of an Adler-32
    ExpectCorrupt(ReadStream(file), {seal.which, "checksum does not match"});
    file = FreshSnapshot();
    file[seal.offset + 12] = 'x';
    ExpectCorrupt(ReadStream(file), {seal.which, "no end mark"});
  }
}

TEST_F(SnapshotParserTest, OtherTailsAreDamage_SO_3_3) {
  const std::string file = FreshSnapshot();
  for (const size_t surplus : {1, 5, 13, 100, 100000}) {
    ExpectCorrupt(ReadStream(file + std::string(surplus, '\0')), {"follow the"});
  }
  // The digest section alone is 33 bytes: 21 bytes are taken for the other one, which they are not.
  ExpectCorrupt(ReadStream(file.substr(0, kFreshDigest + 21)), {"last checksum"});
}

TEST_F(SnapshotParserTest, GigabytesBehindTheEndAreNotCollected_SO_3_3) {
  const std::string file = FreshSnapshot() + std::string(1000, '\0');
  SnapshotHandlers nothing;
  SnapshotParser parser("the stream", {}, nothing);
  EXPECT_FALSE(parser.Consume(file));
}

// --- values that nobody writes ---------------------------------------------------------------

TEST_F(SnapshotParserTest, AWrongMagicIsNoSnapshot_SO_3_1) {
  std::string file = FreshSnapshot();
  file.replace(0, 4, "ZKLG");
  ExpectCorrupt(ReadStream(file), {"magic number 0x5a4b4c47", "offset 0"});
}

TEST_F(SnapshotParserTest, VersionAndDbidAreNotChecked_SO_3_1) {
  std::string content =
      FreshSnapshot().substr(kSnapshotHeaderBytes, kFreshFirstSeal - kSnapshotHeaderBytes);
  std::string file = std::string(kSnapshotMagic) + FromHex("00000009 0000000000000005") + content;
  RunningAdler adler;
  adler.Add(file);
  JuteWriter(&file).Write(static_cast<int64_t>(adler.value()));
  file.append(kSnapshotEndBytes);
  const SnapshotReading reading = ReadStream(file);
  ASSERT_TRUE(reading.status.ok()) << reading.status.error().message;
  EXPECT_EQ(reading.content, FreshContent());
}

TEST_F(SnapshotParserTest, NegativeCountsAreDamage) {
  for (const char* const count : {"ffffffff", "80000000", "fffffffe"}) {
    ExpectCorrupt(ReadStream(Sealed(FromHex(count) + None() + Root() + End())),
                  {"negative number of sessions", "offset 16"});
    ExpectCorrupt(ReadStream(Sealed(None() + FromHex(count) + Root() + End())),
                  {"negative number of ACLs", "offset 20"});
    ExpectCorrupt(ReadStream(Sealed(None() + FromHex("00000001 0000000000000001") + FromHex(count) +
                                    Root() + End())),
                  {"ACL list of length -", "offset 32"});
  }
}

// Nothing is reserved by such a count: the items run out first.
TEST_F(SnapshotParserTest, HugeCountsEndWithTheFile) {
  ExpectCorrupt(ReadStream(SnapshotHeader() + FromHex("7fffffff 0000000000000001 00000001")),
                {"session 2 of 2147483647", "offset 32"});
  ExpectCorrupt(ReadStream(SnapshotHeader() + None() + FromHex("7fffffff")),
                {"ACL 1 of 2147483647", "offset 24"});
  ExpectCorrupt(ReadStream(SnapshotHeader() + None() +
                           FromHex("00000001 0000000000000001 7fffffff 00000001")),
                {"ACL 1 of 1", "offset 24"});
}

TEST_F(SnapshotParserTest, LengthsBeyondTheLimitAreDamageBeforeTheirBytesAreThere) {
  const SnapshotLimits limits{100};
  const std::string start = SnapshotHeader() + None() + None();
  for (const char* const length : {"00000065", "7fffffff", "fffffffe", "80000000"}) {
    ExpectCorrupt(ReadStream(start + FromHex(length), limits),
                  {"unreasonable length", "of a path", "limit is 100", "offset 24"});
    ExpectCorrupt(ReadStream(start + None() + FromHex(length), limits),
                  {"unreasonable length", "a node's data", "offset 28"});
    const std::string acl =
        SnapshotHeader() + None() + FromHex("00000001 0000000000000001 00000001 0000001f");
    ExpectCorrupt(ReadStream(acl + FromHex(length), limits), {"of a scheme", "offset 40"});
    ExpectCorrupt(ReadStream(acl + None() + FromHex(length), limits), {"of an id", "offset 44"});
  }
}

TEST_F(SnapshotParserTest, AFieldOfExactlyTheLimitIsRead) {
  const std::string data(100, 'd');
  const std::string node = NodeBytes(FromHex("00000000 00000064") + data);
  const std::string stream = Sealed(None() + None() + node + End());
  const SnapshotReading reading = ReadStream(stream, SnapshotLimits{100});
  ASSERT_TRUE(reading.status.ok()) << reading.status.error().message;
  EXPECT_EQ(reading.content.nodes[0].data, data);
  ExpectCorrupt(ReadStream(stream, SnapshotLimits{99}), {"unreasonable length 100"});
}

TEST_F(SnapshotParserTest, AnAclListLongerThanTheLimitIsDamage) {
  std::string acl = FromHex("00000001 0000000000000001 00001000");
  for (int i = 0; i < 0x1000; ++i) acl += FromHex("0000001f 00000000 00000000");
  ExpectCorrupt(ReadStream(Sealed(None() + acl + Root() + End()), SnapshotLimits{1000}),
                {"ACL list of more than 1000 bytes", "offset 32"});
}

TEST_F(SnapshotParserTest, ANullPathIsDamageAndNullDataStaysNull_SO_3_5) {
  const std::string start = None() + None() + Root();
  ExpectCorrupt(ReadStream(Sealed(start + NodeBytes(FromHex("ffffffff 00000000")) + End())),
                {"node without path"});
  const SnapshotReading reading = ReadStream(
      Sealed(start + NodeBytes(FromHex("00000002") + "/a" + FromHex("ffffffff")) + End()));
  ASSERT_TRUE(reading.status.ok()) << reading.status.error().message;
  EXPECT_EQ(reading.content.nodes[0].data, "");
  EXPECT_EQ(reading.content.nodes[1].data, std::nullopt);
}

TEST_F(SnapshotParserTest, TheRootComesFirstAndOnce_SO_3_5) {
  ExpectCorrupt(ReadStream(Sealed(None() + None() + End())), {"first node is not the root"});
  ExpectCorrupt(
      ReadStream(Sealed(None() + None() + NodeBytes(FromHex("00000002") + "/a" + None()) + End())),
      {"first node is not the root", "offset 24"});
  ExpectCorrupt(ReadStream(Sealed(None() + None() + Root() + Root() + End())), {"second root"});
}

TEST_F(SnapshotParserTest, NullTextsOfAnAclBecomeEmptyAndAnEmptyListStaysSo) {
  const std::string acls =
      FromHex("00000002 0000000000000001 00000001 0000001f ffffffff ffffffff") +
      FromHex("0000000000000002 00000000");
  const SnapshotReading reading = ReadStream(Sealed(None() + acls + Root() + End()));
  ASSERT_TRUE(reading.status.ok()) << reading.status.error().message;
  EXPECT_EQ(reading.content.acls, (decltype(reading.content.acls){{1, {{31, "", ""}}}, {2, {}}}));
}

TEST_F(SnapshotParserTest, WhatComesTwiceIsHandedOnTwice) {
  const std::string session = FromHex("0000000000000001 00002710");
  const std::string acl = FromHex("0000000000000007 00000000");
  const SnapshotReading reading = ReadStream(Sealed(
      FromHex("00000002") + session + session + FromHex("00000002") + acl + acl + Root() + End()));
  ASSERT_TRUE(reading.status.ok()) << reading.status.error().message;
  EXPECT_EQ(reading.content.sessions.size(), 2u);
  EXPECT_EQ(reading.info.sessions, 2u);
  EXPECT_EQ(reading.content.acls.size(), 2u);
  EXPECT_EQ(reading.info.acls, 2u);
}

TEST_F(SnapshotParserTest, AnAclUnderTheOpenKeyIsNotHandedOn_SO_3_5) {
  const std::string acls = FromHex("00000001 ffffffffffffffff 00000000");
  const SnapshotReading reading = ReadStream(Sealed(None() + acls + Root() + End()));
  ASSERT_TRUE(reading.status.ok()) << reading.status.error().message;
  EXPECT_TRUE(reading.content.acls.empty());
  EXPECT_EQ(reading.info.acls, 1u);
}

}  // namespace
}  // namespace lockkeeper
