#include "server/admin/word_texts.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "server/admin/java_text.h"
#include "server/admin/metrics.h"

namespace lockkeeper {
namespace {

std::string Decimal(int64_t v) { return std::to_string(v); }

std::string PrefixedHex(int64_t v) { return "0x" + JavaHex(v); }

std::string KeyValueLine(std::string_view key, const std::string& value) {
  return std::string(key) + "=" + value + "\n";
}

std::string VersionLines(const ServerView& view) {
  std::string out = "Zookeeper version: " + view.version.Text() + "\n";
  if (view.read_only) out += "READ-ONLY mode; serving only read-only clients\n";
  return out;
}

// Everything that srvr and stat print after the version and the clients.
std::string StatisticsLines(const ServerView& view) {
  std::string out = "Latency min/avg/max: " + Decimal(view.latency_ms.min) + "/" +
                    JavaDouble(view.latency_ms.Average()) + "/" + Decimal(view.latency_ms.max) +
                    "\n";
  out += "Received: " + Decimal(view.packets_received) + "\n";
  out += "Sent: " + Decimal(view.packets_sent) + "\n";
  out += "Connections: " + Decimal(view.connection_count) + "\n";
  out += "Outstanding: " + Decimal(view.outstanding) + "\n";
  out += "Zxid: " + PrefixedHex(view.last_zxid.value) + "\n";
  out += "Mode: " + view.mode + "\n";
  out += "Node count: " + Decimal(view.node_count) + "\n";
  if (const auto& sizes = view.proposal_sizes) {
    out += "Proposal sizes last/min/max: " + Decimal(sizes->last) + "/" + Decimal(sizes->min) +
           "/" + Decimal(sizes->max) + "\n";
  }
  return out;
}

std::string SessionFields(const ConnectionView& c) {
  std::string out = ",sid=" + PrefixedHex(c.session.value) + ",lop=" + c.last_operation +
                    ",est=" + Decimal(c.established.value) + ",to=" + Decimal(c.timeout_ms);
  if (c.last_cxid >= 0) out += ",lcxid=" + PrefixedHex(c.last_cxid);
  out += ",lzxid=" + PrefixedHex(c.last_zxid.value);
  out += ",lresp=" + Decimal(c.last_response.value);
  out += ",llat=" + Decimal(c.last_latency_ms);
  out += ",minlat=" + Decimal(c.min_latency_ms);
  out += ",avglat=" + Decimal(c.average_latency_ms);
  out += ",maxlat=" + Decimal(c.max_latency_ms);
  return out;
}

enum class Detail : uint8_t { kBrief, kFull };

// One line for each connection of the port that received the word.
std::string ConnectionLines(const ServerView& view, Detail detail) {
  std::string out;
  for (const ConnectionView& c : view.connections) {
    if (c.port != view.port) continue;
    out += " " + c.remote + "[" + JavaHex(c.interest_ops) + "](queued=" + Decimal(c.outstanding) +
           ",recved=" + Decimal(c.received) + ",sent=" + Decimal(c.sent);
    if (detail == Detail::kFull && c.session != SessionId{}) out += SessionFields(c);
    out += ")\n";
  }
  return out;
}

// `<title> (buckets)/(members):` and for each bucket its date and members, one `line` each.
template <class T, class Line>
std::string BucketLines(const ServerView& view, std::string_view title,
                        const std::vector<ExpiryBucket<T>>& buckets, Line&& line) {
  size_t members = 0;
  std::string lines;
  for (const ExpiryBucket<T>& bucket : buckets) {
    members += bucket.members.size();
    const WallMs date{view.wall_now.value + (bucket.expires.value - view.now.value)};
    lines += std::to_string(bucket.members.size()) + " expire at " + JavaDate(date) + ":\n";
    for (const T& member : bucket.members) lines += "\t" + line(member) + "\n";
  }
  return std::string(title) + " (" + std::to_string(buckets.size()) + ")/(" +
         std::to_string(members) + "):\n" + lines;
}

std::string SessionBucketLines(const ServerView& view, std::string_view title,
                               const SessionBuckets& buckets) {
  return BucketLines(view, title, buckets, [](SessionId id) { return PrefixedHex(id.value); });
}

std::string SessionLines(const ServerView& view) {
  const SessionsView& sessions = view.sessions;
  std::string out = "SessionTracker dump:\n";
  if (sessions.local) out += SessionBucketLines(view, "Local Session Sets", *sessions.local);
  if (!sessions.known_global) {
    return out + SessionBucketLines(view, sessions.local ? "Global Session Sets" : "Session Sets",
                                    sessions.tracked);
  }
  auto known = *sessions.known_global;
  std::ranges::sort(known);
  out += "Global Sessions(" + std::to_string(known.size()) + "):\n";
  for (const auto& [id, timeout_ms] : known) {
    out += PrefixedHex(id.value) + "\t" + Decimal(timeout_ms) + "ms\n";
  }
  return out;
}

std::string EphemeralLines(const ServerView& view) {
  std::string out = "ephemeral nodes dump:\nSessions with Ephemerals (" +
                    std::to_string(view.ephemerals.size()) + "):\n";
  for (const auto& [session, paths] : view.ephemerals) {
    out += PrefixedHex(session.value) + ":\n";
    for (const std::string& path : paths) out += "\t" + path + "\n";
  }
  return out;
}

std::string QuorumLines(const ConfigView::Quorum& quorum) {
  return KeyValueLine("initLimit", Decimal(quorum.init_limit)) +
         KeyValueLine("syncLimit", Decimal(quorum.sync_limit)) +
         KeyValueLine("electionAlg", Decimal(quorum.election_algorithm)) +
         KeyValueLine("electionPort", quorum.election_ports) +
         KeyValueLine("quorumPort", quorum.quorum_ports) +
         KeyValueLine("peerType", quorum.is_observer ? "1" : "0") + "membership: \n" +
         quorum.membership;
}

}  // namespace

std::string RuokText(const ServerView&) { return "imok"; }

std::string IsroText(const ServerView& view) { return view.read_only ? "ro" : "rw"; }

std::string TraceMaskText(const ServerView& view) { return Decimal(view.trace_mask); }

std::string CrstText(const ServerView&) { return "Connection stats reset.\n"; }

std::string SrstText(const ServerView&) { return "Server stats reset.\n"; }

std::string SrvrText(const ServerView& view) { return VersionLines(view) + StatisticsLines(view); }

std::string StatText(const ServerView& view) {
  return VersionLines(view) + "Clients:\n" + ConnectionLines(view, Detail::kBrief) + "\n" +
         StatisticsLines(view);
}

std::string ConsText(const ServerView& view) { return ConnectionLines(view, Detail::kFull) + "\n"; }

std::string ConfText(const ServerView& view) {
  const ConfigView& config = view.config;
  std::string out = KeyValueLine("clientPort", Decimal(config.client_port)) +
                    KeyValueLine("secureClientPort", Decimal(config.secure_client_port)) +
                    KeyValueLine("dataDir", config.data_dir) +
                    KeyValueLine("dataDirSize", Decimal(view.data_dir_bytes)) +
                    KeyValueLine("dataLogDir", config.data_log_dir) +
                    KeyValueLine("dataLogSize", Decimal(view.log_dir_bytes)) +
                    KeyValueLine("tickTime", Decimal(config.tick_time_ms)) +
                    KeyValueLine("maxClientCnxns", Decimal(config.max_client_connections)) +
                    KeyValueLine("minSessionTimeout", Decimal(config.min_session_timeout_ms)) +
                    KeyValueLine("maxSessionTimeout", Decimal(config.max_session_timeout_ms)) +
                    KeyValueLine("clientPortListenBacklog", Decimal(config.listen_backlog)) +
                    KeyValueLine("serverId", Decimal(config.server_id));
  if (config.quorum) out += QuorumLines(*config.quorum);
  return out;
}

std::string DumpText(const ServerView& view) {
  return SessionLines(view) + EphemeralLines(view) + "Connections dump:\n" +
         BucketLines(view, "Connections Sets", view.connection_buckets,
                     [](const ConnectionExpiry& c) {
                       return "ip: " + c.remote + " sessionId: " + PrefixedHex(c.session.value);
                     });
}

std::string WchsText(const ServerView& view) {
  return Decimal(view.watch_summary.connections) + " connections watching " +
         Decimal(view.watch_summary.paths) +
         " paths\nTotal watches:" + Decimal(view.watch_summary.watches) + "\n";
}

std::string WchcText(const ServerView& view) {
  std::string out;
  for (const auto& [session, paths] : view.watches) {
    out += PrefixedHex(session.value) + "\n";
    for (const std::string& path : paths) out += "\t" + path + "\n";
  }
  return out + "\n";
}

std::string WchpText(const ServerView& view) {
  std::string out;
  for (const auto& [path, sessions] : view.watchers) {
    out += path + "\n";
    for (const SessionId session : sessions) out += "\t" + PrefixedHex(session.value) + "\n";
  }
  return out + "\n";
}

std::string DirsText(const ServerView& view) {
  return "datadir_size: " + Decimal(view.data_dir_bytes) +
         "\nlogdir_size: " + Decimal(view.log_dir_bytes) + "\n";
}

std::string HashText(const ServerView& view) {
  std::string out;
  for (const DigestView& entry : view.digests) {
    out += JavaHex(entry.zxid.value) + ": " + Decimal(entry.digest) + "\n";
  }
  return out;
}

std::string EnviText(const ServerView& view) {
  const EnvironmentView& env = view.environment;
  const std::pair<std::string_view, std::string> entries[] = {
      {"zookeeper.version", view.version.Text()},
      {"host.name", env.host_name},
      {"java.version", env.java_version},
      {"java.vendor", env.java_vendor},
      {"java.home", env.java_home},
      {"java.class.path", env.java_class_path},
      {"java.library.path", env.java_library_path},
      {"java.io.tmpdir", env.java_io_tmpdir},
      {"java.compiler", env.java_compiler},
      {"os.name", env.os_name},
      {"os.arch", env.os_arch},
      {"os.version", env.os_version},
      {"user.name", env.user_name},
      {"user.home", env.user_home},
      {"user.dir", env.user_dir},
      {"os.memory.free", Decimal(env.memory_free_mb) + "MB"},
      {"os.memory.max", Decimal(env.memory_max_mb) + "MB"},
      {"os.memory.total", Decimal(env.memory_total_mb) + "MB"},
  };
  std::string out = "Environment:\n";
  for (const auto& [key, value] : entries) out += KeyValueLine(key, value);
  return out;
}

std::string MntrText(const ServerView& view) {
  std::string out;
  const auto line = [&out](std::string_view name, std::string_view value) {
    out.append("zk_").append(name).append("\t").append(value).append("\n");
  };
  line("version", view.version.Text());
  line("server_state", view.mode);
  if (view.peer_state) line("peer_state", *view.peer_state);
  if (view.observer_master_id) line("observer_master_id", *view.observer_master_id);
  for (const MetricLine& metric : view.metrics) line(metric.name, MetricValueText(metric));
  return out;
}

std::string EmptyText(const ServerView&) { return {}; }

}  // namespace lockkeeper
