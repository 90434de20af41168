// Snapshots that a real server wrote.
#include <glog/logging.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "server/storage/snapshot_reader.h"
#include "tests/server/storage/snapshot_test_files.h"
#include "tests/server/storage/snapshot_test_util.h"

namespace lockkeeper {
namespace {

const NodeCopy& NodeAt(const SnapshotContent& content, const std::string& path) {
  const auto found = std::find_if(content.nodes.begin(), content.nodes.end(),
                                  [&](const NodeCopy& node) { return node.path == path; });
  CHECK(found != content.nodes.end()) << path;
  return *found;
}

TEST(ApacheSnapshots, TheFirstOfAnEmptyServerIsThatOfThePageWithoutTheLastSection_SO_3_1) {
  EXPECT_EQ(RealFile(ApacheSnapshot("snapshot.0")), FreshSnapshot().substr(0, kFreshProcessed));
}

TEST(ApacheSnapshots, AreReadWholeAndGiveTheDigestThatTheServerWrote_SO_3_16) {
  const SnapshotReading reading = ReadFile(PosixFileSystem(), ApacheSnapshot("snapshot.12"));
  ASSERT_TRUE(reading.status.ok()) << reading.status.error().message;
  EXPECT_EQ(reading.info.zxid, Zxid{0x12});
  ASSERT_TRUE(reading.info.digest.has_value());
  EXPECT_EQ(reading.info.digest->zxid, Zxid{0x12});
  EXPECT_EQ(reading.info.digest->version, 2);
  EXPECT_EQ(reading.info.digest->digest, TreeDigest(reading.content));
  EXPECT_EQ(reading.info.last_processed, std::nullopt);  // of 3.9 only
}

// What the client of testdata's README did.
TEST(ApacheSnapshots, HoldWhatTheClientMade_SO_3_5) {
  const SnapshotReading reading = ReadFile(PosixFileSystem(), ApacheSnapshot("snapshot.12"));
  ASSERT_TRUE(reading.status.ok()) << reading.status.error().message;
  const SnapshotContent& content = reading.content;
  constexpr int64_t kSession = 0x100010ec3960000;
  EXPECT_EQ(content.sessions,
            (std::vector<std::pair<SessionId, int32_t>>{{SessionId{kSession}, 600000}}));
  EXPECT_EQ(content.nodes.size(), 17u);
  EXPECT_EQ(NodeAt(content, "/app").data, "world");
  EXPECT_EQ(NodeAt(content, "/app").stat.version, 1);
  EXPECT_EQ(NodeAt(content, "/app").stat.cversion, 10);
  EXPECT_EQ(NodeAt(content, "/app/null").data, std::nullopt);
  EXPECT_EQ(NodeAt(content, "/app/empty").data, "");
  EXPECT_EQ(NodeAt(content, "/app/empty").stat.aversion, 1);
  EXPECT_EQ(NodeAt(content, "/app/live").stat.owner, kSession);
  EXPECT_EQ(NodeAt(content, "/app/container").stat.owner, INT64_MIN);
  EXPECT_EQ(static_cast<uint64_t>(NodeAt(content, "/app/ttl").stat.owner),
            0xff00000000000000 | 86400000);
  EXPECT_EQ(NodeAt(content, "/app/\xc3\xbc\xe4\xb8\x96").data, std::string("\0\xff", 2));

  const auto acl_of = [&](const std::string& path) {
    const int64_t key = NodeAt(content, path).acl_key;
    const auto found = std::find_if(content.acls.begin(), content.acls.end(),
                                    [&](const auto& acl) { return acl.first == key; });
    CHECK(found != content.acls.end()) << path;
    return found->second;
  };
  EXPECT_EQ(acl_of("/app/private"), (AclList{{31, "digest", "bob:fyVmFCwVbTJYrznoSu1koqYEYF0="}}));
  EXPECT_EQ(acl_of("/app/mixed"), (AclList{{1, "world", "anyone"}, {31, "ip", "127.0.0.1"}}));
  EXPECT_EQ(acl_of("/app/empty"), (AclList{{1, "world", "anyone"}}));
  // What a client gives a node is in the list even when it is the open ACL.
  EXPECT_EQ(acl_of("/app"), (AclList{{31, "world", "anyone"}}));
  EXPECT_EQ(NodeAt(content, "/zookeeper/quota").acl_key, kOpenAclKey);
}

TEST(ApacheSnapshots, CompressedOnesHoldTheSame_SO_3_8) {
  const SnapshotReading plain = ReadFile(PosixFileSystem(), ApacheSnapshot("snapshot.12"));
  ASSERT_TRUE(plain.status.ok()) << plain.status.error().message;
  for (const char* const name : {"snapshot.12.gz", "snapshot.12.snappy"}) {
    const SnapshotReading reading = ReadFile(PosixFileSystem(), ApacheSnapshot(name));
    ASSERT_TRUE(reading.status.ok()) << reading.status.error().message;
    EXPECT_EQ(reading.info.bytes, plain.info.bytes);
    EXPECT_EQ(reading.content.sessions, plain.content.sessions);
    EXPECT_EQ(reading.content.nodes.size(), plain.content.nodes.size());
    EXPECT_EQ(TreeDigest(reading.content), plain.info.digest->digest);
    // A server that started from a snapshot and replayed nothing knows no digest.
    EXPECT_EQ(reading.info.digest, (SnapshotDigest{Zxid{0}, 2, 0}));
  }
}

TEST(ApacheSnapshots, OnesOfSeveralSnappyChunksAreReadWhole_SO_3_8) {
  std::string data(100000, '\0');
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 7 % 251);
  for (const char* const name : {"snapshot.12e.gz", "snapshot.12e.snappy"}) {
    const SnapshotReading reading = ReadFile(PosixFileSystem(), ApacheSnapshot(name));
    ASSERT_TRUE(reading.status.ok()) << reading.status.error().message;
    EXPECT_EQ(reading.content.nodes.size(), 4u + 301);
    EXPECT_TRUE(NodeAt(reading.content, "/big").data == data);
    EXPECT_EQ(NodeAt(reading.content, "/n0299").data, std::string(100, 'x'));
  }
}

}  // namespace
}  // namespace lockkeeper
