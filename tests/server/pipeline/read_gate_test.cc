#include "server/pipeline/read_gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace lockkeeper {
namespace {

using std::chrono::steady_clock;

constexpr size_t kReaders = 3;

class Readers {
 public:
  // Each reader calls `read` inside its slot, again and again, until Stop. One is in no hurry.
  template <class Read>
  Readers(ReadGate* gate, const Read& read) {
    for (size_t i = 0; i < kReaders; ++i) {
      threads_.emplace_back([this, gate, i, read] {
        while (!stop_.load(std::memory_order_relaxed)) {
          i == 0 ? gate->EnterReadLast(i) : gate->EnterRead(i);
          read();
          gate->LeaveRead(i);
          rounds_.fetch_add(1, std::memory_order_relaxed);
        }
      });
    }
  }
  ~Readers() { Stop(); }
  void Stop() {
    stop_ = true;
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  int64_t rounds() const { return rounds_; }

 private:
  std::atomic<bool> stop_{false};
  std::atomic<int64_t> rounds_{0};
  std::vector<std::thread> threads_;
};

// Plain variables, which only the gate protects: ThreadSanitizer watches.
TEST(ReadGate, ShowsReadersWholeWritesOnly) {
  ReadGate gate(kReaders);
  int64_t a = 0;
  int64_t b = 0;
  std::atomic<int64_t> torn{0};
  Readers readers(&gate, [&] {
    if (a != b) torn.fetch_add(1);
  });
  const auto deadline = steady_clock::now() + std::chrono::seconds(30);
  int64_t writes = 0;
  while ((writes < 2000 || readers.rounds() < 2000) && steady_clock::now() < deadline) {
    gate.Write([&] {
      ++a;
      if (writes % 64 == 0) std::this_thread::yield();
      ++b;
    });
    ++writes;
  }
  readers.Stop();
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(a, writes);
  EXPECT_GE(writes, 2000);
  EXPECT_GE(readers.rounds(), 2000);
}

// Readers that come back at once must not keep the writer out for ever.
TEST(ReadGate, LetsTheWriterInAmongBusyReaders) {
  ReadGate gate(kReaders);
  std::atomic<int> sink{0};
  Readers readers(&gate, [&] {
    for (int i = 0; i < 200; ++i) sink.fetch_add(i, std::memory_order_relaxed);
  });
  const auto deadline = steady_clock::now() + std::chrono::seconds(60);
  int writes = 0;
  while (writes < 300 && steady_clock::now() < deadline) {
    gate.Write([&] { ++writes; });
  }
  EXPECT_EQ(writes, 300);
}

TEST(ReadGate, AReaderInNoHurryEntersWhenNobodyWrites) {
  ReadGate gate(2);
  int64_t writes = 0;
  for (int i = 0; i < 3; ++i) {
    gate.EnterReadLast(1);
    EXPECT_EQ(writes, i);
    gate.LeaveRead(1);
    gate.Write([&] { ++writes; });
  }
}

TEST(ReadGate, DoesNotMakeReadersWaitForEachOther) {
  ReadGate gate(2);
  gate.EnterRead(0);
  std::atomic<bool> entered{false};
  std::thread other([&] {
    gate.EnterRead(1);
    entered = true;
    gate.LeaveRead(1);
  });
  other.join();
  EXPECT_TRUE(entered);
  gate.LeaveRead(0);
}

TEST(ReadGate, KeepsTheWriterOutWhileAnybodyReads) {
  ReadGate gate(2);
  gate.EnterRead(1);
  std::atomic<bool> reading{true};
  bool overlapped = true;
  std::thread writer([&] { gate.Write([&] { overlapped = reading; }); });
  // Whether or not the writer already waits, it must find this reader gone.
  for (int i = 0; i < 1000; ++i) std::this_thread::yield();
  reading = false;
  gate.LeaveRead(1);
  writer.join();
  EXPECT_FALSE(overlapped);
}

}  // namespace
}  // namespace lockkeeper
