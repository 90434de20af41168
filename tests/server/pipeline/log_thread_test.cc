// Group commit over a disk that loses what was not synced, and after a disk error silence.
#include "server/pipeline/log_thread.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "protocol/txn.h"
#include "server/storage/txn_log_reader.h"
#include "tests/server/storage/fake_file_system.h"

namespace lockkeeper {
namespace {

using std::chrono::steady_clock;

constexpr char kLogDir[] = "/data/version-2";

// Transactions first..last.
std::vector<LogEntry> Entries(int64_t first, int64_t last) {
  std::vector<LogEntry> entries;
  for (int64_t zxid = first; zxid <= last; ++zxid) {
    std::string payload = Encoded(TxnHeader{.client_id = 1, .zxid = zxid, .type = 5}) +
                          "transaction " + std::to_string(zxid);
    entries.push_back({Zxid{zxid}, std::make_shared<const std::string>(std::move(payload))});
  }
  return entries;
}

// first, first + 1, ..., last.
std::vector<int64_t> Range(int64_t first, int64_t last) {
  std::vector<int64_t> range(static_cast<size_t>(last - first + 1));
  std::iota(range.begin(), range.end(), first);
  return range;
}

// What a restart would find.
std::vector<int64_t> ReplayedZxids(FileSystem& fs) {
  std::vector<int64_t> zxids;
  const auto summary = ReplayLog(fs, kLogDir, Zxid{0}, {}, [&](Zxid zxid, std::string_view) {
    zxids.push_back(zxid.value);
    return Status();
  });
  EXPECT_TRUE(summary.has_value()) << summary.error().message;
  return zxids;
}

class LogThreadTest : public testing::Test {
 protected:
  LogThreadTest() { CHECK(fs_.MakeDirs(kLogDir).ok()); }
  ~LogThreadTest() override { Stop(); }

  // The fake file system is the log thread's until Stop, or while the test knows it idle.
  LogThread& Make(const LogThreadOptions& options = {}) {
    // Without padding, so that the tests of a full disk count records only.
    const TxnLogOptions files{.dir = kLogDir, .prealloc_bytes = 0, .zero_ahead_bytes = 0};
    auto writer = TxnLogWriter::Open(fs_, files, Zxid{0});
    CHECK(writer) << writer.error().message;
    log_ = std::make_unique<LogThread>(std::move(*writer), options, &core_, &metrics_,
                                       [this] { core_.Wake(); });
    return *log_;
  }
  void Stop() {
    if (log_ != nullptr) log_->Stop();
  }

  // Takes what the core was told so far: zxids, "failed" for a LogFailed.
  std::vector<std::string> Told(
      steady_clock::time_point deadline = steady_clock::time_point::min()) {
    std::vector<CoreMessage> messages;
    core_.TakeAll(&messages, deadline);
    std::vector<std::string> told;
    for (const CoreMessage& message : messages) {
      if (const auto* persisted = std::get_if<Persisted>(&message)) {
        told.push_back(std::to_string(persisted->upto.value));
      } else {
        EXPECT_TRUE(std::holds_alternative<LogFailed>(message));
        told.emplace_back("failed");
      }
    }
    return told;
  }
  std::vector<std::string> WaitUntilTold() {
    return Told(steady_clock::now() + std::chrono::seconds(30));
  }
  using Strings = std::vector<std::string>;

