#include "server/pipeline/log_thread.h"

#include <glog/logging.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <iterator>
#include <span>
#include <utility>

#include "server/this_thread.h"

namespace lockkeeper {
namespace {

constexpr size_t kFewTxns = 8;

}  // namespace

LogThread::LogThread(std::unique_ptr<TxnLogWriter> writer, const LogThreadOptions& options,
                     Inbox<CoreMessage>* core, Metrics* metrics, std::function<void()> run_core)
    : writer_(std::move(writer)),
      options_(options),
      core_(core),
      run_core_(std::move(run_core)),
      metrics_(metrics),
      random_(std::random_device{}()) {
  DrawRollThresholds();
}

LogThread::~LogThread() { CHECK(!thread_.joinable()) << "Stop was not called"; }

void LogThread::Start() {
  thread_ = std::thread([this] {
    NameThisThread("log");
    Run();
  });
}

void LogThread::Append(std::vector<LogEntry> entries) { inbox_.Push(std::move(entries)); }

void LogThread::Stop() {
  if (!thread_.joinable()) return;
  inbox_.Push(StopLog{});
  thread_.join();
}

void LogThread::Run() {
  bool running = true;
  while (running) {
    running = Gather();
    if (!failed_ && !group_.empty() && !WriteGroup()) failed_ = true;
    group_.clear();
    for (const Task& task : std::exchange(tasks_, {})) task();
  }
}

// Whoever asks appends nothing before it has the answer.
void LogThread::Run(const std::function<void(TxnLogWriter*)>& task) {
  std::promise<void> done;
  inbox_.Push(Task([&] {
    task(writer_.get());
    done.set_value();
  }));
  done.get_future().wait();
}

bool LogThread::Gather() {
  std::vector<Message> messages;
  bool stop = false;
  inbox_.TakeAll(&messages);
  TakeAll(&messages, &stop);
  if (options_.flush_delay_ms <= 0) return !stop;
  const auto until =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(options_.flush_delay_ms);
  const auto full = [this] {
    return options_.group_max > 0 && group_.size() >= options_.group_max;
  };
  while (!stop && !full() && std::chrono::steady_clock::now() < until) {
    inbox_.TakeAll(&messages, until);
    TakeAll(&messages, &stop);
  }
  return !stop;
}

void LogThread::TakeAll(std::vector<Message>* messages, bool* stop) {
  for (Message& message : *messages) {
    if (auto* entries = std::get_if<std::vector<LogEntry>>(&message)) {
      std::move(entries->begin(), entries->end(), std::back_inserter(group_));
    } else if (auto* task = std::get_if<Task>(&message)) {
      tasks_.push_back(std::move(*task));
    } else {
      *stop = true;
    }
  }
}

bool LogThread::WriteGroup() {
  const std::span<const LogEntry> all(group_);
  const size_t step = options_.group_max > 0 ? options_.group_max : all.size();
  for (size_t done = 0; done < all.size(); done += step) {
    if (!WritePart(all.subspan(done, std::min(step, all.size() - done)))) return false;
  }
  return true;
}

bool LogThread::WritePart(std::span<const LogEntry> part) {
  Status written = writer_->Append(part);
  Result<SyncReport> synced = written ? writer_->Sync() : Result<SyncReport>(written.error());
  if (!synced) {
    LOG(ERROR) << "the transaction log failed, nothing is acknowledged from here on: "
               << synced.error().message;
    core_->Push(LogFailed{synced.error()});
    return false;
  }
  TellCore(Persisted{part.back().zxid}, part.size());
  const int64_t ms = synced->took.count() / 1000;
  metrics_->fsynctime.Record(ms);
  metrics_->sync_processor_batch_size.Record(static_cast<int64_t>(part.size()));
  if (ms > options_.fsync_warning_ms) {
    LOG(WARNING) << "fsync-ing the write ahead log in the log thread took " << ms
                 << "ms which will adversely affect operation latency. File size is "
                 << synced->file_bytes << " bytes";
  }
  txns_ += static_cast<int64_t>(part.size());
  return RollIfDue(*synced);
}

// A few transactions take less time to apply here than to wake the core's thread for.
void LogThread::TellCore(Persisted persisted, size_t txns) {
  if (txns > kFewTxns) return core_->Push(persisted);
  core_->PushQuietly(persisted);
  run_core_();
}

bool LogThread::RollIfDue(const SyncReport& synced) {
  if (synced.rolled) full_files_bytes_ += synced.file_bytes;
  const uint64_t bytes = full_files_bytes_ + writer_->file_bytes();
  const bool due = (options_.roll_after_txns > 0 && txns_ > txns_threshold_) ||
                   (options_.roll_after_bytes > 0 && bytes > bytes_threshold_);
  if (!due) return true;
  txns_ = 0;
  full_files_bytes_ = 0;
  DrawRollThresholds();
  if (const Status rolled = writer_->Roll(); !rolled) {
    core_->Push(LogFailed{rolled.error()});
    return false;
  }
  core_->Push(CheckpointDue{});
  return true;
}

// Between half of a limit and all of it, so that the servers of an ensemble are not busy at once.
void LogThread::DrawRollThresholds() {
  const auto txns_half = static_cast<uint64_t>(std::max<int64_t>(options_.roll_after_txns / 2, 1));
  const uint64_t bytes_half = std::max<uint64_t>(options_.roll_after_bytes / 2, 1);
  txns_threshold_ = static_cast<int64_t>(txns_half + random_() % txns_half);
  bytes_threshold_ = bytes_half + random_() % bytes_half;
}

}  // namespace lockkeeper
