#include "server/storage/snapshot_reader.h"

#include <glog/logging.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/server/storage/fake_file_system.h"
#include "tests/server/storage/snapshot_test_files.h"
#include "tests/server/storage/snapshot_test_util.h"

namespace lockkeeper {
namespace {

class SnapshotReaderTest : public testing::Test {
 protected:
  SnapshotReaderTest() { CHECK(fs_.MakeDirs(kSnapshotDir).ok()); }

  std::string Put(const std::string& name, std::string content) {
    fs_.PutDurably(SnapshotPath(name), std::move(content));
    return SnapshotPath(name);
  }

  FakeFileSystem fs_;
};

// --- what is read ----------------------------------------------------------------------------

TEST_F(SnapshotReaderTest, TheFreshSnapshotOfThePage_SO_3_1) {
  ASSERT_EQ(FreshSnapshot().size(), 478u);
  const SnapshotReading reading = ReadFile(fs_, Put("snapshot.0", FreshSnapshot()));
  ASSERT_TRUE(reading.status.ok()) << reading.status.error().message;
  EXPECT_EQ(reading.content, FreshContent());
  EXPECT_EQ(reading.info.zxid, Zxid{0});
  EXPECT_EQ(reading.info.sessions, 0u);
  EXPECT_EQ(reading.info.acls, 1u);
  EXPECT_EQ(reading.info.nodes, 4u);
  EXPECT_EQ(reading.info.bytes, 478u);
  EXPECT_EQ(reading.info.digest, (SnapshotDigest{Zxid{0}, 2, 0}));
  EXPECT_EQ(reading.info.last_processed, Zxid{0});
}

TEST_F(SnapshotReaderTest, TheNameSaysTheZxidWhateverTheFileSays_SO_3_11) {
  for (const char* const name : {"snapshot.12ab", "snapshot.12ab.old"}) {
    const SnapshotReading reading = ReadFile(fs_, Put(name, FreshSnapshot()));
    ASSERT_TRUE(reading.status.ok()) << reading.status.error().message;
    EXPECT_EQ(reading.info.zxid, Zxid{0x12ab});
    EXPECT_EQ(reading.info.last_processed, Zxid{0});
  }
}

TEST_F(SnapshotReaderTest, AFileWithoutSuchANameIsRefused_SO_1_5) {
  const SnapshotReading reading = ReadFile(fs_, Put("fresh", FreshSnapshot()));
  ASSERT_FALSE(reading.status.ok());
  EXPECT_TRUE(SaysAll(reading.status.error(), {"/data/version-2/fresh", "not named like"}));
}

// --- truncated and flipped -------------------------------------------------------------------

TEST_F(SnapshotReaderTest, EveryTruncationIsDamageButWhereASectionWouldStart_SO_3_3) {
  const std::string file = FreshSnapshot();
  for (size_t bytes = 0; bytes < file.size(); ++bytes) {
    const SnapshotReading reading = ReadFile(fs_, Put("snapshot.7", file.substr(0, bytes)));
    if (bytes == kFreshDigest || bytes == kFreshProcessed) {
      ASSERT_TRUE(reading.status.ok()) << bytes << ": " << reading.status.error().message;
      EXPECT_EQ(reading.content, FreshContent());
      EXPECT_EQ(reading.info.digest.has_value(), bytes == kFreshProcessed);
      EXPECT_EQ(reading.info.last_processed, std::nullopt);
      continue;
    }
    SCOPED_TRACE(bytes);
    ExpectCorrupt(reading, {"/data/version-2/snapshot.7", "at offset "});
  }
}

// A bit that no checksum covers may not change anything either.
void ExpectEveryFlipIsHarmless(FakeFileSystem& fs, const std::string& path, bool all_covered) {
  const SnapshotReading whole = ReadFile(fs, path);
  ASSERT_TRUE(whole.status.ok()) << whole.status.error().message;
  for (size_t byte = 0; byte < fs.Content(path).size(); ++byte) {
    for (int bit = 0; bit < 8; ++bit) {
      fs.FlipBit(path, byte, bit);
      const SnapshotReading reading = ReadFile(fs, path);
      fs.FlipBit(path, byte, bit);
      ASSERT_TRUE(!reading.status.ok() || (!all_covered && reading.SameAs(whole)))
          << "bit " << bit << " of byte " << byte;
      if (!reading.status.ok()) {
        ASSERT_EQ(reading.status.error().code, Errc::kCorruption);
        ASSERT_TRUE(SaysAll(reading.status.error(), {path, "Restore"}));
      }
    }
  }
}

TEST_F(SnapshotReaderTest, EveryFlippedBitOfAPlainFileIsFound_SO_3_2) {
  ExpectEveryFlipIsHarmless(fs_, Put("snapshot.0", FreshSnapshot()), true);
  ExpectEveryFlipIsHarmless(fs_, Put("snapshot.12", RealFile(ApacheSnapshot("snapshot.12"))), true);
}

TEST_F(SnapshotReaderTest, EveryFlippedBitOfACompressedFileIsFoundOrChangesNothing_SO_3_8) {
  for (const char* const name : {"snapshot.12.gz", "snapshot.12.snappy"}) {
    ExpectEveryFlipIsHarmless(fs_, Put(name, RealFile(ApacheSnapshot(name))), false);
  }
}

TEST_F(SnapshotReaderTest, EveryTruncationOfACompressedFileIsDamage_SO_3_8) {
  for (const char* const name : {"snapshot.12.gz", "snapshot.12.snappy"}) {
    const std::string file = RealFile(ApacheSnapshot(name));
    for (size_t bytes = 0; bytes < file.size(); ++bytes) {
      SCOPED_TRACE(bytes);
      ExpectCorrupt(ReadFile(fs_, Put(name, file.substr(0, bytes))), {name});
    }
  }
}

// --- handlers --------------------------------------------------------------------------------

TEST_F(SnapshotReaderTest, AnErrorOfAHandlerStopsTheReading) {
  const std::string path = Put("snapshot.0", FreshSnapshot());
  for (const Errc code : {Errc::kTooLarge, Errc::kIo, Errc::kCorruption}) {
    int calls = 0;
    SnapshotHandlers handlers;
    handlers.node = [&](const StoredNode&) {
      return ++calls < 2 ? Status() : Status(Error{code, "no parent"});
    };
    const auto info = ReadSnapshot(fs_, path, {}, handlers);
    ASSERT_FALSE(info);
    EXPECT_EQ(calls, 2);
    EXPECT_EQ(info.error().code, code);
    if (code == Errc::kCorruption) {
      EXPECT_TRUE(SaysAll(info.error(), {path, "no parent", "node 2", "offset 135", "Restore"}));
    } else {
      EXPECT_EQ(info.error().message, "no parent");
    }
  }
}

TEST_F(SnapshotReaderTest, AnErrorOfSessionOrAclHandlersStopsTheReadingToo) {
  ASSERT_TRUE(
      WriteFile(fs_, kSnapshotDir, Zxid{5}, SnapshotCompression::kNone, SampleContent(), {}).ok());
  const Status refused = Error{Errc::kTooLarge, "refused"};
  SnapshotHandlers sessions;
  sessions.session = [&](SessionId, int32_t) { return refused; };
  SnapshotHandlers acls;
  acls.acl = [&](int64_t, const AclList&) { return refused; };
  for (const SnapshotHandlers& handlers : {sessions, acls}) {
    const auto info = ReadSnapshot(fs_, SnapshotPath("snapshot.5"), {}, handlers);
    ASSERT_FALSE(info);
    EXPECT_EQ(info.error().message, "refused");
  }
}

// For whoever only wants to know whether a file is whole.
TEST_F(SnapshotReaderTest, HandlersMayBeMissing) {
  const auto info = ReadSnapshot(fs_, Put("snapshot.0", FreshSnapshot()), {}, {});
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->nodes, 4u);
}

TEST_F(SnapshotReaderTest, AMissingFileIsAnErrorOfTheDisk) {
  const auto info = ReadSnapshot(fs_, SnapshotPath("snapshot.5"), {}, {});
  ASSERT_FALSE(info);
  EXPECT_EQ(info.error().code, Errc::kIo);
}

// --- choosing --------------------------------------------------------------------------------

TEST_F(SnapshotReaderTest, SnapshotsAreListedNewestFirst_SO_1_5) {
  for (const char* const name :
       {"snapshot.9", "snapshot.19.old", "snapshot.a.gz", "snapshot.A", "snapshot.0", "snapshot.",
        "snapshot.foo", "log.5", "myid", "snapshot.10.tmp"}) {
    Put(name, "");
  }
  ASSERT_TRUE(fs_.MakeDirs(SnapshotPath("snapshot.20")).ok());
  const auto files = ListSnapshots(fs_, kSnapshotDir);
  ASSERT_TRUE(files) << files.error().message;
  EXPECT_EQ(*files, (std::vector<SnapshotFile>{{Zxid{0x19}, "snapshot.19.old"},
                                               {Zxid{0x10}, "snapshot.10.tmp"},
                                               {Zxid{0xa}, "snapshot.A"},
                                               {Zxid{0xa}, "snapshot.a.gz"},
                                               {Zxid{9}, "snapshot.9"},
                                               {Zxid{0}, "snapshot.0"}}));
  EXPECT_FALSE(ListSnapshots(fs_, "/nowhere"));
}

TEST_F(SnapshotReaderTest, TheQuickCheckLooksAtNameAndEnds_SO_3_10) {
  const std::string end = std::string(kSnapshotEndBytes);
  const struct {
    const char* name;
    std::string content;
    bool passes;
  } cases[] = {
      {"snapshot.0", FreshSnapshot(), true},
      {"snapshot.1", "12345" + end, true},
      {"snapshot.2", "1234" + end, false},  // fewer than ten bytes
      {"snapshot.3", "", false},
      {"snapshot.4", FreshSnapshot() + "/", false},
      {"snapshot.foo", FreshSnapshot(), false},
      {"snapshot.5.old", FreshSnapshot(), true},
      {"snapshot.6.gz", FreshSnapshot(), false},
      {"snapshot.7.gz", FromHex("1f8b"), true},
      {"snapshot.8.gz", FromHex("1f"), false},
      {"snapshot.9.snappy", FromHex("82534e4150505900"), true},
      {"snapshot.a.snappy", FromHex("82534e41505059"), false},
      {"snapshot.b.snappy", FreshSnapshot(), false},
      {"snapshot.c.gz.tmp", FromHex("1f8b"), false},
  };
  for (const auto& c : cases) {
    const auto passes = PassesQuickCheck(fs_, Put(c.name, c.content));
    ASSERT_TRUE(passes) << passes.error().message;
    EXPECT_EQ(*passes, c.passes) << c.name;
  }
}

TEST_F(SnapshotReaderTest, ACutFileDoesNotPassTheQuickCheckButAtASeal_SO_3_10) {
  const std::string file = FreshSnapshot();
  for (size_t bytes = 0; bytes < file.size(); ++bytes) {
    const auto passes = PassesQuickCheck(fs_, Put("snapshot.5", file.substr(0, bytes)));
    ASSERT_TRUE(passes) << passes.error().message;
    // The end of the nodes looks like the end of a seal: that cut is left to the full reading.
    const bool after_end_mark =
        bytes == kFreshFirstSeal || bytes == kFreshDigest || bytes == kFreshProcessed;
    const bool ends_with_mark =
        std::string_view(file).substr(0, bytes).ends_with(std::string_view(kSnapshotEndBytes));
    EXPECT_EQ(*passes, ends_with_mark) << bytes;
    EXPECT_EQ(ends_with_mark, after_end_mark) << bytes;
  }
}

TEST_F(SnapshotReaderTest, WhatIsNoFileDoesNotPassTheQuickCheck_SO_3_10) {
  ASSERT_TRUE(fs_.MakeDirs(SnapshotPath("snapshot.5")).ok());
  EXPECT_FALSE(*PassesQuickCheck(fs_, SnapshotPath("snapshot.5")));
  EXPECT_FALSE(*PassesQuickCheck(fs_, SnapshotPath("snapshot.6")));
}

}  // namespace
}  // namespace lockkeeper
