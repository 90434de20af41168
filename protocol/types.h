// The vocabulary that every module shares: identifiers and times as distinct types, so that a
// session id cannot be passed where a zxid is meant.
#ifndef LOCKKEEPER_PROTOCOL_TYPES_H_
#define LOCKKEEPER_PROTOCOL_TYPES_H_

#include <compare>
#include <cstdint>
#include <functional>
#include <ostream>

namespace lockkeeper {

// A named 64-bit integer. Explicit in both directions; `value` is the raw number for the wire.
template <class Tag>
struct Named {
  int64_t value = 0;

  constexpr Named() = default;
  constexpr explicit Named(int64_t v) : value(v) {}
  friend constexpr auto operator<=>(Named, Named) = default;
  friend std::ostream& operator<<(std::ostream& out, Named n) {
    return out << (Tag::kHex ? "0x" : "") << (Tag::kHex ? std::hex : std::dec) << n.value
               << std::dec;
  }
};

struct ZxidTag {
  static constexpr bool kHex = true;
};
struct SessionIdTag {
  static constexpr bool kHex = true;
};
struct PeerIdTag {
  static constexpr bool kHex = false;
};
struct MonoMsTag {
  static constexpr bool kHex = false;
};
struct WallMsTag {
  static constexpr bool kHex = false;
};

// Transaction id: epoch in the high 32 bits, counter in the low 32. Compared as a signed number.
using Zxid = Named<ZxidTag>;
// Client session. Never 0 for a live session; the top byte names the server that created it.
using SessionId = Named<SessionIdTag>;
// Server of an ensemble (`myid`).
using PeerId = Named<PeerIdTag>;
// Milliseconds of a monotonic clock with an arbitrary origin: the only time used in decisions.
using MonoMs = Named<MonoMsTag>;
// Milliseconds since 1970, for `ctime` and `mtime` only; chosen by whoever proposes.
using WallMs = Named<WallMsTag>;

constexpr Zxid NextZxid(Zxid z) { return Zxid{z.value + 1}; }
constexpr int32_t EpochOf(Zxid z) { return static_cast<int32_t>(z.value >> 32); }
constexpr uint32_t CounterOf(Zxid z) { return static_cast<uint32_t>(z.value); }
// Where an epoch begins: no transaction has this zxid.
constexpr Zxid EpochStart(int64_t epoch) { return Zxid{epoch << 32}; }

}  // namespace lockkeeper

template <class Tag>
struct std::hash<lockkeeper::Named<Tag>> {
  size_t operator()(lockkeeper::Named<Tag> n) const noexcept {
    return static_cast<size_t>(static_cast<uint64_t>(n.value) * 0x9E3779B97F4A7C15ull >> 7);
  }
};

#endif  // LOCKKEEPER_PROTOCOL_TYPES_H_
