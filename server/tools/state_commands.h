// The subcommands about a server's whole state: export, import, checkpoint stats.
#ifndef LOCKKEEPER_SERVER_TOOLS_STATE_COMMANDS_H_
#define LOCKKEEPER_SERVER_TOOLS_STATE_COMMANDS_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <vector>

namespace lockkeeper {

// A subcommand and what it does; `run` gives the process's exit code.
struct Command {
  CLI::App* app;
  std::function<int()> run;
};

std::vector<Command> AddStateCommands(CLI::App* app);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_TOOLS_STATE_COMMANDS_H_
