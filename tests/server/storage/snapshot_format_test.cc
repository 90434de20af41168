#include "server/storage/snapshot_format.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/server/storage/snapshot_test_util.h"

namespace lockkeeper {
namespace {

TEST(SnapshotFormat, HeaderIsMagicVersion2AndDbidMinusOne_SO_3_1) {
  EXPECT_EQ(SnapshotHeader(), FromHex("5a4b534e 00000002 ffffffffffffffff"));
}

TEST(SnapshotFormat, CompressionMethodIsTakenInAnyCaseAndUnknownIsNone_SO_3_8) {
  for (const char* const value : {"gz", "GZ", "Gz"}) {
    EXPECT_EQ(CompressionFromConfig(value), SnapshotCompression::kGzip) << value;
  }
  for (const char* const value : {"snappy", "SNAPPY", "Snappy"}) {
    EXPECT_EQ(CompressionFromConfig(value), SnapshotCompression::kSnappy) << value;
  }
  for (const char* const value : {"", "gzip", "zstd", "checked", "gz ", "snapp", "snappyy"}) {
    EXPECT_EQ(CompressionFromConfig(value), SnapshotCompression::kNone) << value;
  }
}

TEST(SnapshotFormat, NamesCarryTheZxidInHexadecimalAndTheCompression_SO_1_5) {
  EXPECT_EQ(SnapshotFileName(Zxid{0}, SnapshotCompression::kNone), "snapshot.0");
  EXPECT_EQ(SnapshotFileName(Zxid{0x1AB}, SnapshotCompression::kGzip), "snapshot.1ab.gz");
  EXPECT_EQ(SnapshotFileName(Zxid{0x200000001}, SnapshotCompression::kSnappy),
            "snapshot.200000001.snappy");
}

TEST(SnapshotFormat, OnlyTheSecondPartOfANameCountsForTheZxid_SO_1_5) {
  EXPECT_EQ(ZxidOfSnapshotName("snapshot.19"), Zxid{0x19});
  EXPECT_EQ(ZxidOfSnapshotName("snapshot.19.gz"), Zxid{0x19});
  EXPECT_EQ(ZxidOfSnapshotName("snapshot.19.old"), Zxid{0x19});
  EXPECT_EQ(ZxidOfSnapshotName("snapshot.FF"), Zxid{0xff});
  for (const char* const name : {"snapshot.", "snapshot.foo", "snapshot", "log.19", "snapshots.19",
                                 "snapshot.1x", "snapshot..gz", "snapshot.-1", ""}) {
    EXPECT_EQ(ZxidOfSnapshotName(name), std::nullopt) << name;
  }
}

TEST(SnapshotFormat, TheLastPartOfANameSelectsTheCompression_SO_1_5) {
  EXPECT_EQ(CompressionOfFileName("snapshot.19"), SnapshotCompression::kNone);
  EXPECT_EQ(CompressionOfFileName("snapshot.19.gz"), SnapshotCompression::kGzip);
  EXPECT_EQ(CompressionOfFileName("snapshot.19.GZ"), SnapshotCompression::kGzip);
  EXPECT_EQ(CompressionOfFileName("snapshot.19.old.gz"), SnapshotCompression::kGzip);
  EXPECT_EQ(CompressionOfFileName("snapshot.19.gz."), SnapshotCompression::kGzip);
  EXPECT_EQ(CompressionOfFileName("snapshot.19.snappy"), SnapshotCompression::kSnappy);
  EXPECT_EQ(CompressionOfFileName("snapshot.19.gz.old"), SnapshotCompression::kNone);
  EXPECT_EQ(CompressionOfFileName("snapshot.19.tmp"), SnapshotCompression::kNone);
  EXPECT_EQ(CompressionOfFileName(""), SnapshotCompression::kNone);
}

TEST(SnapshotFormat, FileNameIsWhatFollowsTheLastSlash) {
  EXPECT_EQ(FileNameOf("/data/version-2/snapshot.5"), "snapshot.5");
  EXPECT_EQ(FileNameOf("snapshot.5"), "snapshot.5");
  EXPECT_EQ(FileNameOf("/data/"), "");
}

// Adler-32 of "Wikipedia" is the example of the algorithm's description.
TEST(SnapshotFormat, AdlerRunsOverPieces_SO_3_2) {
  RunningAdler adler;
  EXPECT_EQ(adler.value(), 1u);
  adler.Add("Wiki");
  adler.Add("");
  adler.Add("pedia");
  EXPECT_EQ(adler.value(), 0x11E60398u);
}

}  // namespace
}  // namespace lockkeeper
