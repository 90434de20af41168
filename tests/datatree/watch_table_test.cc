// Watches, row by row (client-protocol 9). Random histories: watch_table_model_test.cc.
#include "datatree/watch_table.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace lockkeeper {
namespace {

constexpr WatcherId kAnn = 1;
constexpr WatcherId kBen = 2;
constexpr uint8_t kPersistent = kDataPersistent | kChildPersistent;  // addWatch mode 0

class Watches : public ::testing::Test {
 protected:
  // The events of a change, for example "1:created /a, 1:children /".
  std::string Fire(ChangeKind kind, const std::string& path) {
    const AclRef parent = kind == ChangeKind::kDataChanged ? nullptr : OpenAcl();
    std::string text;
    table.Match({kind, Zxid{1}, path, OpenAcl(), parent}, [&](const FiredWatch& f) {
      constexpr std::string_view kNames[] = {"", "created ", "deleted ", "data ", "children "};
      if (!text.empty()) text += ", ";
      text += std::to_string(f.watcher) + ":";
      text += kNames[static_cast<size_t>(f.type)];
      text += f.path;
    });
    return text;
  }
  std::string Created(const std::string& path) { return Fire(ChangeKind::kCreated, path); }
  std::string Deleted(const std::string& path) { return Fire(ChangeKind::kDeleted, path); }
  std::string Changed(const std::string& path) { return Fire(ChangeKind::kDataChanged, path); }

  WatchTable table;
};

// --- one-shot watches (9.1, 9.4) --------------------------------------------------------------

TEST_F(Watches, OnDataFireOnce) {  // CP-9.2
  table.Add("/a", kAnn, kDataStandard);
  EXPECT_EQ(Changed("/a"), "1:data /a");
  EXPECT_EQ(Changed("/a"), "");
  EXPECT_TRUE(table.empty());
}

TEST_F(Watches, OnDataFireAtCreationChangeAndDeletion) {  // CP-9.3
  table.Add("/a", kAnn, kDataStandard);
  EXPECT_EQ(Created("/a"), "1:created /a");
  table.Add("/a", kAnn, kDataStandard);
  EXPECT_EQ(Deleted("/a"), "1:deleted /a");
  EXPECT_EQ(Created("/a"), "") << "it has fired";
}

TEST_F(Watches, OnChildrenFireForChildrenAndTheOwnDeletion) {  // CP-9.5
  table.Add("/a", kAnn, kChildStandard);
  EXPECT_EQ(Changed("/a"), "");
  EXPECT_EQ(Changed("/a/b"), "");
  EXPECT_EQ(Created("/a/b/c"), "") << "a grandchild";
  EXPECT_EQ(Created("/a/b"), "1:children /a");
  table.Add("/a", kAnn, kChildStandard);
  EXPECT_EQ(Deleted("/a/b"), "1:children /a");
  table.Add("/a", kAnn, kChildStandard);
  EXPECT_EQ(Deleted("/a"), "1:deleted /a");
  EXPECT_EQ(Created("/a/b"), "");
}

TEST_F(Watches, OnChildrenDoNotFireForTheOwnCreation) {
  table.Add("/a", kAnn, kChildStandard);
  EXPECT_EQ(Created("/a"), "");
  EXPECT_TRUE(table.Has("/a", kAnn, kChildStandard));
}

TEST_F(Watches, OfTheRootHearOfFirstLevelNodes) {
  table.Add("/", kAnn, kChildStandard);
  EXPECT_EQ(Created("/a"), "1:children /");
}

TEST_F(Watches, OfAllKindsGiveOneDeletion) {  // CP-9.4
  table.Add("/a", kAnn, kDataStandard);
  table.Add("/a", kAnn, kDataStandard);  // getData and exists share one entry
  table.Add("/a", kAnn, kChildStandard);
  EXPECT_EQ(table.watch_count(), 2u);
  EXPECT_EQ(Deleted("/a"), "1:deleted /a");
  EXPECT_TRUE(table.empty()) << "the skipped child watch is consumed";
}

TEST_F(Watches, OfDifferentConnectionsEachHearOfADeletion) {
  table.Add("/a", kAnn, kDataStandard);
  table.Add("/a", kBen, kChildStandard);
  EXPECT_EQ(Deleted("/a"), "1:deleted /a, 2:deleted /a");
}

TEST_F(Watches, HearOfTheNodeBeforeItsParent) {  // CP-9.6
  table.Add("/p", kAnn, kChildStandard);
  table.Add("/p/c", kAnn, kDataStandard);
  EXPECT_EQ(Created("/p/c"), "1:created /p/c, 1:children /p");
  table.Add("/p", kAnn, kChildStandard);
  table.Add("/p/c", kAnn, kDataStandard);
  EXPECT_EQ(Deleted("/p/c"), "1:deleted /p/c, 1:children /p");
}

TEST_F(Watches, AreServedTriggerByTrigger) {  // 9.4
  table.Add("/p/c", kBen, kDataStandard | kChildStandard);
  table.Add("/p/c", kAnn, kChildStandard);
  table.Add("/p", kAnn, kChildStandard);
  EXPECT_EQ(Deleted("/p/c"), "2:deleted /p/c, 1:deleted /p/c, 1:children /p");
}

// --- addWatch (9.5) ---------------------------------------------------------------------------

TEST_F(Watches, ThatPersistFireEveryTimeAtTheirPathOnly) {  // CP-9.9
  table.Add("/a", kAnn, kPersistent);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(Created("/a"), "1:created /a");
    EXPECT_EQ(Changed("/a"), "1:data /a");
    EXPECT_EQ(Created("/a/b"), "1:children /a");
    EXPECT_EQ(Changed("/a/b"), "");
    EXPECT_EQ(Created("/a/b/c"), "");
    EXPECT_EQ(Deleted("/a/b"), "1:children /a");
    EXPECT_EQ(Deleted("/a"), "1:deleted /a") << "once, though in both tables";
  }
}

