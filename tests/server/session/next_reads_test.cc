#include "server/session/next_reads.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "protocol/jute.h"
#include "protocol/op_code.h"
#include "protocol/records.h"

namespace lockkeeper {
namespace {

using Paths = std::vector<std::string_view>;

std::string Frame(OpCode op, std::string_view body) {
  std::string frame;
  JuteWriter out(&frame);
  out.Write(static_cast<int32_t>(8 + body.size()));
  out.Write(int32_t{1});
  out.Write(static_cast<int32_t>(op));
  return frame.append(body);
}
std::string Get(std::string_view path) {
  return Frame(OpCode::kGetData, Encoded(PathWatchRequest{path, false}));
}

struct Seen {
  size_t frames = 0;
  Paths paths;
  friend bool operator==(const Seen&, const Seen&) = default;
};
Seen Look(std::string_view in) {
  ExpectedPaths next;
  const size_t frames = AddNextReads(in, &next);
  return {frames, Paths(next.paths().begin(), next.paths().end())};
}

TEST(NextReads, AreWholeFramesUpToTheFirstThatIsNoRead) {
  const std::string two =
      Get("/a") + Frame(OpCode::kGetChildren2, Encoded(PathWatchRequest{"/b", true}));
  const std::string set = Frame(OpCode::kSetData, Encoded(SetDataRequest{"/c", "x", -1}));
  EXPECT_EQ(Look(two), (Seen{2, {"/a", "/b"}}));
  EXPECT_EQ(Look(two + set + Get("/d")), (Seen{3, {"/a", "/b"}}));
  EXPECT_EQ(Look(set + two), (Seen{1, {}}));
  EXPECT_EQ(Look(two.substr(0, two.size() - 1)), (Seen{1, {"/a"}}));
  EXPECT_EQ(Look(""), Seen{});
}

TEST(NextReads, ABrokenFrameEndsThemOrHasNoPath) {
  const std::string a = Get("/a");
  EXPECT_EQ(Look(a + std::string("\xff\xff\xff\xff", 4) + a), (Seen{1, {"/a"}}))
      << "a negative length";
  EXPECT_EQ(Look(Frame(OpCode::kGetData, "") + a), (Seen{2, {"/a"}})) << "no path at all";
  EXPECT_EQ(Look(Frame(OpCode::kGetData, std::string_view("\0\0\0\x09/a", 6)) + a),
            (Seen{2, {"/a"}}))
      << "a path that is longer than its frame";
  EXPECT_EQ(Look(Get("relative") + a), (Seen{2, {"/a"}}));
  EXPECT_EQ(Look(Frame(static_cast<OpCode>(77), "") + a), (Seen{1, {}})) << "an unknown operation";
  std::string empty_frame;
  JuteWriter(&empty_frame).Write(int32_t{0});
  EXPECT_EQ(Look(empty_frame + a), (Seen{1, {}}));
}

TEST(NextReads, AreAsManyAsCanBeExpected) {
  std::string in;
  for (int i = 0; i < 100; ++i) in += Get("/a");
  EXPECT_EQ(Look(in), (Seen{ExpectedPaths::kMax, Paths(ExpectedPaths::kMax, "/a")}));
}

}  // namespace
}  // namespace lockkeeper
