// How a connection proves who it is with an auth packet (client-protocol 11.2, 11.3). A new scheme
// is one function and one line in Authenticate.
#ifndef LOCKKEEPER_SERVER_AUTH_AUTH_SCHEMES_H_
#define LOCKKEEPER_SERVER_AUTH_AUTH_SCHEMES_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datatree/acl.h"

namespace lockkeeper {

struct AuthOptions {
  bool digest_enabled = true;
  std::string digest_algorithm = "SHA1";  // as OpenSSL names it
  std::string super_digest;               // "user:base64(hash)"; empty: there is no super user
};

// "user:" + base64(hash of the whole credentials), the user being what stands before the first
// colon. Credentials are text: malformed UTF-8 counts as U+FFFD (java_utf8.h), also in the hash.
// nullopt: OpenSSL does not have the algorithm.
std::optional<std::string> DigestIdentity(const std::string& algorithm,
                                          std::string_view credentials);

// Threads: immutable after construction, used by all I/O threads.
class AuthSchemes {
 public:
  explicit AuthSchemes(AuthOptions options) : options_(std::move(options)) {}

  // The identities that an auth packet adds; nullopt: refused, the connection is closed.
  std::optional<std::vector<Identity>> Authenticate(std::string_view scheme,
                                                    std::string_view auth) const;

 private:
  std::optional<std::vector<Identity>> AuthenticateDigest(std::string_view credentials) const;

  const AuthOptions options_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_AUTH_AUTH_SCHEMES_H_
