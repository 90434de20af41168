#include "server/net/io_thread.h"

#include <glog/logging.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "protocol/limits.h"
#include "server/clock.h"
#include "server/net/connection.h"
#include "server/this_thread.h"

namespace lockkeeper {
namespace {

// Touches are reported this often: a fraction of a tick, so that expiry is hardly delayed.
std::chrono::milliseconds TouchInterval(const Config& config) {
  return std::chrono::milliseconds(std::clamp(config.tick_time_ms / 20, 5, 50));
}

constexpr std::chrono::seconds kIdleCheckInterval{1};

}  // namespace

IoThread::IoThread(uint32_t index, const ServerContext& context)
    : SessionHost(index, context.slot.tree->last_zxid(), &context.metrics),
      context_(context),
      loop_(1),
      socket_events_(&loop_, [this](const SocketEvent& event) { OnSocketEvent(event); }),
      read_buffer_(kReadChunkBytes),
      touch_timer_(loop_),
      idle_timer_(loop_) {
  // Connection numbers are unique in the process: the thread's index stands in the high bits.
  next_connection_ = (uint64_t{index} + 1) << 40;
  UpdateClock();
  previous_report_ = now();
}

IoThread::~IoThread() { CHECK(!thread_.joinable()) << "Stop was not called"; }

void IoThread::Start() {
  ScheduleTouchReport();
  ScheduleIdleCheck();
  socket_events_.Begin();
  thread_ = std::thread([this] {
    NameThisThread("io-" + std::to_string(index()));
    const auto work = boost::asio::make_work_guard(loop_);
    loop_.run();
  });
}

void IoThread::Stop() {
  if (!thread_.joinable()) return;
  Post([](IoThread& io) {
    io.Settle();
    while (!io.connections_.empty()) {
      const std::shared_ptr<Connection> connection = io.connections_.begin()->second;
      connection->Close();
    }
    io.loop_.stop();
  });
  thread_.join();
}

void IoThread::Enqueue(IoMessage message) {
  std::lock_guard lock(inbox_mutex_);
  inbox_.push_back(std::move(message));
}

void IoThread::Wake() {
  {
    std::lock_guard lock(inbox_mutex_);
    if (wake_posted_ || inbox_.empty()) return;
    wake_posted_ = true;
  }
  boost::asio::post(loop_, [this] {
    UpdateClock();
    Drain();
    Settle();
  });
}

void IoThread::WakeIfConcerned(const AppliedBatch& batch) {
  bool concerned = !batch.changes.empty() && has_watches_.load(std::memory_order_relaxed);
  for (const BatchItem& item : batch.items) {
    concerned = concerned || (item.to.id != 0 && item.to.io_thread == index());
  }
  if (!concerned) {
    std::lock_guard lock(inbox_mutex_);
    concerned = inbox_.size() > kQuietBatchesMax;
  }
  if (concerned) Wake();
}

void IoThread::UpdateClock() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  SetTime(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

void IoThread::Adopt(int socket, RemoteAddress address) {
  const uint64_t id = next_connection_++;
  auto connection = std::make_shared<Connection>(this, context_, socket, std::move(address),
                                                 ConnectionRef{index(), id});
  connections_.emplace(id, connection);
  connection_count_.store(connections_.size(), std::memory_order_relaxed);
  connection->Start(&socket_events_);
}

void IoThread::OnSocketEvent(const SocketEvent& event) {
  const auto found = connections_.find(event.key);
  if (found == connections_.end()) return;
  const std::shared_ptr<Connection> connection = found->second;
  UpdateClock();
  connection->OnEvent(event);
  Settle();
}

void IoThread::ReadLater(Connection* connection) {
  boost::asio::post(loop_, [this, connection = connection->shared_from_this()] {
    UpdateClock();
    connection->OnReadLater();
    Settle();
  });
}

void IoThread::Forget(Connection* connection) {
  watches().RemoveWatcher(connection->id());
  connections_.erase(connection->id());
  connection_count_.store(connections_.size(), std::memory_order_relaxed);
}

Connection* IoThread::FindConnection(uint64_t id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

const DataTree& IoThread::ReadTree() {
  if (!in_gate_) {
    Drain();
    context_.gate.EnterRead(index());
    in_gate_ = true;
    Drain();  // what came in between; nothing more can come while we are inside
  }
  return *context_.slot.tree;
}

void IoThread::CountRead(size_t reply_bytes) {
  bytes_in_gate_ += reply_bytes;
  // What is looked up already is read first, but a client cannot make that more.
  const size_t looked_up = found()->empty() ? 0 : ExpectedPaths::kMax;
  const bool enough = ++reads_in_gate_ >= kReadsPerGateMax + looked_up;
  if (enough || bytes_in_gate_ >= kReplyBytesPerGateMax) LeaveGate();
}

void IoThread::LeaveGate() {
  if (!in_gate_) return;
  ForgetFound();
  PublishWatching();
  in_gate_ = false;
  reads_in_gate_ = 0;
  bytes_in_gate_ = 0;
  context_.gate.LeaveRead(index());
}

void IoThread::Touch(SessionId session) {
  if (session.value != 0) touched_[session] = now();
}

void IoThread::MarkDirty(Connection* connection) {
  if (connection->dirty()) return;
  connection->set_dirty(true);
  dirty_.push_back(connection->shared_from_this());
}

void IoThread::Settle() {
  // Running one connection can deliver to others, through the inbox: until nothing is left.
  std::vector<std::shared_ptr<Connection>> turn;
  while (!dirty_.empty()) {
    turn.swap(dirty_);
    for (const auto& connection : turn) connection->set_dirty(false);
    for (const auto& connection : turn) connection->Run();
    LeaveGate();
    PublishWatching();  // before the reply to an addWatch can be seen
    for (const auto& connection : turn) connection->Settle();
    turn.clear();
  }
  LeaveGate();
  PublishWatching();
  if (std::exchange(core_has_work_, false)) context_.run_core();
}

void IoThread::Drain() {
  while (true) {
    std::vector<IoMessage> messages;
    {
      std::lock_guard lock(inbox_mutex_);
      wake_posted_ = false;
      if (inbox_.empty()) return;
      messages.swap(inbox_);
    }
    for (const IoMessage& message : messages) {
      std::visit([this](const auto& m) { Handle(m); }, message);
    }
  }
}

ClientSession* IoThread::Reach(uint64_t connection) {
  Connection* found = FindConnection(connection);
  if (found == nullptr) return nullptr;
  MarkDirty(found);
  return &found->session();
}

void IoThread::Handle(const SessionAttached& attached) {
  Connection* connection = FindConnection(attached.connection);
  if (connection == nullptr) return;
  connection->session().OnAttached(attached);
  MarkDirty(connection);
}

void IoThread::Handle(const CloseAllConnections&) {
  std::vector<std::shared_ptr<Connection>> speaking;
  for (const auto& [id, connection] : connections_) {
    if (connection->session().speaks()) speaking.push_back(connection);
  }
  for (const std::shared_ptr<Connection>& connection : speaking) connection->Close();
}

void IoThread::Handle(const CloseConnection& close) {
  const auto found = connections_.find(close.connection);
  if (found == connections_.end()) return;
  const std::shared_ptr<Connection> connection = found->second;
  connection->Close();
}

void IoThread::ScheduleTouchReport() {
  touch_timer_.expires_after(TouchInterval(context_.config));
  touch_timer_.async_wait([this](const boost::system::error_code& ec) {
    if (ec) return;
    UpdateClock();
    ReportTouches();
    Drain();  // batches that were not worth waking for
    Settle();
    ScheduleTouchReport();
  });
}

// Complete until the previous report: whatever had arrived on a socket by then has been read since.
void IoThread::ReportTouches() {
  TouchReport report{.io_thread = index(), .complete_until = previous_report_};
  report.touched.assign(touched_.begin(), touched_.end());
  touched_.clear();
  previous_report_ = now();
  context_.core.Push(std::move(report));
}

void IoThread::ScheduleIdleCheck() {
  idle_timer_.expires_after(kIdleCheckInterval);
  idle_timer_.async_wait([this](const boost::system::error_code& ec) {
    if (ec) return;
    UpdateClock();
    CloseSilentConnections();
    ScheduleIdleCheck();
  });
}

// A connection that never opened a session, and one whose client has been silent for longer than
// its session can have lived (client-protocol 10.5).
void IoThread::CloseSilentConnections() {
  std::vector<std::shared_ptr<Connection>> silent;
  for (const auto& [id, connection] : connections_) {
    const bool sessionless = !connection->session().has_session();
    const int64_t limit_ms = sessionless ? context_.config.sessionless_cnxn_timeout_ms
                                         : 2 * int64_t{connection->session().timeout_ms()} +
                                               2 * context_.config.tick_time_ms;
    if (now().value - connection->last_io().value <= limit_ms) continue;
    if (sessionless) context_.metrics.sessionless_connections_expired.Add(1);
    silent.push_back(connection);
  }
  for (const auto& connection : silent) connection->Close();
}

}  // namespace lockkeeper
