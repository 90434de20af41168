#include "server/tools/log_check_command.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "protocol/print.h"
#include "server/storage/checkpoint_store.h"
#include "server/storage/snapshot_reader.h"
#include "server/storage/txn_log_format.h"
#include "server/tools/log_check.h"
#include "server/tools/log_cut.h"
#include "server/tools/printing.h"

namespace lockkeeper {
namespace {

struct Target {
  std::string dir;
  std::string only;          // the one file to check; empty: all of the directory
  std::vector<LogFile> all;  // of the directory; `only` alone if it is not named like a log
};

Error NoLog(const std::string& path, const char* why) {
  return Error{Errc::kBadConfig, path + " " + why};
}

Result<bool> IsDirectory(FileSystem& fs, const std::string& path) {
  const auto info = fs.Stat(path);
  if (!info) return info.error();
  return info->has_value() && (*info)->is_directory;
}

Result<Target> TargetDirectory(FileSystem& fs, const std::string& path) {
  for (const std::string& dir : {path, path + "/version-2"}) {
    const auto there = IsDirectory(fs, dir);
    if (!there) return there.error();
    if (!*there) continue;
    auto files = ListLogFiles(fs, dir);
    if (!files) return files.error();
    if (!files->empty()) return Target{.dir = dir, .all = std::move(*files)};
  }
  return NoLog(path, "holds no transaction log (log.<zxid>), nor does a version-2 in it");
}

Result<Target> TargetFile(FileSystem& fs, const std::string& path) {
  const size_t slash = path.rfind('/');
  Target target;
  target.dir = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  target.only = slash == std::string::npos ? path : path.substr(slash + 1);
  if (!ZxidOfFileName("log", target.only)) {
    target.all.push_back(LogFile{Zxid{0}, target.only});
    return target;
  }
  auto files = ListLogFiles(fs, target.dir);
  if (!files) return files.error();
  target.all = std::move(*files);
  return target;
}

Result<Target> FindTarget(FileSystem& fs, std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const auto info = fs.Stat(path);
  if (!info) return info.error();
  if (!info->has_value()) return NoLog(path, "does not exist");
  return (*info)->is_directory ? TargetDirectory(fs, path) : TargetFile(fs, path);
}

// What a start loads before the log, as far as it stands beside the logs. Opening a checkpoint
// writes to it, so it needs the directory's lock.
Result<Zxid> FindBase(FileSystem& fs, const std::string& dir, bool locked) {
  Zxid base;
  const auto snapshots = ListSnapshots(fs, dir);
  if (!snapshots) return snapshots.error();
  for (const SnapshotFile& file : *snapshots) {
    const auto usable = PassesQuickCheck(fs, dir + "/" + file.name);
    if (!usable) return usable.error();
    if (!*usable) continue;
    base = file.zxid;
    break;
  }
  const std::string checkpoint = dir + "/checkpoint";
  const auto exists = CheckpointStore::Exists(fs, checkpoint);
  if (!exists) return exists.error();
  if (!*exists || !locked) return base;
  const auto store = CheckpointStore::Open(fs, checkpoint, CheckpointStore::IfMissing::kRefuse);
  if (!store) return store.error();
  return (*store)->meta() ? std::max(base, (*store)->meta()->zxid) : base;
}

class CheckRun {
 public:
  CheckRun(FileSystem& fs, const LogCheckArguments& arguments, Target target, Zxid base,
           const LineSink& sink)
      : fs_(fs), arguments_(arguments), target_(std::move(target)), base_(base), sink_(sink) {}

  Result<LogCheckOutcome> Run();

 private:
  // Of a single file everything counts, whether a start reads it or not.
  LogCheckInput Input() const;
  Result<bool> CutFirst(const LogCheckInput& input, const LogCheck& check);

  FileSystem& fs_;
  const LogCheckArguments& arguments_;
  Target target_;
  const Zxid base_;
  const LineSink& sink_;
};

LogCheckInput CheckRun::Input() const {
  LogCheckInput input{.dir = target_.dir, .limits = arguments_.limits};
  if (target_.only.empty()) {
    input.base = base_;
    input.files = target_.all;
  } else {
    std::copy_if(target_.all.begin(), target_.all.end(), std::back_inserter(input.files),
                 [&](const LogFile& file) { return file.name == target_.only; });
  }
  return input;
}

// False: there is nothing to cut.
Result<bool> CheckRun::CutFirst(const LogCheckInput& input, const LogCheck& check) {
  const LogDefect* const defect = check.FirstHarmful();
  if (defect == nullptr) return false;
  LogCheckInput planned = input;
  planned.base = base_;
  const auto plan = PlanCut(fs_, planned, check, *defect, target_.all);
  if (!plan) return plan.error();
  const auto done = CutLog(fs_, target_.dir, *plan);
  if (!done) return done.error();
  for (const std::string& line : *done) sink_(line);
  std::erase_if(target_.all, [&](const LogFile& file) {
    return (plan->offset == 0 && file.name == plan->name) ||
           std::find(plan->moved.begin(), plan->moved.end(), file.name) != plan->moved.end();
  });
  return true;
}

Result<LogCheckOutcome> CheckRun::Run() {
  LogCheckInput input = Input();
  auto check = CheckLogs(fs_, input);
  if (!check) return check.error();
  PrintLogCheck(input, *check, sink_);
  if (check->clean()) return LogCheckOutcome::kClean;
  if (!arguments_.cut) return LogCheckOutcome::kDamaged;
  bool cut = false;
  for (;;) {
    const auto more = CutFirst(input, *check);
    if (!more) return more.error();
    if (!*more) break;
    cut = true;
    input = Input();
    check = CheckLogs(fs_, input);
    if (!check) return check.error();
  }
  if (!cut) {
    sink_("nothing was cut: none of this hinders a start");
    return LogCheckOutcome::kDamaged;
  }
  std::optional<Zxid> last;
  for (const CheckedLog& log : check->files) last = std::max(last, log.last_zxid);
  sink_(last ? "the log now ends with zxid " + Hex(last->value) : "the log is now empty");
  return LogCheckOutcome::kClean;
}

}  // namespace

Result<LogCheckOutcome> RunLogCheck(FileSystem& fs, const LogCheckArguments& arguments,
                                    const LineSink& sink) {
  auto target = FindTarget(fs, arguments.path);
  if (!target) return target.error();
  std::unique_ptr<FileLock> lock;
  if (arguments.cut) {
    auto taken = LockLogDir(fs, target->dir);
    if (!taken) return taken.error();
    lock = std::move(*taken);
  }
  Zxid base = arguments.base.value_or(Zxid{0});
  if (!arguments.base) {
    const auto found = FindBase(fs, target->dir, lock != nullptr);
    if (!found) return found.error();
    base = *found;
  }
  if (base.value > 0)
    sink("a start loads the state at zxid " + Hex(base.value) + " before the log");
  return CheckRun(fs, arguments, std::move(*target), base, sink).Run();
}

}  // namespace lockkeeper
