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
