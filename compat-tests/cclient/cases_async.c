// The asynchronous calls: completions, their order, pipelines.
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "harness.h"

// Counts completions of a pipeline and remembers the first thing that is out of order.
typedef struct {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  int done;
  int64_t last_zxid;
  char trouble[256];
} Pipeline;

static void StartPipeline(Pipeline* p) {
  memset(p, 0, sizeof(*p));
  pthread_mutex_init(&p->mutex, NULL);
  pthread_cond_init(&p->changed, NULL);
}

// Notes that completion number `index` came with rc; call with the pipeline's own lock free.
static void Arrived(Pipeline* p, int index, int rc, int wanted_rc) {
  pthread_mutex_lock(&p->mutex);
  if (p->trouble[0] == '\0' && (index != p->done || rc != wanted_rc)) {
    snprintf(p->trouble, sizeof(p->trouble), "completion %d arrived as number %d with %s", index,
             p->done, zerror(rc));
  }
  ++p->done;
  pthread_cond_broadcast(&p->changed);
  pthread_mutex_unlock(&p->mutex);
}

static bool WaitForCompletions(Pipeline* p, int count, int timeout_ms) {
  struct timespec deadline;
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += timeout_ms / 1000;
  pthread_mutex_lock(&p->mutex);
  int waited = 0;
  while (p->done < count && waited == 0) {
    waited = pthread_cond_timedwait(&p->changed, &p->mutex, &deadline);
  }
  const bool complete = p->done == count;
  pthread_mutex_unlock(&p->mutex);
  return complete;
}

enum { kCreates = 10000 };

static Pipeline g_pipeline;
static int g_indices[kCreates];

static void OnCreated(int rc, const char* path, const struct Stat* stat, const void* index) {
  const int number = *(const int*)index;
  char suffix[32];
  snprintf(suffix, sizeof(suffix), "/n%05d", number);
  const bool good_path = rc == ZOK && strcmp(path + strlen(RootPath()), suffix) == 0;
  const bool good_zxid = rc == ZOK && stat->czxid > g_pipeline.last_zxid;
  if (rc == ZOK) g_pipeline.last_zxid = stat->czxid;
  Arrived(&g_pipeline, number, good_path && good_zxid ? rc : ZDATAINCONSISTENCY, ZOK);
}

// CP-10.6, CP-3.3: ten thousand creates in flight complete in the order in which they were sent, at
// rising zxids.
static void TenThousandCreatesCompleteInOrder(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  StartPipeline(&g_pipeline);
  for (int i = 0; i < kCreates; ++i) {
    g_indices[i] = i;
    char path[256];
    snprintf(path, sizeof(path), "%s/n%05d", RootPath(), i);
    EXPECT_EQ(zoo_acreate2(zh, path, "0123456789", 10, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT,
                           OnCreated, &g_indices[i]),
              ZOK);
  }
  EXPECT(WaitForCompletions(&g_pipeline, kCreates, 60000));
  EXPECT_STR(g_pipeline.trouble, "");
  struct Stat stat;
  EXPECT_EQ(zoo_exists(zh, RootPath(), 0, &stat), ZOK);
  EXPECT_EQ(stat.numChildren, kCreates);
}

static void OnVoid(int rc, const void* wanted) {
  Arrived(&g_pipeline, ((const int*)wanted)[0], rc, ((const int*)wanted)[1]);
}
static void OnStat(int rc, const struct Stat* stat, const void* wanted) {
  (void)stat;
  OnVoid(rc, wanted);
}
static void OnString(int rc, const char* value, const void* wanted) {
  (void)value;
  OnVoid(rc, wanted);
}
static void OnStrings(int rc, const struct String_vector* names, const void* wanted) {
  OnVoid(rc == ZOK && names->count != 1 ? ZDATAINCONSISTENCY : rc, wanted);
}
static void OnAcl(int rc, struct ACL_vector* acl, struct Stat* stat, const void* wanted) {
  (void)stat;
  OnVoid(rc == ZOK && acl->count != 1 ? ZDATAINCONSISTENCY : rc, wanted);
}
static void OnNewData(int rc, const char* value, int size, const struct Stat* stat,
                      const void* wanted) {
  const bool is_new = rc == ZOK && size == 3 && memcmp(value, "new", 3) == 0 && stat->version == 1;
  OnVoid(rc == ZOK && !is_new ? ZDATAINCONSISTENCY : rc, wanted);
}

