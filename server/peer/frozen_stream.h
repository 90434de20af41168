// A stream that is made from memory as it is at this moment, while that memory goes on changing: a
// child process has it as it was, because the system copies a page only when one of the two writes
// to it. What is made goes through a pipe, no faster than it is read.
//
// Cost: fork copies the page tables (some 2 ms for each 100 MiB) and then every page that is
// written while the child lives; the child needs only a few MiB of its own.
//
// Threads: none of its own; one caller at a time.
#ifndef LOCKKEEPER_SERVER_PEER_FROZEN_STREAM_H_
#define LOCKKEEPER_SERVER_PEER_FROZEN_STREAM_H_

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "protocol/result.h"

namespace lockkeeper {

class FrozenStream {
 public:
  using Sink = std::function<void(std::string)>;
  using Make = std::function<Status(const Sink& sink)>;

  // `make` runs in the child, which has no other thread: it must wait for none and take no lock
  // that another thread may hold, so it must not log. kIo: there can be no child now.
  // The child dies with the thread that starts it.
  static Result<std::unique_ptr<FrozenStream>> Start(const Make& make);
  // Ends the child.
  ~FrozenStream();
  FrozenStream(const FrozenStream&) = delete;
  FrozenStream& operator=(const FrozenStream&) = delete;

  // The reading end, which does not block. Once; the caller closes it.
  int ReleaseFd() { return std::exchange(fd_, -1); }
  // When the reading end is at its end: OK if `make` was. kIo: what was read is not whole.
  Status Finish();

 private:
  FrozenStream(pid_t child, int fd) : child_(child), fd_(fd) {}
  int Reap();

  pid_t child_;  // 0: gone
  int fd_;       // -1: released
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PEER_FROZEN_STREAM_H_
