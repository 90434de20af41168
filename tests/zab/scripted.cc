#include "tests/zab/scripted.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace lockkeeper::zab {
namespace {

std::string Number(int64_t number) { return std::to_string(number); }
std::string Who(PeerId peer) {
  return peer.value == INT64_MIN ? std::string("nobody") : Number(peer.value);
}

std::string Name(Type type) {
  static const char* const kNames[] = {
      "?",         "REQUEST",      "PROPOSAL",   "ACK",     "COMMIT",
      "PING",      "REVALIDATE",   "SYNC",       "INFORM",  "?",
      "NEWLEADER", "FOLLOWERINFO", "UPTODATE",   "DIFF",    "TRUNC",
      "SNAP",      "OBSERVERINFO", "LEADERINFO", "ACKEPOCH"};
  const auto number = static_cast<size_t>(type);
  return number < std::size(kNames) ? kNames[number] : Number(static_cast<int64_t>(number));
}

std::string Name(ServerState state) {
  static const char* const kNames[] = {"LOOKING", "FOLLOWING", "LEADING", "OBSERVING"};
  return kNames[static_cast<size_t>(state)];
}

std::string Name(Role role) {
  static const char* const kNames[] = {"leader", "follower", "observer"};
  return kNames[static_cast<size_t>(role)];
}

std::string Described(const LogEntry& entry) {
  const std::string zxid = Text(entry.zxid);
  const std::string& payload = *entry.payload;
  return payload == "txn " + zxid ? zxid : zxid + " with payload '" + payload + "'";
}

std::string Described(const QuorumPacket& packet) {
  const std::string text = Name(packet.type) + " ";
  switch (packet.type) {
    case Type::kProposal:
    case Type::kInform:
      return text + Described(LogEntry{packet.zxid, packet.data});
    case Type::kAckEpoch:
    case Type::kLeaderInfo:
      return text + Text(packet.zxid) + " int " + Number(DecodeInt(packet.data).value());
    case Type::kNewLeader:
      return text + Text(packet.zxid) + " '" + *packet.data + "'";
    default:
      return text + Text(packet.zxid);
  }
}

struct Describe {
  std::string operator()(const SendNotification& a) const {
    const Notification& n = a.notification;
    return "notify " + Who(a.to) + ": " + Name(n.state) + " for " + Who(n.vote.leader) + " at " +
           (n.vote.zxid.value == INT64_MIN ? "nothing" : Text(n.vote.zxid)) + " epoch " +
           (n.vote.peer_epoch == INT64_MIN ? "none" : Number(n.vote.peer_epoch)) + " round " +
           Number(n.round);
  }
  std::string operator()(const ConnectToLeader& a) const { return "connect to " + Who(a.leader); }
  std::string operator()(const DisconnectLeader&) const { return "leave the leader"; }
  std::string operator()(const SendToLeader& a) const {
    return "to leader: " + Described(a.packet);
  }
  std::string operator()(const AnswerPing& a) const { return "answer PING " + Text(a.zxid); }
  std::string operator()(const LeaderAnswer& a) const {
    return "leader answers " + Described(a.packet);
  }
  std::string operator()(const OpenLearnerPort&) const { return "open port"; }
  std::string operator()(const CloseLearnerPort&) const { return "close port"; }
  std::string operator()(const SendToLearner& a) const {
    return "to " + Number(static_cast<int64_t>(a.to)) + ": " + Described(a.packet);
  }
  std::string operator()(const SendSnapshot& a) const {
    return "to " + Number(static_cast<int64_t>(a.to)) + ": SNAP " + Text(a.zxid);
  }
  std::string operator()(const CloseLearner& a) const {
    return "close " + Number(static_cast<int64_t>(a.id)) + ": " + a.why;
  }
  std::string operator()(const FetchLog& a) const {
    return "fetch log " + Text(a.from) + " to " + Text(a.upto) + " for " +
           Number(static_cast<int64_t>(a.for_learner));
  }
  std::string operator()(const LearnerMessage& a) const {
    return "from " + Number(static_cast<int64_t>(a.from)) + ": " + Described(a.packet);
  }
  std::string operator()(const Append& a) const { return "log " + Described(a.entry); }
  std::string operator()(const WriteAcceptedEpoch& a) const {
    return "accepted epoch " + Number(a.epoch);
  }
  std::string operator()(const WriteCurrentEpoch& a) const {
    return "current epoch " + Number(a.epoch);
  }
  std::string operator()(const Truncate& a) const { return "cut at " + Text(a.upto); }
  std::string operator()(const InstallSnapshot& a) const {
    return "install snapshot " + Text(a.zxid);
  }
  std::string operator()(const DiscardSnapshot&) const { return "drop snapshot"; }
  std::string operator()(const Deliver& a) const { return "apply " + Described(a.entry); }
  std::string operator()(const StartServing& a) const {
    return "serve as " + Name(a.role) + " under " + Who(a.leader) + " epoch " + Number(a.epoch) +
           " at " + Text(a.last);
  }
  std::string operator()(const StopServing&) const { return "stop serving"; }
  std::string operator()(const FastForward& a) const {
    return "fast-forward " + Described(a.entry);
  }
};

}  // namespace

