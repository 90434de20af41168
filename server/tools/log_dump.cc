#include "server/tools/log_dump.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string_view>

#include "server/storage/txn_log_format.h"
#include "server/tools/log_walker.h"
#include "server/tools/txn_printer.h"

namespace lockkeeper {
namespace {

using Kind = LogStep::Kind;

// The lines of one file.
class LogPrinter {
 public:
  virtual ~LogPrinter() = default;
  virtual std::string Head(const std::string& path, int64_t dbid, int32_t version) const = 0;
  virtual std::string Txn(const DecodedTxn& txn, const LogStep& step) const = 0;
  virtual std::string Bad(const LogStep& step) const = 0;
  virtual std::string End(const LogStep& step, uint64_t file_bytes,
                          const LogDumpSummary& summary) const = 0;
};

// In the words of ZooKeeper's TxnLogToolkit where it has any.
class TextPrinter final : public LogPrinter {
 public:
  std::string Head(const std::string& path, int64_t dbid, int32_t version) const override {
    return "ZooKeeper Transactional Log File with dbid " + std::to_string(dbid) +
           " txnlog format version " + std::to_string(version) + " " + path;
  }
  std::string Txn(const DecodedTxn& txn, const LogStep& step) const override {
    (void)step;
    return TextOfTxn(txn);
  }
  std::string Bad(const LogStep& step) const override {
    const std::string next =
        step.next ? "the next whole record is at offset " + std::to_string(*step.next)
                  : "no whole record follows";
    return (step.kind == Kind::kDamage ? "DAMAGE at offset " : "END FOR A SERVER at offset ") +
           std::to_string(step.offset) + ": " + step.reason + "; " + next;
  }
  std::string End(const LogStep& step, uint64_t file_bytes,
                  const LogDumpSummary& summary) const override {
    std::string out = "EOF reached after " + std::to_string(summary.records) + " txns.";
    if (summary.shown != summary.records) out += " " + std::to_string(summary.shown) + " shown.";
    if (summary.bad_places > 0) {
      out += " " + std::to_string(summary.bad_places) +
             (summary.bad_places == 1 ? " bad place, see above." : " bad places, see above.");
    }
    const std::string at = " at offset " + std::to_string(step.offset);
    if (!step.reason.empty()) return out + " Torn tail" + at + ": " + step.reason;
    const uint64_t padding = file_bytes - std::min(step.offset, file_bytes);
    return out + " The records end" + at + ", " + std::to_string(padding) +
           " bytes of padding follow.";
  }
};

class JsonPrinter final : public LogPrinter {
 public:
  std::string Head(const std::string& path, int64_t dbid, int32_t version) const override {
    return Json{{"kind", "log"}, {"file", StringJson(path)}, {"version", version}, {"dbid", dbid}}
        .dump();
  }
  std::string Txn(const DecodedTxn& txn, const LogStep& step) const override {
    return JsonOfTxn(txn, step.offset, step.payload.size()).dump();
  }
  std::string Bad(const LogStep& step) const override {
    Json json{{"kind", step.kind == Kind::kDamage ? "damage" : "endForAServer"},
              {"offset", step.offset},
              {"reason", step.reason}};
    json["next"] = step.next ? Json(*step.next) : Json(nullptr);
    return json.dump();
  }
  std::string End(const LogStep& step, uint64_t file_bytes,
                  const LogDumpSummary& summary) const override {
    Json json{{"kind", "end"},           {"offset", step.offset},
              {"fileBytes", file_bytes}, {"records", summary.records},
              {"shown", summary.shown},  {"badPlaces", summary.bad_places}};
    if (!step.reason.empty()) json["torn"] = step.reason;
    return json.dump();
  }
};

// Nothing without the header of a log: the walker says what is wrong.
Result<std::optional<std::string>> HeadLine(FileSystem& fs, const std::string& path,
                                            const LogPrinter& printer) {
  auto file = fs.OpenForRead(path);
  if (!file) return file.error();
  std::array<char, kLogHeaderBytes> header;
  const auto got = (*file)->ReadAt(0, header);
  if (!got) return got.error();
  if (!std::string_view(header.data(), *got).starts_with(kLogMagic) || *got < header.size()) {
    return std::optional<std::string>();
  }
  const auto dbid = static_cast<int64_t>(LoadBigEndian64(header.data() + 8));
  const auto version = static_cast<int32_t>(LoadBigEndian32(header.data() + 4));
  return std::optional<std::string>(printer.Head(path, dbid, version));
}

// The line of a step; empty: the step shows nothing.
std::string LineOf(const LogStep& step, uint64_t file_bytes, const LogDumpOptions& options,
                   const LogPrinter& printer, LogDumpSummary* summary) {
  switch (step.kind) {
    case Kind::kRecord:
      ++summary->records;
      if (step.zxid < options.from || step.zxid > options.to) return "";
      ++summary->shown;
      return printer.Txn(DecodeTxn(step.payload), step);
    case Kind::kEnd:
      return printer.End(step, file_bytes, *summary);
    default:
      ++summary->bad_places;
      return printer.Bad(step);
  }
}

}  // namespace

Result<LogDumpSummary> DumpLog(FileSystem& fs, const std::string& path,
                               const LogDumpOptions& options, const LineSink& sink) {
  std::unique_ptr<LogPrinter> printer;
  if (options.json) {
    printer = std::make_unique<JsonPrinter>();
  } else {
    printer = std::make_unique<TextPrinter>();
  }
  LogDumpSummary summary;
  auto walker = LogWalker::Open(fs, path, options.limits);
  if (!walker) return walker.error();
  const auto head = HeadLine(fs, path, *printer);
  if (!head) return head.error();
  if (head->has_value() && !sink(**head)) return summary;
  for (;;) {
    const auto step = (*walker)->Next();
    if (!step) return step.error();
    const std::string line = LineOf(*step, (*walker)->file_bytes(), options, *printer, &summary);
    if (!line.empty() && !sink(line)) return summary;
    if (step->kind == Kind::kEnd) return summary;
  }
}

}  // namespace lockkeeper
