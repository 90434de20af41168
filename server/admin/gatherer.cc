#include "server/admin/gatherer.h"

#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <set>

#include "datatree/path.h"
#include "datatree/quota.h"
#include "server/admin/java_text.h"
#include "server/build_version.h"
#include "server/clock.h"
#include "server/net/connection.h"
#include "server/net/io_thread.h"
#include "server/pipeline/core.h"

namespace lockkeeper {
namespace {

// A thread that does not answer within this time is left out of the view.
constexpr std::chrono::seconds kAnswerWait{5};

bool Wants(ViewParts parts, ViewPart part) { return (parts & part) != 0; }

std::string RemoteText(const Connection& connection) {
  boost::system::error_code ec;
  const auto address = boost::asio::ip::make_address(connection.address().ip, ec);
  const uint16_t port = connection.address().port;
  if (address.is_v4()) return JavaSocketAddress(address.to_v4().to_bytes(), port);
  return JavaSocketAddress(address.to_v6().to_bytes(), port);
}

ConnectionView ConnectionViewOf(const Connection& connection, bool asking) {
  const ClientSession& session = connection.session();
  const SessionStats& stats = session.stats();
  return {.remote = RemoteText(connection),
          .interest_ops = asking ? 0 : connection.interest_ops(),
          .outstanding = static_cast<int64_t>(session.queued()),
          .received = stats.received,
          .sent = stats.sent,
          .session = session.session(),
          .last_operation = std::string(stats.last_op),
          .established = connection.established(),
          .timeout_ms = session.timeout_ms(),
          .last_cxid = stats.last_cxid,
          .last_zxid = Zxid{stats.last_zxid},
          .last_response = stats.last_response,
          .last_latency_ms = stats.last_latency,
          .min_latency_ms = stats.min_latency,
          .average_latency_ms = stats.replies == 0 ? 0 : stats.total_latency / stats.replies,
          .max_latency_ms = stats.max_latency};
}

// Runs `task` on its thread and waits; nullopt if the thread does not answer. `post` hands a
// closure to the thread.
template <class Part, class Post, class Task>
std::optional<Part> AskThread(const Post& post, Task task) {
  auto promise = std::make_shared<std::promise<Part>>();
  std::future<Part> answer = promise->get_future();
  post([promise, task = std::move(task)](auto& owner) { promise->set_value(task(owner)); });
  if (answer.wait_for(kAnswerWait) != std::future_status::ready) return std::nullopt;
  return answer.get();
}

template <class T>
SessionBuckets BucketsOf(const T& buckets) {
  SessionBuckets shown;
  for (const auto& [expires, sessions] : buckets) {
    shown.push_back({expires, {sessions.begin(), sessions.end()}});
  }
  return shown;
}

std::string EnvOr(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value == nullptr ? fallback : value;
}

EnvironmentView Environment() {
  utsname system{};
  uname(&system);
  const int64_t page = sysconf(_SC_PAGESIZE);
  const int64_t mb = 1 << 20;
  std::error_code ec;
  return {.host_name = system.nodename,
          .java_version = "",
          .java_vendor = "Lockkeeper",
          .java_home = "",
          .java_class_path = "",
          .java_library_path = "",
          .java_io_tmpdir = std::filesystem::temp_directory_path(ec).string(),
          .os_name = system.sysname,
          .os_arch = system.machine,
          .os_version = system.release,
          .user_name = EnvOr("USER", "?"),
          .user_home = EnvOr("HOME", "?"),
          .user_dir = std::filesystem::current_path(ec).string(),
          .memory_free_mb = sysconf(_SC_AVPHYS_PAGES) * page / mb,
          .memory_max_mb = sysconf(_SC_PHYS_PAGES) * page / mb,
          .memory_total_mb = sysconf(_SC_PHYS_PAGES) * page / mb};
}

int64_t OpenDescriptors() {
  std::error_code ec;
  const std::filesystem::directory_iterator descriptors("/proc/self/fd", ec);
  return ec ? 0 : std::distance(begin(descriptors), end(descriptors));
}

int64_t MaxDescriptors() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<int64_t>(limit.rlim_cur);
}

// The first element of a path, which namespaces are named after.
std::string NamespaceOf(std::string_view path) {
  path.remove_prefix(1);
  return std::string(path.substr(0, path.find('/')));
}

}  // namespace

