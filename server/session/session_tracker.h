// Which sessions live, when each expires, and which connection has it (client-protocol 10.1, 10.2).
#ifndef LOCKKEEPER_SERVER_SESSION_SESSION_TRACKER_H_
#define LOCKKEEPER_SERVER_SESSION_SESSION_TRACKER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "protocol/types.h"

namespace lockkeeper {

// A client connection: the I/O thread that owns it and its number, unique in the process. 0: none.
struct ConnectionRef {
  uint32_t io_thread = 0;
  uint64_t id = 0;
  friend bool operator==(const ConnectionRef&, const ConnectionRef&) = default;
};

// Sessions by deadline, rounded up to the next tick: a tick costs one bucket, not one look at every
// session. Deadlines: (floor((t + timeout) / tick) + 1) * tick.
// Threads: owned by the core thread.
class SessionTracker {
 public:
  // REQUIRES: tick_ms > 0.
  explicit SessionTracker(int64_t tick_ms) : tick_ms_(tick_ms) {}
  void Clear() {
    sessions_.clear();
    buckets_.clear();
  }

  // Starts tracking, or starts again; also for a session known from the log. One that is closing
  // stays so: a leader tracks a session before its first transaction is committed.
  void Add(SessionId session, int32_t timeout_ms, ConnectionRef owner, MonoMs now);
  // Known and not closing?
  bool IsLive(SessionId session) const;
  // Moves the deadline to `at` + timeout, never backwards. Unknown and closing sessions: nothing.
  void Touch(SessionId session, MonoMs at);
  // A new connection takes the session over. Returns the one that had it.
  // REQUIRES: IsLive(session).
  ConnectionRef Attach(SessionId session, int32_t timeout_ms, ConnectionRef owner, MonoMs now);
  // The connection is gone; the session goes on until its deadline.
  void Detach(SessionId session, ConnectionRef connection);
  // From now on touches do nothing and requests are dropped.
  void MarkClosing(SessionId session);
  void Remove(SessionId session);
  ConnectionRef OwnerOf(SessionId session) const;

  // Sessions whose deadline is not after `now`, ascending; each is marked closing.
  std::vector<SessionId> PopExpired(MonoMs now);
  // The earliest deadline.
  std::optional<MonoMs> NextDeadline() const;

  size_t size() const { return sessions_.size(); }
  // Deadline -> sessions, for `dump`.
  const std::map<MonoMs, std::set<SessionId>>& buckets() const { return buckets_; }

 private:
  struct Session {
    int32_t timeout_ms = 0;
    MonoMs deadline;
    bool closing = false;
    ConnectionRef owner;
  };
  void Schedule(SessionId session, Session* state, MonoMs deadline);
  void Unschedule(SessionId session, const Session& state);
  MonoMs DeadlineFor(MonoMs at, int32_t timeout_ms) const;

  const int64_t tick_ms_;
  std::unordered_map<SessionId, Session> sessions_;
  std::map<MonoMs, std::set<SessionId>> buckets_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_SESSION_SESSION_TRACKER_H_
