// Random histories against the model: several requests are prepared before the first is applied.
#include <gtest/gtest.h>

#include <deque>

#include "datatree/prepare.h"
#include "tests/datatree/random_requests.h"
#include "tests/datatree/tree_model.h"
#include "tests/datatree/tree_test_util.h"

namespace lockkeeper {
namespace {

constexpr int kSteps = 6000;
constexpr int kStepsBetweenComparisons = 200;

class ModelledHistory : public ::testing::TestWithParam<uint64_t> {
 protected:
  struct Expected {
    std::vector<TreeModel::Result> results;  // of one operation, or of the elements of a multi
    bool multi = false;
    uint64_t digest = 0;
  };

  static TestTreeOptions Options(uint64_t seed) {
    TestTreeOptions options;
    options.tree.owner_rules.extended_types = seed % 2 == 0;
    options.tree.hash_seed = seed;
    return options;
  }

  ModelledHistory()
      : piped_(Options(GetParam())),
        single_(Options(GetParam())),
        model_(GetParam() % 2 == 0),
        requests_(GetParam()) {}

  void Step() {
    const bool closes = requests_.Below(50) == 0;
    // A session that was closed is never seen again.
    const SessionId session = closes ? sessions_[0] : sessions_[requests_.Below(3)];
    std::vector<Identity> identities;
    if (requests_.Below(2) == 0) identities.push_back({"digest", "bob:hash"});
    for (TestTree* tree : {&piped_, &single_}) {
      tree->session = session;
      tree->identities = identities;
    }
    const auto [op, request] = requests_.Make(Known());
    const std::string payload = closes ? piped_.PrepareClose(session) : piped_.Prepare(op, request);
    // Prepared with nothing in flight it is the same, byte for byte.
    const std::string alone = closes ? single_.PrepareClose(session) : single_.Prepare(op, request);
    ASSERT_EQ(PrintBytes(payload), PrintBytes(alone));
    single_.ApplyAll();
    ASSERT_EQ(single_.preparer.pending().size(), 0u);

    const TreeModel::Context context{session.value, identities, piped_.zxid(), piped_.time()};
    Expected expected;
    if (closes) {
      model_.CloseSession(context);
      sessions_.erase(sessions_.begin());
      sessions_.push_back(SessionId{sessions_.back().value + 1});
      expected.results.push_back({});
    } else if (op == OpCode::kMulti) {
      expected.multi = true;
      expected.results = model_.ExecuteMulti(context, std::get<MultiRequest>(request));
    } else {
      expected.results.push_back(model_.Execute(context, op, request));
    }
    expected.digest = model_.Digest();
    expected_.push_back(std::move(expected));
  }

  void ApplyOldest() {
    const Expected expected = std::move(expected_.front());
    expected_.pop_front();
    const ApplyOutcome outcome = piped_.ApplyNext();
    ASSERT_EQ(piped_.tree.digest(), expected.digest);
    const std::vector<OpResult> results =
        expected.multi ? outcome.multi : std::vector<OpResult>{outcome.result};
    ASSERT_EQ(results.size(), expected.results.size());
    for (size_t i = 0; i < results.size(); ++i) {
      ASSERT_EQ(results[i].error, expected.results[i].error);
      ASSERT_EQ(results[i].path, expected.results[i].path);
      ASSERT_EQ(Print(results[i].stat), Print(expected.results[i].stat));
    }
  }

  std::vector<std::string> Known() const {
    std::vector<std::string> known;
    for (const auto& [path, node] : model_.nodes()) known.push_back(path);
    return known;
  }

  TestTree piped_;
  TestTree single_;
  TreeModel model_;
  RandomRequests requests_;
  std::vector<SessionId> sessions_{SessionId{11}, SessionId{12}, SessionId{13}};
  std::deque<Expected> expected_;
};

TEST_P(ModelledHistory, GivesWhatTheModelGives) {  // CP-10.6, QP-7.2
  size_t most_in_flight = 0;
  for (int step = 1; step <= kSteps; ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    ASSERT_NO_FATAL_FAILURE(Step());
    most_in_flight = std::max(most_in_flight, piped_.in_flight.size());
    while (!expected_.empty() && requests_.Below(12) < expected_.size()) {
      ASSERT_NO_FATAL_FAILURE(ApplyOldest());
    }
    if (step % kStepsBetweenComparisons != 0) continue;
    ASSERT_EQ(DumpNodes(single_.tree), model_.Dump());
    while (!expected_.empty()) ASSERT_NO_FATAL_FAILURE(ApplyOldest());
    ASSERT_EQ(DumpTree(piped_.tree), DumpTree(single_.tree));
    ASSERT_EQ(piped_.preparer.pending().size(), 0u);
    ASSERT_EQ(piped_.preparer.pending().digest(), piped_.tree.digest());
  }
  EXPECT_GE(most_in_flight, 8u);
  EXPECT_GT(model_.nodes().size(), 10u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ModelledHistory, ::testing::Range(uint64_t{1}, uint64_t{9}));

}  // namespace
}  // namespace lockkeeper