// What the I/O threads have, of all of them.
struct Gatherer::IoPart {
  std::vector<ConnectionView> connections;
  std::vector<std::pair<MonoMs, ConnectionExpiry>> expiries;
  std::map<SessionId, std::set<std::string>> watches;
  std::map<std::string, std::set<SessionId>> watchers;
  int64_t data_watches = 0;
  int64_t watch_count = 0;
  int64_t connection_count = 0;

  void Merge(IoPart other) {
    std::move(other.connections.begin(), other.connections.end(), std::back_inserter(connections));
    std::move(other.expiries.begin(), other.expiries.end(), std::back_inserter(expiries));
    for (auto& [session, paths] : other.watches) watches[session].merge(paths);
    for (auto& [path, sessions] : other.watchers) watchers[path].merge(sessions);
    data_watches += other.data_watches;
    watch_count += other.watch_count;
    connection_count += other.connection_count;
  }
};

// What the core has.
struct Gatherer::CorePart {
  Zxid last_zxid;
  int64_t node_count = 0;
  int64_t session_count = 0;
  int64_t ephemeral_count = 0;
  int64_t data_bytes = 0;
  SessionBuckets session_buckets;
  std::vector<std::pair<SessionId, std::vector<std::string>>> ephemerals;
  std::vector<DigestView> digests;
  KeyedGauges count_limits;
  KeyedGauges byte_limits;
  KeyedGauges count_usage;
  KeyedGauges byte_usage;

  std::optional<std::string> peer_state;
  std::optional<zab::Leader::LearnerCounts> learners;         // leader
  std::optional<PeerId> observed;                             // observer: its leader
  std::optional<MonoMs> serving_since;                        // member
  std::vector<std::pair<SessionId, int32_t>> known_sessions;  // learner

  void AddRole(const EnsembleMember* member) {
    if (member == nullptr) return;
    const zab::Peer& peer = member->peer();
    static constexpr const char* kStates[] = {"looking", "following", "leading", "observing"};
    peer_state = kStates[static_cast<size_t>(peer.state())];
    if (peer.state() != ServerState::kLooking) {
      *peer_state += peer.serving() ? " - broadcast" : " - synchronization";
    }
    if (peer.leading()) learners = peer.leader()->Counts();
    if (peer.state() == ServerState::kObserving) observed = peer.vote().leader;
    serving_since = member->recorder()->serving_since();
  }

  void AddQuotas(const DataTree& tree) {
    for (const std::string& subject : tree.quotas().subjects()) {
      const NodeId limits_node = tree.nodes().Lookup(LimitsPathOf(subject));
      const NodeId stats_node = tree.nodes().Lookup(StatsPathOf(subject));
      if (limits_node == kNoNode || stats_node == kNoNode) continue;
      const auto limits = ParseQuota(tree.nodes().DataOf(limits_node));
      const auto used = ParseQuota(tree.nodes().DataOf(stats_node));
      if (!limits || !used) continue;
      const std::string key = NamespaceOf(subject);
      const auto limit = [](int64_t hard, int64_t soft) { return hard > -1 ? hard : soft; };
      count_limits[key] += limit(limits->count_hard_limit, limits->count);
      byte_limits[key] += limit(limits->byte_hard_limit, limits->bytes);
      count_usage[key] += used->count;
      byte_usage[key] += used->bytes;
    }
  }
};

Gatherer::Gatherer(const ServerContext& context, std::vector<IoThread*> io_threads,
                   const DataDir& dir, uint16_t client_port, MonoMs started)
    : context_(context),
      io_threads_(std::move(io_threads)),
      dir_(dir),
      client_port_(client_port),
      started_(started) {}

Gatherer::IoPart Gatherer::AskIoThreads(ViewParts parts, ConnectionRef asking) {
  IoPart all;
  for (IoThread* thread : io_threads_) {
    const auto look = [this, parts, asking](IoThread& io) {
      IoPart part;
      part.watch_count = static_cast<int64_t>(io.watches().watch_count());
      part.connection_count = static_cast<int64_t>(io.connections().size());
      for (const auto& [id, connection] : io.connections()) {
        if (Wants(parts, kNeedsConnections)) {
          part.connections.push_back(ConnectionViewOf(*connection, id == asking.id));
        }
        if (Wants(parts, kNeedsConnectionExpiry)) {
          const ClientSession& session = connection->session();
          const int64_t step = session.has_session() ? session.timeout_ms()
                                                     : context_.config.sessionless_cnxn_timeout_ms;
          const MonoMs expires{((connection->last_io().value + step) / step + 1) * step};
          part.expiries.push_back({expires, {RemoteText(*connection), session.session()}});
        }
      }
      if (!Wants(parts, kNeedsWatchSummary) && !Wants(parts, kNeedsWatchesBySession) &&
          !Wants(parts, kNeedsWatchesByPath)) {
        return part;
      }
      io.watches().ForEachDataWatch([&](const std::string& path, WatcherId watcher) {
        const Connection* connection = io.FindConnection(watcher);
        if (connection == nullptr) return;
        ++part.data_watches;
        part.watches[connection->session().session()].insert(path);
        part.watchers[path].insert(connection->session().session());
      });
      return part;
    };
    std::optional<IoPart> part =
        AskThread<IoPart>([thread](auto task) { thread->Post(std::move(task)); }, look);
    if (part) all.Merge(*std::move(part));
  }
  return all;
}

