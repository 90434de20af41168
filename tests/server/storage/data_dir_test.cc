#include "server/storage/data_dir.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "tests/server/storage/log_test_util.h"
#include "tests/server/storage/temporary_directory.h"

namespace lockkeeper {
namespace {

class DataDirTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return root_.path() + "/" + name; }
  void Put(const std::string& name, const std::string& content = "") {
    std::filesystem::create_directories(std::filesystem::path(Path(name)).parent_path());
    std::ofstream(Path(name), std::ios::binary) << content;
  }
  bool Exists(const std::string& name) { return std::filesystem::exists(Path(name)); }
  Result<std::unique_ptr<DataDir>> Open(const std::string& data, const std::string& log = "",
                                        bool auto_create = true) {
    return DataDir::Open(PosixFileSystem(),
                         {Path(data), log.empty() ? "" : Path(log), auto_create});
  }
  void ExpectRefused(const Result<std::unique_ptr<DataDir>>& result,
                     const std::vector<std::string>& parts) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::kDataDir);
    EXPECT_TRUE(SaysAll(result.error(), parts));
  }

  TemporaryDirectory root_;
};

TEST_F(DataDirTest, SnapshotsAndLogsShareADirectoryByDefault_SO_1_1) {
  const auto dir = Open("data");
  ASSERT_TRUE(dir);
  EXPECT_EQ((*dir)->snapshot_dir(), Path("data/version-2"));
  EXPECT_EQ((*dir)->log_dir(), Path("data/version-2"));
}

TEST_F(DataDirTest, LogsGoToTheirOwnDirectoryWhenConfigured_SO_1_1) {
  const auto dir = Open("data", "logs");
  ASSERT_TRUE(dir);
  EXPECT_EQ((*dir)->snapshot_dir(), Path("data/version-2"));
  EXPECT_EQ((*dir)->log_dir(), Path("logs/version-2"));
}

TEST_F(DataDirTest, MixedUpDirectoriesAreRefused_SO_1_2) {
  Put("data/version-2/snapshot.0");
  Put("logs/version-2/log.1");
  ASSERT_TRUE(Open("data", "logs"));
  Put("logs/version-2/snapshot.foo");  // any name with that start
  ExpectRefused(Open("data", "logs"), {"dataLogDir", Path("logs/version-2/snapshot.foo")});
  std::filesystem::remove(Path("logs/version-2/snapshot.foo"));
  Put("data/version-2/log.x");
  ExpectRefused(Open("data", "logs"), {"dataDir", Path("data/version-2/log.x")});
  ASSERT_TRUE(Open("data"));  // one directory may hold both
}

TEST_F(DataDirTest, MissingDirectoriesAreMade_SO_1_3) {
  ASSERT_TRUE(Open("a/b/data", "c/logs"));
  EXPECT_TRUE(Exists("a/b/data/version-2"));
  EXPECT_TRUE(Exists("c/logs/version-2"));
}

TEST_F(DataDirTest, WithoutAutocreateMissingDirectoriesAreRefused_SO_1_3) {
  ExpectRefused(Open("data", "", false), {Path("data/version-2"), "datadir.autocreate"});
  EXPECT_FALSE(Exists("data"));
  Put("data/version-2/x");
  ExpectRefused(Open("data", "logs", false), {Path("logs/version-2")});
  ASSERT_TRUE(Open("data", "", false));
}

TEST_F(DataDirTest, AFileInThePlaceOfADirectoryIsRefused_SO_1_3) {
  Put("data/version-2");
  ExpectRefused(Open("data"), {Path("data/version-2"), "not a directory"});
  Put("file");
  ExpectRefused(Open("file"), {Path("file"), "Not a directory"});
}

