// CheckServer: the rules over several keys that concern a server by itself
// (storage-and-operations 4.3 to 4.5).
#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "server/config/config_draft.h"
#include "server/config/config_keys.h"
#include "server/config/java_values.h"

namespace lockkeeper {
namespace {

constexpr std::string_view kAuthPackage = "org.apache.zookeeper.server.auth.";
constexpr std::string_view kMetricsPackage = "org.apache.zookeeper.metrics.";

int32_t Saturated(int64_t value) {
  return static_cast<int32_t>(std::min<int64_t>(value, std::numeric_limits<int32_t>::max()));
}

Status CheckDirectories(ConfigDraft* draft) {
  Config& config = draft->config;
  if (config.data_dir.empty()) return draft->Refuse("dataDir", "dataDir is not set");
  if (config.data_log_dir.empty()) config.data_log_dir = config.data_dir;
  return {};
}

Status CheckTimes(ConfigDraft* draft) {
  Config& config = draft->config;
  if (config.tick_time_ms == 0) return draft->Refuse("tickTime", "tickTime is not set");
  const int64_t tick = config.tick_time_ms;
  if (config.min_session_timeout_ms == -1) config.min_session_timeout_ms = Saturated(2 * tick);
  if (config.max_session_timeout_ms == -1) config.max_session_timeout_ms = Saturated(20 * tick);
  if (config.min_session_timeout_ms > config.max_session_timeout_ms) {
    return draft->Refuse(
        draft->Find("minSessionTimeout") != nullptr ? "minSessionTimeout" : "maxSessionTimeout",
        "minSessionTimeout must not be larger than maxSessionTimeout");
  }
  if (config.max_write_queue_poll_time_ms == -1) {
    config.max_write_queue_poll_time_ms = config.flush_delay_ms / 3;
  }
  return {};
}

// Before the server list is looked at: that may bring a port for clients of its own.
Status CheckAddresses(ConfigDraft* draft) {
  Config& config = draft->config;
  if (!config.client_port_address.empty()) {
    if (!config.client_port) {
      return draft->Refuse("clientPortAddress",
                           "clientPortAddress is set but clientPort is not set");
    }
    auto address = LookUpBindAddress(config.client_port_address);
    if (!address) return draft->Refuse("clientPortAddress", address.error().message);
    config.client_port_address = std::move(*address);
  }
  // A secureClientPort other than 0 has been refused by its row.
  if (!draft->Text("secureClientPortAddress").empty()) {
    return draft->Refuse("secureClientPortAddress",
                         "secureClientPortAddress is set but secureClientPort is not set");
  }
  return {};
}

// Strings and buffers may be longer than a request by this much when they are decoded.
void CompleteLimits(Config* config, bool extrasize_given) {
  constexpr int32_t kExtraMin = 1024;
  if (!extrasize_given) config->jute_extrasize = std::max(config->jute_maxbuffer, kExtraMin);
}

// Why an authentication provider of ZooKeeper's cannot be had; "": it can.
std::string_view WhyNotProvider(std::string_view class_name) {
  if (!class_name.starts_with(kAuthPackage)) {
    return "unknown class; classes of Java cannot be loaded";
  }
  class_name.remove_prefix(kAuthPackage.size());
  if (class_name == "DigestAuthenticationProvider") return "";
  if (class_name == "IPAuthenticationProvider") return "";
  if (class_name == "SASLAuthenticationProvider") return "SASL is not available yet";
  if (class_name == "X509AuthenticationProvider") return "TLS is not available yet";
  if (class_name == "EnsembleAuthenticationProvider") {
    return "the ensemble provider is not available yet";
  }
  return "unknown class; classes of Java cannot be loaded";
}

Status CheckAuthProviders(ConfigDraft* draft) {
  for (const ConfigEntry& entry : draft->WithPrefix("authProvider.")) {
    const std::string_view why_not = WhyNotProvider(entry.value);
    if (!why_not.empty()) return ErrorAt(draft->config.source, entry, why_not);
    // As in ZooKeeper, this brings the scheme back even if it is switched off by its own key.
    if (entry.value.ends_with(".DigestAuthenticationProvider")) {
      draft->config.digest_auth_enabled = true;
    }
  }
  return {};
}

// The names under which Java 17 has message digests, and what OpenSSL calls them.
Status CheckDigestAlgorithm(ConfigDraft* draft) {
  struct Algorithm {
    std::string_view java_name, name;
  };
  static constexpr auto kAlgorithms = std::to_array<Algorithm>({
      {"SHA", "SHA1"},
      {"SHA1", "SHA1"},
      {"SHA-1", "SHA1"},
      {"SHA-224", "SHA-224"},
      {"SHA-256", "SHA-256"},
      {"SHA-384", "SHA-384"},
      {"SHA-512", "SHA-512"},
      {"SHA-512/224", "SHA-512/224"},
      {"SHA-512/256", "SHA-512/256"},
      {"SHA3-224", "SHA3-224"},
      {"SHA3-256", "SHA3-256"},
      {"SHA3-384", "SHA3-384"},
      {"SHA3-512", "SHA3-512"},
      {"MD5", "MD5"},
  });
  constexpr char kKey[] = "DigestAuthenticationProvider.digestAlg";
  for (const Algorithm& algorithm : kAlgorithms) {
    if (!EqualsIgnoringCase(algorithm.java_name, draft->config.digest_alg)) continue;
    draft->config.digest_alg = algorithm.name;
    return {};
  }
  // Not an error of the parser in ZooKeeper: its server fails when it loads the provider, exit 1.
  return draft->Refuse(kKey,
                       "don't support this ACL digest algorithm: " + draft->config.digest_alg +
                           " in the current environment",
                       Errc::kIo);
}

Status CheckEnforcedAuthentication(ConfigDraft* draft) {
  const Config& config = draft->config;
  if (!config.enforce_auth_enabled) return {};
  if (config.enforce_auth_schemes.empty()) {
    return draft->Refuse("enforce.auth.enabled",
                         "zookeeper.enforce.auth.enabled is true zookeeper.enforce.auth.schemes "
                         "must be  configured.");
  }
  for (const std::string& scheme : config.enforce_auth_schemes) {
    if (scheme == "ip" || (scheme == "digest" && config.digest_auth_enabled)) continue;
    return draft->Refuse("enforce.auth.schemes",
                         "Authentication scheme " + scheme + " is not available.");
  }
  return {};
}

Status CheckMetricsProvider(ConfigDraft* draft) {
  constexpr char kKey[] = "metricsProvider.className";
  if (draft->Find(kKey) == nullptr) return {};
  std::string_view name = draft->Text(kKey);
  if (name.starts_with(kMetricsPackage)) {
    name.remove_prefix(kMetricsPackage.size());
    if (name == "impl.DefaultMetricsProvider" || name == "impl.NullMetricsProvider") return {};
    if (name == "prometheus.PrometheusMetricsProvider") {
      return draft->Refuse(kKey, "the Prometheus provider is not available yet");
    }
  }
  return draft->Refuse(kKey, "metrics provider class was not found");
}

// What is accepted although it will not happen, where an operator would miss it.
void WarnAboutMissingParts(ConfigDraft* draft) {
  const Config& config = draft->config;
  if (config.admin_enabled) {
    const auto admin_keys = draft->WithPrefix("admin.");
    draft->Warn(admin_keys.empty() ? "admin.enableServer" : admin_keys.front().key,
                "the AdminServer (HTTP) is not available yet; four-letter words are");
  }
}

}  // namespace

Status CheckServer(ConfigDraft* draft) {
  for (const auto check :
       {CheckDirectories, CheckTimes, CheckAddresses, CheckAuthProviders, CheckDigestAlgorithm,
        CheckEnforcedAuthentication, CheckMetricsProvider}) {
    if (Status checked = check(draft); !checked) return checked;
  }
  CompleteLimits(&draft->config, draft->Find("jute.maxbuffer.extrasize") != nullptr);
  WarnAboutMissingParts(draft);
  return {};
}

}  // namespace lockkeeper
