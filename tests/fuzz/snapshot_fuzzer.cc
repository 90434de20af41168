// Any bytes as a snapshot, plain, gz or snappy: reading it either refuses it as damaged or hands on
// what a writer can write and a reader reads again; how the bytes arrive makes no difference.
#include <glog/logging.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "protocol/jute.h"
#include "server/storage/snapshot_parser.h"
#include "server/storage/snapshot_stream.h"
#include "tests/server/storage/fake_file_system.h"
#include "tests/server/storage/snapshot_test_util.h"

namespace {

using namespace lockkeeper;  // NOLINT: a fuzz target is one function

constexpr size_t kFieldBytesMax = 4096;
constexpr SnapshotLimits kLimits{kFieldBytesMax};
constexpr Zxid kZxid{0};  // what reading a stream without a name gives

SnapshotCompression CompressionOf(std::string_view file) {
  if (file.starts_with(kGzipMagic)) return SnapshotCompression::kGzip;
  if (file.starts_with(kSnappyMagic)) return SnapshotCompression::kSnappy;
  return SnapshotCompression::kNone;
}

SnapshotReading ReadAs(FakeFileSystem& fs, SnapshotCompression compression) {
  SnapshotReading reading =
      ReadFile(fs, SnapshotPath(SnapshotFileName(kZxid, compression)), kLimits);
  if (!reading.status.ok() && reading.status.error().code != Errc::kCorruption) std::abort();
  return reading;
}

// Nothing comes twice, and every ACL key is known.
bool IsWritable(const SnapshotContent& content) {
  std::set<SessionId> sessions;
  for (const auto& session : content.sessions) {
    if (!sessions.insert(session.first).second) return false;
  }
  std::set<int64_t> keys{kOpenAclKey};
  for (const auto& acl : content.acls) {
    if (!keys.insert(acl.first).second) return false;
  }
  return std::all_of(content.nodes.begin(), content.nodes.end(),
                     [&](const NodeCopy& node) { return keys.contains(node.acl_key); });
}

void CheckWrittenAgain(SnapshotReading reading, SnapshotCompression compression) {
  if (!IsWritable(reading.content)) return;
  FakeFileSystem fs;
  if (!fs.MakeDirs(kSnapshotDir)) std::abort();
  const SnapshotTail tail{reading.info.digest, reading.info.last_processed};
  if (!WriteFile(fs, kSnapshotDir, kZxid, compression, reading.content, tail)) std::abort();
  // The writer sorts sessions and ACLs, and entries of the open ACL were not handed on.
  std::sort(reading.content.sessions.begin(), reading.content.sessions.end());
  std::sort(reading.content.acls.begin(), reading.content.acls.end());
  const SnapshotReading again = ReadAs(fs, compression);
  if (!again.status.ok() || again.content != reading.content ||
      again.info.digest != reading.info.digest ||
      again.info.last_processed != reading.info.last_processed) {
    std::abort();
  }
}

// Makes the seals of a plain stream right: mutation alone would never get past them.
void RepairSeals(char* data, size_t size) {
  const std::string_view stream(data, size);
  if (size < kSnapshotHeaderBytes) return;
  const SnapshotHandlers nothing;
  SnapshotContentParser content("", kLimits, nothing, kSnapshotHeaderBytes);
  if (!content.Consume(stream.substr(kSnapshotHeaderBytes)) || !content.done()) return;
  size_t at = content.offset();
  const auto seal = [&] {
    RunningAdler adler;
    adler.Add(stream.substr(0, at));
    StoreInt(0, data + at);
    StoreInt(static_cast<int32_t>(adler.value()), data + at + 4);
    at += kSealBytes;
  };
  if (size - at < kSealBytes) return;
  seal();
  const size_t left = size - at;
  if (left == kDigestSectionBytes || left == kSnapshotTailBytesMax) {
    at += kDigestSectionBytes - kSealBytes;
    seal();
  }
  if (left == kProcessedSectionBytes || left == kSnapshotTailBytesMax) {
    at += kProcessedSectionBytes - kSealBytes;
    seal();
  }
}

}  // namespace

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  const size_t mutated = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 8 != 0) RepairSeals(reinterpret_cast<char*>(data), mutated);
  return mutated;
}

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  FLAGS_minloglevel = google::GLOG_FATAL;
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  const SnapshotCompression compression = CompressionOf(file);
  FakeFileSystem fs;
  if (!fs.MakeDirs(kSnapshotDir)) std::abort();
  fs.PutDurably(SnapshotPath(SnapshotFileName(kZxid, compression)), std::string(file));
  const SnapshotReading reading = ReadAs(fs, compression);
  if (compression == SnapshotCompression::kNone) {
    const size_t piece_bytes = 1 + size % 61;
    if (!ReadPieces(file, piece_bytes, kLimits).SameAs(reading)) std::abort();
  }
  if (!reading.status.ok()) return 0;
  constexpr SnapshotCompression kAll[] = {SnapshotCompression::kNone, SnapshotCompression::kGzip,
                                          SnapshotCompression::kSnappy};
  CheckWrittenAgain(reading, kAll[size % 3]);
  return 0;
}
