#include "bench/load/fanout_rounds.h"

#include <gtest/gtest.h>

#include <chrono>

namespace lockkeeper::load {
namespace {

using std::chrono::milliseconds;

const TimePoint kStart{std::chrono::hours(1)};

FanoutRounds WithTwoRegistered(int32_t version) {
  FanoutRounds rounds(2);
  EXPECT_TRUE(rounds.Registered(0, version).ok());
  EXPECT_FALSE(rounds.all_registered());
  EXPECT_TRUE(rounds.Registered(1, version).ok());
  EXPECT_TRUE(rounds.all_registered());
  return rounds;
}

TEST(FanoutRoundsTest, ARoundTakesFromTheSetToTheLastEvent) {
  FanoutRounds rounds = WithTwoRegistered(3);
  rounds.Set(kStart);
  EXPECT_TRUE(rounds.Heard(1, kStart + milliseconds(2)).ok());
  EXPECT_FALSE(rounds.all_heard());
  EXPECT_TRUE(rounds.Heard(0, kStart + milliseconds(5)).ok());
  EXPECT_TRUE(rounds.all_heard());
  EXPECT_EQ(rounds.last_ns().count(), 1u);
  EXPECT_EQ(rounds.last_ns().max(), 5'000'000u);
  EXPECT_EQ(rounds.each_ns().count(), 2u);
  EXPECT_DOUBLE_EQ(rounds.seconds(), 0.005);
}

// A round in which the set was sent and both have heard of it.
FanoutRounds WithTwoThatHeard(int32_t version) {
  FanoutRounds rounds = WithTwoRegistered(version);
  rounds.Set(kStart);
  EXPECT_TRUE(rounds.Heard(0, kStart).ok());
  EXPECT_TRUE(rounds.Heard(1, kStart).ok());
  return rounds;
}

TEST(FanoutRoundsTest, ARoundIsDoneWhenAllHeardAndTheSetIsAnswered) {
  FanoutRounds rounds = WithTwoThatHeard(0);
  EXPECT_FALSE(rounds.round_done());
  EXPECT_TRUE(rounds.SetDone(1).ok());
  EXPECT_TRUE(rounds.round_done());
}

TEST(FanoutRoundsTest, TheNextRoundReadsTheVersionThatWasSet) {
  for (const int32_t version : {3, 4, 5}) {
    FanoutRounds rounds = WithTwoThatHeard(3);
    ASSERT_TRUE(rounds.SetDone(4).ok());
    rounds.NextRound();
    EXPECT_FALSE(rounds.all_registered());
    EXPECT_EQ(rounds.Registered(0, version).ok(), version == 4);
  }
}

TEST(FanoutRoundsTest, WatchersMustReadOneVersion) {
  FanoutRounds rounds(2);
  ASSERT_TRUE(rounds.Registered(0, 3).ok());
  EXPECT_FALSE(rounds.Registered(1, 4).ok());
}

TEST(FanoutRoundsTest, EventsThatNobodyMayHaveAreErrors) {
  FanoutRounds rounds = WithTwoRegistered(3);
  EXPECT_FALSE(rounds.Heard(0, kStart).ok()) << "without a set";
  rounds.Set(kStart);
  ASSERT_TRUE(rounds.Heard(0, kStart).ok());
  EXPECT_FALSE(rounds.Heard(0, kStart).ok()) << "a second one";
  EXPECT_FALSE(rounds.all_heard());
}

TEST(FanoutRoundsTest, RegisteringTwiceInARoundIsAnError) {
  FanoutRounds rounds(2);
  ASSERT_TRUE(rounds.Registered(0, 3).ok());
  EXPECT_FALSE(rounds.Registered(0, 3).ok());
}

TEST(FanoutRoundsTest, TellsWhatARoundWaitsFor) {
  FanoutRounds rounds = WithTwoRegistered(3);
  EXPECT_EQ(rounds.Waiting(), "2 of 2 have registered");
  rounds.Set(kStart);
  ASSERT_TRUE(rounds.Heard(1, kStart).ok());
  EXPECT_EQ(rounds.Waiting(), "1 of 2 have heard of the set, which is not answered");
}

TEST(FanoutRoundsTest, ASetThatSkipsAVersionIsAnError) {
  FanoutRounds rounds = WithTwoRegistered(3);
  rounds.Set(kStart);
  EXPECT_FALSE(rounds.SetDone(5).ok());
}

}  // namespace
}  // namespace lockkeeper::load
