// lockkeeper: the program.
#include <glog/logging.h>

#include <cstdlib>

#include "server/commands.h"

// How jemalloc is told what to do (its manual, TUNING). Two arenas: what one thread allocates
// another frees, so more of them only keep more. What is free goes back to the system after a
// second, by a thread of its own, so that neither a checkpoint's buffers nor a storm of sessions
// stays.
extern "C" {
extern const char* const malloc_conf;
const char* const malloc_conf =
    "narenas:2,background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0";
}

// NOLINTNEXTLINE(bugprone-exception-escape): what escapes is a bug and ends the process
int main(int argc, char** argv) {
  if (std::getenv("GLOG_log_dir") == nullptr) FLAGS_logtostderr = true;
  google::InitGoogleLogging(argv[0]);
  return lockkeeper::RunCommandLine(argc, argv);
}
