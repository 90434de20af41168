#include "server/config/config_keys.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "server/config/java_values.h"

namespace lockkeeper {
namespace {

using enum KeyOrigin;
using enum ValueKind;
using enum KeyEffect;
using enum Refusal::When;

constexpr std::monostate kNoField;
constexpr std::string_view kPropertyPrefix = "zookeeper.";

// name, origin, kind, default, unit, effect, field, help, bounds, refusal
constexpr ConfigKey kKeys[] = {
    // ---- Directories and the port for clients.
    {"dataDir", kParser, kPath, "", "", kObeyed, &Config::data_dir,
     "directory of myid and of the database; required"},
    {"dataLogDir", kParser, kPath, "", "", kObeyed, &Config::data_log_dir,
     "directory of the transaction logs; default dataDir"},
    {"clientPort", kParser, kPort, "", "", kObeyed, &Config::client_port,
     "port for clients; unset or 0: none"},
    {"clientPortAddress", kParser, kText, "", "", kObeyed, &Config::client_port_address,
     "address of clientPort; default all"},
    {"secureClientPort", kParser, kPort, "", "", kSwitch, kNoField, "port for TLS clients",
     kAnyInt32, RefusedIf(kPositive, "TLS is not available yet")},
    {"secureClientPortAddress", kParser, kText, "", "", kTls, kNoField,
     "address of secureClientPort"},
    {"clientPortListenBacklog", kParser, kStrictInt, "-1", "connections", kObeyed,
     &Config::listen_backlog, "queue of connections that wait for accept; -1: 50"},
    {"tickTime", kParser, kStrictInt, "3000", "ms", kObeyed, &Config::tick_time_ms,
     "one tick: the unit of time-outs and the grain of session expiry", AtLeast(0)},
    {"minSessionTimeout", kParser, kStrictInt, "-1", "ms", kObeyed, &Config::min_session_timeout_ms,
     "shortest session time-out; -1: 2 ticks"},
    {"maxSessionTimeout", kParser, kStrictInt, "-1", "ms", kObeyed, &Config::max_session_timeout_ms,
     "longest session time-out; -1: 20 ticks"},
    {"maxClientCnxns", kParser, kStrictInt, "60", "connections", kObeyed, &Config::max_client_cnxns,
     "connections for each client address; <= 0: no limit"},
    // ---- The ensemble, as the parser takes it.
    {"initLimit", kParser, kStrictInt, "0", "ticks", kEnsemble, &Config::init_limit_ticks,
     "time to connect and synchronise; required in an ensemble"},
    {"syncLimit", kParser, kStrictInt, "0", "ticks", kEnsemble, &Config::sync_limit_ticks,
     "longest time between messages; required in an ensemble"},
    {"connectToLearnerMasterLimit", kParser, kStrictInt, "0", "ticks", kEnsemble,
     &Config::connect_to_learner_master_limit_ticks, "time to connect to the leader; 0: initLimit"},
    {"electionAlg", kParser, kStrictInt, "3", "", kEnsemble, kNoField,
     "election algorithm; only 3 exists"},
    {"peerType", kParser, kText, "participant", "", kEnsemble, kNoField,
     "participant or observer; the server list wins"},
    {"server.*", kParser, kText, "", "", kEnsemble, kNoField,
     "server.N=host:quorumPort:electionPort[:role][;[host:]clientPort]"},
    {"group*", kParser, kText, "", "", kEnsemble, kNoField,
     "group.G=N:N:...: hierarchical quorums"},
    {"weight*", kParser, kText, "", "", kEnsemble, kNoField,
     "weight.N=w: weight of a server in its group"},
    {"dynamicConfigFile", kParser, kPath, "", "", kEnsemble, &Config::dynamic_config_file,
     "file with the server list"},
    {"standaloneEnabled", kParser, kStrictBool, "true", "", kObeyed, &Config::standalone_enabled,
     "a single server of the list runs standalone"},
    {"reconfigEnabled", kParser, kStrictBool, "false", "", kObeyed, &Config::reconfig_enabled,
     "dynamic reconfiguration; standalone: only the error code of reconfig changes"},
    {"localSessionsEnabled", kParser, kStrictBool, "false", "", kEnsemble,
     &Config::local_sessions_enabled, "sessions that only one server knows"},
    {"localSessionsUpgradingEnabled", kParser, kStrictBool, "false", "", kEnsemble,
     &Config::local_sessions_upgrading_enabled,
     "they become global with their first ephemeral node"},
    {"syncEnabled", kParser, kStrictBool, "true", "", kEnsemble, &Config::sync_enabled,
     "observers keep log and snapshots"},
    {"observerMasterPort", kParser, kStrictInt, "0", "", kEnsemble, &Config::observer_master_port,
     "port on which followers serve observers; 0: off", Between(0, 65535)},
    {"quorumListenOnAllIPs", kParser, kStrictBool, "false", "", kEnsemble,
     &Config::quorum_listen_on_all_ips, "quorum and election ports on all addresses"},
    {"quorum.cnxn.threads.size", kParser, kStrictInt, "20", "threads", kJavaOnly, kNoField,
     "threads for election connections"},
    {"sslQuorum", kParser, kStrictBool, "false", "", kEnsemble, kNoField, "TLS between servers"},
    {"portUnification", kParser, kStrictBool, "false", "", kEnsemble, kNoField,
     "quorum ports take TLS and plain text"},
    {"sslQuorumReloadCertFiles", kParser, kStrictBool, "false", "", kEnsemble, kNoField,
     "reload keys of the quorum when their files change"},
    {"quorum.auth.enableSasl", kParser, kStrictBool, "false", "", kEnsemble, kNoField,
     "SASL between servers"},
    {"quorum.auth.learnerRequireSasl", kParser, kStrictBool, "false", "", kEnsemble, kNoField,
     "learners insist on it"},
    {"quorum.auth.serverRequireSasl", kParser, kStrictBool, "false", "", kEnsemble, kNoField,
     "servers insist on it"},
    {"quorum.auth.learner.saslLoginContext", kParser, kText, "QuorumLearner", "", kEnsemble,
     kNoField, "JAAS section of learners"},
    {"quorum.auth.server.saslLoginContext", kParser, kText, "QuorumServer", "", kEnsemble, kNoField,
     "JAAS section of servers"},
    {"quorum.auth.kerberos.servicePrincipal", kParser, kText, "zkquorum/localhost", "", kEnsemble,
     kNoField, "Kerberos principal; _HOST is the host of the peer"},
    {"autopurge.snapRetainCount", kParser, kStrictInt, "3", "", kObeyed,
     &Config::autopurge_snap_retain_count, "snapshots that a purge keeps", RaisedTo(3)},
    {"autopurge.purgeInterval", kParser, kStrictInt, "0", "h", kObeyed,
     &Config::autopurge_purge_interval_h, "time between purges; <= 0: never"},
    {"metricsProvider.className", kParser, kText,
     "org.apache.zookeeper.metrics.impl.DefaultMetricsProvider", "", kSwitch, kNoField,
     "provider of metrics; the default or the null provider"},
    {"metricsProvider.*", kParser, kText, "", "", kMetrics, kNoField,
     "settings of the metrics provider"},
    {"multiAddress.enabled", kProperty, kStrictBool, "false", "", kEnsemble,
     &Config::multi_address_enabled, "several addresses for a server"},
    {"multiAddress.reachabilityCheckEnabled", kProperty, kStrictBool, "true", "", kEnsemble,
     kNoField, "try the addresses before one is used"},
    {"multiAddress.reachabilityCheckTimeoutMs", kProperty, kStrictInt, "1000", "ms", kEnsemble,
     kNoField, "time for that"},
    {"oraclePath", kParser, kPath, "", "", kEnsemble, kNoField, "oracle for ensembles of two"},
    {"jvm.pause.monitor", kParser, kStrictBool, "false", "", kJavaOnly, kNoField,
     "monitor of pauses of the JVM"},
    {"jvm.pause.sleep.time.ms", kParser, kStrictInt, "500", "ms", kJavaOnly, kNoField,
     "monitor of pauses of the JVM"},
    {"jvm.pause.warn-threshold.ms", kParser, kStrictInt, "10000", "ms", kJavaOnly, kNoField,
     "monitor of pauses of the JVM"},
    {"jvm.pause.info-threshold.ms", kParser, kStrictInt, "1000", "ms", kJavaOnly, kNoField,
     "monitor of pauses of the JVM"},
    // ---- Storage.
    {"preAllocSize", kProperty, kInt, "65536", "KiB", kObeyed, &Config::pre_alloc_size_kib,
     "steps in which log files grow; <= 0: no padding", kAnyInt64},
    {"snapCount", kProperty, kInt, "100000", "transactions", kObeyed, &Config::snap_count,
     "transactions in a log before the next one is begun", RaisedTo(2)},
    {"snapSizeLimitInKb", kProperty, kInt, "4194304", "KB", kObeyed, &Config::snap_size_limit_kb,
     "the same in bytes of log; <= 0: off", kAnyInt64},
    {"txnLogSizeLimitInKb", kProperty, kInt, "-1", "KB", kObeyed, &Config::txn_log_size_limit_kb,
     "a longer log file is followed by a new one; <= 0: off", kAnyInt64},
    {"forceSync", kProperty, kYesNo, "yes", "", kObeyed, &Config::force_sync,
     "no: acknowledge before the disk has the record"},
    {"fsync.warningthresholdms", kProperty, kInt, "1000", "ms", kObeyed,
     &Config::fsync_warning_threshold_ms, "a longer fsync is logged", kAnyInt64},
    {"flushDelay", kProperty, kInt, "0", "ms", kObeyed, &Config::flush_delay_ms,
     "how long writes are gathered for one flush; 0: not at all", AtLeast(0)},
    {"maxWriteQueuePollTime", kProperty, kInt, "", "ms", kObeyed,
     &Config::max_write_queue_poll_time_ms,
     "wait for another write before a flush; default flushDelay / 3", AtLeast(-1)},
    {"maxBatchSize", kProperty, kInt, "1000", "requests", kObeyed, &Config::max_batch_size,
     "writes in one flush; 0: no limit", AtLeast(0)},
    {"commitLogCount", kProperty, kInt, "500", "transactions", kEnsemble, &Config::commit_log_count,
     "kept in memory for learners that lag a little", RaisedTo(500)},
    {"snapshotSizeFactor", kProperty, kDouble, "0.33", "", kEnsemble, &Config::snapshot_size_factor,
     "part of the snapshot up to which a learner gets the log instead"},
    {"snapshot.trust.empty", kProperty, kBool, "false", "", kObeyed, &Config::snapshot_trust_empty,
     "load logs without a snapshot"},
    {"snapshot.compression.method", kProperty, kText, "", "", kSnapshot, kNoField,
     "gz or snappy; empty: none"},
    {"datadir.autocreate", kProperty, kBool, "true", "", kObeyed, &Config::datadir_autocreate,
     "make missing data directories"},
    {"db.autocreate", kProperty, kBool, "true", "", kObeyed, &Config::db_autocreate,
     "trust an empty database"},
    {"digest.enabled", kProperty, kBool, "true", "", kObeyed, &Config::digest_enabled,
     "digests of the tree on records and snapshots"},
    {"serializeLastProcessedZxid.enabled", kProperty, kBool, "true", "", kObeyed,
     &Config::serialize_last_processed_zxid, "last zxid in snapshots"},
    {"closeSessionTxn.enabled", kProperty, kBool, "true", "", kObeyed,
     &Config::close_session_txn_enabled, "closeSession records list the ephemeral nodes"},
    {"test.allowDiscontinuousProposals", kProperty, kBool, "false", "", kObeyed,
     &Config::allow_discontinuous_proposals, "load logs with gaps between zxids"},
    // ---- Client connections and limits.
    {"jute.maxbuffer", kBareProperty, kInt, "1048575", "bytes", kObeyed, &Config::jute_maxbuffer,
     "longest request", AtLeast(64)},
    {"jute.maxbuffer.extrasize", kProperty, kInt, "", "bytes", kObeyed, &Config::jute_extrasize,
     "slack when strings and buffers are decoded; default jute.maxbuffer", RaisedTo(1024)},
    {"maxCnxns", kProperty, kInt, "0", "connections", kObeyed, &Config::max_cnxns,
     "connections in all; <= 0: no limit"},
    {"globalOutstandingLimit", kProperty, kInt, "1000", "requests", kObeyed,
     &Config::global_outstanding_limit,
     "requests in the server above which busy connections are not read"},
    {"request_throttle_max_requests", kProperty, kInt, "0", "requests", kSwitch, kNoField,
     "requests in process at once; 0: no throttle", kAnyInt32,
     RefusedIf(kPositive, "the request throttle is not available yet")},
    {"request_throttle_stall_time", kProperty, kInt, "100", "ms", kThrottle, kNoField,
     "longest wait of the request throttle"},
    {"request_throttle_drop_stale", kProperty, kBool, "true", "", kThrottle, kNoField,
     "drop stale requests"},
    {"request_stale_connection_check", kProperty, kBool, "true", "", kThrottle, kNoField,
     "requests of closed connections are stale"},
    {"request_stale_latency_check", kProperty, kBool, "false", "", kThrottle, kNoField,
     "requests older than their session time-out are stale"},
    {"request_throttler.shutdownTimeout", kProperty, kInt, "10000", "ms", kThrottle, kNoField,
     "time for the throttle to drain"},
    {"throttled_op_wait_time", kProperty, kInt, "0", "ms", kSwitch, kNoField,
     "operations that waited longer are refused; 0: off", kAnyInt32,
     RefusedIf(kPositive, "the request throttle is not available yet")},
    {"largeRequestThreshold", kProperty, kInt, "-1", "bytes", kSwitch, kNoField,
     "requests longer than this are large; -1: off", kAnyInt32,
     RefusedIf(kPositive, "the limit on large requests is not available yet")},
    {"largeRequestMaxBytes", kProperty, kInt, "104857600", "bytes", kThrottle, kNoField,
     "large requests in flight"},
    {"connection_throttle_tokens", kProperty, kInt, "0", "tokens", kSwitch, kNoField,
     "size of the bucket; 0: off", kAnyInt32,
     RefusedIf(kPositive, "the connection throttle is not available yet")},
    {"connection_throttle_fill_time", kProperty, kInt, "1", "ms", kThrottle, kNoField,
     "time between refills"},
    {"connection_throttle_fill_count", kProperty, kInt, "1", "tokens", kThrottle, kNoField,
     "tokens of a refill"},
    {"connection_throttle_freeze_time", kProperty, kInt, "-1", "ms", kThrottle, kNoField,
     "time between changes of the drop probability; -1: none"},
    {"connection_throttle_drop_increase", kProperty, kDouble, "0.02", "", kThrottle, kNoField,
     "added to it when the bucket is empty"},
    {"connection_throttle_drop_decrease", kProperty, kDouble, "0.002", "", kThrottle, kNoField,
     "taken from it when the bucket is full"},
    {"connection_throttle_decrease_ratio", kProperty, kDouble, "0", "", kThrottle, kNoField,
     "part of missing tokens that counts as full"},
    {"connection_throttle_weight_enabled", kProperty, kBool, "false", "", kThrottle, kNoField,
     "sessions need tokens by their kind"},
    {"connection_throttle_global_session_weight", kProperty, kInt, "3", "tokens", kThrottle,
     kNoField, "of a new global session"},
    {"connection_throttle_renew_session_weight", kProperty, kInt, "2", "tokens", kThrottle,
     kNoField, "of a reconnecting session"},
    {"connection_throttle_local_session_weight", kProperty, kInt, "1", "tokens", kThrottle,
     kNoField, "of a new local session"},
    {"maxResponseCacheSize", kProperty, kInt, "400", "replies", kJavaOnly, kNoField,
     "cache of encoded replies"},
    {"maxGetChildrenResponseCacheSize", kProperty, kInt, "400", "replies", kJavaOnly, kNoField,
     "cache of encoded replies"},
    {"nio.sessionlessCnxnTimeout", kProperty, kInt, "10000", "ms", kObeyed,
     &Config::sessionless_cnxn_timeout_ms, "for connections that never open a session", AtLeast(1)},
    {"clientTcpKeepAlive", kProperty, kBool, "false", "", kObeyed, &Config::client_tcp_keep_alive,
     "SO_KEEPALIVE on client connections"},
    {"nio.numSelectorThreads", kProperty, kInt, "", "threads", kJavaOnly, kNoField,
     "threads that select", AtLeast(1)},
    {"nio.numWorkerThreads", kProperty, kInt, "", "threads", kJavaOnly, kNoField,
     "threads that read and write"},
    {"nio.directBufferBytes", kProperty, kInt, "65536", "bytes", kJavaOnly, kNoField,
     "buffer of a thread"},
    {"nio.shutdownTimeout", kProperty, kInt, "5000", "ms", kJavaOnly, kNoField,
     "wait for those threads"},
    {"intBufferStartingSizeBytes", kProperty, kInt, "1024", "bytes", kJavaOnly, kNoField,
     "first size of a reply buffer", AtLeast(32)},
    {"serverCnxnFactory", kProperty, kText, "org.apache.zookeeper.server.NIOServerCnxnFactory", "",
     kJavaOnly, kNoField, "NIO or Netty; one network layer serves both here"},
    {"netty.advancedFlowControl.enabled", kProperty, kBool, "false", "", kJavaOnly, kNoField,
     "flow control of Netty"},
    {"netty.server.outstandingHandshake.limit", kProperty, kInt, "-1", "handshakes", kTls, kNoField,
     "TLS handshakes at once; -1: no limit"},
    {"netty.server.earlyDropSecureConnectionHandshakes", kProperty, kBool, "false", "", kTls,
     kNoField, "close TLS connections while not serving"},
    {"enableEagerACLCheck", kProperty, kBool, "false", "", kEnsemble, kNoField,
     "check ACLs before a request goes to the leader"},
    {"enforceQuota", kProperty, kBool, "false", "", kObeyed, &Config::enforce_quota,
     "writes beyond a hard quota are refused"},
    {"readonlymode.enabled", kBareProperty, kBool, "false", "", kEnsemble,
     &Config::read_only_mode_enabled, "read-only service without a quorum; allows the word isro"},
    {"watchManagerName", kProperty, kText, "org.apache.zookeeper.server.watch.WatchManager", "",
     kJavaOnly, kNoField, "class of the watch table"},
    {"watcherCleanThreshold", kProperty, kInt, "1000", "", kJavaOnly, kNoField,
     "of the optimised watch table"},
    {"watcherCleanIntervalInSeconds", kProperty, kInt, "600", "s", kJavaOnly, kNoField,
     "of the optimised watch table"},
    {"watcherCleanThreadsNum", kProperty, kInt, "2", "threads", kJavaOnly, kNoField,
     "of the optimised watch table"},
    {"maxInProcessingDeadWatchers", kProperty, kInt, "-1", "", kJavaOnly, kNoField,
     "of the optimised watch table"},
    {"bitHashCacheSize", kProperty, kInt, "10", "", kJavaOnly, kNoField,
     "of the optimised watch table"},
    {"extendedTypesEnabled", kProperty, kBool, "false", "", kObeyed,
     &Config::extended_types_enabled, "TTL nodes"},
    {"emulate353TTLNodes", kProperty, kBool, "false", "", kObeyed, &Config::emulate_353_ttl_nodes,
     "TTL nodes in the encoding of 3.5.3"},
    {"znode.container.checkIntervalMs", kBareProperty, kInt, "60000", "ms", kObeyed,
     &Config::container_check_interval_ms,
     "time between checks for container and TTL nodes to delete", AtLeast(1)},
    {"znode.container.maxPerMinute", kBareProperty, kInt, "10000", "deletions", kObeyed,
     &Config::container_max_per_minute, "deletions in a minute", AtLeast(1)},
    {"znode.container.maxNeverUsedIntervalMs", kBareProperty, kInt, "0", "ms", kObeyed,
     &Config::container_max_never_used_interval_ms,
     "containers that never had a child go after this; 0: never", Between(0, kAnyInt64.max)},
    // ---- Interfaces for operators.
    {"4lw.commands.whitelist", kProperty, kList, "", "", kObeyed, &Config::four_letter_words,
     "four-letter words that are answered besides srvr; *: all"},
    {"admin.enableServer", kProperty, kOnUnlessFalse, "true", "", kAdminServer,
     &Config::admin_enabled, "the HTTP AdminServer"},
    {"admin.serverAddress", kProperty, kText, "0.0.0.0", "", kAdminServer, kNoField, "its address"},
    {"admin.serverPort", kProperty, kInt, "8080", "", kAdminServer, kNoField, "its port"},
    {"admin.idleTimeout", kProperty, kInt, "30000", "ms", kAdminServer, kNoField,
     "its idle connections are closed"},
    {"admin.commandURL", kProperty, kText, "/commands", "", kAdminServer, kNoField,
     "path of its commands"},
    {"admin.portUnification", kProperty, kBool, "false", "", kAdminServer, kNoField,
     "HTTP and HTTPS on one port"},
    {"admin.forceHttps", kProperty, kBool, "false", "", kAdminServer, kNoField, "only HTTPS"},
    {"admin.needClientAuth", kProperty, kBool, "false", "", kAdminServer, kNoField,
     "clients need a certificate"},
    {"admin.httpVersion", kProperty, kInt, "11", "", kJavaOnly, kNoField, "version of HTTP"},
    {"admin.rateLimiterIntervalInMS", kProperty, kStrictInt, "300000", "ms", kAdminServer, kNoField,
     "between two snapshots or restores"},
    {"admin.snapshot.enabled", kProperty, kBool, "true", "", kAdminServer, kNoField,
     "the command snapshot"},
    {"admin.restore.enabled", kProperty, kBool, "true", "", kAdminServer, kNoField,
     "the command restore"},
    {"audit.enable", kProperty, kBool, "false", "", kSwitch, kNoField,
     "log every change with its author", kAnyInt32,
     RefusedIf(kTrue, "the audit log is not available yet")},
    {"audit.impl.class", kProperty, kText, "org.apache.zookeeper.audit.Slf4jAuditLogger", "",
     kJavaOnly, kNoField, "class of the audit log"},
    {"messageTracker.Enabled", kProperty, kBool, "false", "", kEnsemble, kNoField,
     "keep the last messages between servers"},
    {"messageTracker.BufferSize", kProperty, kInt, "10", "messages", kEnsemble, kNoField,
     "how many"},
    {"pathStats.enabled", kProperty, kBool, "false", "", kJavaOnly, kNoField,
     "statistics of paths in the log"},
    {"pathStats.slotCapacity", kProperty, kInt, "60", "", kJavaOnly, kNoField,
     "statistics of paths in the log"},
    {"pathStats.slotDuration", kProperty, kInt, "15", "s", kJavaOnly, kNoField,
     "statistics of paths in the log"},
    {"pathStats.maxDepth", kProperty, kInt, "6", "", kJavaOnly, kNoField,
     "statistics of paths in the log"},
    {"pathStats.sampleRate", kProperty, kDouble, "0.1", "", kJavaOnly, kNoField,
     "statistics of paths in the log"},
    {"pathStats.initialDelay", kProperty, kInt, "5", "s", kJavaOnly, kNoField,
     "statistics of paths in the log"},
    {"pathStats.delay", kProperty, kInt, "5", "s", kJavaOnly, kNoField,
     "statistics of paths in the log"},
    {"pathStats.topPathMax", kProperty, kInt, "20", "", kJavaOnly, kNoField,
     "statistics of paths in the log"},
    {"jmx.log4j.disable", kProperty, kBool, "false", "", kJavaOnly, kNoField, "JMX"},
    {"jmx.log4j.mbean", kProperty, kText, "", "", kJavaOnly, kNoField, "JMX"},
    // ---- The quorum.
    {"cnxTimeout", kProperty, kStrictInt, "5000", "ms", kEnsemble, &Config::cnx_timeout_ms,
     "to connect to the election port"},
    {"quorumCnxnTimeoutMs", kProperty, kInt, "-1", "ms", kEnsemble, &Config::quorum_cnxn_timeout_ms,
     "silence on an election connection; -1: syncLimit"},
    {"electionPortBindRetry", kProperty, kInt, "3", "attempts", kEnsemble,
     &Config::election_port_bind_retry, "to bind the election port; 0: for ever"},
    {"tcpKeepAlive", kProperty, kBool, "false", "", kEnsemble, &Config::tcp_keep_alive,
     "SO_KEEPALIVE on election connections"},
    {"fastleader.minNotificationInterval", kProperty, kInt, "200", "ms", kEnsemble,
     &Config::min_notification_interval_ms, "first wait for votes"},
    {"fastleader.maxNotificationInterval", kProperty, kInt, "60000", "ms", kEnsemble,
     &Config::max_notification_interval_ms, "longest wait for votes"},
    {"leaderServes", kProperty, kYesNo, "yes", "", kEnsemble, &Config::leader_serves,
     "no: the leader takes no clients"},
    {"leader.ackLoggingFrequency", kProperty, kInt, "1000", "", kEnsemble, kNoField,
     "one in so many acknowledgements is measured"},
    {"leader.maxConcurrentSnapSyncs", kProperty, kInt, "10", "", kEnsemble,
     &Config::max_concurrent_snap_syncs, "snapshots sent at once"},
    {"leader.maxConcurrentDiffSyncs", kProperty, kInt, "100", "", kEnsemble,
     &Config::max_concurrent_diff_syncs, "logs sent at once"},
    {"leader.maxTimeToWaitForEpoch", kProperty, kInt, "-1", "ms", kEnsemble,
     &Config::max_time_to_wait_for_epoch_ms, "for a quorum to agree on an epoch; -1: initLimit"},
    {"leader.closeSocketAsync", kProperty, kBool, "false", "", kJavaOnly, kNoField,
     "threads of the Java server"},
    {"learner.closeSocketAsync", kProperty, kBool, "false", "", kJavaOnly, kNoField,
     "threads of the Java server"},
    {"learner.asyncSending", kProperty, kBool, "false", "", kJavaOnly, kNoField,
     "threads of the Java server"},
    {"forceSnapshotSync", kProperty, kBool, "false", "", kEnsemble, &Config::force_snapshot_sync,
     "learners always get a snapshot"},
    {"follower.skipLearnerRequestToNextProcessor", kProperty, kBool, "false", "", kJavaOnly,
     kNoField, "pipeline of the Java server"},
    {"forward_learner_requests_to_commit_processor_disabled", kProperty, kBool, "false", "",
     kJavaOnly, kNoField, "pipeline of the Java server"},
    {"observer.reconnectDelayMs", kProperty, kInt, "0", "ms", kEnsemble,
     &Config::observer_reconnect_delay_ms, "before an observer reconnects"},
    {"observer.election.DelayMs", kProperty, kInt, "200", "ms", kEnsemble,
     &Config::observer_election_delay_ms, "before an observer looks for a leader"},
    {"observer.syncEnabled", kProperty, kBool, "", "", kEnsemble, kNoField,
     "overrides syncEnabled"},
    {"observerMaster.sizeLimit", kProperty, kInt, "33554432", "bytes", kEnsemble,
     &Config::observer_master_size_limit, "queue for observers of a follower"},
    {"leaderConnectDelayDuringRetryMs", kProperty, kInt, "100", "ms", kEnsemble,
     &Config::leader_connect_delay_during_retry_ms, "between attempts to connect to the leader"},
    {"leader.nodelay", kBareProperty, kText, "true", "", kEnsemble, kNoField,
     "TCP_NODELAY, which is always on here"},
    {"follower.nodelay", kBareProperty, kText, "true", "", kEnsemble, kNoField,
     "TCP_NODELAY, which is always on here"},
    {"commitProcessor.numWorkerThreads", kProperty, kInt, "", "threads", kJavaOnly, kNoField,
     "pipeline of the Java server"},
    {"commitProcessor.shutdownTimeout", kProperty, kInt, "5000", "ms", kJavaOnly, kNoField,
     "pipeline of the Java server"},
    {"commitProcessor.maxReadBatchSize", kProperty, kInt, "-1", "requests", kJavaOnly, kNoField,
     "pipeline of the Java server"},
    {"commitProcessor.maxCommitBatchSize", kProperty, kInt, "1", "requests", kJavaOnly, kNoField,
     "pipeline of the Java server"},
    // ---- Security.
    {"skipACL", kProperty, kYesNo, "no", "", kObeyed, &Config::skip_acl,
     "yes: nobody is refused anything"},
    {"authProvider.*", kProperty, kText, "", "", kObeyed, kNoField,
     "class of an authentication provider; digest and ip are built in"},
    {"DigestAuthenticationProvider.enabled", kProperty, kBool, "true", "", kObeyed,
     &Config::digest_auth_enabled, "the scheme digest"},
    {"DigestAuthenticationProvider.superDigest", kProperty, kText, "", "", kObeyed,
     &Config::super_digest, "name:hash of the user who may do everything"},
    {"DigestAuthenticationProvider.digestAlg", kProperty, kText, "SHA1", "", kObeyed,
     &Config::digest_alg, "hash of digest ids"},
    {"IPAuthenticationProvider.usexforwardedfor", kProperty, kBool, "false", "", kAdminServer,
     kNoField, "trust X-Forwarded-For in HTTP requests"},
    {"X509AuthenticationProvider.superUser", kProperty, kText, "", "", kTls, kNoField,
     "certificate subject that may do everything"},
    {"SASLAuthenticationProvider.superPassword", kProperty, kText, "", "", kSasl, kNoField,
     "password of the user super"},
    {"superUser", kProperty, kText, "", "", kSasl, kNoField, "SASL id that may do everything"},
    {"superUser.*", kProperty, kText, "", "", kSasl, kNoField, "more of them"},
    {"letAnySaslUserDoX", kProperty, kText, "", "", kSasl, kNoField,
     "ACL id that every SASL user matches"},
    {"allowSaslFailedClients", kProperty, kBool, "false", "", kSasl, kNoField,
     "clients whose SASL login failed stay"},
    {"sessionRequireClientSASLAuth", kProperty, kBool, "false", "", kSwitch, kNoField,
     "clients must log in with SASL", kAnyInt32, RefusedIf(kTrue, "SASL is not available yet")},
    {"enforce.auth.enabled", kProperty, kBool, "false", "", kObeyed, &Config::enforce_auth_enabled,
     "clients must authenticate"},
    {"enforce.auth.schemes", kProperty, kList, "", "", kObeyed, &Config::enforce_auth_schemes,
     "with one of these schemes"},
    {"ensembleAuthName", kProperty, kList, "", "", kSasl, kNoField,
     "names of the ensemble provider"},
    {"sasl.serverconfig", kProperty, kText, "Server", "", kSasl, kNoField,
     "JAAS section of the server"},
    {"java.security.auth.login.config", kBareProperty, kPath, "", "", kSwitch, kNoField,
     "JAAS file", kAnyInt32, RefusedIf(kNotEmpty, "SASL is not available yet")},
    {"kerberos.removeHostFromPrincipal", kProperty, kBool, "false", "", kSasl, kNoField,
     "names of Kerberos users"},
    {"kerberos.removeRealmFromPrincipal", kProperty, kBool, "false", "", kSasl, kNoField,
     "names of Kerberos users"},
    {"kerberos.canonicalizeHostNames", kProperty, kBool, "false", "", kSasl, kNoField,
     "names of Kerberos users"},
    {"kerberos.minReLoginTimeMs", kProperty, kInt, "60000", "ms", kJavaOnly, kNoField,
     "Kerberos of the JVM"},
    {"kinit", kProperty, kPath, "/usr/bin/kinit", "", kJavaOnly, kNoField, "Kerberos of the JVM"},
    {"requireKerberosConfig", kProperty, kBool, "false", "", kJavaOnly, kNoField,
     "Kerberos of the JVM"},
    {"sun.security.jgss.native", kBareProperty, kBool, "false", "", kJavaOnly, kNoField,
     "Kerberos of the JVM"},
    {"security.auth_to_local", kProperty, kText, "DEFAULT", "", kSasl, kNoField,
     "rules from Kerberos names to users"},
    {"ssl.*", kProperty, kText, "", "", kTls, kNoField, "TLS for clients"},
    {"ssl.quorum.*", kProperty, kText, "", "", kTls, kNoField, "TLS between servers"},
    {"client.portUnification", kProperty, kBool, "false", "", kSwitch, kNoField,
     "clientPort takes TLS too", kAnyInt32, RefusedIf(kTrue, "TLS is not available yet")},
    {"client.certReload", kProperty, kBool, "false", "", kTls, kNoField,
     "reload keys when their files change"},
    {"fips-mode", kProperty, kBool, "true", "", kTls, kNoField, "standard check of host names"},
    // ---- Lockkeeper's own.
    {"lockkeeper.ioThreads", kLockkeeper, kStrictInt, "0", "threads", kObeyed, &Config::io_threads,
     "threads that serve clients; 0: one a core, at most 8", Between(0, 64)},
};

bool Matches(const ConfigKey& key, std::string_view name) {
  if (!key.IsPattern()) return key.name == name;
  return name.starts_with(key.name.substr(0, key.name.size() - 1));
}

// The most specific row: a full name, else the longest pattern.
const ConfigKey* FindRow(std::string_view name) {
  const ConfigKey* best = nullptr;
  for (const ConfigKey& key : kKeys) {
    if (!Matches(key, name)) continue;
    if (!key.IsPattern()) return &key;
    if (best == nullptr || key.name.size() > best->name.size()) best = &key;
  }
  return best;
}

}  // namespace

std::string_view EffectText(KeyEffect effect) {
  switch (effect) {
    case kObeyed:
      return "";
    case kEnsemble:
      return "matters only in an ensemble";
    case kTls:
      return "matters only with TLS, which is not available yet";
    case kSasl:
      return "matters only with SASL, which is not available yet";
    case kAdminServer:
      return "belongs to the AdminServer, which is not available yet";
    case kThrottle:
      return "tunes a throttle that is off";
    case kMetrics:
      return "the default metrics provider has no settings";
    case kSnapshot:
      return "no snapshot files are written";
    case kJavaOnly:
      return "tunes the Java server; nothing to tune here";
    case kSwitch:
      return "switched off";
  }
  return "";
}

bool ConfigKey::IsSecret() const { return IsSecretKey(name); }

std::span<const ConfigKey> ConfigKeys() { return kKeys; }

const ConfigKey* FindConfigKey(std::string_view name, std::string* plain_name) {
  *plain_name = name;
  if (const ConfigKey* key = FindRow(name)) return key;
  if (!name.starts_with(kPropertyPrefix)) return nullptr;
  name.remove_prefix(kPropertyPrefix.size());
  const ConfigKey* key = FindRow(name);
  if (key == nullptr || (key->origin != kProperty && key->origin != kBareProperty)) return nullptr;
  *plain_name = name;
  return key;
}

bool IsSecretKey(std::string_view name) {
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return lower.find("password") != std::string::npos ||
         lower.find("superdigest") != std::string::npos;
}

std::string ShownValue(std::string_view name, std::string_view value) {
  return IsSecretKey(name) && !value.empty() ? "***" : std::string(value);
}

}  // namespace lockkeeper
