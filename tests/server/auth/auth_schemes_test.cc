#include "server/auth/auth_schemes.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace lockkeeper {
namespace {

TEST(DigestIdentity, EqualsZooKeepers) {  // CP-11.2
  EXPECT_EQ(DigestIdentity("SHA1", "bob:pw"), "bob:ikIaKsbtGweaHnb/jKn7OHqbunM=");
  EXPECT_EQ(DigestIdentity("SHA1", "super:test"), "super:D/InIHSb7yEEbrWz8b9l71RjZJU=");
  EXPECT_EQ(DigestIdentity("SHA1", "nocolon"), "nocolon:Ra+cHr2ZoHvBjtNArFGNGlVie4g=");
  EXPECT_EQ(DigestIdentity("SHA1", ""), ":2jmj7l5rSw0yVb/vlWAYkK/YBwk=");
  EXPECT_EQ(DigestIdentity("SHA1", "u:p"), "u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ=");
  EXPECT_EQ(DigestIdentity("no such hash", "u:p"), std::nullopt);
}

// Taken from Apache ZooKeeper 3.8.0: credentials are decoded as UTF-8 before they are hashed.
TEST(DigestIdentity, OfMalformedUtf8EqualsZooKeepers) {  // CP-11.2
  const struct {
    std::string_view credentials;
    const char* want;
  } cases[] = {
      {"u:\xC3\xA9", "u:EFErPtlOC9eJwsfM9rV+LWFgoEk="},
      {"u:\xF0\x9F\x98\x80", "u:jJrVWxbcrh8H8NliuTU6Me6qGLY="},
      {"u:\xEF\xBF\xBD", "u:NP+S9gihaPOxs49p+sWDO0/R0ac="},
      {"u:\xFF", "u:NP+S9gihaPOxs49p+sWDO0/R0ac="},
      {"u:\xC3", "u:NP+S9gihaPOxs49p+sWDO0/R0ac="},
      {"u:\xED\xA0\x80", "u:NP+S9gihaPOxs49p+sWDO0/R0ac="},
      {"u:\xF0\x90\x80", "u:NP+S9gihaPOxs49p+sWDO0/R0ac="},
      {"u:\xC0\x80", "u:tBXHUAUzZXYCqAcMeZihzl82Xwo="},
      {"u:\xF0\x80", "u:tBXHUAUzZXYCqAcMeZihzl82Xwo="},
      {"u:\xE0\x9F\xBF", "u:vEkuhjHdfUZNvfORkvAkZ7fhsck="},
      {"u:\xF4\x90\x80\x80", "u:HCZx0lTy+9lYQAH9rf604FmDKjw="},
      {"u:\xE1\x80"
       "A",
       "u:xTUlw24VLK3odVsim0/cDwtF+iE="},
      {"u\xFF:p", "u\xEF\xBF\xBD:l7saPZ96spda1FgIteNEJCwhLXM="},
      {"u\xFE\x80:p", "u\xEF\xBF\xBD\xEF\xBF\xBD:52Qr/5zsfZhqjYWx6v/fIIX3NMQ="},
      {"u\xF0\x9F\x98"
       "A:p",
       "u\xEF\xBF\xBD"
       "A:bZJ1EjT3Qm4wXG9JX72ufT6Nm6s="},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(DigestIdentity("SHA1", c.credentials), c.want);
  }
  using namespace std::string_literals;
  EXPECT_EQ(DigestIdentity("SHA1", "u\xC2\0:p"s), "u\xEF\xBF\xBD\0:05uAa7SckhtwSfee3f+pqwSLg6c="s);
}

TEST(AuthSchemes, AddTheSuperIdentityForItsDigest) {  // CP-11.5
  const AuthSchemes auth({.super_digest = "super:D/InIHSb7yEEbrWz8b9l71RjZJU="});
  const auto super = auth.Authenticate("digest", "super:test");
  ASSERT_TRUE(super.has_value());
  EXPECT_EQ(*super, (std::vector<Identity>{{"digest", "super:D/InIHSb7yEEbrWz8b9l71RjZJU="},
                                           {"super", ""}}));
  const auto other = auth.Authenticate("digest", "super:wrong");
  ASSERT_TRUE(other.has_value());
  EXPECT_EQ(other->size(), 1u);
}

TEST(AuthSchemes, RefuseWhatIsUnknownOrNull) {  // CP-11.3
  const AuthSchemes auth({});
  for (const char* scheme : {"world", "super", "auth", "sasl", "x509", ""}) {
    EXPECT_FALSE(auth.Authenticate(scheme, "x").has_value()) << scheme;
  }
  EXPECT_FALSE(auth.Authenticate({}, "x").has_value());
  EXPECT_FALSE(auth.Authenticate("digest", {}).has_value());
  EXPECT_TRUE(auth.Authenticate("ip", {}).has_value());
  EXPECT_FALSE(AuthSchemes({.digest_enabled = false}).Authenticate("digest", "a:b").has_value());
}

}  // namespace
}  // namespace lockkeeper
