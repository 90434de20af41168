#include "server/auth/auth_schemes.h"

#include <openssl/evp.h>

#include <array>
#include <memory>

#include "protocol/jute.h"
#include "server/auth/java_utf8.h"
#include "server/base64.h"

namespace lockkeeper {

std::optional<std::string> DigestIdentity(const std::string& algorithm,
                                          std::string_view credentials) {
  const std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> md(
      EVP_MD_fetch(nullptr, algorithm.c_str(), nullptr), &EVP_MD_free);
  if (md == nullptr) return std::nullopt;
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  const std::string text = DecodedAsJava(credentials);
  if (EVP_Digest(text.data(), text.size(), hash.data(), &size, md.get(), nullptr) != 1) {
    return std::nullopt;
  }
  return text.substr(0, text.find(':')) + ":" +
         Base64(std::string_view(reinterpret_cast<const char*>(hash.data()), size));
}

std::optional<std::vector<Identity>> AuthSchemes::Authenticate(std::string_view scheme,
                                                               std::string_view auth) const {
  if (scheme == "ip") return std::vector<Identity>{};  // every connection has its address already
  if (scheme == "digest" && options_.digest_enabled) return AuthenticateDigest(auth);
  return std::nullopt;
}

std::optional<std::vector<Identity>> AuthSchemes::AuthenticateDigest(
    std::string_view credentials) const {
  if (IsNull(credentials)) return std::nullopt;
  const std::optional<std::string> id = DigestIdentity(options_.digest_algorithm, credentials);
  if (!id) return std::nullopt;
  std::vector<Identity> identities{{"digest", *id}};
  if (!options_.super_digest.empty() && *id == options_.super_digest) {
    identities.push_back({"super", ""});
  }
  return identities;
}

}  // namespace lockkeeper