  FakeFileSystem fs_;
  Inbox<CoreMessage> core_;
  Metrics metrics_;
  std::unique_ptr<LogThread> log_;
};

TEST_F(LogThreadTest, SyncsOnceForAllThatWaits) {  // SO-2.9
  LogThread& log = Make();
  for (int64_t z = 1; z <= 50; ++z) log.Append(Entries(z, z));
  const uint64_t before = fs_.syncs();
  log.Start();
  EXPECT_EQ(WaitUntilTold(), Strings{"50"});
  Stop();
  // One for the group; a new file costs its own.
  EXPECT_LE(fs_.syncs() - before, 3u);
  EXPECT_EQ(ReplayedZxids(fs_), Range(1, 50));
}

TEST_F(LogThreadTest, WritesWhatCameBeforeStop) {
  LogThread& log = Make();
  log.Start();
  log.Append(Entries(1, 3));
  Stop();
  EXPECT_EQ(Told(), Strings{"3"});
  EXPECT_EQ(ReplayedZxids(fs_), Range(1, 3));
}

TEST_F(LogThreadTest, MayBeStoppedWithoutStart) {
  Make();
  Stop();
  EXPECT_TRUE(Told().empty());
}

TEST_F(LogThreadTest, SplitsLargeGroups) {
  LogThread& log = Make({.group_max = 2});
  log.Append(Entries(1, 5));
  log.Start();
  Stop();
  EXPECT_EQ(Told(), (Strings{"2", "4", "5"}));
}

TEST_F(LogThreadTest, HoldsAGroupBackUntilItIsFull) {
  LogThread& log = Make({.flush_delay_ms = 600'000, .group_max = 3});
  log.Start();
  for (int64_t z = 1; z <= 3; ++z) log.Append(Entries(z, z));
  EXPECT_EQ(WaitUntilTold(), Strings{"3"});
  log.Append(Entries(4, 4));
  Stop();  // does not wait for the delay
  EXPECT_EQ(Told(), Strings{"4"});
}

TEST_F(LogThreadTest, WritesAnIncompleteGroupAfterTheDelay) {
  LogThread& log = Make({.flush_delay_ms = 5, .group_max = 1000});
  log.Start();
  log.Append(Entries(1, 1));
  EXPECT_EQ(WaitUntilTold(), Strings{"1"});
}

// Whatever was acknowledged is there after a power loss at any operation of the disk.
TEST_F(LogThreadTest, AcknowledgesOnlyWhatSurvivesAPowerLoss) {  // SO-2.9
  for (uint64_t last_operation = 1; last_operation <= 40; ++last_operation) {
    FakeFileSystem fs;
    CHECK(fs.MakeDirs(kLogDir).ok());
    auto writer = TxnLogWriter::Open(fs, {.dir = kLogDir, .prealloc_bytes = 64 << 10}, Zxid{0});
    ASSERT_TRUE(writer);
    Inbox<CoreMessage> core;
    LogThread log(std::move(*writer), {.group_max = 3, .roll_after_txns = 10}, &core, &metrics_,
                  [] {});
    fs.StopAtOperation(last_operation);
    log.Append(Entries(1, 40));
    log.Start();
    log.Append(Entries(41, 42));
    log.Stop();
    core.Push(Persisted{Zxid{0}});  // so that there is something to take
    std::vector<CoreMessage> messages;
    core.TakeAll(&messages);
    messages.pop_back();
    int64_t acknowledged = 0;
    size_t failures = 0;
    for (const CoreMessage& message : messages) {
      if (const auto* persisted = std::get_if<Persisted>(&message)) {
        EXPECT_EQ(failures, 0u) << "nothing is acknowledged after a failure";
        EXPECT_GT(persisted->upto.value, acknowledged);
        acknowledged = persisted->upto.value;
      } else {
        failures += std::holds_alternative<LogFailed>(message) ? 1 : 0;
      }
    }
    EXPECT_LE(failures, 1u);
    EXPECT_TRUE(failures == 1 || acknowledged == 42) << last_operation;
    fs.LosePower({});
    const std::vector<int64_t> found = ReplayedZxids(fs);
    EXPECT_GE(static_cast<int64_t>(found.size()), acknowledged) << last_operation;
    EXPECT_EQ(found, Range(1, static_cast<int64_t>(found.size())));
  }
}

TEST_F(LogThreadTest, SaysNothingMoreAfterAFailedSync) {  // SO-2.9, QP-5.3, P43
  LogThread& log = Make();
  log.Start();
  log.Append(Entries(1, 2));
  ASSERT_EQ(WaitUntilTold(), Strings{"2"});
  // The message has come through the inbox, so the log thread is waiting for us.
  fs_.FailNextSync();
  log.Append(Entries(3, 4));
  EXPECT_EQ(WaitUntilTold(), Strings{"failed"});
  log.Append(Entries(5, 6));  // the next sync would succeed
  log.Append(Entries(7, 7));
  Stop();
  EXPECT_TRUE(Told().empty());
}

TEST_F(LogThreadTest, SaysNothingMoreWhenTheDiskIsFull) {
  LogThread& log = Make();
  fs_.LimitSpace(300);
  log.Append(Entries(1, 20));
  log.Start();
  EXPECT_EQ(WaitUntilTold(), Strings{"failed"});
  log.Append(Entries(21, 21));
  Stop();
  EXPECT_TRUE(Told().empty());
}

TEST_F(LogThreadTest, AcknowledgesTheGroupsBeforeTheOneThatFails) {
  LogThread& log = Make({.group_max = 1});
  fs_.LimitSpace(1200);
  log.Append(Entries(1, 200));
  log.Start();
  Stop();
  const Strings told = Told();
  ASSERT_GE(told.size(), 2u);
  EXPECT_EQ(told.back(), "failed");
  for (size_t i = 0; i + 1 < told.size(); ++i) EXPECT_EQ(told[i], std::to_string(i + 1));
}

// A new file after half of the limit to all of it.
TEST_F(LogThreadTest, RollsAtARandomPlaceInTheUpperHalfOfTheLimit) {  // SO-3.14
  constexpr int64_t kTxns = 400;
  LogThread& log = Make({.group_max = 1, .roll_after_txns = 20});
  log.Append(Entries(1, kTxns));
  log.Start();
  Stop();
  std::vector<int64_t> firsts;
  const auto names = fs_.List(kLogDir);
  ASSERT_TRUE(names.has_value());
  for (const std::string& name : *names) {
    ASSERT_TRUE(name.starts_with("log.")) << name;
    firsts.push_back(std::stoll(name.substr(4), nullptr, 16));
  }
  std::sort(firsts.begin(), firsts.end());
  ASSERT_GE(firsts.size(), 20u);
  std::set<int64_t> lengths;
  for (size_t i = 0; i + 1 < firsts.size(); ++i) {
    const int64_t length = firsts[i + 1] - firsts[i];
    EXPECT_GE(length, 10);
    EXPECT_LE(length, 20);
    lengths.insert(length);
  }
  EXPECT_GT(lengths.size(), 1u) << "ensembles must not roll in step";
  EXPECT_EQ(ReplayedZxids(fs_), Range(1, kTxns));
}

// How often a checkpoint became due while 400 transactions were written.
size_t CheckpointsDue(Inbox<CoreMessage>* core) {
  core->Push(Persisted{Zxid{0}});  // so that there is something to take
  std::vector<CoreMessage> messages;
  core->TakeAll(&messages);
  size_t due = 0;
  for (const CoreMessage& message : messages) {
    due += std::holds_alternative<CheckpointDue>(message) ? 1 : 0;
  }
  return due;
}

TEST_F(LogThreadTest, ACheckpointIsDueAfterHalfOfTheBytesToAllOfThem) {  // SO-3.14
  LogThread& log = Make({.group_max = 1, .roll_after_bytes = 8 << 10});
  log.Append(Entries(1, 400));
  log.Start();
  Stop();
  EXPECT_GE(CheckpointsDue(&core_), 2u);
}

TEST_F(LogThreadTest, NoCheckpointIsDueByBytesWhenThatLimitIsZero) {  // SO-3.15
  LogThread& log = Make({.group_max = 1, .roll_after_bytes = 0});
  log.Append(Entries(1, 400));
  log.Start();
  Stop();
  EXPECT_EQ(CheckpointsDue(&core_), 0u);
}

}  // namespace
}  // namespace lockkeeper
