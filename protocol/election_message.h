// Messages of the election port: the handshake of a connection and the notifications that follow
// it, each behind its length (quorum-protocol 1.1 to 1.3).
#ifndef LOCKKEEPER_PROTOCOL_ELECTION_MESSAGE_H_
#define LOCKKEEPER_PROTOCOL_ELECTION_MESSAGE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.h"
#include "protocol/types.h"

namespace lockkeeper {

inline constexpr size_t kElectionFrameMax = 524'288;
inline constexpr size_t kHandshakeAddressMax = 2048;
// The sid by which an observer that has none presents itself.
inline constexpr PeerId kAnonymousObserver{INT64_MAX};

enum class ServerState : int32_t { kLooking = 0, kFollowing = 1, kLeading = 2, kObserving = 3 };

// Ordered by (epoch, zxid, leader): the higher vote wins (quorum-protocol 1.5).
struct Vote {
  PeerId leader;
  Zxid zxid;
  int64_t peer_epoch = 0;
  friend bool operator==(const Vote&, const Vote&) = default;
};

struct Notification {
  ServerState state = ServerState::kLooking;
  Vote vote;
  int64_t round = 0;  // the sender's logical clock, or that of its vote
  int32_t version = 2;
  std::string config;  // text of the sender's committed configuration; empty below version 2
  friend bool operator==(const Notification&, const Notification&) = default;
};

// One notification without its length. Below version 2 without configuration (as of 3.4).
std::string EncodeNotification(const Notification& notification);
// nullopt: not a notification (too short, a length inside that cannot be, a state beyond 0 to 3);
// it is ignored and the connection kept.
std::optional<Notification> DecodeNotification(std::string_view message);

// What the initiator of a connection sends first.
struct ElectionHandshake {
  PeerId sid;
  std::vector<std::string> addresses;  // `host:port` each; none: a peer older than 3.5
  friend bool operator==(const ElectionHandshake&, const ElectionHandshake&) = default;
};

// Version 1 for one address, version 2 for several (only with multiAddress.enabled; otherwise the
// first of them is sent); of no address, the form before 3.5. Addresses that do not fit are left
// out. Must leave in one segment: Apache refuses a handshake that is split.
std::string EncodeHandshake(const ElectionHandshake& handshake, bool multi_address);
struct DecodedHandshake {
  ElectionHandshake handshake;
  size_t size;
};
// nullopt: more bytes are needed. kBadFrame: unknown version or an impossible length. Wildcard
// addresses and the anonymous observer are left to the caller.
Result<std::optional<DecodedHandshake>> DecodeElectionHandshake(
    std::string_view bytes, size_t address_max = kHandshakeAddressMax);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_PROTOCOL_ELECTION_MESSAGE_H_
