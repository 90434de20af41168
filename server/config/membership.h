// Who belongs to an ensemble: the `server.N`, `group.G` and `weight.N` lines of a configuration
// file, of a dynamic configuration file and of the znode /zookeeper/config
// (storage-and-operations 4.7).
//
//   server.N = addr['|'addr...][';'client]
//   addr     = host:quorumPort:electionPort[:role]      role: participant (default) or observer
//   client   = [host:]port                              host: 0.0.0.0 by default
//   group.G  = N:N:...      every participant in exactly one group
//   weight.N = w            1 by default
//
// IPv6 hosts stand in brackets. Hosts are kept as text (nothing is looked up); addresses in
// numbers are brought to the form Java prints, so that equal memberships have equal texts.
// Errors: Errc::kBadConfig with the reference's own words where it has any.
#ifndef LOCKKEEPER_SERVER_CONFIG_MEMBERSHIP_H_
#define LOCKKEEPER_SERVER_CONFIG_MEMBERSHIP_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.h"
#include "protocol/types.h"
#include "server/config/config_entry.h"

namespace lockkeeper {

enum class PeerRole : uint8_t { kParticipant, kObserver };

// "participant" and "observer" in any case, blanks around them dropped. Error: "Unrecognised
// peertype: V".
Result<PeerRole> ParsePeerRole(std::string_view text);

struct PeerAddress {
  std::string host;  // without brackets
  uint16_t quorum_port = 0;
  uint16_t election_port = 0;

  friend bool operator==(const PeerAddress&, const PeerAddress&) = default;
};

struct ClientAddress {
  std::string host;  // without brackets; "0.0.0.0": every local address
  uint16_t port = 0;

  friend bool operator==(const ClientAddress&, const ClientAddress&) = default;
};

struct Member {
  std::vector<PeerAddress> addresses;  // at least one, sorted by host, no duplicates
  PeerRole role = PeerRole::kParticipant;
  std::optional<ClientAddress> client;  // absent: that server's own `clientPort` decides

  friend bool operator==(const Member&, const Member&) = default;
};

struct Membership {
  std::map<PeerId, Member> members;
  // Hierarchical quorums; all empty without `group` and `weight` lines.
  bool hierarchical = false;
  std::map<int64_t, std::vector<PeerId>> groups;  // ascending ids
  std::map<PeerId, int64_t> weights;              // of every participant, given or 1
  int64_t version = 0;                            // zxid of the change that made it; 0: from a file

  size_t Participants() const;
  size_t Observers() const;

  friend bool operator==(const Membership&, const Membership&) = default;
};

// True for keys that belong to a membership: they start with "server.", "group" or "weight".
bool IsMembershipKey(std::string_view key);

// The value of one `server.N` line.
Result<Member> ParseMember(PeerId id, std::string_view text);

// The membership lines among `entries`, checked as a whole: numbers, ports, groups. Several
// addresses for a server are refused unless `multi_address`.
// The text of an error starts with the entry it is about, "<line>: <key>=<value>: ", with
// `origin` (a file name, may be empty) before the line.
Result<Membership> ParseMembership(const std::vector<ConfigEntry>& entries, bool multi_address,
                                   std::string_view origin);

// What /zookeeper/config, dynamic files and `conf` show; ends in `version=<hex>` without newline.
std::string CanonicalText(const Membership& membership);
// The right-hand side of a `server.N` line.
std::string CanonicalText(const Member& member);

// The form in which Java prints a host that is an address in numbers: IPv6 with all eight groups,
// an IPv4 address mapped into IPv6 as IPv4; anything else (names) unchanged.
std::string CanonicalHost(std::string_view host);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_CONFIG_MEMBERSHIP_H_
