// lockkeeper: the program.
#include <glog/logging.h>

#include <cstdlib>

#include "server/commands.h"

// NOLINTNEXTLINE(bugprone-exception-escape): what escapes is a bug and ends the process
int main(int argc, char** argv) {
  if (std::getenv("GLOG_log_dir") == nullptr) FLAGS_logtostderr = true;
  google::InitGoogleLogging(argv[0]);
  return lockkeeper::RunCommandLine(argc, argv);
}