Gatherer::CorePart Gatherer::AskCore(ViewParts parts) {
  const auto look = [this, parts](Core& core) {
    const DataTree& tree = *context_.slot.tree;
    CorePart part{.last_zxid = tree.last_zxid(),
                  .node_count = static_cast<int64_t>(tree.nodes().size()) + 1,
                  .session_count = static_cast<int64_t>(core.sessions().size()),
                  .ephemeral_count = static_cast<int64_t>(tree.ephemeral_count()),
                  .data_bytes = tree.approximate_data_bytes()};
    if (Wants(parts, kNeedsSessions)) {
      part.session_buckets = BucketsOf(core.sessions().buckets());
      part.known_sessions = {tree.sessions().begin(), tree.sessions().end()};
    }
    if (Wants(parts, kNeedsEphemerals)) {
      for (const auto& [session, nodes] : tree.ephemerals()) {
        part.ephemerals.emplace_back(session, tree.EphemeralPathsOf(session));
      }
    }
    if (Wants(parts, kNeedsDigests)) {
      for (const DigestRecord& record : tree.digest_history()) {
        part.digests.push_back({record.zxid, static_cast<int64_t>(record.digest)});
      }
    }
    if (Wants(parts, kNeedsMetrics)) part.AddQuotas(tree);
    part.AddRole(core.member());
    return part;
  };
  std::optional<CorePart> part = AskThread<CorePart>(
      [this](auto task) { context_.core.Push(CoreTask(std::move(task))); }, look);
  return part ? *std::move(part) : CorePart{};
}

ServerView Gatherer::Gather(ViewParts parts, ConnectionRef asking, int64_t trace_mask) {
  IoPart io = AskIoThreads(parts, asking);
  CorePart core = AskCore(parts);
  const ServerView basics{.version = BuildVersionLine(),
                          .now = MonoNow(),
                          .wall_now = WallNow(),
                          .last_zxid = core.last_zxid,
                          .node_count = core.node_count,
                          .latency_ms = context_.metrics.request_latency.Read(),
                          .packets_received = context_.metrics.packets_received.Read(),
                          .packets_sent = context_.metrics.packets_sent.Read(),
                          .connection_count = io.connection_count,
                          .outstanding = std::max<int64_t>(0, context_.outstanding.requests()),
                          .trace_mask = trace_mask};
  ServerView view = basics;
  static constexpr const char* kModes[] = {"", "standalone", "leader", "follower", "observer"};
  const ServingRole role = context_.serving.role();
  view.serving = role != ServingRole::kNone;
  view.mode = kModes[static_cast<size_t>(role)];
  view.peer_state = core.peer_state;
  if (core.observed) view.observer_master_id = std::to_string(core.observed->value);
  if (core.learners) view.proposal_sizes = context_.metrics.proposal_size.Read();
  FillConfig(&view);
  if (Wants(parts, kNeedsMetrics)) FillMetrics(io, core, &view);
  if (Wants(parts, kNeedsDirectorySizes)) {
    if (const Result<DirectorySizes> sizes = dir_.Sizes()) {
      view.data_dir_bytes = static_cast<int64_t>(sizes->data_bytes);
      view.log_dir_bytes = static_cast<int64_t>(sizes->log_bytes);
    }
  }
  if (Wants(parts, kNeedsEnvironment)) view.environment = Environment();
  view.connections = std::move(io.connections);
  view.sessions.tracked = std::move(core.session_buckets);
  if (core.peer_state && !core.learners) {
    view.sessions.known_global = std::move(core.known_sessions);
  }
  view.ephemerals = std::move(core.ephemerals);
  view.digests = std::move(core.digests);
  std::map<MonoMs, std::vector<ConnectionExpiry>> buckets;
  for (auto& [expires, connection] : io.expiries) buckets[expires].push_back(connection);
  for (auto& [expires, members] : buckets) {
    view.connection_buckets.push_back({expires, std::move(members)});
  }
  view.watch_summary = {.connections = static_cast<int64_t>(io.watches.size()),
                        .paths = static_cast<int64_t>(io.watchers.size()),
                        .watches = io.data_watches};
  for (const auto& [session, paths] : io.watches) {
    view.watches.emplace_back(session, std::vector<std::string>(paths.begin(), paths.end()));
  }
  for (const auto& [path, sessions] : io.watchers) {
    view.watchers.emplace_back(path, std::vector<SessionId>(sessions.begin(), sessions.end()));
  }
  return view;
}

