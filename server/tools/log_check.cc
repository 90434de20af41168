#include "server/tools/log_check.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "protocol/print.h"
#include "server/storage/txn_log_format.h"
#include "server/tools/log_walker.h"
#include "server/tools/printing.h"
#include "server/tools/txn_decoder.h"

namespace lockkeeper {
namespace {

using DefectKind = LogDefect::Kind;
using StepKind = LogStep::Kind;

std::string HexOf(Zxid zxid) { return Hex(zxid.value); }

// The first file that a server reads when it starts from `base`: see ReplayLog.
size_t FirstNeeded(const std::vector<LogFile>& files, Zxid base) {
  const auto above = std::find_if(files.begin(), files.end(),
                                  [&](const LogFile& file) { return file.first > base; });
  if (above == files.begin()) return 0;
  const Zxid start = std::prev(above)->first;
  const auto first =
      std::find_if(files.begin(), above, [&](const LogFile& file) { return file.first == start; });
  return static_cast<size_t>(first - files.begin());
}

// One reading of all files.
class Checker {
 public:
  Checker(FileSystem& fs, const LogCheckInput& input)
      : fs_(fs), input_(input), first_needed_(FirstNeeded(input.files, input.base)) {}

  Status CheckFile(size_t index);
  LogCheck Finish();

 private:
  void TakeRecord(const LogStep& step);
  void SettleEarlyEnd(Zxid next);
  void JudgeOrder(const LogStep& step);
  void TakeBad(const LogStep& step);
  void AddDefect(DefectKind kind, uint64_t offset, std::string reason, bool harmful);
  void AddMissing(Zxid before, Zxid next);
  void CountAfter(Zxid zxid);

