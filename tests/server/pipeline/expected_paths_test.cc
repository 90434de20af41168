#include "server/pipeline/expected_paths.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "protocol/jute.h"

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
Seen Look(std::string_view in, size_t frames_max = 100) {
  Seen seen;
  seen.frames = AddPathsOfReads(in, frames_max, &seen.paths);
  return seen;
}

TEST(PathsOfReads, AreThoseOfWholeFramesUpToTheFirstThatIsNoRead) {
  const std::string two =
      Get("/a") + Frame(OpCode::kGetChildren2, Encoded(PathWatchRequest{"/b", true}));
  const std::string set = Frame(OpCode::kSetData, Encoded(SetDataRequest{"/c", "x", -1}));
  EXPECT_EQ(Look(two), (Seen{2, {"/a", "/b"}}));
  EXPECT_EQ(Look(two + set + Get("/d")), (Seen{3, {"/a", "/b"}}));
  EXPECT_EQ(Look(set + two), (Seen{1, {}}));
  EXPECT_EQ(Look(two, 1), (Seen{1, {"/a"}}));
  EXPECT_EQ(Look(two.substr(0, two.size() - 1)), (Seen{1, {"/a"}}));
  EXPECT_EQ(Look(""), Seen{});
}

TEST(PathsOfReads, ABrokenFrameEndsThemOrHasNone) {
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

TEST(PathsOfRequests, AreAllThatARequestNames) {
  Paths paths;
  AddPaths(SetDataRequest{"/a", "x", -1}, &paths);
  AddPaths(EmptyRequest{}, &paths);
  AddPaths(MultiRequest{{{OpCode::kDelete, DeleteRequest{"/b", -1}},
                         {OpCode::kCheck, CheckVersionRequest{"/c", 1}}}},
           &paths);
  AddPaths(MultiReadRequest{{{OpCode::kGetData, PathWatchRequest{"/d", false}}}, false}, &paths);
  EXPECT_EQ(paths, (Paths{"/a", "/b", "/c", "/d"}));
}

}  // namespace
}  // namespace lockkeeper
