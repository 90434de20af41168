// The synchronous calls: znodes, versions, stats, sequence numbers, kinds of znodes.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

static int Create(zhandle_t* zh, const char* path, const char* value, int mode) {
  return zoo_create(zh, path, value, (int)strlen(value), &ZOO_OPEN_ACL_UNSAFE, mode, NULL, 0);
}

// CP-4.1: create answers with the path.
static void CreateReturnsThePath(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  char path[256];
  EXPECT_EQ(
      zoo_create(zh, At("a"), "x", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, path, sizeof(path)),
      ZOK);
  EXPECT_STR(path, At("a"));
}

// CP-7.1: each refusal of create with its own error code.
static void CreateRefusals(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  EXPECT(Put(zh, At("a"), ""));
  EXPECT_EQ(Create(zh, At("a"), "", ZOO_PERSISTENT), ZNODEEXISTS);
  EXPECT_EQ(Create(zh, At("missing/a"), "", ZOO_PERSISTENT), ZNONODE);
  EXPECT_EQ(Create(zh, At("ephemeral"), "", ZOO_EPHEMERAL), ZOK);
  EXPECT_EQ(Create(zh, At("ephemeral/child"), "", ZOO_PERSISTENT), ZNOCHILDRENFOREPHEMERALS);
  struct ACL_vector no_acl = {0, NULL};
  EXPECT_EQ(zoo_create(zh, At("b"), "", 0, &no_acl, ZOO_PERSISTENT, NULL, 0), ZINVALIDACL);
  struct ACL unknown_scheme[] = {{0x1f, {"nosuchscheme", "x"}}};
  struct ACL_vector unknown = {1, unknown_scheme};
  EXPECT_EQ(zoo_create(zh, At("b"), "", 0, &unknown, ZOO_PERSISTENT, NULL, 0), ZINVALIDACL);
}

// CP-4.1, CP-7.9: create2 answers with the stat of a fresh znode.
static void Create2ReturnsPathAndStat(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  char path[256];
  struct Stat stat;
  EXPECT_EQ(zoo_create2(zh, At("a"), "four", 4, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, path,
                        sizeof(path), &stat),
            ZOK);
  EXPECT_STR(path, At("a"));
  EXPECT(stat.czxid > 0);
  EXPECT_EQ(stat.mzxid, stat.czxid);
  EXPECT_EQ(stat.pzxid, stat.czxid);
  EXPECT(stat.ctime > 0);
  EXPECT_EQ(stat.mtime, stat.ctime);
  EXPECT_EQ(stat.version, 0);
  EXPECT_EQ(stat.cversion, 0);
  EXPECT_EQ(stat.aversion, 0);
  EXPECT_EQ(stat.ephemeralOwner, 0);
  EXPECT_EQ(stat.dataLength, 4);
  EXPECT_EQ(stat.numChildren, 0);
  struct Stat seen;
  EXPECT_EQ(zoo_exists(zh, At("a"), 0, &seen), ZOK);
  EXPECT(StatsAreEqual(&seen, &stat));
}

// CP-7.11: setData raises the version and moves mzxid, nothing else.
static void SetRaisesTheVersion(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  EXPECT(Put(zh, At("a"), "one"));
  struct Stat before, after, seen;
  EXPECT_EQ(zoo_exists(zh, At("a"), 0, &before), ZOK);
  EXPECT_EQ(zoo_set2(zh, At("a"), "second", 6, 0, &after), ZOK);
  EXPECT_EQ(after.version, 1);
  EXPECT(after.mzxid > before.mzxid);
  EXPECT_EQ(after.czxid, before.czxid);
  EXPECT_EQ(after.pzxid, before.pzxid);
  char data[16];
  int size = sizeof(data);
  EXPECT_EQ(zoo_get(zh, At("a"), 0, data, &size, &seen), ZOK);
  EXPECT_EQ(size, 6);
  EXPECT(memcmp(data, "second", 6) == 0);
  EXPECT(StatsAreEqual(&seen, &after));
}

// CP-7.3, CP-7.5: a wrong version is refused, -1 matches any.
static void SetChecksTheVersion(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  EXPECT(Put(zh, At("a"), "one"));
  EXPECT_EQ(zoo_set(zh, At("a"), "x", 1, 7), ZBADVERSION);
  EXPECT_EQ(zoo_set(zh, At("a"), "x", 1, -1), ZOK);
  EXPECT_EQ(zoo_set(zh, At("a"), "x", 1, 1), ZOK);
  EXPECT_EQ(zoo_set(zh, At("missing"), "x", 1, -1), ZNONODE);
}

