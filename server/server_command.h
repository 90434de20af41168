// `lockkeeper server` and `lockkeeper version`.
#ifndef LOCKKEEPER_SERVER_SERVER_COMMAND_H_
#define LOCKKEEPER_SERVER_SERVER_COMMAND_H_

#include <CLI/CLI.hpp>
#include <vector>

#include "server/tools/command.h"

namespace lockkeeper {

std::vector<Command> AddServerCommands(CLI::App* app);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_SERVER_COMMAND_H_
