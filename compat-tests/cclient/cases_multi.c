// Multi-operation transactions.
#include <stdio.h>
#include <string.h>

#include "harness.h"

// CP-8.2, CP-8.4, CP-8.5: elements see earlier ones, all get one zxid, results in order.
static void MultiAppliesAllElementsAtOneZxid(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  EXPECT(Put(zh, At("old"), ""));
  char path[256], sequential[256];
  struct Stat set_stat;
  zoo_op_t ops[5];
  zoo_op_result_t results[5];
  zoo_create_op_init(&ops[0], At("a"), "1", 1, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof(path));
  zoo_set_op_init(&ops[1], At("a"), "two", 3, 0, &set_stat);
  zoo_check_op_init(&ops[2], At("a"), 1);
  zoo_create_op_init(&ops[3], At("a/s-"), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL,
                     sequential, sizeof(sequential));
  zoo_delete_op_init(&ops[4], At("old"), 0);
  EXPECT_EQ(zoo_multi(zh, 5, ops, results), ZOK);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(results[i].err, ZOK);
  EXPECT_STR(path, At("a"));
  EXPECT_STR(sequential, At("a/s-0000000000"));
  EXPECT_EQ(set_stat.version, 1);
  struct Stat a, child;
  EXPECT_EQ(zoo_exists(zh, At("a"), 0, &a), ZOK);
  EXPECT_EQ(zoo_exists(zh, sequential, 0, &child), ZOK);
  EXPECT_EQ(a.mzxid, a.czxid);
  EXPECT_EQ(child.czxid, a.czxid);
  EXPECT_EQ(a.pzxid, a.czxid);
  EXPECT_EQ(zoo_exists(zh, At("old"), 0, NULL), ZNONODE);
}

// CP-8.3: the failing element shows its error, those after it -2, nothing is applied.
static void FailedMultiChangesNothing(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  EXPECT(Put(zh, At("kept"), "x"));
  char path[256];
  zoo_op_t ops[4];
  zoo_op_result_t results[4];
  zoo_create_op_init(&ops[0], At("a"), "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof(path));
  zoo_set_op_init(&ops[1], At("kept"), "y", 1, -1, NULL);
  zoo_delete_op_init(&ops[2], At("missing"), -1);
  zoo_delete_op_init(&ops[3], At("kept"), -1);
  EXPECT_EQ(zoo_multi(zh, 4, ops, results), ZNONODE);
  EXPECT_EQ(results[0].err, ZOK);
  EXPECT_EQ(results[1].err, ZOK);
  EXPECT_EQ(results[2].err, ZNONODE);
  EXPECT_EQ(results[3].err, ZRUNTIMEINCONSISTENCY);
  EXPECT_EQ(zoo_exists(zh, At("a"), 0, NULL), ZNONODE);
  struct Stat stat;
  EXPECT_EQ(zoo_exists(zh, At("kept"), 0, &stat), ZOK);
  EXPECT_EQ(stat.version, 0);
}

// CP-8.6: a failed multi gives its sequence numbers back.
static void FailedMultiReturnsItsSequenceNumbers(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  char path[256];
  zoo_op_t ops[2];
  zoo_op_result_t results[2];
  zoo_create_op_init(&ops[0], At("s-"), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL,
                     path, sizeof(path));
  zoo_check_op_init(&ops[1], At("missing"), -1);
  EXPECT_EQ(zoo_multi(zh, 2, ops, results), ZNONODE);
  EXPECT_EQ(zoo_multi(zh, 1, ops, results), ZOK);
  EXPECT_STR(path, At("s-0000000000"));
}

// CP-8.7: check compares the version.
static void CheckGuardsAMulti(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  EXPECT(Put(zh, At("guard"), ""));
  zoo_op_t ops[2];
  zoo_op_result_t results[2];
  zoo_check_op_init(&ops[0], At("guard"), 1);
  zoo_set_op_init(&ops[1], At("guard"), "new", 3, -1, NULL);
  EXPECT_EQ(zoo_multi(zh, 2, ops, results), ZBADVERSION);
  EXPECT_EQ(zoo_set(zh, At("guard"), "", 0, 0), ZOK);
  EXPECT_EQ(zoo_multi(zh, 2, ops, results), ZOK);
}

// CP-8.1: nothing to do is done.
static void EmptyMultiSucceeds(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  EXPECT_EQ(zoo_multi(zh, 0, NULL, NULL), ZOK);
}

// CP-8.13: order inside a multi is the order of the list.
static void ChildIsDeletedBeforeItsParent(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  EXPECT(Put(zh, At("p"), ""));
  EXPECT(Put(zh, At("p/c"), ""));
  zoo_op_t ops[2];
  zoo_op_result_t results[2];
  zoo_delete_op_init(&ops[0], At("p"), -1);
  zoo_delete_op_init(&ops[1], At("p/c"), -1);
  EXPECT_EQ(zoo_multi(zh, 2, ops, results), ZNOTEMPTY);
  zoo_delete_op_init(&ops[0], At("p/c"), -1);
  zoo_delete_op_init(&ops[1], At("p"), -1);
  EXPECT_EQ(zoo_multi(zh, 2, ops, results), ZOK);
}

// CP-8.4: many elements in one transaction.
static void FiveHundredCreatesInOneMulti(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  enum { kCount = 500 };
  static char paths[kCount][512];
  static zoo_op_t ops[kCount];
  static zoo_op_result_t results[kCount];
  for (int i = 0; i < kCount; ++i) {
    snprintf(paths[i], sizeof(paths[i]), "%s/n%03d", RootPath(), i);
    zoo_create_op_init(&ops[i], paths[i], "x", 1, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0);
  }
  EXPECT_EQ(zoo_multi(zh, kCount, ops, results), ZOK);
  struct Stat stat;
  EXPECT_EQ(zoo_exists(zh, RootPath(), 0, &stat), ZOK);
  EXPECT_EQ(stat.numChildren, kCount);
}

const Case kMultiCases[] = {
    {"multi_applies_all_elements_at_one_zxid", MultiAppliesAllElementsAtOneZxid},
    {"failed_multi_changes_nothing", FailedMultiChangesNothing},
    {"failed_multi_returns_its_sequence_numbers", FailedMultiReturnsItsSequenceNumbers},
    {"check_guards_a_multi", CheckGuardsAMulti},
    {"empty_multi_succeeds", EmptyMultiSucceeds},
    {"child_is_deleted_before_its_parent", ChildIsDeletedBeforeItsParent},
    {"five_hundred_creates_in_one_multi", FiveHundredCreatesInOneMulti},
    {NULL, NULL},
};
