#include "server/tools/state_commands.h"

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "server/config/load_config.h"
#include "server/storage/file_system.h"
#include "server/tools/checkpoint_stats.h"
#include "server/tools/export.h"
#include "server/tools/import.h"

namespace lockkeeper {
namespace {

int RunExport(const std::string& conf, const std::string& out_dir) {
  const Result<Config> config = ConfigFromArguments(std::vector<std::string>{conf});
  if (!config) return FailCommand(config.error());
  const auto done = Export(PosixFileSystem(), *config, out_dir);
  if (!done) return FailCommand(done.error());
  std::cout << done->snapshot << ": zxid " << done->zxid << ", " << done->nodes << " znodes, "
            << done->sessions << " sessions, digest " << done->digest << "\n";
  return 0;
}

int RunImport(const std::string& conf, const std::string& in_dir, const std::string& in_log_dir) {
  const Result<Config> config = ConfigFromArguments(std::vector<std::string>{conf});
  if (!config) return FailCommand(config.error());
  const auto done = Import(PosixFileSystem(), *config, in_dir, in_log_dir);
  if (!done) return FailCommand(done.error());
  std::cout << (done->base.empty() ? "log" : done->base) << " and " << done->transactions
            << " transactions: zxid " << done->zxid << ", " << done->nodes << " znodes, "
            << done->sessions << " sessions, digest " << done->digest << "\n";
  return 0;
}

int RunCheckpointStats(const std::string& conf, bool json) {
  const Result<Config> config = ConfigFromArguments(std::vector<std::string>{conf});
  if (!config) return FailCommand(config.error());
  const auto stats = ReadCheckpointStats(PosixFileSystem(), *config);
  if (!stats) return FailCommand(stats.error());
  std::cout << (json ? JsonOf(*stats) : TextOf(*stats));
  return 0;
}

Command AddExport(CLI::App* app) {
  struct Args {
    std::string conf, out_dir;
  };
  const auto args = std::make_shared<Args>();
  CLI::App* command =
      app->add_subcommand("export", "write a directory that Apache ZooKeeper starts from");
  command->add_option("CONF", args->conf, "configuration of the stopped server")->required();
  command->add_option("OUT_DIR", args->out_dir, "new or empty data directory")->required();
  return {command, [args] { return RunExport(args->conf, args->out_dir); }};
}

Command AddImport(CLI::App* app) {
  struct Args {
    std::string conf, in_dir, in_log_dir;
  };
  const auto args = std::make_shared<Args>();
  CLI::App* command = app->add_subcommand("import", "load the state of another data directory");
  command->add_option("CONF", args->conf, "configuration of a server without data")->required();
  command->add_option("IN_DIR", args->in_dir, "dataDir of the other server, stopped")->required();
  command->add_option("--log-dir", args->in_log_dir, "its dataLogDir, if it has one");
  return {command, [args] { return RunImport(args->conf, args->in_dir, args->in_log_dir); }};
}

Command AddCheckpointStats(CLI::App* app) {
  struct Args {
    std::string conf;
    bool json = false;
  };
  const auto args = std::make_shared<Args>();
  CLI::App* group = app->add_subcommand("checkpoint", "look at the checkpoint store");
  group->require_subcommand(1);
  CLI::App* command = group->add_subcommand("stats", "what the checkpoint holds; reads all of it");
  command->add_option("CONF", args->conf, "configuration of the stopped server")->required();
  command->add_flag("--json", args->json, "one JSON object");
  return {command, [args] { return RunCheckpointStats(args->conf, args->json); }};
}

}  // namespace

std::vector<Command> AddStateCommands(CLI::App* app) {
  return {AddExport(app), AddImport(app), AddCheckpointStats(app)};
}

}  // namespace lockkeeper
