// Every metric of the server, under the name that ZooKeeper's dashboards expect: what `mntr`
// prints as zk_<name> (storage-and-operations 7.2). To add one, add a member here: a counter or
// summary registers itself, a gauge is a field of GaugeValues with its row in Fields.
//
// Metrics of stages that this server does not have are kept, and stay 0, because dashboards expect
// every name. Times are milliseconds, sizes are bytes unless a comment says otherwise.
#ifndef LOCKKEEPER_SERVER_ADMIN_METRICS_H_
#define LOCKKEEPER_SERVER_ADMIN_METRICS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/admin/metric_registry.h"

namespace lockkeeper {

// The znode names or server ids of a gauge set and their values.
using KeyedGauges = std::map<std::string, int64_t>;

// What is not counted but looked up when somebody asks. Not touched by a reset.
struct GaugeValues {
  int64_t ephemerals_count = 0;
  int64_t num_alive_connections = 0;  // of all client ports
  int64_t outstanding_requests = 0;
  int64_t znode_count = 0;
  int64_t global_sessions = 0;
  int64_t local_sessions = 0;
  int64_t non_mtls_remote_conn_count = 0;
  int64_t non_mtls_local_conn_count = 0;
  int64_t uptime = 0;                 // since the server began to serve
  int64_t watch_count = 0;            // data and child watches
  int64_t approximate_data_size = 0;  // of paths and data
  int64_t open_file_descriptor_count = 0;
  int64_t max_file_descriptor_count = 0;
  double connection_drop_probability = 0;
  int64_t outstanding_tls_handshake = 0;
  int64_t auth_failed_count = 0;

  // Absent (not printed) unless the server has the role.
  std::optional<int64_t> quorum_size;  // members: number of voters
  std::optional<int64_t> synced_observers;
  std::optional<int64_t> learners;  // this and the rest: leader
  std::optional<int64_t> synced_followers;
  std::optional<int64_t> synced_non_voting_followers;
  std::optional<int64_t> pending_syncs;
  std::optional<int64_t> leader_uptime;
  std::optional<int64_t> last_proposal_size;
  std::optional<int64_t> max_proposal_size;
  std::optional<int64_t> min_proposal_size;

  // By first path element, for each znode with a quota: hard limit if set, else soft.
  KeyedGauges quota_count_limit_per_namespace;
  KeyedGauges quota_bytes_limit_per_namespace;
  KeyedGauges quota_count_usage_per_namespace;
  KeyedGauges quota_bytes_usage_per_namespace;

  // Calls f(name, value) for each gauge.
  template <class F>
  void Fields(F&& f) const {
    f("ephemerals_count", ephemerals_count);
    f("num_alive_connections", num_alive_connections);
    f("outstanding_requests", outstanding_requests);
    f("znode_count", znode_count);
    f("global_sessions", global_sessions);
    f("local_sessions", local_sessions);
    f("non_mtls_remote_conn_count", non_mtls_remote_conn_count);
    f("non_mtls_local_conn_count", non_mtls_local_conn_count);
    f("uptime", uptime);
    f("watch_count", watch_count);
    f("approximate_data_size", approximate_data_size);
    f("open_file_descriptor_count", open_file_descriptor_count);
    f("max_file_descriptor_count", max_file_descriptor_count);
    f("connection_drop_probability", connection_drop_probability);
    f("outstanding_tls_handshake", outstanding_tls_handshake);
    f("auth_failed_count", auth_failed_count);
    f("quorum_size", quorum_size);
    f("synced_observers", synced_observers);
    f("learners", learners);
    f("synced_followers", synced_followers);
    f("synced_non_voting_followers", synced_non_voting_followers);
    f("pending_syncs", pending_syncs);
    f("leader_uptime", leader_uptime);
    f("last_proposal_size", last_proposal_size);
    f("max_proposal_size", max_proposal_size);
    f("min_proposal_size", min_proposal_size);
    f("quota_count_limit_per_namespace", quota_count_limit_per_namespace);
    f("quota_bytes_limit_per_namespace", quota_bytes_limit_per_namespace);
    f("quota_count_usage_per_namespace", quota_count_usage_per_namespace);
    f("quota_bytes_usage_per_namespace", quota_bytes_usage_per_namespace);
  }
};

// The counters and summaries of one server. Recording: see metric_registry.h.
class Metrics {
 private:
  MetricRegistry registry_;  // first: the members below register in it

