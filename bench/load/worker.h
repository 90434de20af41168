// One thread of the load tool: its connections, and the phases that it runs with them.
#ifndef LOCKKEEPER_BENCH_LOAD_WORKER_H_
#define LOCKKEEPER_BENCH_LOAD_WORKER_H_

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/load/connection.h"
#include "bench/load/histogram.h"
#include "bench/load/options.h"
#include "bench/load/workload.h"
#include "protocol/result.h"

namespace lockkeeper::load {

// What one phase found.
struct PhaseResult {
  Histogram latency_ns;                // of operations intended inside the window
  uint64_t completed = 0;              // replies without error inside the window
  std::vector<uint64_t> max_ns;        // the worst of each second of the window
  std::map<int32_t, uint64_t> errors;  // by the server's code, in the whole phase
  void Add(const PhaseResult& other);
};

// Which part of a phase counts, and which error is none.
struct PhaseRules {
  Clock::duration skip{0};  // from its beginning
  Clock::duration window = Clock::duration::max();
  std::optional<int32_t> accepted_error;
  std::function<void()> on_begin;  // of the part that counts; on the worker's thread
};

// Threads: each call on one thread at a time; it returns when it is done.
class Worker final : private ConnectionOwner {
 public:
  Worker(const LoadOptions& options, int connections, uint64_t seed);
  ~Worker() override;

  Status Connect(const std::vector<boost::asio::ip::tcp::endpoint>& servers);
  // Runs until the source is done and every reply is there.
  Result<PhaseResult> Run(Source* source, const PhaseRules& rules);
  // Deletes what the sessions made. REQUIRES: --clean, and no Run any more.
  Status DeleteMade();
  // Ends the sessions.
  Status Close();

 private:
  void OnReady(Session* session) override;
  void OnReply(Connection* connection, const Operation& operation, int32_t error,
               TimePoint now) override;
  void OnRepliesDone(TimePoint now) override;
  void OnClosed(Session* session) override;
  void OnFailure(const std::string& what) override;

  Status RunLoop();
  // Sends what is due and finds a free place; ends the phase when nothing is left.
  void Pump(TimePoint now);
  void FlushTouched();
  void DeleteNext(Connection* connection);
  void ArmSendTimer(TimePoint now);
  void ArmKeepAlive();
  void Record(const Operation& operation, TimePoint now);

  const LoadOptions& options_;
  boost::asio::io_context io_{1};
  boost::asio::steady_timer send_timer_{io_};
  boost::asio::steady_timer keep_alive_timer_{io_};
  boost::asio::steady_timer begin_timer_{io_};
  RequestEncoder encoder_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::deque<Connection*> free_;  // one entry for each request that may still be sent
  std::vector<Connection*> touched_;
  size_t in_flight_ = 0;
  size_t ready_ = 0;
  size_t closed_ = 0;
  std::optional<TimePoint> send_armed_;
  bool keep_alive_armed_ = false;
  bool deleting_ = false;

  Source* source_ = nullptr;
  PhaseRules rules_;
  TimePoint from_;
  TimePoint to_;
  PhaseResult result_;
  std::optional<Error> failure_;
};

}  // namespace lockkeeper::load

#endif  // LOCKKEEPER_BENCH_LOAD_WORKER_H_
