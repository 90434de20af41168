// One-shot watches and their removal.
#include <string.h>

#include "harness.h"

static int Touch(zhandle_t* zh, const char* path) { return zoo_set(zh, path, "t", 1, -1); }

// True when nothing but the end mark arrives: a change of `mark`, made by `other` after everything
// else, is the next event that `log` gets through zh.
static bool NothingElseArrives(zhandle_t* zh, zhandle_t* other, EventLog* log, const char* mark) {
  Event event;
  return zoo_wexists(zh, mark, RecordEvent, log, NULL) == ZNONODE && Put(other, mark, "") &&
         NextEvent(log, kPatienceMs, &event) && event.type == ZOO_CREATED_EVENT &&
         strcmp(event.path, mark) == 0;
}

// CP-9.2: one change, one event; the next change goes unnoticed.
static void DataWatchFiresOnce(void) {
  zhandle_t* zh = Connect();
  zhandle_t* other = Connect();
  EXPECT(zh != NULL && other != NULL);
  EventLog* log = NewEventLog();
  EXPECT(Put(zh, At("a"), ""));
  char data[8];
  int size = sizeof(data);
  EXPECT_EQ(zoo_wget(zh, At("a"), RecordEvent, log, data, &size, NULL), ZOK);
  EXPECT_EQ(Touch(other, At("a")), ZOK);
  EXPECT_EVENT(log, ZOO_CHANGED_EVENT, At("a"));
  EXPECT_EQ(Touch(other, At("a")), ZOK);
  EXPECT(NothingElseArrives(zh, other, log, At("mark")));
}

// CP-9.3: exists on a missing znode waits for its creation.
static void ExistsWatchSeesTheCreation(void) {
  zhandle_t* zh = Connect();
  zhandle_t* other = Connect();
  EXPECT(zh != NULL && other != NULL);
  EventLog* log = NewEventLog();
  EXPECT_EQ(zoo_wexists(zh, At("a"), RecordEvent, log, NULL), ZNONODE);
  EXPECT(Put(other, At("a"), ""));
  EXPECT_EVENT(log, ZOO_CREATED_EVENT, At("a"));
}

// CP-9.3: a failed getData leaves no watch.
static void GetOfAMissingZnodeLeavesNoWatch(void) {
  zhandle_t* zh = Connect();
  zhandle_t* other = Connect();
  EXPECT(zh != NULL && other != NULL);
  EventLog* log = NewEventLog();
  char data[8];
  int size = sizeof(data);
  EXPECT_EQ(zoo_wget(zh, At("a"), RecordEvent, log, data, &size, NULL), ZNONODE);
  EXPECT(Put(other, At("a"), ""));
  EXPECT(NothingElseArrives(zh, other, log, At("mark")));
}

// CP-9.5: children come and go; setData is no business of a child watch.
static void ChildWatchSeesChildrenOnly(void) {
  zhandle_t* zh = Connect();
  zhandle_t* other = Connect();
  EXPECT(zh != NULL && other != NULL);
  EventLog* log = NewEventLog();
  struct String_vector names;
  EXPECT(Put(zh, At("p"), ""));
  EXPECT_EQ(zoo_wget_children(zh, At("p"), RecordEvent, log, &names), ZOK);
  deallocate_String_vector(&names);
  EXPECT_EQ(Touch(other, At("p")), ZOK);
  EXPECT(Put(other, At("p/c"), ""));
  EXPECT_EVENT(log, ZOO_CHILD_EVENT, At("p"));
  struct Stat stat;
  EXPECT_EQ(zoo_wget_children2(zh, At("p"), RecordEvent, log, &names, &stat), ZOK);
  deallocate_String_vector(&names);
  EXPECT_EQ(zoo_delete(other, At("p/c"), -1), ZOK);
  EXPECT_EVENT(log, ZOO_CHILD_EVENT, At("p"));
  EXPECT_EQ(zoo_wget_children(zh, At("p"), RecordEvent, log, &names), ZOK);
  deallocate_String_vector(&names);
  EXPECT_EQ(zoo_delete(other, At("p"), -1), ZOK);
  EXPECT_EVENT(log, ZOO_DELETED_EVENT, At("p"));
}

