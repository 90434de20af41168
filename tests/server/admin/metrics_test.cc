#include "server/admin/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "tests/server/admin/admin_test_support.h"

namespace lockkeeper {
namespace {

using Lines = std::map<std::string, std::string>;

Lines TextsOf(const std::vector<MetricLine>& metrics) {
  Lines out;
  for (const MetricLine& line : metrics) {
    EXPECT_TRUE(out.emplace("zk_" + line.name, MetricValueText(line)).second) << line.name;
  }
  return out;
}

// The metric lines of a captured mntr, without the first two, which are no metrics.
Lines CapturedMetrics() {
  Lines out;
  for (const std::string& line : LinesOf(Capture("standalone_mntr"))) {
    const size_t tab = line.find('\t');
    out.emplace(line.substr(0, tab), line.substr(tab + 1));
  }
  out.erase("zk_version");
  out.erase("zk_server_state");
  return out;
}

std::set<std::string> NamesAddedIn39() {
  std::set<std::string> names = {"zk_snapshot_error_count", "zk_snapshot_rate_limited_count",
                                 "zk_restore_error_count", "zk_restore_rate_limited_count"};
  for (const char* prefix : {"avg", "min", "max", "cnt", "sum"}) {
    names.insert(std::string("zk_") + prefix + "_restore_time");
  }
  return names;
}

std::set<std::string> NamesOf(const Lines& lines) {
  std::set<std::string> names;
  for (const auto& [name, text] : lines) names.insert(name);
  return names;
}

// The captured server had znodes below /a, /b and /zookeeper.
void UseTheNamespacesOfTheCapture(const Metrics& metrics) {
  for (const char* key : {"a", "b", "zookeeper"}) {
    if (CapturedMetrics().contains(std::string("zk_cnt_") + key + "_write_per_namespace")) {
      metrics.write_per_namespace.Record(key, 7);
    }
    if (CapturedMetrics().contains(std::string("zk_cnt_") + key + "_read_per_namespace")) {
      metrics.read_per_namespace.Record(key, 75);
    }
  }
}

TEST(Metrics, SO_7_1_PrintsExactlyTheNamesOfAnApacheServerAndThoseAddedIn39) {
  const Metrics metrics;
  UseTheNamespacesOfTheCapture(metrics);
  std::set<std::string> expected = NamesOf(CapturedMetrics());
  ASSERT_GT(expected.size(), 480u);
  const std::set<std::string> added = NamesAddedIn39();
  expected.insert(added.begin(), added.end());
  EXPECT_EQ(NamesOf(TextsOf(metrics.Collect({}))), expected);
}

TEST(Metrics, SO_5_12_PrintsIntegersAndDoublesWhereAnApacheServerDoes) {
  const Metrics metrics;
  UseTheNamespacesOfTheCapture(metrics);
  const Lines ours = TextsOf(metrics.Collect({}));
  const auto is_double = [](const std::string& text) { return text.find('.') != text.npos; };
  for (const auto& [name, text] : CapturedMetrics()) {
    ASSERT_TRUE(ours.contains(name)) << name;
    EXPECT_EQ(is_double(ours.at(name)), is_double(text)) << name << ": " << text;
  }
}

TEST(Metrics, SO_7_1_PrintsZeroForStagesThatDoNotExist) {
  const Metrics metrics;
  for (const auto& [name, text] : TextsOf(metrics.Collect({}))) {
    EXPECT_EQ(text, name.ends_with("_client_response_size")    ? "-1"
                    : name.starts_with("zk_avg_")              ? "0.0"
                    : name == "zk_connection_drop_probability" ? "0.0"
                                                               : "0")
        << name;
  }
}

GaugeValues SomeGauges() {
  GaugeValues gauges;
  gauges.znode_count = 312;
  gauges.uptime = 1790;
  gauges.connection_drop_probability = 0.02;
  gauges.quota_count_limit_per_namespace["a"] = 5;
  return gauges;
}

TEST(Metrics, SO_7_2_ResetSetsCountersAndSummariesToZeroButNotGauges) {
  Metrics metrics;
  metrics.packets_received.Add(3);
  metrics.request_latency.Record(6);
  metrics.readlatency.Record(6);
  metrics.client_response_size.Record(93, MonoMs{1});
  metrics.write_per_namespace.Record("a", 7);
  Lines lines = TextsOf(metrics.Collect(SomeGauges()));
  EXPECT_EQ(lines["zk_packets_received"], "3");
  EXPECT_EQ(lines["zk_avg_latency"], "6.0");
  EXPECT_EQ(lines["zk_p99_readlatency"], "6");
  EXPECT_EQ(lines["zk_last_client_response_size"], "93");
  EXPECT_EQ(lines["zk_avg_a_write_per_namespace"], "7.0");
  metrics.Reset();
  lines = TextsOf(metrics.Collect(SomeGauges()));
  EXPECT_EQ(lines["zk_packets_received"], "0");
  EXPECT_EQ(lines["zk_max_latency"], "0");
  EXPECT_EQ(lines["zk_p99_readlatency"], "0");
  EXPECT_EQ(lines["zk_last_client_response_size"], "-1");
  EXPECT_EQ(lines["zk_avg_a_write_per_namespace"], "0.0") << "a known key stays";
  EXPECT_EQ(lines["zk_znode_count"], "312");
  EXPECT_EQ(lines["zk_uptime"], "1790");
  EXPECT_EQ(lines["zk_connection_drop_probability"], "0.02");
  EXPECT_EQ(lines["zk_a_quota_count_limit_per_namespace"], "5");
}

// What a captured leader (with an observer) printed beyond a standalone server.
TEST(Metrics, SO_7_3_RoleGaugesArePrintedOnlyWhenTheRoleGivesThem) {
  const Metrics metrics;
  const std::set<std::string> standalone = NamesOf(TextsOf(metrics.Collect({})));
  GaugeValues leader;
  leader.quorum_size = 2;
  leader.learners = leader.synced_followers = leader.synced_observers = 1;
  leader.synced_non_voting_followers = leader.pending_syncs = 0;
  leader.leader_uptime = 1798;
  leader.last_proposal_size = leader.max_proposal_size = leader.min_proposal_size = 88;
  std::set<std::string> added = NamesOf(TextsOf(metrics.Collect(leader)));
  for (const std::string& name : standalone) EXPECT_EQ(added.erase(name), 1u) << name;
  EXPECT_EQ(added,
            (std::set<std::string>{"zk_last_proposal_size", "zk_leader_uptime", "zk_learners",
                                   "zk_max_proposal_size", "zk_min_proposal_size",
                                   "zk_pending_syncs", "zk_quorum_size", "zk_synced_followers",
                                   "zk_synced_non_voting_followers", "zk_synced_observers"}));
  GaugeValues follower;
  follower.quorum_size = 2;
  EXPECT_EQ(TextsOf(metrics.Collect(follower)).size(), standalone.size() + 1);
}

TEST(Metrics, SO_7_4_SetsOfServersAreNamedByServerId) {
  const Metrics metrics;
  metrics.learner_handler_qp_size.Record("3", 1);
  metrics.learner_handler_qp_time_ms.Record("3", 2);
  metrics.ack_latency.Record("3", 4);
  const Lines lines = TextsOf(metrics.Collect({}));
  EXPECT_EQ(lines.at("zk_sum_3_learner_handler_qp_size"), "1");
  EXPECT_FALSE(lines.contains("zk_p50_3_learner_handler_qp_size"));
  EXPECT_EQ(lines.at("zk_p999_3_learner_handler_qp_time_ms"), "2");
  EXPECT_EQ(lines.at("zk_p50_3_ack_latency"), "4");
}

TEST(Metrics, SO_5_12_PrintsLargeAveragesAsJavaDoes) {
  const Metrics metrics;
  metrics.write_per_namespace.Record("big", 12'345'678);
  EXPECT_EQ(TextsOf(metrics.Collect({})).at("zk_avg_big_write_per_namespace"), "1.2345678E7");
}

}  // namespace
}  // namespace lockkeeper
