// Keys and values of the checkpoint store: every value comes back, the order is the tree's, and
// bytes that nobody wrote are refused.
#include "server/storage/checkpoint_format.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "protocol/jute.h"

namespace lockkeeper {
namespace {

std::string NodeKey(std::string_view path) {
  std::string key;
  SetNodeKey(path, &key);
  return key;
}

StoredNode RoundTrip(const StoredNode& node, std::string* value) {
  SetNodeValue(node, value);
  StoredNode back;
  EXPECT_TRUE(ParseNodeValue(*value, &back));
  return back;
}

TEST(CheckpointKeys, GiveEveryPathBack) {
  std::string path;
  for (const std::string& original :
       {std::string(), std::string("/a"), std::string("/a/b-c"), std::string("/\xc3\xa9/\x7f"),
        std::string("/\x01\x02\x03/\0x", 7), std::string("/a\x02")}) {
    ASSERT_TRUE(ParseNodeKey(NodeKey(original), &path));
    EXPECT_EQ(path, original);
  }
}

TEST(CheckpointKeys, StandInPreOrderWithEverySubtreeInOnePiece) {
  std::vector<std::string> keys;
  for (const char* path : {"/a-b", "/a/z", "/a", "", "/a/b/c", "/a.b", "/a/b", "/b", "/a/b-"}) {
    keys.push_back(NodeKey(path));
  }
  std::sort(keys.begin(), keys.end());
  std::vector<std::string> paths;
  for (const std::string& key : keys) ASSERT_TRUE(ParseNodeKey(key, &paths.emplace_back()));
  EXPECT_EQ(paths, (std::vector<std::string>{"", "/a", "/a/b", "/a/b/c", "/a/b-", "/a/z", "/a-b",
                                             "/a.b", "/b"}));
}

TEST(CheckpointKeys, RefuseABrokenEscape) {
  std::string path;
  for (const std::string& key : {std::string("n\x02"), std::string("n\x02\x04"),
                                 std::string("n\x02\0", 3), std::string("a"), std::string()}) {
    EXPECT_FALSE(ParseNodeKey(key, &path));
  }
}

TEST(CheckpointValues, AreShortForAZnodeThatWasNeverChanged) {
  std::string value;
  const StoredNode node{
      "/a", "data", kOpenAclKey, {.czxid = 9, .mzxid = 9, .pzxid = 9, .ctime = 7, .mtime = 7}};
  const StoredNode back = RoundTrip(node, &value);
  EXPECT_EQ(back.stat, node.stat);
  EXPECT_EQ(value.size(), 1u + 8 + 8 + 4);
}

TEST(CheckpointValues, GiveEveryZnodeBack) {
  std::mt19937_64 random(1);
  const auto pick = [&] { return random() % 2 == 0 ? int64_t{5} : static_cast<int64_t>(random()); };
  std::string value;
  for (int i = 0; i < 10'000; ++i) {
    const std::string data(random() % 4, static_cast<char>(random()));
    StoredNode node{"/a", data, random() % 2 == 0 ? kOpenAclKey : int64_t{3}, {}};
    node.stat = {pick(),
                 pick(),
                 pick(),
                 pick(),
                 pick(),
                 static_cast<int32_t>(pick()),
                 static_cast<int32_t>(pick()),
                 static_cast<int32_t>(pick()),
                 pick()};
    if (random() % 5 == 0) node.data = {};
    const StoredNode back = RoundTrip(node, &value);
    ASSERT_EQ(back.stat, node.stat);
    ASSERT_EQ(back.acl_key, node.acl_key);
    ASSERT_EQ(back.data, node.data);
    ASSERT_EQ(IsNull(back.data), IsNull(node.data));
  }
}

TEST(CheckpointValues, RefuseWhatIsCutOrUnknown) {
  std::string value;
  SetNodeValue({"/a", {}, 3, {.czxid = 1, .mzxid = 2, .owner = 4}}, &value);
  StoredNode back;
  for (size_t bytes = 0; bytes < value.size(); ++bytes) {
    EXPECT_FALSE(ParseNodeValue(std::string_view(value).substr(0, bytes), &back)) << bytes;
  }
  EXPECT_FALSE(ParseNodeValue(value + "x", &back)) << "null data with bytes";
  value[0] = '\x40';
  EXPECT_FALSE(ParseNodeValue(value, &back));
}

TEST(CheckpointMeta, ComesBackWithAndWithoutADigest) {
  CheckpointMeta meta{.zxid = Zxid{0x100000002},
                      .digest = 0xFFFFFFFF12345678,
                      .node_count = 12,
                      .written_ms = 99,
                      .generations = {Zxid{7}, Zxid{0x100000002}}};
  EXPECT_EQ(ParseMetaValue(MetaValue(meta)), meta);
  meta.digest.reset();
  meta.generations.clear();
  EXPECT_EQ(ParseMetaValue(MetaValue(meta)), meta);
  EXPECT_EQ(ParseMetaValue(MetaValue(meta) + "x"), std::nullopt);
  EXPECT_EQ(ParseMetaValue(MetaValue(meta).substr(1)), std::nullopt);
}

TEST(CheckpointAclsAndSessions, ComeBack) {
  const AclList acl{{31, "digest", "bob:hash"}, {1, "world", "anyone"}};
  EXPECT_EQ(ParseAclValue(AclValue(acl)), acl);
  EXPECT_EQ(ParseAclValue(AclValue({})), AclList{});
  EXPECT_EQ(ParseAclValue("x"), std::nullopt);
  EXPECT_EQ(ParseAclKey(AclKey(0xFFFFFF)), 0xFFFFFFu);
  EXPECT_EQ(ParseAclKey("axxx"), std::nullopt);
  const SessionId session{-5};
  EXPECT_EQ(ParseSessionKey(SessionKey(session)), session);
  EXPECT_EQ(ParseSessionKey(AclKey(1)), std::nullopt);
  EXPECT_EQ(ParseSessionValue(SessionValue(30000)), 30000);
}

}  // namespace
}  // namespace lockkeeper