TEST_F(DataDirTest, AnUnwritableDirectoryIsRefused_SO_1_3) {
  using std::filesystem::perms;
  std::filesystem::create_directories(Path("data/version-2"));
  std::filesystem::permissions(root_.path(),
                               perms::owner_all | perms::group_exec | perms::others_exec);
  const pid_t child = fork();
  if (child == 0) {
    // Root may write everywhere, so it becomes somebody else, who does not own the directory.
    constexpr uid_t kNobody = 65534;
    if (geteuid() == 0 && seteuid(kNobody) != 0) _exit(2);
    if (geteuid() != kNobody) {
      std::filesystem::permissions(Path("data/version-2"), perms::owner_read | perms::owner_exec);
    }
    const auto dir = Open("data");
    if (dir || dir.error().code != Errc::kDataDir) _exit(3);
    _exit(SaysAll(dir.error(), {Path("data/version-2"), "Permission denied", "can write to"}) ? 0
                                                                                              : 4);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  std::filesystem::permissions(Path("data/version-2"), perms::owner_all);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(DataDirTest, ASecondServerIsRefusedWhileTheFirstLives) {
  auto first = Open("data");
  ASSERT_TRUE(first);
  ExpectRefused(Open("data"), {Path("data/version-2"), "in use by another server",
                               "process " + std::to_string(getpid()), "dataDir"});
  first->reset();
  ASSERT_TRUE(Open("data"));
}

TEST_F(DataDirTest, SharingOnlyOneOfTwoDirectoriesIsRefused) {
  const auto first = Open("data", "logs");
  ASSERT_TRUE(first);
  ExpectRefused(Open("data2", "logs"), {Path("logs/version-2"), "in use"});
  ExpectRefused(Open("data", "logs2"), {Path("data/version-2"), "in use"});
  ASSERT_TRUE(Open("data2", "logs2"));  // and what was refused holds no lock
}

TEST_F(DataDirTest, TwoSpellingsOfOneDirectoryAreOne) {
  std::filesystem::create_directories(Path("data"));
  std::filesystem::create_symlink(Path("data"), Path("link"));
  Put("data/version-2/snapshot.0");
  Put("data/version-2/log.1");
  ASSERT_TRUE(Open("data", "link"));
  ASSERT_TRUE(
      Open("data", "../" + std::filesystem::path(root_.path()).filename().string() + "/data"));
}

// The lock belongs to the process, not to a file that a crash would leave behind.
TEST_F(DataDirTest, AKilledServerLeavesNoLock) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const auto dir = Open("data");
    const char answer = dir ? 'y' : 'n';
    if (write(ready[1], &answer, 1) != 1) _exit(1);
    for (;;) pause();
  }
  close(ready[1]);
  char answer = 0;
  ASSERT_EQ(read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  ExpectRefused(Open("data"), {"in use", "process " + std::to_string(child)});
  ASSERT_EQ(kill(child, SIGKILL), 0);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(Open("data"));
  close(ready[0]);
}

TEST_F(DataDirTest, TheInitializeMarkerIsFoundInEitherDirectoryAndDeleted_SO_1_4) {
  const auto dir = Open("data", "logs");
  ASSERT_TRUE(dir);
  EXPECT_FALSE(*(*dir)->TakeInitializeMarker());
  for (const std::vector<std::string>& markers : {std::vector<std::string>{"data/initialize"},
                                                  {"logs/initialize"},
                                                  {"data/initialize", "logs/initialize"}}) {
    for (const std::string& marker : markers) Put(marker);
    EXPECT_TRUE(*(*dir)->TakeInitializeMarker());
    for (const std::string& marker : markers) EXPECT_FALSE(Exists(marker));
    EXPECT_FALSE(*(*dir)->TakeInitializeMarker());
  }
}

TEST_F(DataDirTest, SizesAreApparentAndCountAllFilesBelow_SO_5_11) {
  Put("data/version-2/snapshot.0", std::string(457, 's'));
  Put("data/version-2/checkpoint/deep/000003.log", std::string(1000, 'c'));
  Put("data/myid", "1");
  Put("logs/version-2/log.1", "");
  std::filesystem::resize_file(Path("logs/version-2/log.1"), 67108880);
  const auto dir = Open("data", "logs");
  ASSERT_TRUE(dir);
  const auto sizes = (*dir)->Sizes();
  ASSERT_TRUE(sizes);
  EXPECT_EQ(sizes->data_bytes, 1457u);
  EXPECT_EQ(sizes->log_bytes, 67108880u);
}

TEST_F(DataDirTest, ASharedDirectoryCountsForBothSizes_SO_5_11) {
  Put("data/version-2/snapshot.0", std::string(457, 's'));
  const auto dir = Open("data");
  ASSERT_TRUE(dir);
  EXPECT_EQ((*dir)->Sizes()->data_bytes, 457u);
  EXPECT_EQ((*dir)->Sizes()->log_bytes, 457u);
}

}  // namespace
}  // namespace lockkeeper
