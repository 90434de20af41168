// CheckEnsemble: the server list and the keys around it (storage-and-operations 4.5 to 4.8).
#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "server/config/config_draft.h"
#include "server/config/java_values.h"
#include "server/config/my_id.h"

namespace lockkeeper {
namespace {

bool IsTrue(const ConfigDraft& draft, std::string_view key) {
  return ParseJavaBoolean(draft.Text(key));
}

Status CheckElectionAlgorithm(ConfigDraft* draft) {
  const std::string_view text = draft->Text("electionAlg");
  if (text.empty() || ParseJavaDecimal(text, 3, 3)) return {};
  return draft->Refuse("electionAlg", "Invalid electionAlg value. Only 3 is supported.");
}

Status CheckPeerType(ConfigDraft* draft) {
  if (draft->Find("peerType") == nullptr) return {};
  const auto role = ParsePeerRole(draft->Text("peerType"));
  if (!role) return draft->Refuse("peerType", role.error().message);
  draft->config.peer_type = *role;
  return {};
}

Status CheckQuorumSasl(ConfigDraft* draft) {
  constexpr std::string_view kEnable = "quorum.auth.enableSasl";
  constexpr std::string_view kLearner = "quorum.auth.learnerRequireSasl";
  constexpr std::string_view kServer = "quorum.auth.serverRequireSasl";
  for (const auto& [key, needed] :
       {std::pair{kLearner, kEnable}, {kServer, kEnable}, {kServer, kLearner}}) {
    if (!IsTrue(*draft, key) || IsTrue(*draft, needed)) continue;
    return draft->Refuse(
        key, std::string(needed) + " is disabled, so cannot enable " + std::string(key));
  }
  return {};
}

// The version of a membership stands in the name of its file, in hexadecimal; no number: 0.
int64_t VersionFromName(std::string_view path) {
  const size_t dot = path.rfind('.');
  if (dot == std::string_view::npos) return 0;
  const std::string_view text = path.substr(dot + 1);
  int64_t version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version, 16);
  return error == std::errc() && end == text.data() + text.size() ? version : 0;
}

Result<Membership> ReadDynamicFile(const std::string& path, bool multi_address) {
  const auto entries = ReadConfigEntries(path);
  if (!entries) return entries.error();
  for (const ConfigEntry& entry : *entries) {
    if (entry.key == "version") {
      return ErrorAt(path, entry, "dynamic file shouldn't have version inside");
    }
    if (!IsMembershipKey(entry.key)) {
      return ErrorAt(path, entry, "Unrecognised parameter: " + entry.key);
    }
  }
  auto membership = ParseMembership(*entries, multi_address, path);
  if (membership) membership->version = VersionFromName(path);
  return membership;
}

Status ReadMembership(ConfigDraft* draft) {
  Config& config = draft->config;
  std::vector<ConfigEntry> lines;
  for (const std::string_view prefix : {"server.", "group", "weight"}) {
    for (ConfigEntry& entry : draft->WithPrefix(prefix)) lines.push_back(std::move(entry));
  }
  const bool dynamic = !config.dynamic_config_file.empty();
  if (dynamic && !lines.empty()) {
    return ErrorAt(
        config.source, lines.front(),
        "parameter: " + lines.front().key + " must be in a separate dynamic config file");
  }
  auto membership = dynamic
                        ? ReadDynamicFile(config.dynamic_config_file, config.multi_address_enabled)
                        : ParseMembership(lines, config.multi_address_enabled, config.source);
  if (!membership) return membership.error();
  config.membership = std::move(*membership);
  return {};
}

Status ReadId(ConfigDraft* draft) {
  const auto myid = ReadMyId(draft->config.data_dir);
  if (!myid) return myid.error();
  draft->config.myid = *myid;
  return {};
}

bool MeansEveryAddress(std::string_view address) {
  return address.empty() || address == "0.0.0.0" || address == "::";
}

// The server list may carry this server's port for clients; it wins, and must not contradict.
Status TakeClientAddressFromList(ConfigDraft* draft) {
  Config& config = draft->config;
  if (!config.myid) return {};
  const auto self = config.membership.members.find(*config.myid);
  if (self == config.membership.members.end() || !self->second.client) return {};
  const ClientAddress& listed = *self->second.client;
  const std::string listed_text = listed.host + ":" + std::to_string(listed.port);
  const auto address = LookUpBindAddress(listed.host);
  if (!address) return draft->Refuse("", "Address unresolved: " + listed_text);
  const bool same_port = !config.client_port || *config.client_port == listed.port;
  const bool same_address =
      MeansEveryAddress(config.client_port_address) || config.client_port_address == *address;
  if (!same_port || !same_address) {
    const std::string given =
        config.client_port_address.empty() ? "0.0.0.0" : config.client_port_address;
    return draft->Refuse(
        "clientPort", "client address for this server (id = " + std::to_string(config.myid->value) +
                          ") in static config file is " + given + ":" +
                          std::to_string(*config.client_port) +
                          " is different from client address found in dynamic "
                          "file: " +
                          listed_text);
  }
  config.client_port = listed.port;
  config.client_port_address = *address;
  return {};
}

void SettleRole(ConfigDraft* draft) {
  Config& config = draft->config;
  PeerRole listed = PeerRole::kParticipant;
  if (config.myid) {
    const auto self = config.membership.members.find(*config.myid);
    if (self != config.membership.members.end()) listed = self->second.role;
  }
  if (listed == config.peer_type) return;
  const auto text = [](PeerRole role) {
    return std::string(role == PeerRole::kParticipant ? "PARTICIPANT" : "OBSERVER");
  };
  draft->Warn("peerType", "Peer type from servers list (" + text(listed) +
                              ") doesn't match peerType (" + text(config.peer_type) +
                              "). Defaulting to servers list.");
  config.peer_type = listed;
}

void SettleDefaults(ConfigDraft* draft) {
  Config& config = draft->config;
  if (draft->Find("observer.syncEnabled") != nullptr) {
    config.sync_enabled = IsTrue(*draft, "observer.syncEnabled");
  }
  if (config.election_port_bind_retry < 0) {
    draft->Warn("electionPortBindRetry", "must not be negative, 3 is used");
    config.election_port_bind_retry = 3;
  }
}

// What an ensemble of Apache's can and ours cannot: refused where the servers would misunderstand
// each other or go unprotected, told where only a service is missing.
Status CheckUnavailable(ConfigDraft* draft, const std::string& list_key) {
  struct Feature {
    std::string_view key;
    std::string_view what;
  };
  for (const auto& [key, what] : {Feature{"sslQuorum", "TLS between servers is not available yet"},
                                  {"quorum.auth.enableSasl", "SASL is not available yet"}}) {
    if (IsTrue(*draft, key)) return draft->Refuse(key, std::string(what));
  }
  if (draft->config.observer_master_port > 0) {
    return draft->Refuse("observerMasterPort", "observer masters are not available yet");
  }
  const Membership& membership = draft->config.membership;
  const bool weighted = std::ranges::any_of(
      membership.weights, [](const auto& of_peer) { return of_peer.second != 1; });
  if (weighted || !membership.groups.empty()) {
    return draft->Refuse(list_key, "groups and weights are not available yet");
  }
  for (const auto& [key, what] :
       {Feature{"localSessionsEnabled", "local sessions are not available yet: all are global"},
        {"readonlymode.enabled", "read-only mode is not available yet: no quorum, no service"},
        {"reconfigEnabled",
         "reconfiguration is not available yet: reconfig is answered with an error"}}) {
    if (IsTrue(*draft, key)) draft->Warn(key, std::string(what));
  }
  if (!draft->config.leader_serves) {
    draft->Warn("leaderServes", "no is not available yet: the leader takes clients too");
  }
  return {};
}

// What an ensemble needs besides its list.
Status CheckEnsembleMode(ConfigDraft* draft, const std::string& list_key) {
  Config& config = draft->config;
  const size_t participants = config.membership.Participants();
  if (participants <= 2) {
    draft->Warn(list_key, "No server failure will be tolerated. You need at least 3 servers.");
  } else if (participants % 2 == 0) {
    draft->Warn(list_key, "Non-optimal configuration, consider an odd number of servers.");
  }
  if (config.init_limit_ticks == 0) return draft->Refuse("initLimit", "initLimit is not set");
  if (config.sync_limit_ticks == 0) return draft->Refuse("syncLimit", "syncLimit is not set");
  if (!config.myid) return draft->Refuse("", "myid file is missing");
  if (!config.membership.members.contains(*config.myid)) {
    return draft->Refuse(list_key, "this server's number, " + std::to_string(config.myid->value) +
                                       " in the file myid, is not in the list");
  }
  // It is the top byte of session ids, and 0xff there means a TTL node once these are switched on.
  constexpr int64_t kExtendedTypesIdMax = 254;
  if (config.extended_types_enabled && config.myid->value > kExtendedTypesIdMax) {
    return draft->Refuse("extendedTypesEnabled", "this server's number, " +
                                                     std::to_string(config.myid->value) +
                                                     " in the file myid, must not be larger than " +
                                                     std::to_string(kExtendedTypesIdMax));
  }
  config.ensemble = true;
  config.server_id = config.myid->value;
  return CheckUnavailable(draft, list_key);
}

Status SettleMode(ConfigDraft* draft) {
  const Config& config = draft->config;
  const size_t participants = config.membership.Participants();
  const auto list = draft->WithPrefix("server.");
  const std::string list_key = !list.empty() ? list.front().key : "dynamicConfigFile";
  if (participants == 0) {
    if (!config.standalone_enabled) {
      return draft->Refuse("standaloneEnabled",
                           "standaloneEnabled = false then number of participants should be >0");
    }
    if (config.membership.Observers() > 0) {
      return draft->Refuse(list_key, "Observers w/o participants is an invalid configuration");
    }
    return {};
  }
  if (participants > 1) return CheckEnsembleMode(draft, list_key);
  if (!config.standalone_enabled) return CheckEnsembleMode(draft, "standaloneEnabled");
  draft->Warn(list_key, "Invalid configuration, only one server specified (ignoring)");
  if (config.membership.Observers() > 0) {
    return draft->Refuse(list_key, "Observers w/o quorum is an invalid configuration");
  }
  return {};
}

}  // namespace

Status CheckEnsemble(ConfigDraft* draft) {
  for (const auto check : {CheckElectionAlgorithm, CheckPeerType, CheckQuorumSasl, ReadMembership,
                           ReadId, TakeClientAddressFromList, SettleMode}) {
    if (Status checked = check(draft); !checked) return checked;
  }
  SettleRole(draft);
  SettleDefaults(draft);
  if (!draft->config.client_port) {
    draft->Warn("clientPort", "clientPort is not set: the server runs without a port for clients");
  }
  return {};
}

}  // namespace lockkeeper
