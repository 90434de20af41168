#include "server/tools/snapshot_dump.h"

#include <array>
#include <cstdio>
#include <ctime>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "datatree/acl.h"
#include "protocol/print.h"
#include "server/base64.h"
#include "server/tools/printing.h"

namespace lockkeeper {
namespace {

// What the file holds, in its order, then the end. False: take no more.
class SnapshotPrinter {
 public:
  virtual ~SnapshotPrinter() = default;
  // `info`: nullopt for a damaged file.
  virtual bool Begin(const std::string& path, const std::optional<SnapshotInfo>& info) = 0;
  virtual bool Session(SessionId session, int32_t timeout_ms) = 0;
  virtual bool AclKey(int64_t key, const AclList& acl) = 0;
  virtual bool Node(const StoredNode& node) = 0;
  virtual bool End(const std::optional<SnapshotInfo>& info) = 0;
};

// As java.util.Date prints it.
std::string DateText(int64_t ms) {
  const time_t seconds = (ms - ((ms % 1000) + 1000) % 1000) / 1000;
  tm utc{};
  if (gmtime_r(&seconds, &utc) == nullptr) return std::to_string(ms) + " ms";
  std::array<char, 64> text;
  const size_t bytes = strftime(text.data(), text.size(), "%a %b %d %H:%M:%S UTC %Y", &utc);
  return {text.data(), bytes};
}

// The width that ZooKeeper's tool prints.
std::string PaddedHex(int64_t value) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "0x%014llx", static_cast<unsigned long long>(value));
  return text.data();
}

class SnapshotTextPrinter final : public SnapshotPrinter {
 public:
  SnapshotTextPrinter(bool data, const LineSink& sink) : data_(data), sink_(sink) {}

  bool Begin(const std::string& path, const std::optional<SnapshotInfo>& info) override {
    (void)path;
    const std::string count = info ? std::to_string(info->nodes) : "unknown, the file is damaged";
    return sink_("ZNode Details (count=" + count + "):") && sink_("----");
  }
  bool Session(SessionId session, int32_t timeout_ms) override {
    sessions_[session.value] = timeout_ms;
    return true;
  }
  bool AclKey(int64_t key, const AclList& acl) override {
    acls_[key] = AclText(ToRecords(acl));
    return true;
  }
  bool Node(const StoredNode& node) override;
  bool End(const std::optional<SnapshotInfo>& info) override;

 private:
  std::string AclOf(int64_t key) const {
    if (key == kOpenAclKey) return AclText(ToRecords(*OpenAcl()));
    const auto found = acls_.find(key);
    return found == acls_.end() ? "missing, key " + std::to_string(key) : found->second;
  }

  const bool data_;
  const LineSink& sink_;
  std::map<int64_t, int32_t> sessions_;               // timeouts in ms
  std::unordered_map<int64_t, uint64_t> ephemerals_;  // their number by owner
  std::unordered_map<int64_t, std::string> acls_;
};

bool SnapshotTextPrinter::Node(const StoredNode& node) {
  const NodeStat& stat = node.stat;
  if (sessions_.contains(stat.owner)) ++ephemerals_[stat.owner];
  const auto line = [&](const char* name, const std::string& value) {
    return sink_(std::string("  ") + name + " = " + value);
  };
  return sink_(node.path.empty() ? "/" : PathText(node.path)) &&
         line("cZxid", PaddedHex(stat.czxid)) && line("ctime", DateText(stat.ctime)) &&
         line("mZxid", PaddedHex(stat.mzxid)) && line("mtime", DateText(stat.mtime)) &&
         line("pZxid", PaddedHex(stat.pzxid)) && line("cversion", std::to_string(stat.cversion)) &&
         line("dataVersion", std::to_string(stat.version)) &&
         line("aclVersion", std::to_string(stat.aversion)) &&
         line("ephemeralOwner", PaddedHex(stat.owner)) && line("acl", AclOf(node.acl_key)) &&
         (data_ ? line("data", Base64(node.data))
                : line("dataLength", std::to_string(node.data.size()))) &&
         sink_("----");
}

bool SnapshotTextPrinter::End(const std::optional<SnapshotInfo>& info) {
  bool more = sink_("Session Details (sid, timeout, ephemeralCount):");
  for (const auto& [session, timeout_ms] : sessions_) {
    if (!more) return false;
    const auto found = ephemerals_.find(session);
    const uint64_t count = found == ephemerals_.end() ? 0 : found->second;
    more = sink_(Hex(session) + ", " + std::to_string(timeout_ms) + ", " + std::to_string(count));
  }
  if (!more || !sink_("----")) return false;
  if (!info) return sink_("The file is damaged: more may be missing");
  if (info->digest && !sink_("Target zxid digest is: zxid " + Hex(info->digest->zxid.value) +
                             ", digest " + std::to_string(info->digest->version) + ":" +
                             Hex(static_cast<int64_t>(info->digest->digest)))) {
    return false;
  }
  return sink_("Last zxid: " + Hex(info->zxid.value));
}

