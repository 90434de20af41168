// Damage to the files of a store: reading gives an error or the same data, never other data.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "server/storage/synced_mark.h"
#include "tests/server/storage/fake_file_system.h"
#include "tests/server/storage/leveldb_test_util.h"

namespace lockkeeper {
namespace {

constexpr int kDamagedBatches =
    22;  // the last one is small: its whole record is near the log's end

std::string StorePath(const std::string& name) { return std::string(kStoreDir) + "/" + name; }

// A store at rest, with tables, a manifest of several records, a log of several and nothing that
// waits to be removed.
std::unique_ptr<FakeFileSystem> MakeStore() {
  auto fs = std::make_unique<FakeFileSystem>();
  const OpenStore store = OpenLevelDb(*fs);
  EXPECT_TRUE(store.opened.ok());
  for (int k = 1; k <= kDamagedBatches; ++k) {
    EXPECT_TRUE(WriteSynced(store.db.get(), k).ok());
    // What follows is less than a table.
    if (k == kDamagedBatches - 3) store.db->CompactRange(nullptr, nullptr);
  }
  return fs;
}

std::vector<std::string> NamesOf(FakeFileSystem& fs, StoreFileKind kind) {
  auto names = fs.List(kStoreDir);
  EXPECT_TRUE(names);
  std::erase_if(*names, [kind](const std::string& name) { return KindOfStoreFile(name) != kind; });
  return *names;
}

enum class Outcome { kSameData, kError, kOtherData };

Outcome Read(FakeFileSystem& fs) {
  const OpenStore store = OpenLevelDb(fs);
  if (store.db == nullptr) return Outcome::kError;
  const auto content = ReadAll(store.db.get());
  if (!content) return Outcome::kError;
  return *content == ContentAfter(kDamagedBatches) ? Outcome::kSameData : Outcome::kOtherData;
}

struct Bit {
  uint64_t offset;
  int bit;
};

// All near the ends, where headers and footers are, and some of the rest.
std::vector<Bit> BitsToFlip(uint64_t size) {
  std::vector<Bit> bits;
  for (uint64_t at = 0; at < size; ++at) {
    const bool near_an_end = at < 64 || at + 64 >= size;
    for (int bit = 0; bit < 8; ++bit) {
      if (near_an_end || (at * 8 + static_cast<uint64_t>(bit)) % 3989 == 0) {
        bits.push_back({at, bit});
      }
    }
  }
  return bits;
}

struct Outcomes {
  int same = 0;
  int errors = 0;
};

Outcomes FlipBitsOf(FakeFileSystem& fs, StoreFileKind kind) {
  Outcomes outcomes;
  const std::vector<std::string> names = NamesOf(fs, kind);
  EXPECT_FALSE(names.empty());
  for (const std::string& name : names) {
    for (const auto& [offset, bit] : BitsToFlip(fs.Content(StorePath(name)).size())) {
      const auto damaged = fs.Clone();
      damaged->FlipBit(StorePath(name), offset, bit);
      const Outcome outcome = Read(*damaged);
      EXPECT_NE(outcome, Outcome::kOtherData) << name << " bit " << bit << " at " << offset;
      ++(outcome == Outcome::kSameData ? outcomes.same : outcomes.errors);
    }
  }
  return outcomes;
}

TEST(LevelDbDamage, AFlippedBitOfALogIsAlwaysAnError) {
  const auto fs = MakeStore();
  const Outcomes outcomes = FlipBitsOf(*fs, StoreFileKind::kLog);
  EXPECT_EQ(outcomes.same, 0) << "also in the last record, which LevelDB takes for a torn one";
  EXPECT_GT(outcomes.errors, 100);
}

TEST(LevelDbDamage, AFlippedBitOfAManifestIsAlwaysAnError) {
  const auto fs = MakeStore();
  const Outcomes outcomes = FlipBitsOf(*fs, StoreFileKind::kManifest);
  EXPECT_EQ(outcomes.same, 0);
  EXPECT_GT(outcomes.errors, 100);
}

TEST(LevelDbDamage, AFlippedBitOfATableIsAnErrorWhereItMatters) {
  const auto fs = MakeStore();
  const Outcomes outcomes = FlipBitsOf(*fs, StoreFileKind::kTable);
  EXPECT_GT(outcomes.errors, 100);
  EXPECT_LT(outcomes.same, outcomes.errors) << "padding of the footer, blocks nobody needs";
}

TEST(LevelDbDamage, AFlippedBitOfAnyOtherFileChangesNoData) {
  const auto fs = MakeStore();
  const Outcomes outcomes = FlipBitsOf(*fs, StoreFileKind::kOther);
  EXPECT_GT(outcomes.errors, 0) << "CURRENT";
  EXPECT_GT(outcomes.same, 100) << "each mark has two copies";
}

TEST(LevelDbDamage, AFileThatIsCutOrMissingIsAnErrorOrNotNeeded) {
  const auto fs = MakeStore();
  int errors = 0;
  const auto names = fs->List(kStoreDir);
  ASSERT_TRUE(names);
  for (const std::string& name : *names) {
    if (name == "LOCK" || name == "CURRENT") continue;
    const uint64_t size = fs->Content(StorePath(name)).size();
    for (const uint64_t left : {uint64_t{0}, size / 2, size - std::min<uint64_t>(size, 1)}) {
      const auto damaged = fs->Clone();
      damaged->PutDurably(StorePath(name), damaged->Content(StorePath(name)).substr(0, left));
      const Outcome outcome = Read(*damaged);
      EXPECT_NE(outcome, Outcome::kOtherData) << name << " cut to " << left;
      errors += outcome == Outcome::kError ? 1 : 0;
    }
    const auto damaged = fs->Clone();
    ASSERT_TRUE(damaged->Remove(StorePath(name)).ok());
    EXPECT_EQ(Read(*damaged), Outcome::kError) << name << " missing";
  }
  EXPECT_GT(errors, 5);
}

TEST(LevelDbDamage, WhatFollowsTheSyncedPartOfALogIsNotSeen) {
  const auto fs = MakeStore();
  const std::string log = StorePath(NamesOf(*fs, StoreFileKind::kLog).back());
  const std::string whole = fs->Content(log);
  for (const std::string& tail :
       {std::string(1, '\0'), std::string(40'000, '\0'), std::string(40'000, '\x55'), whole}) {
    const auto after = fs->Clone();
    after->PutDurably(log, whole + tail);
    EXPECT_EQ(Read(*after), Outcome::kSameData) << tail.size();
  }
}

TEST(LevelDbDamage, TheErrorNamesTheFileAndWhatIsWrong) {
  const auto fs = MakeStore();
  const std::string log = StorePath(NamesOf(*fs, StoreFileKind::kLog).back());
  const auto message = [](FakeFileSystem& disk) { return OpenLevelDb(disk).opened.ToString(); };
  const auto flipped = fs->Clone();
  flipped->FlipBit(log, 20, 3);
  EXPECT_NE(message(*flipped).find(log + " are not what was written and synced"),
            std::string::npos);
  const auto cut = fs->Clone();
  cut->PutDurably(log, "");
  EXPECT_NE(message(*cut).find(log + " has only 0 bytes, but "), std::string::npos);
  const auto unmarked = fs->Clone();
  ASSERT_TRUE(unmarked->Remove(log + ".synced").ok());
  EXPECT_NE(message(*unmarked).find(log + ".synced is missing"), std::string::npos);
  const auto missing = fs->Clone();
  ASSERT_TRUE(missing->Remove(log).ok());
  EXPECT_NE(message(*missing).find(log + " is missing"), std::string::npos);
}

// --- the mark ---------------------------------------------------------------------------------

TEST(SyncedMark, SaysTheLastOrTheOneBeforeAfterACrashWhileItIsWritten) {
  const std::string path = "/data/mark";
  for (uint64_t n = 1; n <= 12; ++n) {
    for (const size_t torn : {size_t{0}, size_t{13}, size_t{27}, size_t{28}}) {
      FakeFileSystem fs;
      ASSERT_TRUE(fs.MakeDirs("/data").ok());
      const auto mark = SyncedMark::Create(fs, path);
      ASSERT_TRUE(mark);
      ASSERT_TRUE(fs.SyncDir("/data").ok());
      fs.StopAtOperation(n);
      std::vector<SyncedPrefix> set(1);
      bool done = true;
      for (int i = 0; i < 4 && done; ++i) {
        set.push_back(set.back());
        set.back().Extend("some bytes");
        done = (*mark)->Set(set.back()).ok();
      }
      fs.LosePower({.kind = Survivors::Kind::kPrefix, .operations = n % 2, .torn_bytes = torn});
      const auto read = ReadSyncedMark(fs, path);
      ASSERT_TRUE(read) << read.error().message;
      const bool last = *read == set.back();
      EXPECT_TRUE(last || (!done && *read == set[set.size() - 2])) << "stopped at " << n;
    }
  }
}

TEST(SyncedMark, GoesOnAfterItIsOpenedAgain) {
  FakeFileSystem fs;
  ASSERT_TRUE(fs.MakeDirs("/data").ok());
  ASSERT_TRUE(SyncedMark::Create(fs, "/data/mark"));
  SyncedPrefix prefix;
  for (int i = 0; i < 5; ++i) {
    const auto mark = SyncedMark::Open(fs, "/data/mark");
    ASSERT_TRUE(mark);
    EXPECT_EQ((*mark)->prefix(), prefix);
    prefix.Extend("bytes");
    ASSERT_TRUE((*mark)->Set(prefix).ok());
  }
  EXPECT_EQ(*ReadSyncedMark(fs, "/data/mark"), prefix);
  EXPECT_EQ(prefix.size, 25u);
}

}  // namespace
}  // namespace lockkeeper
