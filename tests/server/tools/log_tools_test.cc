// `lockkeeper log check` and `--cut`: what is found, where, what is lost, and what is left.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/storage/data_dir.h"
#include "server/storage/txn_log_format.h"
#include "server/tools/log_check_command.h"
#include "server/tools/log_cut.h"
#include "server/tools/log_dump.h"
#include "tests/server/storage/fake_file_system.h"
#include "tests/server/storage/log_test_util.h"

namespace lockkeeper {
namespace {

using testing::AssertionFailure;
using testing::AssertionResult;
using testing::AssertionSuccess;

constexpr size_t kZeros = 2000;

// A record that a server can apply: Payload() makes one of an unknown type; this has type -1.
std::string ErrorRecord(int64_t zxid) {
  std::string payload = Payload(zxid, std::string("\xff\xff\xff\x9b", 4));
  payload.replace(28, 4, 4, '\xff');
  std::string out;
  AppendLogRecord(payload, &out);
  return out;
}

const size_t kRecordBytes = ErrorRecord(1).size();

std::string Log(int64_t first, int64_t last, size_t padding = kZeros) {
  std::string out = LogFileHeader();
  for (int64_t zxid = first; zxid <= last; ++zxid) out += ErrorRecord(zxid);
  return out + std::string(padding, '\0');
}

// Where the record number `i`, from 0, of a file starts.
uint64_t At(size_t i) { return kLogHeaderBytes + i * kRecordBytes; }

struct Outcome {
  Result<LogCheckOutcome> outcome;
  std::string text;
};

Outcome Check(FileSystem& fs, const std::string& path, bool cut = false, int64_t base = 0) {
  LogCheckArguments arguments{.path = path, .cut = cut};
  if (base > 0) arguments.base = Zxid{base};
  std::string text;
  auto outcome = RunLogCheck(fs, arguments, [&](std::string_view line) {
    text.append(line).push_back('\n');
    return true;
  });
  return {std::move(outcome), std::move(text)};
}

AssertionResult Says(const Outcome& run, const std::string& part) {
  if (run.text.find(part) != std::string::npos) return AssertionSuccess();
  return AssertionFailure() << "no \"" << part << "\" in:\n" << run.text;
}

AssertionResult IsClean(const Outcome& run) {
  if (run.outcome && *run.outcome == LogCheckOutcome::kClean) return AssertionSuccess();
  return AssertionFailure() << (run.outcome ? run.text : run.outcome.error().message);
}

AssertionResult IsDamaged(const Outcome& run) {
  if (run.outcome && *run.outcome == LogCheckOutcome::kDamaged) return AssertionSuccess();
  return AssertionFailure() << (run.outcome ? run.text : run.outcome.error().message);
}

class LogTools : public testing::Test {
 protected:
  LogTools() { CHECK(fs_.MakeDirs(kLogDir).ok()); }

  void Put(int64_t first, int64_t last) { fs_.PutDurably(LogPath(first), Log(first, last)); }
  std::vector<std::string> Names() { return *fs_.List(kLogDir); }
  std::string InDir(const std::string& name) { return std::string(kLogDir) + "/" + name; }

