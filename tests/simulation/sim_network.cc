#include "tests/simulation/sim_network.h"

#include <algorithm>

namespace lockkeeper::simulation {
namespace {

constexpr int kTries = 5;
constexpr int64_t kTryAgainMs = 100;
constexpr int64_t kLookAgainMs = 50;  // whether a cut has been healed

}  // namespace

// ---- The election port: one message waits in each direction, a newer one takes its place.

void SimNetwork::Notify(PeerId from, PeerId to, const Notification& n) {
  outbox_[{from, to}] = n;
  if (!on_the_way_.insert({from, to}).second) return;
  events_.After(Delay(), [this, from, to] { DeliverNotification(from, to); });
}

void SimNetwork::DeliverNotification(PeerId from, PeerId to) {
  NetworkUser* user = users_.at(to);
  if (IsCut(from, to) || !user->Up()) {
    events_.After(kLookAgainMs, [this, from, to] { DeliverNotification(from, to); });
    return;
  }
  on_the_way_.erase({from, to});
  const Notification n = outbox_.at({from, to});
  user->HearNotification(from, n);
  // The last message is repeated after a reconnection.
  if (dice_.OneIn(20))
    events_.After(Delay(), [this, from, to, n] {
      if (users_.at(to)->Up()) users_.at(to)->HearNotification(from, n);
    });
}

// ---- Connections to a leader.

uint64_t SimNetwork::Connect(PeerId learner, PeerId leader) {
  const uint64_t conn = next_conn_++;
  conns_[conn] = {.learner = learner, .leader = leader};
  events_.After(Delay(), [this, conn] { Try(conn, 1); });
  return conn;
}

void SimNetwork::Try(uint64_t conn, int tries) {
  const auto found = conns_.find(conn);
  if (found == conns_.end()) return;
  Connection& c = found->second;
  NetworkUser* leader = users_.at(c.leader);
  if (leader->Up() && leader->AcceptsLearners() && !IsCut(c.learner, c.leader) &&
      !IsCut(c.leader, c.learner)) {
    c.open = true;
    leader->LearnerConnected(conn);
    if (conns_.contains(conn)) users_.at(c.learner)->LeaderConnected(conn);
  } else if (tries < kTries) {
    events_.After(kTryAgainMs, [this, conn, tries] { Try(conn, tries + 1); });
  } else {
    Break(conn, std::nullopt);
  }
}

void SimNetwork::Send(uint64_t conn, bool to_leader, Parcel parcel) {
  const auto found = conns_.find(conn);
  if (found == conns_.end() || !found->second.open) return;
  Direction& direction = to_leader ? found->second.to_leader : found->second.to_learner;
  direction.queue.push_back(std::move(parcel));
  Plan(conn, to_leader);
}

void SimNetwork::Plan(uint64_t conn, bool to_leader) {
  Connection& c = conns_.at(conn);
  Direction& direction = to_leader ? c.to_leader : c.to_learner;
  direction.last_arrival = std::max(direction.last_arrival, events_.now() + Delay());
  events_.At(direction.last_arrival, [this, conn, to_leader] { Deliver(conn, to_leader); });
}

void SimNetwork::Deliver(uint64_t conn, bool to_leader) {
  const auto found = conns_.find(conn);
  if (found == conns_.end()) return;
  Connection& c = found->second;
  Direction& direction = to_leader ? c.to_leader : c.to_learner;
  if (direction.queue.empty()) return;
  const PeerId from = to_leader ? c.learner : c.leader;
  const PeerId to = to_leader ? c.leader : c.learner;
  if (IsCut(from, to)) {
    direction.last_arrival = std::max(direction.last_arrival, events_.now() + kLookAgainMs);
    events_.At(direction.last_arrival, [this, conn, to_leader] { Deliver(conn, to_leader); });
    return;
  }
  Parcel parcel = std::move(direction.queue.front());
  direction.queue.pop_front();
  if (to_leader) {
    users_.at(to)->LearnerParcel(conn, parcel);
  } else {
    users_.at(to)->LeaderParcel(conn, parcel);
  }
}

void SimNetwork::Break(uint64_t conn, std::optional<PeerId> by) {
  const auto found = conns_.find(conn);
  if (found == conns_.end()) return;
  const Connection c = std::move(found->second);
  conns_.erase(found);
  // The other side hears of it later, however it ended.
  if (c.open && by != c.leader) {
    events_.After(Delay(), [this, conn, c] { users_.at(c.leader)->LearnerLost(conn); });
  }
  if (by != c.learner) {
    events_.After(Delay(), [this, conn, c] { users_.at(c.learner)->LeaderLost(conn); });
  }
}

void SimNetwork::Close(uint64_t conn, PeerId by) { Break(conn, by); }

void SimNetwork::Drop(PeerId member) {
  std::vector<uint64_t> broken;
  for (const auto& [id, c] : conns_) {
    if (c.learner == member || c.leader == member) broken.push_back(id);
  }
  for (const uint64_t id : broken) Break(id, member);
}

bool SimNetwork::BreakOne() {
  if (conns_.empty()) return false;
  Break(std::next(conns_.begin(), static_cast<std::ptrdiff_t>(dice_.Below(conns_.size())))->first,
        std::nullopt);
  return true;
}

}  // namespace lockkeeper::simulation
