// Sessions: re-establishment, refusal, expiry; and, steered by the test that starts us, lost
// connections and restarted servers. The server runs with tickTime=500, so sessions last 1 to 10
// seconds.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

// Runs this program as a client that creates an ephemeral at `path` and dies; its credentials.
static bool LeaveSession(const char* path, int session_timeout_ms, clientid_t* id) {
  char command[1024];
  snprintf(command, sizeof(command), "'%s' %s --leave-session %s %d", ProgramPath(),
           ServerAddress(), path, session_timeout_ms);
  FILE* output = popen(command, "r");
  if (output == NULL) return false;
  unsigned long long session = 0;
  char passwd[33] = "";
  const int fields = fscanf(output, "%llx %32s", &session, passwd);
  if (pclose(output) != 0 || fields != 2 || strlen(passwd) != 32) return false;
  id->client_id = (int64_t)session;
  for (int i = 0; i < 16; ++i) {
    unsigned byte = 0;
    if (sscanf(passwd + 2 * i, "%2x", &byte) != 1) return false;
    id->passwd[i] = (char)byte;
  }
  return true;
}

// CP-2.9, CP-5.14: the session of a dead client is carried on with its id and password.
static void SessionIsCarriedOnByIdAndPassword(void) {
  clientid_t id;
  EXPECT(LeaveSession(At("e"), 10000, &id));
  zhandle_t* zh = ConnectWith("", 9000, &id);
  EXPECT(zh != NULL);
  EXPECT_EQ(zoo_client_id(zh)->client_id, id.client_id);
  EXPECT(memcmp(zoo_client_id(zh)->passwd, id.passwd, 16) == 0);
  EXPECT_EQ(zoo_recv_timeout(zh), 9000);
  struct Stat stat;
  EXPECT_EQ(zoo_exists(zh, At("e"), 0, &stat), ZOK);
  EXPECT_EQ(stat.ephemeralOwner, id.client_id);
  CloseNow(zh);
  zhandle_t* other = Connect();
  EXPECT(other != NULL);
  EXPECT_EQ(zoo_exists(other, At("e"), 0, NULL), ZNONODE);
}

// CP-2.11: a wrong password is refused and does the session no harm.
static void WrongPasswordIsRefused(void) {
  clientid_t id;
  EXPECT(LeaveSession(At("e"), 10000, &id));
  clientid_t wrong = id;
  wrong.passwd[7] ^= 1;
  zhandle_t* refused = OpenWithoutWaiting(10000, &wrong);
  EXPECT(WaitForState(refused, ZOO_EXPIRED_SESSION_STATE, kPatienceMs));
  zhandle_t* zh = ConnectWith("", 10000, &id);
  EXPECT(zh != NULL);
  EXPECT_EQ(zoo_exists(zh, At("e"), 0, NULL), ZOK);
}

// CP-2.13: a closed session cannot be carried on.
static void ClosedSessionIsRefused(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  const clientid_t id = *zoo_client_id(zh);
  CloseNow(zh);
  zhandle_t* again = OpenWithoutWaiting(10000, &id);
  EXPECT(WaitForState(again, ZOO_EXPIRED_SESSION_STATE, kPatienceMs));
}

// CP-2.4: the timeout is clamped to 2 and 20 ticks. (Not 1 ms: this client then retries without a
// pause.)
static void TimeoutIsNegotiated(void) {
  zhandle_t* least = ConnectWith("", 700, NULL);
  EXPECT(least != NULL);
  EXPECT_EQ(zoo_recv_timeout(least), 1000);
  zhandle_t* most = ConnectWith("", 1000 * 1000 * 1000, NULL);
  EXPECT(most != NULL);
  EXPECT_EQ(zoo_recv_timeout(most), 10000);
}

// CP-10.1, CP-2.13: a silent session expires, not before its time, and is refused from then on.
static void SilentSessionExpires(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  const int64_t before = NowMs();
  clientid_t id;
  EXPECT(LeaveSession(At("e"), 1500, &id));
  EXPECT_EQ(zoo_exists(zh, At("e"), 0, NULL), ZOK);
  EXPECT(WaitForExistence(zh, At("e"), false, kPatienceMs));
  EXPECT(NowMs() - before >= 1500);
  zhandle_t* again = OpenWithoutWaiting(10000, &id);
  EXPECT(WaitForState(again, ZOO_EXPIRED_SESSION_STATE, kPatienceMs));
}

// CP-10.3: an idle client's own pings keep its session for longer than its timeout.
static void PingsKeepAnIdleSession(void) {
  zhandle_t* idle = ConnectWith("", 1000, NULL);
  zhandle_t* other = Connect();
  EXPECT(idle != NULL && other != NULL);
  EXPECT_EQ(zoo_create(idle, At("e"), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0), ZOK);
  EXPECT(!WaitForExistence(other, At("e"), false, 3500));
  EXPECT_EQ(zoo_state(idle), ZOO_CONNECTED_STATE);
}

const Case kSessionCases[] = {
    {"session_is_carried_on_by_id_and_password", SessionIsCarriedOnByIdAndPassword},
    {"wrong_password_is_refused", WrongPasswordIsRefused},
    {"closed_session_is_refused", ClosedSessionIsRefused},
    {"timeout_is_negotiated", TimeoutIsNegotiated},
    {"silent_session_expires", SilentSessionExpires},
    {"pings_keep_an_idle_session", PingsKeepAnIdleSession},
    {NULL, NULL},
};