class SnapshotJsonPrinter final : public SnapshotPrinter {
 public:
  explicit SnapshotJsonPrinter(const LineSink& sink) : sink_(sink) {}

  bool Begin(const std::string& path, const std::optional<SnapshotInfo>& info) override {
    Json json{{"kind", "snapshot"}, {"file", StringJson(path)}, {"damaged", !info.has_value()}};
    return sink_(json.dump());
  }
  bool Session(SessionId session, int32_t timeout_ms) override {
    return sink_(
        Json{{"kind", "session"}, {"session", Hex(session.value)}, {"timeoutMs", timeout_ms}}
            .dump());
  }
  bool AclKey(int64_t key, const AclList& acl) override {
    return sink_(Json{{"kind", "acl"}, {"key", key}, {"acl", AclJson(ToRecords(acl))}}.dump());
  }
  bool Node(const StoredNode& node) override {
    const NodeStat& stat = node.stat;
    return sink_(Json{{"kind", "znode"},
                      {"path", StringJson(node.path.empty() ? "/" : node.path)},
                      {"data", DataJson(node.data)},
                      {"aclKey", node.acl_key},
                      {"czxid", Hex(stat.czxid)},
                      {"mzxid", Hex(stat.mzxid)},
                      {"pzxid", Hex(stat.pzxid)},
                      {"ctimeMs", stat.ctime},
                      {"mtimeMs", stat.mtime},
                      {"version", stat.version},
                      {"cversion", stat.cversion},
                      {"aversion", stat.aversion},
                      {"ephemeralOwner", Hex(stat.owner)}}
                     .dump());
  }
  bool End(const std::optional<SnapshotInfo>& info) override {
    if (!info) return sink_(Json{{"kind", "end"}, {"damaged", true}}.dump());
    Json json{{"kind", "end"},      {"zxid", Hex(info->zxid.value)}, {"sessions", info->sessions},
              {"acls", info->acls}, {"znodes", info->nodes},         {"bytes", info->bytes}};
    if (info->digest) {
      json["digest"] = Json{{"zxid", Hex(info->digest->zxid.value)},
                            {"version", info->digest->version},
                            {"value", Hex(static_cast<int64_t>(info->digest->digest))}};
    }
    if (info->last_processed) json["lastProcessed"] = Hex(info->last_processed->value);
    return sink_(json.dump());
  }

 private:
  const LineSink& sink_;
};

// Feeds the whole file to the printer. OK with nullopt: the printer took no more.
Result<std::optional<SnapshotInfo>> Show(FileSystem& fs, const std::string& path,
                                         const SnapshotLimits& limits, SnapshotPrinter* printer) {
  bool more = true;
  const auto go_on = [&more](bool taken) {
    more = taken;
    return taken ? Status() : Status(Error{Errc::kIo, "nobody reads the output any more"});
  };
  const SnapshotHandlers handlers{
      .session = [&](SessionId id, int32_t ms) { return go_on(printer->Session(id, ms)); },
      .acl = [&](int64_t key, const AclList& acl) { return go_on(printer->AclKey(key, acl)); },
      .node = [&](const StoredNode& node) { return go_on(printer->Node(node)); }};
  auto info = ReadSnapshot(fs, path, limits, handlers);
  if (info) return std::optional<SnapshotInfo>(*info);
  if (!more) return std::optional<SnapshotInfo>();
  return info.error();
}

}  // namespace

Status DumpSnapshot(FileSystem& fs, const std::string& path, const SnapshotDumpOptions& options,
                    const LineSink& sink) {
  const auto checked = ReadSnapshot(fs, path, options.limits, {});
  if (!checked && checked.error().code != Errc::kCorruption) return checked.error();
  std::optional<SnapshotInfo> info;
  if (checked) info = *checked;
  std::unique_ptr<SnapshotPrinter> printer;
  if (options.json) {
    printer = std::make_unique<SnapshotJsonPrinter>(sink);
  } else {
    printer = std::make_unique<SnapshotTextPrinter>(options.data, sink);
  }
  if (!printer->Begin(path, info)) return {};
  const auto shown = Show(fs, path, options.limits, printer.get());
  if (shown && !shown->has_value()) return {};
  if (!shown && shown.error().code != Errc::kCorruption) return shown.error();
  printer->End(info);
  return checked ? Status() : Status(checked.error());
}

}  // namespace lockkeeper
