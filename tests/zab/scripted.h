// One zab::Peer in a scripted world: the tests say what the other members send and how time goes
// by, and read what the peer does about it as one line of text an action, in order:
//
//   notify 2: LOOKING for 3 at 1:5 epoch 1 round 1    log 2:1
//   to leader: ACK 2:0                                current epoch 2
//   to 11: PROPOSAL 2:1                               apply 2:1
//
// A zxid reads epoch:counter. An entry's payload is made from its zxid; an action that carries
// another one says so.
#ifndef LOCKKEEPER_TESTS_ZAB_SCRIPTED_H_
#define LOCKKEEPER_TESTS_ZAB_SCRIPTED_H_

#include <cstdint>
#include <initializer_list>
#include <set>
#include <string>
#include <vector>

#include "protocol/election_message.h"
#include "protocol/quorum_packet.h"
#include "protocol/types.h"
#include "zab/action.h"
#include "zab/committed_log.h"
#include "zab/history.h"
#include "zab/options.h"
#include "zab/peer.h"

namespace lockkeeper::zab {

using Type = QuorumPacketType;
using Lines = std::vector<std::string>;

// As whom an observer introduces itself.
inline constexpr Type kObserver = Type::kObserverInfo;

constexpr Zxid Z(int64_t epoch, int64_t counter) { return Zxid{epoch << 32 | counter}; }
std::string Text(Zxid zxid);
std::string Text(const Action& action);
Lines Texts(const Actions& actions);
// Those that begin with `prefix`.
Lines Only(const Lines& lines, const std::string& prefix);
bool Has(const Lines& lines, const std::string& line);
Lines operator+(Lines a, const Lines& b);
// One after the other: the order in which the operands of a + are evaluated is open.
Lines InOrder(std::initializer_list<Lines> parts);

LogEntry EntryAt(Zxid zxid);
// Of one epoch.
std::vector<LogEntry> EntriesOf(int64_t epoch, int64_t first, int64_t last);
std::vector<Zxid> ZxidsOf(const std::vector<LogEntry>& entries);

// ---- What other members say.

Notification Looking(int64_t leader, Zxid zxid, int64_t epoch, int64_t round = 1);
Notification Established(ServerState state, int64_t leader, Zxid zxid, int64_t epoch,
                         int64_t round = 1, int32_t version = 2);

// A packet of `type`; PROPOSAL and INFORM carry the payload of EntryAt.
QuorumPacket Packet(Type type, Zxid zxid = Zxid{-1});
QuorumPacket LeaderInfo(int64_t epoch);
QuorumPacket NewLeader(int64_t epoch);
QuorumPacket Info(Type type, int64_t sid, int64_t accepted_epoch, int64_t config_version = 0);
QuorumPacket AckEpoch(Zxid last, int32_t current_epoch);

// ---- The member.

// Member `self` of the voters 1, 2 and 3; one with another number is an observer.
PeerOptions OptionsOf(int64_t self);
// What recovery finds where `entries` is all that was ever logged.
History HistoryOf(const std::vector<LogEntry>& entries, int64_t accepted_epoch,
                  int64_t current_epoch);

// Threads: none. Every call returns what the peer did because of it.
class Member {
 public:
  explicit Member(const PeerOptions& options, History history = HistoryOf({}, 0, 0));

  Lines Start();
  // Time goes by, with a call of the timer whenever one is due.
  Lines Wait(int64_t ms);
  Lines Hear(int64_t from, const Notification& n);
  Lines Persisted(Zxid upto);
  Lines Propose();

  // ---- As a learner.
  Lines Connected();
  Lines FromLeader(const QuorumPacket& packet);
  Lines LeaderLost();
  Lines LeavesRole();
  Lines SnapshotReceived();
  Lines Truncated(bool possible = true);
  // Elected: server 3 by a vote that beats all. Ends before it has been connected.
  Lines Follow3();
  // From the connection to the acknowledged epoch: the leader's choice of DIFF, TRUNC or SNAP is
  // next.
  Lines Discover(int64_t epoch);
  // An empty DIFF, NEWLEADER and UPTODATE.
  Lines FollowToTheEnd(int64_t epoch);

  // ---- As a leader.
  Lines LearnerConnects(LearnerId id);
  Lines LearnerLost(LearnerId id);
  Lines FromLearner(LearnerId id, const QuorumPacket& packet);
  Lines LogFetched(LearnerId id, const std::vector<LogEntry>& entries);
  // By the votes of 1 and itself; REQUIRES: it is 3.
  Lines Lead();
  // Connects as learner 10 + sid and sends its info.
  Lines Joins(int64_t sid, int64_t accepted_epoch, Type type = Type::kFollowerInfo);
  // Acknowledges the epoch, standing at `last`, and NEWLEADER.
  Lines Acknowledges(int64_t sid, Zxid last);
  // The leader serves its first epoch with follower 1 (learner 11), which has the same history.
  Lines LeadToTheEnd();
  // A further learner from its info to its UPTODATE; it stands at `last`.
  Lines Synchronizes(int64_t sid, Zxid last, Type type = Type::kFollowerInfo);

  Peer& peer() { return peer_; }
  MonoMs now() const { return now_; }

 private:
  template <class Event>
  Lines Done(const Event& event) {
    Actions actions;
    event(&actions);
    return Texts(actions);
  }

  Peer peer_;
  MonoMs now_{1000};
};

}  // namespace lockkeeper::zab

#endif  // LOCKKEEPER_TESTS_ZAB_SCRIPTED_H_
