// Znodes: finding, reading, preparing and applying changes, and the memory that they take.
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "bench/sample_tree.h"
#include "datatree/node_store.h"
#include "server/pipeline/read_handlers.h"

namespace lockkeeper {
namespace {

constexpr uint32_t kMillion = 1'000'000;
// Between two pauses of the clock, so that these cost nothing beside what is measured.
constexpr int64_t kBatch = 1000;

int64_t ResidentBytes() {
  int64_t total = 0;
  int64_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

// Arguments: bytes of data of each znode; 1 if each was changed after its creation. Counters, all
// in bytes a znode: `reserved` by NodeStore, `overhead` of that beyond name and data, `rss` growth
// of the process. Runs first: memory freed by others would hide growth.
void BytesPerZnode(benchmark::State& state) {
  const std::string data(static_cast<size_t>(state.range(0)), 'x');
  const bool changed = state.range(1) != 0;
  for (auto _ : state) {
    malloc_trim(0);
    const int64_t rss_before = ResidentBytes();
    const auto nodes = std::make_unique<NodeStore>(42);
    NodeId directory = kNoNode;
    for (uint32_t i = 0; i < kMillion; ++i) {
      const int64_t zxid = i + 1;
      NodeStat stat{
          .czxid = zxid, .mzxid = zxid, .pzxid = zxid, .ctime = kSampleTime, .mtime = kSampleTime};
      if (i % kLeavesPerDirectory == 0) {
        const std::string name = DirectoryPath(i / kLeavesPerDirectory).substr(1);
        directory = nodes->Create(NodeStore::kRoot, name, {}, 0, stat);
      }
      const NodeId node = nodes->Create(directory, LeafName(i), data, 0, stat);
      if (!changed) continue;
      stat.version = 1;
      ++stat.mzxid;
      nodes->SetStat(node, stat);
    }
    const auto per_znode = [&](int64_t bytes) {
      return static_cast<double>(bytes) / static_cast<double>(nodes->size());
    };
    const auto reserved = static_cast<int64_t>(nodes->reserved_bytes());
    const auto content = static_cast<int64_t>(kMillion * (LeafName(0).size() + data.size()));
    state.counters["reserved"] = per_znode(reserved);
    state.counters["overhead"] = per_znode(reserved - content);
    state.counters["rss"] = per_znode(ResidentBytes() - rss_before);
  }
}
BENCHMARK(BytesPerZnode)
    ->ArgNames({"data", "changed"})
    ->ArgsProduct({{0, 24, 100}, {0, 1}})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

// Trees that several benchmarks only read, the latest one kept.
SampleTree& TreeOf(uint32_t znodes) {
  static std::unique_ptr<SampleTree> tree;
  if (tree == nullptr || tree->size() != znodes) {
    tree.reset();
    tree = std::make_unique<SampleTree>(false);
    tree->Grow(znodes, std::string(100, 'x'));
  }
  return *tree;
}

// 65536 paths all over the tree: their znodes do not fit in a core's own caches.
std::vector<std::string> RandomPaths(uint32_t znodes) {
  std::mt19937 random(7);  // NOLINT: the same for every run
  std::vector<std::string> paths(1 << 16);
  for (std::string& path : paths) path = LeafPath(static_cast<uint32_t>(random() % znodes));
  return paths;
}

// Path to znode: two levels. Argument: znodes.
void Lookup(benchmark::State& state) {
  const auto znodes = static_cast<uint32_t>(state.range(0));
  const NodeStore& nodes = TreeOf(znodes).tree().nodes();
  const std::vector<std::string> paths = RandomPaths(znodes);
  size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(nodes.Lookup(paths[i++ % paths.size()]));
}
BENCHMARK(Lookup)->Arg(1000)->Arg(3000)->Arg(10'000)->Arg(100'000)->Arg(kMillion);

// The same, as many at once as are looked up together.
void LookupTogether(benchmark::State& state) {
  const auto znodes = static_cast<uint32_t>(state.range(0));
  const NodeStore& nodes = TreeOf(znodes).tree().nodes();
  const std::vector<std::string> paths = RandomPaths(znodes);
  size_t i = 0;
  while (state.KeepRunningBatch(ExpectedPaths::kMax)) {
    ExpectedPaths next;
    while (!next.full()) next.Add(paths[i++ % paths.size()]);
    FoundNodes found;
    nodes.LookupAll(next, &found);
    for (const std::string_view path : next.paths()) benchmark::DoNotOptimize(found.Take(path));
  }
}
BENCHMARK(LookupTogether)->Arg(1000)->Arg(3000)->Arg(10'000)->Arg(100'000)->Arg(kMillion);

// The whole of a read on its I/O thread: lookup, ACL, stat and the encoded reply.
void Reads(benchmark::State& state, OpCode op, const std::vector<std::string>& paths,
           const DataTree& tree) {
  const AccessRules access;
  const std::vector<Identity> nobody;
  const ReadContext context{tree, access, nobody, SessionId{1}};
  std::string out;
  std::vector<WatchRegistration> watches;
  size_t i = 0;
  for (auto _ : state) {
    out.clear();
    const RequestBody request = PathWatchRequest{paths[i++ % paths.size()], false};
    HandleTreeRead(context, 1, op, request, &out, &watches);
    benchmark::DoNotOptimize(out.data());
  }
  state.counters["reply_bytes"] = static_cast<double>(out.size());
}

// 100 bytes of data. Argument: znodes.
void GetData(benchmark::State& state) {
  const auto znodes = static_cast<uint32_t>(state.range(0));
  Reads(state, OpCode::kGetData, RandomPaths(znodes), TreeOf(znodes).tree());
}
BENCHMARK(GetData)->Arg(1000)->Arg(100'000)->Arg(kMillion);

// A directory of 1000 children, another one each time. Argument: znodes.
void GetChildrenOf1000(benchmark::State& state) {
  const auto znodes = static_cast<uint32_t>(state.range(0));
  std::vector<std::string> directories;
  for (uint32_t i = 0; i < znodes / kLeavesPerDirectory; ++i) {
    directories.push_back(DirectoryPath(i));
  }
  std::shuffle(directories.begin(), directories.end(), std::mt19937(7));  // NOLINT: repeatable
  Reads(state, OpCode::kGetChildren, directories, TreeOf(znodes).tree());
}
BENCHMARK(GetChildrenOf1000)->Arg(1000)->Arg(kMillion)->Unit(benchmark::kMicrosecond);

// Applies transactions that `make` produces, kBatch at a time, with the clock stopped meanwhile.
template <class Make>
void Applies(benchmark::State& state, SampleTree* sample, const Make& make) {
  std::vector<std::string> payloads;
  while (state.KeepRunningBatch(kBatch)) {
    state.PauseTiming();
    payloads.clear();
    for (int64_t i = 0; i < kBatch; ++i) payloads.push_back(make());
    state.ResumeTiming();
    for (const std::string& payload : payloads) sample->ApplyOrDie(payload);
  }
}

constexpr uint32_t kStartSize = 100'000;

void ApplyCreate(benchmark::State& state) {
  SampleTree sample(state.range(0) != 0);
  const std::string data(100, 'x');
  sample.Grow(kStartSize, data);
  Applies(state, &sample, [&] { return sample.NextCreate(data); });
}
BENCHMARK(ApplyCreate)->ArgName("digest")->Arg(0)->Arg(1);

void ApplySetData(benchmark::State& state) {
  SampleTree sample(state.range(0) != 0);
  const std::string data(100, 'x');
  sample.Grow(kStartSize, data);
  const std::vector<std::string> paths = RandomPaths(kStartSize);
  size_t i = 0;
  Applies(state, &sample, [&] { return sample.SetDataTxnFor(paths[i++ % paths.size()], data); });
}
BENCHMARK(ApplySetData)->ArgName("digest")->Arg(0)->Arg(1);

// Deletes what was created while the clock stood.
void ApplyDelete(benchmark::State& state) {
  SampleTree sample(state.range(0) != 0);
  const std::string data(100, 'x');
  sample.Grow(kStartSize, data);
  Applies(state, &sample, [&] {
    sample.Grow(1, data);
    return sample.DeleteTxnFor(LeafPath(sample.size() - 1));
  });
}
BENCHMARK(ApplyDelete)->ArgName("digest")->Arg(0)->Arg(1);

// Everything that the core thread does for one write, but for handing it on.
void PrepareAndApplyCreate(benchmark::State& state) {
  SampleTree sample(state.range(0) != 0);
  const std::string data(100, 'x');
  sample.Grow(kStartSize, data);
  uint32_t next = kStartSize;  // into directories of the sample, beside its leaves
  std::vector<std::string> paths(kBatch);
  while (state.KeepRunningBatch(kBatch)) {
    state.PauseTiming();
    for (std::string& path : paths) {
      path = DirectoryPath(next % (kStartSize / kLeavesPerDirectory)) + "/" + LeafName(next);
      ++next;
    }
    state.ResumeTiming();
    for (const std::string& path : paths) {
      sample.PrepareAndApply(OpCode::kCreate2, CreateRequest{path, data, OpenAclRecords(), 0});
    }
  }
}
BENCHMARK(PrepareAndApplyCreate)->ArgName("digest")->Arg(0)->Arg(1);

void PrepareAndApplySetData(benchmark::State& state) {
  SampleTree sample(state.range(0) != 0);
  const std::string data(100, 'x');
  sample.Grow(kStartSize, data);
  const std::vector<std::string> paths = RandomPaths(kStartSize);
  size_t i = 0;
  for (auto _ : state) {
    sample.PrepareAndApply(OpCode::kSetData, SetDataRequest{paths[i++ % paths.size()], data, -1});
  }
}
BENCHMARK(PrepareAndApplySetData)->ArgName("digest")->Arg(0)->Arg(1);

}  // namespace
}  // namespace lockkeeper
