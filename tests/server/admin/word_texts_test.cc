// Every text is compared, byte for byte, with what an Apache server answered in the same state.
#include "server/admin/word_texts.h"

#include <gtest/gtest.h>

#include "server/admin/metrics.h"
#include "tests/server/admin/admin_test_support.h"

namespace lockkeeper {
namespace {

constexpr SessionId kFirstSession{0x100002cbf7b0000};
constexpr SessionId kSecondSession{0x100002cbf7b0001};
constexpr char kIpv6[] = "/[0:0:0:0:0:0:0:1]:42368";

ConnectionView Stranger(const std::string& remote, int32_t interest_ops, int64_t received) {
  ConnectionView c;
  c.remote = remote;
  c.interest_ops = interest_ops;
  c.received = received;
  return c;
}

ConnectionView FirstClient() {
  ConnectionView c = Stranger("/127.0.0.1:36172", 1, 315);
  c.sent = 316;
  c.session = kFirstSession;
  c.last_operation = OperationLabel(OpCode::kGetData);
  c.established = WallMs{1795237664087};
  c.timeout_ms = 10000;
  c.last_cxid = 0x13a;
  c.last_zxid = Zxid{0x136};
  c.last_response = MonoMs{2933317};
  c.last_latency_ms = 1;
  c.max_latency_ms = 7;
  return c;
}

ConnectionView SecondClient() {
  ConnectionView c = Stranger(kIpv6, 1, 4);
  c.sent = 4;
  c.session = kSecondSession;
  c.last_operation = OperationLabel(OpCode::kGetChildren);
  c.established = WallMs{1795237664102};
  c.timeout_ms = 30000;
  c.last_cxid = 3;
  c.last_zxid = Zxid{0xa};
  c.last_response = MonoMs{2932911};
  c.max_latency_ms = 1;
  return c;
}

// The basics of the captured standalone server.
ServerView StandaloneView() {
  ServerView view;
  view.version = CapturedVersion();
  view.now = MonoMs{2934000};
  view.wall_now = WallMs{1795237665000};  // 2026-11-21 05:07:45 UTC
  view.last_zxid = Zxid{0x136};
  view.node_count = 312;
  view.latency_ms = {.count = 319, .sum = 241, .min = 0, .max = 7};
  view.packets_received = 332;
  view.packets_sent = 332;
  view.connection_count = 4;
  view.trace_mask = 306;
  return view;
}

// A bucket that expires `seconds` after the view's present.
template <class T>
ExpiryBucket<T> BucketIn(const ServerView& view, int64_t seconds, std::vector<T> members) {
  return {MonoMs{view.now.value + seconds * 1000}, std::move(members)};
}

TEST(WordTexts, SO_5_5_RuokIsroGtmkStmkEndWithoutNewline) {
  ServerView view = StandaloneView();
  EXPECT_EQ(RuokText(view), Capture("standalone_ruok"));
  EXPECT_EQ(RuokText(view), "imok");
  EXPECT_EQ(IsroText(view), Capture("standalone_isro"));
  EXPECT_EQ(TraceMaskText(view), Capture("standalone_gtmk"));
  view.trace_mask = -1;
  EXPECT_EQ(TraceMaskText(view), Capture("standalone_stmk_minus"));
  view.read_only = true;
  EXPECT_EQ(IsroText(view), Capture("read_only_isro"));
}

TEST(WordTexts, SO_5_11_CrstAndSrst) {
  EXPECT_EQ(CrstText({}), Capture("standalone_crst"));
  EXPECT_EQ(SrstText({}), Capture("standalone_srst"));
}

TEST(WordTexts, SO_5_6_Srvr) {
  ServerView view = StandaloneView();
  EXPECT_EQ(SrvrText(view), Capture("standalone_srvr"));
  view.latency_ms = {};
  view.packets_received = view.packets_sent = 1;
  EXPECT_EQ(SrvrText(view), Capture("standalone_srvr_after_srst"));
}

TEST(WordTexts, SO_5_6_SrvrOfALeaderEndsWithProposalSizes) {
  ServerView view;
  view.version = CapturedVersion();
  view.mode = "leader";
  view.latency_ms = {.count = 2, .sum = 5, .min = 2, .max = 3};
  view.packets_received = 5;
  view.packets_sent = 4;
  view.connection_count = 2;
  view.last_zxid = Zxid{0x100000006};
  view.node_count = 8;
  view.proposal_sizes = {.last = 88, .max = 88, .min = 48};
  EXPECT_EQ(SrvrText(view), Capture("leader_srvr"));
  view.latency_ms = {};
  view.packets_received = view.packets_sent = 1;
  view.proposal_sizes = LastMinMax::Values{};
  EXPECT_EQ(SrvrText(view), Capture("leader_srvr_after_srst"));
}

TEST(WordTexts, SO_5_6_ReadOnlyModeIsTheSecondLineOfSrvrAndStat) {
  ServerView view;
  view.version = CapturedVersion();
  view.mode = "read-only";
  view.read_only = true;
  view.packets_received = 3;
  view.packets_sent = 2;
  view.connection_count = 1;
  view.last_zxid = Zxid{0x200000006};
  view.node_count = 7;
  EXPECT_EQ(SrvrText(view), Capture("read_only_srvr"));
  view.packets_received = 4;
  view.packets_sent = 3;
  view.connections = {Stranger("/127.0.0.1:47868", 0, 1)};
  EXPECT_EQ(StatText(view), Capture("read_only_stat"));
}

TEST(WordTexts, SO_5_6_Stat) {
  ServerView view = StandaloneView();
  view.packets_received = view.packets_sent = 333;
  view.connections = {FirstClient(), SecondClient(), Stranger("/127.0.0.1:36224", 0, 1),
                      Stranger("/127.0.0.1:36176", 1, 0)};
  EXPECT_EQ(StatText(view), Capture("standalone_stat"));
}

TEST(WordTexts, SO_5_7_Cons) {
  ServerView view = StandaloneView();
  view.connections = {FirstClient(), Stranger("/127.0.0.1:36230", 0, 1), SecondClient(),
                      Stranger("/127.0.0.1:36176", 1, 0)};
  EXPECT_EQ(ConsText(view), Capture("standalone_cons"));
}

TEST(WordTexts, SO_5_7_ConsAfterCrstHasNoLastCxid) {
  ServerView view = StandaloneView();
  ConnectionView first = Stranger("/127.0.0.1:36172", 1, 0);
  first.session = kFirstSession;
  first.established = WallMs{1795237664087};
  first.timeout_ms = 10000;
  ConnectionView second = Stranger(kIpv6, 1, 0);
  second.session = kSecondSession;
  second.established = WallMs{1795237664102};
  second.timeout_ms = 30000;
  view.connections = {first, second, Stranger("/127.0.0.1:36354", 0, 1),
                      Stranger("/127.0.0.1:36176", 1, 0)};
  EXPECT_EQ(ConsText(view), Capture("standalone_cons_after_crst"));
}

TEST(WordTexts, SO_5_7_ConsAndStatShowOnlyThePortOfTheWord) {
  ServerView view = StandaloneView();
  ConnectionView secure = Stranger("/10.0.0.1:1", 5, 0);
  secure.port = ClientPort::kSecure;
  view.connections = {Stranger("/10.0.0.2:2", 1, 0), secure};
  EXPECT_EQ(ConsText(view), " /10.0.0.2:2[1](queued=0,recved=0,sent=0)\n\n");
  view.port = ClientPort::kSecure;
  EXPECT_EQ(ConsText(view), " /10.0.0.1:1[5](queued=0,recved=0,sent=0)\n\n");
  EXPECT_NE(StatText(view).find("Clients:\n /10.0.0.1:1[5](queued=0,recved=0,sent=0)\n\nLat"),
            std::string::npos);
}

ServerView ViewWithConfig() {
  ServerView view = StandaloneView();
  view.data_dir_bytes = view.log_dir_bytes = 67109337;
  ConfigView& config = view.config;
  config.client_port = 21971;
  config.data_dir = config.data_log_dir = "/data/zk/version-2";
  config.tick_time_ms = 2000;
  config.max_client_connections = 60;
  config.min_session_timeout_ms = 4000;
  config.max_session_timeout_ms = 40000;
  return view;
}

TEST(WordTexts, SO_5_8_ConfStandalone) {
  EXPECT_EQ(ConfText(ViewWithConfig()), Capture("standalone_conf"));
}

TEST(WordTexts, SO_5_8_ConfOfAQuorumMemberEndsWithTheMembershipWithoutNewline) {
  ServerView view = ViewWithConfig();
  view.config.client_port = 21982;
  view.config.server_id = 2;
  view.data_dir_bytes = view.log_dir_bytes = 67109474;
  view.config.quorum = ConfigView::Quorum{.init_limit = 10,
                                          .sync_limit = 5,
                                          .election_ports = "21995",
                                          .quorum_ports = "21992",
                                          .membership =
                                              "server.1=127.0.0.1:21991:21994:participant\n"
                                              "server.2=127.0.0.1:21992:21995:participant\n"
                                              "server.3=127.0.0.1:21993:21996:observer\nversion=0"};
  EXPECT_EQ(ConfText(view), Capture("leader_conf"));
  view.config.client_port = 21983;
  view.config.server_id = 3;
  view.data_dir_bytes = view.log_dir_bytes = 67110066;
  view.config.quorum->election_ports = "21996";
  view.config.quorum->quorum_ports = "21993";
  view.config.quorum->is_observer = true;
  EXPECT_EQ(ConfText(view), Capture("observer_conf"));
}

TEST(WordTexts, SO_5_9_DumpStandalone) {
  const ScopedTimeZone utc("UTC0");
  ServerView view = StandaloneView();
  view.sessions.tracked = {BucketIn<SessionId>(view, 10, {kFirstSession}),
                           BucketIn<SessionId>(view, 30, {kSecondSession})};
  view.ephemerals = {{kSecondSession, {"/b/e"}}, {kFirstSession, {"/a/e", "/a/f"}}};
  view.connection_buckets = {BucketIn<ConnectionExpiry>(view, 16,
                                                        {{"/127.0.0.1:36172", kFirstSession},
                                                         {"/127.0.0.1:36244", SessionId{}},
                                                         {"/127.0.0.1:36176", SessionId{}}}),
                             BucketIn<ConnectionExpiry>(view, 36, {{kIpv6, kSecondSession}})};
  EXPECT_EQ(DumpText(view), Capture("standalone_dump"));
}

TEST(WordTexts, SO_5_9_DumpShowsEmptyBucketsAndNoEphemerals) {
  const ScopedTimeZone utc("UTC0");
  ServerView view = StandaloneView();
  view.sessions.tracked = {BucketIn<SessionId>(view, 10, {}), BucketIn<SessionId>(view, 30, {})};
  view.connection_buckets = {
      BucketIn<ConnectionExpiry>(
          view, 16, {{"/127.0.0.1:36382", SessionId{}}, {"/127.0.0.1:36176", SessionId{}}}),
      BucketIn<ConnectionExpiry>(view, 36, {})};
  EXPECT_EQ(DumpText(view), Capture("standalone_dump_after"));
}

TEST(WordTexts, SO_5_9_DumpOfALeader) {
  const ScopedTimeZone utc("UTC0");
  ServerView view = StandaloneView();
  constexpr SessionId kOwner{0x200002d37570000};
  view.sessions.tracked = {
      BucketIn<SessionId>(view, 40, {}),
      BucketIn<SessionId>(view, 42,
                          {SessionId{0x300002d38330000}, kOwner, SessionId{0x100002d373d0000}})};
  view.ephemerals = {{kOwner, {"/a/e"}}};
  view.connection_buckets = {BucketIn<ConnectionExpiry>(
      view, 46, {{"/127.0.0.1:43100", kOwner}, {"/127.0.0.1:43130", SessionId{}}})};
  EXPECT_EQ(DumpText(view), Capture("leader_dump"));
}

TEST(WordTexts, SO_5_9_DumpOfALearnerListsGlobalSessionsInSignedOrder) {
  const ScopedTimeZone utc("UTC0");
  ServerView view = StandaloneView();
  view.sessions.known_global = {{SessionId{0x300002d38330000}, 10000},
                                {SessionId{0x100002d373d0000}, 10000},
                                {SessionId{0x200002d37570000}, 10000}};
  view.ephemerals = {{SessionId{0x200002d37570000}, {"/a/e"}}};
  view.connection_buckets = {BucketIn<ConnectionExpiry>(
      view, 46,
      {{"/127.0.0.1:41542", SessionId{0x100002d373d0000}}, {"/127.0.0.1:41562", SessionId{}}})};
  EXPECT_EQ(DumpText(view), Capture("follower_dump"));
  view.sessions.known_global->push_back({SessionId{-1}, 5});
  EXPECT_NE(DumpText(view).find("(4):\n0xffffffffffffffff\t5ms\n0x1"), std::string::npos);
  view = StandaloneView();
  view.sessions.known_global.emplace();
  view.connection_buckets = {
      BucketIn<ConnectionExpiry>(view, 86, {{"/127.0.0.1:47890", SessionId{}}})};
  EXPECT_EQ(DumpText(view), Capture("read_only_dump"));
}

TEST(WordTexts, SO_5_9_DumpWithLocalSessions) {
  const ScopedTimeZone utc("UTC0");
  constexpr SessionId kGlobal{0x200002e20410000};
  constexpr SessionId kLocal{0x100002e202c0000};
  ServerView leader = StandaloneView();
  leader.sessions.local = {BucketIn<SessionId>(leader, 100, {})};
  leader.sessions.tracked = {BucketIn<SessionId>(leader, 100, {kGlobal})};
  leader.ephemerals = {{kGlobal, {"/a/e"}}};
  leader.connection_buckets = {BucketIn<ConnectionExpiry>(
      leader, 106, {{"/127.0.0.1:52516", kGlobal}, {"/127.0.0.1:52554", SessionId{}}})};
  EXPECT_EQ(DumpText(leader), Capture("leader_local_sessions_dump"));
  ServerView follower = leader;
  follower.sessions = {};
  follower.sessions.local = {BucketIn<SessionId>(follower, 100, {kLocal})};
  follower.sessions.known_global = {{kGlobal, 10000}};
  follower.connection_buckets = {BucketIn<ConnectionExpiry>(
      follower, 106, {{"/127.0.0.1:40368", kLocal}, {"/127.0.0.1:40384", SessionId{}}})};
  EXPECT_EQ(DumpText(follower), Capture("follower_local_sessions_dump"));
}

TEST(WordTexts, SO_5_10_WchsWchcWchp) {
  ServerView view = StandaloneView();
  EXPECT_EQ(WchsText(view), Capture("standalone_wchs_idle"));
  EXPECT_EQ(WchcText(view), Capture("standalone_wchc_idle"));
  EXPECT_EQ(WchpText(view), "\n");
  view.watch_summary = {.connections = 2, .paths = 2, .watches = 3};
  view.watches = {{kFirstSession, {"/a", "/nope"}}, {kSecondSession, {"/a"}}};
  view.watchers = {{"/a", {kSecondSession, kFirstSession}}, {"/nope", {kFirstSession}}};
  EXPECT_EQ(WchsText(view), Capture("standalone_wchs"));
  EXPECT_EQ(WchcText(view), Capture("standalone_wchc"));
  EXPECT_EQ(WchpText(view), Capture("standalone_wchp"));
}

TEST(WordTexts, SO_5_11_DirsAndHash) {
  ServerView view = StandaloneView();
  EXPECT_EQ(HashText(view), "");
  view.data_dir_bytes = view.log_dir_bytes = 67109337;
  view.digests = {{Zxid{0x80}, 270312209416}, {Zxid{0x100}, 542627007936}};
  EXPECT_EQ(DirsText(view), Capture("standalone_dirs"));
  EXPECT_EQ(HashText(view), Capture("standalone_hash"));
}

TEST(WordTexts, SO_5_11_Envi) {
  ServerView view = StandaloneView();
  view.environment = {
      .host_name = "localhost",
      .java_version = "17.0.15",
      .java_vendor = "Debian",
      .java_home = "/usr/lib/jvm/java-17-openjdk-amd64",
      .java_class_path = "/usr/share/java/zookeeper.jar",
      .java_library_path =
          "/usr/java/packages/lib:/usr/lib/x86_64-linux-gnu/jni:"
          "/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu:/usr/lib/jni:/lib:"
          "/usr/lib",
      .java_io_tmpdir = "/tmp",
      .os_name = "Linux",
      .os_arch = "amd64",
      .os_version = "6.1.0",
      .user_name = "root",
      .user_home = "/root",
      .user_dir = "/data",
      .memory_free_mb = 106,
      .memory_max_mb = 120,
      .memory_total_mb = 120,
  };
  EXPECT_EQ(EnviText(view), Capture("standalone_envi"));
}

TEST(WordTexts, SO_5_12_MntrStartsWithVersionAndState) {
  ServerView view = StandaloneView();
  view.metrics = {{"znode_count", int64_t{312}}, {"avg_latency", 0.7555}};
  EXPECT_EQ(MntrText(view),
            "zk_version\t3.8.0-${mvngit.commit.id}, built on 2024-12-29 17:54 UTC\n"
            "zk_server_state\tstandalone\n"
            "zk_znode_count\t312\n"
            "zk_avg_latency\t0.7555\n");
  EXPECT_TRUE(Capture("standalone_mntr")
                  .starts_with(MntrText(view).substr(0, MntrText(view).find("zk_znode"))));
}

TEST(WordTexts, SO_5_12_MntrOfMembersShowsPeerStateAndObserverMaster) {
  ServerView view;
  view.version = CapturedVersion();
  view.mode = "leader";
  view.peer_state = "leading - broadcast";
  EXPECT_EQ(MntrText(view), Capture("leader_mntr_head"));
  view.mode = "observer";
  view.peer_state = "observing - broadcast";
  view.observer_master_id = "2";
  EXPECT_EQ(MntrText(view), Capture("observer_mntr_head"));
}

TEST(WordTexts, SO_5_12_MntrPrintsEveryNameTabSeparated) {
  const Metrics metrics;
  ServerView view = StandaloneView();
  view.metrics = metrics.Collect({});
  const std::vector<std::string> lines = LinesOf(MntrText(view));
  EXPECT_GT(lines.size(), 490u);
  for (const std::string& line : lines) {
    const size_t tab = line.find('\t');
    ASSERT_NE(tab, line.npos) << line;
    EXPECT_TRUE(line.starts_with("zk_")) << line;
    EXPECT_EQ(line.substr(0, tab).find(' '), line.npos) << line;
    EXPECT_EQ(line.find('\t', tab + 1), line.npos) << line;
  }
}

}  // namespace
}  // namespace lockkeeper
