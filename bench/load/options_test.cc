#include "bench/load/options.h"

#include <gtest/gtest.h>

#include <vector>

namespace lockkeeper::load {
namespace {

Result<LoadOptions> Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "load");
  return ParseOptions(static_cast<int>(arguments.size()), arguments.data());
}

TEST(LoadOptionsTest, AMixHasSharesThatComeToOne) {
  const auto options = Parse({"--operation", "mix:get=6,set=1,delete=1"});
  ASSERT_TRUE(options.has_value());
  ASSERT_EQ(options->mix.size(), 3u);
  EXPECT_EQ(options->mix[0].op, OpCode::kGetData);
  EXPECT_DOUBLE_EQ(options->mix[0].upto, 0.75);
  EXPECT_EQ(options->mix[1].op, OpCode::kSetData);
  EXPECT_DOUBLE_EQ(options->mix[1].upto, 0.875);
  EXPECT_EQ(options->mix[2].op, OpCode::kDelete);
  EXPECT_DOUBLE_EQ(options->mix[2].upto, 1);
}

TEST(LoadOptionsTest, EachOperationAloneIsAMixOfOne) {
  for (const char* name : {"create", "delete", "set", "get", "exists", "children", "sync"}) {
    const auto options = Parse({"--operation", name});
    ASSERT_TRUE(options.has_value()) << name;
    EXPECT_EQ(options->mix.size(), 1u) << name;
  }
  EXPECT_EQ(Parse({"--operation", "multi:30"})->multi_operations, 30);
}

TEST(LoadOptionsTest, AMixThatSaysNothingIsRefused) {
  for (const char* mix : {"mix:", "mix:get", "mix:get=", "mix:get=0", "mix:get=-1", "mix:fly=1",
                          "mix:get=1,", "mix:get=1,,set=1", "mixed:1.5", "multi:0"}) {
    EXPECT_FALSE(Parse({"--operation", mix}).has_value()) << mix;
  }
}

TEST(LoadOptionsTest, TheFirstWordMayNameAScenario) {
  EXPECT_EQ(Parse({})->scenario, Scenario::kRequests);
  const auto locks = Parse({"locks", "--locks", "1000"});
  EXPECT_EQ(locks->scenario, Scenario::kLocks);
  EXPECT_EQ(locks->locks, 1000);
  EXPECT_EQ(Parse({"fanout"})->scenario, Scenario::kFanout);
  EXPECT_EQ(Parse({"idle"})->scenario, Scenario::kIdle);
  EXPECT_EQ(Parse({"storm"})->scenario, Scenario::kStorm);
  EXPECT_FALSE(Parse({"flood"}).has_value());
  EXPECT_FALSE(Parse({"--locks", "5", "locks"}).has_value());
}

}  // namespace
}  // namespace lockkeeper::load
