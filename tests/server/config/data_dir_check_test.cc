#include "server/config/data_dir_check.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "server/config/load_config.h"
#include "tests/server/config/config_test_files.h"

namespace lockkeeper {
namespace {

namespace fs = std::filesystem;

class DataDirCheck : public config_test::TempDirTest {
 protected:
  Config WithDirs(std::string_view data, std::string_view logs) const {
    Config config;
    config.data_dir = Path(data);
    config.data_log_dir = Path(logs);
    return config;
  }

  void ExpectRefused(const Config& config, std::string_view text) {
    const Status status = PrepareDataDirectories(config);
    ASSERT_FALSE(status) << "accepted, expected: " << text;
    EXPECT_EQ(ExitCode(status.error()), 3);
    EXPECT_TRUE(status.error().message.starts_with(text)) << status.error().message;
  }
};

// SO-1.3
TEST_F(DataDirCheck, MissingDirectoriesAreCreatedWithParents) {
  ASSERT_TRUE(PrepareDataDirectories(WithDirs("a/data", "b/c/logs")));
  EXPECT_TRUE(fs::is_directory(Path("a/data/version-2")));
  EXPECT_TRUE(fs::is_directory(Path("b/c/logs/version-2")));
  EXPECT_TRUE(PrepareDataDirectories(WithDirs("a/data", "b/c/logs")));
}

// SO-1.3
TEST_F(DataDirCheck, WithoutAutocreateMissingDirectoriesAreRefused) {
  Config config = WithDirs("data", "logs");
  config.datadir_autocreate = false;
  ExpectRefused(config, "Missing data directory " + Path("logs/version-2") +
                            ", automatic data directory creation is disabled "
                            "(zookeeper.datadir.autocreate is false). Please create this directory "
                            "manually.");
  EXPECT_FALSE(fs::exists(Path("logs")));
  fs::create_directories(Path("logs/version-2"));
  ExpectRefused(config, "Missing snap directory " + Path("data/version-2"));
  fs::create_directories(Path("data/version-2"));
  EXPECT_TRUE(PrepareDataDirectories(config));
}

// SO-1.3
TEST_F(DataDirCheck, DirectoriesThatCannotBeMadeAreRefused) {
  Write("file", "");
  ExpectRefused(WithDirs("file/data", "file/data"),
                "Unable to create data directory " + Path("file/data/version-2") + ": ");
  Write("data/version-2", "");
  ExpectRefused(WithDirs("data", "data"),
                "The data directory " + Path("data/version-2") + " is not a directory");
}

// SO-1.3. In a child process without root's rights, which may write everywhere.
TEST_F(DataDirCheck, DirectoriesThatCannotBeWrittenAreRefused) {
  const Config config = WithDirs("data", "data");
  ASSERT_TRUE(PrepareDataDirectories(config));
  fs::permissions(Path("data/version-2"), fs::perms::owner_read | fs::perms::owner_exec |
                                              fs::perms::others_read | fs::perms::others_exec);
  fs::permissions(dir(), fs::perms::all);
  EXPECT_EXIT(
      {
        if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0) _exit(100);
        const Status status = PrepareDataDirectories(config);
        if (status) _exit(0);
        fputs(status.error().message.c_str(), stderr);
        _exit(ExitCode(status.error()));
      },
      ::testing::ExitedWithCode(3), "Cannot write to data directory .*: Permission denied");
  fs::permissions(Path("data/version-2"), fs::perms::owner_all);
}

// SO-1.2
TEST_F(DataDirCheck, SnapshotsAmongSeparateLogsAreRefused) {
  Write("logs/version-2/snapshot.0", "");
  ExpectRefused(WithDirs("data", "logs"),
                "Log directory has snapshot files. Check if dataLogDir and dataDir configuration "
                "is correct.");
}

// SO-1.2: the name decides, whether it is a valid one or not.
TEST_F(DataDirCheck, LogsAmongSeparateSnapshotsAreRefused) {
  Write("data/version-2/log.not-a-number", "");
  ExpectRefused(WithDirs("data", "logs"),
                "Snapshot directory has log files. Check if dataLogDir and dataDir configuration "
                "is correct.");
}

// SO-1.2
TEST_F(DataDirCheck, OneDirectoryMayHoldBoth) {
  Write("data/version-2/log.1", "");
  Write("data/version-2/snapshot.0", "");
  EXPECT_TRUE(PrepareDataDirectories(WithDirs("data", "data")));
  EXPECT_TRUE(PrepareDataDirectories(WithDirs("data", "data//")));  // the same path to Java
  // Another spelling is another directory.
  ExpectRefused(WithDirs("data", "./data"), "Log directory has snapshot files.");
}

// SO-1.2
TEST_F(DataDirCheck, OtherNamesAreNoReason) {
  Write("logs/version-2/log.1", "");
  Write("logs/version-2/snapshots", "");
  Write("data/version-2/snapshot.0", "");
  Write("data/version-2/currentEpoch", "0");
  Write("data/version-2/logfile", "");
  EXPECT_TRUE(PrepareDataDirectories(WithDirs("data", "logs")));
}

// SO-1.1
TEST_F(DataDirCheck, FilesLiveInVersion2) {
  const Config config = WithDirs("data/", "logs");
  EXPECT_EQ(SnapshotDirectory(config), Path("data/version-2"));
  EXPECT_EQ(LogDirectory(config), Path("logs/version-2"));
}

// SO-4.7
TEST_F(DataDirCheck, MyIdIsTheFirstLine) {
  const struct {
    const char* bytes;
    int64_t want;
  } cases[] = {{"1", 1},   {"1\n", 1},  {"12\r\n", 12}, {"3\nsecond line\n", 3},
               {"-7", -7}, {"+5\n", 5}, {"007", 7},     {"9223372036854775807", INT64_MAX}};
  for (const auto& c : cases) {
    Write("myid", c.bytes);
    const auto id = ReadMyId(dir());
    ASSERT_TRUE(id) << id.error().message;
    EXPECT_EQ(*id, PeerId{c.want}) << c.bytes;
  }
}

// SO-4.7: nothing is trimmed.
TEST_F(DataDirCheck, OtherMyIdsAreRefused) {
  for (const char* bytes : {"", "\n", "1 ", " 1", "x", "0x1", "1.0", "9223372036854775808"}) {
    Write("myid", bytes);
    const auto id = ReadMyId(dir());
    ASSERT_FALSE(id) << bytes;
    EXPECT_EQ(ExitCode(id.error()), 2);
    EXPECT_NE(id.error().message.find("serverid "), std::string::npos);
    EXPECT_TRUE(id.error().message.ends_with(" is not a number")) << id.error().message;
  }
}

// SO-4.7: a server without the file has no id; a directory of that name is no file.
TEST_F(DataDirCheck, MyIdMayBeMissing) {
  EXPECT_EQ(*ReadMyId(dir()), std::nullopt);
  fs::create_directories(Path("myid"));
  EXPECT_EQ(*ReadMyId(dir()), std::nullopt);
}

}  // namespace
}  // namespace lockkeeper