 public:
  // All gauges, then all counters and summaries. May take milliseconds: not on an I/O thread's
  // hot path.
  std::vector<MetricLine> Collect(const GaugeValues& gauges) const;

  // What the word srst resets: every member below.
  void Reset() { registry_.Reset(); }

  // --- The numbers of srvr and stat.
  LatencySummary request_latency{registry_, "latency"};     // of every request with a reply
  Counter packets_received{registry_, "packets_received"};  // requests and four-letter words
  Counter packets_sent{registry_, "packets_sent"};          // replies, events, answers to words
  LastMinMax client_response_size{registry_, "client_response_size"};  // header included, not the
                                                                       // length in front

  // --- Connections and sessions.
  Counter connection_request_count{registry_, "connection_request_count"};
  Counter connection_rejected{registry_, "connection_rejected"};
  Counter connection_drop_count{registry_, "connection_drop_count"};  // end of stream or error
  Counter connection_revalidate_count{registry_, "connection_revalidate_count"};
  Counter revalidate_count{registry_, "revalidate_count"};
  Counter bytes_received_count{registry_, "bytes_received_count"};  // words count 4
  Counter sessionless_connections_expired{registry_, "sessionless_connections_expired"};
  Counter stale_sessions_expired{registry_, "stale_sessions_expired"};
  Counter cnxn_closed_without_zk_server_running{registry_, "cnxn_closed_without_zk_server_running"};
  Summary connection_token_deficit{registry_, "connection_token_deficit"};  // tokens missing
  Summary socket_closing_time{registry_, "socket_closing_time"};
  Summary netty_queued_buffer_capacity{registry_, "netty_queued_buffer_capacity"};

  // --- TLS and authentication.
  Counter unsuccessful_handshake{registry_, "unsuccessful_handshake"};
  Counter tls_handshake_exceeded{registry_, "tls_handshake_exceeded"};
  Counter insecure_admin_count{registry_, "insecure_admin_count"};
  Counter ensemble_auth_success{registry_, "ensemble_auth_success"};
  Counter ensemble_auth_fail{registry_, "ensemble_auth_fail"};
  Counter ensemble_auth_skip{registry_, "ensemble_auth_skip"};

  // --- Requests and replies.
  AdvancedSummary readlatency{registry_, "readlatency"};      // of reads received here
  AdvancedSummary updatelatency{registry_, "updatelatency"};  // of writes received here
  // From the proposal's time to its application here.
  AdvancedSummary propagation_latency{registry_, "propagation_latency"};
  Counter response_bytes{registry_, "response_bytes"};  // of replies
  Counter watch_bytes{registry_, "watch_bytes"};        // of watch events
  Counter response_packet_cache_hits{registry_, "response_packet_cache_hits"};
  Counter response_packet_cache_misses{registry_, "response_packet_cache_misses"};
  Counter response_packet_get_children_cache_hits{registry_,
                                                  "response_packet_get_children_cache_hits"};
  Counter response_packet_get_children_cache_misses{registry_,
                                                    "response_packet_get_children_cache_misses"};
  // Length of the path in characters, plus the data of a write; plus 68 and the data or the
  // children's names of a read. Key: first element of the path. Failed requests do not count.
  SummarySet write_per_namespace{registry_, "write_per_namespace"};
  SummarySet read_per_namespace{registry_, "read_per_namespace"};
  CounterSet quota_exceeded_error_per_namespace{registry_, "quota_exceeded_error_per_namespace"};