// CP-9.6: the child's own event comes before its parent's.
static void DeletionOrderIsChildThenParent(void) {
  zhandle_t* zh = Connect();
  zhandle_t* other = Connect();
  EXPECT(zh != NULL && other != NULL);
  EventLog* log = NewEventLog();
  struct String_vector names;
  EXPECT(Put(zh, At("p"), ""));
  EXPECT(Put(zh, At("p/c"), ""));
  EXPECT_EQ(zoo_wget_children(zh, At("p"), RecordEvent, log, &names), ZOK);
  deallocate_String_vector(&names);
  EXPECT_EQ(zoo_wexists(zh, At("p/c"), RecordEvent, log, NULL), ZOK);
  EXPECT_EQ(zoo_delete(other, At("p/c"), -1), ZOK);
  EXPECT_EVENT(log, ZOO_DELETED_EVENT, At("p/c"));
  EXPECT_EVENT(log, ZOO_CHILD_EVENT, At("p"));
}

// CP-9.4: a single server event for both tables reaches every watcher once.
static void OneDeletionForDataAndChildWatch(void) {
  zhandle_t* zh = Connect();
  zhandle_t* other = Connect();
  EXPECT(zh != NULL && other != NULL);
  EventLog* data_log = NewEventLog();
  EventLog* child_log = NewEventLog();
  struct String_vector names;
  EXPECT(Put(zh, At("a"), ""));
  EXPECT_EQ(zoo_wexists(zh, At("a"), RecordEvent, data_log, NULL), ZOK);
  EXPECT_EQ(zoo_wget_children(zh, At("a"), RecordEvent, child_log, &names), ZOK);
  deallocate_String_vector(&names);
  EXPECT_EQ(zoo_delete(other, At("a"), -1), ZOK);
  EXPECT_EVENT(data_log, ZOO_DELETED_EVENT, At("a"));
  EXPECT_EVENT(child_log, ZOO_DELETED_EVENT, At("a"));
  EXPECT(NothingElseArrives(zh, other, data_log, At("mark-1")));
  EXPECT(NothingElseArrives(zh, other, child_log, At("mark-2")));
}

// CP-9.8: setACL fires nothing.
static void SetAclFiresNothing(void) {
  zhandle_t* zh = Connect();
  zhandle_t* other = Connect();
  EXPECT(zh != NULL && other != NULL);
  EventLog* log = NewEventLog();
  EXPECT(Put(zh, At("a"), ""));
  EXPECT_EQ(zoo_wexists(zh, At("a"), RecordEvent, log, NULL), ZOK);
  EXPECT_EQ(zoo_set_acl(other, At("a"), -1, &ZOO_OPEN_ACL_UNSAFE), ZOK);
  EXPECT(NothingElseArrives(zh, other, log, At("mark")));
}

// CP-9.24: the end of a session is seen by those who watch its ephemerals.
static void SessionEndFiresForItsEphemerals(void) {
  zhandle_t* zh = Connect();
  zhandle_t* owner = Connect();
  EXPECT(zh != NULL && owner != NULL);
  EventLog* log = NewEventLog();
  EXPECT_EQ(zoo_create(owner, At("e"), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0), ZOK);
  EXPECT_EQ(zoo_wexists(zh, At("e"), RecordEvent, log, NULL), ZOK);
  CloseNow(owner);
  EXPECT_EVENT(log, ZOO_DELETED_EVENT, At("e"));
}

