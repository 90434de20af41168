// Who may do what (client-protocol 7.5 to 7.7, 11.3).
#include "datatree/acl.h"

#include <gtest/gtest.h>

#include "tests/datatree/tree_test_util.h"

namespace lockkeeper {
namespace {

using Who = std::vector<Identity>;

const AccessRules kRules;

// What would be stored, as text; the error's number if it is refused.
std::string Fixed(const JuteVector<Acl>& requested, const Who& who = {},
                  const AccessRules& rules = kRules) {
  const std::variant<AclRef, ErrorCode> fixed = FixupAcl(rules, requested, who);
  if (const auto* code = std::get_if<ErrorCode>(&fixed)) {
    return std::to_string(static_cast<int32_t>(*code));
  }
  return Text(*std::get<AclRef>(fixed));
}
std::string FixedId(std::string_view scheme, std::string_view id) {
  return Fixed(std::vector<Acl>{Entry(1, scheme, id)});
}

// --- lists on create and setACL (7.5) ---------------------------------------------------------

TEST(FixupAcl, RefusesNullAndEmptyLists) {  // CP-7.15, CP-1.5
  EXPECT_EQ(Fixed(std::nullopt), "-114");
  EXPECT_EQ(Fixed(std::vector<Acl>{}), "-114");
}

TEST(FixupAcl, DropsExactDuplicatesAndKeepsTheOrder) {  // CP-7.14
  EXPECT_EQ(Fixed(std::vector<Acl>{Entry(1, "world", "anyone"), Entry(2, "digest", "a:b"),
                                   Entry(1, "world", "anyone"), Entry(2, "world", "anyone"),
                                   Entry(2, "digest", "a:b")}),
            " 1:world:anyone 2:digest:a:b 2:world:anyone");
}

TEST(FixupAcl, DoesNotCheckPermissions) {  // CP-7.19
  EXPECT_EQ(Fixed(WorldMay(0)), " 0:world:anyone");
  EXPECT_EQ(Fixed(WorldMay(255)), " 255:world:anyone");
  EXPECT_EQ(Fixed(WorldMay(-1)), " -1:world:anyone");
}

TEST(FixupAcl, RefusesSchemesThatNobodyProvides) {  // CP-7.15
  EXPECT_EQ(FixedId("nobody", "x"), "-114");
  EXPECT_EQ(FixedId("super", ""), "-114");
  EXPECT_EQ(FixedId("", "x"), "-114");
  EXPECT_EQ(FixedId({}, "x"), "-114");
  EXPECT_EQ(FixedId("world", "someone"), "-114");
  EXPECT_EQ(FixedId("World", "anyone"), "-114");
}

TEST(FixupAcl, RefusesNullIds) {  // client-protocol 7.5
  for (const char* scheme : {"world", "digest", "ip"}) EXPECT_EQ(FixedId(scheme, {}), "-5");
  EXPECT_EQ(FixedId("nobody", {}), "-114");
  EXPECT_EQ(Fixed(std::vector<Acl>{Entry(1, "auth", {})}, {{"digest", "a:b"}}), " 1:digest:a:b");
}

TEST(FixupAcl, OneBadEntryRefusesAll) {
  EXPECT_EQ(Fixed(std::vector<Acl>{Entry(1, "world", "anyone"), Entry(1, "ip", "bad")}), "-114");
}

TEST(FixupAcl, ExpandsAuthToAuthenticatedIdentities) {  // CP-7.16
  const std::vector<Acl> auth{Entry(5, "auth", "ignored")};
  EXPECT_EQ(Fixed(auth, {{"ip", "1.2.3.4"}, {"digest", "a:b"}, {"super", ""}, {"digest", "c:d"}}),
            " 5:digest:a:b 5:digest:c:d");
  EXPECT_EQ(Fixed(auth, {{"ip", "1.2.3.4"}, {"super", ""}}), "-114");  // CP-7.15
  EXPECT_EQ(Fixed(auth), "-114");
  // Duplicates made by the expansion stay.
  EXPECT_EQ(
      Fixed(std::vector<Acl>{Entry(5, "digest", "a:b"), Entry(5, "auth", "")}, {{"digest", "a:b"}}),
      " 5:digest:a:b 5:digest:a:b");
}

TEST(FixupAcl, ChecksDigestIds) {  // CP-7.17
  for (const char* id : {"a:b", ":b", "a:b:", "a:b::", "bob:ikIaKsbtGweaHnb/jKn7OHqbunM="}) {
    EXPECT_EQ(FixedId("digest", id), std::string(" 1:digest:") + id);
  }
  for (const char* id : {"abc", "a:", "a:b:c", "", ":", "::"}) {
    EXPECT_EQ(FixedId("digest", id), "-114") << id;
  }
}

TEST(FixupAcl, RefusesDigestWhenItIsSwitchedOff) {
  const AccessRules off{.digest_enabled = false};
  EXPECT_EQ(Fixed(std::vector<Acl>{Entry(1, "digest", "a:b")}, {}, off), "-114");
  EXPECT_EQ(Fixed(std::vector<Acl>{Entry(1, "auth", "")}, {{"digest", "a:b"}}, off), "-114");
}

TEST(FixupAcl, TakesTensOfThousandsOfEntries) {
  std::vector<std::string> ids;
  for (int i = 0; i < 40'000; ++i) ids.push_back("u:" + std::to_string(i % 20'000));
  std::vector<Acl> requested;
  for (const std::string& id : ids) requested.push_back(Entry(1, "digest", id));
  const auto fixed = FixupAcl(kRules, requested, {});
  ASSERT_TRUE(std::holds_alternative<AclRef>(fixed));
  const AclList& stored = *std::get<AclRef>(fixed);
  ASSERT_EQ(stored.size(), 20'000u);
  EXPECT_EQ(stored.front().id, "u:0");
  EXPECT_EQ(stored.back().id, "u:19999");
}

// --- ip patterns (11.3) -----------------------------------------------------------------------

TEST(IpPattern, TakesAddressesWithOptionalBits) {  // CP-7.18
  for (const char* id : {"1.2.3.4", "0.0.0.0/0", "10.0.0.0/8", "255.255.255.255/32", "+1.2.3.4",
                         "001.02.3.4", "::", "::1", "1::", "1:2:3:4:5:6:7:8",
                         "1:2:3:4:5:6:7::", "fe80::1/64", "ABCD::ef/128", "::/0"}) {
    EXPECT_TRUE(IsValidIpPattern(id)) << id;
    EXPECT_EQ(FixedId("ip", id), std::string(" 1:ip:") + id);
  }
}

TEST(IpPattern, RefusesTheRest) {  // CP-7.18
  for (const char* id : {"",
                         "/",
                         "1.2.3",
                         "1.2.3.4.5",
                         "1.2.3.256",
                         "1.2.3.-1",
                         "1.2.3.",
                         ".1.2.3",
                         "1.2.3.x",
                         "localhost",
                         "1.2.3.4/33",
                         "1.2.3.4/",
                         "1.2.3.4/-1",
                         "1.2.3.4/x",
                         "/8",
                         "1.2.3.4/8/8",
                         "-1",
                         "::1/129",
                         "::1/",
                         ":::",
                         "1::2::3",
                         "1:2:3:4:5:6:7",
                         "1:2:3:4:5:6:7:8:9",
                         "1:2:3:4:5:6:7:8::",
                         "12345::",
                         "g::",
                         ":1",
                         "1:",
                         "::1.2.3.4",
                         "fe80::1%eth0"}) {
    EXPECT_FALSE(IsValidIpPattern(id)) << id;
    EXPECT_EQ(FixedId("ip", id), "-114") << id;
  }
}

TEST(IpMatches, ComparesUnderThePrefix) {  // client-protocol 11.3
  struct Row {
    const char* pattern;
    const char* address;
    bool matches;
  };
  constexpr Row kRows[] = {
      {"10.1.2.3", "10.1.2.3", true},
      {"10.1.2.3", "10.1.2.4", false},
      {"10.0.0.0/8", "10.255.1.2", true},
      {"10.0.0.0/8", "11.0.0.0", false},
      {"10.9.9.9/8", "10.1.2.3", true},  // bits beyond the prefix do not count
      {"192.168.4.0/23", "192.168.5.255", true},
      {"192.168.4.0/23", "192.168.6.0", false},
      {"0.0.0.0/0", "1.2.3.4", true},
      {"1.2.3.4/32", "1.2.3.5", false},
      {"::1", "0:0:0:0:0:0:0:1", true},
      {"fe80::/10", "febf:0:0:0:0:0:0:1", true},
      {"fe80::/10", "fec0:0:0:0:0:0:0:1", false},
      {"::/0", "1:2:3:4:5:6:7:8", true},
      {"::/0", "1.2.3.4", false},  // families differ
      {"0.0.0.0/0", "0:0:0:0:0:0:0:1", false},
      {"nonsense", "1.2.3.4", false},
  };
  for (const Row& row : kRows) {
    EXPECT_EQ(IpMatches(row.pattern, row.address), row.matches) << row.pattern << row.address;
  }
}

// --- checks (7.6) -----------------------------------------------------------------------------

TEST(IsAllowed, GoesThroughTheEntries) {  // client-protocol 7.6
  const AclList acl{{kPermRead, "world", "anyone"},
                    {kPermWrite, "digest", "bob:h"},
                    {kPermAdmin, "ip", "10.0.0.0/8"}};
  const auto allowed = [&](int32_t wanted, const Who& who) {
    return IsAllowed(kRules, acl, wanted, who);
  };
  EXPECT_TRUE(allowed(kPermRead, {}));
  EXPECT_FALSE(allowed(kPermWrite, {}));
  EXPECT_TRUE(allowed(kPermWrite, {{"ip", "1.1.1.1"}, {"digest", "bob:h"}}));
  EXPECT_FALSE(allowed(kPermWrite, {{"digest", "bob:other"}}));
  EXPECT_FALSE(allowed(kPermWrite, {{"ip", "bob:h"}})) << "another scheme";
  EXPECT_TRUE(allowed(kPermAdmin, {{"ip", "10.4.5.6"}}));
  EXPECT_FALSE(allowed(kPermAdmin, {{"ip", "11.4.5.6"}}));
  EXPECT_FALSE(allowed(kPermCreate, {{"digest", "bob:h"}, {"ip", "10.4.5.6"}}));
  EXPECT_TRUE(allowed(kPermRead | kPermAdmin, {})) << "one of two bits is enough";
  EXPECT_TRUE(allowed(kPermCreate, {{"super", ""}}));  // CP-7.20
}

TEST(IsAllowed, PermissionsOfZeroDenyEverybodyButTheSuperUser) {  // CP-7.19
  const AclList acl{{0, "world", "anyone"}};
  for (int32_t bit : {1, 2, 4, 8, 16}) {
    EXPECT_FALSE(IsAllowed(kRules, acl, bit, {{"digest", "a:b"}}));
    EXPECT_TRUE(IsAllowed(kRules, acl, bit, {{"digest", "a:b"}, {"super", ""}}));
  }
}

TEST(IsAllowed, IsOpenWithoutEntriesAndWhenSwitchedOff) {
  EXPECT_TRUE(IsAllowed(kRules, {}, kPermAdmin, {}));
  EXPECT_TRUE(IsAllowed({.skip_acl = true}, {{0, "world", "anyone"}}, kPermAdmin, {}));
}

TEST(IsAllowed, KnowsNoDigestWhenItIsSwitchedOff) {
  const AclList acl{{31, "digest", "a:b"}};
  EXPECT_TRUE(IsAllowed(kRules, acl, 1, {{"digest", "a:b"}}));
  EXPECT_FALSE(IsAllowed({.digest_enabled = false}, acl, 1, {{"digest", "a:b"}}));
}

// --- showing (7.7, 11.4) ----------------------------------------------------------------------

TEST(RedactDigests, HidesHashesOnly) {  // CP-7.8
  const AclList acl{{31, "digest", "bob:ikIa="},
                    {1, "world", "anyone"},
                    {1, "ip", "::1"},
                    {1, "digest", ":h"},
                    {1, "digest", "a:b:"}};
  EXPECT_EQ(Text(RedactDigests(acl)),
            " 31:digest:bob:x 1:world:anyone 1:ip:::1 1:digest::x 1:digest:a:x");
}

TEST(UserOf, IsWhatWhoAmIShows) {  // CP-4.8
  EXPECT_EQ(UserOf({"digest", "bob:hash"}), "bob");
  EXPECT_EQ(UserOf({"digest", ":hash"}), "");
  EXPECT_EQ(UserOf({"ip", "1:2:3:4:5:6:7:8"}), "1:2:3:4:5:6:7:8");
  EXPECT_EQ(UserOf({"super", ""}), "");
  EXPECT_FALSE(IsNull(UserOf({"super", ""})));
}

TEST(Records, CarryListsBothWays) {
  const AclList acl{{31, "digest", "a:b"}, {-1, "world", "anyone"}};
  EXPECT_EQ(FromRecords(ToRecords(acl)), acl);
  EXPECT_TRUE(FromRecords(std::nullopt).empty());
}

}  // namespace
}  // namespace lockkeeper
