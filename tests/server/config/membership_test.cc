// SO-4.8: the grammar of server.N, group.G and weight.N, and the canonical text.
#include "server/config/membership.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace lockkeeper {
namespace {

constexpr char kForm[] =
    " does not have the form server_config or server_config;client_config where server_config is "
    "the pipe separated list of host:port:port or host:port:port:type and client_config is port "
    "or host:port";

std::string Canonical(std::string_view text) {
  const auto member = ParseMember(PeerId{1}, text);
  return member ? CanonicalText(*member) : member.error().message;
}

std::vector<ConfigEntry> Entries(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::vector<ConfigEntry> entries;
  for (const auto& [key, value] : pairs) {
    entries.push_back({key, value, static_cast<int>(entries.size()) + 1, 0});
  }
  return entries;
}

std::string Text(const std::vector<std::pair<std::string, std::string>>& pairs,
                 bool multi_address = false) {
  const auto membership = ParseMembership(Entries(pairs), multi_address, "f");
  return membership ? CanonicalText(*membership) : membership.error().message;
}

// SO-4.8
TEST(Membership, MemberWithRolesAndClientPart) {
  EXPECT_EQ(Canonical("zk1:2888:3888"), "zk1:2888:3888:participant");
  EXPECT_EQ(Canonical("zk1:2888:3888:participant"), "zk1:2888:3888:participant");
  EXPECT_EQ(Canonical("zk1:2888:3888:OBSERVER"), "zk1:2888:3888:observer");
  EXPECT_EQ(Canonical("zk1:2888:3888;2181"), "zk1:2888:3888:participant;0.0.0.0:2181");
  EXPECT_EQ(Canonical("zk1:2888:3888:Observer;zk1.local:2181"),
            "zk1:2888:3888:observer;zk1.local:2181");
}

// SO-4.8
TEST(Membership, FieldsOfAMember) {
  const auto member = ParseMember(PeerId{3}, "10.0.0.1:2888:3888:observer;127.0.0.1:2181");
  ASSERT_TRUE(member);
  EXPECT_EQ(
      *member,
      (Member{{{"10.0.0.1", 2888, 3888}}, PeerRole::kObserver, ClientAddress{"127.0.0.1", 2181}}));
}

// SO-4.8
TEST(Membership, IPv6HostsStandInBrackets) {
  EXPECT_EQ(Canonical("[::1]:2888:3888;[fe80::1]:2181"),
            "[0:0:0:0:0:0:0:1]:2888:3888:participant;[fe80:0:0:0:0:0:0:1]:2181");
  EXPECT_EQ(Canonical("[2001:DB8::A]:1:2"), "[2001:db8:0:0:0:0:0:a]:1:2:participant");
  EXPECT_EQ(Canonical("[::ffff:1.2.3.4]:1:2"), "1.2.3.4:1:2:participant");
  EXPECT_EQ(Canonical("[fe80::1%lo]:1:2"), "[fe80::1%lo]:1:2:participant");
  EXPECT_EQ(Canonical("[name]:1:2"), "name:1:2:participant");
  EXPECT_EQ(Canonical("::1:2888:3888"), std::string("::1:2888:3888") + kForm);
}

// SO-4.8: several addresses are sorted and have one role.
TEST(Membership, SeveralAddresses) {
  EXPECT_EQ(Canonical("h2:1:2|h1:3:4;2181"), "h1:3:4|h2:1:2:participant;0.0.0.0:2181");
  EXPECT_EQ(Canonical("h1:1:2|[::1]:3:4|10.0.0.1:5:6"),
            "[0:0:0:0:0:0:0:1]:3:4|10.0.0.1:5:6|h1:1:2:participant");
  EXPECT_EQ(Canonical("h:1:2|h:1:2"), "h:1:2:participant");
  EXPECT_EQ(Canonical("h1:1:2:observer|h2:1:2:Observer"), "h1:1:2|h2:1:2:observer");
  EXPECT_EQ(Canonical("h1:1:2:observer|h2:1:2"),
            "Multiple addresses should have similar roles: OBSERVER vs PARTICIPANT");
}

// SO-4.8: what the reference takes although it looks unfinished.
TEST(Membership, EmptyPartsAtTheEndAndEmptyHosts) {
  EXPECT_EQ(Canonical("h:1:2;"), "h:1:2:participant");
  EXPECT_EQ(Canonical("h:1:2|"), "h:1:2:participant");
  EXPECT_EQ(Canonical("h:1:2:"), "h:1:2:participant");
  EXPECT_EQ(Canonical(":1:2"), "localhost:1:2:participant");
  EXPECT_EQ(Canonical("h:1:2;:2181"), "h:1:2:participant;localhost:2181");
  EXPECT_EQ(Canonical("h:+1:2"), "h:1:2:participant");
  EXPECT_EQ(Canonical("h:1:2: observer ;2181"), "h:1:2:observer;0.0.0.0:2181");
}

// SO-4.5, SO-4.8
TEST(Membership, MalformedMembersAreRefused) {
  for (const std::string text : {"", "h", "h:1", "h:1:2:participant:x", ";2181", "|h:1:2",
                                 "h:1:2;3;4", "h:1:2;h:1:2", "[::1]", "[::1:2:3"}) {
    EXPECT_TRUE(Canonical(text).ends_with(kForm)) << text << ": " << Canonical(text);
  }
  EXPECT_EQ(Canonical("h:1:2:boss"), "Unrecognised peertype: boss");
  EXPECT_EQ(Canonical("h:a:2"), "Address unresolved: h:a");
  EXPECT_EQ(Canonical("h:1 :2"), "Address unresolved: h:1 ");
  EXPECT_EQ(Canonical("h:1:2;c:x"), "Address unresolved: c:x");
  EXPECT_EQ(Canonical("h:1:2; 2181"), "Address unresolved: 0.0.0.0: 2181");
  EXPECT_EQ(Canonical("h:1:99999"), "port out of range:99999");
  EXPECT_EQ(Canonical("h:-1:2"), "port out of range:-1");
  EXPECT_EQ(Canonical("h:1:2;99999"), "port out of range:99999");
  EXPECT_EQ(Canonical("h:7:7"),
            "Client and election port must be different! Please update the configuration file on "
            "server.1");
}

// SO-4.8
TEST(Membership, CanonicalTextIsSortedAndEndsWithTheVersion) {
  EXPECT_EQ(Text({{"server.10", "c:1:2"},
                  {"tickTime", "2000"},
                  {"server.2", "b:1:2:observer"},
                  {"server.-1", "a:1:2;2181"}}),
            "server.-1=a:1:2:participant;0.0.0.0:2181\n"
            "server.2=b:1:2:observer\n"
            "server.10=c:1:2:participant\n"
            "version=0");
  EXPECT_EQ(Text({}), "version=0");
  Membership membership;
  membership.version = 0x100000000;
  EXPECT_EQ(CanonicalText(membership), "version=100000000");
}

// SO-4.8: the canonical text is a fixed point.
TEST(Membership, CanonicalTextParsesToTheSameMembership) {
  const auto first = ParseMembership(Entries({{"server.1", "[::1]:1:2|h:3:4;2181"},
                                              {"server.2", "b:1:2"},
                                              {"server.3", "c:1:2"},
                                              {"server.4", "d:1:2:observer"},
                                              {"group.1", "1"},
                                              {"group.2", "3:2"},
                                              {"weight.2", "0"}}),
                                     true, "");
  ASSERT_TRUE(first) << first.error().message;
  std::vector<ConfigEntry> lines;
  const std::string text = CanonicalText(*first);
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const size_t equals = text.find('=', at);
    lines.push_back(
        {text.substr(at, equals - at), text.substr(equals + 1, end - equals - 1), 0, 0});
    at = end + 1;
  }
  const auto again = ParseMembership(lines, true, "");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(*again, *first);
}

