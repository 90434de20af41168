#include "server/session/session_tracker.h"

#include <glog/logging.h>

#include <utility>

namespace lockkeeper {

MonoMs SessionTracker::DeadlineFor(MonoMs at, int32_t timeout_ms) const {
  return MonoMs{((at.value + timeout_ms) / tick_ms_ + 1) * tick_ms_};
}

void SessionTracker::Schedule(SessionId session, Session* state, MonoMs deadline) {
  state->deadline = deadline;
  buckets_[deadline].insert(session);
}

void SessionTracker::Unschedule(SessionId session, const Session& state) {
  const auto bucket = buckets_.find(state.deadline);
  if (bucket == buckets_.end()) return;
  bucket->second.erase(session);
  if (bucket->second.empty()) buckets_.erase(bucket);
}

void SessionTracker::Add(SessionId session, int32_t timeout_ms, ConnectionRef owner, MonoMs now) {
  const auto known = sessions_.find(session);
  if (known != sessions_.end() && known->second.closing) {
    known->second.owner = owner;
    return;
  }
  Remove(session);
  Session& state = sessions_[session];
  state.timeout_ms = timeout_ms;
  state.owner = owner;
  Schedule(session, &state, DeadlineFor(now, timeout_ms));
}

bool SessionTracker::IsLive(SessionId session) const {
  const auto found = sessions_.find(session);
  return found != sessions_.end() && !found->second.closing;
}

void SessionTracker::Touch(SessionId session, MonoMs at) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end() || found->second.closing) return;
  Session& state = found->second;
  const MonoMs deadline = DeadlineFor(at, state.timeout_ms);
  if (deadline <= state.deadline) return;
  Unschedule(session, state);
  Schedule(session, &state, deadline);
}

ConnectionRef SessionTracker::Attach(SessionId session, int32_t timeout_ms, ConnectionRef owner,
                                     MonoMs now) {
  const auto found = sessions_.find(session);
  CHECK(found != sessions_.end() && !found->second.closing);
  Session& state = found->second;
  state.timeout_ms = timeout_ms;
  Unschedule(session, state);
  Schedule(session, &state, DeadlineFor(now, timeout_ms));
  return std::exchange(state.owner, owner);
}

void SessionTracker::Detach(SessionId session, ConnectionRef connection) {
  const auto found = sessions_.find(session);
  if (found != sessions_.end() && found->second.owner == connection) found->second.owner = {};
}

void SessionTracker::MarkClosing(SessionId session) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  found->second.closing = true;
  Unschedule(session, found->second);
}

void SessionTracker::Remove(SessionId session) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  Unschedule(session, found->second);
  sessions_.erase(found);
}

ConnectionRef SessionTracker::OwnerOf(SessionId session) const {
  const auto found = sessions_.find(session);
  return found == sessions_.end() ? ConnectionRef{} : found->second.owner;
}

std::vector<SessionId> SessionTracker::PopExpired(MonoMs now) {
  std::vector<SessionId> expired;
  while (!buckets_.empty() && buckets_.begin()->first <= now) {
    const std::set<SessionId> sessions = std::move(buckets_.begin()->second);
    buckets_.erase(buckets_.begin());
    for (SessionId session : sessions) {
      sessions_[session].closing = true;
      expired.push_back(session);
    }
  }
  return expired;
}

std::optional<MonoMs> SessionTracker::NextDeadline() const {
  if (buckets_.empty()) return std::nullopt;
  return buckets_.begin()->first;
}

}  // namespace lockkeeper
