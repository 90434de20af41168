#include "server/net/connection_limiter.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace lockkeeper {
namespace {

TEST(ConnectionLimiter, CountsEachAddress) {  // CP-10.8
  ConnectionLimiter limiter(0, 2);
  EXPECT_TRUE(limiter.Admit("a"));
  EXPECT_TRUE(limiter.Admit("a"));
  EXPECT_FALSE(limiter.Admit("a"));
  EXPECT_TRUE(limiter.Admit("b"));
  EXPECT_EQ(limiter.total(), 3);
  limiter.Release("a");
  EXPECT_TRUE(limiter.Admit("a"));
  EXPECT_FALSE(limiter.Admit("a"));
}

TEST(ConnectionLimiter, CountsAll) {  // client-protocol 10.5
  ConnectionLimiter limiter(2, 0);
  EXPECT_TRUE(limiter.Admit("a"));
  EXPECT_TRUE(limiter.Admit("b"));
  EXPECT_FALSE(limiter.Admit("c"));
  limiter.Release("a");
  EXPECT_TRUE(limiter.Admit("c"));
}

TEST(ConnectionLimiter, OfZeroOrLessIsNone) {
  for (int64_t none : {0, -1}) {
    ConnectionLimiter limiter(none, none);
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(limiter.Admit("a"));
    EXPECT_EQ(limiter.total(), 1000);
  }
}

TEST(ConnectionLimiter, DoesNotCountTheRefused) {
  ConnectionLimiter limiter(3, 1);
  EXPECT_TRUE(limiter.Admit("a"));
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(limiter.Admit("a"));
  EXPECT_TRUE(limiter.Admit("b"));
  EXPECT_TRUE(limiter.Admit("c"));
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(limiter.Admit("d"));
  EXPECT_EQ(limiter.total(), 3);
  for (const char* address : {"a", "b", "c"}) limiter.Release(address);
  EXPECT_EQ(limiter.total(), 0);
}

TEST(ConnectionLimiter, HoldsBetweenThreads) {
  constexpr int64_t kLimit = 5;
  ConnectionLimiter limiter(0, kLimit);
  std::atomic<int64_t> inside{0};
  std::atomic<int64_t> most{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 5000; ++round) {
        int64_t mine = 0;
        while (mine < 3 && limiter.Admit("a")) {
          ++mine;
          const int64_t now = ++inside;
          int64_t known = most;
          while (now > known && !most.compare_exchange_weak(known, now)) {
          }
        }
        for (; mine > 0; --mine) {
          --inside;
          limiter.Release("a");
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, kLimit);
  EXPECT_EQ(limiter.total(), 0);
}

}  // namespace
}  // namespace lockkeeper