// SO-4.8
TEST(Membership, GroupsAndWeights) {
  const auto membership = ParseMembership(Entries({{"server.1", "a:1:2"},
                                                   {"server.2", "b:1:2"},
                                                   {"server.3", "c:1:2"},
                                                   {"server.4", "d:1:2:observer"},
                                                   {"group.2", "3"},
                                                   {"group.1", "2:1"},
                                                   {"weight.2", "0"}}),
                                          false, "");
  ASSERT_TRUE(membership) << membership.error().message;
  EXPECT_TRUE(membership->hierarchical);
  EXPECT_EQ(membership->Participants(), 3u);
  EXPECT_EQ(membership->Observers(), 1u);
  EXPECT_EQ(CanonicalText(*membership),
            "server.1=a:1:2:participant\nserver.2=b:1:2:participant\nserver.3=c:1:2:participant\n"
            "server.4=d:1:2:observer\ngroup.1=1:2\ngroup.2=3\nweight.1=1\nweight.2=0\nweight.3=1\n"
            "version=0");
}

// SO-4.5, SO-4.8: each text begins with file, line, key and value.
TEST(Membership, BadListsAreRefused) {
  const std::pair<std::string, std::string> one{"server.1", "a:1:2"}, two{"server.2", "b:1:2"};
  EXPECT_EQ(Text({one, {"server.X", "b:1:2"}}), "f:2: server.X=b:1:2: For input string: \"X\"");
  EXPECT_EQ(Text({one, {"server.", "b:1:2"}}), "f:2: server.=b:1:2: For input string: \"\"");
  EXPECT_EQ(Text({one, {"server.01", "b:1:2"}}), "f:2: server.01=b:1:2: server 1 is there twice");
  EXPECT_EQ(Text({one, {"grouper", "5"}}), "f:2: grouper=5: For input string: \"grouper\"");
  EXPECT_EQ(Text({one, {"group.1", "x"}}), "f:2: group.1=x: For input string: \"x\"");
  EXPECT_EQ(Text({one, {"group.1", ""}}), "f:2: group.1=: For input string: \"\"");
  EXPECT_EQ(Text({one, {"weight.1", "x"}}), "f:2: weight.1=x: For input string: \"x\"");
  EXPECT_EQ(Text({one, {"weight.1", "-1"}}), "f:2: weight.1=-1: a weight must not be negative");
  EXPECT_EQ(Text({one, two, {"group.1", "1"}}), "f: Server 2is not in a group");
  EXPECT_EQ(Text({one, two, {"weight.1", "2"}}), "f: Server 1is not in a group");
  EXPECT_EQ(Text({one, two, {"group.1", "1:2"}, {"group.2", "2"}}),
            "f:4: group.2=2: Server 2is in multiple groups");
  EXPECT_EQ(Text({one, {"group.1", "1:9"}}),
            "f: group.1 names server 9, which is not a participant");
  EXPECT_EQ(Text({{"server.1", "a:1:2|b:1:2"}}),
            "f:1: server.1=a:1:2|b:1:2: Multiple address feature is disabled, but multiple "
            "addresses were specified for sid 1");
  EXPECT_EQ(Text({{"server.1", "b:1:2|a:1:2"}}, true),
            "server.1=a:1:2|b:1:2:participant\nversion=0");
}

}  // namespace
}  // namespace lockkeeper
