#include "zab/quorum.h"

#include <gtest/gtest.h>

namespace lockkeeper::zab {
namespace {

std::set<PeerId> Peers(int64_t count) {
  std::set<PeerId> peers;
  for (int64_t i = 1; i <= count; ++i) peers.insert(PeerId{i});
  return peers;
}

TEST(MajorityQuorum, IsMoreThanHalfOfTheVoters) {
  struct Row {
    int64_t voters;
    int64_t needed;
  };
  constexpr Row kRows[] = {{1, 1}, {2, 2}, {3, 2}, {4, 3}, {5, 3}, {6, 4}, {7, 4}};
  for (const Row& row : kRows) {
    const MajorityQuorum quorum(Peers(row.voters));
    for (int64_t present = 0; present <= row.voters; ++present) {
      EXPECT_EQ(quorum.IsQuorum(Peers(present)), present >= row.needed)
          << present << " of " << row.voters;
    }
  }
}

TEST(MajorityQuorum, DoesNotCountStrangers) {
  const MajorityQuorum quorum({PeerId{1}, PeerId{2}, PeerId{3}});
  EXPECT_FALSE(quorum.IsVoter(PeerId{4}));
  EXPECT_FALSE(quorum.IsQuorum({PeerId{1}, PeerId{4}, PeerId{5}}));
  EXPECT_TRUE(quorum.IsQuorum({PeerId{1}, PeerId{3}, PeerId{5}}));
}

TEST(HighestAcked, IsTheZxidThatAQuorumHas) {  // QP-5.2
  const MajorityQuorum three(Peers(3));
  EXPECT_EQ(three.HighestAcked({}), Zxid{0});
  EXPECT_EQ(three.HighestAcked({{PeerId{1}, Zxid{9}}}), Zxid{0});
  EXPECT_EQ(three.HighestAcked({{PeerId{1}, Zxid{9}}, {PeerId{2}, Zxid{4}}}), Zxid{4});
  EXPECT_EQ(three.HighestAcked({{PeerId{1}, Zxid{9}}, {PeerId{2}, Zxid{4}}, {PeerId{3}, Zxid{7}}}),
            Zxid{7});
  EXPECT_EQ(three.HighestAcked({{PeerId{1}, Zxid{9}}, {PeerId{8}, Zxid{9}}, {PeerId{9}, Zxid{9}}}),
            Zxid{0})
      << "strangers do not count";
  EXPECT_EQ(MajorityQuorum(Peers(1)).HighestAcked({{PeerId{1}, Zxid{5}}}), Zxid{5});
}

// Any two quorums share a voter: the reason for majorities.
TEST(MajorityQuorum, SharesAVoterWithEveryOther) {
  for (int64_t voters = 1; voters <= 7; ++voters) {
    const MajorityQuorum quorum(Peers(voters));
    for (uint32_t a = 0; a < 1u << voters; ++a) {
      const uint32_t rest = ((1u << voters) - 1) & ~a;
      const auto members = [&](uint32_t bits) {
        std::set<PeerId> peers;
        for (int64_t i = 0; i < voters; ++i) {
          if ((bits >> i & 1) != 0) peers.insert(PeerId{i + 1});
        }
        return peers;
      };
      EXPECT_FALSE(quorum.IsQuorum(members(a)) && quorum.IsQuorum(members(rest)));
    }
  }
}

}  // namespace
}  // namespace lockkeeper::zab
