#include "server/storage/snapshot_writer.h"

#include <glog/logging.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/storage/snapshot_reader.h"
#include "tests/server/storage/fake_file_system.h"
#include "tests/server/storage/snapshot_test_files.h"
#include "tests/server/storage/snapshot_test_util.h"
#include "tests/server/storage/temporary_directory.h"

namespace lockkeeper {
namespace {

const SnapshotTail kFreshTail{SnapshotDigest{Zxid{0}, 2, 0}, Zxid{0}};
const SnapshotTail kTail{SnapshotDigest{Zxid{5}, 2, 0xfedcba9876543210}, Zxid{7}};
constexpr SnapshotCompression kCompressions[] = {
    SnapshotCompression::kNone, SnapshotCompression::kGzip, SnapshotCompression::kSnappy};

class SnapshotWriterTest : public testing::Test {
 protected:
  SnapshotWriterTest() { CHECK(fs_.MakeDirs(kSnapshotDir).ok()); }

  Status Write(Zxid zxid, SnapshotCompression compression, const SnapshotContent& content,
               const SnapshotTail& tail) {
    return WriteFile(fs_, kSnapshotDir, zxid, compression, content, tail);
  }

  FakeFileSystem fs_;
};

TEST_F(SnapshotWriterTest, TheFreshSnapshotIsThatOfThePage_SO_3_1) {
  ASSERT_TRUE(Write(Zxid{0}, SnapshotCompression::kNone, FreshContent(), kFreshTail).ok());
  EXPECT_EQ(fs_.Content(SnapshotPath("snapshot.0")), FreshSnapshot());
}

TEST_F(SnapshotWriterTest, EachSwitchRemovesItsSection_SO_3_4) {
  const std::string fresh = FreshSnapshot();
  ASSERT_TRUE(
      Write(Zxid{0}, SnapshotCompression::kNone, FreshContent(), {kFreshTail.digest, {}}).ok());
  EXPECT_EQ(fs_.Content(SnapshotPath("snapshot.0")), fresh.substr(0, fresh.size() - 21));
  ASSERT_TRUE(Write(Zxid{0}, SnapshotCompression::kNone, FreshContent(), {}).ok());
  EXPECT_EQ(fs_.Content(SnapshotPath("snapshot.0")), fresh.substr(0, fresh.size() - 54));
  ASSERT_TRUE(
      Write(Zxid{0}, SnapshotCompression::kNone, FreshContent(), {{}, kFreshTail.last_processed})
          .ok());
  EXPECT_EQ(fs_.Content(SnapshotPath("snapshot.0")).size(), fresh.size() - 33);
}

TEST_F(SnapshotWriterTest, WhatIsWrittenIsReadBackWhole_SO_3_8) {
  for (const SnapshotCompression compression : kCompressions) {
    ASSERT_TRUE(Write(Zxid{0x1f}, compression, SampleContent(), kTail).ok());
    const std::string path = SnapshotPath(SnapshotFileName(Zxid{0x1f}, compression));
    EXPECT_TRUE(*PassesQuickCheck(fs_, path)) << path;
    const SnapshotReading reading = ReadFile(fs_, path);
    ASSERT_TRUE(reading.status.ok()) << reading.status.error().message;
    EXPECT_EQ(reading.content, SampleContent());
    EXPECT_EQ(reading.info.zxid, Zxid{0x1f});
    EXPECT_EQ(reading.info.digest, kTail.digest);
    EXPECT_EQ(reading.info.last_processed, kTail.last_processed);
  }
}

// A real server's file, read and written again, is that file: nodes, ACLs and sessions come in its
// order, which is ascending for the keys of this one.
TEST_F(SnapshotWriterTest, ARealServersSnapshotIsWrittenAgainByteForByte_SO_3_19) {
  const SnapshotReading reading = ReadFile(PosixFileSystem(), ApacheSnapshot("snapshot.12"));
  ASSERT_TRUE(reading.status.ok()) << reading.status.error().message;
  ASSERT_TRUE(Write(Zxid{0x12}, SnapshotCompression::kNone, reading.content,
                    {reading.info.digest, reading.info.last_processed})
                  .ok());
  EXPECT_TRUE(fs_.Content(SnapshotPath("snapshot.12")) == RealFile(ApacheSnapshot("snapshot.12")));
}

TEST_F(SnapshotWriterTest, BytesAndPathAreThoseOfTheFile) {
  auto writer = SnapshotWriter::Create(fs_, kSnapshotDir, Zxid{0}, SnapshotCompression::kNone);
  ASSERT_TRUE(writer) << writer.error().message;
  ASSERT_TRUE((*writer)->Begin({}, {}).ok());
  ASSERT_TRUE((*writer)->Add(NodeCopy{"", "", kOpenAclKey, {}}.View()).ok());
  ASSERT_TRUE((*writer)->Finish({}, {}).ok());
  EXPECT_EQ((*writer)->path(), SnapshotPath("snapshot.0"));
  EXPECT_EQ((*writer)->bytes(), fs_.Content(SnapshotPath("snapshot.0")).size());
}

TEST_F(SnapshotWriterTest, MoreThanTheBufferIsWrittenToARealDisk_SO_3_8) {
  TemporaryDirectory directory;
  SnapshotContent content = SampleContent();
  for (int i = 0; i < 20000; ++i) {
    content.nodes.push_back({"/last/" + std::to_string(i), std::string(i % 200, 'd'), 7, {}});
  }
  for (const SnapshotCompression compression : kCompressions) {
    ASSERT_TRUE(
        WriteFile(PosixFileSystem(), directory.path(), Zxid{9}, compression, content, kTail).ok());
    const SnapshotReading reading = ReadFile(
        PosixFileSystem(), directory.path() + "/" + SnapshotFileName(Zxid{9}, compression));
    ASSERT_TRUE(reading.status.ok()) << reading.status.error().message;
    EXPECT_TRUE(reading.content == content);
  }
  EXPECT_EQ(ListSnapshots(PosixFileSystem(), directory.path())->size(), 3u);
}

// --- the file on the disk --------------------------------------------------------------------

TEST_F(SnapshotWriterTest, AFileHasItsNameOnlyWhenItIsFinished) {
  auto writer = SnapshotWriter::Create(fs_, kSnapshotDir, Zxid{5}, SnapshotCompression::kNone);
  ASSERT_TRUE(writer) << writer.error().message;
  ASSERT_TRUE((*writer)->Begin({}, {}).ok());
  ASSERT_TRUE((*writer)->Add(NodeCopy{"", "", kOpenAclKey, {}}.View()).ok());
  EXPECT_EQ(*fs_.List(kSnapshotDir), std::vector<std::string>{"snapshot.5.tmp"});
  ASSERT_TRUE((*writer)->Finish({}, {}).ok());
  EXPECT_EQ(*fs_.List(kSnapshotDir), std::vector<std::string>{"snapshot.5"});
  writer->reset();
  EXPECT_EQ(*fs_.List(kSnapshotDir), std::vector<std::string>{"snapshot.5"});
}

TEST_F(SnapshotWriterTest, AnUnfinishedFileIsRemoved) {
  for (const SnapshotCompression compression : kCompressions) {
    auto writer = SnapshotWriter::Create(fs_, kSnapshotDir, Zxid{5}, compression);
    ASSERT_TRUE(writer) << writer.error().message;
    ASSERT_TRUE((*writer)->Begin({}, {}).ok());
    writer->reset();
    EXPECT_TRUE(fs_.List(kSnapshotDir)->empty());
  }
}

TEST_F(SnapshotWriterTest, AFullDiskIsAnErrorAndLeavesNothingBehind) {
  for (const SnapshotCompression compression : kCompressions) {
    for (const uint64_t space : {0, 1, 100}) {
      fs_.LimitSpace(space);
      const Status written = Write(Zxid{5}, compression, SampleContent(), kTail);
      ASSERT_FALSE(written);
      EXPECT_EQ(written.error().code, Errc::kIo);
      EXPECT_TRUE(fs_.List(kSnapshotDir)->empty());
    }
  }
}

TEST_F(SnapshotWriterTest, AFileWhoseSyncFailedNeverGetsItsName) {
  fs_.FailNextSync();
  ASSERT_FALSE(Write(Zxid{5}, SnapshotCompression::kNone, SampleContent(), kTail));
  EXPECT_TRUE(fs_.List(kSnapshotDir)->empty());
}

TEST_F(SnapshotWriterTest, AFileOfThatNameIsReplacedOnlyByAWholeOne) {
  fs_.PutDurably(SnapshotPath("snapshot.5"), "old");
  fs_.PutDurably(SnapshotPath("snapshot.5.tmp"), "left behind by a crash, longer than the new one");
  fs_.LimitSpace(100);
  ASSERT_FALSE(Write(Zxid{5}, SnapshotCompression::kNone, SampleContent(), kTail));
  EXPECT_EQ(fs_.Content(SnapshotPath("snapshot.5")), "old");
  fs_.LimitSpace(1 << 20);
  ASSERT_TRUE(Write(Zxid{5}, SnapshotCompression::kNone, FreshContent(), kFreshTail).ok());
  EXPECT_EQ(fs_.Content(SnapshotPath("snapshot.5")), FreshSnapshot());
  EXPECT_EQ(*fs_.List(kSnapshotDir), std::vector<std::string>{"snapshot.5"});
}

// Power fails at every operation in turn, and what was not synced survives in several ways: a file
// with the snapshot's name is always whole, and is there once Finish has said so.
TEST_F(SnapshotWriterTest, APowerLossAtAnyMomentLeavesAWholeFileOrNone) {
  const Survivors survivors[] = {{Survivors::Kind::kNone},
                                 {Survivors::Kind::kAll},
                                 {Survivors::Kind::kContent},
                                 {Survivors::Kind::kNames},
                                 {Survivors::Kind::kAnySectors, 0, 0, 7}};
  for (const SnapshotCompression compression : kCompressions) {
    const std::string name = SnapshotFileName(Zxid{5}, compression);
    bool finished = false;
    for (uint64_t stop = 1; !finished; ++stop) {
      ASSERT_LT(stop, 1000u);
      for (const Survivors& survivor : survivors) {
        FakeFileSystem fs;
        CHECK(fs.MakeDirs(kSnapshotDir).ok());
        CHECK(fs.SyncDir(kSnapshotDir).ok());
        fs.StopAtOperation(stop);
        finished = WriteFile(fs, kSnapshotDir, Zxid{5}, compression, SampleContent(), kTail).ok();
        fs.LosePower(survivor);
        const auto names = fs.List(kSnapshotDir);
        ASSERT_TRUE(names) << names.error().message;
        const bool there = std::find(names->begin(), names->end(), name) != names->end();
        ASSERT_TRUE(there || !finished) << survivor.Describe();
        if (!there) continue;
        const SnapshotReading reading = ReadFile(fs, SnapshotPath(name));
        ASSERT_TRUE(reading.status.ok()) << "stopped at " << stop << ", " << survivor.Describe()
                                         << ": " << reading.status.error().message;
        ASSERT_TRUE(reading.content == SampleContent());
      }
    }
  }
}

// --- what a caller must not do ---------------------------------------------------------------

class SnapshotWriterDeathTest : public SnapshotWriterTest {
 protected:
  std::unique_ptr<SnapshotWriter> Begun(const std::map<int64_t, AclRef>& acls) {
    auto writer = SnapshotWriter::Create(fs_, kSnapshotDir, Zxid{5}, SnapshotCompression::kNone);
    CHECK(writer.has_value());
    CHECK((*writer)->Begin({}, acls).ok());
    return std::move(*writer);
  }
};

TEST_F(SnapshotWriterDeathTest, ANodeNeverHasAnAclKeyThatTheFileLacks_SO_3_7) {
  const auto writer = Begun({{7, OpenAcl()}});
  ASSERT_TRUE(writer->Add(NodeCopy{"", "", 7, {}}.View()).ok());
  const NodeCopy node{"/a", "", 8, {}};
  EXPECT_DEATH((void)writer->Add(node.View()), "unknown ACL key 8");
}

TEST_F(SnapshotWriterDeathTest, TheRootComesFirstAndOnce_SO_3_5) {
  const auto writer = Begun({});
  const NodeCopy root{"", "", kOpenAclKey, {}};
  const NodeCopy node{"/a", "", kOpenAclKey, {}};
  EXPECT_DEATH((void)writer->Add(node.View()), "root comes first");
  ASSERT_TRUE(writer->Add(root.View()).ok());
  EXPECT_DEATH((void)writer->Add(root.View()), "root comes first");
}

}  // namespace
}  // namespace lockkeeper
