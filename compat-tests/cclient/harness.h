// A small test harness around Apache ZooKeeper's C client (libzookeeper_mt).
//
// A case is a function without arguments, listed in a table of its file. It uses the EXPECT macros,
// which record the first failure of the case and return from it. Handles opened with Connect() are
// closed by the harness when the case ends, however it ends. Each case works under its own root
// node, RootPath(), which the harness creates before the case and which is new in every run.
//
// Times are in milliseconds. Results go to standard output, one line a case: "PASS name" or
// "FAIL name: reason".
#ifndef COMPAT_TESTS_CCLIENT_HARNESS_H_
#define COMPAT_TESTS_CCLIENT_HARNESS_H_

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <zookeeper/zookeeper.h>

// How long anything that should happen may take before a case fails.
enum { kPatienceMs = 20000 };

typedef struct {
  const char* name;
  void (*run)(void);
} Case;

extern const Case kSyncCases[];
extern const Case kAccessCases[];
extern const Case kMultiCases[];
extern const Case kWatchCases[];
extern const Case kAsyncCases[];
extern const Case kSessionCases[];
extern const Case
    kSteeredCases[];  // run only when named: they need the other side to act, see WaitForGo

// What a watcher of this harness saw: type and state as in zookeeper.h, path without the chroot.
typedef struct {
  int type;
  int state;
  char path[256];
} Event;

// Events in the order of their arrival; use the functions below only.
typedef struct {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  Event events[512];
  int size;
  int taken;
} EventLog;

EventLog* NewEventLog(void);

// A watcher_fn whose context is an EventLog; session events are left out.
void RecordEvent(zhandle_t* zh, int type, int state, const char* path, void* event_log);

// Takes the next event, waiting for it. False when none comes within timeout_ms.
bool NextEvent(EventLog* log, int timeout_ms, Event* event);

// A connected handle with its own session, or NULL after having recorded a failure.
zhandle_t* Connect(void);
// The same with everything chosen. `suffix` follows the address ("/chroot" or ""), id may be NULL.
zhandle_t* ConnectWith(const char* suffix, int session_timeout_ms, const clientid_t* id);
// A handle that need not become connected (refused sessions); never NULL.
zhandle_t* OpenWithoutWaiting(int session_timeout_ms, const clientid_t* id);
// Closes the session now; the handle must not be used afterwards.
void CloseNow(zhandle_t* zh);

// Waits until zoo_state(zh) == state.
bool WaitForState(zhandle_t* zh, int state, int timeout_ms);
// Waits until `path` exists (or is gone), as seen through zh.
bool WaitForExistence(zhandle_t* zh, const char* path, bool exists, int timeout_ms);

// Address given on the command line, "host:port".
const char* ServerAddress(void);
// Path of this program, for cases that start themselves as another process.
const char* ProgramPath(void);
// Root of the running case, such as "/c-client-3f2a-create_returns_the_path".
const char* RootPath(void);
// RootPath() + "/" + name, in a buffer that lives until the case ends.
const char* At(const char* name);

// Prints "STEP text" and waits for a line on standard input: the test that started us acts in
// between.
void WaitForGo(const char* step);

// Creates a persistent open node, true when it worked.
bool Put(zhandle_t* zh, const char* path, const char* value);

// Field by field: the struct has padding.
bool StatsAreEqual(const struct Stat* left, const struct Stat* right);

void Fail(const char* file, int line, const char* format, ...)
    __attribute__((format(printf, 3, 4)));

int64_t NowMs(void);

#define EXPECT(condition)                                       \
  do {                                                          \
    if (!(condition)) {                                         \
      Fail(__FILE__, __LINE__, "%s does not hold", #condition); \
      return;                                                   \
    }                                                           \
  } while (0)

// Integers of any width.
#define EXPECT_EQ(actual, wanted)                                                                \
  do {                                                                                           \
    const long long actual_ = (long long)(actual);                                               \
    const long long wanted_ = (long long)(wanted);                                               \
    if (actual_ != wanted_) {                                                                    \
      Fail(__FILE__, __LINE__, "%s is %lld, not %s (%lld)", #actual, actual_, #wanted, wanted_); \
      return;                                                                                    \
    }                                                                                            \
  } while (0)

#define EXPECT_STR(actual, wanted)                                                     \
  do {                                                                                 \
    const char* actual_ = (actual);                                                    \
    const char* wanted_ = (wanted);                                                    \
    if (strcmp(actual_, wanted_) != 0) {                                               \
      Fail(__FILE__, __LINE__, "%s is \"%s\", not \"%s\"", #actual, actual_, wanted_); \
      return;                                                                          \
    }                                                                                  \
  } while (0)

#define EXPECT_EVENT(log, wanted_type, wanted_path)                                            \
  do {                                                                                         \
    Event event_;                                                                              \
    if (!NextEvent((log), kPatienceMs, &event_)) {                                             \
      Fail(__FILE__, __LINE__, "no event came, wanted %s of %s", #wanted_type, (wanted_path)); \
      return;                                                                                  \
    }                                                                                          \
    EXPECT_EQ(event_.type, (wanted_type));                                                     \
    EXPECT_STR(event_.path, (wanted_path));                                                    \
  } while (0)

#endif  // COMPAT_TESTS_CCLIENT_HARNESS_H_
