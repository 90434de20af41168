#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>

#include "zab/broadcast.h"

namespace lockkeeper::zab {
namespace {

LogEntry EntryAt(Zxid zxid) { return {zxid, std::make_shared<const std::string>("txn")}; }

TEST(Broadcast, OfOneCommitsWhatIsOnItsOwnDisk) {
  Broadcast alone(PeerId{0}, {PeerId{0}}, Zxid{7});
  Output out;
  EXPECT_EQ(alone.NextProposal(), Zxid{8});
  for (int64_t z = 8; z <= 10; ++z) alone.Propose(EntryAt(Zxid{z}), &out);
  EXPECT_EQ(out.append.size(), 3u);
  EXPECT_TRUE(out.commit.empty());
  alone.OnPersisted(Zxid{9}, &out);
  EXPECT_EQ(out.commit, (std::vector{Zxid{8}, Zxid{9}}));
  EXPECT_EQ(alone.last_committed(), Zxid{9});
  EXPECT_EQ(alone.in_flight(), 1u);
}

TEST(Broadcast, IgnoresStrangersDuplicatesAndAcksBeyondTheLastProposal) {
  Broadcast leader(PeerId{1}, {PeerId{1}, PeerId{2}, PeerId{3}}, Zxid{0});
  Output out;
  leader.Propose(EntryAt(Zxid{1}), &out);
  leader.OnPersisted(Zxid{1}, &out);
  leader.OnAck(PeerId{9}, Zxid{1}, &out);
  leader.OnAck(PeerId{2}, Zxid{2}, &out);
  leader.OnPersisted(Zxid{1}, &out);
  EXPECT_TRUE(out.commit.empty());
  leader.OnAck(PeerId{3}, Zxid{1}, &out);
  leader.OnAck(PeerId{2}, Zxid{1}, &out);
  EXPECT_EQ(out.commit, std::vector{Zxid{1}});  // once
}

class RandomAcks : public ::testing::TestWithParam<int> {};

TEST_P(RandomAcks, CommitInOrderExactlyWhatAQuorumHas) {
  const int voters = GetParam();
  std::mt19937_64 random(static_cast<uint64_t>(voters));
  std::set<PeerId> ids;
  for (int i = 0; i < voters; ++i) ids.insert(PeerId{i});
  Broadcast leader(PeerId{0}, ids, Zxid{0});
  Output out;
  std::vector<int64_t> acked(static_cast<size_t>(voters), 0);
  for (int step = 0; step < 3000; ++step) {
    if (random() % 3 == 0) {
      leader.Propose(EntryAt(leader.NextProposal()), &out);
    } else {
      const size_t who = random() % acked.size();
      const int64_t last = leader.last_proposed().value;
      acked[who] += static_cast<int64_t>(random() % static_cast<uint64_t>(last - acked[who] + 1));
      leader.OnAck(PeerId{static_cast<int64_t>(who)}, Zxid{acked[who]}, &out);
    }
    std::vector<int64_t> sorted = acked;
    std::sort(sorted.begin(), sorted.end(), std::greater<>());
    ASSERT_EQ(leader.last_committed().value, sorted[acked.size() / 2]);
  }
  for (size_t i = 0; i < out.commit.size(); ++i) {
    ASSERT_EQ(out.commit[i].value, static_cast<int64_t>(i) + 1);
  }
  EXPECT_FALSE(out.commit.empty());
}

INSTANTIATE_TEST_SUITE_P(Voters, RandomAcks, ::testing::Values(1, 3, 5, 7));

}  // namespace
}  // namespace lockkeeper::zab
