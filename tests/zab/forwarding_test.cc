// From what a leader remembers to what it proposes now without a seam (quorum-protocol 3.3, 3.4):
// learners come, go and come back at any moment while others keep it writing.
#include <gtest/gtest.h>

#include <cstdio>
#include <optional>
#include <random>
#include <utility>

#include "tests/zab/scripted.h"

namespace lockkeeper::zab {
namespace {

constexpr int kSteps = 120;

Zxid ZxidIn(const std::string& line) {
  int64_t epoch = 0;
  int64_t counter = 0;
  EXPECT_EQ(std::sscanf(line.c_str(), "%ld:%ld", &epoch, &counter), 2) << line;
  return Z(epoch, counter);
}

// What one learner makes of what it is sent. It refuses whatever a learner has no use for.
class Stream {
 public:
  Stream(std::vector<Zxid> log, const std::vector<Zxid>* leaders)
      : log_(std::move(log)), leaders_(*leaders) {}

  void Take(const std::string& packet) {
    const size_t space = packet.find(' ');
    const std::string type = packet.substr(0, space);
    const std::string rest = packet.substr(space + 1);
    if (type == "PING") return;
    EXPECT_TRUE(!in_gap_ || type == "UPTODATE") << packet << " behind NEWLEADER";
    in_gap_ = type == "NEWLEADER";
    if (type == "NEWLEADER" || type == "UPTODATE") {
      up_to_date_ = type == "UPTODATE";
    } else if (type == "DIFF" || type == "TRUNC" || type == "SNAP") {
      Begin(type, ZxidIn(rest));
    } else if (type == "COMMIT") {
      ASSERT_LT(committed_, log_.size()) << packet << " of nothing";
      EXPECT_EQ(log_[committed_++], ZxidIn(rest));
    } else {
      ASSERT_TRUE(type == "PROPOSAL" || type == "INFORM") << packet;
      EXPECT_TRUE(log_.empty() || log_.back() < ZxidIn(rest)) << packet << " again";
      log_.push_back(ZxidIn(rest));
      if (type == "INFORM") ++committed_;
    }
  }

  Zxid last() const { return log_.empty() ? Zxid{0} : log_.back(); }
  const std::vector<Zxid>& log() const { return log_; }
  size_t committed() const { return committed_; }
  bool in_gap() const { return in_gap_; }
  bool up_to_date() const { return up_to_date_; }
  // The connection has gone.
  void Cut() { in_gap_ = up_to_date_ = false; }

 private:
  void Begin(const std::string& type, Zxid zxid) {
    const auto above = [zxid](Zxid logged) { return logged > zxid; };
    if (type == "TRUNC") std::erase_if(log_, above);
    if (type == "SNAP") {
      log_ = leaders_;
      std::erase_if(log_, above);
    }
    committed_ = log_.size();
  }

  std::vector<Zxid> log_;
  const std::vector<Zxid>& leaders_;
  size_t committed_ = 0;
  bool in_gap_ = false;
  bool up_to_date_ = false;
};

// Server 3 leads epoch 2 with follower 1 (connection 11); connection 12 is the learner's.
class Forwarding : public ::testing::TestWithParam<uint64_t> {
 protected:
  Forwarding() : dice_(GetParam()), observer_(Draw(3) == 0) {
    const int64_t remembered = Draw(6);  // the rest is in the log files only
    History history = HistoryOf({}, 1, 1);
    for (const LogEntry& entry : EntriesOf(1, 6 - remembered, 5)) history.committed.Add(entry);
    history.applied = history.appended = history.persisted = Z(1, 5);
    leader_.emplace(OptionsOf(3), std::move(history));
    log_ = ZxidsOf(EntriesOf(1, 1, 5));
    leader_->LeadToTheEnd();
    std::vector<Zxid> had(log_.begin(), log_.begin() + Draw(6));
    const int64_t fork = Draw(6);  // what nobody else has
    if (fork == 0) had = ZxidsOf(EntriesOf(1, 1, 7));
    if (fork == 1) had = ZxidsOf(EntriesOf(0, 8, 9));
    learner_.emplace(std::move(had), &log_);
  }

  int64_t Draw(int64_t bound) {
    return static_cast<int64_t>(dice_() % static_cast<uint64_t>(bound));
  }

  void Give(const Lines& lines) {
    for (const std::string& line : lines) {
      EXPECT_FALSE(line.starts_with("close 12")) << line;
      if (line.starts_with("fetch log ")) fetch_ = line;
      if (line.starts_with("to 12: ")) learner_->Take(line.substr(7));
    }
  }

  void Propose() {
    log_.push_back(leader_->peer().NextProposal());
    Give(leader_->Propose());
  }
  void Commit() {
    Give(leader_->Persisted(log_.back()));
    Give(leader_->FromLearner(11, Packet(Type::kAck, log_.back())));
  }
  void Connect() {
    connected_ = true;
    leader_->Joins(2, 1, observer_ ? kObserver : Type::kFollowerInfo);
    Give(leader_->FromLearner(12, AckEpoch(learner_->last(), 1)));
  }
  void Cut() {
    connected_ = false;
    fetch_.reset();
    leader_->LearnerLost(12);
    learner_->Cut();
  }
  // "fetch log A to B for 12": now and then the files cannot be had.
  void Fetched() {
    const std::string asked = *std::exchange(fetch_, {});
    const Zxid from = ZxidIn(asked.substr(10));
    const Zxid upto = ZxidIn(asked.substr(asked.find(" to ") + 4));
    std::vector<LogEntry> entries;
    for (const Zxid zxid : log_) {
      if (zxid <= from) entries.clear();
      if (zxid <= upto) entries.push_back(EntryAt(zxid));
    }
    if (Draw(4) == 0) entries.clear();
    Give(leader_->LogFetched(12, entries));
  }
  void Acknowledge() {
    if (learner_->in_gap()) return Give(leader_->FromLearner(12, Packet(Type::kAck, Z(2, 0))));
    if (observer_ || !learner_->up_to_date() || learner_->last() < Z(2, 1)) return;
    Give(leader_->FromLearner(12, Packet(Type::kAck, learner_->last())));
  }
  void Step() {
    switch (Draw(8)) {
      case 0:
      case 1:
      case 2:
        return Propose();
      case 3:
        return Commit();
      case 4:
        return connected_ ? Acknowledge() : Connect();
      case 5:
        return fetch_ ? Fetched() : Acknowledge();
      case 6:
        if (connected_ && Draw(4) == 0) Cut();
        return;
      default:
        return Acknowledge();
    }
  }

  std::mt19937_64 dice_;
  const bool observer_;
  std::optional<Member> leader_;
  std::vector<Zxid> log_;  // the leader's
  std::optional<Stream> learner_;
  std::optional<std::string> fetch_;
  bool connected_ = false;
};

TEST_P(Forwarding, LosesAndDoublesNothingAtWhateverMomentALearnerComes) {  // QP-3.8, P51
  for (int i = 0; i < kSteps && !HasFailure(); ++i) Step();
  if (!connected_) Connect();
  if (fetch_) Fetched();
  Acknowledge();
  ASSERT_TRUE(learner_->up_to_date());
  Propose();
  Commit();
  EXPECT_EQ(learner_->log(), log_);
  EXPECT_EQ(learner_->committed(), log_.size());
}

INSTANTIATE_TEST_SUITE_P(Seeds, Forwarding, ::testing::Range<uint64_t>(1, 401));

}  // namespace
}  // namespace lockkeeper::zab