// CP-1.2: null data stays null, empty stays empty.
static void NullAndEmptyDataAreDistinct(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  EXPECT_EQ(zoo_create(zh, At("null"), NULL, -1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0),
            ZOK);
  EXPECT_EQ(zoo_create(zh, At("empty"), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0), ZOK);
  char data[16];
  int size = sizeof(data);
  EXPECT_EQ(zoo_get(zh, At("null"), 0, data, &size, NULL), ZOK);
  EXPECT_EQ(size, -1);
  size = sizeof(data);
  EXPECT_EQ(zoo_get(zh, At("empty"), 0, data, &size, NULL), ZOK);
  EXPECT_EQ(size, 0);
}

// CP-1.7: a value of nearly the largest frame goes in and comes out unchanged.
static void OneMegabyteSurvivesTheRoundTrip(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  enum { kSize = 1000 * 1000 };
  char* sent = malloc(kSize);
  char* received = malloc(kSize);
  for (int i = 0; i < kSize; ++i) sent[i] = (char)(i * 31 + i / 251);
  int size = kSize;
  const int created =
      zoo_create(zh, At("large"), sent, kSize, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0);
  const int got = zoo_get(zh, At("large"), 0, received, &size, NULL);
  const bool equal = size == kSize && memcmp(sent, received, kSize) == 0;
  free(sent);
  free(received);
  EXPECT_EQ(created, ZOK);
  EXPECT_EQ(got, ZOK);
  EXPECT(equal);
}

// CP-4.2: exists of a missing znode.
static void ExistsOfAMissingZnode(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  struct Stat stat;
  EXPECT_EQ(zoo_exists(zh, At("missing"), 0, &stat), ZNONODE);
}

// CP-7.2: delete checks version, then children.
static void DeleteChecksVersionAndChildren(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  EXPECT(Put(zh, At("a"), ""));
  EXPECT(Put(zh, At("a/b"), ""));
  EXPECT_EQ(zoo_delete(zh, At("a"), 5), ZBADVERSION);
  EXPECT_EQ(zoo_delete(zh, At("a"), 0), ZNOTEMPTY);
  EXPECT_EQ(zoo_delete(zh, At("a/b"), 0), ZOK);
  EXPECT_EQ(zoo_delete(zh, At("a"), -1), ZOK);
  EXPECT_EQ(zoo_delete(zh, At("a"), -1), ZNONODE);
}

static int CompareNames(const void* left, const void* right) {
  return strcmp(*(char* const*)left, *(char* const*)right);
}

// getChildren lists exactly the children, names only.
static void GetChildrenListsTheNames(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  EXPECT(Put(zh, At("b"), ""));
  EXPECT(Put(zh, At("a"), ""));
  EXPECT(Put(zh, At("a/deeper"), ""));
  struct String_vector names;
  EXPECT_EQ(zoo_get_children(zh, RootPath(), 0, &names), ZOK);
  qsort(names.data, (size_t)names.count, sizeof(names.data[0]), CompareNames);
  const bool right =
      names.count == 2 && strcmp(names.data[0], "a") == 0 && strcmp(names.data[1], "b") == 0;
  deallocate_String_vector(&names);
  EXPECT(right);
  EXPECT_EQ(zoo_get_children(zh, At("missing"), 0, &names), ZNONODE);
}

// CP-4.10, CP-7.10, CP-7.13: getChildren2's stat is that of exists; children move cversion and
// pzxid.
static void GetChildren2CarriesTheStat(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  EXPECT(Put(zh, At("p"), ""));
  EXPECT(Put(zh, At("p/a"), ""));
  EXPECT(Put(zh, At("p/b"), ""));
  EXPECT_EQ(zoo_delete(zh, At("p/a"), -1), ZOK);
  struct String_vector names;
  struct Stat listed, seen;
  EXPECT_EQ(zoo_get_children2(zh, At("p"), 0, &names, &listed), ZOK);
  const int count = names.count;
  deallocate_String_vector(&names);
  EXPECT_EQ(count, 1);
  EXPECT_EQ(zoo_exists(zh, At("p"), 0, &seen), ZOK);
  EXPECT(StatsAreEqual(&listed, &seen));
  EXPECT_EQ(seen.numChildren, 1);
  EXPECT_EQ(seen.cversion, 3);
  EXPECT_EQ(seen.version, 0);
  EXPECT(seen.pzxid > seen.czxid);
}

