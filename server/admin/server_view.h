// The server as an administrator sees it at one moment: a plain value that the shell gathers and
// the four-letter words print. Words know no connection, tree or clock.
//
// The basics are cheap and always there. The other parts can cost much (a lock on every I/O thread,
// a walk over all watches), so a word names the parts that it needs and the rest stays empty.
#ifndef LOCKKEEPER_SERVER_ADMIN_SERVER_VIEW_H_
#define LOCKKEEPER_SERVER_ADMIN_SERVER_VIEW_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/types.h"
#include "server/admin/metric_registry.h"
#include "server/admin/operation_label.h"
#include "server/admin/version_line.h"

namespace lockkeeper {

// Parts of a ServerView beyond the basics; a set of them is a bitwise or.
enum ViewPart : uint32_t {
  kNoParts = 0,
  kNeedsConnections = 1 << 0,
  kNeedsSessions = 1 << 1,
  kNeedsEphemerals = 1 << 2,
  kNeedsConnectionExpiry = 1 << 3,
  kNeedsWatchSummary = 1 << 4,
  kNeedsWatchesBySession = 1 << 5,
  kNeedsWatchesByPath = 1 << 6,
  kNeedsDigests = 1 << 7,
  kNeedsDirectorySizes = 1 << 8,
  kNeedsConfig = 1 << 9,
  kNeedsEnvironment = 1 << 10,
  kNeedsMetrics = 1 << 11,
};
using ViewParts = uint32_t;

enum class ClientPort : uint8_t { kPlain, kSecure };

// What `conf` prints. Ports that are not open are -1.
struct ConfigView {
  int32_t client_port = -1;
  int32_t secure_client_port = -1;
  std::string data_dir;      // with /version-2
  std::string data_log_dir;  // with /version-2
  int32_t tick_time_ms = 0;
  int32_t max_client_connections = 0;
  int32_t min_session_timeout_ms = 0;
  int32_t max_session_timeout_ms = 0;
  int32_t listen_backlog = -1;
  int64_t server_id = 0;

  struct Quorum {
    int32_t init_limit = 0;
    int32_t sync_limit = 0;
    int32_t election_algorithm = 3;
    std::string election_ports;  // of several addresses, joined with '|'
    std::string quorum_ports;
    bool is_observer = false;
    std::string membership;  // lines `server.N=...` and last `version=<hex>`, no newline at the end
  };
  std::optional<Quorum> quorum;  // absent on a standalone server
};

struct ConnectionView {
  std::string remote;  // see JavaSocketAddress
  ClientPort port = ClientPort::kPlain;
  int32_t interest_ops = 0;  // 1 read, 4 write; 0 for the connection of the word itself
  int64_t outstanding = 0;
  int64_t received = 0;
  int64_t sent = 0;
  // The rest is printed only if there is a session.
  SessionId session;
  std::string last_operation{kNoOperationLabel};
  WallMs established;
  int32_t timeout_ms = 0;
  int64_t last_cxid = -1;  // -1: no request yet, or none since crst; not printed
  Zxid last_zxid{-1};      // -1: no reply yet, or none since crst
  MonoMs last_response;    // 0: none
  int64_t last_latency_ms = 0;
  int64_t min_latency_ms = 0;
  int64_t average_latency_ms = 0;
  int64_t max_latency_ms = 0;
};

// What expires at the same time; buckets come in order of time.
template <class T>
struct ExpiryBucket {
  MonoMs expires;
  std::vector<T> members;
};
using SessionBuckets = std::vector<ExpiryBucket<SessionId>>;

struct SessionsView {
  SessionBuckets tracked;               // the sessions that this server may expire
  std::optional<SessionBuckets> local;  // present if local sessions are enabled
  // Learners do not track global sessions, they only know them: id and timeout in ms. Replaces
  // `tracked`.
  std::optional<std::vector<std::pair<SessionId, int32_t>>> known_global;
};

struct ConnectionExpiry {
  std::string remote;
  SessionId session;  // 0: none yet
};

// Data and exists watches and persistent ones, not child watches.
struct WatchSummary {
  int64_t connections = 0;
  int64_t paths = 0;
  int64_t watches = 0;
};

struct DigestView {
  Zxid zxid;
  int64_t digest = 0;
};

// The keys keep the names they have in Java; where Java means nothing to us the value is free.
struct EnvironmentView {
  std::string host_name;
  std::string java_version;
  std::string java_vendor;  // the name of this product
  std::string java_home;
  std::string java_class_path;
  std::string java_library_path;
  std::string java_io_tmpdir;
  std::string java_compiler = "<NA>";
  std::string os_name;
  std::string os_arch;
  std::string os_version;
  std::string user_name;
  std::string user_home;
  std::string user_dir;
  int64_t memory_free_mb = 0;
  int64_t memory_max_mb = 0;
  int64_t memory_total_mb = 0;
};

struct ServerView {
  // --- The basics.
  VersionLine version;
  bool serving = true;  // false while starting, stopping or looking for a leader
  bool read_only = false;
  std::string mode = "standalone";  // or leader, follower, observer, read-only
  MonoMs now;                       // the two clocks at the same moment
  WallMs wall_now;
  ClientPort port = ClientPort::kPlain;  // that received the word
  Zxid last_zxid;
  int64_t node_count = 0;
  SummaryValues latency_ms;  // of requests since srst
  int64_t packets_received = 0;
  int64_t packets_sent = 0;
  int64_t connection_count = 0;  // of all client ports, that of the word included
  int64_t outstanding = 0;
  int64_t trace_mask = 0;
  std::optional<LastMinMax::Values> proposal_sizes;  // leader
  std::optional<std::string> peer_state;             // quorum member: `leading - broadcast`
  std::optional<std::string> observer_master_id;     // observer

  // --- The parts.
  std::vector<ConnectionView> connections;                                 // kNeedsConnections
  SessionsView sessions;                                                   // kNeedsSessions
  std::vector<std::pair<SessionId, std::vector<std::string>>> ephemerals;  // kNeedsEphemerals
  std::vector<ExpiryBucket<ConnectionExpiry>> connection_buckets;          // kNeedsConnectionExpiry
  WatchSummary watch_summary;                                              // kNeedsWatchSummary
  std::vector<std::pair<SessionId, std::vector<std::string>>> watches;     // kNeedsWatchesBySession
  std::vector<std::pair<std::string, std::vector<SessionId>>> watchers;    // kNeedsWatchesByPath
  std::vector<DigestView> digests;  // kNeedsDigests; the oldest first
  int64_t data_dir_bytes = 0;       // kNeedsDirectorySizes
  int64_t log_dir_bytes = 0;        // kNeedsDirectorySizes
  ConfigView config;                // kNeedsConfig
  EnvironmentView environment;      // kNeedsEnvironment
  std::vector<MetricLine> metrics;  // kNeedsMetrics: Metrics::Collect
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_ADMIN_SERVER_VIEW_H_
