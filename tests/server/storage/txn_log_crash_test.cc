// Crashes at every operation of the disk, with every kind of survivor, over several generations.
//
// The promise: a transaction that was acknowledged (its Sync returned OK) or that a server which
// had recovered it was about to serve (Open returned OK) is there after every later crash, with the
// same content; and what is recovered is always a beginning of what was written.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/storage/txn_log_reader.h"
#include "server/storage/txn_log_writer.h"
#include "tests/server/storage/fake_file_system.h"
#include "tests/server/storage/log_test_util.h"

namespace lockkeeper {
namespace {

// Payloads by zxid: zxid 1 is the first.
struct History {
  std::vector<std::string> written;  // the newest attempt at each zxid
  size_t promised = 0;               // so many of them must be there
};

TxnLogOptions Options() {
  TxnLogOptions options;
  options.dir = kLogDir;
  options.prealloc_bytes = 8 << 10;
  options.roll_above_bytes = 30 << 10;
  options.zero_ahead_bytes = 2 << 10;
  return options;
}

// Sizes from a few bytes to several sectors, different for each zxid and generation.
LogEntry MakeEntry(int64_t zxid, int generation) {
  const auto size = static_cast<size_t>((zxid * 389 + generation * 211) % 1900);
  const std::string body = "generation " + std::to_string(generation) + " " +
                           std::string(size, static_cast<char>('a' + zxid % 26));
  return Entry(zxid, body);
}

// One life of a server: recovers, then writes groups until the disk stops. True if it never did.
bool Live(FakeFileSystem& fs, int generation, int groups, History* history) {
  const Replayed replayed = ReplayAll(fs);
  if (!replayed.status.ok()) {
    EXPECT_TRUE(fs.stopped()) << replayed.status.error().message;
    return false;
  }
  auto opened = TxnLogWriter::Open(fs, Options(), replayed.summary.last_zxid);
  if (!opened) {
    EXPECT_TRUE(fs.stopped()) << opened.error().message;
    return false;
  }
  history->written = replayed.payloads;
  history->promised = replayed.payloads.size();
  TxnLogWriter& writer = **opened;
  for (int group = 0; group < groups; ++group) {
    std::vector<LogEntry> entries;
    for (int i = 0; i <= group % 4; ++i) {
      entries.push_back(MakeEntry(static_cast<int64_t>(history->written.size()) + 1, generation));
      history->written.push_back(*entries.back().payload);
    }
    if (!writer.Append(entries).ok()) return false;
    if (group % 5 == 3 && !writer.Roll().ok()) return false;  // before the group's sync
    if (!writer.Sync()) return false;
    history->promised = history->written.size();
  }
  return true;
}

testing::AssertionResult KeepsThePromise(const Replayed& replayed, const History& history) {
  if (replayed.payloads.size() < history.promised) {
    return testing::AssertionFailure() << replayed.payloads.size() << " transactions recovered, "
                                       << history.promised << " promised";
  }
  if (replayed.payloads.size() > history.written.size()) {
    return testing::AssertionFailure() << replayed.payloads.size() << " transactions recovered, "
                                       << history.written.size() << " written";
  }
  for (size_t i = 0; i < replayed.payloads.size(); ++i) {
    if (replayed.payloads[i] != history.written[i]) {
      return testing::AssertionFailure() << "transaction " << i + 1 << " has another content";
    }
  }
  return testing::AssertionSuccess();
}

testing::AssertionResult Recovers(FakeFileSystem& fs, const History& history) {
  const Replayed replayed = ReplayAll(fs);
  if (!replayed.status.ok()) {
    return testing::AssertionFailure() << replayed.status.error().message;
  }
  return KeepsThePromise(replayed, history);
}

// After the crash: recover twice (the second time finds what the first left), live on, recover.
void ExpectALifeAfter(FakeFileSystem& fs, History history) {
  ASSERT_TRUE(Recovers(fs, history));
  ASSERT_TRUE(Recovers(fs, history));
  ASSERT_TRUE(Live(fs, /*generation=*/9, /*groups=*/4, &history));
  fs.LosePower({.kind = Survivors::Kind::kNone});
  ASSERT_TRUE(Recovers(fs, history));
  ASSERT_TRUE(Live(fs, /*generation=*/10, /*groups=*/3, &history));
  fs.LosePower({.kind = Survivors::Kind::kNone});
  ASSERT_TRUE(Recovers(fs, history));
}

// Every survivor that keeps the order of the operations, given what is pending.
std::vector<Survivors> OrderedSurvivors(const FakeFileSystem& fs) {
  using Kind = Survivors::Kind;
  std::vector<Survivors> all = {{.kind = Kind::kNone},
                                {.kind = Kind::kAll},
                                {.kind = Kind::kContent},
                                {.kind = Kind::kNames}};
  for (size_t operations = 0; operations < fs.pending(); ++operations) {
    for (const size_t torn : {0, 1, 8, 11, 12, 13, 44, 100, 511, 512, 1300, 2500, 4000}) {
      all.push_back({.kind = Kind::kPrefix, .operations = operations, .torn_bytes = torn});
    }
  }
  return all;
}

// A first life that is stopped at operation `n`, after an undisturbed one if `generation` is 2.
bool LiveUntil(FakeFileSystem& fs, int generation, uint64_t n, History* history) {
  CHECK(fs.MakeDirs(kLogDir).ok());
  if (generation == 2) {
    CHECK(Live(fs, 1, 7, history));
    fs.LosePower({.kind = Survivors::Kind::kNone});
  }
  fs.StopAtOperation(n);
  return Live(fs, generation, 13, history);
}

class CrashAtEveryOperation : public testing::TestWithParam<int> {};

TEST_P(CrashAtEveryOperation, LosesNothingThatWasPromised_SO_2_9_SO_2_11) {
  bool ended = false;
  uint64_t crashes = 0;
  for (uint64_t n = 1; !ended; ++n) {
    FakeFileSystem fs;
    History history;
    ended = LiveUntil(fs, GetParam(), n, &history);
    for (const Survivors& survivors : OrderedSurvivors(fs)) {
      SCOPED_TRACE("stopped at operation " + std::to_string(n) + ", " + survivors.Describe());
      const auto after = fs.Clone();
      after->LosePower(survivors);
      ASSERT_NO_FATAL_FAILURE(ExpectALifeAfter(*after, history));
      ++crashes;
    }
    // The process is killed, recovers, serves; then power fails as well.
    SCOPED_TRACE("killed at operation " + std::to_string(n));
    const auto after = fs.Clone();
    after->CrashProcess();
    ASSERT_NO_FATAL_FAILURE(ExpectALifeAfter(*after, history));
  }
  EXPECT_GT(crashes, 500u);
}

INSTANTIATE_TEST_SUITE_P(Generations, CrashAtEveryOperation, testing::Values(1, 2));

// Sectors of the writes in flight reach the disk in any order, over many generations. A record with
// a hole in it but a whole end mark is refused, as ZooKeeper does; then the remedy that the message
// names must lose nothing that was promised.
TEST(CrashWithSectorsInAnyOrder, LosesNothingThatWasPromised_SO_2_11_SO_2_12) {
  int refused = 0;
  int recovered = 0;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    FakeFileSystem fs;
    CHECK(fs.MakeDirs(kLogDir).ok());
    History history;
    for (int generation = 1; generation <= 6; ++generation) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", generation " + std::to_string(generation));
      fs.StopAtOperation(1 + (seed * 7 + static_cast<uint64_t>(generation) * 31) % 60);
      Live(fs, generation, 13, &history);
      if ((seed + static_cast<uint64_t>(generation)) % 3 == 0) {
        fs.CrashProcess();
      } else {
        fs.LosePower({.kind = Survivors::Kind::kAnySectors, .seed = seed * 100 + generation});
      }
      const Replayed replayed = ReplayAll(fs);
      if (!replayed.status.ok()) {
        ++refused;
        ASSERT_TRUE(SaysAll(replayed.status.error(), {"CRC check failed", "sector", "power"}));
        ASSERT_TRUE(CutAsTheErrorSays(fs, replayed.status.error()));
      } else {
        ++recovered;
      }
      ASSERT_TRUE(Recovers(fs, history));
    }
  }
  EXPECT_GT(recovered, 1000);
  EXPECT_GT(refused, 10);  // the case is rare, but it was there
}

}  // namespace
}  // namespace lockkeeper
