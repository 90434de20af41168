#include "server/server_command.h"

#include <glog/logging.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>

#include "server/build_version.h"
#include "server/config/load_config.h"
#include "server/server.h"

namespace lockkeeper {
namespace {

// As the JVM does: the soft limit on open files is raised to the hard one.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Signals that end the server are waited for, not handled: blocked in every thread.
sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

void LogConfig(const Config& config) {
  LOG(INFO) << "Reading configuration from: " << config.source;
  for (const ConfigRemark& remark : config.warnings) {
    LOG(WARNING) << remark.key
                 << (remark.line > 0 ? " (line " + std::to_string(remark.line) + ")"
                                     : std::string())
                 << ": " << remark.text;
  }
  for (const ConfigRemark& remark : config.notes) {
    LOG(INFO) << remark.key << ": " << remark.text;
  }
  for (const std::string& line : config.Describe()) LOG(INFO) << line;
}

int RunServer(const std::vector<std::string>& args) {
  const Result<Config> config = ConfigFromArguments(args);
  if (!config) {
    LOG(ERROR) << "Invalid config, exiting abnormally: " << config.error().message;
    return ExitCode(config.error());
  }
  RaiseDescriptorLimit();
  const sigset_t stop_signals = BlockStopSignals();
  LOG(INFO) << "Lockkeeper " << ProductVersion() << " (compatible with ZooKeeper "
            << kCompatibleVersion << "), "
            << (config->ensemble ? "member of an ensemble" : "standalone");
  LogConfig(*config);

  std::atomic<int> exit_code{kExitOk};
  Server server(*config, [&exit_code](const Error& error) {
    LOG(ERROR) << "Severe unrecoverable error, the server stops: " << error.message;
    exit_code = ExitCode(error);
    kill(getpid(), SIGTERM);
  });
  if (const Status started = server.Start(); !started) {
    LOG(ERROR) << "Unexpected exception, exiting abnormally: " << started.error().message;
    return ExitCode(started.error());
  }
  int signal = 0;
  sigwait(&stop_signals, &signal);
  LOG(INFO) << "stopping on signal " << signal;
  server.Stop();
  return exit_code;
}

int PrintVersion() {
  std::printf("Lockkeeper %s, compatible with ZooKeeper %s\n",
              std::string(ProductVersion()).c_str(), BuildVersionLine().Text().c_str());
  return kExitOk;
}

}  // namespace

std::vector<Command> AddServerCommands(CLI::App* app) {
  const auto args = std::make_shared<std::vector<std::string>>();
  CLI::App* server =
      app->add_subcommand("server", "run a server: CONF, or PORT DATADIR [TICKTIME] [MAXCNXNS]");
  server->add_option("arguments", *args, "zoo.cfg or YAML file; or port, data directory, ...");
  CLI::App* version = app->add_subcommand("version", "print the version");
  return {{server, [args] { return RunServer(*args); }}, {version, PrintVersion}};
}

}  // namespace lockkeeper
