#include "server/storage/synced_mark.h"

#include <zlib.h>

#include <array>
#include <optional>
#include <utility>

#include "protocol/jute.h"

namespace lockkeeper {
namespace {

constexpr uint64_t kMarkBlockBytes = 4096;
constexpr uint64_t kBlocks = 4;
constexpr size_t kMarkCopyBytes = 28;
constexpr uint64_t kFileBytes = (kBlocks - 1) * kMarkBlockBytes + kMarkCopyBytes;
constexpr int32_t kMagic = 0x4C4B534D;  // "LKSM"

using Copy = std::array<char, kMarkCopyBytes>;

struct Mark {
  uint64_t generation = 0;
  SyncedPrefix prefix;
};

uint32_t Crc(uint32_t crc, std::string_view bytes) {
  return static_cast<uint32_t>(
      crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

void StoreLong(uint64_t v, char* p) {
  StoreInt(static_cast<int32_t>(v >> 32), p);
  StoreInt(static_cast<int32_t>(v), p + 4);
}

uint32_t OwnCrc(const Copy& copy) {
  return Crc(0, std::string_view(copy.data(), kMarkCopyBytes - 4));
}

Copy EncodeMark(const Mark& mark) {
  Copy copy;
  StoreInt(kMagic, copy.data());
  StoreLong(mark.generation, copy.data() + 4);
  StoreLong(mark.prefix.size, copy.data() + 12);
  StoreInt(static_cast<int32_t>(mark.prefix.crc), copy.data() + 20);
  StoreInt(static_cast<int32_t>(OwnCrc(copy)), copy.data() + 24);
  return copy;
}

std::optional<Mark> DecodeMark(const Copy& copy) {
  if (LoadInt(copy.data()) != kMagic) return std::nullopt;
  if (static_cast<uint32_t>(LoadInt(copy.data() + 24)) != OwnCrc(copy)) return std::nullopt;
  Mark mark;
  mark.generation = static_cast<uint64_t>(LoadLong(copy.data() + 4));
  mark.prefix.size = static_cast<uint64_t>(LoadLong(copy.data() + 12));
  mark.prefix.crc = static_cast<uint32_t>(LoadInt(copy.data() + 20));
  return mark;
}

Result<Mark> ReadNewest(FileSystem& fs, const std::string& path) {
  auto file = fs.OpenForRead(path);
  if (!file) return file.error();
  std::optional<Mark> newest;
  for (uint64_t block = 0; block < kBlocks; ++block) {
    Copy copy;
    const auto got = (*file)->ReadAt(block * kMarkBlockBytes, copy);
    if (!got) return got.error();
    // What is cut off may have been newer.
    if (*got < kMarkCopyBytes) return Error{Errc::kCorruption, path + " is cut"};
    const auto mark = DecodeMark(copy);
    if (mark && (!newest || mark->generation > newest->generation)) newest = mark;
  }
  if (newest) return *newest;
  return Error{Errc::kCorruption, path + " does not say how much of its file was synced"};
}

}  // namespace

void SyncedPrefix::Extend(std::string_view bytes) {
  crc = Crc(crc, bytes);
  size += bytes.size();
}

Result<std::unique_ptr<SyncedMark>> SyncedMark::Create(FileSystem& fs, const std::string& path) {
  auto file = fs.Create(path);
  if (!file) return file.error();
  if (Status sized = (*file)->Resize(kFileBytes); !sized) return sized.error();
  std::unique_ptr<SyncedMark> mark(new SyncedMark(std::move(*file)));
  if (Status set = mark->Set({}); !set) return set.error();
  return mark;
}

Result<std::unique_ptr<SyncedMark>> SyncedMark::Open(FileSystem& fs, const std::string& path) {
  const auto newest = ReadNewest(fs, path);
  if (!newest) return newest.error();
  auto file = fs.OpenForWrite(path);
  if (!file) return file.error();
  std::unique_ptr<SyncedMark> mark(new SyncedMark(std::move(*file)));
  mark->prefix_ = newest->prefix;
  mark->generation_ = newest->generation + 1;
  return mark;
}

Status SyncedMark::Set(const SyncedPrefix& prefix) {
  const Copy copy = EncodeMark({generation_, prefix});
  const uint64_t first = generation_ % 2 * 2;
  for (const uint64_t block : {first, first + 1}) {
    const std::string_view bytes(copy.data(), copy.size());
    if (Status written = file_->WriteAt(block * kMarkBlockBytes, bytes); !written) return written;
    bytes_written_ += bytes.size();
  }
  if (Status synced = file_->Sync(); !synced) return synced;
  ++generation_;
  prefix_ = prefix;
  return {};
}

Result<SyncedPrefix> ReadSyncedMark(FileSystem& fs, const std::string& path) {
  const auto newest = ReadNewest(fs, path);
  if (!newest) return newest.error();
  return newest->prefix;
}

}  // namespace lockkeeper
