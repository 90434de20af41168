#include "server/config/membership.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <tuple>
#include <utility>

#include "server/config/java_values.h"

namespace lockkeeper {
namespace {

Error Malformed(std::string text) { return Error{Errc::kBadConfig, std::move(text)}; }

Error BadForm(std::string_view text) {
  return Malformed(
      std::string(text) +
      " does not have the form server_config or server_config;client_config where "
      "server_config is the pipe separated list of host:port:port or host:port:port:type "
      "and client_config is port or host:port");
}

// As Java's String.split: empty parts at the end are dropped, a text without parts is one part.
std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  std::string_view rest = text;
  for (;;) {
    const size_t end = rest.find(separator);
    parts.push_back(rest.substr(0, end));
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  while (parts.size() > 1 && parts.back().empty()) parts.pop_back();
  return parts;
}

// The parts of `host:a:b`, where the host may be an IPv6 address in brackets.
Result<std::vector<std::string_view>> SplitHostAndPorts(std::string_view text) {
  if (!text.starts_with('[')) return Split(text, ':');
  const size_t close = text.find("]:");
  if (close == std::string_view::npos) return BadForm(text);
  std::vector<std::string_view> parts = Split(text.substr(close + 2), ':');
  parts.insert(parts.begin(), text.substr(1, close - 1));
  return parts;
}

Result<uint16_t> ParsePort(std::string_view host, std::string_view text) {
  const auto port = ParseJavaDecimal(text, INT32_MIN, INT32_MAX);
  if (!port) return Malformed("Address unresolved: " + std::string(host) + ":" + std::string(text));
  if (*port < 0 || *port > 65535) return Malformed("port out of range:" + std::to_string(*port));
  return static_cast<uint16_t>(*port);
}

// Java takes an empty host for the loopback address.
std::string HostOrLocal(std::string_view host) {
  return host.empty() ? "localhost" : CanonicalHost(host);
}

struct AddressWithRole {
  PeerAddress address;
  PeerRole role;
};

Result<AddressWithRole> ParseAddress(PeerId id, std::string_view text) {
  const auto parts = SplitHostAndPorts(text);
  if (!parts) return parts.error();
  if (parts->size() != 3 && parts->size() != 4) return BadForm(text);
  const std::string_view host = (*parts)[0];
  const auto quorum_port = ParsePort(host, (*parts)[1]);
  if (!quorum_port) return quorum_port.error();
  const auto election_port = ParsePort(host, (*parts)[2]);
  if (!election_port) return election_port.error();
  if (*quorum_port == *election_port) {
    return Malformed(
        "Client and election port must be different! Please update the configuration file "
        "on server." +
        std::to_string(id.value));
  }
  AddressWithRole result{{HostOrLocal(host), *quorum_port, *election_port}, PeerRole::kParticipant};
  if (parts->size() == 4) {
    const auto role = ParsePeerRole((*parts)[3]);
    if (!role) return role.error();
    result.role = *role;
  }
  return result;
}

Result<ClientAddress> ParseClient(std::string_view text) {
  const auto parts = SplitHostAndPorts(text);
  if (!parts) return parts.error();
  if (parts->size() > 2) return BadForm(text);
  const std::string_view host = parts->size() == 2 ? parts->front() : "0.0.0.0";
  const auto port = ParsePort(host, parts->back());
  if (!port) return port.error();
  return ClientAddress{HostOrLocal(host), *port};
}

const char* RoleText(PeerRole role) {
  return role == PeerRole::kParticipant ? "PARTICIPANT" : "OBSERVER";
}

std::string WithBrackets(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

// Java: `Long.parseLong(key.substring(key.indexOf('.') + 1))`.
Result<int64_t> NumberAfterDot(std::string_view key) {
  const size_t dot = key.find('.');
  const std::string_view text = dot == std::string_view::npos ? key : key.substr(dot + 1);
  const auto number = ParseJavaDecimal(text, INT64_MIN, INT64_MAX);
  if (!number) return Malformed("For input string: \"" + std::string(text) + "\"");
  return *number;
}

// Collects the lines; Finish checks what only the whole can show.
class MembershipBuilder {
 public:
  explicit MembershipBuilder(bool multi_address) : multi_address_(multi_address) {}

  Status Add(const ConfigEntry& entry) {
    const auto number = NumberAfterDot(entry.key);
    if (!number) return number.error();
    if (entry.key.starts_with("server.")) return AddServer(PeerId{*number}, entry.value);
    result_.hierarchical = true;
    if (entry.key.starts_with("group")) return AddGroup(*number, entry.value);
    return AddWeight(PeerId{*number}, entry.value);
  }

  Result<Membership> Finish() {
    if (!result_.hierarchical) return result_;
    for (const auto& [id, group] : group_of_) {
      const auto member = result_.members.find(id);
      if (member == result_.members.end() || member->second.role != PeerRole::kParticipant) {
        return Malformed("group." + std::to_string(group) + " names server " +
                         std::to_string(id.value) + ", which is not a participant");
      }
      result_.groups[group].push_back(id);
    }
    for (const auto& [id, member] : result_.members) {
      if (member.role != PeerRole::kParticipant) continue;
      if (!group_of_.contains(id)) {
        return Malformed("Server " + std::to_string(id.value) + "is not in a group");
      }
      result_.weights.try_emplace(id, 1);
    }
    return result_;
  }

 private:
  Status AddServer(PeerId id, std::string_view text) {
    auto member = ParseMember(id, text);
    if (!member) return member.error();
    if (member->addresses.size() > 1 && !multi_address_) {
      return Malformed(
          "Multiple address feature is disabled, but multiple addresses were specified for "
          "sid " +
          std::to_string(id.value));
    }
    if (!result_.members.emplace(id, std::move(*member)).second) {
      return Malformed("server " + std::to_string(id.value) + " is there twice");
    }
    return {};
  }

  Status AddGroup(int64_t group, std::string_view text) {
    for (const std::string_view part : Split(text, ':')) {
      const auto id = ParseJavaDecimal(part, INT64_MIN, INT64_MAX);
      if (!id) return Malformed("For input string: \"" + std::string(part) + "\"");
      if (!group_of_.emplace(PeerId{*id}, group).second) {
        return Malformed("Server " + std::to_string(*id) + "is in multiple groups");
      }
    }
    return {};
  }

  Status AddWeight(PeerId id, std::string_view text) {
    const auto weight = ParseJavaDecimal(text, INT64_MIN, INT64_MAX);
    if (!weight) return Malformed("For input string: \"" + std::string(text) + "\"");
    // The reference takes it and then counts quorums wrongly.
    if (*weight < 0) return Malformed("a weight must not be negative");
    result_.weights[id] = *weight;
    return {};
  }

  const bool multi_address_;
  Membership result_;
  std::map<PeerId, int64_t> group_of_;
};

}  // namespace

Result<PeerRole> ParsePeerRole(std::string_view text) {
  const std::string_view word = TrimmedAsJava(text);
  if (EqualsIgnoringCase(word, "participant")) return PeerRole::kParticipant;
  if (EqualsIgnoringCase(word, "observer")) return PeerRole::kObserver;
  return Malformed("Unrecognised peertype: " + std::string(text));
}

size_t Membership::Participants() const { return members.size() - Observers(); }

size_t Membership::Observers() const {
  return static_cast<size_t>(std::ranges::count_if(
      members, [](const auto& item) { return item.second.role == PeerRole::kObserver; }));
}

bool IsMembershipKey(std::string_view key) {
  return key.starts_with("server.") || key.starts_with("group") || key.starts_with("weight");
}

Result<Member> ParseMember(PeerId id, std::string_view text) {
  const std::vector<std::string_view> halves = Split(text, ';');
  if (halves.size() > 2) return BadForm(text);
  Member member;
  bool first = true;
  for (const std::string_view part : Split(halves[0], '|')) {
    auto parsed = ParseAddress(id, part);
    if (!parsed) return parsed.error();
    if (!first && parsed->role != member.role) {
      return Malformed(std::string("Multiple addresses should have similar roles: ") +
                       RoleText(member.role) + " vs " + RoleText(parsed->role));
    }
    first = false;
    member.role = parsed->role;
    if (std::ranges::find(member.addresses, parsed->address) == member.addresses.end()) {
      member.addresses.push_back(std::move(parsed->address));
    }
  }
  std::ranges::sort(member.addresses, {}, [](const PeerAddress& a) {
    return std::tie(a.host, a.quorum_port, a.election_port);
  });
  if (halves.size() == 2) {
    auto client = ParseClient(halves[1]);
    if (!client) return client.error();
    member.client = std::move(*client);
  }
  return member;
}

Result<Membership> ParseMembership(const std::vector<ConfigEntry>& entries, bool multi_address,
                                   std::string_view origin) {
  const std::string file = origin.empty() ? "" : std::string(origin) + ":";
  MembershipBuilder builder(multi_address);
  for (const ConfigEntry& entry : entries) {
    if (!IsMembershipKey(entry.key)) continue;
    if (const Status added = builder.Add(entry); !added) {
      return Malformed(file + std::to_string(entry.line) + ": " + entry.key + "=" + entry.value +
                       ": " + added.error().message);
    }
  }
  auto membership = builder.Finish();
  if (!membership) {
    return Malformed((file.empty() ? "" : file + " ") + membership.error().message);
  }
  return membership;
}

std::string CanonicalText(const Member& member) {
  std::string text;
  for (const PeerAddress& address : member.addresses) {
    if (!text.empty()) text += '|';
    text += WithBrackets(address.host) + ":" + std::to_string(address.quorum_port) + ":" +
            std::to_string(address.election_port);
  }
  text += member.role == PeerRole::kParticipant ? ":participant" : ":observer";
  if (member.client) {
    text += ";" + WithBrackets(member.client->host) + ":" + std::to_string(member.client->port);
  }
  return text;
}

std::string CanonicalText(const Membership& membership) {
  std::string text;
  for (const auto& [id, member] : membership.members) {
    text += "server." + std::to_string(id.value) + "=" + CanonicalText(member) + "\n";
  }
  for (const auto& [group, ids] : membership.groups) {
    text += "group." + std::to_string(group) + "=";
    for (const PeerId id : ids) {
      if (id != ids.front()) text += ':';
      text += std::to_string(id.value);
    }
    text += "\n";
  }
  for (const auto& [id, weight] : membership.weights) {
    text += "weight." + std::to_string(id.value) + "=" + std::to_string(weight) + "\n";
  }
  char version[17];
  std::snprintf(version, sizeof version, "%llx",
                static_cast<unsigned long long>(membership.version));
  return text + "version=" + version;
}

std::string CanonicalHost(std::string_view host) {
  std::string text(host);
  in6_addr v6;
  if (inet_pton(AF_INET6, text.c_str(), &v6) != 1) return text;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) {
    char v4[INET_ADDRSTRLEN];
    return inet_ntop(AF_INET, &v6.s6_addr[12], v4, sizeof v4);
  }
  std::string result;
  for (int group = 0; group < 8; ++group) {
    char digits[6];
    std::snprintf(digits, sizeof digits, "%s%x", group == 0 ? "" : ":",
                  v6.s6_addr[2 * group] << 8 | v6.s6_addr[2 * group + 1]);
    result += digits;
  }
  return result;
}

}  // namespace lockkeeper
