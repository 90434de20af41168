#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "server/storage/file_system.h"
#include "server/storage/txn_log_writer.h"
#include "tests/server/storage/log_test_util.h"
#include "tests/server/storage/temporary_directory.h"

namespace lockkeeper {
namespace {

class PosixFileSystemTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return dir_.path() + "/" + name; }
  std::string Content(const std::string& name) {
    const auto content = ReadSmallFile(fs_, Path(name), 1 << 20);
    CHECK(content) << content.error().message;
    return *content;
  }

  TemporaryDirectory dir_;
  FileSystem& fs_ = PosixFileSystem();
};

TEST_F(PosixFileSystemTest, WritesAtOffsetsAndExtendsWithZeros) {
  auto file = fs_.Create(Path("a"));
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->WriteAt(0, "hello").ok());
  ASSERT_TRUE((*file)->WriteAt(7, "x").ok());
  ASSERT_TRUE((*file)->WriteAt(1, "E").ok());
  ASSERT_TRUE((*file)->Resize(10).ok());
  ASSERT_TRUE((*file)->Sync().ok());
  EXPECT_EQ(Content("a"), std::string("hEllo\0\0x\0\0", 10));
  auto again = fs_.OpenForWrite(Path("a"));
  ASSERT_TRUE(again);
  ASSERT_TRUE((*again)->WriteAt(0, "J").ok());
  EXPECT_EQ(Content("a").substr(0, 5), "JEllo");
  ASSERT_TRUE(fs_.Create(Path("a")));
  EXPECT_EQ(Content("a"), "");
}

TEST_F(PosixFileSystemTest, ReadsUpToTheEnd) {
  auto file = fs_.Create(Path("a"));
  ASSERT_TRUE((*file)->WriteAt(0, "0123456789").ok());
  auto reader = fs_.OpenForRead(Path("a"));
  ASSERT_TRUE(reader);
  std::string buffer(4, '?');
  EXPECT_EQ(*(*reader)->ReadAt(3, buffer), 4u);
  EXPECT_EQ(buffer, "3456");
  EXPECT_EQ(*(*reader)->ReadAt(8, buffer), 2u);
  EXPECT_EQ(buffer.substr(0, 2), "89");
  EXPECT_EQ(*(*reader)->ReadAt(10, buffer), 0u);
  EXPECT_EQ(*(*reader)->ReadAt(1000, buffer), 0u);
}

TEST_F(PosixFileSystemTest, ListsStatsRenamesAndRemoves) {
  ASSERT_TRUE(fs_.MakeDirs(Path("d/e/f")).ok());
  ASSERT_TRUE(fs_.MakeDirs(Path("d/e/f")).ok());
  ASSERT_TRUE(fs_.Create(Path("d/b")));
  ASSERT_TRUE(fs_.Create(Path("d/a")));
  EXPECT_EQ(*fs_.List(Path("d")), (std::vector<std::string>{"a", "b", "e"}));
  ASSERT_TRUE(fs_.Rename(Path("d/a"), Path("d/c")).ok());
  ASSERT_TRUE(fs_.Rename(Path("d/c"), Path("d/b")).ok());  // replaces
  EXPECT_EQ(*fs_.List(Path("d")), (std::vector<std::string>{"b", "e"}));
  EXPECT_TRUE((*fs_.Stat(Path("d/e")))->is_directory);
  EXPECT_FALSE((*fs_.Stat(Path("d/b")))->is_directory);
  EXPECT_TRUE(fs_.SyncFile(Path("d/b")).ok());
  EXPECT_TRUE(fs_.SyncDir(Path("d")).ok());
  ASSERT_TRUE(fs_.Remove(Path("d/b")).ok());
  EXPECT_FALSE(fs_.Stat(Path("d/b"))->has_value());
  EXPECT_FALSE(fs_.Stat(Path("d/b/below a file that is none"))->has_value());
}

TEST_F(PosixFileSystemTest, EveryErrorNamesTheFileAndTheSystemsReason) {
  const std::string missing = Path("no/such");
  const std::vector<Error> errors = {
      fs_.Create(missing).error(),       fs_.OpenForRead(missing).error(),
      fs_.OpenForWrite(missing).error(), fs_.List(missing).error(),
      fs_.Remove(missing).error(),       fs_.Rename(missing, missing + "2").error(),
      fs_.SyncFile(missing).error(),     fs_.SyncDir(missing).error(),
      fs_.TryLock(missing).error()};
  for (const Error& error : errors) {
    EXPECT_TRUE(SaysAll(error, {missing, "No such file or directory", "errno 2"}));
  }
  ASSERT_TRUE(fs_.Create(Path("file")));
  EXPECT_TRUE(SaysAll(fs_.MakeDirs(Path("file/sub")).error(), {Path("file"), "Not a directory"}));
}