// CP-9.15: a removed watch is silent; removing it twice is refused.
static void RemovedWatchIsSilent(void) {
  zhandle_t* zh = Connect();
  zhandle_t* other = Connect();
  EXPECT(zh != NULL && other != NULL);
  EventLog* log = NewEventLog();
  EXPECT(Put(zh, At("a"), ""));
  EXPECT_EQ(zoo_wexists(zh, At("a"), RecordEvent, log, NULL), ZOK);
  EXPECT_EQ(zoo_remove_watches(zh, At("a"), ZWATCHTYPE_CHILD, RecordEvent, log, 0), ZNOWATCHER);
  EXPECT_EQ(zoo_remove_watches(zh, At("a"), ZWATCHTYPE_DATA, RecordEvent, log, 0), ZOK);
  EXPECT_EQ(zoo_remove_watches(zh, At("a"), ZWATCHTYPE_DATA, RecordEvent, log, 0), ZNOWATCHER);
  EXPECT_EQ(Touch(other, At("a")), ZOK);
  EXPECT(NothingElseArrives(zh, other, log, At("mark")));
}

// CP-9.15: all watches of a path at once.
static void AllWatchesOfAPathAreRemoved(void) {
  zhandle_t* zh = Connect();
  zhandle_t* other = Connect();
  EXPECT(zh != NULL && other != NULL);
  EventLog* log = NewEventLog();
  struct String_vector names;
  EXPECT(Put(zh, At("a"), ""));
  EXPECT_EQ(zoo_wexists(zh, At("a"), RecordEvent, log, NULL), ZOK);
  EXPECT_EQ(zoo_wget_children(zh, At("a"), RecordEvent, log, &names), ZOK);
  deallocate_String_vector(&names);
  EXPECT_EQ(zoo_remove_all_watches(zh, At("a"), ZWATCHTYPE_ANY, 0), ZOK);
  EXPECT_EQ(zoo_delete(other, At("a"), -1), ZOK);
  EXPECT(NothingElseArrives(zh, other, log, At("mark")));
}

// A chroot is cut off the paths of events, too.
static void ChrootIsInvisible(void) {
  zhandle_t* outside = Connect();
  EXPECT(outside != NULL);
  EXPECT(Put(outside, At("jail"), ""));
  zhandle_t* inside = ConnectWith(At("jail"), 10000, NULL);
  EXPECT(inside != NULL);
  EventLog* log = NewEventLog();
  char path[256];
  EXPECT_EQ(zoo_wexists(inside, "/a", RecordEvent, log, NULL), ZNONODE);
  EXPECT_EQ(
      zoo_create(inside, "/a", "x", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, path, sizeof(path)),
      ZOK);
  EXPECT_STR(path, "/a");
  EXPECT_EQ(zoo_exists(outside, At("jail/a"), 0, NULL), ZOK);
  EXPECT_EVENT(log, ZOO_CREATED_EVENT, "/a");
  struct String_vector names;
  EXPECT_EQ(zoo_get_children(inside, "/", 0, &names), ZOK);
  const bool right = names.count == 1 && strcmp(names.data[0], "a") == 0;
  deallocate_String_vector(&names);
  EXPECT(right);
}

const Case kWatchCases[] = {
    {"data_watch_fires_once", DataWatchFiresOnce},
    {"exists_watch_sees_the_creation", ExistsWatchSeesTheCreation},
    {"get_of_a_missing_znode_leaves_no_watch", GetOfAMissingZnodeLeavesNoWatch},
    {"child_watch_sees_children_only", ChildWatchSeesChildrenOnly},
    {"deletion_order_is_child_then_parent", DeletionOrderIsChildThenParent},
    {"one_deletion_for_data_and_child_watch", OneDeletionForDataAndChildWatch},
    {"set_acl_fires_nothing", SetAclFiresNothing},
    {"session_end_fires_for_its_ephemerals", SessionEndFiresForItsEphemerals},
    {"removed_watch_is_silent", RemovedWatchIsSilent},
    {"all_watches_of_a_path_are_removed", AllWatchesOfAPathAreRemoved},
    {"chroot_is_invisible", ChrootIsInvisible},
    {NULL, NULL},
};
