// The internal ephemeral owner of a znode tells its kind (client-protocol 5.4 to 5.6). The values
// are on disk and in the digest: never change one.
#ifndef LOCKKEEPER_DATATREE_OWNER_H_
#define LOCKKEEPER_DATATREE_OWNER_H_

#include <cstdint>
#include <limits>

namespace lockkeeper {

inline constexpr int64_t kContainerOwner = std::numeric_limits<int64_t>::min();
inline constexpr int64_t kTtlMaxMs = (int64_t{1} << 40) - 1;

enum class OwnerKind { kNone, kSession, kContainer, kTtl };

// How a server reads owners: both are configuration (5.4).
struct OwnerRules {
  bool extended_types = false;  // TTL nodes exist
  bool emulate_353 = false;     // also read the TTL encoding of 3.5.3
};

constexpr int64_t TtlOwner(int64_t ttl_ms) {
  return static_cast<int64_t>(0xFF00000000000000u | static_cast<uint64_t>(ttl_ms));
}

constexpr OwnerKind KindOfOwner(const OwnerRules& rules, int64_t owner) {
  if (owner == 0) return OwnerKind::kNone;
  if (owner == kContainerOwner) return OwnerKind::kContainer;
  if (rules.extended_types) {
    if ((static_cast<uint64_t>(owner) >> 56) == 0xFF) return OwnerKind::kTtl;
    if (rules.emulate_353 && owner < 0) return OwnerKind::kTtl;
  }
  return OwnerKind::kSession;
}

// REQUIRES: the owner is a TTL.
constexpr int64_t TtlMsOf(int64_t owner) { return owner & kTtlMaxMs; }

// What a client sees as ephemeralOwner.
constexpr int64_t ShownOwner(const OwnerRules& rules, int64_t owner) {
  return KindOfOwner(rules, owner) == OwnerKind::kSession ? owner : 0;
}

}  // namespace lockkeeper

#endif  // LOCKKEEPER_DATATREE_OWNER_H_