  FakeFileSystem fs_;
};

TEST_F(LogTools, SO_2_7_WholeLogsAreClean) {
  Put(1, 5);
  Put(6, 9);
  const Outcome run = Check(fs_, kLogDir);
  EXPECT_TRUE(IsClean(run));
  EXPECT_TRUE(
      Says(run, "log.1: 5 records, zxid 0x1 to 0x5, end at offset " + std::to_string(At(5))));
  EXPECT_TRUE(Says(run, "log.6: 4 records, zxid 0x6 to 0x9"));
}

TEST_F(LogTools, TheDataDirectoryAboveVersion2WillDo) {
  Put(1, 5);
  EXPECT_TRUE(IsClean(Check(fs_, "/data")));
  EXPECT_TRUE(IsClean(Check(fs_, "/data/")));
}

TEST_F(LogTools, APathWithoutLogsIsABadArgument) {
  for (const char* path : {"/data", "/nowhere"}) {
    const Outcome run = Check(fs_, path);
    ASSERT_FALSE(run.outcome);
    EXPECT_EQ(run.outcome.error().code, Errc::kBadConfig) << path;
  }
}

TEST_F(LogTools, SO_2_11_ATornTailIsNoDamage) {
  Put(1, 5);
  std::string& content = fs_.Content(LogPath(1));
  content.resize(At(5) - 3);
  const Outcome run = Check(fs_, kLogDir);
  EXPECT_TRUE(IsClean(run));
  EXPECT_TRUE(Says(
      run, "4 records, zxid 0x1 to 0x4, end at offset " + std::to_string(At(4)) + "; torn tail"));
}

TEST_F(LogTools, SO_2_12_AWrongChecksumIsFoundWithWhatIsLost) {
  Put(1, 9);
  fs_.FlipBit(LogPath(1), At(4) + 30, 2);
  const std::string before = fs_.Content(LogPath(1));
  const uint64_t operations = fs_.operations();
  for (const std::string& path : {std::string(kLogDir), LogPath(1)}) {
    const Outcome run = Check(fs_, path);
    EXPECT_TRUE(IsDamaged(run));
    EXPECT_TRUE(Says(run, "DAMAGE in " + LogPath(1) + " at offset " + std::to_string(At(4)) +
                              ": CRC check failed"));
    EXPECT_TRUE(Says(run, "the last zxid before it is 0x4"));
    EXPECT_TRUE(Says(run, "whole records behind the first of these: 4, zxid 0x6 to 0x9"));
    EXPECT_TRUE(Says(run, "zxids missing: 0x5\n"));
  }
  EXPECT_EQ(fs_.Content(LogPath(1)), before);
  EXPECT_EQ(fs_.operations(), operations) << "a check without --cut changed something";
}

TEST_F(LogTools, SeveralBadPlacesAreAllFound) {
  Put(1, 9);
  fs_.FlipBit(LogPath(1), At(2) + 30, 2);
  fs_.FlipBit(LogPath(1), At(6) + 8, 7);  // the length becomes negative
  const Outcome run = Check(fs_, kLogDir);
  EXPECT_TRUE(IsDamaged(run));
  EXPECT_TRUE(Says(run, "at offset " + std::to_string(At(2))));
  EXPECT_TRUE(Says(run, "at offset " + std::to_string(At(6))));
  EXPECT_TRUE(Says(run, "zxids missing: 0x3, 0x7\n"));
}

TEST_F(LogTools, SO_2_16_AGapBetweenFilesIsFound) {
  Put(1, 5);
  Put(8, 9);
  const Outcome run = Check(fs_, kLogDir);
  EXPECT_TRUE(IsDamaged(run));
  EXPECT_TRUE(Says(run, "GAP in " + LogPath(8) + " at offset 16: transaction 0x8 follows 0x5"));
  EXPECT_TRUE(Says(run, "zxids missing: 0x6 to 0x7\n"));
  EXPECT_TRUE(IsClean(Check(fs_, LogPath(8)))) << "the file for itself is whole";
}

TEST_F(LogTools, SO_2_16_AGapThatTheLoadedStateCoversIsHarmless) {
  Put(1, 5);
  Put(8, 12);
  EXPECT_TRUE(Says(Check(fs_, kLogDir, false, 9), "it does not hinder a start"));
  const Outcome run = Check(fs_, kLogDir, true, 9);
  EXPECT_TRUE(IsDamaged(run));
  EXPECT_TRUE(Says(run, "nothing was cut"));
  EXPECT_EQ(ReplayAll(fs_, kLogDir, 9).zxids, Range(10, 12));
}

TEST_F(LogTools, AGapBehindTheLoadedStateIsFound) {
  Put(8, 9);
  EXPECT_TRUE(IsDamaged(Check(fs_, kLogDir, false, 5)));
  EXPECT_TRUE(IsClean(Check(fs_, kLogDir, false, 7)));
}

TEST_F(LogTools, ABodyThatNoServerAppliesIsDamage) {
  std::string content = LogFileHeader() + ErrorRecord(1);
  AppendLogRecord(Payload(2, "no body"), &content);
  fs_.PutDurably(LogPath(1), content + ErrorRecord(3));
  const Outcome run = Check(fs_, kLogDir);
  EXPECT_TRUE(IsDamaged(run));
  EXPECT_TRUE(Says(run, "at offset " + std::to_string(At(1)) + ": transaction 0x2 has a body"));
}

TEST_F(LogTools, RecordsBehindAMissingSectorAreReported) {
  fs_.PutDurably(LogPath(1), Log(1, 60));
  std::string& content = fs_.Content(LogPath(1));
  const size_t zeros = At(10);
  content.replace(zeros, 1024, std::string(1024, '\0'));
  const Outcome run = Check(fs_, kLogDir);
  EXPECT_TRUE(IsDamaged(run));
  EXPECT_TRUE(Says(
      run, "END BEFORE THE LAST RECORD of " + LogPath(1) + " at offset " + std::to_string(zeros)));
  // If the log went on without them, they were never acknowledged.
  Put(11, 12);
  const Outcome continued = Check(fs_, kLogDir);
  EXPECT_TRUE(IsClean(continued));
  EXPECT_TRUE(Says(continued, "never acknowledged"));
}

TEST_F(LogTools, SO_2_14_AnEmptyLastFileIsNoDamage) {
  Put(1, 5);
  fs_.PutDurably(LogPath(6), "");
  EXPECT_TRUE(IsClean(Check(fs_, kLogDir)));
  Put(7, 8);
  EXPECT_TRUE(IsDamaged(Check(fs_, kLogDir)));
}

TEST_F(LogTools, CutLeavesALogThatReplaysAndTheTailBeside) {
  Put(1, 9);
  fs_.FlipBit(LogPath(1), At(4) + 30, 2);
  const std::string tail = fs_.Content(LogPath(1)).substr(At(4));
  ASSERT_FALSE(ReplayAll(fs_).status.ok());
  const Outcome run = Check(fs_, kLogDir, true);
  EXPECT_TRUE(IsClean(run));
  const std::string side = "cut-log.1-at-" + std::to_string(At(4));
  EXPECT_TRUE(Says(run, side));
  EXPECT_TRUE(Says(run, "the log now ends with zxid 0x4"));
  EXPECT_EQ(fs_.Content(InDir(side)), tail);
  EXPECT_EQ(ReplayAll(fs_).zxids, Range(1, 4));
  EXPECT_TRUE(IsClean(Check(fs_, kLogDir)));
}

TEST_F(LogTools, CutMovesTheLaterFilesAside) {
  Put(1, 5);
  Put(6, 7);
  Put(8, 9);
  fs_.FlipBit(LogPath(1), At(3) + 30, 2);
  const std::string later = fs_.Content(LogPath(6));
  const Outcome run = Check(fs_, LogPath(1), true);
  EXPECT_TRUE(IsClean(run));
  EXPECT_TRUE(Says(run, "moved " + LogPath(6) + " aside to cut-log.6-at-0"));
  EXPECT_EQ(fs_.Content(InDir("cut-log.6-at-0")), later);
  const auto logs = ListLogFiles(fs_, kLogDir);
  ASSERT_TRUE(logs);
  EXPECT_EQ(logs->size(), 1u);
  EXPECT_EQ(ReplayAll(fs_).zxids, Range(1, 3));
}

TEST_F(LogTools, CutKeepsLaterFilesThatGoOnWithoutAGap) {
  fs_.PutDurably(LogPath(1), Log(1, 5, 0) + "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
  Put(6, 7);
  ASSERT_TRUE(IsDamaged(Check(fs_, kLogDir)));
  EXPECT_TRUE(IsClean(Check(fs_, kLogDir, true)));
  EXPECT_EQ(ReplayAll(fs_).zxids, Range(1, 7));
}

TEST_F(LogTools, CutMovesLaterFilesOfAnotherEpochToo) {
  Put(1, 5);
  const int64_t epoch = int64_t{1} << 32;
  Put(epoch + 1, epoch + 2);
  fs_.FlipBit(LogPath(1), At(3) + 30, 2);
  EXPECT_TRUE(IsClean(Check(fs_, kLogDir, true)));
  EXPECT_EQ(ReplayAll(fs_).zxids, Range(1, 3)) << "transactions 4 and 5 would be missing silently";
}

TEST_F(LogTools, CutMovesAFileOfWhichNothingIsLeftAside) {
  Put(1, 5);
  Put(6, 7);
  fs_.Content(LogPath(6)).replace(0, 4, "XXXX");
  EXPECT_TRUE(IsClean(Check(fs_, kLogDir, true)));
  EXPECT_EQ(ReplayAll(fs_).zxids, Range(1, 5));
}

TEST_F(LogTools, CutTakesNoNameThatExists) {
  for (int round = 1; round <= 3; ++round) {
    Put(1, 9);
    fs_.FlipBit(LogPath(1), At(4) + 30, 2);
    ASSERT_TRUE(IsClean(Check(fs_, kLogDir, true)));
  }
  const std::string side = "cut-log.1-at-" + std::to_string(At(4));
  for (const char* suffix : {"", "-2", "-3"}) {
    const auto info = fs_.Stat(InDir(side + suffix));
    ASSERT_TRUE(info);
    EXPECT_TRUE(info->has_value()) << suffix;
  }
}

TEST_F(LogTools, CutIsRefusedWhileAServerHoldsTheDirectory) {
  Put(1, 9);
  fs_.FlipBit(LogPath(1), At(4) + 30, 2);
  const std::string before = fs_.Content(LogPath(1));
  auto server = DataDir::Open(fs_, {.data_dir = "/data"});
  ASSERT_TRUE(server);
  const Outcome refused = Check(fs_, kLogDir, true);
  ASSERT_FALSE(refused.outcome);
  EXPECT_EQ(refused.outcome.error().code, Errc::kDataDir);
  EXPECT_EQ(fs_.Content(LogPath(1)), before);
  EXPECT_TRUE(IsDamaged(Check(fs_, kLogDir))) << "looking is allowed";
  server->reset();
  EXPECT_TRUE(IsClean(Check(fs_, kLogDir, true)));
}

// After a crash at any step the log is refused as before, or it is cut to the end; and a second
// run finishes the work.
TEST_F(LogTools, ACrashDuringACutNeverLeavesALogWithAHole) {
  Put(1, 5);
  Put(6, 7);
  Put(8, 9);
  fs_.FlipBit(LogPath(1), At(3) + 30, 2);
  bool finished = false;
  int crashes = 0;
  for (uint64_t n = 1; !finished; ++n) {
    for (const auto kind : {Survivors::Kind::kNone, Survivors::Kind::kAll, Survivors::Kind::kNames,
                            Survivors::Kind::kContent}) {
      const auto fs = fs_.Clone();
      fs->StopAtOperation(n);
      Check(*fs, kLogDir, true);
      finished = !fs->stopped();
      fs->LosePower({.kind = kind});
      const Replayed replayed = ReplayAll(*fs);
      EXPECT_TRUE(!replayed.status.ok() || replayed.zxids == Range(1, 3)) << n;
      EXPECT_TRUE(IsClean(Check(*fs, kLogDir, true))) << n;
      EXPECT_EQ(ReplayAll(*fs).zxids, Range(1, 3)) << n;
      ++crashes;
    }
  }
  EXPECT_GT(crashes, 20);
}

TEST_F(LogTools, SO_2_12_DumpShowsWhatIsBehindDamage) {
  Put(1, 9);
  fs_.FlipBit(LogPath(1), At(4) + 30, 2);
  std::vector<std::string> lines;
  const auto summary = DumpLog(fs_, LogPath(1), {}, [&](std::string_view line) {
    lines.emplace_back(line);
    return true;
  });
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->records, 8u);
  EXPECT_EQ(summary->bad_places, 1u);
  ASSERT_EQ(lines.size(), 11u);
  EXPECT_NE(lines[4].find(" zxid 0x4 error -101 NoNode"), std::string::npos) << lines[4];
  EXPECT_EQ(lines[5].find("DAMAGE at offset " + std::to_string(At(4)) + ": CRC check failed"), 0u);
  EXPECT_NE(lines[6].find(" zxid 0x6 "), std::string::npos) << lines[6];
  EXPECT_EQ(lines[10].find("EOF reached after 8 txns. 1 bad place"), 0u) << lines[10];
}

TEST_F(LogTools, DumpShowsARangeAndStopsWhenNobodyReads) {
  Put(1, 9);
  std::vector<std::string> lines;
  const LogDumpOptions range{.from = Zxid{3}, .to = Zxid{4}};
  const auto shown = DumpLog(fs_, LogPath(1), range, [&](std::string_view line) {
    lines.emplace_back(line);
    return true;
  });
  ASSERT_TRUE(shown);
  EXPECT_EQ(lines.size(), 4u);
  EXPECT_EQ(shown->records, 9u);
  EXPECT_EQ(shown->shown, 2u);
  int taken = 0;
  ASSERT_TRUE(DumpLog(fs_, LogPath(1), {}, [&](std::string_view) { return ++taken < 3; }));
  EXPECT_EQ(taken, 3);
}

}  // namespace
}  // namespace lockkeeper
