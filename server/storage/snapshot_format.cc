#include "server/storage/snapshot_format.h"

#include <zlib.h>

#include <array>
#include <charconv>

#include "protocol/jute.h"
#include "server/storage/txn_log_format.h"

namespace lockkeeper {
namespace {

constexpr std::string_view kGzip = "gz";
constexpr std::string_view kSnappy = "snappy";

bool SameButForCase(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const char folded = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (folded != lower[i]) return false;
  }
  return true;
}

}  // namespace

SnapshotCompression CompressionFromConfig(std::string_view value) {
  if (SameButForCase(value, kGzip)) return SnapshotCompression::kGzip;
  if (SameButForCase(value, kSnappy)) return SnapshotCompression::kSnappy;
  return SnapshotCompression::kNone;
}

SnapshotCompression CompressionOfFileName(std::string_view name) {
  // Java's split drops empty parts at the end.
  while (name.ends_with('.')) name.remove_suffix(1);
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return SnapshotCompression::kNone;
  return CompressionFromConfig(name.substr(dot + 1));
}

std::string SnapshotFileName(Zxid zxid, SnapshotCompression compression) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(),
                                 static_cast<uint64_t>(zxid.value), 16);
  std::string name = "snapshot.";
  name.append(digits.data(), end.ptr);
  if (compression == SnapshotCompression::kGzip) name.append(".").append(kGzip);
  if (compression == SnapshotCompression::kSnappy) name.append(".").append(kSnappy);
  return name;
}

std::optional<Zxid> ZxidOfSnapshotName(std::string_view name) {
  return ZxidOfFileName("snapshot", name);
}

std::string_view FileNameOf(std::string_view path) { return path.substr(path.rfind('/') + 1); }

std::string SnapshotHeader() {
  std::string header(kSnapshotMagic);
  JuteWriter out(&header);
  out.Write(kSnapshotVersion);
  out.Write(kSnapshotDbId);
  return header;
}

void RunningAdler::Add(std::string_view bytes) {
  value_ = static_cast<uint32_t>(
      adler32_z(value_, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace lockkeeper
