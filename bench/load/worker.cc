#include "bench/load/worker.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

namespace lockkeeper::load {
namespace {

using boost::system::error_code;

// Requests that are due within this time go out together.
constexpr std::chrono::microseconds kSendTick{100};

}  // namespace

void PhaseResult::Add(const PhaseResult& other) {
  latency_ns.Add(other.latency_ns);
  completed += other.completed;
  if (max_ns.size() < other.max_ns.size()) max_ns.resize(other.max_ns.size());
  for (size_t i = 0; i < other.max_ns.size(); ++i) {
    max_ns[i] = std::max(max_ns[i], other.max_ns[i]);
  }
  for (const auto& [code, count] : other.errors) errors[code] += count;
}

Worker::Worker(const LoadOptions& options, int connections, uint64_t seed)
    : options_(options), encoder_(options, seed) {
  ConnectionOwner* const owner = this;
  const auto is_delete = [](const MixPart& part) { return part.op == OpCode::kDelete; };
  const bool deletes =
      options.clean || std::any_of(options.mix.begin(), options.mix.end(), is_delete);
  for (int i = 0; i < connections; ++i) {
    connections_.push_back(std::make_unique<Connection>(io_, owner, &encoder_, deletes));
  }
  for (int k = 0; k < options.in_flight; ++k) {
    for (const auto& connection : connections_) free_.push_back(connection.get());
  }
}

Worker::~Worker() = default;

Status Worker::RunLoop() {
  io_.restart();
  io_.run();
  return failure_ ? Status(*failure_) : Status();
}

Status Worker::Connect(const std::vector<boost::asio::ip::tcp::endpoint>& servers) {
  for (size_t i = 0; i < connections_.size(); ++i) {
    connections_[i]->Connect(servers[i % servers.size()], options_.session_timeout_ms);
  }
  return RunLoop();
}

Result<PhaseResult> Worker::Run(Source* source, const PhaseRules& rules) {
  const TimePoint now = Clock::now();
  source_ = source;
  rules_ = rules;
  from_ = now + rules.skip;
  to_ = rules.window == Clock::duration::max() ? TimePoint::max() : from_ + rules.window;
  result_ = PhaseResult();
  source_->Begin(now);
  if (rules_.on_begin) {
    begin_timer_.expires_at(from_);
    begin_timer_.async_wait([this](const error_code& ec) {
      if (!ec) rules_.on_begin();
    });
  }
  // Inside the loop, because any of it may end the loop.
  boost::asio::post(io_, [this, now] {
    for (const auto& connection : connections_) connection->KeepAlive();
    ArmKeepAlive();
    Pump(now);
  });
  Status ran = RunLoop();
  source_ = nullptr;
  if (!ran) return ran.error();
  return std::move(result_);
}

Status Worker::DeleteMade() {
  deleting_ = true;
  boost::asio::post(io_, [this] {
    for (int k = 0; k < options_.in_flight; ++k) {
      for (const auto& connection : connections_) DeleteNext(connection.get());
    }
    FlushTouched();
    if (in_flight_ == 0) io_.stop();
  });
  Status deleted = RunLoop();
  deleting_ = false;
  return deleted;
}

void Worker::DeleteNext(Connection* connection) {
  if (connection->made() == 0) return;
  connection->Send({.op = OpCode::kDelete});
  ++in_flight_;
  if (touched_.empty() || touched_.back() != connection) touched_.push_back(connection);
}

Status Worker::Close() {
  boost::asio::post(io_, [this] {
    for (const auto& connection : connections_) connection->Close();
  });
  return RunLoop();
}

void Worker::OnReady(Session* /*session*/) {
  if (++ready_ == connections_.size()) io_.stop();
}

void Worker::OnClosed(Session* /*session*/) {
  if (++closed_ == connections_.size()) io_.stop();
}

void Worker::OnFailure(const std::string& what) {
  if (!failure_) failure_ = Error{Errc::kIo, what};
  io_.stop();
}

void Worker::OnReply(Connection* connection, const Operation& operation, int32_t error,
                     TimePoint now) {
  --in_flight_;
  if (deleting_) {
    if (error != 0) return OnFailure("a delete in the end: error " + std::to_string(error));
    return DeleteNext(connection);
  }
  free_.push_back(connection);
  if (error == 0 || error == rules_.accepted_error) return Record(operation, now);
  ++result_.errors[error];
}

void Worker::Record(const Operation& operation, TimePoint now) {
  if (now >= from_ && now < to_) ++result_.completed;
  if (operation.intended < from_ || operation.intended >= to_) return;
  const auto took = static_cast<uint64_t>((now - operation.intended).count());
  result_.latency_ns.Record(took);
  const auto second = static_cast<size_t>((operation.intended - from_) / std::chrono::seconds(1));
  if (second >= result_.max_ns.size()) result_.max_ns.resize(second + 1);
  result_.max_ns[second] = std::max(result_.max_ns[second], took);
}

void Worker::OnRepliesDone(TimePoint now) {
  if (source_ != nullptr) return Pump(now);
  if (!deleting_) return;
  FlushTouched();
  if (in_flight_ == 0) io_.stop();
}

void Worker::Pump(TimePoint now) {
  while (!free_.empty()) {
    const std::optional<Operation> operation = source_->Take(now);
    if (!operation) break;
    Connection* const connection = free_.front();
    free_.pop_front();
    connection->Send(*operation);
    ++in_flight_;
    if (touched_.empty() || touched_.back() != connection) touched_.push_back(connection);
  }
  FlushTouched();
  if (in_flight_ == 0 && source_->Done(now)) return io_.stop();
  if (!free_.empty()) ArmSendTimer(now);
}

void Worker::FlushTouched() {
  for (Connection* connection : touched_) connection->Flush();
  touched_.clear();
}

void Worker::ArmSendTimer(TimePoint now) {
  std::optional<TimePoint> due = source_->NextDue();
  if (!due) return;
  due = std::max(*due, now + kSendTick);
  if (send_armed_ && *send_armed_ <= *due) return;
  send_armed_ = due;
  send_timer_.expires_at(*due);
  send_timer_.async_wait([this](const error_code& ec) {
    if (ec) return;
    send_armed_.reset();
    if (source_ != nullptr) Pump(Clock::now());
  });
}

void Worker::ArmKeepAlive() {
  if (std::exchange(keep_alive_armed_, true)) return;
  keep_alive_timer_.expires_after(
      std::chrono::milliseconds(connections_.front()->session_timeout_ms() / 3));
  keep_alive_timer_.async_wait([this](const error_code& ec) {
    keep_alive_armed_ = false;
    if (ec) return;
    for (const auto& connection : connections_) connection->KeepAlive();
    ArmKeepAlive();
  });
}

}  // namespace lockkeeper::load
