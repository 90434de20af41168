#include "server/pipeline/inbox.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace lockkeeper {
namespace {

using std::chrono::steady_clock;

TEST(Inbox, GivesEverythingAtOnceInOrder) {
  Inbox<int> inbox;
  for (int i = 0; i < 5; ++i) inbox.Push(i);
  std::vector<int> got{99};
  inbox.TakeAll(&got);
  EXPECT_EQ(got, (std::vector{0, 1, 2, 3, 4}));
}

TEST(Inbox, MovesMessages) {
  Inbox<std::unique_ptr<int>> inbox;
  inbox.Push(std::make_unique<int>(7));
  std::vector<std::unique_ptr<int>> got;
  inbox.TakeAll(&got);
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(*got[0], 7);
}

TEST(Inbox, ReturnsNothingAtTheDeadline) {
  Inbox<int> inbox;
  std::vector<int> got{99};
  inbox.TakeAll(&got, steady_clock::now() - std::chrono::seconds(1));
  EXPECT_TRUE(got.empty());
  const auto deadline = steady_clock::now() + std::chrono::milliseconds(20);
  inbox.TakeAll(&got, deadline);
  EXPECT_TRUE(got.empty());
  EXPECT_GE(steady_clock::now(), deadline);
}

TEST(Inbox, DoesNotWaitForADeadlineWhenThereIsSomething) {
  Inbox<int> inbox;
  inbox.Push(1);
  std::vector<int> got;
  inbox.TakeAll(&got, steady_clock::time_point::min());
  EXPECT_EQ(got, std::vector{1});
}

// Several senders, one receiver that sleeps in between: nothing is lost or doubled, and each
// sender's messages keep their order.
TEST(Inbox, LosesNothingBetweenThreads) {
  constexpr int kSenders = 4;
  constexpr int kEach = 20'000;
  Inbox<std::pair<int, int>> inbox;
  std::vector<std::thread> senders;
  for (int sender = 0; sender < kSenders; ++sender) {
    senders.emplace_back([&inbox, sender] {
      for (int i = 0; i < kEach; ++i) {
        inbox.Push({sender, i});
        if (i % 1000 == 0) std::this_thread::yield();
      }
    });
  }
  std::vector<int> next(kSenders);
  int total = 0;
  std::vector<std::pair<int, int>> got;
  const auto deadline = steady_clock::now() + std::chrono::seconds(60);
  while (total < kSenders * kEach && steady_clock::now() < deadline) {
    inbox.TakeAll(&got, deadline);
    for (const auto& [sender, i] : got) {
      EXPECT_EQ(i, next[static_cast<size_t>(sender)]++);
      ++total;
    }
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(total, kSenders * kEach);
}

// One message at a time, back and forth: every wake-up arrives.
TEST(Inbox, WakesItsReceiverEveryTime) {
  constexpr int kRounds = 5000;
  Inbox<int> there;
  Inbox<int> back;
  const auto deadline = steady_clock::now() + std::chrono::seconds(60);
  std::thread echo([&] {
    std::vector<int> got;
    for (int seen = 0; seen < kRounds && steady_clock::now() < deadline;) {
      there.TakeAll(&got, deadline);
      for (int value : got) {
        back.Push(value);
        ++seen;
      }
    }
  });
  std::vector<int> got;
  for (int i = 0; i < kRounds; ++i) {
    there.Push(i);
    back.TakeAll(&got, deadline);
    if (got != std::vector{i}) {
      ADD_FAILURE() << "round " << i;
      break;
    }
  }
  // Also after a failure the other thread must find its rounds.
  for (int i = 0; i < kRounds && HasFailure(); ++i) there.Push(i);
  echo.join();
}

TEST(Inbox, AQuietMessageIsTakenByItsSenderOrWakesTheReceiver) {
  Inbox<int> inbox;
  const auto small = [](int message) { return message < 10; };
  std::vector<int> got;
  inbox.PushQuietly(1);
  inbox.PushQuietly(2);
  EXPECT_TRUE(inbox.TakeFew(2, small, &got));
  EXPECT_EQ(got, (std::vector{1, 2}));
  EXPECT_TRUE(inbox.TakeFew(2, small, &got)) << "nothing is few";
  EXPECT_TRUE(got.empty());

  for (const int second : {10, 3}) {  // one that is refused; more than the two allowed
    inbox.PushQuietly(1);
    inbox.PushQuietly(second);
    if (second == 3) inbox.Push(4);
    EXPECT_FALSE(inbox.TakeFew(2, small, &got));
    EXPECT_TRUE(got.empty());
    inbox.TakeNow(&got);
    EXPECT_EQ(got.front(), 1) << "what was not taken is still there";
  }
}

TEST(Inbox, WakeEndsAWaitWithoutAMessage) {
  Inbox<int> inbox;
  std::thread waker([&inbox] { inbox.Wake(); });
  inbox.Wait(steady_clock::now() + std::chrono::minutes(5));
  waker.join();
  const auto deadline = steady_clock::now() + std::chrono::milliseconds(20);
  inbox.Wait(deadline);  // it is used up
  EXPECT_GE(steady_clock::now(), deadline);
}

// As the core is used: whoever has the mutex receives, a sender if it gets it at once.
TEST(Inbox, LosesNothingWhenSendersReceiveToo) {
  constexpr int kSenders = 3;
  constexpr int kEach = 20'000;
  Inbox<std::pair<int, int>> inbox;
  std::mutex turn;
  std::vector<int> next(kSenders);  // guarded by turn
  int received = 0;                 // guarded by turn
  const auto receive = [&](const std::vector<std::pair<int, int>>& messages) {
    for (const auto& [sender, number] : messages) {
      EXPECT_EQ(number, next[static_cast<size_t>(sender)]++);
      ++received;
    }
  };
  const auto deadline = steady_clock::now() + std::chrono::minutes(2);
  const auto send_one = [&](int sender, int i) {
    if (i % 3 == 0) return inbox.Push({sender, i});
    inbox.PushQuietly({sender, i});
    std::vector<std::pair<int, int>> messages;
    const std::unique_lock lock(turn, std::try_to_lock);
    const auto any = [](const auto&) { return true; };
    if (lock && inbox.TakeFew(4, any, &messages)) return receive(messages);
    inbox.Wake();
  };
  const auto all_arrived = [&](int sender) {
    const std::lock_guard lock(turn);
    return next[static_cast<size_t>(sender)] == kEach;
  };
  std::atomic<int> done = 0;
  const auto send = [&](int sender) {
    for (int i = 0; i < kEach; ++i) send_one(sender, i);
    // Nobody sends any more: what the receiver was not told of would lie there for ever.
    while (!all_arrived(sender) && steady_clock::now() < deadline) std::this_thread::yield();
    ++done;
    inbox.Wake();
  };
  std::vector<std::thread> senders;
  for (int sender = 0; sender < kSenders; ++sender) senders.emplace_back(send, sender);
  while (done < kSenders) {
    inbox.Wait(deadline);
    std::vector<std::pair<int, int>> messages;
    const std::lock_guard lock(turn);
    inbox.TakeNow(&messages);
    receive(messages);
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(received, kSenders * kEach);
}

}  // namespace
}  // namespace lockkeeper
