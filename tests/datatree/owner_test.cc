#include "datatree/owner.h"

#include <gtest/gtest.h>

namespace lockkeeper {
namespace {

constexpr OwnerRules kPlain;
constexpr OwnerRules kExtended{.extended_types = true};
constexpr OwnerRules kEmulating{.extended_types = true, .emulate_353 = true};

TEST(Owner, TellsTheKindOfNode) {  // client-protocol 5.4 to 5.6, QP-6.8
  struct Row {
    int64_t owner;
    OwnerKind plain;
    OwnerKind extended;
    OwnerKind emulating;
  };
  using enum OwnerKind;
  const Row rows[] = {
      {0, kNone, kNone, kNone},
      {std::numeric_limits<int64_t>::min(), kContainer, kContainer, kContainer},
      {0x100000000000001, kSession, kSession, kSession},
      {TtlOwner(1), kSession, kTtl, kTtl},
      {TtlOwner(kTtlMaxMs), kSession, kTtl, kTtl},
      {-1, kSession, kTtl, kTtl},
      {std::numeric_limits<int64_t>::min() + 5, kSession, kSession, kTtl},
      {std::numeric_limits<int64_t>::max(), kSession, kSession, kSession},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(KindOfOwner(kPlain, row.owner), row.plain) << row.owner;
    EXPECT_EQ(KindOfOwner(kExtended, row.owner), row.extended) << row.owner;
    EXPECT_EQ(KindOfOwner(kEmulating, row.owner), row.emulating) << row.owner;
  }
}

TEST(Owner, HoldsATtlOf40Bits) {  // CP-5.6
  EXPECT_EQ(static_cast<uint64_t>(TtlOwner(0x1234)), 0xFF00000000001234u);
  EXPECT_EQ(kTtlMaxMs, 1099511627775);
  for (int64_t ttl : {int64_t{1}, int64_t{86400000}, kTtlMaxMs}) {
    EXPECT_EQ(TtlMsOf(TtlOwner(ttl)), ttl);
  }
  // The encoding of 3.5.3.
  EXPECT_EQ(TtlMsOf(std::numeric_limits<int64_t>::min() + 5), 5);
}

TEST(Owner, IsShownForSessionsOnly) {  // CP-5.8, CP-5.14
  EXPECT_EQ(ShownOwner(kExtended, 0x77), 0x77);
  EXPECT_EQ(ShownOwner(kExtended, TtlOwner(5)), 0);
  EXPECT_EQ(ShownOwner(kExtended, kContainerOwner), 0);
  EXPECT_EQ(ShownOwner(kPlain, TtlOwner(5)), TtlOwner(5));
}

}  // namespace
}  // namespace lockkeeper
