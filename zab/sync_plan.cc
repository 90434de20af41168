#include "zab/sync_plan.h"

namespace lockkeeper::zab {
namespace {

using Kind = SyncPlan::Kind;

// The beginning of an epoch, of which there is no transaction.
bool IsEpochStart(Zxid zxid) { return CounterOf(zxid) == 0; }

// The walk of 3.3 over ascending `entries`, the last of which is the newest committed one.
template <class Entries>
SyncPlan Walk(const Entries& entries, Zxid peer, Zxid leader) {
  const Zxid newest = entries.back().zxid;
  std::optional<Zxid> previous;
  auto from = entries.begin();
  while (from != entries.end() && from->zxid < peer) previous = (from++)->zxid;
  if (from == entries.end()) {
    return IsEpochStart(peer) ? SyncPlan{Kind::kDiff, newest} : SyncPlan{Kind::kSnapshot, leader};
  }
  if (from->zxid == peer) return {Kind::kDiff, newest, {from + 1, entries.end()}};
  if (IsEpochStart(peer)) return {Kind::kDiff, newest, {from, entries.end()}};
  // The learner has an entry that this history lacks. It can be cut back only inside an epoch.
  if (EpochOf(from->zxid) != EpochOf(peer) || !previous) return {Kind::kSnapshot, leader};
  return {Kind::kTruncate, *previous, {from, entries.end()}};
}

}  // namespace

SyncPlan PlanSync(const SyncSituation& s) {
  if (s.force_snapshot) return {Kind::kSnapshot, s.leader};
  if (s.peer == s.leader) return {Kind::kDiff, s.peer};
  const Zxid newest = s.committed.empty() ? s.leader : s.committed.newest();
  const Zxid oldest = s.committed.empty() ? s.leader : s.committed.oldest();
  if (s.peer > newest && !IsEpochStart(s.peer)) return {Kind::kTruncate, newest};
  if (s.committed.empty()) return {Kind::kSnapshot, s.leader};
  if (oldest <= s.peer && s.peer <= newest) return Walk(s.committed.entries(), s.peer, s.leader);
  if (s.peer < oldest && s.may_read_log) return {Kind::kNeedsLog, s.peer};
  return {Kind::kSnapshot, s.leader};
}

SyncPlan PlanWithLog(const SyncSituation& s, std::span<const LogEntry> logged) {
  SyncPlan snapshot{Kind::kSnapshot, s.leader};
  if (logged.empty() || s.committed.empty() || logged.front().zxid > s.peer) return snapshot;
  const Zxid oldest = s.committed.oldest();
  std::vector<LogEntry> all;
  for (const LogEntry& entry : logged) {
    if (!all.empty() && !Follows(all.back().zxid, entry.zxid)) return snapshot;
    if (entry.zxid < oldest) all.push_back(entry);
  }
  // What joins the files to memory must be in both, or there may be a hole between them.
  if (logged.back().zxid < oldest) return snapshot;
  all.insert(all.end(), s.committed.entries().begin(), s.committed.entries().end());
  return Walk(all, s.peer, s.leader);
}

}  // namespace lockkeeper::zab
