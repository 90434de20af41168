#include "server/storage/snapshot_stream.h"

#include <glog/logging.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>

#include "protocol/jute.h"
#include "tests/server/storage/fake_file_system.h"
#include "tests/server/storage/snapshot_test_files.h"
#include "tests/server/storage/snapshot_test_util.h"

namespace lockkeeper {
namespace {

constexpr char kPath[] = "/data/version-2/stream";

// Bytes that a compressor cannot shrink, always the same.
std::string Noise(size_t bytes) {
  std::mt19937 random(static_cast<uint32_t>(bytes) + 1);
  std::string noise(bytes, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  return noise;
}

std::string Chunk(std::string_view block) {
  std::string chunk;
  JuteWriter(&chunk).Write(block);
  return chunk;
}

const std::string& SnappyHeader() {
  static const std::string* const header =
      new std::string(FromHex("82534e4150505900 00000001 00000001"));
  return *header;
}

class SnapshotStreamTest : public testing::TestWithParam<SnapshotCompression> {
 protected:
  SnapshotStreamTest() { CHECK(fs_.MakeDirs(kSnapshotDir).ok()); }

  // The bytes of a file that was given `content` in pieces of `piece_bytes`.
  std::string Packed(std::string_view content, size_t piece_bytes,
                     SnapshotCompression compression) {
    auto file = fs_.Create(kPath);
    CHECK(file.has_value());
    const auto sink = MakeSnapshotSink(file->get(), compression);
    while (!content.empty()) {
      const std::string_view piece = content.substr(0, piece_bytes);
      CHECK(sink->Write(piece).ok());
      content.remove_prefix(piece.size());
    }
    CHECK(sink->Finish().ok());
    return fs_.Content(kPath);
  }

  // What a file of these bytes unpacks to, read in pieces of `piece_bytes`.
  Result<std::string> Unpacked(std::string bytes, size_t piece_bytes,
                               SnapshotCompression compression) {
    fs_.PutDurably(kPath, std::move(bytes));
    auto file = fs_.OpenForRead(kPath);
    CHECK(file.has_value());
    const auto source = MakeSnapshotSource(std::move(*file), kPath, compression);
    std::string content;
    std::string piece(piece_bytes, '\0');
    while (true) {
      const auto got = source->Read(piece);
      if (!got) return got.error();
      if (*got == 0) return content;
      content.append(piece, 0, *got);
    }
  }

  void ExpectDamage(std::string bytes, SnapshotCompression compression,
                    const std::vector<std::string>& parts) {
    const auto unpacked = Unpacked(std::move(bytes), 1000, compression);
    ASSERT_FALSE(unpacked);
    EXPECT_EQ(unpacked.error().code, Errc::kCorruption);
    EXPECT_TRUE(SaysAll(unpacked.error(), parts));
    EXPECT_TRUE(SaysAll(unpacked.error(), {kPath, "at byte", "Restore"}));
  }

  FakeFileSystem fs_;
};

INSTANTIATE_TEST_SUITE_P(Compressions, SnapshotStreamTest,
                         testing::Values(SnapshotCompression::kNone, SnapshotCompression::kGzip,
                                         SnapshotCompression::kSnappy));

TEST_P(SnapshotStreamTest, GivesBackWhatWasWritten_SO_3_8) {
  for (const size_t bytes : {0, 1, 32767, 32768, 32769, 65536, 262144, 1000003}) {
    for (const std::string& content : {Noise(bytes), std::string(bytes, 'c')}) {
      for (const size_t piece_bytes : {7777, 300000}) {
        const auto unpacked =
            Unpacked(Packed(content, piece_bytes, GetParam()), piece_bytes, GetParam());
        ASSERT_TRUE(unpacked) << unpacked.error().message;
        ASSERT_TRUE(*unpacked == content) << bytes << " bytes in pieces of " << piece_bytes;
      }
    }
  }
}

TEST_P(SnapshotStreamTest, IsReadByteByByteToo) {
  const std::string content = Noise(5000);
  const auto unpacked = Unpacked(Packed(content, 1, GetParam()), 1, GetParam());
  ASSERT_TRUE(unpacked) << unpacked.error().message;
  EXPECT_TRUE(*unpacked == content);
}

TEST_P(SnapshotStreamTest, AnErrorOfTheDiskComesBackAsItIs) {
  auto file = fs_.Create(kPath);
  ASSERT_TRUE(file);
  const auto sink = MakeSnapshotSink(file->get(), GetParam());
  fs_.LimitSpace(1000);
  Status written = sink->Write(Noise(2 << 20));
  if (written) written = sink->Finish();
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Errc::kIo);
}

TEST_F(SnapshotStreamTest, SnappyHasTheContainerOfSnappyJavaWithBlocksOf32KiB_SO_3_8) {
  const std::string packed = Packed(Noise(70000), 999, SnapshotCompression::kSnappy);
  ASSERT_TRUE(packed.starts_with(SnappyHeader()));
  std::vector<size_t> blocks;
  size_t at = SnappyHeader().size();
  while (at < packed.size()) {
    const auto length = static_cast<size_t>(LoadInt(packed.data() + at));
    const auto block = Unpacked(SnappyHeader() + packed.substr(at, 4 + length), 100000,
                                SnapshotCompression::kSnappy);
    ASSERT_TRUE(block) << block.error().message;
    blocks.push_back(block->size());
    at += 4 + length;
  }
  EXPECT_EQ(at, packed.size());
  EXPECT_EQ(blocks, (std::vector<size_t>{32768, 32768, 70000 - 65536}));
}

// A raw block: the uncompressed length, then one literal of five bytes.
TEST_F(SnapshotStreamTest, ASnappyFilePutTogetherByHandIsRead_SO_3_8) {
  const std::string block = FromHex("05 10") + "hello";
  const auto unpacked =
      Unpacked(SnappyHeader() + Chunk(block) + Chunk(block), 100, SnapshotCompression::kSnappy);
  ASSERT_TRUE(unpacked) << unpacked.error().message;
  EXPECT_EQ(*unpacked, "hellohello");
}

TEST_F(SnapshotStreamTest, DamageOfASnappyContainerIsFound_SO_3_8) {
  const auto kSnappy = SnapshotCompression::kSnappy;
  const std::string whole = SnappyHeader() + Chunk(FromHex("05 10") + "hello");
  ExpectDamage("", kSnappy, {"no header", "byte 0"});
  ExpectDamage(whole.substr(0, 15), kSnappy, {"no header"});
  ExpectDamage("x" + whole.substr(1), kSnappy, {"no header"});
  ExpectDamage(FromHex("82534e4150505900 00000002 00000002"), kSnappy, {"version 2"});
  ExpectDamage(SnappyHeader() + FromHex("0000"), kSnappy, {"inside a chunk's length", "byte 16"});
  for (const char* const length : {"00000000", "ffffffff", "80000000", "7fffffff", "01000001"}) {
    ExpectDamage(SnappyHeader() + FromHex(length) + "data", kSnappy, {"unreasonable length"});
  }
  ExpectDamage(whole.substr(0, whole.size() - 1), kSnappy, {"inside a Snappy chunk of 7 bytes"});
  // An uncompressed length of 2^32-1, and one that the block does not have.
  ExpectDamage(SnappyHeader() + Chunk(FromHex("ffffffff0f 10") + "hello"), kSnappy,
               {"unreasonable uncompressed length"});
  ExpectDamage(SnappyHeader() + Chunk(FromHex("06 10") + "hello"), kSnappy, {"damaged"});
  ExpectDamage(whole + Chunk(FromHex("05 11 00 00 00 00")), kSnappy, {"damaged", "byte 27"});
}

TEST_F(SnapshotStreamTest, GzipIsStandardAndMayHaveSeveralMembers_SO_3_8) {
  const auto kGzip = SnapshotCompression::kGzip;
  const std::string one = Packed("hello, ", 100, kGzip);
  const std::string two = Packed("world", 100, kGzip);
  EXPECT_TRUE(one.starts_with(FromHex("1f8b08")));
  const auto unpacked = Unpacked(one + two, 100, kGzip);
  ASSERT_TRUE(unpacked) << unpacked.error().message;
  EXPECT_EQ(*unpacked, "hello, world");
  // Made by another program: `printf hello | gzip -n`.
  const auto other =
      Unpacked(FromHex("1f8b0800000000000003cb48cdc9c9070086a6103605000000"), 100, kGzip);
  ASSERT_TRUE(other) << other.error().message;
  EXPECT_EQ(*other, "hello");
}

TEST_F(SnapshotStreamTest, DamageOfAGzipFileIsFound_SO_3_8) {
  const auto kGzip = SnapshotCompression::kGzip;
  const std::string whole = Packed(Noise(2000), 2000, kGzip);
  for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
    ExpectDamage(whole.substr(0, bytes), kGzip, {"ends early"});
  }
  ExpectDamage("no gzip file", kGzip, {"incorrect header check"});
  ExpectDamage(whole + "surplus", kGzip, {"incorrect header check"});
  std::string flipped = whole;
  flipped[1000] ^= 1;
  ExpectDamage(flipped, kGzip, {"gzip: "});
}

}  // namespace
}  // namespace lockkeeper