TEST_F(Watches, ThatAreRecursiveFireForTheSubtreeWithoutChildEvents) {  // CP-9.10
  table.Add("/a", kAnn, kDataRecursive);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(Created("/a"), "1:created /a");
    EXPECT_EQ(Created("/a/b"), "1:created /a/b");
    EXPECT_EQ(Changed("/a/b/c/d"), "1:data /a/b/c/d");
    EXPECT_EQ(Deleted("/a/b"), "1:deleted /a/b");
    EXPECT_EQ(Deleted("/a"), "1:deleted /a");
    EXPECT_EQ(Changed("/ab"), "") << "a name that only starts alike";
  }
}

TEST_F(Watches, ThatAreRecursiveWorkFromTheRoot) {  // CP-9.10
  table.Add("/", kAnn, kDataRecursive);
  EXPECT_EQ(Created("/a/b"), "1:created /a/b");
  EXPECT_EQ(Changed("/"), "1:data /");
}

TEST_F(Watches, ThatPersistStayBesideAOneShot) {  // CP-9.11, 9.1: modes are independent
  table.Add("/a", kAnn, kPersistent);
  table.Add("/a", kAnn, kDataStandard | kChildStandard);
  EXPECT_EQ(Changed("/a"), "1:data /a");
  EXPECT_FALSE(table.Has("/a", kAnn, kDataStandard));
  EXPECT_TRUE(table.Has("/a", kAnn, kChildStandard));
  EXPECT_EQ(Created("/a/b"), "1:children /a");
  EXPECT_EQ(Changed("/a"), "1:data /a");
}

TEST_F(Watches, OnTheNodeAreConsumedWithARecursiveOneAbove) {  // CP-9.12
  table.Add("/a", kAnn, kDataRecursive);
  table.Add("/a/b", kAnn, kDataStandard);
  EXPECT_EQ(Changed("/a/b"), "1:data /a/b");
  EXPECT_FALSE(table.Has("/a/b", kAnn, kDataStandard));
  table.Add("/a/b", kAnn, kPersistent);
  EXPECT_EQ(Changed("/a/b"), "1:data /a/b");
}

TEST_F(Watches, ThatAreRecursiveGoTogetherWithChildWatches) {  // CP-9.13
  table.Add("/p", kAnn, kDataRecursive);
  table.Add("/p", kAnn, kChildStandard);
  EXPECT_EQ(Created("/p/c"), "1:created /p/c, 1:children /p");
  EXPECT_EQ(Created("/p/d"), "1:created /p/d");
  table.Add("/p", kBen, kPersistent);
  table.Add("/", kBen, kDataRecursive);
  EXPECT_EQ(Created("/p/e"), "1:created /p/e, 2:created /p/e, 2:children /p");
}

TEST_F(Watches, ThatAreRecursiveGiveOneEventHoweverManyMatch) {  // 9.3
  for (const char* path : {"/", "/a", "/a/b", "/a/b/c"}) table.Add(path, kAnn, kDataRecursive);
  table.Add("/a/b/c", kAnn, kPersistent | kDataStandard);
  table.Add("/a", kBen, kDataRecursive);
  EXPECT_EQ(Changed("/a/b/c"), "1:data /a/b/c, 2:data /a/b/c");
}

TEST_F(Watches, ThatAreRecursiveSkipTheChildTriggerOfADeletion) {
  // Reached through an ancestor in trigger 1, so trigger 2 skips it but consumes its child watch.
  table.Add("/", kBen, kDataRecursive);
  table.Add("/a", kBen, kChildStandard);
  table.Add("/a", kAnn, kChildStandard);
  EXPECT_EQ(Deleted("/a"), "2:deleted /a, 1:deleted /a");
  EXPECT_FALSE(table.Has("/a", kBen, kChildStandard));
}

// --- ACLs (9.7) -------------------------------------------------------------------------------

