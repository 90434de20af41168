#include "server/storage/txn_log_format.h"

#include <glog/logging.h>
#include <zlib.h>

#include <array>
#include <charconv>

namespace lockkeeper {
namespace {

void StoreBigEndian32(uint32_t value, char* p) {
  for (int i = 0; i < 4; ++i) p[i] = static_cast<char>(value >> (24 - 8 * i));
}

}  // namespace

std::string LogFileHeader() {
  std::string header(kLogHeaderBytes, '\0');
  header.replace(0, kLogMagic.size(), kLogMagic);
  StoreBigEndian32(kLogVersion, header.data() + kLogMagic.size());
  return header;
}

uint32_t LogChecksum(std::string_view payload) {
  constexpr uLong kAdlerStart = 1;
  return static_cast<uint32_t>(
      adler32_z(kAdlerStart, reinterpret_cast<const Bytef*>(payload.data()), payload.size()));
}

void AppendLogRecord(std::string_view payload, std::string* out) {
  std::array<char, kRecordPrefixBytes> prefix{};
  StoreBigEndian32(LogChecksum(payload), prefix.data() + 4);
  StoreBigEndian32(static_cast<uint32_t>(payload.size()), prefix.data() + 8);
  out->append(prefix.data(), prefix.size());
  out->append(payload);
  out->push_back(kRecordEnd);
}

Zxid ZxidOfPayload(std::string_view payload) {
  CHECK_GE(payload.size(), kTxnHeaderBytes);
  return Zxid{static_cast<int64_t>(LoadBigEndian64(payload.data() + kTxnZxidOffset))};
}

std::string LogFileName(Zxid first) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(),
                                 static_cast<uint64_t>(first.value), 16);
  return "log." + std::string(digits.data(), end.ptr);
}

std::optional<Zxid> ZxidOfFileName(std::string_view kind, std::string_view name) {
  if (!name.starts_with(kind)) return std::nullopt;
  name.remove_prefix(kind.size());
  if (!name.starts_with('.')) return std::nullopt;
  name.remove_prefix(1);
  name = name.substr(0, name.find('.'));
  if (name.starts_with('+') && !name.starts_with("+-")) name.remove_prefix(1);
  int64_t zxid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), zxid, 16);
  if (error != std::errc() || end != name.data() + name.size() || zxid < 0) return std::nullopt;
  return Zxid{zxid};
}

}  // namespace lockkeeper
