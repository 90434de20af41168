// Any bytes as a transaction log: reading it either refuses it as damaged or hands on records with
// rising zxids and no gap, the same ones when it is read again, leniently or without its torn tail.
#include <glog/logging.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "server/storage/txn_log_format.h"
#include "server/storage/txn_log_reader.h"
#include "tests/server/storage/fake_file_system.h"

namespace {

using namespace lockkeeper;  // NOLINT: a fuzz target is one function

// Small, so that the search for a record behind a broken one is cheap.
constexpr size_t kPayloadBytesMax = 4096;

struct Replayed {
  bool ok = false;
  std::vector<std::string> payloads;
  ReplaySummary summary;
};

// The zxid where the first record would have it; the file is named after it, as a writer does.
Zxid FirstZxid(std::string_view file) {
  constexpr size_t kAt = kLogHeaderBytes + kRecordPrefixBytes + kTxnZxidOffset;
  if (file.size() < kAt + sizeof(int64_t)) return Zxid{1};
  const auto zxid = static_cast<int64_t>(LoadBigEndian64(file.data() + kAt));
  return Zxid{std::max<int64_t>(zxid, 1)};
}

Replayed Replay(std::string_view file, const ReplayLimits& limits) {
  FakeFileSystem fs;
  if (!fs.MakeDirs("/log")) std::abort();
  const Zxid first = FirstZxid(file);
  fs.PutDurably("/log/" + LogFileName(first), std::string(file));
  Replayed replayed;
  Zxid last{first.value - 1};
  const auto summary =
      ReplayLog(fs, "/log", last, limits, [&](Zxid zxid, std::string_view payload) {
        if (zxid <= last || !FollowsInLog(last, zxid)) std::abort();
        if (ZxidOfPayload(payload) != zxid) std::abort();
        last = zxid;
        replayed.payloads.emplace_back(payload);
        return Status();
      });
  replayed.ok = summary.has_value();
  if (!replayed.ok) return replayed;
  replayed.summary = *summary;
  if (summary->last_zxid != last || summary->records != replayed.payloads.size()) std::abort();
  return replayed;
}

// Makes the checksum of every record right, as far as lengths lead from one to the next: mutation
// alone would never get past it.
void RepairChecksums(char* data, size_t size) {
  size_t at = kLogHeaderBytes;
  while (at + kRecordOverheadBytes <= size) {
    const size_t length = LoadBigEndian32(data + at + 8);
    if (length > size - at - kRecordOverheadBytes) return;
    const uint32_t checksum = LogChecksum({data + at + kRecordPrefixBytes, length});
    for (size_t i = 0; i < 8; ++i) {
      data[at + i] = i < 4 ? '\0' : static_cast<char>(checksum >> (8 * (7 - i)));
    }
    at += LogRecordBytes(length);
  }
}

}  // namespace

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  const size_t mutated = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 8 != 0) RepairChecksums(reinterpret_cast<char*>(data), mutated);
  return mutated;
}

// Nearly every input makes the reader warn.
extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  FLAGS_minloglevel = google::GLOG_FATAL;
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  ReplayLimits limits;
  limits.payload_bytes_max = kPayloadBytesMax;
  const Replayed strict = Replay(file, limits);
  if (!strict.ok) return 0;
  limits.drop_records_after_damage = true;
  const Replayed lenient = Replay(file, limits);
  if (!lenient.ok || lenient.payloads != strict.payloads) std::abort();
  limits.drop_records_after_damage = false;
  if (strict.summary.torn.empty()) return 0;
  const Replayed cut = Replay(file.substr(0, strict.summary.torn[0].offset), limits);
  if (!cut.ok || cut.payloads != strict.payloads || !cut.summary.torn.empty()) std::abort();
  return 0;
}
