#include "datatree/acl.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <tuple>

namespace lockkeeper {
namespace {

constexpr std::string_view kWorld = "world";
constexpr std::string_view kAnyone = "anyone";

// An address as bytes, network order: 4 for IPv4, 16 for IPv6.
struct IpAddress {
  std::array<uint8_t, 16> bytes{};
  size_t size = 0;
};

std::optional<IpAddress> ParseIpV4(std::string_view text) {
  IpAddress address;
  address.size = 4;
  for (size_t part = 0; part < 4; ++part) {
    const size_t dot = text.find('.');
    if ((dot == std::string_view::npos) != (part == 3)) return std::nullopt;
    std::string_view digits = text.substr(0, dot);
    if (!digits.empty() && digits[0] == '+') digits.remove_prefix(1);
    int value = 0;
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (ec != std::errc() || end != digits.data() + digits.size() || value < 0 || value > 255) {
      return std::nullopt;
    }
    address.bytes[part] = static_cast<uint8_t>(value);
    text.remove_prefix(dot == std::string_view::npos ? text.size() : dot + 1);
  }
  return address;
}

// Hex groups separated by single colons; at most eight.
bool ParseGroups(std::string_view text, std::vector<uint16_t>* groups) {
  if (text.empty()) return true;
  while (true) {
    const size_t colon = text.find(':');
    const std::string_view group = text.substr(0, colon);
    if (group.empty() || group.size() > 4 || groups->size() == 8) return false;
    uint16_t value = 0;
    const auto [end, ec] = std::from_chars(group.data(), group.data() + group.size(), value, 16);
    if (ec != std::errc() || end != group.data() + group.size()) return false;
    groups->push_back(value);
    if (colon == std::string_view::npos) return true;
    text.remove_prefix(colon + 1);
  }
}

std::optional<IpAddress> ParseIpV6(std::string_view text) {
  std::vector<uint16_t> head;
  std::vector<uint16_t> tail;
  const size_t gap = text.find("::");
  if (gap == std::string_view::npos) {
    if (!ParseGroups(text, &head) || head.size() != 8) return std::nullopt;
  } else {
    if (!ParseGroups(text.substr(0, gap), &head)) return std::nullopt;
    if (!ParseGroups(text.substr(gap + 2), &tail)) return std::nullopt;
    if (head.size() + tail.size() > 7) return std::nullopt;
  }
  IpAddress address;
  address.size = 16;
  const auto store = [&](size_t index, uint16_t group) {
    address.bytes[index * 2] = static_cast<uint8_t>(group >> 8);
    address.bytes[index * 2 + 1] = static_cast<uint8_t>(group);
  };
  for (size_t i = 0; i < head.size(); ++i) store(i, head[i]);
  for (size_t i = 0; i < tail.size(); ++i) store(8 - tail.size() + i, tail[i]);
  return address;
}

std::optional<IpAddress> ParseIp(std::string_view text) {
  if (text.find(':') != std::string_view::npos) return ParseIpV6(text);
  return ParseIpV4(text);
}

struct IpPrefix {
  IpAddress address;
  size_t bits = 0;
};

std::optional<IpPrefix> ParsePrefix(std::string_view pattern) {
  const size_t slash = pattern.find('/');
  const std::optional<IpAddress> address = ParseIp(pattern.substr(0, slash));
  if (!address) return std::nullopt;
  IpPrefix prefix{*address, address->size * 8};
  if (slash == std::string_view::npos) return prefix;
  const std::string_view digits = pattern.substr(slash + 1);
  int bits = 0;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (ec != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (bits < 0 || static_cast<size_t>(bits) > prefix.bits) return std::nullopt;
  prefix.bits = static_cast<size_t>(bits);
  return prefix;
}

// Exactly two pieces when split at ':', trailing empty pieces dropped (11.3, digest).
bool IsValidDigestId(std::string_view id) {
  while (!id.empty() && id.back() == ':') id.remove_suffix(1);
  return std::count(id.begin(), id.end(), ':') == 1;
}

bool Matches(const AccessRules& rules, const AclEntry& entry, const Identity& identity) {
  if (entry.scheme != identity.scheme) return false;
  if (entry.scheme == "ip") return IpMatches(entry.id, identity.id);
  if (entry.scheme == "digest") return rules.digest_enabled && entry.id == identity.id;
  return false;
}

// Identities that "auth" stands for: those whose scheme really authenticates.
bool IsAuthenticating(const AccessRules& rules, const Identity& identity) {
  return identity.scheme == "digest" && rules.digest_enabled;
}

bool IsValidForScheme(const AccessRules& rules, std::string_view scheme, std::string_view id) {
  if (scheme == "ip") return IsValidIpPattern(id);
  if (scheme == "digest") return rules.digest_enabled && IsValidDigestId(id);
  return false;
}

bool IsSuper(const std::vector<Identity>& identities) {
  return std::ranges::any_of(identities, [](const Identity& i) { return i.scheme == "super"; });
}

// First ones kept, order kept. A request can bring tens of thousands of entries.
std::vector<Acl> WithoutDuplicates(const std::vector<Acl>& entries) {
  using Key = std::tuple<int32_t, bool, std::string_view, bool, std::string_view>;
  std::set<Key> seen;
  std::vector<Acl> unique;
  for (const Acl& entry : entries) {
    const Id& id = entry.id;
    if (seen.emplace(entry.perms, IsNull(id.scheme), id.scheme, IsNull(id.id), id.id).second) {
      unique.push_back(entry);
    }
  }
  return unique;
}

}  // namespace

const AclRef& OpenAcl() {
  static const AclList kOpen{{kPermAll, std::string(kWorld), std::string(kAnyone)}};
  // Owns nothing, so that no thread counts references to what almost every znode has.
  static const AclRef kRef(AclRef(), &kOpen);
  return kRef;
}

bool IsOpenAcl(const JuteVector<Acl>& records) {
  return records && records->size() == 1 && records->front().perms == kPermAll &&
         records->front().id.scheme == kWorld && records->front().id.id == kAnyone;
}

bool IsAllowed(const AccessRules& rules, const AclList& acl, int32_t wanted,
               const std::vector<Identity>& identities) {
  if (rules.skip_acl || acl.empty()) return true;
  if (&acl == OpenAcl().get()) return (wanted & kPermAll) != 0 || IsSuper(identities);
  if (IsSuper(identities)) return true;
  for (const AclEntry& entry : acl) {
    if ((entry.perms & wanted) == 0) continue;
    if (entry.scheme == kWorld && entry.id == kAnyone) return true;
    for (const Identity& identity : identities) {
      if (Matches(rules, entry, identity)) return true;
    }
  }
  return false;
}

std::variant<AclRef, ErrorCode> FixupAcl(const AccessRules& rules, const JuteVector<Acl>& requested,
                                         const std::vector<Identity>& identities) {
  if (!requested || requested->empty()) return ErrorCode::kInvalidAcl;
  if (IsOpenAcl(requested)) return OpenAcl();
  AclList stored;
  for (const Acl& entry : WithoutDuplicates(*requested)) {
    const std::string_view scheme = entry.id.scheme;
    if (IsNull(scheme)) return ErrorCode::kInvalidAcl;
    if (scheme == "auth") {
      const size_t before = stored.size();
      for (const Identity& identity : identities) {
        if (IsAuthenticating(rules, identity)) {
          stored.push_back({entry.perms, identity.scheme, identity.id});
        }
      }
      if (stored.size() == before) return ErrorCode::kInvalidAcl;
      continue;
    }
    const bool known = scheme == kWorld || scheme == "ip" || scheme == "digest";
    if (known && IsNull(entry.id.id)) return ErrorCode::kMarshallingError;
    const bool world = scheme == kWorld && entry.id.id == kAnyone;
    if (!world && !IsValidForScheme(rules, scheme, entry.id.id)) return ErrorCode::kInvalidAcl;
    stored.push_back({entry.perms, std::string(scheme), std::string(entry.id.id)});
  }
  return std::make_shared<const AclList>(std::move(stored));
}

AclList RedactDigests(const AclList& acl) {
  AclList shown = acl;
  for (AclEntry& entry : shown) {
    if (entry.scheme != "digest") continue;
    const size_t colon = entry.id.find(':');
    if (colon != std::string::npos) entry.id.replace(colon, std::string::npos, ":x");
  }
  return shown;
}

std::string_view UserOf(const Identity& identity) {
  if (identity.scheme == "super") return EmptyString();
  const std::string_view id = identity.id;
  return identity.scheme == "digest" ? id.substr(0, id.find(':')) : id;
}

bool IsValidIpPattern(std::string_view pattern) { return ParsePrefix(pattern).has_value(); }

bool IpMatches(std::string_view pattern, std::string_view address) {
  const std::optional<IpPrefix> prefix = ParsePrefix(pattern);
  const std::optional<IpAddress> ip = ParseIp(address);
  if (!prefix || !ip || prefix->address.size != ip->size) return false;
  for (size_t bit = 0; bit < prefix->bits; bit += 8) {
    const size_t rest = prefix->bits - bit;
    const auto mask = static_cast<uint8_t>(rest >= 8 ? 0xFF : 0xFF << (8 - rest));
    if ((prefix->address.bytes[bit / 8] & mask) != (ip->bytes[bit / 8] & mask)) return false;
  }
  return true;
}

JuteVector<Acl> ToRecords(const AclList& acl) {
  std::vector<Acl> records;
  records.reserve(acl.size());
  for (const AclEntry& entry : acl) records.push_back({entry.perms, {entry.scheme, entry.id}});
  return records;
}

AclList FromRecords(const JuteVector<Acl>& records) {
  AclList acl;
  if (!records) return acl;
  for (const Acl& entry : *records) {
    acl.push_back({entry.perms, std::string(entry.id.scheme), std::string(entry.id.id)});
  }
  return acl;
}

}  // namespace lockkeeper
