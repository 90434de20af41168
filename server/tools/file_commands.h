// The subcommands about single files of a stopped server: log dump, log check, snapshot dump.
#ifndef LOCKKEEPER_SERVER_TOOLS_FILE_COMMANDS_H_
#define LOCKKEEPER_SERVER_TOOLS_FILE_COMMANDS_H_

#include <CLI/CLI.hpp>
#include <vector>

#include "server/tools/command.h"

namespace lockkeeper {

std::vector<Command> AddFileCommands(CLI::App* app);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_TOOLS_FILE_COMMANDS_H_
