// The part of the server that makes it a member of an ensemble.
#include <glog/logging.h>

#include <utility>

#include "server/clock.h"
#include "server/server.h"
#include "server/storage/epoch_files.h"
#include "server/storage/log_range.h"
#include "server/storage/recovery.h"
#include "server/storage/state_change.h"

namespace lockkeeper {
namespace {

// More than this is not read from log files for a learner: it gets the whole state.
constexpr uint64_t kLogDiffBytesMax = 64 << 20;

zab::PeerOptions PeerOptionsOf(const Config& config) {
  zab::PeerOptions options{.self = *config.myid,
                           .observer = config.peer_type == PeerRole::kObserver,
                           .tick_ms = config.tick_time_ms,
                           .init_limit = config.init_limit_ticks,
                           .sync_limit = config.sync_limit_ticks};
  options.config.version = config.membership.version;
  options.config.text = CanonicalText(config.membership);
  for (const auto& [id, member] : config.membership.members) {
    const bool votes = member.role == PeerRole::kParticipant;
    (votes ? options.config.voters : options.config.observers).insert(id);
  }
  options.min_notification_interval_ms = config.min_notification_interval_ms;
  options.max_notification_interval_ms = config.max_notification_interval_ms;
  options.max_time_to_wait_for_epoch_ms = config.max_time_to_wait_for_epoch_ms;
  options.observer_election_delay_ms = config.observer_election_delay_ms;
  options.commit_log_count = static_cast<size_t>(config.commit_log_count);
  options.force_snapshot_sync = config.force_snapshot_sync;
  options.sync_from_log_files = config.snapshot_size_factor >= 0;
  options.max_concurrent_snap_syncs = static_cast<size_t>(config.max_concurrent_snap_syncs);
  options.max_concurrent_diff_syncs = static_cast<size_t>(config.max_concurrent_diff_syncs);
  options.seed = static_cast<uint64_t>(config.myid->value);
  return options;
}

PeerNetworkOptions NetworkOptionsOf(const Config& config) {
  const int32_t limit = config.connect_to_learner_master_limit_ticks > 0
                            ? config.connect_to_learner_master_limit_ticks
                            : config.init_limit_ticks;
  PeerNetworkOptions options{.self = *config.myid,
                             .membership = config.membership,
                             .listen_on_all_ips = config.quorum_listen_on_all_ips,
                             .multi_address = config.multi_address_enabled,
                             .tcp_keep_alive = config.tcp_keep_alive,
                             .connect_timeout_ms = config.cnx_timeout_ms};
  options.handshake_timeout_ms = config.quorum_cnxn_timeout_ms >= 0
                                     ? config.quorum_cnxn_timeout_ms
                                     : config.tick_time_ms * config.sync_limit_ticks;
  options.election_bind_retries = config.election_port_bind_retry;
  options.leader_connect_ms = config.tick_time_ms * limit;
  options.leader_connect_delay_ms = config.leader_connect_delay_during_retry_ms;
  options.buffer_bytes_max =
      static_cast<size_t>(config.jute_maxbuffer) + static_cast<size_t>(config.jute_extrasize);
  options.tree = TreeOptions(config);
  return options;
}

ReplayLimits LogLimitsOf(const Config& config) {
  return {.payload_bytes_max = static_cast<size_t>(config.jute_maxbuffer) +
                               static_cast<size_t>(config.jute_extrasize)};
}

}  // namespace

// The newest transactions of the log become the committed log: what learners are brought up to
// date from (quorum-protocol 3.2).
Status Server::JoinEnsemble() {
  ShowMembership(slot_.tree.get());
  const Zxid last = slot_.tree->last_zxid();
  const Result<Epochs> epochs = LoadEpochs(fs_, dir_->snapshot_dir(), last);
  if (!epochs) return epochs.error();
  const zab::PeerOptions options = PeerOptionsOf(config_);
  zab::History history{.accepted_epoch = epochs->accepted,
                       .current_epoch = epochs->current,
                       .appended = last,
                       .persisted = last,
                       .applied = last,
                       .committed = zab::CommittedLog(options.commit_log_count)};
  const auto tail =
      ReadLogTail(fs_, dir_->log_dir(), last, options.commit_log_count, LogLimitsOf(config_));
  if (!tail) return tail.error();
  // An epoch's beginning is no transaction.
  const bool whole =
      !tail->empty() && (tail->back().zxid == last || static_cast<uint32_t>(last.value) == 0);
  if (whole) {
    for (const LogEntry& entry : *tail) history.committed.Add(entry);
  }

  network_ = std::make_unique<PeerNetwork>(NetworkOptionsOf(config_),
                                           [this](std::vector<PeerEvent> events) {
                                             core_inbox_.PushQuietly(PeerEvents{std::move(events)});
                                             core_->RunHereOrWake();
                                           });
  if (Status started = network_->Start(); !started) return started;
  auto member =
      std::make_unique<EnsembleMember>(options, std::move(history), network_.get(), core_->host());
  role_recorder_ = std::make_unique<RoleRecorder>(&metrics_);
  member->SetRecorder(role_recorder_.get());
  core_->JoinEnsemble(std::move(member), StorageOfMember());
  return {};
}

// Again with every state that comes from elsewhere (quorum-protocol 3.7, step d).
void Server::ShowMembership(DataTree* tree) const {
  const Membership& membership = config_.membership;
  tree->SetMembership(CanonicalText(membership), membership.version, WallNow());
}

// Each runs on the thread that owns what it changes, and the core waits for it.
StorageOperations Server::StorageOfMember() {
  StorageOperations operations;
  const auto with_both = [this](const std::function<void(TxnLogWriter*, CheckpointStore*)>& task) {
    log_->Run([&](TxnLogWriter* writer) {
      checkpoints_->Run([&](CheckpointStore* store) { task(writer, store); });
    });
  };
  operations.write_epoch = [this](EpochKind kind, int64_t epoch) {
    return WriteEpoch(fs_, dir_->snapshot_dir(), NameOf(kind), epoch);
  };
  operations.truncate = [this, with_both](Zxid upto) {
    Result<std::unique_ptr<DataTree>> tree = std::unique_ptr<DataTree>();
    with_both([&](TxnLogWriter* writer, CheckpointStore* store) {
      tree = LoadStateUpTo(fs_, *dir_, config_, TreeOptions(config_), store, upto);
      if (!tree || *tree == nullptr) return;
      const Status cut = TruncateState(fs_, *dir_, config_, upto, store, writer);
      if (!cut) tree = cut.error();
    });
    if (tree && *tree != nullptr) ShowMembership(tree->get());
    return tree;
  };
  operations.install = [this, with_both](DataTree* tree) {
    ShowMembership(tree);
    Status installed;
    with_both([&](TxnLogWriter* writer, CheckpointStore* store) {
      installed = InstallState(fs_, *dir_, config_, store, writer, tree);
    });
    return installed;
  };
  operations.read_log = [this](Zxid from, Zxid upto) {
    const auto entries =
        ReadLogRange(fs_, dir_->log_dir(), from, upto, kLogDiffBytesMax, LogLimitsOf(config_));
    if (entries) return *entries;
    LOG(WARNING) << "the log cannot be read for a learner: " << entries.error().message;
    return std::vector<LogEntry>();
  };
  return operations;
}

}  // namespace lockkeeper
