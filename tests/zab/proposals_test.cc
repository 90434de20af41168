#include "zab/proposals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/zab/scripted.h"

namespace lockkeeper::zab {
namespace {

const MajorityQuorum kOfOne({PeerId{1}});
const MajorityQuorum kOfThree({PeerId{1}, PeerId{2}, PeerId{3}});

// Everything that can be committed now.
std::vector<Zxid> Committed(Proposals* proposals) {
  std::vector<Zxid> zxids;
  while (const std::optional<LogEntry> entry = proposals->TakeCommitted()) {
    zxids.push_back(entry->zxid);
    EXPECT_EQ(*entry->payload, *EntryAt(entry->zxid).payload);
    EXPECT_EQ(proposals->last_committed(), entry->zxid);
  }
  return zxids;
}

void AddUpTo(Proposals* proposals, Zxid upto) {
  while (proposals->last_proposed() < upto) {
    proposals->Add(EntryAt(NextZxid(proposals->last_proposed())));
  }
}

TEST(Proposals, OfOneCommitsWhatIsOnItsOwnDisk) {
  Proposals alone(&kOfOne, Z(2, 0));
  AddUpTo(&alone, Z(2, 3));
  EXPECT_TRUE(Committed(&alone).empty());
  alone.OnAck(PeerId{1}, Z(2, 2));
  EXPECT_EQ(Committed(&alone), (std::vector{Z(2, 1), Z(2, 2)}));
  EXPECT_EQ(alone.last_proposed(), Z(2, 3));
  EXPECT_EQ(alone.open().size(), 1u);
}

TEST(Proposals, AQuorumOfFollowersSuffices) {  // QP-5.2: the leader's own ACK is one like any other
  Proposals leader(&kOfThree, Z(2, 0));
  AddUpTo(&leader, Z(2, 1));
  leader.OnAck(PeerId{2}, Z(2, 1));
  EXPECT_TRUE(Committed(&leader).empty());
  leader.OnAck(PeerId{3}, Z(2, 1));
  EXPECT_EQ(Committed(&leader), std::vector{Z(2, 1)});
}

TEST(Proposals, AnAckStandsForEverythingBeforeIt) {  // QP-5.2
  Proposals leader(&kOfThree, Z(2, 0));
  AddUpTo(&leader, Z(2, 4));
  leader.OnAck(PeerId{1}, Z(2, 4));
  leader.OnAck(PeerId{2}, Z(2, 3));
  EXPECT_EQ(Committed(&leader), (std::vector{Z(2, 1), Z(2, 2), Z(2, 3)}));
}

TEST(Proposals, IgnoreStrangersRepeatedAcksAndAcksOfWhatWasNeverProposed) {
  Proposals leader(&kOfThree, Z(2, 0));
  AddUpTo(&leader, Z(2, 1));
  leader.OnAck(PeerId{1}, Z(2, 1));
  leader.OnAck(PeerId{1}, Z(2, 1));
  leader.OnAck(PeerId{9}, Z(2, 1));  // P30: an observer
  leader.OnAck(PeerId{2}, Z(2, 2));
  EXPECT_TRUE(Committed(&leader).empty());
  leader.OnAck(PeerId{3}, Z(2, 1));
  leader.OnAck(PeerId{2}, Z(2, 1));
  EXPECT_EQ(Committed(&leader), std::vector{Z(2, 1)}) << "once";
}

TEST(Proposals, AnOlderAckTakesNothingBack) {
  Proposals leader(&kOfThree, Z(2, 0));
  AddUpTo(&leader, Z(2, 2));
  leader.OnAck(PeerId{1}, Z(2, 2));
  leader.OnAck(PeerId{1}, Z(2, 1));
  leader.OnAck(PeerId{2}, Z(2, 2));
  EXPECT_EQ(Committed(&leader), (std::vector{Z(2, 1), Z(2, 2)}));
}

TEST(Proposals, AnAckOfTheEpochsBeginningCommitsNothing) {
  Proposals leader(&kOfThree, Z(2, 0));
  AddUpTo(&leader, Z(2, 1));
  leader.OnAck(PeerId{1}, Z(2, 0));
  leader.OnAck(PeerId{2}, Z(2, 0));
  EXPECT_TRUE(Committed(&leader).empty());
}

TEST(ProposalsDeathTest, ZxidsAreConsecutive) {  // quorum-protocol 5.1
  Proposals leader(&kOfThree, Z(2, 0));
  EXPECT_DEATH(leader.Add(EntryAt(Z(2, 2))), "0x200000002");
}

// Against the plain definition of a majority: with random ACKs, exactly what a quorum has is
// committed, in order and each once (QP-5.2, P34).
class AcksOf : public ::testing::TestWithParam<int> {};

TEST_P(AcksOf, CommitInOrderExactlyWhatAQuorumHas) {
  const auto voters = static_cast<size_t>(GetParam());
  std::mt19937_64 random(voters);
  std::set<PeerId> ids;
  for (size_t i = 0; i < voters; ++i) ids.insert(PeerId{static_cast<int64_t>(i)});
  const MajorityQuorum quorum(ids);
  Proposals leader(&quorum, Z(3, 0));
  std::vector<int64_t> acked(voters, 0);
  std::vector<Zxid> committed;
  for (int step = 0; step < 3000; ++step) {
    const int64_t last = leader.last_proposed().value - Z(3, 0).value;
    if (random() % 3 == 0) {
      AddUpTo(&leader, Z(3, last + 1));
    } else {
      const size_t who = random() % voters;
      const auto ahead = static_cast<uint64_t>(last - acked[who] + 1);
      acked[who] += static_cast<int64_t>(random() % ahead);
      leader.OnAck(PeerId{static_cast<int64_t>(who)}, Z(3, acked[who]));
    }
    for (const Zxid zxid : Committed(&leader)) committed.push_back(zxid);
    std::vector<int64_t> sorted = acked;
    std::sort(sorted.begin(), sorted.end(), std::greater<>());
    ASSERT_EQ(leader.last_committed(), Z(3, sorted[voters / 2]));
  }
  ASSERT_FALSE(committed.empty());
  for (size_t i = 0; i < committed.size(); ++i) {
    ASSERT_EQ(committed[i], Z(3, static_cast<int64_t>(i) + 1));
  }
}

INSTANTIATE_TEST_SUITE_P(Voters, AcksOf, ::testing::Values(1, 2, 3, 4, 5, 7));

}  // namespace
}  // namespace lockkeeper::zab
