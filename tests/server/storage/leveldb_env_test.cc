// LevelDB's files through our door to the disk: what works, what is counted, what is refused.
// Crashes are in leveldb_crash_test.cc, damage in leveldb_damage_test.cc.
#include "server/storage/leveldb_env.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/storage/fake_file_system.h"
#include "tests/server/storage/leveldb_test_util.h"
#include "tests/server/storage/temporary_directory.h"

namespace lockkeeper {
namespace {

std::unique_ptr<leveldb::WritableFile> NewFile(LevelDbEnv* env, const std::string& path) {
  leveldb::WritableFile* file = nullptr;
  const leveldb::Status made = env->NewWritableFile(path, &file);
  EXPECT_TRUE(made.ok()) << made.ToString();
  return std::unique_ptr<leveldb::WritableFile>(file);
}

bool Says(const leveldb::Status& status, const std::string& text) {
  return status.ToString().find(text) != std::string::npos;
}

// On the fake disk and on a real one.
class LevelDbEnvOn : public testing::TestWithParam<bool> {
 protected:
  FileSystem& fs() { return GetParam() ? PosixFileSystem() : fake_; }
  StoreOptions Options() const {
    return {.dir = GetParam() ? dir_.path() + "/checkpoint" : kStoreDir};
  }

 private:
  FakeFileSystem fake_;
  TemporaryDirectory dir_;
};

TEST_P(LevelDbEnvOn, EveryOpenFindsWhatWasWrittenBefore) {
  for (int k = 0; k < 40; k += 8) {
    const OpenStore store = OpenLevelDb(fs(), Options());
    ASSERT_TRUE(store.opened.ok()) << store.opened.ToString();
    const auto content = ReadAll(store.db.get());
    ASSERT_TRUE(content) << content.error().message;
    EXPECT_EQ(*content, ContentAfter(k));
    for (int next = k + 1; next <= k + 8; ++next) {
      ASSERT_TRUE(WriteSynced(store.db.get(), next).ok());
      std::string number;
      ASSERT_TRUE(store.db->Get(leveldb::ReadOptions(), "number", &number).ok());
      EXPECT_EQ(number, std::to_string(next));
    }
    EXPECT_FALSE(store.env->failure());
  }
}

TEST_P(LevelDbEnvOn, ALogThatIsUsedAgainGoesOnWhereItsSyncedPartEnds) {
  StoreOptions options = Options();
  options.reuse_logs = true;
  for (int k = 0; k < 12; ++k) {
    const OpenStore store = OpenLevelDb(fs(), options);
    ASSERT_TRUE(store.opened.ok()) << store.opened.ToString();
    ASSERT_EQ(*ReadAll(store.db.get()), ContentAfter(k));
    ASSERT_TRUE(WriteSynced(store.db.get(), k + 1).ok());
  }
}

TEST_P(LevelDbEnvOn, OneStoreIsNotOpenedTwice) {
  const OpenStore first = OpenLevelDb(fs(), Options());
  ASSERT_TRUE(first.opened.ok());
  const OpenStore second = OpenLevelDb(fs(), Options());
  EXPECT_EQ(second.db, nullptr);
  EXPECT_TRUE(second.opened.IsIOError());
  EXPECT_TRUE(Says(second.opened, "open already")) << second.opened.ToString();
}

// No reader beside the writer: ThreadSanitizer does not see the atomics inside LevelDB's library.
TEST_P(LevelDbEnvOn, CountsCanBeReadWhileLevelDbWritesAndTablesByManyThreads) {
  const OpenStore store = OpenLevelDb(fs(), Options());
  ASSERT_TRUE(store.opened.ok());
  std::atomic<bool> done{false};
  std::thread watcher([&store, &done] {
    uint64_t last = 0;
    do {
      const uint64_t bytes = store.env->written_in_all().bytes;
      EXPECT_GE(bytes, last);
      last = bytes;
      EXPECT_FALSE(store.env->failure());
    } while (!done);
  });
  for (int k = 1; k <= 60; ++k) EXPECT_TRUE(WriteSynced(store.db.get(), k).ok());
  store.db->CompactRange(nullptr, nullptr);
  done = true;
  watcher.join();

  const StoreContent& expected = ContentAfter(60);
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&store, &expected] {
      for (int round = 0; round < 3; ++round) {
        const auto content = ReadAll(store.db.get());
        ASSERT_TRUE(content) << content.error().message;
        EXPECT_EQ(*content, expected);
      }
    });
  }
  for (std::thread& reader : readers) reader.join();
}

