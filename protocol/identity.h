// Who a client is, as the server that serves it and the leader of its ensemble see it.
#ifndef LOCKKEEPER_PROTOCOL_IDENTITY_H_
#define LOCKKEEPER_PROTOCOL_IDENTITY_H_

#include <compare>
#include <memory>
#include <string>
#include <vector>

namespace lockkeeper {

// Who a connection has shown to be, for example ("ip", "10.0.0.1") or ("digest", "bob:hash").
struct Identity {
  std::string scheme;
  std::string id;
  friend auto operator<=>(const Identity&, const Identity&) = default;
};
// Immutable, so that a request keeps the identities of the moment it was read.
using Identities = std::shared_ptr<const std::vector<Identity>>;

}  // namespace lockkeeper

#endif  // LOCKKEEPER_PROTOCOL_IDENTITY_H_
