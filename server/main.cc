// lockkeeper: the program.
#include <glog/logging.h>
#include <malloc.h>

#include <cstdlib>

#include "server/commands.h"

namespace {

// Large buffers, such as those of checkpoints, go back to the system when they are freed. glibc
// would raise its threshold with the first of them and keep all later ones: 40 MB after 1,000,000
// creates.
void ReturnLargeBuffers() {
  (void)mallopt(M_MMAP_THRESHOLD, 1 << 20);
  (void)mallopt(M_TRIM_THRESHOLD, 4 << 20);
}

}  // namespace

// NOLINTNEXTLINE(bugprone-exception-escape): what escapes is a bug and ends the process
int main(int argc, char** argv) {
  ReturnLargeBuffers();
  if (std::getenv("GLOG_log_dir") == nullptr) FLAGS_logtostderr = true;
  google::InitGoogleLogging(argv[0]);
  return lockkeeper::RunCommandLine(argc, argv);
}
