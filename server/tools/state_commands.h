// The subcommands about a server's whole state: export, import, checkpoint stats.
#ifndef LOCKKEEPER_SERVER_TOOLS_STATE_COMMANDS_H_
#define LOCKKEEPER_SERVER_TOOLS_STATE_COMMANDS_H_

#include <CLI/CLI.hpp>
#include <vector>

#include "server/tools/command.h"

namespace lockkeeper {

std::vector<Command> AddStateCommands(CLI::App* app);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_TOOLS_STATE_COMMANDS_H_
