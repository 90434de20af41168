// The effective configuration of one server: what the file (or the command line) says, with
// defaults filled in and checked as a whole.
//
// The name in the comment of a field is the key of zoo.cfg; config_keys.cc has one row for each
// key. Units stand in the names. A default-constructed Config has every default except the ones
// that depend on other keys, which LoadConfig and ConfigFromArguments fill in.
#ifndef LOCKKEEPER_SERVER_CONFIG_CONFIG_H_
#define LOCKKEEPER_SERVER_CONFIG_CONFIG_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/limits.h"
#include "protocol/types.h"
#include "server/config/config_entry.h"
#include "server/config/membership.h"

namespace lockkeeper {

// A remark about one key, for the log at start.
struct ConfigRemark {
  std::string key;  // empty: about the configuration as a whole
  int line = 0;     // 0: not from a file
  std::string text;
};

// There is one object of it, ordered for its readers.
struct Config {  // NOLINT(clang-analyzer-optin.performance.Padding)
  // ---- Where it came from.
  std::string source;                  // the file; "command line" for the argument form
  std::vector<ConfigRemark> warnings;  // unknown keys, replaced values, what will not happen
  std::vector<ConfigRemark> notes;     // keys that were taken but have no effect, and why
  std::vector<ConfigEntry> accepted;   // known keys that have no field below, as written

  // ---- Directories.
  std::string data_dir;               // dataDir, required: myid and checkpoints
  std::string data_log_dir;           // dataLogDir: transaction logs; default data_dir
  bool datadir_autocreate = true;     // datadir.autocreate: make missing `version-2` directories
  bool db_autocreate = true;          // db.autocreate: an empty database is trusted
  bool snapshot_trust_empty = false;  // snapshot.trust.empty: logs without a snapshot are loaded

  // ---- The port for clients.
  std::optional<uint16_t> client_port;           // clientPort; none: no port for clients.
                                                 // 0 (argument form only): any free port
  std::string client_port_address;               // clientPortAddress, looked up: an address in
                                                 // numbers; empty: every local address
  int32_t listen_backlog = -1;                   // clientPortListenBacklog; -1: 50, as in Java
  int32_t max_client_cnxns = 60;                 // maxClientCnxns for each client address;
                                                 // <= 0: no limit
  int32_t max_cnxns = 0;                         // maxCnxns in all; <= 0: no limit
  int32_t sessionless_cnxn_timeout_ms = 10'000;  // nio.sessionlessCnxnTimeout: connections that
                                                 // never open a session
  bool client_tcp_keep_alive = false;            // clientTcpKeepAlive
  int32_t jute_maxbuffer = kFrameBytesDefault;   // jute.maxbuffer: bytes of the longest request
  int32_t jute_extrasize = kFrameBytesDefault;   // jute.maxbuffer.extrasize: slack in bytes when
                                                 // strings and buffers are decoded, >= 1024;
                                                 // default jute_maxbuffer
  int32_t global_outstanding_limit = 1000;       // globalOutstandingLimit: requests in the server
                                                 // above which busy connections are not read

  // ---- Sessions.
  int32_t tick_time_ms = 3000;            // tickTime
  int32_t min_session_timeout_ms = -1;    // minSessionTimeout; default 2 ticks
  int32_t max_session_timeout_ms = -1;    // maxSessionTimeout; default 20 ticks
  bool close_session_txn_enabled = true;  // closeSessionTxn.enabled: paths in the record

  // ---- Transaction log and snapshots.
  int64_t pre_alloc_size_kib = 65'536;         // preAllocSize; <= 0: no padding
  int32_t snap_count = 100'000;                // snapCount: transactions per log, >= 2
  int64_t snap_size_limit_kb = 4'194'304;      // snapSizeLimitInKb; <= 0: off
  int64_t txn_log_size_limit_kb = -1;          // txnLogSizeLimitInKb; <= 0: off
  bool force_sync = true;                      // forceSync: "no" acknowledges without fsync
  int64_t fsync_warning_threshold_ms = 1000;   // fsync.warningthresholdms
  int64_t flush_delay_ms = 0;                  // flushDelay; 0: as soon as nothing waits
  int64_t max_write_queue_poll_time_ms = -1;   // maxWriteQueuePollTime; default flush_delay / 3
  int32_t max_batch_size = 1000;               // maxBatchSize: requests per flush; 0: no limit
  bool digest_enabled = true;                  // digest.enabled: digests on records
  bool serialize_last_processed_zxid = true;   // serializeLastProcessedZxid.enabled
  std::string snapshot_compression_method;     // snapshot.compression.method: "", "gz", "snappy"
  bool allow_discontinuous_proposals = false;  // test.allowDiscontinuousProposals
  int32_t autopurge_snap_retain_count = 3;     // autopurge.snapRetainCount, >= 3
  int32_t autopurge_purge_interval_h = 0;      // autopurge.purgeInterval; <= 0: off

