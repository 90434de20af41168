// Watches: registering them, and finding whom a change reaches.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/sample_tree.h"
#include "datatree/watch_table.h"

namespace lockkeeper {
namespace {

constexpr uint32_t kWatchedPaths = 100'000;

Change DataChange(std::string path) {
  return {ChangeKind::kDataChanged, Zxid{1}, std::move(path), OpenAcl(), nullptr};
}

std::vector<std::string> Paths(uint32_t count) {
  std::vector<std::string> paths;
  for (uint32_t i = 0; i < count; ++i) paths.push_back(LeafPath(i));
  return paths;
}

// A table in which 1000 connections watch 100 paths each, every path by one.
std::unique_ptr<WatchTable> FullTable(const std::vector<std::string>& paths, uint8_t mode) {
  auto table = std::make_unique<WatchTable>();
  for (size_t i = 0; i < paths.size(); ++i) table->Add(paths[i], i % 1000, mode);
  return table;
}

// A one-shot data watch on a path that nobody watches yet, into a table that grows to 100,000.
void AddWatch(benchmark::State& state) {
  const std::vector<std::string> paths = Paths(kWatchedPaths);
  auto table = std::make_unique<WatchTable>();
  size_t i = 0;
  for (auto _ : state) {
    if (i == paths.size()) {
      state.PauseTiming();
      table = std::make_unique<WatchTable>();
      i = 0;
      state.ResumeTiming();
    }
    table->Add(paths[i], i % 1000, kDataStandard);
    ++i;
  }
}
BENCHMARK(AddWatch);

// What a client's getData with a watch and the next setData cost together: add, find, forget.
void AddAndFireOneShot(benchmark::State& state) {
  const std::vector<std::string> paths = Paths(kWatchedPaths);
  const auto table = FullTable(paths, kDataPersistent);
  std::vector<Change> changes;
  for (const std::string& path : paths) changes.push_back(DataChange(path));
  int64_t fired = 0;
  size_t i = 0;
  for (auto _ : state) {
    table->Add(paths[i], 5000, kDataStandard);
    table->Match(changes[i], [&](const FiredWatch&) { ++fired; });
    i = (i + 1) % paths.size();
  }
  if (fired != 2 * state.iterations()) state.SkipWithError("not every watch fired");
}
BENCHMARK(AddAndFireOneShot);

// A change of a path that nobody watches, in a table of 100,000: what every write costs every
// I/O thread.
void MatchNobody(benchmark::State& state) {
  const std::vector<std::string> paths = Paths(kWatchedPaths);
  const auto table = FullTable(paths, kDataStandard);
  std::vector<Change> changes;
  for (uint32_t i = 0; i < 1000; ++i) changes.push_back(DataChange(LeafPath(kWatchedPaths + i)));
  int64_t fired = 0;
  size_t i = 0;
  for (auto _ : state) {
    table->Match(changes[i++ % changes.size()], [&](const FiredWatch&) { ++fired; });
  }
  if (fired != 0) state.SkipWithError("a watch fired");
}
BENCHMARK(MatchNobody);

// Argument: connections with a persistent watch on the path that changes.
void MatchPersistent(benchmark::State& state) {
  const auto watchers = static_cast<WatcherId>(state.range(0));
  const std::vector<std::string> paths = Paths(kWatchedPaths);
  const auto table = FullTable(paths, kChildStandard);
  for (WatcherId w = 0; w < watchers; ++w) table->Add(paths[7], w, kDataPersistent);
  const Change change = DataChange(paths[7]);
  int64_t fired = 0;
  for (auto _ : state) table->Match(change, [&](const FiredWatch&) { ++fired; });
  if (fired != state.range(0) * state.iterations()) state.SkipWithError("not every watch fired");
}
BENCHMARK(MatchPersistent)->Arg(1)->Arg(100)->Arg(10'000);

// Argument: levels of the path that changes; one connection watches the whole tree recursively.
void MatchRecursive(benchmark::State& state) {
  const auto table = FullTable(Paths(kWatchedPaths), kDataStandard);
  table->Add("/", 1, kDataRecursive);
  std::string path;
  for (int64_t level = 0; level < state.range(0); ++level) path += "/level";
  const Change change = DataChange(path);
  int64_t fired = 0;
  for (auto _ : state) table->Match(change, [&](const FiredWatch&) { ++fired; });
  if (fired != state.iterations()) state.SkipWithError("no watch fired");
}
BENCHMARK(MatchRecursive)->Arg(2)->Arg(10);

// A connection ends. Argument: its watches.
void RemoveWatcher(benchmark::State& state) {
  const std::vector<std::string> paths = Paths(static_cast<uint32_t>(state.range(0)));
  const auto table = FullTable(Paths(kWatchedPaths), kDataStandard);
  for (auto _ : state) {
    state.PauseTiming();
    for (const std::string& path : paths) table->Add(path, 5000, kDataStandard);
    state.ResumeTiming();
    table->RemoveWatcher(5000);
  }
}
BENCHMARK(RemoveWatcher)->Arg(1000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace lockkeeper
