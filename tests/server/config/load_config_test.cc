// What a configuration file or the arguments come to. Refusals: config_refusals_test.cc.
#include "server/config/load_config.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "tests/server/config/config_test_files.h"

namespace lockkeeper {
namespace {

class LoadConfigTest : public config_test::TempDirTest {
 protected:
  Config Loaded(std::string_view lines) const { return LoadedFrom(WriteConfig(lines)); }

  static Config LoadedFrom(const std::string& path) {
    auto config = LoadConfig(path);
    EXPECT_TRUE(config) << config.error().message;
    return config ? *config : Config();
  }

  static Config FromArguments(const std::vector<std::string>& args) {
    auto config = ConfigFromArguments(args);
    EXPECT_TRUE(config) << config.error().message;
    return config ? *config : Config();
  }

  // "<line>: <key>: <text>", one a line, without the one about the AdminServer.
  static std::string Shown(const std::vector<ConfigRemark>& remarks) {
    std::string text;
    for (const ConfigRemark& r : remarks) {
      if (r.key.starts_with("admin.")) continue;
      text += std::to_string(r.line) + ": " + r.key + ": " + r.text + "\n";
    }
    return text;
  }
};

// SO-4.3
TEST_F(LoadConfigTest, DefaultsOfTimesFollowTheTick) {
  const Config standard = Loaded("");
  EXPECT_EQ(standard.tick_time_ms, 3000);
  EXPECT_EQ(standard.min_session_timeout_ms, 6000);
  EXPECT_EQ(standard.max_session_timeout_ms, 60'000);

  const Config ticking = Loaded("tickTime=100\n");
  EXPECT_EQ(ticking.min_session_timeout_ms, 200);
  EXPECT_EQ(ticking.max_session_timeout_ms, 2000);

  const Config given = Loaded("tickTime=100\nminSessionTimeout=-1\nmaxSessionTimeout=500\n");
  EXPECT_EQ(given.min_session_timeout_ms, 200);
  EXPECT_EQ(given.max_session_timeout_ms, 500);

  const Config endless = Loaded("tickTime=2000000000\n");
  EXPECT_EQ(endless.min_session_timeout_ms, INT32_MAX);
}

TEST_F(LoadConfigTest, MinimalFile) {
  const Config config = Loaded("");
  EXPECT_EQ(config.source, Path("zoo.cfg"));
  EXPECT_EQ(config.data_dir, dir());
  EXPECT_EQ(config.data_log_dir, dir());
  EXPECT_EQ(config.client_port, 2181);
  EXPECT_EQ(config.client_port_address, "");
  EXPECT_EQ(config.listen_backlog, -1);
  EXPECT_EQ(config.max_client_cnxns, 60);
  EXPECT_EQ(config.jute_maxbuffer, 1'048'575);
  EXPECT_EQ(config.jute_extrasize, 1'048'575);
  EXPECT_EQ(config.DecodedBytesMax(), 2'097'150);
  EXPECT_EQ(config.max_write_queue_poll_time_ms, 0);
  EXPECT_EQ(config.server_id, 1);
  EXPECT_EQ(config.myid, std::nullopt);
  EXPECT_TRUE(config.membership.members.empty());
  EXPECT_EQ(Shown(config.warnings), "");
  EXPECT_EQ(Shown(config.notes), "");
}

TEST_F(LoadConfigTest, DerivedDefaults) {
  const Config config = Loaded("flushDelay=30\njute.maxbuffer=0x200000\n");
  EXPECT_EQ(config.max_write_queue_poll_time_ms, 10);
  EXPECT_EQ(config.jute_maxbuffer, 2'097'152);
  EXPECT_EQ(config.jute_extrasize, 2'097'152);
  EXPECT_EQ(Loaded("jute.maxbuffer=100\n").jute_extrasize, 1024);
  EXPECT_EQ(Loaded("jute.maxbuffer.extrasize=100\n").jute_extrasize, 1024);
  EXPECT_EQ(Loaded("jute.maxbuffer=2147483647\n").DecodedBytesMax(), INT32_MAX);
  EXPECT_EQ(Loaded("flushDelay=30\nmaxWriteQueuePollTime=7\n").max_write_queue_poll_time_ms, 7);
}

// SO-4.2
TEST_F(LoadConfigTest, PropertiesMayBeWrittenWithAndWithoutPrefix) {
  EXPECT_EQ(Loaded("snapCount=10\n").snap_count, 10);
  EXPECT_EQ(Loaded("zookeeper.snapCount=10\n").snap_count, 10);
  EXPECT_EQ(Loaded("jute.maxbuffer=4096\n").jute_maxbuffer, 4096);
  EXPECT_EQ(Loaded("zookeeper.jute.maxbuffer=4096\n").jute_maxbuffer, 4096);
  EXPECT_TRUE(Loaded("zookeeper.skipACL=yes\n").skip_acl);
  EXPECT_TRUE(Loaded("readonlymode.enabled=true\n").read_only_mode_enabled);
  EXPECT_EQ(Loaded("znode.container.checkIntervalMs=5\n").container_check_interval_ms, 5);
}

// SO-4.2: the spelling that ZooKeeper obeys wins, in whatever order.
TEST_F(LoadConfigTest, TheNameWithoutPrefixWins) {
  for (const char* lines :
       {"zookeeper.snapCount=10\nsnapCount=20\n", "snapCount=20\nzookeeper.snapCount=10\n"}) {
    const Config config = Loaded(lines);
    EXPECT_EQ(config.snap_count, 20);
    EXPECT_NE(Shown(config.warnings).find("the name without the prefix counts"), std::string::npos);
  }
}

// SO-4.2
TEST_F(LoadConfigTest, UnknownKeysAreAcceptedWithAWarning) {
  const Config config = Loaded("fooBar=1\nzookeeper.dataDir=/nowhere\nsnapCount=10\n");
  EXPECT_EQ(Shown(config.warnings),
            "3: fooBar: unknown key, it has no effect\n"
            "4: zookeeper.dataDir: unknown key, it has no effect\n");
  EXPECT_EQ(config.data_dir, dir());
}

TEST_F(LoadConfigTest, KeysWithoutEffectAreNotedAndKept) {
  const Config config = Loaded(
      "commitProcessor.numWorkerThreads=4\ninitLimit=10\n"
      "ssl.keyStore.location=/k\nsuperUser=admin\n");
  EXPECT_EQ(Shown(config.notes),
            "3: commitProcessor.numWorkerThreads: tunes the Java server; nothing to tune here\n"
            "4: initLimit: matters only in an ensemble\n"
            "5: ssl.keyStore.location: matters only with TLS, which is not available yet\n"
            "6: superUser: matters only with SASL, which is not available yet\n");
  EXPECT_EQ(Shown(config.warnings), "");
  EXPECT_EQ(config.init_limit_ticks, 10);
  EXPECT_EQ(config.accepted,
            (std::vector<ConfigEntry>{{"commitProcessor.numWorkerThreads", "4", 3, 0},
                                      {"ssl.keyStore.location", "/k", 5, 0},
                                      {"superUser", "admin", 6, 0}}));
}

// SO-4.1
TEST_F(LoadConfigTest, DuplicatesAreReported) {
  const Config config = Loaded("tickTime=1\ntickTime=2\n");
  EXPECT_EQ(config.tick_time_ms, 2);
  EXPECT_EQ(Shown(config.warnings), "4: tickTime: given before in line 3: the last one counts\n");
}

// SO-4.4
TEST_F(LoadConfigTest, MalformedPropertyIntegersTakeTheDefault) {
  const Config config = Loaded(
      "snapCount=many\nglobalOutstandingLimit=99999999999\n"
      "snapSizeLimitInKb=99999999999\nmaxBatchSize=010\n");
  EXPECT_EQ(config.snap_count, 100'000);
  EXPECT_EQ(config.global_outstanding_limit, 1000);
  EXPECT_EQ(config.snap_size_limit_kb, 99'999'999'999);
  EXPECT_EQ(config.max_batch_size, 8);
  EXPECT_EQ(Shown(config.warnings),
            "3: snapCount: not a number, the default 100000 is used\n"
            "4: globalOutstandingLimit: not a number, the default 1000 is used\n");
}

// SO-4.4
TEST_F(LoadConfigTest, PropertyBooleansTakeOtherWordsForFalse) {
  const Config config = Loaded(
      "digest.enabled=yes\nextendedTypesEnabled=TRUE\n"
      "enforceQuota=1\ndb.autocreate=False\n");
  EXPECT_FALSE(config.digest_enabled);
  EXPECT_TRUE(config.extended_types_enabled);
  EXPECT_FALSE(config.enforce_quota);
  EXPECT_FALSE(config.db_autocreate);
  EXPECT_EQ(Shown(config.warnings),
            "3: digest.enabled: taken as false: only the word true is true\n"
            "5: enforceQuota: taken as false: only the word true is true\n");
}

// SO-4.4
TEST_F(LoadConfigTest, ParserBooleansMayHaveAnyCase) {
  EXPECT_TRUE(Loaded("reconfigEnabled=TRUE\n").reconfig_enabled);
  EXPECT_FALSE(Loaded("reconfigEnabled=False\n").reconfig_enabled);
}

TEST_F(LoadConfigTest, YesAndNoAreExactWords) {
  EXPECT_TRUE(Loaded("skipACL=yes\n").skip_acl);
  EXPECT_FALSE(Loaded("forceSync=no\n").force_sync);
  const Config config = Loaded("skipACL=true\nforceSync=No\nleaderServes=false\n");
  EXPECT_FALSE(config.skip_acl);
  EXPECT_TRUE(config.force_sync);
  EXPECT_TRUE(config.leader_serves);
  EXPECT_EQ(Shown(config.warnings),
            "3: skipACL: taken as no: only the word yes changes anything\n"
            "4: forceSync: taken as yes: only the word no changes anything\n"
            "5: leaderServes: taken as yes: only the word no changes anything\n");
}

// SO-4.13, SO-4.6
TEST_F(LoadConfigTest, SnapRetainCountIsAtLeastThree) {
  const Config config = Loaded("autopurge.snapRetainCount=1\nautopurge.purgeInterval=24\n");
  EXPECT_EQ(config.autopurge_snap_retain_count, 3);
  EXPECT_EQ(config.autopurge_purge_interval_h, 24);
  EXPECT_EQ(
      Shown(config.warnings),
      "3: autopurge.snapRetainCount: Invalid autopurge.snapRetainCount: 1. Defaulting to 3\n");
}

// SO-4.6, SO-4.9
TEST_F(LoadConfigTest, OneServerLineRunsStandalone) {
  const Config config = Loaded("server.1=zk1:2888:3888\n");
  EXPECT_EQ(Shown(config.warnings),
            "3: server.1: Invalid configuration, only one server specified (ignoring)\n");
  EXPECT_EQ(CanonicalText(config.membership), "server.1=zk1:2888:3888:participant\nversion=0");
  EXPECT_EQ(config.server_id, 1);
}

// SO-4.9: the line of this server brings its port for clients.
TEST_F(LoadConfigTest, ClientPortFromTheServerLine) {
  Write("myid", "5\n");
  const auto with = [&](std::string_view lines) {
    return LoadedFrom(Write("zoo.cfg", "dataDir=" + dir() + "\n" + std::string(lines)));
  };
  const Config config = with("server.5=127.0.0.1:2888:3888;127.0.0.1:2191\n");
  EXPECT_EQ(config.client_port, 2191);
  EXPECT_EQ(config.client_port_address, "127.0.0.1");
  EXPECT_EQ(config.myid, PeerId{5});
  EXPECT_EQ(config.server_id, 1);

  EXPECT_EQ(with("clientPort=2191\nserver.5=h:1:2;127.0.0.1:2191\n").client_port_address,
            "127.0.0.1");
  EXPECT_EQ(with("server.5=h:1:2;2191\n").client_port_address, "");
  // Not this server's line.
  EXPECT_EQ(with("server.6=h:1:2;2191\n").client_port, std::nullopt);
}

// SO-4.6
TEST_F(LoadConfigTest, AServerMayHaveNoClientPort) {
  const std::string path = Write("zoo.cfg", "dataDir=" + dir() + "\nclientPort=0\n");
  const Config config = LoadedFrom(path);
  EXPECT_EQ(config.client_port, std::nullopt);
  EXPECT_EQ(Shown(config.warnings),
            "2: clientPort: clientPort is not set: the server runs without a port for clients\n");
}

// SO-4.6
TEST_F(LoadConfigTest, TheServerListDecidesTheRole) {
  const Config config = Loaded("peerType=Observer\n");
  EXPECT_EQ(config.peer_type, PeerRole::kParticipant);
  EXPECT_EQ(Shown(config.warnings),
            "3: peerType: Peer type from servers list (PARTICIPANT) doesn't match peerType "
            "(OBSERVER). Defaulting to servers list.\n");
}

// SO-4.7: myid is read, and kept, even standalone.
TEST_F(LoadConfigTest, StandaloneKeepsMyId) {
  Write("myid", "300\n");
  const Config config = Loaded("");
  EXPECT_EQ(config.myid, PeerId{300});
  EXPECT_EQ(config.server_id, 1);
}

// QP-5.10: two servers never give one session id.
TEST_F(LoadConfigTest, AMembersSessionsCarryItsNumber) {
  Write("myid", "2\n");
  const Config config =
      Loaded("initLimit=10\nsyncLimit=5\nserver.1=h1:1:2\nserver.2=h2:1:2\nserver.3=h3:1:2\n");
  EXPECT_TRUE(config.ensemble);
  EXPECT_EQ(config.server_id, 2);
}

// SO-4.10 (reading): the version stands in the name.
TEST_F(LoadConfigTest, DynamicFile) {
  const std::string path = Write("zoo.cfg.dynamic.100000000", "server.1=h:1:2;2181\n");
  const Config config = Loaded("dynamicConfigFile=" + path + "\n");
  EXPECT_EQ(CanonicalText(config.membership),
            "server.1=h:1:2:participant;0.0.0.0:2181\nversion=100000000");
  const std::string other = Write("members.cfg", "server.1=h:1:2\n");
  EXPECT_EQ(Loaded("dynamicConfigFile=" + other + "\n").membership.version, 0);
}

// SO-4.11, and a standalone server writes none with reconfigEnabled=true either.
TEST_F(LoadConfigTest, LoadingWritesNothing) {
  Write("myid", "1");
  const std::string dynamic = Write("zoo.cfg.dynamic.1", "server.1=h:1:2;2181\n");
  for (const char* enabled : {"false", "true"}) {
    WriteConfig("reconfigEnabled=" + std::string(enabled) + "\ndynamicConfigFile=" + dynamic);
    const auto before = Everything();
    LoadedFrom(Path("zoo.cfg"));
    EXPECT_EQ(Everything(), before);
  }
}

TEST_F(LoadConfigTest, AddressesAreLookedUp) {
  EXPECT_EQ(Loaded("clientPortAddress=127.0.0.1\n").client_port_address, "127.0.0.1");
  EXPECT_EQ(Loaded("clientPortAddress=localhost\n").client_port_address, "127.0.0.1");
  EXPECT_EQ(Loaded("clientPortAddress=[::1]\n").client_port_address, "::1");
  EXPECT_EQ(Loaded("clientPortAddress=::1\n").client_port_address, "::1");
  EXPECT_EQ(Loaded("clientPortAddress=0.0.0.0\n").client_port_address, "");
  EXPECT_EQ(Loaded("clientPortAddress=::\n").client_port_address, "");
}

TEST_F(LoadConfigTest, FourLetterWords) {
  const Config standard = Loaded("");
  EXPECT_TRUE(standard.AllowsFourLetterWord("srvr"));
  EXPECT_FALSE(standard.AllowsFourLetterWord("ruok"));
  EXPECT_FALSE(standard.AllowsFourLetterWord("isro"));
  const Config some = Loaded("4lw.commands.whitelist= ruok , mntr,\n");
  EXPECT_TRUE(some.AllowsFourLetterWord("srvr"));
  EXPECT_TRUE(some.AllowsFourLetterWord("mntr"));
  EXPECT_FALSE(some.AllowsFourLetterWord("stat"));
  EXPECT_TRUE(Loaded("4lw.commands.whitelist=ruok, *\n").AllowsFourLetterWord("stat"));
  EXPECT_TRUE(Loaded("readonlymode.enabled=true\n").AllowsFourLetterWord("isro"));
}

TEST_F(LoadConfigTest, ThreadsForClients) {
  EXPECT_EQ(Loaded("").IoThreads(1), 1);
  EXPECT_EQ(Loaded("").IoThreads(2), 1);
  EXPECT_EQ(Loaded("").IoThreads(4), 3);
  EXPECT_EQ(Loaded("").IoThreads(64), 8);
  EXPECT_EQ(Loaded("").IoThreads(0), 1);
  EXPECT_EQ(Loaded("lockkeeper.ioThreads=12\n").IoThreads(2), 12);
}

TEST_F(LoadConfigTest, DigestAlgorithmsHaveOneNameThatOpenSslKnows) {
  EXPECT_EQ(Loaded("").digest_alg, "SHA1");
  for (const char* name :
       {"SHA", "sha1", "SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512", "SHA-512/224",
        "SHA-512/256", "SHA3-224", "sha3-256", "SHA3-384", "SHA3-512", "MD5"}) {
    const Config config =
        Loaded("DigestAuthenticationProvider.digestAlg=" + std::string(name) + "\n");
    EVP_MD* digest = EVP_MD_fetch(nullptr, config.digest_alg.c_str(), nullptr);
    EXPECT_NE(digest, nullptr) << config.digest_alg;
    EVP_MD_free(digest);
  }
  EXPECT_EQ(Loaded("DigestAuthenticationProvider.digestAlg=sha\n").digest_alg, "SHA1");
}

TEST_F(LoadConfigTest, Authentication) {
  const Config config = Loaded(
      "authProvider.1=org.apache.zookeeper.server.auth.DigestAuthenticationProvider\n"
      "authProvider.my=org.apache.zookeeper.server.auth.IPAuthenticationProvider\n"
      "DigestAuthenticationProvider.enabled=false\n"
      "DigestAuthenticationProvider.superDigest=super:hash=\n"
      "enforce.auth.enabled=true\n"
      "enforce.auth.schemes=digest, ip,\n");
  EXPECT_TRUE(config.digest_auth_enabled);  // the provider is named
  EXPECT_EQ(config.super_digest, "super:hash=");
  EXPECT_EQ(config.enforce_auth_schemes, (std::vector<std::string>{"digest", "ip"}));
  EXPECT_FALSE(Loaded("DigestAuthenticationProvider.enabled=false\n").digest_auth_enabled);
}

// One warning says that there is no AdminServer, whatever its keys.
TEST_F(LoadConfigTest, AdminServerKeysGiveOneWarning) {
  const auto count = [](const Config& config) {
    return std::ranges::count_if(config.warnings, [](const ConfigRemark& r) {
      return r.text.find("AdminServer") != std::string::npos;
    });
  };
  EXPECT_EQ(count(Loaded("")), 1);
  EXPECT_EQ(count(Loaded("admin.enableServer=true\nadmin.serverPort=9090\n")), 1);
  EXPECT_EQ(count(Loaded("admin.enableServer=FALSE\n")), 1);
  const Config off = Loaded("admin.serverPort=9090\nadmin.enableServer=false\n");
  EXPECT_EQ(count(off), 0);
  EXPECT_FALSE(off.admin_enabled);
}

// Switches of parts that are not there may stand at their neutral value.
TEST_F(LoadConfigTest, NeutralValuesOfRefusedKeysAreAccepted) {
  const Config config = Loaded(
      "secureClientPort=0\nclient.portUnification=false\nsessionRequireClientSASLAuth=false\n"
      "request_throttle_max_requests=0\nconnection_throttle_tokens=-1\n"
      "largeRequestThreshold=-1\nthrottled_op_wait_time=many\naudit.enable=no\n"
      "java.security.auth.login.config=\nelectionAlg=3\nstandaloneEnabled=true\n"
      "metricsProvider.className=org.apache.zookeeper.metrics.impl.NullMetricsProvider\n");
  EXPECT_EQ(config.client_port, 2181);
}

TEST_F(LoadConfigTest, EnsembleValuesAreCompleted) {
  const Config config = Loaded(
      "electionPortBindRetry=-1\nsyncEnabled=true\n"
      "observer.syncEnabled=false\ncommitLogCount=100\n");
  EXPECT_EQ(config.election_port_bind_retry, 3);
  EXPECT_FALSE(config.sync_enabled);
  EXPECT_EQ(config.commit_log_count, 500);
}

TEST_F(LoadConfigTest, YamlMeansTheSame) {
  const Config config = LoadedFrom(Write("lk.yaml", "dataDir: " + dir() +
                                                        "\nclientPort: 2182\n"
                                                        "4lw: {commands: {whitelist: [ruok]}}\n"
                                                        "zookeeper.snapCount: 7\n"
                                                        "servers: {1: 'h:1:2'}\nnew: key\n"));
  EXPECT_EQ(config.client_port, 2182);
  EXPECT_EQ(config.four_letter_words, std::vector<std::string>{"ruok"});
  EXPECT_EQ(config.snap_count, 7);
  EXPECT_EQ(Shown(config.warnings),
            "5: server.1: Invalid configuration, only one server specified (ignoring)\n"
            "6: new: unknown key, it has no effect\n");
}

// SO-4.12
TEST_F(LoadConfigTest, TwoToFourArgumentsStartStandalone) {
  const Config two = FromArguments({"2183", dir()});
  EXPECT_EQ(two.source, "command line");
  EXPECT_EQ(two.client_port, 2183);
  EXPECT_EQ(two.data_dir, dir());
  EXPECT_EQ(two.data_log_dir, dir());
  EXPECT_EQ(two.tick_time_ms, 3000);
  EXPECT_EQ(two.max_client_cnxns, 0);  // no limit in this form, unlike in a file

  const Config four = FromArguments({"0", dir(), "2000", "7"});
  EXPECT_EQ(four.client_port, 0);  // any free port
  EXPECT_EQ(four.min_session_timeout_ms, 4000);
  EXPECT_EQ(four.max_session_timeout_ms, 40'000);
  EXPECT_EQ(four.max_client_cnxns, 7);
}

// SO-4.12: myid has no part in the argument form.
TEST_F(LoadConfigTest, ArgumentsDoNotReadMyId) {
  Write("myid", "not a number");
  EXPECT_EQ(FromArguments({"2183", dir()}).myid, std::nullopt);
}

// SO-4.12
TEST_F(LoadConfigTest, OneArgumentIsAFile) {
  EXPECT_EQ(FromArguments({WriteConfig("tickTime=7\n")}).tick_time_ms, 7);
}

// SO-4.6
TEST_F(LoadConfigTest, RelativePathsAreAccepted) {
  WriteConfig("dataLogDir=logs\n");
  EXPECT_EQ(Shown(LoadedFrom(Path("zoo.cfg")).warnings),
            "3: dataLogDir: logs is relative. Prepend ./ to indicate that you're sure!\n");
  EXPECT_EQ(Shown(Loaded("dataLogDir=./logs\n").warnings), "");
}

TEST_F(LoadConfigTest, DescribeShowsWhatIsInForceAndNoSecrets) {
  Write("myid", "1");
  const Config config = Loaded(
      "snapCount=0x10\nforceSync=no\nserver.1=h:1:2\n"
      "DigestAuthenticationProvider.superDigest=super:topsecret\n"
      "ssl.keyStore.password=topsecret\n4lw.commands.whitelist=a, b\n");
  const std::vector<std::string> lines = config.Describe();
  for (const std::string want :
       {"snapCount = 16", "forceSync = no", "tickTime = 3000", "minSessionTimeout = 6000",
        "clientPort = 2181", "4lw.commands.whitelist = a,b", "server.1 = h:1:2:participant",
        "myid = 1", "DigestAuthenticationProvider.superDigest = ***",
        "jute.maxbuffer.extrasize = 1048575", "snapshotSizeFactor = 0.33"}) {
    EXPECT_EQ(std::ranges::count(lines, want), 1) << want;
  }
  for (const std::string& line : lines) {
    EXPECT_EQ(line.find("topsecret"), std::string::npos) << line;
  }
  for (const ConfigRemark& note : config.notes) {
    EXPECT_EQ(note.text.find("topsecret"), std::string::npos);
  }
}

}  // namespace
}  // namespace lockkeeper
