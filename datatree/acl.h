// Access control: who a connection is, what an ACL entry means, which ACLs may be set
// (client-protocol 7.5 to 7.7 and 11.3). Pure rules; how an identity is proved is server/auth.
#ifndef LOCKKEEPER_DATATREE_ACL_H_
#define LOCKKEEPER_DATATREE_ACL_H_

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/error_code.h"
#include "protocol/identity.h"
#include "protocol/op_code.h"
#include "protocol/records.h"

namespace lockkeeper {

struct AclEntry {
  int32_t perms = 0;
  std::string scheme;
  std::string id;
  friend auto operator<=>(const AclEntry&, const AclEntry&) = default;
};
using AclList = std::vector<AclEntry>;
using AclRef = std::shared_ptr<const AclList>;

// world:anyone with all permissions. Lives for ever: copies of the reference cost nothing.
const AclRef& OpenAcl();
bool IsOpenAcl(const JuteVector<Acl>& records);

// Which schemes this server knows, and the switch that turns checks off.
struct AccessRules {
  bool skip_acl = false;
  bool digest_enabled = true;
};

// Has any of `identities` one of the bits of `wanted` under `acl` (7.6)?
bool IsAllowed(const AccessRules& rules, const AclList& acl, int32_t wanted,
               const std::vector<Identity>& identities);

// The list to store for a requested one: duplicates dropped, "auth" expanded, every entry checked
// (7.5); or kInvalidAcl, or kMarshallingError for a null id text.
std::variant<AclRef, ErrorCode> FixupAcl(const AccessRules& rules, const JuteVector<Acl>& requested,
                                         const std::vector<Identity>& identities);

// The list as a caller without ADMIN sees it: digests hidden (7.7).
AclList RedactDigests(const AclList& acl);

// The user part of an identity for whoAmI (11.4).
std::string_view UserOf(const Identity& identity);

// Does `address` lie in `pattern`, an address with optional /bits (11.3, ip)?
bool IpMatches(std::string_view pattern, std::string_view address);
bool IsValidIpPattern(std::string_view pattern);

// Views of an owned list, for encoding; valid as long as `acl`.
JuteVector<Acl> ToRecords(const AclList& acl);
AclList FromRecords(const JuteVector<Acl>& records);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_DATATREE_ACL_H_