// CP-10.6: a pipeline of different operations gives what it would give one by one.
static void MixedPipelineBehavesAsIfSequential(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  StartPipeline(&g_pipeline);
  static const int kWanted[][2] = {
      {0, ZNONODE}, {1, ZOK}, {2, ZOK}, {3, ZOK},  {4, ZBADVERSION}, {5, ZOK},     {6, ZOK},
      {7, ZOK},     {8, ZOK}, {9, ZOK}, {10, ZOK}, {11, ZOK},        {12, ZNONODE}};
  const char* a = At("a");
  EXPECT_EQ(zoo_aexists(zh, a, 0, OnStat, kWanted[0]), ZOK);
  EXPECT_EQ(zoo_acreate(zh, a, "old", 3, &ZOO_OPEN_ACL_UNSAFE, 0, OnString, kWanted[1]), ZOK);
  EXPECT_EQ(zoo_aexists(zh, a, 0, OnStat, kWanted[2]), ZOK);
  EXPECT_EQ(zoo_aset(zh, a, "new", 3, 0, OnStat, kWanted[3]), ZOK);
  EXPECT_EQ(zoo_aset(zh, a, "bad", 3, 0, OnStat, kWanted[4]), ZOK);
  EXPECT_EQ(zoo_aget(zh, a, 0, OnNewData, kWanted[5]), ZOK);
  EXPECT_EQ(zoo_async(zh, a, OnString, kWanted[6]), ZOK);
  EXPECT_EQ(zoo_aget_children(zh, RootPath(), 0, OnStrings, kWanted[7]), ZOK);
  EXPECT_EQ(zoo_aget_acl(zh, a, OnAcl, kWanted[8]), ZOK);
  static struct ACL open_entry[] = {{0x1f, {"world", "anyone"}}};
  static struct ACL_vector open_acl = {1, open_entry};
  EXPECT_EQ(zoo_aset_acl(zh, a, 0, &open_acl, OnVoid, kWanted[9]), ZOK);
  static zoo_op_t check;
  static zoo_op_result_t result;
  zoo_check_op_init(&check, a, 1);
  EXPECT_EQ(zoo_amulti(zh, 1, &check, &result, OnVoid, kWanted[10]), ZOK);
  EXPECT_EQ(zoo_adelete(zh, a, 1, OnVoid, kWanted[11]), ZOK);
  EXPECT_EQ(zoo_aexists(zh, a, 0, OnStat, kWanted[12]), ZOK);
  EXPECT(WaitForCompletions(&g_pipeline, 13, kPatienceMs));
  EXPECT_STR(g_pipeline.trouble, "");
}

static char g_synced_path[256];

static void OnSynced(int rc, const char* path, const void* unused) {
  (void)unused;
  if (rc == ZOK) snprintf(g_synced_path, sizeof(g_synced_path), "%s", path);
  Arrived(&g_pipeline, 0, rc, ZOK);
}

// CP-4.3: sync answers with the path, whether there is such a znode or not.
static void SyncAnswersWithThePath(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  StartPipeline(&g_pipeline);
  EXPECT_EQ(zoo_async(zh, At("nothing-here"), OnSynced, NULL), ZOK);
  EXPECT(WaitForCompletions(&g_pipeline, 1, kPatienceMs));
  EXPECT_STR(g_pipeline.trouble, "");
  EXPECT_STR(g_synced_path, At("nothing-here"));
}

// Writes 'e' or 'r' into g_order when the event or the reply arrives.
static char g_order[8];

static void NoteEvent(zhandle_t* zh, int type, int state, const char* path, void* unused) {
  (void)zh, (void)state, (void)path, (void)unused;
  if (type == ZOO_CHANGED_EVENT) strncat(g_order, "e", sizeof(g_order) - strlen(g_order) - 1);
}
static void NoteReply(int rc, const struct Stat* stat, const void* unused) {
  (void)stat, (void)unused;
  strncat(g_order, "r", sizeof(g_order) - strlen(g_order) - 1);
  Arrived(&g_pipeline, 0, rc, ZOK);
}

// CP-9.7: one's own write: the event comes first, then the reply. Both arrive on the completion
// thread.
static void OwnEventPrecedesTheReply(void) {
  zhandle_t* zh = Connect();
  EXPECT(zh != NULL);
  EXPECT(Put(zh, At("a"), ""));
  StartPipeline(&g_pipeline);
  g_order[0] = '\0';
  EXPECT_EQ(zoo_wexists(zh, At("a"), NoteEvent, NULL, NULL), ZOK);
  EXPECT_EQ(zoo_aset(zh, At("a"), "x", 1, -1, NoteReply, NULL), ZOK);
  EXPECT(WaitForCompletions(&g_pipeline, 1, kPatienceMs));
  EXPECT_STR(g_order, "er");
}

const Case kAsyncCases[] = {
    {"ten_thousand_creates_complete_in_order", TenThousandCreatesCompleteInOrder},
    {"mixed_pipeline_behaves_as_if_sequential", MixedPipelineBehavesAsIfSequential},
    {"sync_answers_with_the_path", SyncAnswersWithThePath},
    {"own_event_precedes_the_reply", OwnEventPrecedesTheReply},
    {NULL, NULL},
};