TEST_F(Watches, CarryTheAclOfTheirTrigger) {  // CP-9.21, CP-9.22
  const auto acl = std::make_shared<const AclList>(AclList{{1, "world", "node"}});
  const auto parent = std::make_shared<const AclList>(AclList{{1, "world", "parent"}});
  table.Add("/", kAnn, kDataRecursive);
  table.Add("/p", kAnn, kChildStandard);
  std::vector<std::string> seen;
  table.Match({ChangeKind::kCreated, Zxid{1}, "/p/c", acl, parent},
              [&](const FiredWatch& f) { seen.push_back(f.acl[0].id); });
  EXPECT_EQ(seen, (std::vector<std::string>{"node", "parent"}));
}

// --- checkWatches and removeWatches (9.8) -----------------------------------------------------

TEST(WatcherTypes, LookAtTheModesOfTheTable) {  // CP-9.15
  struct Row {
    int32_t type;
    int check;
    int remove;
  };
  constexpr Row kRows[] = {{0, 0, 0},
                           {1, kChildStandard, kChildStandard},
                           {2, kDataStandard, kDataStandard},
                           {3, kAllModes, kAllModes},
                           {4, kDataPersistent, kDataPersistent | kChildPersistent},
                           {5, kDataRecursive, kDataRecursive},
                           {6, 0, 0},
                           {-1, 0, 0}};
  for (const Row& row : kRows) {
    EXPECT_EQ(ModesToCheck(row.type), row.check) << row.type;
    EXPECT_EQ(ModesToRemove(row.type), row.remove) << row.type;
  }
}

TEST_F(Watches, AreRemovedByTypeAndOthersStay) {  // CP-9.16
  table.Add("/a", kAnn, kPersistent | kDataStandard | kChildStandard | kDataRecursive);
  table.Remove("/a", kAnn, ModesToRemove(2));
  EXPECT_FALSE(table.Has("/a", kAnn, kDataStandard));
  EXPECT_EQ(Changed("/a"), "1:data /a");
  table.Remove("/a", kAnn, ModesToRemove(4));
  EXPECT_FALSE(table.Has("/a", kAnn, kPersistent));
  EXPECT_TRUE(table.Has("/a", kAnn, kChildStandard));
  EXPECT_TRUE(table.Has("/a", kAnn, kDataRecursive));
  table.Remove("/a", kAnn, ModesToRemove(3));
  EXPECT_TRUE(table.empty());
}

TEST_F(Watches, AreFoundAtTheExactPathAndConnectionOnly) {  // CP-9.15
  table.Add("/a", kAnn, kDataRecursive);
  EXPECT_TRUE(table.Has("/a", kAnn, ModesToCheck(5)));
  EXPECT_FALSE(table.Has("/a/b", kAnn, ModesToCheck(5))) << "below a recursive watch";
  EXPECT_FALSE(table.Has("/a", kBen, ModesToCheck(3)));
  table.Remove("/a", kBen, kAllModes);
  table.Remove("/a/b", kAnn, kAllModes);
  EXPECT_TRUE(table.Has("/a", kAnn, ModesToCheck(3)));
}

TEST_F(Watches, TakeAnyStringForAPath) {  // CP-9.14
  for (std::string_view path : {"", "foo", "//", "/a/"}) {
    table.Add(path, kAnn, kDataRecursive);
    EXPECT_TRUE(table.Has(path, kAnn, kDataRecursive));
  }
  EXPECT_EQ(Created("/b"), "");
  table.RemoveWatcher(kAnn);
  EXPECT_TRUE(table.empty());
}

// --- the end of a connection, and counts ------------------------------------------------------

TEST_F(Watches, EndWithTheirConnection) {  // CP-9.25
  table.Add("/a", kAnn, kAllModes);
  table.Add("/a", kBen, kDataStandard);
  table.Add("/b", kAnn, kDataRecursive);
  table.RemoveWatcher(kAnn);
  table.RemoveWatcher(kAnn);
  EXPECT_EQ(Created("/b/c"), "");
  EXPECT_EQ(Changed("/a"), "2:data /a");
  EXPECT_TRUE(table.empty());
}

TEST_F(Watches, AreCountedByConnectionPathAndTable) {
  table.Add("/a", kAnn, kDataStandard);
  table.Add("/a", kAnn, kDataPersistent);  // the same table
  table.Add("/a", kAnn, kChildStandard);
  table.Add("/b", kAnn, kDataRecursive);
  table.Add("/a", kBen, kChildPersistent);
  EXPECT_EQ(table.watch_count(), 4u);
  EXPECT_EQ(table.data_watch_count(), 2u);
  std::set<std::string> shown;
  table.ForEachDataWatch([&](const std::string& path, WatcherId watcher) {
    shown.insert(path + " " + std::to_string(watcher));
  });
  EXPECT_EQ(shown, (std::set<std::string>{"/a 1", "/b 1"}));
  Deleted("/a");
  EXPECT_EQ(table.watch_count(), 3u);
}

}  // namespace
}  // namespace lockkeeper
