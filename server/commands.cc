#include "server/commands.h"

#include <CLI/CLI.hpp>
#include <iterator>
#include <vector>

#include "server/server_command.h"
#include "server/tools/command.h"
#include "server/tools/file_commands.h"
#include "server/tools/state_commands.h"

namespace lockkeeper {
namespace {

// As of ZooKeeper (storage-and-operations 12.1).
constexpr int kExitBadArguments = 2;

using AddCommands = std::vector<Command> (*)(CLI::App*);

constexpr AddCommands kAllCommands[] = {
    AddServerCommands,  // server, version
    AddStateCommands,   // export, import, checkpoint
    AddFileCommands,    // log, snapshot
};

}  // namespace

int RunCommandLine(int argc, char** argv) {
  CLI::App app{"Lockkeeper: a coordination server that speaks ZooKeeper's protocols"};
  app.require_subcommand(1);
  std::vector<Command> commands;
  for (const AddCommands add : kAllCommands) {
    std::vector<Command> some = add(&app);
    std::move(some.begin(), some.end(), std::back_inserter(commands));
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitBadArguments;
  }
  for (const Command& command : commands) {
    if (command.app->parsed()) return command.run();
  }
  return kExitBadArguments;
}

}  // namespace lockkeeper
