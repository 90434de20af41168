// The transaction log: one write and one sync for a group of transactions, on the disk that holds
// $TMPDIR (default /tmp). On tmpfs the sync costs nothing and the figures mean nothing.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "protocol/txn.h"
#include "server/storage/file_system.h"
#include "server/storage/txn_log_writer.h"
#include "zab/log_entry.h"

namespace lockkeeper {
namespace {

constexpr size_t kPayloadBytes = 200;

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name =
        (std::filesystem::temp_directory_path() / "lockkeeper-bench-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A setData transaction of exactly kPayloadBytes.
LogEntry Entry(Zxid zxid) {
  std::string payload;
  Encode(TxnHeader{0x100000001, 1, zxid.value, 1'700'000'000'000, 5}, &payload);
  payload.resize(kPayloadBytes, 'x');
  return {zxid, std::make_shared<const std::string>(std::move(payload))};
}

int64_t Percentile(std::vector<int64_t>* sorted, int percent) {
  return (*sorted)[(sorted->size() - 1) * static_cast<size_t>(percent) / 100];
}

Status WriteGroup(TxnLogWriter* writer, const std::vector<LogEntry>& group,
                  std::vector<int64_t>* sync_us) {
  if (Status written = writer->Append(group); !written) return written;
  const Result<SyncReport> synced = writer->Sync();
  if (!synced) return synced.error();
  sync_us->push_back(synced->took.count());
  return {};
}

// Arguments: transactions in a group; whether to sync (forceSync).
void AppendAndSync(benchmark::State& state) {
  const auto group_size = static_cast<size_t>(state.range(0));
  const TemporaryDirectory directory;
  Zxid last{0};
  TxnLogOptions options{.dir = directory.path()};
  options.force_sync = state.range(1) != 0;
  auto writer = TxnLogWriter::Open(PosixFileSystem(), options, last);
  if (!writer) return state.SkipWithError(writer.error().message.c_str());

  const auto next_group = [&] {
    std::vector<LogEntry> group;
    for (size_t i = 0; i < group_size; ++i) group.push_back(Entry(last = NextZxid(last)));
    return group;
  };
  std::vector<int64_t> sync_us;
  // The first group starts the file, which is not what is measured.
  Status written = WriteGroup(writer->get(), next_group(), &sync_us);
  sync_us.clear();
  for (auto _ : state) {
    state.PauseTiming();
    const std::vector<LogEntry> group = next_group();
    state.ResumeTiming();
    if (written) written = WriteGroup(writer->get(), group, &sync_us);
  }
  if (!written) return state.SkipWithError(written.error().message.c_str());
  const auto records = static_cast<double>(state.iterations() * group_size);
  state.counters["per_record"] =
      benchmark::Counter(records, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["records_per_s"] = benchmark::Counter(records, benchmark::Counter::kIsRate);
  std::sort(sync_us.begin(), sync_us.end());
  state.counters["sync_p50_us"] = static_cast<double>(Percentile(&sync_us, 50));
  state.counters["sync_p99_us"] = static_cast<double>(Percentile(&sync_us, 99));
}
BENCHMARK(AppendAndSync)
    ->ArgNames({"group", "sync"})
    ->ArgsProduct({{1, 10, 100, 1000}, {1}})
    ->ArgsProduct({{1, 1000}, {0}})
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();

}  // namespace
}  // namespace lockkeeper
