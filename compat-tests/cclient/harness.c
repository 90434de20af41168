#include "harness.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { kMaxHandles = 16, kMaxPaths = 256, kMaxLogs = 16 };

static const char* g_address;
static const char* g_program;
static char g_run_tag[32];
static char g_root[256];
static char g_failure[1024];

static zhandle_t* g_handles[kMaxHandles];
static int g_handle_count;
static char* g_paths[kMaxPaths];
static int g_path_count;
static EventLog* g_logs[kMaxLogs];
static int g_log_count;

void Fail(const char* file, int line, const char* format, ...) {
  if (g_failure[0] != '\0') return;  // the first failure is the cause
  const int prefix = snprintf(g_failure, sizeof(g_failure), "%s:%d: ", file, line);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(g_failure + prefix, sizeof(g_failure) - (size_t)prefix, format, arguments);
  va_end(arguments);
}

int64_t NowMs(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void PauseMs(int ms) {
  const struct timespec pause = {ms / 1000, (ms % 1000) * 1000000L};
  nanosleep(&pause, NULL);
}

bool StatsAreEqual(const struct Stat* left, const struct Stat* right) {
  return left->czxid == right->czxid && left->mzxid == right->mzxid &&
         left->ctime == right->ctime && left->mtime == right->mtime &&
         left->version == right->version && left->cversion == right->cversion &&
         left->aversion == right->aversion && left->ephemeralOwner == right->ephemeralOwner &&
         left->dataLength == right->dataLength && left->numChildren == right->numChildren &&
         left->pzxid == right->pzxid;
}

EventLog* NewEventLog(void) {
  if (g_log_count == kMaxLogs) abort();
  EventLog* log = calloc(1, sizeof(EventLog));
  pthread_mutex_init(&log->mutex, NULL);
  pthread_cond_init(&log->changed, NULL);
  g_logs[g_log_count++] = log;
  return log;
}

void RecordEvent(zhandle_t* zh, int type, int state, const char* path, void* event_log) {
  (void)zh;
  if (type == ZOO_SESSION_EVENT) return;
  EventLog* log = event_log;
  pthread_mutex_lock(&log->mutex);
  if (log->size < (int)(sizeof(log->events) / sizeof(log->events[0]))) {
    Event* event = &log->events[log->size++];
    event->type = type;
    event->state = state;
    snprintf(event->path, sizeof(event->path), "%s", path);
  }
  pthread_cond_broadcast(&log->changed);
  pthread_mutex_unlock(&log->mutex);
}

bool NextEvent(EventLog* log, int timeout_ms, Event* event) {
  struct timespec deadline;
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += timeout_ms / 1000;
  deadline.tv_nsec += (timeout_ms % 1000) * 1000000L;
  if (deadline.tv_nsec >= 1000000000L) {
    deadline.tv_sec += 1;
    deadline.tv_nsec -= 1000000000L;
  }
  pthread_mutex_lock(&log->mutex);
  while (log->taken == log->size) {
    if (pthread_cond_timedwait(&log->changed, &log->mutex, &deadline) == ETIMEDOUT) break;
  }
  const bool found = log->taken < log->size;
  if (found) *event = log->events[log->taken++];
  pthread_mutex_unlock(&log->mutex);
  return found;
}

bool WaitForState(zhandle_t* zh, int state, int timeout_ms) {
  const int64_t deadline = NowMs() + timeout_ms;
  while (zoo_state(zh) != state) {
    if (NowMs() > deadline) return false;
    PauseMs(5);
  }
  return true;
}

bool WaitForExistence(zhandle_t* zh, const char* path, bool exists, int timeout_ms) {
  const int64_t deadline = NowMs() + timeout_ms;
  const int wanted = exists ? ZOK : ZNONODE;
  while (zoo_exists(zh, path, 0, NULL) != wanted) {
    if (NowMs() > deadline) return false;
    PauseMs(20);
  }
  return true;
}

// The C client wants some watcher for session events; these cases ask zoo_state instead.
static void IgnoreSessionEvents(zhandle_t* zh, int type, int state, const char* path,
                                void* context) {
  (void)zh, (void)type, (void)state, (void)path, (void)context;
}

static zhandle_t* Open(const char* suffix, int session_timeout_ms, const clientid_t* id) {
  if (g_handle_count == kMaxHandles) abort();
  char hosts[512];
  snprintf(hosts, sizeof(hosts), "%s%s", g_address, suffix);
  zhandle_t* zh = zookeeper_init(hosts, IgnoreSessionEvents, session_timeout_ms, id, NULL, 0);
  if (zh == NULL) {
    perror("zookeeper_init");
    abort();
  }
  g_handles[g_handle_count++] = zh;
  return zh;
}

zhandle_t* ConnectWith(const char* suffix, int session_timeout_ms, const clientid_t* id) {
  zhandle_t* zh = Open(suffix, session_timeout_ms, id);
  if (WaitForState(zh, ZOO_CONNECTED_STATE, kPatienceMs)) return zh;
  Fail(__FILE__, __LINE__, "no session within %d ms, state is %d", kPatienceMs, zoo_state(zh));
  return NULL;
}

zhandle_t* Connect(void) { return ConnectWith("", 10000, NULL); }

zhandle_t* OpenWithoutWaiting(int session_timeout_ms, const clientid_t* id) {
  return Open("", session_timeout_ms, id);
}

void CloseNow(zhandle_t* zh) {
  for (int i = 0; i < g_handle_count; ++i) {
    if (g_handles[i] == zh) g_handles[i] = g_handles[--g_handle_count];
  }
  zookeeper_close(zh);
}

const char* ServerAddress(void) { return g_address; }
const char* ProgramPath(void) { return g_program; }
const char* RootPath(void) { return g_root; }

const char* At(const char* name) {
  if (g_path_count == kMaxPaths) abort();
  char* path = malloc(512);
  snprintf(path, 512, "%s/%s", g_root, name);
  g_paths[g_path_count++] = path;
  return path;
}

bool Put(zhandle_t* zh, const char* path, const char* value) {
  const int rc = zoo_create(zh, path, value, (int)strlen(value), &ZOO_OPEN_ACL_UNSAFE,
                            ZOO_PERSISTENT, NULL, 0);
  if (rc == ZOK) return true;
  Fail(__FILE__, __LINE__, "create of %s gives %s", path, zerror(rc));
  return false;
}

void WaitForGo(const char* step) {
  printf("STEP %s\n", step);
  fflush(stdout);
  char line[64];
  if (fgets(line, sizeof(line), stdin) == NULL) {
    fprintf(stderr, "standard input ended at step %s\n", step);
    exit(2);
  }
}

static void CleanUpAfterCase(void) {
  while (g_handle_count > 0) zookeeper_close(g_handles[--g_handle_count]);
  while (g_path_count > 0) free(g_paths[--g_path_count]);
  while (g_log_count > 0) free(g_logs[--g_log_count]);
}

static void CreateRoot(const char* case_name) {
  snprintf(g_root, sizeof(g_root), "/c-%s-%s", g_run_tag, case_name);
  zhandle_t* zh = Connect();
  if (zh == NULL) return;
  Put(zh, g_root, "");
  CloseNow(zh);
}

static bool RunCase(const Case* wanted) {
  g_failure[0] = '\0';
  CreateRoot(wanted->name);
  if (g_failure[0] == '\0') wanted->run();
  CleanUpAfterCase();
  if (g_failure[0] == '\0') {
    printf("PASS %s\n", wanted->name);
  } else {
    printf("FAIL %s: %s\n", wanted->name, g_failure);
  }
  fflush(stdout);
  return g_failure[0] == '\0';
}

static const Case* const kTables[] = {kSyncCases,  kAccessCases,  kMultiCases,  kWatchCases,
                                      kAsyncCases, kSessionCases, kSteeredCases};

static bool RunNamed(const char* name) {
  for (size_t t = 0; t < sizeof(kTables) / sizeof(kTables[0]); ++t) {
    for (const Case* c = kTables[t]; c->name != NULL; ++c) {
      if (strcmp(c->name, name) == 0) return RunCase(c);
    }
  }
  printf("FAIL %s: there is no such case\n", name);
  return false;
}

static bool RunAll(void) {
  bool good = true;
  for (size_t t = 0; t < sizeof(kTables) / sizeof(kTables[0]); ++t) {
    if (kTables[t] == kSteeredCases) continue;
    for (const Case* c = kTables[t]; c->name != NULL; ++c) good = RunCase(c) && good;
  }
  return good;
}

// Opens a session, creates an ephemeral node, prints the session's credentials and leaves without
// closing: what a killed client leaves behind.
static int LeaveSessionBehind(const char* ephemeral_path, int session_timeout_ms) {
  zhandle_t* zh = ConnectWith("", session_timeout_ms, NULL);
  if (zh == NULL) return 1;
  const int rc =
      zoo_create(zh, ephemeral_path, "left", 4, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0);
  if (rc != ZOK) return 1;
  const clientid_t* id = zoo_client_id(zh);
  printf("%016llx ", (unsigned long long)id->client_id);
  for (int i = 0; i < 16; ++i) printf("%02x", (unsigned char)id->passwd[i]);
  printf("\n");
  fflush(stdout);
  _exit(0);
}

// zk_c_client ADDRESS [CASE...]            runs all cases but the steered ones, or the named ones
// zk_c_client ADDRESS --leave-session PATH TIMEOUT_MS
int main(int argc, char** argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s HOST:PORT [CASE...]\n", argv[0]);
    return 2;
  }
  g_program = argv[0];
  g_address = argv[1];
  zoo_set_debug_level((ZooLogLevel)0);  // off: refusals are wanted here, and a retry logs each time
  if (argc == 5 && strcmp(argv[2], "--leave-session") == 0) {
    return LeaveSessionBehind(argv[3], atoi(argv[4]));
  }
  snprintf(g_run_tag, sizeof(g_run_tag), "%x-%llx", (unsigned)getpid(),
           (unsigned long long)NowMs() & 0xffffff);
  if (argc == 2) return RunAll() ? 0 : 1;
  bool good = true;
  for (int i = 2; i < argc; ++i) good = RunNamed(argv[i]) && good;
  return good ? 0 : 1;
}