void Gatherer::FillConfig(ServerView* view) const {
  const Config& config = context_.config;
  view->config = {.client_port = client_port_,
                  .data_dir = dir_.snapshot_dir(),
                  .data_log_dir = dir_.log_dir(),
                  .tick_time_ms = config.tick_time_ms,
                  .max_client_connections = config.max_client_cnxns,
                  .min_session_timeout_ms = config.min_session_timeout_ms,
                  .max_session_timeout_ms = config.max_session_timeout_ms,
                  .listen_backlog = config.listen_backlog,
                  .server_id = 0};
  if (config.ensemble) FillQuorum(view);
}

void Gatherer::FillQuorum(ServerView* view) const {
  const Config& config = context_.config;
  const auto joined = [&](auto port_of) {
    std::string ports;
    for (const PeerAddress& address : config.membership.members.at(*config.myid).addresses) {
      ports += (ports.empty() ? "" : "|") + std::to_string(port_of(address));
    }
    return ports;
  };
  view->config.server_id = config.myid->value;
  view->config.quorum = ConfigView::Quorum{
      .init_limit = config.init_limit_ticks,
      .sync_limit = config.sync_limit_ticks,
      .election_ports = joined([](const PeerAddress& a) { return a.election_port; }),
      .quorum_ports = joined([](const PeerAddress& a) { return a.quorum_port; }),
      .is_observer = config.peer_type == PeerRole::kObserver,
      .membership = CanonicalText(config.membership)};
}

void Gatherer::FillMetrics(const IoPart& io, const CorePart& core, ServerView* view) const {
  const int64_t since_role =
      view->now.value - (core.serving_since ? *core.serving_since : started_).value;
  GaugeValues gauges{.ephemerals_count = core.ephemeral_count,
                     .num_alive_connections = io.connection_count,
                     .outstanding_requests = view->outstanding,
                     .znode_count = core.node_count,
                     .global_sessions = core.session_count,
                     .uptime = since_role,
                     .watch_count = io.watch_count,
                     .approximate_data_size = core.data_bytes,
                     .open_file_descriptor_count = OpenDescriptors(),
                     .max_file_descriptor_count = MaxDescriptors(),
                     .auth_failed_count = context_.auth_failed.load(std::memory_order_relaxed),
                     .quota_count_limit_per_namespace = core.count_limits,
                     .quota_bytes_limit_per_namespace = core.byte_limits,
                     .quota_count_usage_per_namespace = core.count_usage,
                     .quota_bytes_usage_per_namespace = core.byte_usage};
  if (context_.config.ensemble) {
    gauges.quorum_size = static_cast<int64_t>(context_.config.membership.Participants());
  }
  if (core.learners) {
    gauges.learners = static_cast<int64_t>(core.learners->followers + core.learners->observers);
    gauges.synced_followers = static_cast<int64_t>(core.learners->synced_followers);
    gauges.synced_observers = static_cast<int64_t>(core.learners->synced_observers);
    gauges.synced_non_voting_followers = static_cast<int64_t>(core.learners->synced_non_voting);
    gauges.pending_syncs = static_cast<int64_t>(core.learners->pending_syncs);
    gauges.leader_uptime = since_role;
    const LastMinMax::Values sizes = *view->proposal_sizes;
    gauges.last_proposal_size = sizes.last;
    gauges.max_proposal_size = sizes.max;
    gauges.min_proposal_size = sizes.min;
  }
  view->metrics = context_.metrics.Collect(gauges);
}

void Gatherer::ResetConnectionStats() {
  for (IoThread* thread : io_threads_) {
    AskThread<bool>([thread](auto task) { thread->Post(std::move(task)); },
                    [](IoThread& io) {
                      for (const auto& [id, connection] : io.connections()) {
                        connection->session().stats() = SessionStats{};
                      }
                      return true;
                    });
  }
}

}  // namespace lockkeeper