// CP-5.2, CP-5.3: ten digits, counting every creation below the parent.
static void SequenceNumbersCountCreations(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  EXPECT(Put(zh, At("p"), ""));
  char path[256];
  EXPECT_EQ(zoo_create(zh, At("p/s-"), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL, path,
                       sizeof(path)),
            ZOK);
  EXPECT_STR(path, At("p/s-0000000000"));
  EXPECT(Put(zh, At("p/other"), ""));
  EXPECT_EQ(zoo_delete(zh, At("p/other"), -1), ZOK);
  EXPECT_EQ(Create(zh, At("p/s-0000000000"), "", ZOO_PERSISTENT), ZNODEEXISTS);
  EXPECT_EQ(zoo_create(zh, At("p/s-"), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL_SEQUENTIAL, path,
                       sizeof(path)),
            ZOK);
  EXPECT_STR(path, At("p/s-0000000002"));
}

// CP-5.14, CP-10.4: an ephemeral shows its owner and goes with a closed session.
static void EphemeralsGoWithTheirSession(void) {
  zhandle_t* owner = Connect();
  zhandle_t* other = Connect();
  EXPECT(owner != NULL && other != NULL);
  EXPECT_EQ(Create(owner, At("e"), "", ZOO_EPHEMERAL), ZOK);
  EXPECT_EQ(Create(owner, At("s-"), "", ZOO_EPHEMERAL_SEQUENTIAL), ZOK);
  EXPECT(Put(owner, At("persistent"), ""));
  struct Stat stat;
  EXPECT_EQ(zoo_exists(other, At("e"), 0, &stat), ZOK);
  EXPECT_EQ(stat.ephemeralOwner, zoo_client_id(owner)->client_id);
  CloseNow(owner);
  struct String_vector names;
  EXPECT_EQ(zoo_get_children(other, RootPath(), 0, &names), ZOK);
  const bool right = names.count == 1 && strcmp(names.data[0], "persistent") == 0;
  deallocate_String_vector(&names);
  EXPECT(right);
}

// CP-5.8: a container shows no owner and may have children.
static void ContainersAreCreated(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  EXPECT_EQ(Create(zh, At("box"), "x", ZOO_CONTAINER), ZOK);
  EXPECT(Put(zh, At("box/a"), ""));
  struct Stat stat;
  EXPECT_EQ(zoo_exists(zh, At("box"), 0, &stat), ZOK);
  EXPECT_EQ(stat.ephemeralOwner, 0);
  EXPECT_EQ(stat.numChildren, 1);
}

// CP-5.5: TTL znodes are not there unless switched on.
static void TtlIsUnimplementedByDefault(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  EXPECT_EQ(zoo_create_ttl(zh, At("ttl"), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_WITH_TTL,
                           5000, NULL, 0),
            ZUNIMPLEMENTED);
  EXPECT_EQ(zoo_exists(zh, At("ttl"), 0, NULL), ZNONODE);
}

// CP-6.10: the membership znode of a standalone server is there and empty.
static void ConfigOfAStandaloneServerIsEmpty(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  char data[64];
  int size = sizeof(data);
  struct Stat stat;
  EXPECT_EQ(zoo_getconfig(zh, 0, data, &size, &stat), ZOK);
  EXPECT_EQ(size, 0);
  EXPECT_EQ(stat.aversion, -1);
}

// CP-4.9: reconfig is off by default.
static void ReconfigIsDisabledByDefault(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  char data[64];
  int size = sizeof(data);
  struct Stat stat;
  EXPECT_EQ(zoo_reconfig(zh, "server.5=h:1:2;3", NULL, NULL, -1, data, &size, &stat),
            ZRECONFIGDISABLED);
}

const Case kSyncCases[] = {
    {"create_returns_the_path", CreateReturnsThePath},
    {"create_refusals", CreateRefusals},
    {"create2_returns_path_and_stat", Create2ReturnsPathAndStat},
    {"set_raises_the_version", SetRaisesTheVersion},
    {"set_checks_the_version", SetChecksTheVersion},
    {"null_and_empty_data_are_distinct", NullAndEmptyDataAreDistinct},
    {"one_megabyte_survives_the_round_trip", OneMegabyteSurvivesTheRoundTrip},
    {"exists_of_a_missing_znode", ExistsOfAMissingZnode},
    {"delete_checks_version_and_children", DeleteChecksVersionAndChildren},
    {"get_children_lists_the_names", GetChildrenListsTheNames},
    {"get_children2_carries_the_stat", GetChildren2CarriesTheStat},
    {"sequence_numbers_count_creations", SequenceNumbersCountCreations},
    {"ephemerals_go_with_their_session", EphemeralsGoWithTheirSession},
    {"containers_are_created", ContainersAreCreated},
    {"ttl_is_unimplemented_by_default", TtlIsUnimplementedByDefault},
    {"config_of_a_standalone_server_is_empty", ConfigOfAStandaloneServerIsEmpty},
    {"reconfig_is_disabled_by_default", ReconfigIsDisabledByDefault},
    {NULL, NULL},
};