// ---- Text.

std::string Text(Zxid zxid) {
  if (zxid == Zxid{-1}) return "-1";
  return Number(EpochOf(zxid)) + ":" + Number(zxid.value & 0xFFFF'FFFF);
}

std::string Text(const Action& action) { return std::visit(Describe{}, action); }

Lines Texts(const Actions& actions) {
  Lines lines;
  for (const Action& action : actions) lines.push_back(Text(action));
  return lines;
}

Lines Only(const Lines& lines, const std::string& prefix) {
  Lines chosen;
  std::copy_if(lines.begin(), lines.end(), std::back_inserter(chosen),
               [&](const std::string& line) { return line.starts_with(prefix); });
  return chosen;
}

bool Has(const Lines& lines, const std::string& line) {
  return std::find(lines.begin(), lines.end(), line) != lines.end();
}

Lines operator+(Lines a, const Lines& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Lines InOrder(std::initializer_list<Lines> parts) {
  Lines all;
  for (const Lines& part : parts) all = all + part;
  return all;
}

// ---- Entries.

LogEntry EntryAt(Zxid zxid) {
  return {zxid, std::make_shared<const std::string>("txn " + Text(zxid))};
}

std::vector<LogEntry> EntriesOf(int64_t epoch, int64_t first, int64_t last) {
  std::vector<LogEntry> entries;
  for (int64_t counter = first; counter <= last; ++counter) {
    entries.push_back(EntryAt(Z(epoch, counter)));
  }
  return entries;
}

std::vector<Zxid> ZxidsOf(const std::vector<LogEntry>& entries) {
  std::vector<Zxid> zxids;
  for (const LogEntry& entry : entries) zxids.push_back(entry.zxid);
  return zxids;
}

// ---- What other members say.

Notification Looking(int64_t leader, Zxid zxid, int64_t epoch, int64_t round) {
  return Established(ServerState::kLooking, leader, zxid, epoch, round);
}

Notification Established(ServerState state, int64_t leader, Zxid zxid, int64_t epoch, int64_t round,
                         int32_t version) {
  return {.state = state,
          .vote = {PeerId{leader}, zxid, epoch},
          .round = round,
          .version = version,
          .config = ""};
}

QuorumPacket Packet(Type type, Zxid zxid) {
  if (type != Type::kProposal && type != Type::kInform) return {type, zxid};
  return {type, zxid, EntryAt(zxid).payload};
}

QuorumPacket LeaderInfo(int64_t epoch) {
  return {Type::kLeaderInfo, Z(epoch, 0), EncodeInt(kLearnerProtocolVersion)};
}

QuorumPacket NewLeader(int64_t epoch) {
  return {Type::kNewLeader, Z(epoch, 0), std::make_shared<const std::string>("config")};
}

QuorumPacket Info(Type type, int64_t sid, int64_t accepted_epoch, int64_t config_version) {
  return {type, Z(accepted_epoch, 0),
          EncodeLearnerInfo({PeerId{sid}, kLearnerProtocolVersion, config_version})};
}

QuorumPacket AckEpoch(Zxid last, int32_t current_epoch) {
  return {Type::kAckEpoch, last, EncodeInt(current_epoch)};
}

// ---- The member.

PeerOptions OptionsOf(int64_t self) {
  PeerOptions options;
  options.self = PeerId{self};
  options.observer = self > 3;
  options.config = {.version = 0, .text = "config", .voters = {PeerId{1}, PeerId{2}, PeerId{3}}};
  options.seed = 1;
  return options;
}

History HistoryOf(const std::vector<LogEntry>& entries, int64_t accepted_epoch,
                  int64_t current_epoch) {
  const Zxid last = entries.empty() ? Zxid{0} : entries.back().zxid;
  History history{.accepted_epoch = accepted_epoch,
                  .current_epoch = current_epoch,
                  .appended = last,
                  .persisted = last,
                  .applied = last,
                  .committed = CommittedLog(500)};
  for (const LogEntry& entry : entries) history.committed.Add(entry);
  return history;
}

Member::Member(const PeerOptions& options, History history) : peer_(options, std::move(history)) {}

Lines Member::Start() {
  return Done([&](Actions* out) { peer_.Start(now_, out); });
}

Lines Member::Wait(int64_t ms) {
  const MonoMs end{now_.value + ms};
  Lines all;
  int calls = 0;
  while (peer_.NextDeadline() <= end) {
    now_ = std::max(now_, peer_.NextDeadline());
    all = all + Done([&](Actions* out) { peer_.OnTimer(now_, out); });
    if (++calls > 100'000) {
      ADD_FAILURE() << "the timer is due again and again at " << now_;
      break;
    }
  }
  now_ = end;
  return all;
}

Lines Member::Hear(int64_t from, const Notification& n) {
  return Done([&](Actions* out) { peer_.OnNotification(now_, PeerId{from}, n, out); });
}

Lines Member::Persisted(Zxid upto) {
  return Done([&](Actions* out) { peer_.OnPersisted(now_, upto, out); });
}

Lines Member::Propose() {
  return Done([&](Actions* out) {
    if (!peer_.MayPropose(now_, out)) return;
    peer_.Propose(now_, EntryAt(peer_.NextProposal()), out);
  });
}

Lines Member::Connected() {
  return Done([&](Actions* out) { peer_.OnLeaderConnected(now_, out); });
}

Lines Member::FromLeader(const QuorumPacket& packet) {
  return Done([&](Actions* out) { peer_.OnLeaderPacket(now_, packet, out); });
}

Lines Member::LeaderLost() {
  return Done([&](Actions* out) { peer_.OnLeaderLost(now_, "the connection broke", out); });
}

Lines Member::LeavesRole() {
  return Done([&](Actions* out) { peer_.LeaveRole(now_, "a test says so", out); });
}

Lines Member::SnapshotReceived() {
  return Done([&](Actions* out) { peer_.OnSnapshotReceived(now_, out); });
}

Lines Member::Truncated(bool possible) {
  return Done([&](Actions* out) { peer_.OnTruncated(now_, possible, out); });
}

Lines Member::Follow3() {
  const Notification best = Looking(3, Z(99, 0), 99, peer_.round());
  return InOrder({Hear(3, best), Hear(2, best), Wait(200)});
}

Lines Member::Discover(int64_t epoch) {
  return InOrder({Connected(), FromLeader(LeaderInfo(epoch))});
}

Lines Member::FollowToTheEnd(int64_t epoch) {
  return InOrder({Discover(epoch), FromLeader(Packet(Type::kDiff, Z(epoch, 0))),
                  FromLeader(NewLeader(epoch)), FromLeader(Packet(Type::kUpToDate))});
}

Lines Member::LearnerConnects(LearnerId id) {
  return Done([&](Actions* out) { peer_.OnLearnerConnected(now_, id, out); });
}

Lines Member::LearnerLost(LearnerId id) {
  peer_.OnLearnerLost(id);
  return {};
}

Lines Member::FromLearner(LearnerId id, const QuorumPacket& packet) {
  return Done([&](Actions* out) { peer_.OnLearnerPacket(now_, id, packet, out); });
}

Lines Member::LogFetched(LearnerId id, const std::vector<LogEntry>& entries) {
  return Done([&](Actions* out) { peer_.OnLogFetched(now_, id, entries, out); });
}

Lines Member::Lead() {
  const Vote own = peer_.vote();
  return InOrder({Start(), Hear(1, Looking(3, own.zxid, own.peer_epoch)), Wait(200)});
}

Lines Member::Joins(int64_t sid, int64_t accepted_epoch, Type type) {
  const auto id = static_cast<LearnerId>(10 + sid);
  return InOrder({LearnerConnects(id), FromLearner(id, Info(type, sid, accepted_epoch))});
}

Lines Member::LeadToTheEnd() {
  const Zxid last = peer_.history().applied;
  return InOrder({Lead(), Joins(1, 0), Acknowledges(1, last)});
}

Lines Member::Synchronizes(int64_t sid, Zxid last, Type type) {
  return InOrder({Joins(sid, 0, type), Acknowledges(sid, last)});
}

Lines Member::Acknowledges(int64_t sid, Zxid last) {
  const auto id = static_cast<LearnerId>(10 + sid);
  const Zxid begin = Z(peer_.history().accepted_epoch, 0);
  return InOrder({FromLearner(id, AckEpoch(last, 0)), FromLearner(id, Packet(Type::kAck, begin))});
}

}  // namespace lockkeeper::zab