TEST_P(LevelDbEnvOn, ObsoleteFilesGoWithTheirMarks) {
  {
    const OpenStore store = OpenLevelDb(fs(), Options());
    for (int k = 1; k <= 40; ++k) ASSERT_TRUE(WriteSynced(store.db.get(), k).ok());
  }
  // Opening removes what is obsolete.
  ASSERT_TRUE(OpenLevelDb(fs(), Options()).opened.ok());
  const auto names = fs().List(Options().dir);
  ASSERT_TRUE(names);
  const auto number_of = [&names](std::string_view suffix) {
    return std::count_if(names->begin(), names->end(),
                         [&](const std::string& name) { return name.ends_with(suffix); });
  };
  EXPECT_EQ(number_of(".log"), 1);
  EXPECT_EQ(number_of(".synced"), 2) << "of the log and the manifest";
}

INSTANTIATE_TEST_SUITE_P(Disk, LevelDbEnvOn, testing::Bool(),
                         [](const auto& param) { return param.param ? "real" : "fake"; });

// --- smooth writing and counting --------------------------------------------------------------

TEST(LevelDbEnvSmooth, AFileNeverHasMoreUnsyncedBytesThanTheLimitAndABuffer) {
  for (const uint64_t limit : {uint64_t{0}, uint64_t{256 << 10}}) {
    FakeFileSystem fs;
    ASSERT_TRUE(fs.MakeDirs(kStoreDir).ok());
    LevelDbEnv env(fs, limit);
    const auto file = NewFile(&env, std::string(kStoreDir) + "/000005.ldb");
    for (int i = 0; i < 1024; ++i) ASSERT_TRUE(file->Append(std::string(1024, 'x')).ok());
    EXPECT_EQ(fs.syncs(), limit == 0 ? 0u : 3u) << "the last of four is still in the buffer";
    ASSERT_TRUE(file->Sync().ok());
    EXPECT_EQ(fs.syncs(), limit == 0 ? 1u : 4u);
    ASSERT_TRUE(file->Sync().ok());
    EXPECT_EQ(fs.syncs(), limit == 0 ? 1u : 4u) << "nothing is left to sync";
    EXPECT_EQ(env.written(StoreFileKind::kTable), (WriteCounts{1 << 20, fs.syncs()}));
  }
}

TEST(LevelDbEnvCounts, AllThatGoesToTheDiskByKindOfFile) {
  FakeFileSystem fs;
  const OpenStore store = OpenLevelDb(fs);
  for (int k = 1; k <= 30; ++k) ASSERT_TRUE(WriteSynced(store.db.get(), k).ok());
  store.db->CompactRange(nullptr, nullptr);
  const LevelDbEnv& env = *store.env;
  EXPECT_EQ(env.written_in_all(), (WriteCounts{fs.bytes_written(), fs.syncs() + fs.dir_syncs()}));
  EXPECT_GE(env.written(StoreFileKind::kLog).syncs, 30u);
  EXPECT_GT(env.written(StoreFileKind::kLog).bytes, 300u << 10);
  EXPECT_GT(env.written(StoreFileKind::kTable).bytes, 100u << 10);
  EXPECT_GE(env.written(StoreFileKind::kManifest).syncs, 3u);
  EXPECT_GE(env.written(StoreFileKind::kOther).syncs, 30u) << "a mark for each synced batch";
}

TEST(LevelDbEnvKinds, AreToldByTheName) {
  EXPECT_EQ(KindOfStoreFile("/d.log/000003.log"), StoreFileKind::kLog);
  EXPECT_EQ(KindOfStoreFile("/d/000003.ldb"), StoreFileKind::kTable);
  EXPECT_EQ(KindOfStoreFile("000003.sst"), StoreFileKind::kTable);
  EXPECT_EQ(KindOfStoreFile("/d/MANIFEST-000002"), StoreFileKind::kManifest);
  for (const char* other : {"/d/CURRENT", "/d/000001.dbtmp", "/d/LOCK", "/d/000003.log.synced",
                            "/d/MANIFEST-000002.synced", "/MANIFEST-1/x"}) {
    EXPECT_EQ(KindOfStoreFile(other), StoreFileKind::kOther) << other;
  }
}

// --- errors -----------------------------------------------------------------------------------

