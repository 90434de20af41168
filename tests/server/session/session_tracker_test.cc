#include "server/session/session_tracker.h"

#include <gtest/gtest.h>

namespace lockkeeper {
namespace {

constexpr int64_t kTick = 1000;
constexpr SessionId kSession{7};
constexpr ConnectionRef kFirst{0, 11};
constexpr ConnectionRef kSecond{1, 22};

TEST(SessionTracker, RoundsDeadlinesUpToTheNextTick) {  // CP-10.1
  SessionTracker tracker(kTick);
  tracker.Add(kSession, 4000, kFirst, MonoMs{500});
  EXPECT_EQ(tracker.NextDeadline(), MonoMs{5000});
  EXPECT_TRUE(tracker.PopExpired(MonoMs{4999}).empty());
  EXPECT_EQ(tracker.PopExpired(MonoMs{5000}), std::vector{kSession});
  tracker.Remove(kSession);
  // A timeout that ends on a tick lives until the next one.
  tracker.Add(kSession, 4000, kFirst, MonoMs{1000});
  EXPECT_EQ(tracker.NextDeadline(), MonoMs{6000});
}

TEST(SessionTracker, TouchMovesTheDeadlineForwardOnly) {  // CP-10.3
  SessionTracker tracker(kTick);
  tracker.Add(kSession, 4000, kFirst, MonoMs{0});
  tracker.Touch(kSession, MonoMs{3000});
  EXPECT_EQ(tracker.NextDeadline(), MonoMs{8000});
  tracker.Touch(kSession, MonoMs{1000});  // a late report
  EXPECT_EQ(tracker.NextDeadline(), MonoMs{8000});
  tracker.Touch(SessionId{99}, MonoMs{5000});
  EXPECT_EQ(tracker.size(), 1u);
}

TEST(SessionTracker, AnExpiredSessionIsClosingUntilItIsRemoved) {
  SessionTracker tracker(kTick);
  tracker.Add(kSession, 1000, kFirst, MonoMs{0});
  ASSERT_EQ(tracker.PopExpired(MonoMs{2000}).size(), 1u);
  EXPECT_FALSE(tracker.IsLive(kSession));
  tracker.Touch(kSession, MonoMs{5000});
  EXPECT_FALSE(tracker.NextDeadline().has_value());
  EXPECT_EQ(tracker.OwnerOf(kSession), kFirst);  // who must be told
  tracker.Remove(kSession);
  EXPECT_EQ(tracker.size(), 0u);
}

TEST(SessionTracker, AttachTakesTheSessionOverWithItsNewTimeout) {  // CP-2.9, CP-2.10
  SessionTracker tracker(kTick);
  tracker.Add(kSession, 10000, kFirst, MonoMs{0});
  EXPECT_EQ(tracker.Attach(kSession, 2000, kSecond, MonoMs{0}), kFirst);
  EXPECT_EQ(tracker.NextDeadline(), MonoMs{3000});
  // The old connection's end does not concern the session any more.
  tracker.Detach(kSession, kFirst);
  EXPECT_EQ(tracker.OwnerOf(kSession), kSecond);
  tracker.Detach(kSession, kSecond);
  EXPECT_EQ(tracker.OwnerOf(kSession), ConnectionRef{});
  EXPECT_TRUE(tracker.IsLive(kSession));
}

TEST(SessionTracker, ExpiresInAscendingOrderOfDeadlineAndId) {
  SessionTracker tracker(kTick);
  for (int64_t id : {5, 3, 4}) tracker.Add(SessionId{id}, 1000, {}, MonoMs{0});
  tracker.Add(SessionId{9}, 100, {}, MonoMs{0});
  EXPECT_EQ(tracker.PopExpired(MonoMs{10000}),
            (std::vector{SessionId{9}, SessionId{3}, SessionId{4}, SessionId{5}}));
}

TEST(SessionTracker, AddingAgainStartsAgain) {  // a log may create a session twice
  SessionTracker tracker(kTick);
  tracker.Add(kSession, 9000, kFirst, MonoMs{0});
  tracker.Add(kSession, 1000, kSecond, MonoMs{0});
  EXPECT_EQ(tracker.size(), 1u);
  EXPECT_EQ(tracker.NextDeadline(), MonoMs{2000});
  EXPECT_EQ(tracker.OwnerOf(kSession), kSecond);
  EXPECT_EQ(tracker.PopExpired(MonoMs{20000}), std::vector{kSession});
}

// Its expiry may be proposed before its creation is committed.
TEST(SessionTracker, AddingDoesNotBringAClosingSessionBack) {
  SessionTracker tracker(kTick);
  tracker.Add(kSession, 1000, {}, MonoMs{0});
  ASSERT_EQ(tracker.PopExpired(MonoMs{2000}).size(), 1u);
  tracker.Add(kSession, 1000, kFirst, MonoMs{2500});
  EXPECT_FALSE(tracker.IsLive(kSession));
  EXPECT_EQ(tracker.OwnerOf(kSession), kFirst);
  EXPECT_EQ(tracker.NextDeadline(), std::nullopt);
}

TEST(SessionTracker, AClosingSessionNeitherExpiresNorMoves) {  // CP-10.5
  SessionTracker tracker(kTick);
  tracker.Add(kSession, 1000, kFirst, MonoMs{0});
  tracker.Add(SessionId{8}, 1000, kSecond, MonoMs{0});
  tracker.MarkClosing(kSession);
  tracker.MarkClosing(kSession);
  tracker.MarkClosing(SessionId{99});
  EXPECT_FALSE(tracker.IsLive(kSession));
  tracker.Touch(kSession, MonoMs{50000});
  EXPECT_EQ(tracker.PopExpired(MonoMs{90000}), std::vector{SessionId{8}});
  EXPECT_EQ(tracker.size(), 2u);
}

TEST(SessionTracker, UnknownSessionsHaveNoOwnerAndAreNotLive) {
  SessionTracker tracker(kTick);
  EXPECT_FALSE(tracker.IsLive(kSession));
  EXPECT_EQ(tracker.OwnerOf(kSession), ConnectionRef{});
  tracker.Remove(kSession);
  tracker.Detach(kSession, kFirst);
  EXPECT_FALSE(tracker.NextDeadline().has_value());
}

// A session lives between its timeout and its timeout plus one tick after its last touch.
TEST(SessionTracker, KeepsItsPromiseForAnyTimes) {  // CP-10.1
  for (int64_t tick : {1, 7, 1000, 3000}) {
    for (int64_t at : {0, 1, 999, 1000, 123457}) {
      for (int32_t timeout : {1, 999, 1000, 30000}) {
        SessionTracker tracker(tick);
        tracker.Add(kSession, timeout, kFirst, MonoMs{at});
        const int64_t lives = tracker.NextDeadline()->value - at;
        EXPECT_GT(lives, timeout);
        EXPECT_LE(lives, timeout + tick);
        EXPECT_EQ(tracker.NextDeadline()->value % tick, 0);
      }
    }
  }
}

}  // namespace
}  // namespace lockkeeper
