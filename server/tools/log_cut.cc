#include "server/tools/log_cut.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "server/storage/data_dir.h"
#include "server/storage/txn_log_format.h"
#include "server/tools/log_walker.h"

namespace lockkeeper {
namespace {

constexpr size_t kTailBlockBytes = 1 << 20;
// Cuts of one place: more mean that something else is wrong.
constexpr int kSideNamesMax = 1000;

// The zxid of the first whole record; nullopt: there is none.
Result<std::optional<Zxid>> FirstZxid(FileSystem& fs, const std::string& path,
                                      const ReplayLimits& limits) {
  auto walker = LogWalker::Open(fs, path, limits);
  if (!walker) return walker.error();
  for (;;) {
    const auto step = (*walker)->Next();
    if (!step) return step.error();
    if (step->kind == LogStep::Kind::kRecord) return std::optional<Zxid>(step->zxid);
    if (step->kind == LogStep::Kind::kEnd) return std::optional<Zxid>();
  }
}

// A name that is not taken: no earlier evidence is overwritten.
Result<std::string> SideName(FileSystem& fs, const std::string& dir, const std::string& name,
                             uint64_t offset) {
  const std::string plain = "cut-" + name + "-at-" + std::to_string(offset);
  for (int i = 1; i <= kSideNamesMax; ++i) {
    const std::string candidate = i == 1 ? plain : plain + "-" + std::to_string(i);
    const auto info = fs.Stat(dir + "/" + candidate);
    if (!info) return info.error();
    if (!info->has_value()) return candidate;
  }
  return Error{Errc::kIo, dir + " holds " + std::to_string(kSideNamesMax) + " files " + plain +
                              ": move them away first"};
}

// Blocks of zeros become holes.
Status CopyTail(FileSystem& fs, const std::string& from, uint64_t offset, const std::string& to) {
  const auto source = fs.OpenForRead(from);
  if (!source) return source.error();
  const auto target = fs.Create(to);
  if (!target) return target.error();
  std::string block(kTailBlockBytes, '\0');
  uint64_t copied = 0;
  for (;;) {
    const auto got = (*source)->ReadAt(offset + copied, block);
    if (!got) return got.error();
    const std::string_view bytes = std::string_view(block).substr(0, *got);
    if (bytes.find_first_not_of('\0') != std::string_view::npos) {
      if (Status written = (*target)->WriteAt(copied, bytes); !written) return written;
    }
    copied += bytes.size();
    if (bytes.size() < block.size()) break;
  }
  if (Status sized = (*target)->Resize(copied); !sized) return sized;
  return (*target)->Sync();
}

Status CutFile(FileSystem& fs, const std::string& path, uint64_t offset) {
  const auto file = fs.OpenForWrite(path);
  if (!file) return file.error();
  if (Status cut = (*file)->Resize(offset); !cut) return cut;
  return (*file)->Sync();
}

Status MoveAside(FileSystem& fs, const std::string& dir, const std::string& name,
                 std::vector<std::string>* done) {
  const auto side = SideName(fs, dir, name, 0);
  if (!side) return side.error();
  if (Status moved = fs.Rename(dir + "/" + name, dir + "/" + *side); !moved) return moved;
  // Each for itself: a crash must never leave a later file behind an earlier one that is gone.
  if (Status synced = fs.SyncDir(dir); !synced) return synced;
  done->push_back("moved " + dir + "/" + name + " aside to " + *side);
  return {};
}

}  // namespace

Result<std::unique_ptr<FileLock>> LockLogDir(FileSystem& fs, const std::string& dir) {
  auto lock = fs.TryLock(dir + "/" + kLockFileName);
  if (!lock) return lock.error();
  if (*lock == nullptr) {
    return Error{Errc::kDataDir,
                 "a server uses " + dir + ": stop it before its log is cut; nothing was changed"};
  }
  return lock;
}

Result<CutPlan> PlanCut(FileSystem& fs, const LogCheckInput& input, const LogCheck& check,
                        const LogDefect& defect, const std::vector<LogFile>& all) {
  CutPlan plan{.name = check.files[defect.file].name};
  plan.offset = defect.offset <= kLogHeaderBytes ? 0 : defect.offset;
  const auto damaged = std::find_if(all.begin(), all.end(),
                                    [&](const LogFile& file) { return file.name == plan.name; });
  bool moving = false;
  const Zxid kept = std::max(defect.last_before.value_or(input.base), input.base);
  for (auto file = damaged == all.end() ? damaged : damaged + 1; file != all.end(); ++file) {
    if (!moving) {
      const auto first = FirstZxid(fs, input.dir + "/" + file->name, input.limits);
      if (!first) return first.error();
      if (!first->has_value()) continue;  // it holds nothing that could be in the way
      // Not to another epoch: whatever was cut would be missing silently.
      if (**first <= NextZxid(kept)) break;
      moving = true;
    }
    plan.moved.push_back(file->name);
  }
  return plan;
}

Result<std::vector<std::string>> CutLog(FileSystem& fs, const std::string& dir,
                                        const CutPlan& plan) {
  std::vector<std::string> done;
  const std::string path = dir + "/" + plan.name;
  std::string side;
  if (plan.offset > 0) {
    const auto name = SideName(fs, dir, plan.name, plan.offset);
    if (!name) return name.error();
    side = *name;
    if (Status copied = CopyTail(fs, path, plan.offset, dir + "/" + side); !copied) {
      return copied.error();
    }
    if (Status synced = fs.SyncDir(dir); !synced) return synced.error();
    done.push_back("copied the bytes of " + path + " from offset " + std::to_string(plan.offset) +
                   " to " + side);
  }
  // The damage goes last: as long as it is there, no server starts without the later files.
  for (auto name = plan.moved.rbegin(); name != plan.moved.rend(); ++name) {
    if (Status moved = MoveAside(fs, dir, *name, &done); !moved) return moved.error();
  }
  if (plan.offset == 0) {
    if (Status moved = MoveAside(fs, dir, plan.name, &done); !moved) return moved.error();
    return done;
  }
  if (Status cut = CutFile(fs, path, plan.offset); !cut) return cut.error();
  done.push_back("cut " + path + " at offset " + std::to_string(plan.offset));
  return done;
}

}  // namespace lockkeeper
