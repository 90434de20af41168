// The thread that owns the transaction log: it takes everything that waits, writes it, syncs once
// for all of it, and tells the core (group commit).
#ifndef LOCKKEEPER_SERVER_PIPELINE_LOG_THREAD_H_
#define LOCKKEEPER_SERVER_PIPELINE_LOG_THREAD_H_

#include <functional>
#include <memory>
#include <random>
#include <thread>
#include <variant>
#include <vector>

#include "server/admin/metrics.h"
#include "server/pipeline/inbox.h"
#include "server/pipeline/messages.h"
#include "server/storage/txn_log_writer.h"
#include "zab/log_entry.h"

namespace lockkeeper {

struct LogThreadOptions {
  int64_t flush_delay_ms = 0;  // hold a group back for more; 0: never
  size_t group_max = 1000;     // records in one sync; 0: no limit
  // A new file, and a checkpoint, after half of each to all of it, at random; 0: no such limit.
  int64_t roll_after_txns = 0;
  uint64_t roll_after_bytes = 0;  // of log files with their padding
  int64_t fsync_warning_ms = 1000;
};

// An I/O error ends the thread's work: it reports LogFailed and acknowledges nothing more.
class LogThread {
 public:
  // `run_core`: CoreLoop::RunHereOrWake.
  LogThread(std::unique_ptr<TxnLogWriter> writer, const LogThreadOptions& options,
            Inbox<CoreMessage>* core, Metrics* metrics, std::function<void()> run_core);
  ~LogThread();

  void Start();
  // Any thread. Entries must come in zxid order.
  void Append(std::vector<LogEntry> entries);
  // Any thread but its own: what `task` does with the log when everything appended before is on
  // disk. Returns when it is done.
  void Run(const std::function<void(TxnLogWriter*)>& task);
  // Writes what was appended before, then ends the thread.
  void Stop();

 private:
  struct StopLog {};
  using Task = std::function<void()>;
  using Message = std::variant<std::vector<LogEntry>, Task, StopLog>;

  void Run();
  // Collects into `group_` and `tasks_`; false after StopLog.
  bool Gather();
  void TakeAll(std::vector<Message>* messages, bool* stop);
  bool WriteGroup();
  void TellCore(Persisted persisted, size_t txns);
  bool WritePart(std::span<const LogEntry> part);
  bool RollIfDue(const SyncReport& synced);
  void DrawRollThresholds();

  const std::unique_ptr<TxnLogWriter> writer_;
  const LogThreadOptions options_;
  Inbox<CoreMessage>* const core_;
  const std::function<void()> run_core_;
  Metrics* const metrics_;
  Inbox<Message> inbox_;
  // Below: owned by the thread.
  std::vector<LogEntry> group_;
  std::vector<Task> tasks_;
  std::mt19937_64 random_;
  // Since the last checkpoint became due.
  int64_t txns_ = 0;
  uint64_t full_files_bytes_ = 0;
  int64_t txns_threshold_ = 0;
  uint64_t bytes_threshold_ = 0;
  bool failed_ = false;
  std::thread thread_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PIPELINE_LOG_THREAD_H_
