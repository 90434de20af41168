#include "server/tools/file_commands.h"

#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/storage/file_system.h"
#include "server/tools/line_sink.h"
#include "server/tools/log_check_command.h"
#include "server/tools/log_dump.h"
#include "server/tools/snapshot_dump.h"

namespace lockkeeper {
namespace {

constexpr int kExitDamage = 1;
constexpr int64_t kMaxBufferBytes = 1 << 30;

// "0x1f" or decimal. Negative ones exist: epochs are signed.
std::optional<Zxid> ParseZxid(const std::string& text) {
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  const char* const begin = text.data() + (hex ? 2 : 0);
  const char* const end = text.data() + text.size();
  uint64_t bits = 0;
  int64_t value = 0;
  const auto [stop, error] =
      hex ? std::from_chars(begin, end, bits, 16) : std::from_chars(begin, end, value, 10);
  if (error != std::errc() || stop != end) return std::nullopt;
  return Zxid{hex ? static_cast<int64_t>(bits) : value};
}

std::string CheckZxid(const std::string& text) {
  return ParseZxid(text) ? "" : "not a zxid (0x1f or decimal): " + text;
}

void AddZxid(CLI::App* command, const char* name, std::string* text, const char* help) {
  command->add_option(name, *text, help)->check(CheckZxid, "ZXID");
}

// The server allows payloads of jute.maxbuffer plus an extra of the same size.
void AddMaxBuffer(CLI::App* command, int64_t* bytes) {
  command->add_option("--jute-maxbuffer", *bytes, "jute.maxbuffer of the server that wrote it")
      ->check(CLI::Range(int64_t{1024}, kMaxBufferBytes));
}

size_t PayloadMax(int64_t max_buffer) { return 2 * static_cast<size_t>(max_buffer); }

constexpr int64_t kDefaultMaxBuffer = kDefaultPayloadBytesMax / 2;

struct LogDumpArgs {
  std::vector<std::string> files;
  LogDumpOptions options;
  std::string from, to;
  int64_t max_buffer = kDefaultMaxBuffer;
};

int RunLogDump(LogDumpArgs args) {
  if (!args.from.empty()) args.options.from = *ParseZxid(args.from);
  if (!args.to.empty()) args.options.to = *ParseZxid(args.to);
  args.options.limits.payload_bytes_max = PayloadMax(args.max_buffer);
  StandardOutput out;
  bool taken = true;
  bool bad = false;
  std::optional<Error> failed;
  for (const std::string& file : args.files) {
    const auto dumped = DumpLog(PosixFileSystem(), file, args.options,
                                [&](std::string_view line) { return taken = out.Write(line); });
    if (!dumped) failed = dumped.error();
    if (!dumped || !taken) break;
    bad |= dumped->bad_places > 0;
  }
  if (Status flushed = out.Flush(); !flushed) return FailCommand(flushed.error());
  if (failed) return FailCommand(*failed);
  return bad ? kExitDamage : kExitOk;
}

struct LogCheckArgs {
  LogCheckArguments arguments;
  std::string base;
  int64_t max_buffer = kDefaultMaxBuffer;
};

int RunLogCheckCommand(LogCheckArgs args) {
  if (!args.base.empty()) args.arguments.base = *ParseZxid(args.base);
  args.arguments.limits.payload_bytes_max = PayloadMax(args.max_buffer);
  StandardOutput out;
  const auto outcome = RunLogCheck(PosixFileSystem(), args.arguments,
                                   [&](std::string_view line) { return out.Write(line); });
  if (Status flushed = out.Flush(); !flushed) return FailCommand(flushed.error());
  if (!outcome) return FailCommand(outcome.error());
  return *outcome == LogCheckOutcome::kClean ? kExitOk : kExitDamage;
}

struct SnapshotDumpArgs {
  std::string file;
  SnapshotDumpOptions options;
  int64_t max_buffer = kDefaultMaxBuffer;
};

int RunSnapshotDump(SnapshotDumpArgs args) {
  args.options.limits.field_bytes_max = PayloadMax(args.max_buffer);
  StandardOutput out;
  const Status dumped = DumpSnapshot(PosixFileSystem(), args.file, args.options,
                                     [&](std::string_view line) { return out.Write(line); });
  if (Status flushed = out.Flush(); !flushed) return FailCommand(flushed.error());
  return dumped ? kExitOk : FailCommand(dumped.error());
}

Command AddLogDump(CLI::App* group) {
  const auto args = std::make_shared<LogDumpArgs>();
  CLI::App* command = group->add_subcommand(
      "dump", "print every record, also behind damage; exit code 1 if there is any");
  command->add_flag("--json", args->options.json, "an object a line, nothing left out");
  AddZxid(command, "--from", &args->from, "the first zxid to show");
  AddZxid(command, "--to", &args->to, "the last zxid to show");
  AddMaxBuffer(command, &args->max_buffer);
  command->add_option("FILE", args->files, "log files")->required()->check(CLI::ExistingFile);
  return {command, [args] { return RunLogDump(*args); }};
}

Command AddLogCheck(CLI::App* group) {
  const auto args = std::make_shared<LogCheckArgs>();
  CLI::App* command = group->add_subcommand(
      "check", "find damage and gaps and what they lose; exit code 0: clean, 1: damage");
  command->add_flag("--cut", args->arguments.cut,
                    "make the logs usable again: cut them before the damage and keep beside, as "
                    "cut-*, whatever goes. The server must be stopped");
  AddZxid(command, "--base", &args->base,
          "zxid of the state that a start loads before the log, if it does not stand beside it: "
          "a checkpoint (without --cut) or a snapshot in another directory");
  AddMaxBuffer(command, &args->max_buffer);
  command->add_option("FILE_OR_DIR", args->arguments.path, "a log file, or a directory with logs")
      ->required()
      ->check(CLI::ExistingPath);
  return {command, [args] { return RunLogCheckCommand(*args); }};
}

Command AddSnapshotDump(CLI::App* group) {
  const auto args = std::make_shared<SnapshotDumpArgs>();
  CLI::App* command = group->add_subcommand("dump", "print a ZooKeeper snapshot");
  command->add_flag("--json", args->options.json, "an object a line, nothing left out");
  command->add_flag("-d,--data", args->options.data, "text with the data, as base64");
  AddMaxBuffer(command, &args->max_buffer);
  command->add_option("FILE", args->file, "snapshot.<zxid>, also .gz and .snappy")
      ->required()
      ->check(CLI::ExistingFile);
  return {command, [args] { return RunSnapshotDump(*args); }};
}

}  // namespace

std::vector<Command> AddFileCommands(CLI::App* app) {
  CLI::App* log = app->add_subcommand("log", "look at transaction logs");
  log->require_subcommand(1);
  CLI::App* snapshot = app->add_subcommand("snapshot", "look at ZooKeeper snapshots");
  snapshot->require_subcommand(1);
  return {AddLogDump(log), AddLogCheck(log), AddSnapshotDump(snapshot)};
}

}  // namespace lockkeeper
