#include "server/peer/frozen_stream.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <string_view>

namespace lockkeeper {
namespace {

constexpr int kWhole = 0;
constexpr int kMakeFailed = 1;
constexpr int kNobodyReads = 2;
// Of the child: the pipe, in the place of standard input.
constexpr int kPipe = 0;
// Below that of the server that goes on serving.
constexpr int kNice = 10;

Error SystemError(const char* what) {
  return {Errc::kIo, std::string(what) + ": " + std::strerror(errno)};
}

void WriteAll(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(kPipe, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) _exit(kNobodyReads);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

// Holds none of the server's files and sockets, so nothing is kept open for it.
[[noreturn]] void RunChild(const FrozenStream::Make& make, int pipe, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kNobodyReads);
  if (dup2(pipe, kPipe) != kPipe || close_range(kPipe + 1, UINT_MAX, 0) != 0) _exit(kMakeFailed);
  setpriority(PRIO_PROCESS, 0, kNice);
  const Status made = make([](const std::string& bytes) { WriteAll(bytes); });
  _exit(made ? kWhole : kMakeFailed);
}

}  // namespace

Result<std::unique_ptr<FrozenStream>> FrozenStream::Start(const Make& make) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return SystemError("a pipe cannot be made");
  const pid_t self = getpid();
  const pid_t child = fork();
  if (child == 0) RunChild(make, ends[1], self);
  const Error failed = SystemError("a process for a copy of the state cannot be started");
  close(ends[1]);
  if (child < 0) {
    close(ends[0]);
    return failed;
  }
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  // Fewer changes between the two processes; less is all right too.
  fcntl(ends[0], F_SETPIPE_SZ, 1 << 20);
  return std::unique_ptr<FrozenStream>(new FrozenStream(child, ends[0]));
}

FrozenStream::~FrozenStream() {
  if (child_ != 0) {
    kill(child_, SIGKILL);
    Reap();
  }
  if (fd_ >= 0) close(fd_);
}

int FrozenStream::Reap() {
  int status = 0;
  while (waitpid(child_, &status, 0) < 0 && errno == EINTR) {
  }
  child_ = 0;
  return status;
}

Status FrozenStream::Finish() {
  const int status = Reap();
  if (WIFEXITED(status) && WEXITSTATUS(status) == kWhole) return {};
  return Error{Errc::kIo, "the copy of the state ended early"};
}

}  // namespace lockkeeper
