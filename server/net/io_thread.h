// One I/O thread: its event loop, its connections, and the watches of those connections. It runs
// reads itself, inside its gate.
#ifndef LOCKKEEPER_SERVER_NET_IO_THREAD_H_
#define LOCKKEEPER_SERVER_NET_IO_THREAD_H_

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "protocol/types.h"
#include "server/net/remote_address.h"
#include "server/net/server_context.h"
#include "server/net/socket_events.h"
#include "server/pipeline/messages.h"
#include "server/session/session_host.h"

namespace lockkeeper {

class Connection;

// The rule that keeps events and replies in order (client-protocol 9.9): once inside the gate the
// thread empties its inbox before it reads, and the reply is encoded before it leaves. So an event
// goes out before any reply that shows the newer data, and after the reply that registered its
// watch.
class IoThread final : public SessionHost {
 public:
  IoThread(uint32_t index, const ServerContext& context);
  ~IoThread() override;

  // --- any thread
  void Start();
  void Stop();  // closes every connection and ends the thread
  // Puts a message into the inbox; Wake makes sure that it is looked at.
  void Enqueue(IoMessage message);
  void Wake();
  // After a batch was enqueued: wakes the thread if the batch has something for it.
  void WakeIfConcerned(const AppliedBatch& batch);
  void Post(IoTask task) {
    Enqueue(std::move(task));
    Wake();
  }
  size_t connection_count() const { return connection_count_.load(std::memory_order_relaxed); }
  boost::asio::io_context& executor() { return loop_; }

  // --- own thread only
  // Takes over an accepted socket, which the limiter has admitted.
  void Adopt(int socket, RemoteAddress address);
  // Enters the gate if it is not entered yet, with an empty inbox; LeaveGate ends it.
  const DataTree& ReadTree() override;
  void CatchUp() override {
    if (!in_gate_) Drain();
  }
  void CountRead(size_t reply_bytes) override;
  void Touch(SessionId session) override;
  void CoreHasWork() override { core_has_work_ = true; }
  void UpdateClock();
  // The connection has something to run, send or close: it is looked at before the thread waits.
  void MarkDirty(Connection* connection);
  // It has more to read, but others come first: then OnReadLater is called.
  void ReadLater(Connection* connection);
  // Ends the turn of one handler: runs parked reads, leaves the gate, sends, and lets the core run.
  void Settle();
  // Removes a closed connection.
  void Forget(Connection* connection);
  // Of a read system call; its content is valid until the next one.
  std::vector<char>& read_buffer() { return read_buffer_; }
  const std::unordered_map<uint64_t, std::shared_ptr<Connection>>& connections() const {
    return connections_;
  }
  Connection* FindConnection(uint64_t id);

 private:
  void Drain();
  ClientSession* Reach(uint64_t connection) override;
  void Handle(const AppliedBatchRef& batch) { Deliver(*batch); }
  void Handle(const SessionAttached& attached);
  void Handle(const CloseConnection& close);
  void Handle(const CloseAllConnections&);
  void Handle(const IoTask& task) { task(*this); }
  void OnSocketEvent(const SocketEvent& event);
  void LeaveGate();
  // The core decides by it whether a change is worth waking this thread for.
  void PublishWatching() { has_watches_.store(!watches().empty(), std::memory_order_seq_cst); }
  void ScheduleTouchReport();
  void ReportTouches();
  void ScheduleIdleCheck();
  void CloseSilentConnections();

  const ServerContext& context_;
  boost::asio::io_context loop_;
  SocketEvents socket_events_;
  std::atomic<size_t> connection_count_{0};
  std::atomic<bool> has_watches_{false};

  std::mutex inbox_mutex_;
  std::vector<IoMessage> inbox_;  // guarded by inbox_mutex_
  bool wake_posted_ = false;      // guarded by inbox_mutex_

  // Below: owned by the thread.
  std::unordered_map<uint64_t, std::shared_ptr<Connection>> connections_;
  uint64_t next_connection_ = 1;
  std::vector<std::shared_ptr<Connection>> dirty_;
  std::vector<char> read_buffer_;
  bool in_gate_ = false;
  bool core_has_work_ = false;
  size_t reads_in_gate_ = 0;
  size_t bytes_in_gate_ = 0;
  boost::asio::steady_timer touch_timer_;
  boost::asio::steady_timer idle_timer_;
  std::unordered_map<SessionId, MonoMs> touched_;
  MonoMs previous_report_;
  std::thread thread_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_NET_IO_THREAD_H_
