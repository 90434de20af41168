#include "server/server.h"

#include <glog/logging.h>

#include <algorithm>
#include <future>
#include <thread>
#include <utility>

#include "protocol/session_password.h"
#include "server/clock.h"
#include "server/storage/recovery.h"

namespace lockkeeper {
namespace {

constexpr int64_t kMsPerSecond = 1000;
constexpr int64_t kMsPerHour = 3'600'000;

// 0 or less: off.
uint64_t KibToBytes(int64_t kib) { return kib > 0 ? static_cast<uint64_t>(kib) * 1024 : 0; }

size_t IoThreadCount(const Config& config) {
  return static_cast<size_t>(config.IoThreads(std::thread::hardware_concurrency()));
}

std::string Joined(const std::vector<std::string>& words) {
  std::string joined;
  for (const std::string& word : words) joined += (joined.empty() ? "" : ",") + word;
  return joined;
}

// Above every id in the log, even if the clock went backwards.
SessionId FirstSessionId(const Config& config, const DataTree& tree) {
  SessionId first = InitialSessionId(config.server_id, WallNow().value);
  for (const auto& [session, timeout] : tree.sessions()) {
    const bool ours =
        (static_cast<uint64_t>(session.value) >> 56) == (static_cast<uint64_t>(first.value) >> 56);
    if (ours && session >= first) first = SessionId{session.value + 1};
  }
  return first;
}

}  // namespace

Server::Server(Config config, std::function<void(const Error&)> failed)
    : config_(std::move(config)),
      failed_(std::move(failed)),
      started_(MonoNow()),
      auth_({config_.digest_auth_enabled, config_.digest_alg, config_.super_digest}),
      fs_(PosixFileSystem()),
      serving_(config_.ensemble ? ServingRole::kNone : ServingRole::kStandalone),
      gate_(IoThreadCount(config_) + 1),  // the last place is the checkpoint thread's
      limiter_(config_.max_cnxns, config_.max_client_cnxns) {}

Server::~Server() { Stop(); }

Status Server::Start() {
  if (Status opened = OpenStorage(); !opened) return opened;
  MakeThreads();
  if (config_.ensemble) {
    if (Status joined = JoinEnsemble(); !joined) return joined;
  }
  if (Status opened = OpenPort(); !opened) return opened;
  log_->Start();
  checkpoints_->Start();
  core_->Start();
  admin_->Start();
  for (IoThread* io : io_) io->Start();
  return {};
}

Status Server::OpenStorage() {
  Result<std::unique_ptr<DataDir>> dir =
      DataDir::Open(fs_, {config_.data_dir, config_.data_log_dir, config_.datadir_autocreate});
  if (!dir) return dir.error();
  dir_ = std::move(*dir);
  Result<RecoveredState> recovered = Recover(fs_, *dir_, config_, TreeOptions(config_));
  if (!recovered) return recovered.error();
  slot_.tree = std::move(recovered->tree);
  checkpoint_store_ = std::move(recovered->store);
  const RecoverySummary& summary = recovered->summary;
  metrics_.dbinittime.Record(summary.base_ms + summary.replay_ms);
  metrics_.startup_snap_load_time.Record(summary.base_ms);
  metrics_.startup_txns_loaded.Record(static_cast<int64_t>(summary.transactions));
  metrics_.startup_txns_load_time.Record(summary.replay_ms);
  metrics_.digest_mismatches_count.Add(static_cast<int64_t>(summary.digest_mismatches));

  TxnLogOptions options{.dir = dir_->log_dir(),
                        .prealloc_bytes = KibToBytes(config_.pre_alloc_size_kib),
                        .roll_above_bytes = KibToBytes(config_.txn_log_size_limit_kb),
                        .force_sync = config_.force_sync,
                        .payload_bytes_max = static_cast<size_t>(config_.jute_maxbuffer) +
                                             static_cast<size_t>(config_.jute_extrasize)};
  Result<std::unique_ptr<TxnLogWriter>> writer =
      TxnLogWriter::Open(fs_, std::move(options), slot_.tree->last_zxid());
  if (!writer) return writer.error();
  log_writer_ = std::move(*writer);
  return {};
}

void Server::MakeThreads() {
  const AccessRules access{config_.skip_acl, config_.digest_auth_enabled};
  context_ = std::make_unique<ServerContext>(
      ServerContext{config_, access, auth_, slot_, gate_, core_inbox_, outstanding_, limiter_,
                    metrics_, auth_failed_, serving_,
                    [this](ConnectionRef from, int32_t word, std::string argument) {
                      admin_->Ask(from, word, std::move(argument));
                    },
                    [this] { core_->RunHereOrWake(); }});
  for (uint32_t i = 0; i < IoThreadCount(config_); ++i) {
    io_threads_.push_back(std::make_unique<IoThread>(i, *context_));
    io_.push_back(io_threads_.back().get());
  }
  log_ = std::make_unique<LogThread>(
      std::move(log_writer_),
      LogThreadOptions{.flush_delay_ms = config_.flush_delay_ms,
                       .group_max = static_cast<size_t>(std::max(config_.max_batch_size, 0)),
                       .roll_after_txns = config_.snap_count,
                       .roll_after_bytes = KibToBytes(config_.snap_size_limit_kb),
                       .fsync_warning_ms = config_.fsync_warning_threshold_ms},
      &core_inbox_, &metrics_, [this] { core_->RunHereOrWake(); });
  checkpoints_ = std::make_unique<CheckpointThread>(
      std::move(checkpoint_store_), &gate_, &fs_, dir_.get(),
      CheckpointThreadOptions{
          .gate_slot = IoThreadCount(config_),
          .purge_interval_ms =
              std::max<int64_t>(config_.autopurge_purge_interval_h, 0) * kMsPerHour,
          .purge_retain = config_.autopurge_snap_retain_count},
      &core_inbox_, &metrics_);
  core_ = std::make_unique<CoreLoop>(
      CoreShared{&slot_, &serving_, &outstanding_, &metrics_}, &gate_, &core_inbox_, log_.get(),
      checkpoints_.get(), io_,
      CoreOptions{.prepare = {.access = access,
                              .enforce_quota = config_.enforce_quota,
                              .reconfig_enabled = config_.reconfig_enabled,
                              .close_session_txn = config_.close_session_txn_enabled,
                              .no_create2_in_multi = config_.ensemble,
                              .payload_bytes_max = static_cast<size_t>(config_.jute_maxbuffer) +
                                                   static_cast<size_t>(config_.jute_extrasize)},
                  .tick_ms = config_.tick_time_ms,
                  .first_session_id = FirstSessionId(config_, *slot_.tree),
                  .reaper = {config_.container_check_interval_ms, config_.container_max_per_minute,
                             config_.container_max_never_used_interval_ms},
                  .checkpoints = {static_cast<uint64_t>(config_.checkpoint_dirty_mb) << 20,
                                  config_.checkpoint_interval_s * kMsPerSecond}},
      failed_);
}

Status Server::OpenPort() {
  if (config_.client_port) {
    listener_ = std::make_unique<Listener>(io_, *context_);
    if (Status opened = listener_->Open(config_.client_port_address, *config_.client_port,
                                        config_.listen_backlog);
        !opened) {
      return opened;
    }
    client_port_ = listener_->port();
    LOG(INFO) << "serving clients on " << config_.client_port_address << ":" << client_port_;
  } else {
    LOG(WARNING) << "no clientPort is configured: no client can connect";
  }
  gatherer_ = std::make_unique<Gatherer>(*context_, io_, *dir_, client_port_, started_);
  admin_ = std::make_unique<AdminThread>(
      gatherer_.get(),
      WordWhitelist(Joined(config_.four_letter_words), config_.read_only_mode_enabled), io_);
  return {};
}

// No new connections, then no questions, then no transactions, then no connections, then no log.
void Server::Stop() {
  if (admin_ == nullptr) {                      // Start failed, or this is the second call
    if (network_ != nullptr) network_->Stop();  // before what its thread uses is gone
    return;
  }
  if (listener_ != nullptr) {
    auto closed = std::make_shared<std::promise<void>>();
    io_.front()->Post([this, closed](IoThread&) {
      listener_->Close();
      closed->set_value();
    });
    closed->get_future().wait();
  }
  admin_->Stop();
  core_->Stop();
  if (network_ != nullptr) network_->Stop();
  for (IoThread* io : io_) io->Stop();
  log_->Stop();
  checkpoints_->Stop();
  admin_.reset();
}

}  // namespace lockkeeper
