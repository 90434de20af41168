#include "bench/load/workload.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "protocol/records.h"

namespace lockkeeper::load {
namespace {

constexpr size_t kLengthBytes = 4;

// The path in the request that the operation becomes, in session 0xab.
std::string PathOf(const LoadOptions& options, const Target& target) {
  RequestEncoder encoder(options, 1);
  std::string frame;
  encoder.Append({.op = OpCode::kGetData, .target = target}, 0xab, 7, &frame);
  EXPECT_EQ(static_cast<size_t>(LoadInt(frame.data())), frame.size() - kLengthBytes);
  JuteReader in(std::string_view(frame).substr(kLengthBytes));
  EXPECT_EQ(Decode<RequestHeader>(in)->xid, 7);
  return std::string(Decode<PathWatchRequest>(in)->path);
}

TEST(WorkloadTest, TheTreeHasAThousandZnodesToAParent) {
  const LoadOptions options;
  using Kind = Target::Kind;
  EXPECT_EQ(PathOf(options, {Kind::kLevel, 0}), "/load");
  EXPECT_EQ(PathOf(options, {Kind::kParent, 12}), "/load/p012");
  EXPECT_EQ(PathOf(options, {Kind::kNode, 12'345}), "/load/p012/n345");
  EXPECT_EQ(PathOf(options, {Kind::kNew, 5, 3}), "/load/p003/xab-5");
}

TEST(WorkloadTest, TreesCanBeDeeperAndNamesLonger) {
  LoadOptions options;
  options.depth = 2;
  options.name_bytes = 16;
  using Kind = Target::Kind;
  EXPECT_EQ(PathOf(options, {Kind::kLevel, 2}), "/load/d0/d1");
  EXPECT_EQ(PathOf(options, {Kind::kNode, 12'345}), "/load/d0/d1/p012/n000000000000345");
}

TEST(WorkloadTest, AMixHasTheSharesThatWereAskedFor) {
  LoadOptions options;
  options.mix = {{OpCode::kGetData, 0.8}, {OpCode::kSetData, 0.9}, {OpCode::kDelete, 1}};
  RandomSource source(options, 0, 0);
  source.Begin(TimePoint{});
  constexpr int kCount = 100'000;
  std::map<OpCode, int> found;
  for (int i = 0; i < kCount; ++i) ++found[source.Take(TimePoint{})->op];
  EXPECT_NEAR(found[OpCode::kGetData], 0.8 * kCount, 0.01 * kCount);
  EXPECT_NEAR(found[OpCode::kSetData], 0.1 * kCount, 0.01 * kCount);
  EXPECT_NEAR(found[OpCode::kDelete], 0.1 * kCount, 0.01 * kCount);
}

}  // namespace
}  // namespace lockkeeper::load
