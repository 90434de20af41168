// SO-4.5: each refusal of a configuration, with its exit code and its text. A text starts with
// file, line, key and value, so that an operator finds the place.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "server/config/load_config.h"
#include "tests/server/config/config_test_files.h"

namespace lockkeeper {
namespace {

constexpr char kAuth[] = "org.apache.zookeeper.server.auth.";

class ConfigRefusals : public config_test::TempDirTest {
 protected:
  static void ExpectError(const Result<Config>& config, std::string_view text, int exit_code) {
    ASSERT_FALSE(config) << "accepted, expected: " << text;
    EXPECT_EQ(config.error().message, text);
    EXPECT_EQ(ExitCode(config.error()), exit_code);
  }
};

struct BadFile {
  std::string lines;  // from line 3 on
  std::string want;   // behind "<file>"
  int exit_code = 2;
};

void PrintTo(const BadFile& c, std::ostream* out) { *out << c.lines; }

class RefusedLines : public ConfigRefusals, public ::testing::WithParamInterface<BadFile> {};

// SO-4.5
TEST_P(RefusedLines, WithTextAndExitCode) {
  SCOPED_TRACE(GetParam().lines);
  const std::string path = WriteConfig(GetParam().lines);
  ExpectError(LoadConfig(path), path + GetParam().want, GetParam().exit_code);
}

INSTANTIATE_TEST_SUITE_P(
    Values, RefusedLines,
    ::testing::Values(
        BadFile{"tickTime=0", ":3: tickTime=0: tickTime is not set"},
        BadFile{"tickTime=2s", ":3: tickTime=2s: For input string: \"2s\""},
        BadFile{"tickTime=-5", ":3: tickTime=-5: must be at least 0"},
        BadFile{"maxClientCnxns=0x10", ":3: maxClientCnxns=0x10: For input string: \"0x10\""},
        BadFile{"tickTime=99999999999",
                ":3: tickTime=99999999999: For input string: \"99999999999\""},
        BadFile{"minSessionTimeout=100\nmaxSessionTimeout=50",
                ":3: minSessionTimeout=100: minSessionTimeout must not be larger than "
                "maxSessionTimeout"},
        BadFile{"maxSessionTimeout=50",
                ":3: maxSessionTimeout=50: minSessionTimeout must not be larger than "
                "maxSessionTimeout"},
        BadFile{"clientPort=abc", ":3: clientPort=abc: For input string: \"abc\""},
        BadFile{"clientPort=", ":3: clientPort=: For input string: \"\""},
        BadFile{"clientPort=99999", ":3: clientPort=99999: port out of range:99999"},
        BadFile{"clientPort=-1", ":3: clientPort=-1: port out of range:-1"},
        BadFile{
            "clientPort=0\nclientPortAddress=127.0.0.1",
            ":4: clientPortAddress=127.0.0.1: clientPortAddress is set but clientPort is not set"},
        BadFile{"secureClientPortAddress=127.0.0.1",
                ":3: secureClientPortAddress=127.0.0.1: secureClientPortAddress is set but "
                "secureClientPort is not set"},
        BadFile{
            "standaloneEnabled=yes",
            ":3: standaloneEnabled=yes: Invalid option yes for standaloneEnabled. Choose 'true' "
            "or 'false.'"},
        BadFile{
            "multiAddress.enabled=1",
            ":3: multiAddress.enabled=1: Invalid option 1 for multiAddress.enabled. Choose 'true' "
            "or 'false.'"},
        BadFile{"jvm.pause.monitor=maybe",
                ":3: jvm.pause.monitor=maybe: Invalid option maybe for jvm.pause.monitor. Choose "
                "'true' or 'false.'"},
        BadFile{"a=\\u12", ": line 3: Malformed \\uxxxx encoding."},
        BadFile{"jute.maxbuffer=-1", ":3: jute.maxbuffer=-1: must be at least 64"},
        BadFile{"nio.sessionlessCnxnTimeout=0",
                ":3: nio.sessionlessCnxnTimeout=0: must be at least 1"},
        BadFile{"lockkeeper.ioThreads=65", ":3: lockkeeper.ioThreads=65: must be at most 64"}));

INSTANTIATE_TEST_SUITE_P(
    Ensemble, RefusedLines,
    ::testing::Values(
        BadFile{"electionAlg=2",
                ":3: electionAlg=2: Invalid electionAlg value. Only 3 is supported."},
        BadFile{"peerType=boss", ":3: peerType=boss: Unrecognised peertype: boss"},
        BadFile{"server.1=host",
                ":3: server.1=host: host does not have the form server_config or "
                "server_config;client_config where server_config is the pipe separated list of "
                "host:port:port or host:port:port:type and client_config is port or host:port"},
        BadFile{"server.X=h:1:2", ":3: server.X=h:1:2: For input string: \"X\""},
        BadFile{"server.1=h:1:1",
                ":3: server.1=h:1:1: Client and election port must be different! Please update the "
                "configuration file on server.1"},
        BadFile{"server.1=h1:1:2|h2:1:2",
                ":3: server.1=h1:1:2|h2:1:2: Multiple address feature is disabled, but multiple "
                "addresses were specified for sid 1"},
        BadFile{"server.1=a:1:2\nserver.2=b:1:2", ": initLimit is not set"},
        BadFile{"server.1=a:1:2\nserver.2=b:1:2\ninitLimit=5", ": syncLimit is not set"},
        BadFile{"server.1=a:1:2\nserver.2=b:1:2\ninitLimit=5\nsyncLimit=2",
                ": myid file is missing"},
        BadFile{
            "standaloneEnabled=false",
            ":3: standaloneEnabled=false: standaloneEnabled = false then number of participants "
            "should be >0"},
        BadFile{"standaloneEnabled=false\nserver.1=a:1:2", ": initLimit is not set"},
        BadFile{"server.1=a:1:2:observer",
                ":3: server.1=a:1:2:observer: Observers w/o participants is an invalid "
                "configuration"},
        BadFile{"server.1=a:1:2\nserver.2=b:1:2:observer",
                ":3: server.1=a:1:2: Observers w/o quorum is an invalid configuration"},
        BadFile{"server.1=a:1:2\nserver.2=b:1:2\ngroup.1=1", ": Server 2is not in a group"},
        BadFile{"server.1=a:1:2\ngroup.1=1\ngroup.2=1",
                ":5: group.2=1: Server 1is in multiple groups"},
        BadFile{
            "server.1=a:1:2\ndynamicConfigFile=/x",
            ":3: server.1=a:1:2: parameter: server.1 must be in a separate dynamic config file"},
        BadFile{"dynamicConfigFile=/x\nweight.1=1",
                ":4: weight.1=1: parameter: weight.1 must be in a separate dynamic config file"},
        BadFile{"quorum.auth.learnerRequireSasl=true",
                ":3: quorum.auth.learnerRequireSasl=true: quorum.auth.enableSasl is disabled, so "
                "cannot enable quorum.auth.learnerRequireSasl"},
        BadFile{"quorum.auth.serverRequireSasl=true",
                ":3: quorum.auth.serverRequireSasl=true: quorum.auth.enableSasl is disabled, so "
                "cannot enable quorum.auth.serverRequireSasl"},
        BadFile{
            "quorum.auth.enableSasl=true\nquorum.auth.serverRequireSasl=true",
            ":4: quorum.auth.serverRequireSasl=true: quorum.auth.learnerRequireSasl is disabled, "
            "so cannot enable quorum.auth.serverRequireSasl"}));

INSTANTIATE_TEST_SUITE_P(
    AuthenticationAndMetrics, RefusedLines,
    ::testing::Values(
        BadFile{"enforce.auth.enabled=true",
                ":3: enforce.auth.enabled=true: zookeeper.enforce.auth.enabled is true "
                "zookeeper.enforce.auth.schemes must be  configured."},
        BadFile{"enforce.auth.enabled=true\nenforce.auth.schemes=digest,foo",
                ":4: enforce.auth.schemes=digest,foo: Authentication scheme foo is not available."},
        BadFile{"enforce.auth.enabled=true\nenforce.auth.schemes=digest\n"
                "DigestAuthenticationProvider.enabled=false",
                ":4: enforce.auth.schemes=digest: Authentication scheme digest is not available."},
        BadFile{"enforce.auth.enabled=true\nenforce.auth.schemes=sasl",
                ":4: enforce.auth.schemes=sasl: Authentication scheme sasl is not available."},
        BadFile{"DigestAuthenticationProvider.digestAlg=FOO",
                ":3: DigestAuthenticationProvider.digestAlg=FOO: don't support this ACL digest "
                "algorithm: FOO in the current environment",
                1},
        BadFile{"metricsProvider.className=foo.Bar",
                ":3: metricsProvider.className=foo.Bar: metrics provider class was not found"},
        BadFile{"metricsProvider.className=",
                ":3: metricsProvider.className=: metrics provider "
                "class was not found"}));

// What ZooKeeper can do and this server cannot yet: never silently without it.
INSTANTIATE_TEST_SUITE_P(
    NotAvailableYet, RefusedLines,
    ::testing::Values(
        BadFile{"secureClientPort=2281", ":3: secureClientPort=2281: TLS is not available yet"},
        BadFile{"client.portUnification=true",
                ":3: client.portUnification=true: TLS is not available yet"},
        BadFile{"zookeeper.client.portUnification=true",
                ":3: zookeeper.client.portUnification=true: TLS is not available yet"},
        BadFile{"sessionRequireClientSASLAuth=true",
                ":3: sessionRequireClientSASLAuth=true: SASL is not available yet"},
        BadFile{"java.security.auth.login.config=/jaas",
                ":3: java.security.auth.login.config=/jaas: SASL is not available yet"},
        BadFile{std::string("authProvider.1=") + kAuth + "SASLAuthenticationProvider",
                std::string(":3: authProvider.1=") + kAuth +
                    "SASLAuthenticationProvider: SASL is not available yet"},
        BadFile{std::string("authProvider.x509=") + kAuth + "X509AuthenticationProvider",
                std::string(":3: authProvider.x509=") + kAuth +
                    "X509AuthenticationProvider: TLS is not available yet"},
        BadFile{std::string("authProvider.1=") + kAuth + "EnsembleAuthenticationProvider",
                std::string(":3: authProvider.1=") + kAuth +
                    "EnsembleAuthenticationProvider: the ensemble provider is not available yet"},
        BadFile{"authProvider.1=com.example.Mine",
                ":3: authProvider.1=com.example.Mine: unknown class; classes of Java cannot be "
                "loaded"},
        BadFile{"request_throttle_max_requests=10",
                ":3: request_throttle_max_requests=10: the request throttle is not available yet"},
        BadFile{"throttled_op_wait_time=1",
                ":3: throttled_op_wait_time=1: the request throttle is not available yet"},
        BadFile{
            "largeRequestThreshold=0x400",
            ":3: largeRequestThreshold=0x400: the limit on large requests is not available yet"},
        BadFile{"connection_throttle_tokens=5",
                ":3: connection_throttle_tokens=5: the connection throttle is not available yet"},
        BadFile{"audit.enable=true", ":3: audit.enable=true: the audit log is not available yet"},
        BadFile{"metricsProvider.className=org.apache.zookeeper.metrics.prometheus."
                "PrometheusMetricsProvider",
                ":3: metricsProvider.className=org.apache.zookeeper.metrics.prometheus."
                "PrometheusMetricsProvider: the Prometheus provider is not available yet"}));

// SO-4.7
TEST_F(ConfigRefusals, MyIdThatIsNotInTheList) {
  Write("myid", "3\n");
  const std::string path =
      WriteConfig("initLimit=5\nsyncLimit=2\nserver.1=a:1:2\nserver.2=b:1:2\n");
  ExpectError(
      LoadConfig(path),
      path + ":5: server.1=a:1:2: this server's number, 3 in the file myid, is not in the list", 2);
}

// QP-6.8: ephemeral nodes of its sessions would be taken for TTL nodes.
TEST_F(ConfigRefusals, MyIdThatSessionsCannotCarryWithExtendedTypes) {
  const std::string list =
      "initLimit=5\nsyncLimit=2\nserver.1=a:1:2\nserver.254=b:1:2\nserver.255=c:1:2\n";
  for (const char* id : {"1", "254", "255"}) {
    Write("myid", id);
    EXPECT_TRUE(LoadConfig(WriteConfig(list + "extendedTypesEnabled=false\n"))) << id;
    const std::string path = WriteConfig(list + "extendedTypesEnabled=true\n");
    if (std::string_view(id) != "255") {
      EXPECT_TRUE(LoadConfig(path)) << id;
      continue;
    }
    ExpectError(LoadConfig(path),
                path +
                    ":8: extendedTypesEnabled=true: this server's number, 255 in the file myid, "
                    "must not be larger than 254",
                2);
  }
}

// An ensemble whose servers would misunderstand each other is not begun.
TEST_F(ConfigRefusals, WhatEnsemblesCannotDoYet) {
  Write("myid", "1\n");
  const std::string list = "initLimit=5\nsyncLimit=2\nserver.1=a:1:2\nserver.2=b:1:2\n";
  ASSERT_TRUE(LoadConfig(WriteConfig(list)));
  for (const auto& [line, why] : std::initializer_list<std::pair<std::string, std::string>>{
           {"sslQuorum=true", "TLS between servers is not available yet"},
           {"quorum.auth.enableSasl=true", "SASL is not available yet"},
           {"observerMasterPort=2191", "observer masters are not available yet"}}) {
    const std::string path = WriteConfig(list + line + "\n");
    ExpectError(LoadConfig(path), path + ":7: " + line + ": " + why, 2);
  }
  for (const char* line : {"group.1=1:2", "group.1=1:2\nweight.1=2"}) {
    const std::string path = WriteConfig(list + line + "\n");
    ExpectError(LoadConfig(path),
                path + ":5: server.1=a:1:2: groups and weights are not available yet", 2);
  }
}

// SO-4.5
TEST_F(ConfigRefusals, MissingFile) {
  ExpectError(LoadConfig(Path("none.cfg")), Path("none.cfg") + " file is missing", 2);
}

// SO-4.5
TEST_F(ConfigRefusals, MissingDataDir) {
  const std::string path = Write("zoo.cfg", "clientPort=2181\n");
  ExpectError(LoadConfig(path), path + ": dataDir is not set", 2);
  Write("zoo.cfg", "clientPort=2181\ndataDir=\n");
  ExpectError(LoadConfig(path), path + ":2: dataDir=: dataDir is not set", 2);
}

// SO-4.5: ZooKeeper takes a name that does not resolve as a bad configuration.
TEST_F(ConfigRefusals, AddressThatDoesNotResolve) {
  const auto config = LoadConfig(WriteConfig("clientPortAddress=no such host\n"));
  ASSERT_FALSE(config);
  EXPECT_EQ(ExitCode(config.error()), 2);
  EXPECT_TRUE(config.error().message.starts_with(
      Path("zoo.cfg") + ":3: clientPortAddress=no such host: no such host: "))
      << config.error().message;
}

// SO-4.7: also standalone.
TEST_F(ConfigRefusals, MyIdThatIsNoNumber) {
  Write("myid", "one\n");
  ExpectError(LoadConfig(WriteConfig("")), Path("myid") + ": serverid one is not a number", 2);
}

// SO-4.5
TEST_F(ConfigRefusals, DynamicFiles) {
  const std::string dynamic = Path("d.cfg");
  const std::string path = WriteConfig("dynamicConfigFile=" + dynamic + "\n");
  ExpectError(LoadConfig(path), dynamic + ": No such file or directory", 2);
  Write("d.cfg", "server.1=a:1:2\nversion=1\n");
  ExpectError(LoadConfig(path),
              dynamic + ":2: version=1: dynamic file shouldn't have version inside", 2);
  Write("d.cfg", "server.1=a:1:2\ntickTime=1\n");
  ExpectError(LoadConfig(path), dynamic + ":2: tickTime=1: Unrecognised parameter: tickTime", 2);
  Write("d.cfg", "server.1=a\n");
  const auto malformed = LoadConfig(path);
  ASSERT_FALSE(malformed);
  EXPECT_TRUE(malformed.error().message.starts_with(dynamic + ":1: server.1=a: a does not have "));
}

// SO-4.5
TEST_F(ConfigRefusals, ClientAddressesThatDiffer) {
  Write("myid", "1\n");
  std::string path = WriteConfig("server.1=h:1:2;2182\n");
  ExpectError(LoadConfig(path),
              path +
                  ":2: clientPort=2181: client address for this server (id = 1) in static "
                  "config file is 0.0.0.0:2181 is different from client address found in "
                  "dynamic file: 0.0.0.0:2182",
              2);
  path = WriteConfig("clientPortAddress=127.0.0.1\nserver.1=h:1:2;2181\n");
  ExpectError(LoadConfig(path),
              path +
                  ":2: clientPort=2181: client address for this server (id = 1) in static "
                  "config file is 127.0.0.1:2181 is different from client address found in "
                  "dynamic file: 0.0.0.0:2181",
              2);
}

TEST_F(ConfigRefusals, YamlNamesFileAndLine) {
  const std::string path = Write("lk.yaml", "dataDir: /d\nclientPort: abc\n");
  ExpectError(LoadConfig(path), path + ":2: clientPort=abc: For input string: \"abc\"", 2);
  Write("lk.yaml", "dataDir: /d\n- x\n");
  const auto config = LoadConfig(path);
  ASSERT_FALSE(config);
  EXPECT_TRUE(config.error().message.starts_with(path + ": line 2: ")) << config.error().message;
}

// The first wrong line is the one that is named.
TEST_F(ConfigRefusals, FirstLineFirst) {
  const std::string path = WriteConfig("tickTime=x\nclientPort=y\nautopurge.purgeInterval=z\n");
  ExpectError(LoadConfig(path), path + ":3: tickTime=x: For input string: \"x\"", 2);
}

TEST_F(ConfigRefusals, AFileThatIsADirectoryOrTooLong) {
  const auto directory = LoadConfig(dir());
  ASSERT_FALSE(directory);
  EXPECT_EQ(ExitCode(directory.error()), 2);
  std::string path = Write("zoo.cfg", std::string((16 << 20) + 1, '#'));
  ExpectError(LoadConfig(path), path + " is too long for a configuration file", 2);
}

// SO-4.12
TEST_F(ConfigRefusals, Arguments) {
  const std::string usage =
      "\nUsage: lockkeeper server configfile | port datadir [ticktime] [maxcnxns]";
  const auto from = [](const std::vector<std::string>& args) { return ConfigFromArguments(args); };
  ExpectError(from({}), "Invalid number of arguments: 0" + usage, 2);
  ExpectError(from({"1", "2", "3", "4", "5"}), "Invalid number of arguments: 5" + usage, 2);
  ExpectError(from({"abc", "/d"}), "port: For input string: \"abc\"" + usage, 2);
  ExpectError(from({"99999", "/d"}), "port out of range:99999" + usage, 2);
  ExpectError(from({"-1", "/d"}), "port out of range:-1" + usage, 2);
  ExpectError(from({"1", "/d", "x"}), "command line: tickTime=x: For input string: \"x\"" + usage,
              2);
  ExpectError(from({"1", "/d", "1", "x"}),
              "command line: maxClientCnxns=x: For input string: \"x\"" + usage, 2);
  ExpectError(from({"1", "/d", "0"}), "command line: tickTime=0: tickTime is not set", 2);
  ExpectError(from({Path("none.cfg")}), Path("none.cfg") + " file is missing", 2);
}

// 12.1
TEST(ExitCodes, FollowTheCodeOfTheError) {
  EXPECT_EQ(ExitCode(Error{Errc::kBadConfig, ""}), 2);
  EXPECT_EQ(ExitCode(Error{Errc::kDataDir, ""}), 3);
  EXPECT_EQ(ExitCode(Error{Errc::kElectionPort, ""}), 14);
  for (const Errc other : {Errc::kIo, Errc::kCorruption, Errc::kTooLarge, Errc::kBadFrame}) {
    EXPECT_EQ(ExitCode(Error{other, ""}), 1);
  }
}

}  // namespace
}  // namespace lockkeeper