TEST(LevelDbEnvFailure, RefusesEveryChangeAfterTheFirstThatFailed_SO_12_4) {
  FakeFileSystem fs;
  const std::string dir = kStoreDir;
  ASSERT_TRUE(fs.MakeDirs(dir).ok());
  fs.PutDurably(dir + "/old", "content");
  LevelDbEnv env(fs, 0);
  const auto full = NewFile(&env, dir + "/000005.ldb");
  const auto other = NewFile(&env, dir + "/000006.ldb");
  ASSERT_TRUE(other->Append("never written").ok());
  ASSERT_TRUE(full->Append("some bytes").ok());
  fs.LimitSpace(4);
  EXPECT_FALSE(env.failure());
  const leveldb::Status first = full->Flush();
  EXPECT_TRUE(first.IsIOError());
  EXPECT_TRUE(Says(first, "cannot write 10 bytes at offset 0 of " + dir + "/000005.ldb"));
  EXPECT_TRUE(Says(first, "No space left on device"));
  ASSERT_TRUE(env.failure());
  EXPECT_TRUE(Says(first, env.failure()->message));

  fs.LimitSpace(1 << 20);
  const uint64_t before = fs.operations();
  leveldb::WritableFile* none = nullptr;
  const std::vector<leveldb::Status> refused = {full->Append("x"),
                                                full->Flush(),
                                                full->Sync(),
                                                full->Close(),
                                                other->Append("x"),
                                                other->Flush(),
                                                other->Sync(),
                                                other->Close(),
                                                env.NewWritableFile(dir + "/000007.log", &none),
                                                env.NewAppendableFile(dir + "/old", &none),
                                                env.RenameFile(dir + "/old", dir + "/new"),
                                                env.RemoveFile(dir + "/old"),
                                                env.CreateDir(dir + "/sub")};
  for (size_t i = 0; i < refused.size(); ++i) {
    EXPECT_TRUE(refused[i].IsIOError()) << i;
    EXPECT_TRUE(Says(refused[i], "refused after an earlier failure")) << refused[i].ToString();
    EXPECT_TRUE(Says(refused[i], "No space left on device")) << refused[i].ToString();
  }
  EXPECT_EQ(none, nullptr);
  EXPECT_EQ(fs.operations(), before) << "nothing was tried on the disk";

  std::string content;
  EXPECT_TRUE(leveldb::ReadFileToString(&env, dir + "/old", &content).ok());
  EXPECT_EQ(content, "content");
}

class LevelDbEnvWithoutLog : public testing::Test {
 protected:
  LevelDbEnvWithoutLog() { EXPECT_TRUE(fs_.MakeDirs(kStoreDir).ok()); }
  std::unique_ptr<leveldb::WritableFile> File(const std::string& name) {
    return NewFile(&env_, Path(name));
  }
  std::string Path(const std::string& name) const { return std::string(kStoreDir) + "/" + name; }

  FakeFileSystem fs_;
  LevelDbEnv env_{fs_, 0};
};

TEST_F(LevelDbEnvWithoutLog, LeavesOutWhatLogsGetAndNothingElse) {
  const auto log = File("000005.log");
  const auto table = File("000006.ldb");
  ASSERT_TRUE(log->Append("kept").ok());
  env_.SetWithoutLog(true);
  EXPECT_TRUE(log->Append("left out").ok());
  EXPECT_TRUE(table->Append("table").ok());
  env_.SetWithoutLog(false);
  EXPECT_TRUE(table->Sync().ok());
  EXPECT_TRUE(log->Sync().ok());
  EXPECT_EQ(fs_.Content(Path("000005.log")), "kept");
  EXPECT_EQ(fs_.Content(Path("000006.ldb")), "table");
  EXPECT_FALSE(env_.failure());
}

// Its readers would take what follows for what was left out.
TEST_F(LevelDbEnvWithoutLog, ALogThatMissesSomethingTakesNothingMore) {
  const auto log = File("000005.log");
  env_.SetWithoutLog(true);
  EXPECT_TRUE(log->Append("left out").ok());
  env_.SetWithoutLog(false);
  const leveldb::Status refused = log->Append("more");
  EXPECT_TRUE(refused.IsIOError());
  EXPECT_TRUE(Says(refused, "000005.log: it misses something")) << refused.ToString();
  EXPECT_TRUE(env_.failure());
}

TEST(LevelDbEnvErrors, AMissingFileIsNotFoundAndNoFailure) {
  FakeFileSystem fs;
  ASSERT_TRUE(fs.MakeDirs(kStoreDir).ok());
  LevelDbEnv env(fs, 0);
  const std::string missing = std::string(kStoreDir) + "/missing";
  leveldb::SequentialFile* sequential = nullptr;
  leveldb::RandomAccessFile* random = nullptr;
  uint64_t size = 0;
  EXPECT_TRUE(env.NewSequentialFile(missing, &sequential).IsNotFound());
  EXPECT_TRUE(env.NewRandomAccessFile(missing, &random).IsNotFound());
  EXPECT_TRUE(env.GetFileSize(missing, &size).IsNotFound());
  EXPECT_TRUE(env.RenameFile(missing, missing + "2").IsNotFound());
  EXPECT_FALSE(env.RemoveFile(missing).ok());
  EXPECT_FALSE(env.FileExists(missing));
  EXPECT_FALSE(env.failure());
}

// LevelDB makes a new store where it finds none.
TEST(LevelDbEnvErrors, AFileThatCannotBeLookedAtIsNotTakenForMissing) {
  FakeFileSystem fs;
  LevelDbEnv env(fs, 0);
  fs.StopAtOperation(1);
  ASSERT_FALSE(fs.SyncDir("/").ok());
  ASSERT_TRUE(fs.stopped());
  EXPECT_TRUE(env.FileExists(std::string(kStoreDir) + "/CURRENT"));
}

}  // namespace
}  // namespace lockkeeper
