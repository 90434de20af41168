// Properties of every record: what is encoded decodes to the same, and no truncation is accepted.
#include "protocol/records.h"

#include <gtest/gtest.h>

#include "protocol/print.h"
#include "protocol/txn.h"
#include "tests/protocol/random_record.h"

namespace lockkeeper {
namespace {

template <class R>
class EveryRecord : public ::testing::Test {};

using AllRecords = ::testing::Types<
    Id, Acl, Stat, ClientInfo, RequestHeader, ReplyHeader, ConnectRequest, ConnectResponse,
    WatcherEvent, ErrorResponse, MultiHeader, CreateRequest, CreateTtlRequest, DeleteRequest,
    PathWatchRequest, SetDataRequest, PathRequest, SetAclRequest, CheckVersionRequest,
    ReconfigRequest, WatchTypeRequest, AddWatchRequest, AuthPacket, SaslRequest, SetWatchesRequest,
    SetWatches2Request, CreateResponse, Create2Response, StatResponse, GetDataResponse,
    GetAclResponse, GetChildrenResponse, GetChildren2Response, SyncResponse,
    GetAllChildrenNumberResponse, WhoAmIResponse, TxnHeader, TxnDigest, CreateTxn, CreateTxnV0,
    CreateContainerTxn, CreateTtlTxn, DeleteTxn, SetDataTxn, SetAclTxn, CheckVersionTxn,
    CreateSessionTxn, CloseSessionTxn, ErrorTxn, SubTxn, MultiTxn>;
TYPED_TEST_SUITE(EveryRecord, AllRecords);

constexpr int kRounds = 200;

TYPED_TEST(EveryRecord, DecodesToWhatWasEncoded) {
  RandomRecords random(1);
  for (int i = 0; i < kRounds; ++i) {
    const TypeParam record = random.Make<TypeParam>();
    const std::string bytes = Encoded(record);
    JuteReader in(bytes);
    const std::optional<TypeParam> decoded = Decode<TypeParam>(in);
    ASSERT_TRUE(decoded.has_value()) << Print(record);
    EXPECT_TRUE(SameOnWire(record, *decoded)) << Print(record) << " != " << Print(*decoded);
    EXPECT_TRUE(in.rest().empty());
  }
}

TYPED_TEST(EveryRecord, LeavesTrailingBytesAlone) {  // CP-1.6
  RandomRecords random(2);
  const TypeParam record = random.Make<TypeParam>();
  const std::string bytes = Encoded(record) + "rest";
  JuteReader in(bytes);
  ASSERT_TRUE(Decode<TypeParam>(in).has_value());
  EXPECT_EQ(in.rest(), "rest");
}

TYPED_TEST(EveryRecord, RefusesEveryTruncation) {  // CP-13.2
  RandomRecords random(3);
  for (int i = 0; i < 20; ++i) {
    const std::string bytes = Encoded(random.Make<TypeParam>());
    for (size_t length = 0; length < bytes.size(); ++length) {
      EXPECT_FALSE(Decode<TypeParam>(std::string_view(bytes).substr(0, length)).has_value());
    }
  }
}

TYPED_TEST(EveryRecord, SurvivesEveryFlippedByte) {
  RandomRecords random(4);
  std::string bytes = Encoded(random.Make<TypeParam>());
  for (char& c : bytes) {
    for (int flip : {0x01, 0x80, 0xFF}) {
      c = static_cast<char>(c ^ flip);
      // Whatever decodes must encode to no more bytes than it was decoded from.
      if (const auto decoded = Decode<TypeParam>(bytes)) {
        EXPECT_LE(Encoded(*decoded).size(), bytes.size());
      }
      c = static_cast<char>(c ^ flip);
    }
  }
}

TEST(Stat, Has68Bytes) { EXPECT_EQ(Encoded(Stat{}).size(), 68u); }
TEST(ReplyHeader, Has16Bytes) { EXPECT_EQ(Encoded(ReplyHeader{}).size(), 16u); }
TEST(MultiHeader, Has9Bytes) { EXPECT_EQ(Encoded(MultiHeader{}).size(), 9u); }
TEST(TxnHeader, Has32Bytes) { EXPECT_EQ(Encoded(TxnHeader{}).size(), 32u); }

TEST(Print, ShowsNamesNullAndUnprintableBytes) {
  const CreateRequest r{"/a", {}, std::vector<Acl>{{31, {"world", "anyone"}}}, 1};
  EXPECT_EQ(Print(r),
            "{path=/a, data=null, acl=[{perms=31, id={scheme=world, id=anyone}}], "
            "flags=1}");
  EXPECT_EQ(Print(PathRequest{std::string_view("\0\xff", 2)}), "{path=\\x00\\xff}");
}

}  // namespace
}  // namespace lockkeeper
