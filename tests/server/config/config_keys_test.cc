// The table of keys, compared with an independent list of ZooKeeper's.
#include "server/config/config_keys.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "server/config/config_value.h"

namespace lockkeeper {
namespace {

struct ListedKey {
  std::string section;  // parser, property, bare property
  std::string name;     // as the Java server names it
  std::string kind, default_text;

  std::string FileName() const {
    return section == "property" ? name.substr(std::string("zookeeper.").size()) : name;
  }
};

std::vector<ListedKey> ListedKeys() {
  std::ifstream file(LOCKKEEPER_SOURCE_DIR "/tests/server/config/testdata/zookeeper_keys.txt");
  EXPECT_TRUE(file);
  std::vector<ListedKey> keys;
  std::string line, section;
  while (std::getline(file, line)) {
    if (line.empty() || line[0] == '#') continue;
    if (line[0] == '[') {
      section = line.substr(1, line.size() - 2);
      continue;
    }
    ListedKey key{section, "", "", ""};
    std::istringstream(line) >> key.name >> key.kind >> key.default_text;
    keys.push_back(key);
  }
  EXPECT_GT(keys.size(), 200u);
  return keys;
}

const ConfigKey* Find(std::string_view name) {
  std::string plain_name;
  return FindConfigKey(name, &plain_name);
}

std::string Letter(ValueKind kind) {
  switch (kind) {
    case ValueKind::kStrictInt:
    case ValueKind::kPort:
      return "P";
    case ValueKind::kStrictBool:
      return "B";
    case ValueKind::kInt:
      return "I";
    case ValueKind::kBool:
      return "b";
    case ValueKind::kYesNo:
      return "y";
    default:
      return "-";
  }
}

// SO-4.2: every key of ZooKeeper is known, as its file has it and as its system property.
TEST(ConfigKeys, EveryKeyOfZooKeeperIsKnown) {
  for (const ListedKey& key : ListedKeys()) {
    EXPECT_NE(Find(key.FileName()), nullptr) << key.FileName();
    EXPECT_NE(Find(key.name), nullptr) << key.name;
  }
}

// SO-4.2: what Java takes only as a system property may carry its prefix or not; a key of the
// parser may not, as in ZooKeeper.
TEST(ConfigKeys, ThePrefixIsUnderstoodForPropertiesOnly) {
  for (const ListedKey& key : ListedKeys()) {
    std::string plain_name;
    const ConfigKey* prefixed = FindConfigKey("zookeeper." + key.FileName(), &plain_name);
    if (key.section == "parser" && Find(key.FileName())->origin == KeyOrigin::kParser) {
      EXPECT_EQ(prefixed, nullptr) << key.name;
    } else {
      EXPECT_EQ(prefixed, Find(key.FileName())) << key.name;
      EXPECT_EQ(plain_name, key.FileName());
    }
  }
  EXPECT_EQ(Find("zookeeper.zookeeper.snapCount"), nullptr);
  EXPECT_EQ(Find("zookeeper.lockkeeper.ioThreads"), nullptr);
}

TEST(ConfigKeys, NothingElseIsKnown) {
  for (const char* name : {"", "zookeeper.", "snapcount", "snapCount ", "server", "serverfoo",
                           "connectionMaxTokens", "outstandingHandshake.limit", "authProvider",
                           "ssl", "lockkeeper.", "initialize", "secureClientPort.x"}) {
    EXPECT_EQ(Find(name), nullptr) << name;
  }
}

// SO-4.4: the grammar of each value.
TEST(ConfigKeys, GrammarIsThatOfZooKeeper) {
  for (const ListedKey& key : ListedKeys()) {
    if (key.kind == "-") continue;
    ASSERT_NE(Find(key.FileName()), nullptr) << key.name;
    EXPECT_EQ(Letter(Find(key.FileName())->kind), key.kind) << key.name;
  }
}

// SO-4.3 and its neighbours: the default of each key.
TEST(ConfigKeys, DefaultsAreThoseOfZooKeeper) {
  for (const ListedKey& key : ListedKeys()) {
    if (key.default_text == "-") continue;
    ASSERT_NE(Find(key.FileName()), nullptr) << key.name;
    EXPECT_EQ(Find(key.FileName())->default_text, key.default_text) << key.name;
  }
}

TEST(ConfigKeys, EveryRowIsOneOfZooKeepersOrOurs) {
  std::set<const ConfigKey*> listed;
  for (const ListedKey& key : ListedKeys()) listed.insert(Find(key.FileName()));
  for (const ConfigKey& key : ConfigKeys()) {
    EXPECT_TRUE(key.origin == KeyOrigin::kLockkeeper || listed.contains(&key)) << key.name;
    EXPECT_EQ(key.origin == KeyOrigin::kLockkeeper, key.name.starts_with("lockkeeper."));
  }
}

TEST(ConfigKeys, RowsAreUniqueAndComplete) {
  std::set<std::string_view> names;
  for (const ConfigKey& key : ConfigKeys()) {
    SCOPED_TRACE(key.name);
    EXPECT_TRUE(names.insert(key.name).second);
    EXPECT_FALSE(key.help.empty());
    EXPECT_LE(key.bounds.min, key.bounds.max);
    const bool has_field = !std::holds_alternative<std::monostate>(key.field);
    EXPECT_FALSE(key.IsPattern() && has_field);
    // What is obeyed has a place for its value; only the providers are judged by a check.
    EXPECT_TRUE(key.effect != KeyEffect::kObeyed || has_field || key.name == "authProvider.*");
    EXPECT_EQ(key.effect == KeyEffect::kObeyed, EffectText(key.effect).empty());
    const bool refusable = key.refusal.when != Refusal::When::kNever;
    EXPECT_TRUE(!refusable || key.effect == KeyEffect::kSwitch);
    EXPECT_EQ(refusable, !key.refusal.reason.empty());
  }
}

// The default in a row, the member initializer in Config and the parser agree.
TEST(ConfigKeys, DefaultsOfRowsAndFieldsAgree) {
  const Config config;
  const std::set<std::string_view> derived = {"maxWriteQueuePollTime", "jute.maxbuffer.extrasize"};
  for (const ConfigKey& key : ConfigKeys()) {
    if (std::holds_alternative<std::monostate>(key.field)) continue;
    SCOPED_TRACE(key.name);
    if (!derived.contains(key.name)) {
      EXPECT_EQ(FormatValue(key, config), key.default_text);
    }
    if (key.default_text.empty()) continue;
    Config stored;
    const auto warning = StoreValue(key, key.default_text, &stored);
    ASSERT_TRUE(warning) << warning.error().message;
    EXPECT_EQ(*warning, "");
    EXPECT_EQ(FormatValue(key, stored), key.default_text);
  }
}

// Every field is reached by its row: another value than the default can be stored and read.
TEST(ConfigKeys, EveryFieldCanBeSet) {
  for (const ConfigKey& key : ConfigKeys()) {
    if (std::holds_alternative<std::monostate>(key.field)) continue;
    SCOPED_TRACE(key.name);
    std::string other = "5000";
    if (key.name == "lockkeeper.ioThreads") other = "3";
    if (key.kind == ValueKind::kDouble) other = "0.25";
    if (key.kind == ValueKind::kStrictBool || key.kind == ValueKind::kBool ||
        key.kind == ValueKind::kOnUnlessFalse) {
      other = key.default_text == "true" ? "false" : "true";
    }
    if (key.kind == ValueKind::kYesNo) other = key.default_text == "yes" ? "no" : "yes";
    if (key.default_text == other) other = "5001";
    Config config;
    const std::string before = FormatValue(key, config);
    const auto warning = StoreValue(key, other, &config);
    ASSERT_TRUE(warning) << warning.error().message;
    EXPECT_EQ(*warning, "");
    EXPECT_EQ(FormatValue(key, config), other);
    EXPECT_NE(FormatValue(key, config), before);
  }
}

TEST(ConfigKeys, BoundsAreKept) {
  for (const ConfigKey& key : ConfigKeys()) {
    const bool is_int = key.kind == ValueKind::kInt || key.kind == ValueKind::kStrictInt;
    if (!is_int || key.bounds.min <= kAnyInt32.min) continue;
    SCOPED_TRACE(key.name);
    Config config;
    const auto below = StoreValue(key, std::to_string(key.bounds.min - 1), &config);
    if (key.bounds.below == Bounds::Below::kRefuse) {
      ASSERT_FALSE(below);
      EXPECT_EQ(below.error().message, "must be at least " + std::to_string(key.bounds.min));
    } else {
      ASSERT_TRUE(below);
      EXPECT_NE(*below, "");
      EXPECT_EQ(FormatValue(key, config), std::to_string(key.bounds.min));
    }
    ASSERT_TRUE(StoreValue(key, std::to_string(key.bounds.min), &config));
    if (key.bounds.max >= kAnyInt32.max) continue;
    ASSERT_TRUE(StoreValue(key, std::to_string(key.bounds.max), &config));
    EXPECT_FALSE(StoreValue(key, std::to_string(key.bounds.max + 1), &config));
  }
}

TEST(ConfigKeys, SecretsAreMasked) {
  for (const char* name : {"DigestAuthenticationProvider.superDigest", "ssl.keyStore.password",
                           "zookeeper.ssl.quorum.trustStore.passwordPath",
                           "SASLAuthenticationProvider.superPassword", "my.PassWord.key"}) {
    EXPECT_EQ(ShownValue(name, "secret"), "***") << name;
    EXPECT_EQ(ShownValue(name, ""), "") << name;
  }
  EXPECT_EQ(ShownValue("dataDir", "/x"), "/x");
}

TEST(ConfigValue, ListsAreTrimmedAndWithoutEmptyItems) {
  EXPECT_EQ(SplitList(" ruok, mntr ,,stat,"), (std::vector<std::string>{"ruok", "mntr", "stat"}));
  EXPECT_TRUE(SplitList("").empty());
  EXPECT_TRUE(SplitList(" , ").empty());
}

}  // namespace
}  // namespace lockkeeper