  FileSystem& fs_;
  const LogCheckInput& input_;
  const size_t first_needed_;
  LogCheck check_;
  std::optional<Zxid> last_;  // the highest whole one so far
  bool after_bad_ = false;    // what is missing before the next record is known to be damaged
  bool ended_early_ = false;  // for a server the present file has ended
  std::optional<size_t> early_end_;  // the defect, until the next file shows what it means
  std::optional<size_t> counted_;    // the defect whose followers are counted
};

Status Checker::CheckFile(size_t index) {
  const LogFile& file = input_.files[index];
  const std::string path = input_.dir + "/" + file.name;
  CheckedLog& log = check_.files.emplace_back();
  log.name = file.name;
  log.needed = index >= first_needed_;
  ended_early_ = false;
  auto walker = LogWalker::Open(fs_, path, input_.limits);
  if (!walker) return walker.error();
  log.bytes = (*walker)->file_bytes();
  // A crash leaves an empty last file, and a start removes it.
  if (log.bytes == 0 && index + 1 == input_.files.size()) return {};
  for (;;) {
    const auto step = (*walker)->Next();
    if (!step) return step.error();
    switch (step->kind) {
      case StepKind::kRecord:
        TakeRecord(*step);
        break;
      case StepKind::kEnd:
        log.end_offset = step->offset;
        log.torn = step->reason;
        return {};
      default:
        TakeBad(*step);
    }
  }
}

void Checker::TakeRecord(const LogStep& step) {
  CheckedLog& log = check_.files.back();
  ++log.records;
  if (!log.first_zxid) log.first_zxid = step.zxid;
  log.last_zxid = std::max(log.last_zxid.value_or(step.zxid), step.zxid);
  if (ended_early_) {  // a server does not see this one
    CountAfter(step.zxid);
    return;
  }
  if (last_ && step.zxid <= *last_) {
    ++log.repeated;
    return;
  }
  SettleEarlyEnd(step.zxid);
  JudgeOrder(step);
  const std::string problem = LoadProblem(DecodeTxn(step.payload));
  if (!problem.empty()) {
    AddDefect(DefectKind::kDamage, step.offset,
              "transaction " + HexOf(step.zxid) + " has " + problem,
              log.needed && step.zxid > input_.base);
  } else {
    CountAfter(step.zxid);
  }
  last_ = step.zxid;
  after_bad_ = false;
}

// What an early end hid was never acknowledged if the log went on in the next file as if it had not
// been there; across epochs that cannot be known.
void Checker::SettleEarlyEnd(Zxid next) {
  if (!early_end_) return;
  LogDefect& defect = check_.defects[*std::exchange(early_end_, std::nullopt)];
  const Zxid before = last_.value_or(input_.base);
  if (!FollowsInLog(before, next)) return;
  defect.harmful = false;
  defect.superseded = next == NextZxid(before);
  if (defect.superseded) --check_.defect_count;
  counted_.reset();
}

void Checker::JudgeOrder(const LogStep& step) {
  const bool known = last_.has_value() || input_.base.value > 0;
  const Zxid before = last_.value_or(input_.base);
  if (!known || FollowsInLog(before, step.zxid) || step.zxid <= before) return;
  AddMissing(before, step.zxid);
  if (after_bad_ || input_.limits.allow_gaps) return;
  const Zxid have = std::max(before, input_.base);
  const bool harmful =
      check_.files.back().needed && step.zxid > input_.base && !FollowsInLog(have, step.zxid);
  AddDefect(DefectKind::kGap, step.offset,
            "transaction " + HexOf(step.zxid) + " follows " + HexOf(before) +
                (last_ ? "" : ", the state that is loaded before the log") +
                "; those between are missing",
            harmful);
}

void Checker::TakeBad(const LogStep& step) {
  if (ended_early_) return;
  const bool needed = check_.files.back().needed;
  if (step.kind == StepKind::kDamage) {
    AddDefect(DefectKind::kDamage, step.offset, step.reason, needed);
    after_bad_ = true;
    return;
  }
  const size_t index = check_.defects.size();
  AddDefect(DefectKind::kEndsEarly, step.offset, step.reason, needed);
  if (check_.defects.size() > index) early_end_ = index;
  ended_early_ = true;
}

void Checker::AddDefect(DefectKind kind, uint64_t offset, std::string reason, bool harmful) {
  ++check_.defect_count;
  if (check_.defects.size() >= kDefectsMax) return;
  const size_t index = check_.defects.size();
  check_.defects.push_back({.kind = kind,
                            .file = check_.files.size() - 1,
                            .offset = offset,
                            .reason = std::move(reason),
                            .last_before = last_,
                            .harmful = harmful});
  const bool first_harmful = harmful && (!counted_ || !check_.defects[*counted_].harmful);
  if (counted_ && !first_harmful) return;
  counted_ = index;
  check_.records_after = 0;
  check_.zxids_after.reset();
}

void Checker::AddMissing(Zxid before, Zxid next) {
  ++check_.missing_count;
  if (check_.missing.size() >= kMissingRangesMax) return;
  check_.missing.push_back({NextZxid(before), Zxid{next.value - 1}});
}

void Checker::CountAfter(Zxid zxid) {
  if (!counted_) return;
  ++check_.records_after;
  if (!check_.zxids_after) check_.zxids_after = ZxidRange{zxid, zxid};
  check_.zxids_after->last = zxid;
}

LogCheck Checker::Finish() { return std::move(check_); }

std::string CountOf(uint64_t n, const std::string& what) {
  return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
}

std::string RangeText(const ZxidRange& range) {
  return range.first == range.last ? HexOf(range.first)
                                   : HexOf(range.first) + " to " + HexOf(range.last);
}

std::string FileText(const CheckedLog& log) {
  if (log.bytes == 0) return "empty, left by a crash; a start removes it if it is the last";
  std::string text = CountOf(log.records, "record");
  if (log.first_zxid) text += ", zxid " + RangeText({*log.first_zxid, *log.last_zxid});
  if (log.repeated > 0) text += ", " + std::to_string(log.repeated) + " of them repeated";
  text += ", end at offset " + std::to_string(log.end_offset);
  if (!log.torn.empty()) {
    text += "; torn tail there, which a start drops: " + log.torn;
  }
  if (!log.needed) text += "; not read by a start";
  return text;
}

std::string DefectText(const LogCheckInput& input, const LogCheck& check, const LogDefect& defect) {
  const char* const what = defect.kind == DefectKind::kGap ? "GAP in "
                           : defect.kind == DefectKind::kEndsEarly
                               ? "END BEFORE THE LAST RECORD of "
                               : "DAMAGE in ";
  std::string text = what + input.dir + "/" + check.files[defect.file].name + " at offset " +
                     std::to_string(defect.offset) + ": " + defect.reason;
  if (defect.last_before) text += "; the last zxid before it is " + HexOf(*defect.last_before);
  if (defect.superseded) {
    text += "; the next file goes on with the next zxid: what follows here was never acknowledged";
  } else if (!defect.harmful) {
    text += "; it does not hinder a start";
  }
  return text;
}

std::string MissingText(const LogCheck& check) {
  std::string text;
  for (const ZxidRange& range : check.missing) {
    text += (text.empty() ? "" : ", ") + RangeText(range);
  }
  if (check.missing_count > check.missing.size()) {
    text += " and " + CountOf(check.missing_count - check.missing.size(), "more range");
  }
  return text.empty() ? "none that later records show" : text;
}

}  // namespace

const LogDefect* LogCheck::FirstHarmful() const {
  const auto found = std::find_if(defects.begin(), defects.end(),
                                  [](const LogDefect& defect) { return defect.harmful; });
  return found == defects.end() ? nullptr : &*found;
}

Result<LogCheck> CheckLogs(FileSystem& fs, const LogCheckInput& input) {
  Checker checker(fs, input);
  for (size_t i = 0; i < input.files.size(); ++i) {
    if (Status checked = checker.CheckFile(i); !checked) return checked.error();
  }
  return checker.Finish();
}

void PrintLogCheck(const LogCheckInput& input, const LogCheck& check, const LineSink& sink) {
  for (const CheckedLog& log : check.files) {
    sink(input.dir + "/" + log.name + ": " + FileText(log));
  }
  for (const LogDefect& defect : check.defects) sink(DefectText(input, check, defect));
  if (check.defect_count > check.defects.size()) {
    sink("and more: " + std::to_string(check.defect_count) + " in all");
  }
  if (check.clean()) {
    sink("no damage and no gap found");
    return;
  }
  sink("whole records behind the first of these: " + std::to_string(check.records_after) +
       (check.zxids_after ? ", zxid " + RangeText(*check.zxids_after) : ""));
  sink("zxids missing: " + MissingText(check));
}

}  // namespace lockkeeper
