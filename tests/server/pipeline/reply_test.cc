// Frames byte for byte, against the examples of client-protocol.
#include "server/pipeline/reply.h"

#include <gtest/gtest.h>

namespace lockkeeper {
namespace {

std::string Hex(const std::string& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (char c : bytes) {
    hex += kDigits[static_cast<unsigned char>(c) >> 4];
    hex += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return hex;
}

TEST(Reply, RefusedConnectResponse) {  // CP-2.14
  std::string out;
  WriteConnectResponse(SessionId{0}, 4000, true, &out);
  EXPECT_EQ(Hex(out),
            "00000025"
            "00000000"
            "00000000"
            "0000000000000000"
            "00000010"
            "00000000000000000000000000000000"
            "00");
}

TEST(Reply, ConnectResponseWithAndWithoutTheReadOnlyByte) {  // CP-2.1, CP-2.2
  std::string out;
  WriteConnectResponse(SessionId{0x01000010cd460000}, 10000, true, &out);
  EXPECT_EQ(Hex(out),
            "00000025"
            "00000000"
            "00002710"
            "01000010cd460000"
            "00000010"
            "58b0e4e0055783e5f656b7ef56539bdd"
            "00");
  out.clear();
  WriteConnectResponse(SessionId{0x01000010cd460000}, 10000, false, &out);
  EXPECT_EQ(out.size(), 40u);
}

TEST(Reply, Event) {  // CP-9.1
  std::string out;
  WriteEvent(Zxid{0x192}, EventType::kNodeDataChanged, "/w/a", &out);
  EXPECT_EQ(Hex(out),
            "00000020"
            "ffffffff"
            "0000000000000192"
            "00000000"
            "00000003"
            "00000003"
            "00000004"
            "2f772f61");
}

TEST(Reply, FailedMultiHasErrNoneAndAResultForEachElement) {  // CP-8.3
  ApplyOutcome outcome;
  outcome.header.zxid = 5;
  outcome.multi = {{.error = ErrorCode::kOk},
                   {.error = ErrorCode::kNoNode},
                   {.error = ErrorCode::kRuntimeInconsistency}};
  std::string out;
  WriteWriteReply(9, OpCode::kMulti, outcome, &out);
  EXPECT_EQ(Hex(out.substr(4)),
            "00000009"
            "0000000000000005"
            "00000000"
            "ffffffff"
            "00"
            "00000000"
            "00000000"
            "ffffffff"
            "00"
            "ffffff9b"
            "ffffff9b"
            "ffffffff"
            "00"
            "fffffffe"
            "fffffffe"
            "ffffffff"
            "01"
            "ffffffff");
}

TEST(Reply, SuccessfulMultiHasTheRecordOfEachElement) {  // CP-8.2
  const Stat stat{.czxid = 5, .mzxid = 6, .version = 7};
  ApplyOutcome outcome;
  outcome.header.zxid = 5;
  outcome.multi = {{.type = OpCode::kCreate, .path = "/a"},
                   {.type = OpCode::kCreate2, .path = "/b", .stat = stat},
                   {.type = OpCode::kCreateContainer, .path = "/c", .stat = stat},
                   {.type = OpCode::kCreateTtl, .path = "/d", .stat = stat},
                   {.type = OpCode::kDelete},
                   {.type = OpCode::kSetData, .stat = stat},
                   {.type = OpCode::kCheck}};
  std::string out;
  WriteWriteReply(9, OpCode::kMulti, outcome, &out);
  const std::string s = Hex(Encoded(stat));
  EXPECT_EQ(Hex(out.substr(4)),
            "00000009000000000000000500000000"
            "000000010000000000"
            "000000022f61"
            "0000000f0000000000"
            "000000022f62" +
                s +
                "0000000f0000000000"
                "000000022f63" +
                s +
                "0000000f0000000000"
                "000000022f64" +
                s +
                "000000020000000000"
                "000000050000000000" +
                s +
                "0000000d0000000000"
                "ffffffff01ffffffff");
  EXPECT_EQ(LoadInt(out.data()), static_cast<int32_t>(out.size()) - 4);
}

// Its transaction says create, the request said create2: the client gets its stat.
TEST(Reply, MultiAnswersCreate2AsItWasAsked) {  // QP-6.9
  MultiRequest request;
  request.elements = {{OpCode::kCreate, CreateRequest{}},
                      {OpCode::kCreate2, CreateRequest{}},
                      {OpCode::kDelete, DeleteRequest{}}};
  const std::vector<bool> create2 = Create2Elements(request);
  EXPECT_EQ(create2, (std::vector<bool>{false, true, false}));
  request.elements.erase(request.elements.begin() + 1);
  EXPECT_TRUE(Create2Elements(request).empty());
  EXPECT_TRUE(Create2Elements(PathRequest{"/a"}).empty());

  const Stat stat{.czxid = 5};
  ApplyOutcome outcome;
  outcome.header.zxid = 5;
  outcome.multi = {{.type = OpCode::kCreate, .path = "/a", .stat = stat},
                   {.type = OpCode::kCreate, .path = "/b", .stat = stat},
                   {.type = OpCode::kDelete}};
  std::string out;
  WriteWriteReply(9, OpCode::kMulti, outcome, &out, create2);
  EXPECT_EQ(Hex(out.substr(4)),
            "00000009000000000000000500000000"
            "000000010000000000"
            "000000022f61"
            "0000000f0000000000"
            "000000022f62" +
                Hex(Encoded(stat)) +
                "000000020000000000"
                "ffffffff01ffffffff");
}

TEST(Reply, EmptyMultiIsItsEndHeader) {  // CP-8.1
  ApplyOutcome outcome;
  std::string out;
  WriteWriteReply(1, OpCode::kMulti, outcome, &out);
  EXPECT_EQ(Hex(out.substr(20)), "ffffffff01ffffffff");
}

// What follows the header of a successful write.
std::string BodyOfReply(OpCode op, ErrorCode error = ErrorCode::kOk) {
  ApplyOutcome outcome;
  outcome.header.zxid = 5;
  outcome.result = {.error = error, .path = "/a", .stat = {.version = 3}};
  std::string out;
  WriteWriteReply(9, op, outcome, &out);
  EXPECT_EQ(LoadInt(out.data()), static_cast<int32_t>(out.size()) - 4);
  EXPECT_EQ(LoadInt(out.data() + 4), 9);
  EXPECT_EQ(LoadLong(out.data() + 8), 5);  // CP-3.3, CP-3.4
  EXPECT_EQ(LoadInt(out.data() + 16), static_cast<int32_t>(error));
  return out.substr(20);
}

TEST(Reply, ToEachWriteHasItsRecord) {  // CP-4.1, CP-4.5, CP-3.9
  const Stat stat{.version = 3};
  EXPECT_EQ(BodyOfReply(OpCode::kCreate), Encoded(CreateResponse{"/a"}));
  for (OpCode op : {OpCode::kCreate2, OpCode::kCreateContainer, OpCode::kCreateTtl}) {
    EXPECT_EQ(BodyOfReply(op), Encoded(Create2Response{"/a", stat}));
  }
  for (OpCode op : {OpCode::kSetData, OpCode::kSetAcl}) {
    EXPECT_EQ(BodyOfReply(op), Encoded(StatResponse{stat}));
  }
  for (OpCode op : {OpCode::kDelete, OpCode::kCloseSession}) EXPECT_EQ(BodyOfReply(op), "");
}

TEST(Reply, ToAFailedWriteIsAHeader) {  // CP-3.7
  for (OpCode op :
       {OpCode::kCreate, OpCode::kCreate2, OpCode::kSetData, OpCode::kSetAcl, OpCode::kDelete}) {
    EXPECT_EQ(BodyOfReply(op, ErrorCode::kNoNode), "");
  }
}

TEST(FrameWriter, AppendsFramesBehindEachOther) {
  std::string out = "x";
  FrameWriter(&out).Add(ErrorResponse{1});
  FrameWriter(&out).AddRaw("ab");
  EXPECT_EQ(Hex(out), "780000000400000001000000026162");
}

TEST(Reply, ErrorsAreSixteenBytes) {  // CP-3.7
  std::string out;
  WriteHeaderOnly(1, Zxid{2}, ErrorCode::kNoNode, &out);
  EXPECT_EQ(Hex(out),
            "00000010"
            "00000001"
            "0000000000000002"
            "ffffff9b");
}

}  // namespace
}  // namespace lockkeeper