  // ---- The tree.
  bool extended_types_enabled = false;               // extendedTypesEnabled: TTL nodes
  bool emulate_353_ttl_nodes = false;                // emulate353TTLNodes: their encoding of 3.5.3
  int32_t container_check_interval_ms = 60'000;      // znode.container.checkIntervalMs
  int32_t container_max_per_minute = 10'000;         // znode.container.maxPerMinute
  int64_t container_max_never_used_interval_ms = 0;  // znode.container.maxNeverUsedIntervalMs;
                                                     // 0: unused ones stay
  bool enforce_quota = false;                        // enforceQuota: hard quotas refuse writes

  // ---- Who may do what.
  bool skip_acl = false;              // skipACL: exactly "yes" switches ACL checks off
  bool digest_auth_enabled = true;    // DigestAuthenticationProvider.enabled
  std::string super_digest;           // DigestAuthenticationProvider.superDigest, secret
  std::string digest_alg = "SHA1";    // DigestAuthenticationProvider.digestAlg, as a name
                                      // that EVP_MD_fetch knows
  bool enforce_auth_enabled = false;  // enforce.auth.enabled
  std::vector<std::string> enforce_auth_schemes;  // enforce.auth.schemes: one of them is needed

  // ---- Operators.
  std::vector<std::string> four_letter_words;  // 4lw.commands.whitelist; "*": all
  bool admin_enabled = true;                   // admin.enableServer
  bool read_only_mode_enabled = false;         // readonlymode.enabled: allows the word `isro`

  // ---- Lockkeeper's own.
  int32_t io_threads = 0;               // lockkeeper.ioThreads; 0: see IoThreads
  int32_t checkpoint_dirty_mb = 32;     // lockkeeper.checkpointDirtyMb
  int32_t checkpoint_interval_s = 300;  // lockkeeper.checkpointIntervalSeconds; 0: never

  // ---- The ensemble: validated and kept, without effect in a standalone server.
  bool ensemble = false;                        // this server is a member of one
  Membership membership;                        // server.N, group.G, weight.N
  std::optional<PeerId> myid;                   // the file `myid`, if there is one
  int64_t server_id = 1;                        // top byte of session ids; 1 in a standalone server
  PeerRole peer_type = PeerRole::kParticipant;  // peerType; the server list wins
  bool standalone_enabled = true;       // standaloneEnabled: one participant runs standalone
  bool reconfig_enabled = false;        // reconfigEnabled
  std::string dynamic_config_file;      // dynamicConfigFile
  bool local_sessions_enabled = false;  // localSessionsEnabled
  bool local_sessions_upgrading_enabled = false;      // localSessionsUpgradingEnabled
  bool sync_enabled = true;                           // syncEnabled: observers keep a log
  int32_t init_limit_ticks = 0;                       // initLimit, required in an ensemble
  int32_t sync_limit_ticks = 0;                       // syncLimit, required in an ensemble
  int32_t connect_to_learner_master_limit_ticks = 0;  // 0: init_limit_ticks
  int32_t observer_master_port = 0;                   // observerMasterPort; 0: off
  bool quorum_listen_on_all_ips = false;              // quorumListenOnAllIPs
  bool multi_address_enabled = false;                 // multiAddress.enabled
  int32_t cnx_timeout_ms = 5000;                      // cnxTimeout: election connections
  int32_t quorum_cnxn_timeout_ms = -1;            // quorumCnxnTimeoutMs; -1: tickTime x syncLimit
  int32_t election_port_bind_retry = 3;           // electionPortBindRetry; 0: for ever; negative: 3
  bool tcp_keep_alive = false;                    // tcpKeepAlive: election connections
  int32_t min_notification_interval_ms = 200;     // fastleader.minNotificationInterval
  int32_t max_notification_interval_ms = 60'000;  // fastleader.maxNotificationInterval
  bool leader_serves = true;                // leaderServes: exactly "no": the leader has no clients
  int32_t commit_log_count = 500;           // commitLogCount: transactions for DIFF, >= 500
  double snapshot_size_factor = 0.33;       // snapshotSizeFactor
  int32_t max_concurrent_snap_syncs = 10;   // leader.maxConcurrentSnapSyncs
  int32_t max_concurrent_diff_syncs = 100;  // leader.maxConcurrentDiffSyncs
  int32_t max_time_to_wait_for_epoch_ms = -1;       // leader.maxTimeToWaitForEpoch; -1: initLimit
  bool force_snapshot_sync = false;                 // forceSnapshotSync
  int32_t observer_reconnect_delay_ms = 0;          // observer.reconnectDelayMs
  int32_t observer_election_delay_ms = 200;         // observer.election.DelayMs
  int32_t observer_master_size_limit = 33'554'432;  // observerMaster.sizeLimit, bytes
  int32_t leader_connect_delay_during_retry_ms = 100;  // leaderConnectDelayDuringRetryMs

  // `srvr` always, `isro` in read-only mode, else what the whitelist has.
  bool AllowsFourLetterWord(std::string_view word) const;

  // Bytes above which a string or buffer in a request, a log or a snapshot is malformed.
  int32_t DecodedBytesMax() const;

  // The number of I/O threads on a machine with `cores` cores; at least 1.
  int IoThreads(unsigned cores) const;

  // "key = value" for every key that has a field, with the values in force; secrets are masked.
  std::vector<std::string> Describe() const;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_CONFIG_CONFIG_H_