  // --- Overload.
  Counter throttled_ops{registry_, "throttled_ops"};
  Counter stale_requests{registry_, "stale_requests"};
  Counter stale_requests_dropped{registry_, "stale_requests_dropped"};
  Counter stale_replies{registry_, "stale_replies"};
  Counter request_throttle_wait_count{registry_, "request_throttle_wait_count"};
  AdvancedSummary request_throttle_queue_time_ms{registry_, "request_throttle_queue_time_ms"};
  Counter large_requests_rejected{registry_, "large_requests_rejected"};

  // --- Watches: the number of watches that one event of a kind fired.
  Summary node_created_watch_count{registry_, "node_created_watch_count"};
  Summary node_deleted_watch_count{registry_, "node_deleted_watch_count"};
  Summary node_changed_watch_count{registry_, "node_changed_watch_count"};
  Summary node_children_watch_count{registry_, "node_children_watch_count"};
  Counter add_dead_watcher_stall_time{registry_, "add_dead_watcher_stall_time"};
  Counter dead_watchers_queued{registry_, "dead_watchers_queued"};
  Counter dead_watchers_cleared{registry_, "dead_watchers_cleared"};
  AdvancedSummary dead_watchers_cleaner_latency{registry_, "dead_watchers_cleaner_latency"};

  // --- Preparing writes.
  Counter prep_processor_request_queued{registry_, "prep_processor_request_queued"};
  Summary prep_processor_queue_size{registry_, "prep_processor_queue_size"};
  AdvancedSummary prep_processor_queue_time_ms{registry_, "prep_processor_queue_time_ms"};
  Summary prep_process_time{registry_, "prep_process_time"};
  AdvancedSummary close_session_prep_time{registry_, "close_session_prep_time"};
  Counter outstanding_changes_queued{registry_, "outstanding_changes_queued"};
  Counter outstanding_changes_removed{registry_, "outstanding_changes_removed"};
  Summary proposal_process_time{registry_, "proposal_process_time"};

  // --- The transaction log.
  Counter sync_processor_request_queued{registry_, "sync_processor_request_queued"};
  Summary sync_processor_queue_size{registry_, "sync_processor_queue_size"};
  Summary sync_processor_batch_size{registry_, "sync_processor_batch_size"};  // requests a flush
  Summary sync_process_time{registry_, "sync_process_time"};
  AdvancedSummary sync_processor_queue_time_ms{registry_, "sync_processor_queue_time_ms"};
  AdvancedSummary sync_processor_queue_flush_time_ms{registry_,
                                                     "sync_processor_queue_flush_time_ms"};
  AdvancedSummary sync_processor_queue_and_flush_time_ms{registry_,
                                                         "sync_processor_queue_and_flush_time_ms"};
  Summary fsynctime{registry_, "fsynctime"};

  // --- Snapshots, start-up, damage.
  Summary snapshottime{registry_, "snapshottime"};
  Counter snapshot_error_count{registry_, "snapshot_error_count"};
  Counter snapshot_rate_limited_count{registry_, "snapshot_rate_limited_count"};
  Summary restore_time{registry_, "restore_time"};
  Counter restore_error_count{registry_, "restore_error_count"};
  Counter restore_rate_limited_count{registry_, "restore_rate_limited_count"};
  Summary dbinittime{registry_, "dbinittime"};
  Summary startup_txns_loaded{registry_, "startup_txns_loaded"};  // records
  Summary startup_txns_load_time{registry_, "startup_txns_load_time"};
  Summary startup_snap_load_time{registry_, "startup_snap_load_time"};
  Counter digest_mismatches_count{registry_, "digest_mismatches_count"};
  Counter unrecoverable_error_count{registry_, "unrecoverable_error_count"};
  AdvancedSummary jvm_pause_time_ms{registry_, "jvm_pause_time_ms"};

