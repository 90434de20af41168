// A slow or broken disk, for LD_PRELOAD into a server.
//
// fsync and fdatasync obey the file that the environment variable DISK_FAULTS names, which is read
// at every call and may be replaced at any time. Its first line is the instruction:
//   "slow N"   the call takes N milliseconds longer
//   "fail"     the call does nothing and gives EIO
//   "once"     the first call that sees it fails like that, later ones work
//   otherwise  nothing special
// Its second line is a pattern as for fnmatch(3), in which '*' also takes '/': files and directories
// with other paths, and all other calls, are left alone.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef int (*SyncFunction)(int);

static atomic_flag g_failed_once = ATOMIC_FLAG_INIT;

static int IsConcerned(int fd, const char* pattern) {
  char link[64], path[4096];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, path, sizeof(path) - 1);
  if (size <= 0) return 0;
  path[size] = '\0';
  return fnmatch(pattern, path, 0) == 0;
}

static void ReadInstruction(char* text, size_t capacity) {
  text[0] = '\0';
  const char* path = getenv("DISK_FAULTS");
  const int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  const ssize_t size = read(fd, text, capacity - 1);
  text[size > 0 ? size : 0] = '\0';
  close(fd);
}

static int Sync(int fd, const char* name) {
  const SyncFunction original = (SyncFunction)dlsym(RTLD_NEXT, name);
  char instruction[512];
  ReadInstruction(instruction, sizeof(instruction));
  char* pattern = strchr(instruction, '\n');
  if (pattern == NULL) return original(fd);
  *pattern++ = '\0';
  pattern[strcspn(pattern, "\n")] = '\0';
  if (!IsConcerned(fd, pattern)) return original(fd);
  int ms = 0;
  if (strncmp(instruction, "fail", 4) == 0 ||
      (strncmp(instruction, "once", 4) == 0 && !atomic_flag_test_and_set(&g_failed_once))) {
    errno = EIO;
    return -1;
  }
  if (sscanf(instruction, "slow %d", &ms) == 1) {
    const struct timespec pause = {ms / 1000, (ms % 1000) * 1000000L};
    nanosleep(&pause, NULL);
  }
  return original(fd);
}

int fsync(int fd) { return Sync(fd, "fsync"); }
int fdatasync(int fd) { return Sync(fd, "fdatasync"); }
