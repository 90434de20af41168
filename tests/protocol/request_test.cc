#include "protocol/request.h"

#include <gtest/gtest.h>

namespace lockkeeper {
namespace {

constexpr MultiHeader kEnd{-1, true, -1};

MultiHeader HeaderOf(OpCode type) { return {static_cast<int32_t>(type), false, -1}; }
std::vector<Acl> Open() { return {{kPermAll, {"world", "anyone"}}}; }

template <class... R>
std::string Concat(const R&... records) {
  return (Encoded(records) + ...);
}

TEST(DecodeHandshake, AcceptsClientsWithoutTheReadOnlyByte) {  // CP-2.2
  const ConnectRequest request{0, 5, 1000, 0, EmptyString()};
  const auto old_client = DecodeHandshake(Encoded(request));
  ASSERT_TRUE(old_client.has_value());
  EXPECT_FALSE(old_client->has_read_only);
  const auto client = DecodeHandshake(Encoded(request) + '\1');
  ASSERT_TRUE(client.has_value());
  EXPECT_TRUE(client->has_read_only);
  EXPECT_TRUE(client->read_only);
}

TEST(DecodeHandshake, RefusesShortFrames) {  // CP-2.16
  EXPECT_FALSE(DecodeHandshake("").has_value());
  EXPECT_FALSE(DecodeHandshake("abc").has_value());
}

TEST(DecodeRequest, RefusesNullPathsWhereTheServerMust) {
  for (OpCode op : {OpCode::kExists, OpCode::kGetData, OpCode::kGetChildren2}) {
    EXPECT_FALSE(DecodeRequest(op, Encoded(PathWatchRequest{})).has_value());
  }
  EXPECT_FALSE(DecodeRequest(OpCode::kDelete, Encoded(DeleteRequest{})).has_value());
  // sync echoes anything (CP-4.3); setData answers a bad path itself.
  EXPECT_TRUE(DecodeRequest(OpCode::kSync, Encoded(PathRequest{})).has_value());
  EXPECT_TRUE(DecodeRequest(OpCode::kSetData, Encoded(SetDataRequest{})).has_value());
}

TEST(DecodeMulti, TakesElementsUpToTheEndHeader) {  // CP-8.1, CP-8.10
  const auto empty = DecodeRequest(OpCode::kMulti, Encoded(kEnd));
  ASSERT_TRUE(empty.has_value());
  EXPECT_TRUE(std::get<MultiRequest>(*empty).elements.empty());

  // The type of the end header does not matter, nor what follows it.
  const std::string bytes =
      Concat(HeaderOf(OpCode::kDelete), DeleteRequest{"/a", 1}, HeaderOf(OpCode::kCheck),
             CheckVersionRequest{"/b", 2}, MultiHeader{14, true, 0}) +
      "rest";
  const auto multi = DecodeRequest(OpCode::kMulti, bytes);
  ASSERT_TRUE(multi.has_value());
  EXPECT_EQ(std::get<MultiRequest>(*multi).elements.size(), 2u);
}

TEST(DecodeMulti, RefusesForbiddenElements) {  // CP-8.8
  const auto refused = [](const std::string& bytes) {
    return !DecodeRequest(OpCode::kMulti, bytes).has_value();
  };
  EXPECT_TRUE(refused(Concat(HeaderOf(OpCode::kGetData), PathWatchRequest{"/a"}, kEnd)));
  EXPECT_TRUE(refused(Concat(HeaderOf(OpCode::kSetAcl), SetAclRequest{"/a", Open()}, kEnd)));
  EXPECT_TRUE(refused(Concat(HeaderOf(OpCode::kMulti), kEnd, kEnd)));
  EXPECT_TRUE(refused(Concat(HeaderOf(OpCode::kDelete), DeleteRequest{"/a", 1})));  // no end
  EXPECT_TRUE(refused(""));
}

TEST(DecodeMulti, RefusesBadCreateElements) {  // CP-8.9
  const auto accepted = [](OpCode op, int32_t flags, JuteVector<Acl> acl) {
    return DecodeRequest(OpCode::kMulti,
                         Concat(HeaderOf(op), CreateRequest{"/a", "x", acl, flags}, kEnd))
        .has_value();
  };
  for (OpCode op : {OpCode::kCreate, OpCode::kCreate2, OpCode::kCreateContainer}) {
    for (int32_t flags : {0, 1, 2, 3, 4}) EXPECT_TRUE(accepted(op, flags, Open()));
    for (int32_t flags : {-1, 5, 6, 7}) EXPECT_FALSE(accepted(op, flags, Open()));
    EXPECT_FALSE(accepted(op, 0, std::nullopt));
    EXPECT_TRUE(accepted(op, 0, std::vector<Acl>{}));  // its own error, -114
  }
}

TEST(DecodeMultiRead, TellsForbiddenFromUndecodable) {  // CP-8.12
  const auto reads = DecodeRequest(
      OpCode::kMultiRead, Concat(HeaderOf(OpCode::kGetData), PathWatchRequest{"/a", true},
                                 HeaderOf(OpCode::kGetChildren), PathWatchRequest{"/"}, kEnd));
  ASSERT_TRUE(reads.has_value());
  EXPECT_EQ(std::get<MultiReadRequest>(*reads).elements.size(), 2u);
  EXPECT_FALSE(std::get<MultiReadRequest>(*reads).forbidden_element);

  const auto write = DecodeRequest(OpCode::kMultiRead,
                                   Concat(HeaderOf(OpCode::kDelete), DeleteRequest{"/a", 1}, kEnd));
  ASSERT_TRUE(write.has_value());
  EXPECT_TRUE(std::get<MultiReadRequest>(*write).forbidden_element);

  EXPECT_FALSE(DecodeRequest(OpCode::kMultiRead,
                             Concat(HeaderOf(OpCode::kExists), PathWatchRequest{"/a"}, kEnd))
                   .has_value());
}

TEST(PathOfRequest, IsTheOneThatItNames) {
  EXPECT_EQ(PathOf(SetDataRequest{"/a", "x", -1}), "/a");
  EXPECT_EQ(PathOf(PathWatchRequest{"/b", false}), "/b");
  EXPECT_EQ(PathOf(EmptyRequest{}), "");
  EXPECT_EQ(PathOf(MultiRequest{{{OpCode::kDelete, DeleteRequest{"/c", -1}}}}), "");
}

}  // namespace
}  // namespace lockkeeper
