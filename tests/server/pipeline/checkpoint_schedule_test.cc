// When a checkpoint begins and when writes wait for one.
#include "server/pipeline/checkpoint_schedule.h"

#include <gtest/gtest.h>

namespace lockkeeper {
namespace {

constexpr MonoMs kStart{1000};
constexpr CheckpointScheduleOptions kOptions{.dirty_bytes = 100, .interval_ms = 500};

TEST(CheckpointSchedule, BeginsWhenTheLogSaysSo) {  // SO-3.14
  CheckpointSchedule schedule(kOptions, kStart);
  EXPECT_FALSE(schedule.TakeStart(true, 1, kStart));
  schedule.Due();
  EXPECT_TRUE(schedule.TakeStart(true, 1, kStart));
  EXPECT_FALSE(schedule.TakeStart(true, 1, kStart)) << "it runs already";
  schedule.Finished(kStart);
  EXPECT_FALSE(schedule.TakeStart(true, 1, kStart)) << "once for each trigger";
}

TEST(CheckpointSchedule, DropsATriggerWhileOneRuns) {  // SO-3.14
  CheckpointSchedule schedule(kOptions, kStart);
  schedule.Due();
  ASSERT_TRUE(schedule.TakeStart(true, 1, kStart));
  schedule.Due();
  schedule.Finished(kStart);
  EXPECT_FALSE(schedule.TakeStart(true, 1, kStart));
}

TEST(CheckpointSchedule, RestsBeforeItFollowsTheLogAgain) {
  CheckpointSchedule schedule(kOptions, kStart);
  schedule.Due();
  ASSERT_TRUE(schedule.TakeStart(true, 1, kStart));
  schedule.Finished(MonoMs{1010});
  schedule.Due();
  EXPECT_EQ(schedule.NextDeadline(), MonoMs{1500}) << "49 times what the last one took";
  EXPECT_FALSE(schedule.TakeStart(true, 1, MonoMs{1499}));
  EXPECT_TRUE(schedule.TakeStart(true, 1, MonoMs{1500})) << "the trigger was not lost";
}

TEST(CheckpointSchedule, DoesNotRestForLongNorWhenMuchHasChanged) {
  CheckpointSchedule schedule({.dirty_bytes = 100, .interval_ms = 0}, kStart);
  schedule.Due();
  ASSERT_TRUE(schedule.TakeStart(true, 1, kStart));
  schedule.Finished(MonoMs{31'000});
  schedule.Due();
  EXPECT_EQ(schedule.NextDeadline(), MonoMs{33'000});
  EXPECT_FALSE(schedule.TakeStart(true, 99, MonoMs{31'001}));
  EXPECT_TRUE(schedule.TakeStart(true, 100, MonoMs{31'001}));
}

TEST(CheckpointSchedule, BeginsWhenEnoughHasChanged) {
  CheckpointSchedule schedule(kOptions, kStart);
  EXPECT_FALSE(schedule.TakeStart(true, 99, kStart));
  EXPECT_TRUE(schedule.TakeStart(true, 100, kStart));
}

TEST(CheckpointSchedule, BeginsByTheClockButNotForNothing) {
  CheckpointSchedule schedule(kOptions, kStart);
  EXPECT_EQ(schedule.NextDeadline(), MonoMs{1500});
  EXPECT_FALSE(schedule.TakeStart(true, 1, MonoMs{1499}));
  EXPECT_FALSE(schedule.TakeStart(false, 0, MonoMs{1500}));
  EXPECT_EQ(schedule.NextDeadline(), MonoMs{2000});
  EXPECT_TRUE(schedule.TakeStart(true, 1, MonoMs{2000}));
  schedule.Finished(MonoMs{2600});
  EXPECT_EQ(schedule.NextDeadline(), MonoMs{3100});
}

TEST(CheckpointSchedule, HasNoClockWhenItsIntervalIsZero) {
  CheckpointSchedule schedule({.dirty_bytes = 100, .interval_ms = 0}, kStart);
  EXPECT_FALSE(schedule.TakeStart(true, 99, MonoMs{1'000'000'000}));
}

TEST(CheckpointSchedule, MakesWritesWaitOnlyWhenARunningCheckpointIsFarBehind) {
  CheckpointSchedule schedule(kOptions, kStart);
  EXPECT_FALSE(schedule.MustWait(1'000'000));
  ASSERT_TRUE(schedule.TakeStart(true, 100, kStart));
  EXPECT_FALSE(schedule.MustWait(800));
  EXPECT_TRUE(schedule.MustWait(801));
  schedule.Finished(kStart);
  EXPECT_FALSE(schedule.MustWait(801));
}

}  // namespace
}  // namespace lockkeeper
