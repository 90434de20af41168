#include "server/auth/auth_schemes.h"

#include <gtest/gtest.h>

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
