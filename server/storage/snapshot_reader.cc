#include "server/storage/snapshot_reader.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <span>
#include <tuple>
#include <utility>

#include "server/storage/snapshot_stream.h"

namespace lockkeeper {
namespace {

// Fits into the second-level cache together with what the handlers touch.
constexpr size_t kParseBufferBytes = 256 << 10;

// A plain file with fewer bytes is not tried (storage-and-operations 3.4).
constexpr uint64_t kPlainBytesMin = 10;

// Feeds a whole stream to a parser. The bytes that it does not take yet move to the front.
Result<SnapshotInfo> Drain(ByteSource& source, SnapshotParser& parser) {
  size_t capacity = kParseBufferBytes;
  // Not a string: it would be filled with zeros first.
  std::unique_ptr<char[]> buffer(new char[capacity]);
  size_t begin = 0;
  size_t end = 0;
  while (true) {
    const auto used = parser.Consume({buffer.get() + begin, end - begin});
    if (!used) return used.error();
    begin += *used;
    if (begin > 0) {
      std::memmove(buffer.get(), buffer.get() + begin, end - begin);
      end -= std::exchange(begin, 0);
    }
    if (end == capacity) {  // one item has more bytes than the buffer
      std::unique_ptr<char[]> larger(new char[2 * capacity]);
      std::memcpy(larger.get(), buffer.get(), end);
      buffer = std::move(larger);
      capacity *= 2;
    }
    const auto got = source.Read({buffer.get() + end, capacity - end});
    if (!got) return got.error();
    if (*got == 0) return parser.Finish({buffer.get(), end});
    end += *got;
  }
}

Result<bool> BytesAre(ReadableFile& file, uint64_t offset, std::string_view expected) {
  std::array<char, 8> bytes;
  const auto got = file.ReadAt(offset, std::span<char>(bytes).first(expected.size()));
  if (!got) return got.error();
  return std::string_view(bytes.data(), *got) == expected;
}

}  // namespace

Result<SnapshotInfo> ReadSnapshot(FileSystem& fs, const std::string& path,
                                  const SnapshotLimits& limits, const SnapshotHandlers& handlers) {
  const std::string_view name = FileNameOf(path);
  const auto zxid = ZxidOfSnapshotName(name);
  if (!zxid) {
    return Error{Errc::kCorruption, path +
                                        " is not named like a snapshot, which would be "
                                        "snapshot.<zxid in hexadecimal>[.gz|.snappy]: its name "
                                        "says which transactions it contains"};
  }
  auto file = fs.OpenForRead(path);
  if (!file) return file.error();
  const auto source = MakeSnapshotSource(std::move(*file), path, CompressionOfFileName(name));
  SnapshotParser parser("snapshot " + path, limits, handlers);
  auto info = Drain(*source, parser);
  if (info) info->zxid = *zxid;
  return info;
}

Result<std::vector<SnapshotFile>> ListSnapshots(FileSystem& fs, const std::string& dir) {
  auto names = fs.List(dir);
  if (!names) return names.error();
  std::vector<SnapshotFile> files;
  for (std::string& name : *names) {
    const auto zxid = ZxidOfSnapshotName(name);
    if (!zxid) continue;
    std::string path = dir;
    const auto info = fs.Stat(path.append("/").append(name));
    if (!info) return info.error();
    if (!info->has_value() || (*info)->is_directory) continue;
    files.push_back({*zxid, std::move(name)});
  }
  std::sort(files.begin(), files.end(), [](const SnapshotFile& a, const SnapshotFile& b) {
    return std::tie(b.zxid, a.name) < std::tie(a.zxid, b.name);
  });
  return files;
}

Result<bool> PassesQuickCheck(FileSystem& fs, const std::string& path) {
  const std::string_view name = FileNameOf(path);
  if (!ZxidOfSnapshotName(name)) return false;
  const auto info = fs.Stat(path);
  if (!info) return info.error();
  if (!info->has_value() || (*info)->is_directory) return false;
  auto file = fs.OpenForRead(path);
  if (!file) return file.error();
  switch (CompressionOfFileName(name)) {
    case SnapshotCompression::kGzip:
      return BytesAre(**file, 0, kGzipMagic);
    case SnapshotCompression::kSnappy:
      return BytesAre(**file, 0, kSnappyMagic);
    case SnapshotCompression::kNone:
      break;
  }
  if ((*info)->size < kPlainBytesMin) return false;
  return BytesAre(**file, (*info)->size - kSnapshotEndBytes.size(), kSnapshotEndBytes);
}

}  // namespace lockkeeper
