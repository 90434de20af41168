// A subcommand of the program.
#ifndef LOCKKEEPER_SERVER_TOOLS_COMMAND_H_
#define LOCKKEEPER_SERVER_TOOLS_COMMAND_H_

#include <CLI/CLI.hpp>
#include <functional>

#include "protocol/result.h"

namespace lockkeeper {

struct Command {
  CLI::App* app;             // its name, help and arguments; owned by the program's CLI::App
  std::function<int()> run;  // after parsing; gives the process's exit code
};

inline constexpr int kExitOk = 0;

// Says on standard error what went wrong; gives the process's exit code.
int FailCommand(const Error& error);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_TOOLS_COMMAND_H_