  // --- Committing.
  Counter request_commit_queued{registry_, "request_commit_queued"};
  Summary commit_process_time{registry_, "commit_process_time"};
  Summary requests_in_session_queue{registry_, "requests_in_session_queue"};
  Summary pending_session_queue_size{registry_, "pending_session_queue_size"};
  Summary reads_after_write_in_session_queue{registry_, "reads_after_write_in_session_queue"};
  Summary reads_issued_from_session_queue{registry_, "reads_issued_from_session_queue"};
  Summary session_queues_drained{registry_, "session_queues_drained"};
  Summary time_waiting_empty_pool_in_commit_processor_read_ms{
      registry_, "time_waiting_empty_pool_in_commit_processor_read_ms"};
  Summary write_batch_time_in_commit_processor{registry_, "write_batch_time_in_commit_processor"};
  Summary concurrent_request_processing_in_commit_processor{
      registry_, "concurrent_request_processing_in_commit_processor"};
  Summary read_commit_proc_req_queued{registry_, "read_commit_proc_req_queued"};
  Summary write_commit_proc_req_queued{registry_, "write_commit_proc_req_queued"};
  Summary commit_commit_proc_req_queued{registry_, "commit_commit_proc_req_queued"};
  Summary read_commit_proc_issued{registry_, "read_commit_proc_issued"};
  Summary write_commit_proc_issued{registry_, "write_commit_proc_issued"};
  AdvancedSummary read_commitproc_time_ms{registry_, "read_commitproc_time_ms"};
  AdvancedSummary write_commitproc_time_ms{registry_, "write_commitproc_time_ms"};
  AdvancedSummary local_write_committed_time_ms{registry_, "local_write_committed_time_ms"};
  AdvancedSummary server_write_committed_time_ms{registry_, "server_write_committed_time_ms"};
  AdvancedSummary read_final_proc_time_ms{registry_, "read_final_proc_time_ms"};
  AdvancedSummary write_final_proc_time_ms{registry_, "write_final_proc_time_ms"};

  // --- The ensemble.
  Counter looking_count{registry_, "looking_count"};
  Summary election_time{registry_, "election_time"};
  Summary unavailable_time{registry_, "unavailable_time"};
  Summary leader_unavailable_time{registry_, "leader_unavailable_time"};
  Counter quit_leading_due_to_disloyal_voter{registry_, "quit_leading_due_to_disloyal_voter"};
  Counter diff_count{registry_, "diff_count"};  // learners that this leader brought up to date
  Counter snap_count{registry_, "snap_count"};
  Summary inflight_diff_count{registry_, "inflight_diff_count"};
  Summary inflight_snap_count{registry_, "inflight_snap_count"};
  Summary follower_sync_time{registry_, "follower_sync_time"};
  Summary observer_sync_time{registry_, "observer_sync_time"};
  // Without a name: a leader shows it as the gauges last_, max_ and min_proposal_size.
  LastMinMax proposal_size{registry_, ""};
  Counter proposal_count{registry_, "proposal_count"};
  Counter commit_count{registry_, "commit_count"};
  AdvancedSummary proposal_latency{registry_, "proposal_latency"};
  AdvancedSummary quorum_ack_latency{registry_, "quorum_ack_latency"};
  AdvancedSummary proposal_ack_creation_latency{registry_, "proposal_ack_creation_latency"};
  AdvancedSummary commit_propagation_latency{registry_, "commit_propagation_latency"};
  Counter learner_proposal_received_count{registry_, "learner_proposal_received_count"};
  Counter learner_commit_received_count{registry_, "learner_commit_received_count"};
  Summary learner_request_processor_queue_size{registry_, "learner_request_processor_queue_size"};
  AdvancedSummary om_proposal_process_time_ms{registry_, "om_proposal_process_time_ms"};
  AdvancedSummary om_commit_process_time_ms{registry_, "om_commit_process_time_ms"};
  Counter skip_learner_request_to_next_processor_count{
      registry_, "skip_learner_request_to_next_processor_count"};
  Counter requests_not_forwarded_to_commit_processor{registry_,
                                                     "requests_not_forwarded_to_commit_processor"};
  // Key: id of the server.
  SummarySet learner_handler_qp_size{registry_, "learner_handler_qp_size"};
  AdvancedSummarySet learner_handler_qp_time_ms{registry_, "learner_handler_qp_time_ms"};
  AdvancedSummarySet ack_latency{registry_, "ack_latency"};
};

// The text of a value in `mntr`.
std::string MetricValueText(const MetricLine& line);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_ADMIN_METRICS_H_