TEST_F(PosixFileSystemTest, AFullDiskIsReportedWithTheOffset_12_5) {
  if (access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full here";
  auto file = fs_.OpenForWrite("/dev/full");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_TRUE(SaysAll((*file)->WriteAt(0, "bytes").error(),
                      {"cannot write 5 bytes at offset 0 of /dev/full", "No space left"}));
}

// The kernel cuts the write at the limit and refuses the rest, like a disk that fills up.
TEST_F(PosixFileSystemTest, AShortWriteIsAnErrorForTheWriter_12_5) {
  const std::string dir = Path("version-2");
  ASSERT_TRUE(fs_.MakeDirs(dir).ok());
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{300, 300};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(2);
    TxnLogOptions options;
    options.dir = dir;
    options.prealloc_bytes = 0;
    auto writer = TxnLogWriter::Open(PosixFileSystem(), options, Zxid{0});
    if (!writer) _exit(3);
    if (!(*writer)->Append(Entries(1, 2)).ok() || !(*writer)->Sync()) _exit(4);
    const Status refused = (*writer)->Append(Entries(3, 9));
    if (refused.ok() || !(*writer)->failed()) _exit(5);
    const std::string& message = refused.error().message;
    _exit(message.find("File too large") != std::string::npos &&
                  message.find("offset 300") != std::string::npos
              ? 0
              : 6);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  const Replayed replayed = ReplayAll(fs_, dir);
  ASSERT_TRUE(replayed.status.ok()) << replayed.status.error().message;
  EXPECT_GE(replayed.zxids.size(), 2u);
  EXPECT_EQ(replayed.summary.torn.size(), 1u);
}

TEST_F(PosixFileSystemTest, ALockExcludesASecondHolder) {
  auto first = fs_.TryLock(Path("lock"));
  ASSERT_TRUE(first);
  ASSERT_NE(*first, nullptr);
  EXPECT_EQ(Content("lock"), std::to_string(getpid()) + "\n");
  auto second = fs_.TryLock(Path("lock"));
  ASSERT_TRUE(second);
  EXPECT_EQ(*second, nullptr);
  first->reset();
  second = fs_.TryLock(Path("lock"));
  ASSERT_TRUE(second);
  EXPECT_NE(*second, nullptr);
}

TEST_F(PosixFileSystemTest, ASmallFileIsNotReadBeyondItsLimit) {
  auto file = fs_.Create(Path("a"));
  ASSERT_TRUE((*file)->WriteAt(0, "123456").ok());
  EXPECT_EQ(*ReadSmallFile(fs_, Path("a"), 6), "123456");
  EXPECT_EQ(ReadSmallFile(fs_, Path("a"), 5).error().code, Errc::kTooLarge);
}

// --- the log on a real disk
// -----------------------------------------------------------------------

TEST_F(PosixFileSystemTest, ADefaultLogHas67108880BytesAndTakesLittleSpace_SO_2_6) {
  TxnLogOptions options;
  options.dir = dir_.path();
  auto writer = TxnLogWriter::Open(fs_, options, Zxid{0});
  ASSERT_TRUE(writer) << writer.error().message;
  ASSERT_TRUE((*writer)->Append(Entries(1, 3)).ok());
  ASSERT_TRUE((*writer)->Sync());
  struct stat st;
  ASSERT_EQ(stat(Path("log.1").c_str(), &st), 0);
  EXPECT_EQ(st.st_size, 67108880);
  EXPECT_LE(st.st_blocks * 512, 1 << 20);  // ahead of the records, not for all of the file
  EXPECT_EQ(ReplayAll(fs_, dir_.path()).zxids, Range(1, 3));
}

TEST_F(PosixFileSystemTest, ALogThatGrowsOverItsPaddingIsReadBack_SO_2_6) {
  TxnLogOptions options;
  options.dir = dir_.path();
  options.prealloc_bytes = 256 << 10;
  auto writer = TxnLogWriter::Open(fs_, options, Zxid{0});
  ASSERT_TRUE(writer) << writer.error().message;
  std::vector<std::string> payloads;
  int64_t zxid = 0;
  while (zxid < 300) {
    std::vector<LogEntry> group;
    for (int i = 0; i < 7; ++i) {
      ++zxid;
      group.push_back(Entry(zxid, std::string(static_cast<size_t>(zxid * 977 % 20'000), 'x')));
      payloads.push_back(*group.back().payload);
    }
    ASSERT_TRUE((*writer)->Append(group).ok());
    if (zxid == 210) {
      ASSERT_TRUE((*writer)->Roll().ok());
    }
  }
  ASSERT_TRUE((*writer)->Sync());
  const Replayed replayed = ReplayAll(fs_, dir_.path());
  ASSERT_TRUE(replayed.status.ok()) << replayed.status.error().message;
  EXPECT_EQ(replayed.payloads, payloads);
  EXPECT_EQ(replayed.summary.files, 2u);
}

}  // namespace
}  // namespace lockkeeper