// CP-2.22, CP-9.17: session, ephemerals and (through setWatches) watches outlive a restart of the
// server.
static void RestartKeepsSessionAndWatches(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  EventLog* log = NewEventLog();
  EXPECT(Put(zh, At("a"), "before"));
  EXPECT_EQ(zoo_create(zh, At("e"), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0), ZOK);
  EXPECT_EQ(zoo_wexists(zh, At("a"), RecordEvent, log, NULL), ZOK);
  const int64_t session = zoo_client_id(zh)->client_id;
  WaitForGo("restart");
  EXPECT(WaitForExistence(zh, At("e"), true, kPatienceMs));
  EXPECT_EQ(zoo_client_id(zh)->client_id, session);
  struct Stat stat;
  EXPECT_EQ(zoo_exists(zh, At("e"), 0, &stat), ZOK);
  EXPECT_EQ(stat.ephemeralOwner, session);
  zhandle_t* other = Connect();
  EXPECT(other != NULL);
  EXPECT_EQ(zoo_set(other, At("a"), "after", 5, 0), ZOK);
  EXPECT_EVENT(log, ZOO_CHANGED_EVENT, At("a"));
}

static int PrepareWatches(zhandle_t* zh, EventLog* log) {
  struct String_vector names;
  char data[16];
  int size = sizeof(data);
  if (!Put(zh, At("changed"), "") || !Put(zh, At("deleted"), "") || !Put(zh, At("parent"), "") ||
      !Put(zh, At("same"), "")) {
    return ZSYSTEMERROR;
  }
  int rc = zoo_wget(zh, At("changed"), RecordEvent, log, data, &size, NULL);
  size = sizeof(data);
  if (rc == ZOK) rc = zoo_wget(zh, At("deleted"), RecordEvent, log, data, &size, NULL);
  size = sizeof(data);
  if (rc == ZOK) rc = zoo_wget(zh, At("same"), RecordEvent, log, data, &size, NULL);
  if (rc == ZOK) rc = zoo_wget_children(zh, At("parent"), RecordEvent, log, &names);
  if (rc == ZOK) deallocate_String_vector(&names);
  if (rc == ZOK && zoo_wexists(zh, At("created"), RecordEvent, log, NULL) != ZNONODE)
    rc = ZNODEEXISTS;
  return rc;
}

// Takes one event of each (type, path) in any order.
static bool TakeAll(EventLog* log, const Event* wanted, int count) {
  bool seen[8] = {false};
  for (int n = 0; n < count; ++n) {
    Event event;
    if (!NextEvent(log, kPatienceMs, &event)) return false;
    int i = 0;
    while (i < count &&
           (seen[i] || wanted[i].type != event.type || strcmp(wanted[i].path, event.path)))
      ++i;
    if (i == count) return false;
    seen[i] = true;
  }
  return true;
}

static Event EventOf(int type, const char* path) {
  Event event = {.type = type, .state = 0};
  snprintf(event.path, sizeof(event.path), "%s", path);
  return event;
}

// CP-9.17, CP-9.18: what happened during a lost connection is told after it; what did not change is
// still watched. The test cuts our connection and changes the znodes at step "cut", changes "same"
// at "change".
static void MissedChangesArriveAfterReconnect(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  EventLog* log = NewEventLog();
  EXPECT_EQ(PrepareWatches(zh, log), ZOK);
  char step[300];
  snprintf(step, sizeof(step), "cut %s", RootPath());
  WaitForGo(step);
  const Event missed[] = {
      EventOf(ZOO_CHANGED_EVENT, At("changed")), EventOf(ZOO_DELETED_EVENT, At("deleted")),
      EventOf(ZOO_CHILD_EVENT, At("parent")), EventOf(ZOO_CREATED_EVENT, At("created"))};
  EXPECT(TakeAll(log, missed, 4));
  WaitForGo("change");
  EXPECT_EVENT(log, ZOO_CHANGED_EVENT, At("same"));
}

// CP-10.1: a client that comes back too late is told so. The test cuts us off until our ephemeral
// is gone.
static void LateClientLearnsOfItsExpiry(void) {
  zhandle_t* zh = ConnectWith("", 1000, NULL);
  EXPECT(zh != NULL);
  EXPECT_EQ(zoo_create(zh, At("e"), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0), ZOK);
  char step[300];
  snprintf(step, sizeof(step), "cut-for-long %s", RootPath());
  WaitForGo(step);
  EXPECT(WaitForState(zh, ZOO_EXPIRED_SESSION_STATE, kPatienceMs));
  EXPECT_EQ(zoo_exists(zh, "/", 0, NULL), ZINVALIDSTATE);
}

const Case kSteeredCases[] = {
    {"restart_keeps_session_and_watches", RestartKeepsSessionAndWatches},
    {"missed_changes_arrive_after_reconnect", MissedChangesArriveAfterReconnect},
    {"late_client_learns_of_its_expiry", LateClientLearnsOfItsExpiry},
    {NULL, NULL},
};
