// The samples in conf/: they load, mean the same, and show true defaults.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "server/config/config_keys.h"
#include "server/config/load_config.h"
#include "server/config/properties_file.h"
#include "tests/server/config/config_test_files.h"

namespace lockkeeper {
namespace {

class SampleFiles : public config_test::TempDirTest {
 protected:
  static std::string Sample(std::string_view name) {
    return config_test::Contents(LOCKKEEPER_SOURCE_DIR "/conf/" + std::string(name));
  }

  // A line "#name..." is a key that is switched off; "# text" is prose.
  static std::string WithAllKeysSwitchedOn(const std::string& text) {
    std::istringstream lines(text);
    std::string result, line;
    while (std::getline(lines, line)) {
      if (line.size() > 1 && line[0] == '#' && line[1] != ' ') line.erase(0, 1);
      result += line + "\n";
    }
    return result;
  }

  // Everything that a configuration comes to, except where in the file it stands.
  static std::vector<std::string> Meaning(const std::string& path) {
    const auto config = LoadConfig(path);
    EXPECT_TRUE(config) << config.error().message;
    if (!config) return {};
    std::vector<std::string> lines = config->Describe();
    for (const auto& e : config->accepted) lines.push_back(e.key + " (accepted) " + e.value);
    for (const auto& r : config->warnings) lines.push_back(r.key + " (warning) " + r.text);
    for (const auto& r : config->notes) lines.push_back(r.key + " (note) " + r.text);
    return lines;
  }
};

TEST_F(SampleFiles, BothSamplesMeanTheSame) {
  const auto properties = Meaning(Write("a/zoo.cfg", Sample("zoo.cfg")));
  EXPECT_EQ(properties, Meaning(Write("a/lockkeeper.yaml", Sample("lockkeeper.yaml"))));
  EXPECT_GT(properties.size(), 70u);
}

TEST_F(SampleFiles, BothSamplesMeanTheSameWithAllKeysSwitchedOn) {
  const auto properties = Meaning(Write("a/zoo.cfg", WithAllKeysSwitchedOn(Sample("zoo.cfg"))));
  EXPECT_EQ(properties,
            Meaning(Write("a/lockkeeper.yaml", WithAllKeysSwitchedOn(Sample("lockkeeper.yaml")))));
  EXPECT_NE(properties, Meaning(Write("a/zoo.cfg", Sample("zoo.cfg"))));
}

// conf/ensemble: three servers that name each other, each by its own number.
TEST_F(SampleFiles, TheServersOfTheEnsembleShareOneMembershipAndHaveANumberEach) {
  std::optional<Membership> common;
  for (int n = 1; n <= 3; ++n) {
    const std::string id = std::to_string(n);
    const std::string from = "ensemble/server" + id + "/";
    const auto here = [&](std::string text) {
      const std::string there = "/var/lib/lockkeeper/" + id;
      const size_t at = text.rfind(there);
      return text.replace(at, there.size(), dir() + "/data" + id);
    };
    Write("data" + id + "/myid", Sample(from + "myid"));
    const std::string properties = Write(id + "/zoo.cfg", here(Sample(from + "zoo.cfg")));
    const std::string yaml = Write(id + "/lockkeeper.yaml", here(Sample(from + "lockkeeper.yaml")));
    EXPECT_EQ(Meaning(properties), Meaning(yaml));
    const auto config = LoadConfig(properties);
    ASSERT_TRUE(config) << config.error().message;
    ASSERT_EQ(config->warnings.size(), 1u);
    EXPECT_EQ(config->warnings[0].key, "admin.enableServer");
    ASSERT_TRUE(config->ensemble);
    EXPECT_EQ(config->myid, PeerId{n});
    EXPECT_EQ(config->membership.Participants(), 3u);
    if (!common) common = config->membership;
    EXPECT_EQ(config->membership, *common);
  }
}

// Nobody must find an unknown, ineffective or replaced value in a sample.
TEST_F(SampleFiles, SamplesGiveNoWarningButTheOneAboutTheAdminServer) {
  for (const char* name : {"zoo.cfg", "lockkeeper.yaml"}) {
    const auto config = LoadConfig(Write(name, WithAllKeysSwitchedOn(Sample(name))));
    ASSERT_TRUE(config) << config.error().message;
    ASSERT_EQ(config->warnings.size(), 1u) << name;
    EXPECT_EQ(config->warnings[0].key, "admin.enableServer");
    EXPECT_TRUE(config->notes.empty());
  }
}

TEST_F(SampleFiles, KeysThatAreSwitchedOffShowTheirDefaults) {
  const auto on = ParseProperties(Sample("zoo.cfg"));
  const auto all = ParseProperties(WithAllKeysSwitchedOn(Sample("zoo.cfg")));
  ASSERT_TRUE(on && all);
  EXPECT_GT(all->size(), on->size() + 20);
  for (const ConfigEntry& entry : *all) {
    const bool is_on =
        std::ranges::any_of(*on, [&](const ConfigEntry& other) { return other.key == entry.key; });
    std::string plain_name;
    const ConfigKey* key = FindConfigKey(entry.key, &plain_name);
    ASSERT_NE(key, nullptr) << entry.key;
    if (is_on || key->default_text.empty()) continue;
    EXPECT_EQ(entry.value, key->default_text) << entry.key;
  }
}

}  // namespace
}  // namespace lockkeeper
