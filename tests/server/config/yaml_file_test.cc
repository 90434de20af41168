#include "server/config/yaml_file.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>

namespace lockkeeper {
namespace {

using Pairs = std::map<std::string, std::string>;

Pairs Parsed(std::string_view text) {
  const auto entries = ParseYaml(text);
  EXPECT_TRUE(entries) << entries.error().message;
  Pairs pairs;
  for (const ConfigEntry& entry : *entries) pairs[entry.key] = entry.value;
  return pairs;
}

std::string Refused(std::string_view text) {
  const auto entries = ParseYaml(text);
  if (entries) return "accepted";
  EXPECT_EQ(entries.error().code, Errc::kBadConfig);
  return entries.error().message;
}

TEST(YamlFile, NestedNamesAreJoinedWithDots) {
  const Pairs want = {{"autopurge.purgeInterval", "1"}, {"autopurge.snapRetainCount", "5"}};
  EXPECT_EQ(Parsed("autopurge.purgeInterval: 1\nautopurge.snapRetainCount: 5\n"), want);
  EXPECT_EQ(Parsed("autopurge:\n  purgeInterval: 1\n  snapRetainCount: 5\n"), want);
  EXPECT_EQ(Parsed("{autopurge: {purgeInterval: 1}, autopurge.snapRetainCount: 5}"), want);
  EXPECT_EQ(Parsed("znode: {container: {maxPerMinute: 7}}"),
            (Pairs{{"znode.container.maxPerMinute", "7"}}));
}

TEST(YamlFile, ValuesStayAsWritten) {
  EXPECT_EQ(Parsed("a: yes\nb: 0x10\nc: 'no '\nd: \"*\"\ne:\nf: ~\ng: 1.50\n"),
            (Pairs{{"a", "yes"},
                   {"b", "0x10"},
                   {"c", "no"},
                   {"d", "*"},
                   {"e", ""},
                   {"f", ""},
                   {"g", "1.50"}}));
  EXPECT_EQ(Parsed("super: user:hash=\n"), (Pairs{{"super", "user:hash="}}));
}

TEST(YamlFile, ListsAreJoinedAsTheKeyWantsThem) {
  EXPECT_EQ(Parsed("4lw.commands.whitelist: [ruok, mntr]\nempty: []\n"),
            (Pairs{{"4lw.commands.whitelist", "ruok,mntr"}, {"empty", ""}}));
  EXPECT_EQ(Parsed("servers: {1: ['a:1:2', 'b:1:2']}\ngroups: {1: [1, 2]}\n"),
            (Pairs{{"server.1", "a:1:2|b:1:2"}, {"group.1", "1:2"}}));
}

TEST(YamlFile, ServersMayBeWrittenInThreeWays) {
  const Pairs want = {{"server.1", "a:2888:3888;2181"}, {"server.2", "b:2888:3888;2181"}};
  EXPECT_EQ(Parsed("server.1: a:2888:3888;2181\nserver.2: b:2888:3888;2181\n"), want);
  EXPECT_EQ(Parsed("server:\n  1: a:2888:3888;2181\n  2: b:2888:3888;2181\n"), want);
  EXPECT_EQ(Parsed("servers:\n  1: a:2888:3888;2181\n  2: b:2888:3888;2181\n"), want);
  EXPECT_EQ(Parsed("weights: {1: 0}"), (Pairs{{"weight.1", "0"}}));
}

TEST(YamlFile, EntriesKnowTheirLines) {
  const auto entries = ParseYaml("# head\na: 1\nb:\n  c: 2\na: 3\n");
  ASSERT_TRUE(entries);
  EXPECT_EQ(*entries, (std::vector<ConfigEntry>{{"b.c", "2", 4, 0}, {"a", "3", 5, 2}}));
}

TEST(YamlFile, EmptyFilesHaveNoEntries) {
  EXPECT_EQ(Parsed(""), Pairs());
  EXPECT_EQ(Parsed("# nothing\n"), Pairs());
}

TEST(YamlFile, OtherShapesAreRefusedWithTheirLine) {
  EXPECT_EQ(Refused("a: 1\nb: *x\n").substr(0, 7), "line 2:");
  EXPECT_EQ(Refused("a: [1\n").substr(0, 5), "line ");
  EXPECT_EQ(Refused("- a\n"), "line 1: a map of keys to values is expected");
  EXPECT_EQ(Refused("just words\n"), "line 1: a map of keys to values is expected");
  EXPECT_EQ(Refused("a: 1\nb: [1, {c: 2}]\n"), "line 2: b: a list of plain values is expected");
  EXPECT_EQ(Refused("? [a, b]\n: 1\n"), "line 1: a key must be a plain name");
  EXPECT_EQ(Refused("a: 1\n---\nb: 2\n"), "line 3: more than one YAML document in the file");
}

TEST(YamlFile, DocumentsThatContainThemselvesAreRefused) {
  EXPECT_EQ(Refused("a: &x {b: *x}\n"), "line 1: nested too deeply");
}

TEST(YamlFile, TheNameTellsTheSyntax) {
  EXPECT_TRUE(IsYamlFileName("/etc/lockkeeper.yaml"));
  EXPECT_TRUE(IsYamlFileName("x.yml"));
  EXPECT_FALSE(IsYamlFileName("/etc/zoo.cfg"));
  EXPECT_FALSE(IsYamlFileName("/etc/yaml/zoo.cfg.yaml.bak"));
}

}  // namespace
}  // namespace lockkeeper
