// The command line: which subcommands there are and which of them runs.
//
// A new subcommand is a Command that one of the Add...Commands functions makes; commands.cc calls
// all of these.
#ifndef LOCKKEEPER_SERVER_COMMANDS_H_
#define LOCKKEEPER_SERVER_COMMANDS_H_

namespace lockkeeper {

// Parses, runs, and returns the process's exit code: 2 for bad arguments, else the subcommand's.
int RunCommandLine(int argc, char** argv);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_COMMANDS_H_
