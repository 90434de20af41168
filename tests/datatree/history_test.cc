// Whole histories through preparation and application: whatever is in flight, the result is what
// one request at a time would give, and the digest in each transaction is that of the tree after
// it.
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "datatree/data_tree.h"
#include "datatree/digest.h"
#include "datatree/prepare.h"

namespace lockkeeper {
namespace {

const std::vector<Identity> kAnybody{{"ip", "127.0.0.1"}};

std::vector<Acl> Open() { return {{kPermAll, {"world", "anyone"}}}; }

// The sum over all znodes, counted from scratch.
uint64_t DigestFromScratch(const DataTree& tree) {
  uint64_t sum = 0;
  std::vector<NodeId> stack{NodeStore::kRoot};
  while (!stack.empty()) {
    const NodeId node = stack.back();
    stack.pop_back();
    const std::string path = tree.nodes().PathOf(node);
    if (!IsOutsideDigest(path)) {
      sum += NodeDigest(DigestPrefix(path, tree.nodes().DataOf(node)), tree.nodes().StatOf(node));
    }
    for (NodeId c = tree.nodes().FirstChild(node); c != kNoNode; c = tree.nodes().NextSibling(c)) {
      stack.push_back(c);
    }
  }
  return sum;
}

// Everything a client can see, path by path.
std::map<std::string, std::string> Content(const DataTree& tree) {
  std::map<std::string, std::string> content;
  std::vector<NodeId> stack{NodeStore::kRoot};
  while (!stack.empty()) {
    const NodeId node = stack.back();
    stack.pop_back();
    const std::string_view data = tree.nodes().DataOf(node);
    content[tree.nodes().PathOf(node)] =
        Encoded(tree.StatOf(node)) + (IsNull(data) ? "null" : "=" + std::string(data));
    for (NodeId c = tree.nodes().FirstChild(node); c != kNoNode; c = tree.nodes().NextSibling(c)) {
      stack.push_back(c);
    }
  }
  return content;
}

// A tree with its preparer; up to `depth` transactions are prepared before the oldest is applied.
class Pipeline {
 public:
  explicit Pipeline(size_t depth)
      : tree_(DataTreeOptions{.owner_rules = {.extended_types = true}}),
        preparer_(tree_, PrepareRules{}),
        depth_(depth) {}

  void Submit(SessionId session, OpCode op, const RequestBody& request) {
    const PrepareContext context{session, 1, Next(), WallMs{1000 + last_.value}, kAnybody};
    Take(op == OpCode::kCloseSession ? preparer_.PrepareCloseSession(context)
                                     : preparer_.Prepare(context, op, request));
  }
  void Finish() {
    while (!in_flight_.empty()) ApplyOldest();
  }

  const DataTree& tree() const { return tree_; }
  const std::vector<std::string>& payloads() const { return payloads_; }
  size_t pending() const { return preparer_.pending().size(); }

 private:
  Zxid Next() { return last_ = NextZxid(last_); }
  void Take(std::string payload) {
    payloads_.push_back(payload);
    in_flight_.push_back(std::move(payload));
    while (in_flight_.size() > depth_) ApplyOldest();
  }
  void ApplyOldest() {
    const Result<ApplyOutcome> outcome = tree_.Apply(in_flight_.front(), nullptr);
    ASSERT_TRUE(outcome.has_value());
    preparer_.Applied(Zxid{outcome->header.zxid});
    if (outcome->recorded_digest) {
      ASSERT_EQ(static_cast<uint64_t>(outcome->recorded_digest->tree_digest), tree_.digest())
          << "zxid " << outcome->header.zxid << " type " << outcome->header.type;
    } else {
      ASSERT_EQ(static_cast<OpCode>(outcome->header.type), OpCode::kError);
    }
    in_flight_.pop_front();
  }

  DataTree tree_;
  TxnPreparer preparer_;
  const size_t depth_;
  Zxid last_;
  std::deque<std::string> in_flight_;
  std::vector<std::string> payloads_;
};

// Random requests on few paths, so that they meet. Owns the strings of the requests it makes.
class LongRequests {
 public:
  explicit LongRequests(uint64_t seed) : random_(seed) {}

  struct Request {
    SessionId session;
    OpCode op;
    RequestBody body;
  };

  Request Next() {
    const SessionId session{static_cast<int64_t>(1 + random_() % 3)};
    switch (random_() % 12) {
      case 0:
      case 1:
      case 2:
        return {session, OpCode::kCreate2, Create()};
      case 3:
        return {session, OpCode::kCreateContainer, Create()};
      case 4:
        return {
            session, OpCode::kCreateTtl,
            CreateTtlRequest{Path(), Data(), Open(), 5, 1 + static_cast<int64_t>(random_() % 9)}};
      case 5:
      case 6:
        return {session, OpCode::kDelete, DeleteRequest{Path(), Version()}};
      case 7:
      case 8:
        return {session, OpCode::kSetData, SetDataRequest{Path(), Data(), Version()}};
      case 9:
        return {session, OpCode::kSetAcl, SetAclRequest{Path(), Open(), Version()}};
      case 10:
        return {session, OpCode::kMulti, Multi()};
      default:
        return {session, random_() % 4 == 0 ? OpCode::kCloseSession : OpCode::kDeleteContainer,
                PathRequest{Path()}};
    }
  }

 private:
  std::string_view Keep(std::string text) { return strings_.emplace_back(std::move(text)); }
  std::string_view Path() {
    std::string path;
    const size_t depth = 1 + random_() % 3;
    for (size_t i = 0; i < depth; ++i) path += std::string("/") + "abc"[random_() % 3];
    return Keep(path);
  }
  std::string_view Data() {
    const size_t size = random_() % 40;
    return size == 0 ? std::string_view() : Keep(std::string(size, 'x'));
  }
  int32_t Version() { return static_cast<int32_t>(random_() % 4) - 1; }
  CreateRequest Create() { return {Path(), Data(), Open(), static_cast<int32_t>(random_() % 4)}; }
  MultiRequest Multi() {
    MultiRequest multi;
    const size_t size = random_() % 5;
    for (size_t i = 0; i < size; ++i) {
      switch (random_() % 4) {
        case 0:
          multi.elements.push_back({OpCode::kCreate2, Create()});
          break;
        case 1:
          multi.elements.push_back({OpCode::kDelete, DeleteRequest{Path(), -1}});
          break;
        case 2:
          multi.elements.push_back({OpCode::kSetData, SetDataRequest{Path(), Data(), -1}});
          break;
        default:
          multi.elements.push_back({OpCode::kCheck, CheckVersionRequest{Path(), Version()}});
      }
    }
    return multi;
  }

  std::mt19937_64 random_;
  std::deque<std::string> strings_;
};

class RandomHistory : public ::testing::TestWithParam<uint64_t> {};

TEST_P(RandomHistory, IsTheSameWhateverIsInFlight) {
  Pipeline one_by_one(0);
  Pipeline deep(17);
  LongRequests requests(GetParam());
  for (int i = 0; i < 2000; ++i) {
    const auto request = requests.Next();
    one_by_one.Submit(request.session, request.op, request.body);
    deep.Submit(request.session, request.op, request.body);
    ASSERT_EQ(one_by_one.payloads().back(), deep.payloads().back()) << "request " << i;
  }
  deep.Finish();
  EXPECT_EQ(deep.pending(), 0u);
  EXPECT_EQ(Content(deep.tree()), Content(one_by_one.tree()));
  EXPECT_EQ(deep.tree().digest(), DigestFromScratch(deep.tree()));
  EXPECT_GT(deep.tree().nodes().size(), 4u);
}

// A snapshot taken while writes went on already holds later changes; replaying everything from
// before must end with the same znodes (storage-and-operations 3.5); creation counters never go
// down.
TEST_P(RandomHistory, ReplayedOverItselfConverges) {
  Pipeline pipeline(0);
  LongRequests requests(GetParam());
  for (int i = 0; i < 500; ++i) {
    const auto request = requests.Next();
    pipeline.Submit(request.session, request.op, request.body);
  }
  DataTree tree(DataTreeOptions{.owner_rules = {.extended_types = true}});
  for (const std::string& payload : pipeline.payloads()) {
    ASSERT_TRUE(tree.Apply(payload, nullptr).has_value());
  }
  EXPECT_EQ(Content(tree), Content(pipeline.tree()));
  const auto content = Content(tree);
  for (size_t repeat = 0; repeat < 2; ++repeat) {
    for (const std::string& payload : pipeline.payloads()) {
      ASSERT_TRUE(tree.Apply(payload, nullptr).has_value());
    }
  }
  std::map<std::string, std::string> replayed = Content(tree);
  ASSERT_EQ(replayed.size(), content.size());
  EXPECT_EQ(tree.digest(), DigestFromScratch(tree));
  for (const auto& [path, bytes] : content) ASSERT_TRUE(replayed.contains(path)) << path;
  EXPECT_EQ(tree.last_zxid(), pipeline.tree().last_zxid());
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomHistory, ::testing::Range<uint64_t>(1, 11));

TEST(Digest, OfAFreshTreeAndAfterTheFirstWrites) {  // SO-3.16
  DataTree tree(DataTreeOptions{});
  EXPECT_EQ(tree.digest(), 0x51c6d660u);
  const auto apply = [&](int64_t zxid, int64_t time, OpCode type, int64_t session,
                         const std::string& body) {
    const TxnHeader header{session, 0, zxid, time, static_cast<int32_t>(type)};
    ASSERT_TRUE(tree.Apply(Encoded(header) + body, nullptr).has_value());
  };
  constexpr int64_t kSession = 0x100000e433b0000;
  apply(2, 1795226949235, OpCode::kCreate, kSession,
        Encoded(CreateTxn{"/a", "hello", Open(), false, 1}));
  EXPECT_EQ(tree.digest(), 0x149deadcdu);
  apply(3, 1795226949245, OpCode::kCreate, kSession,
        Encoded(CreateTxn{"/a/e", "x", Open(), true, 1}));
  EXPECT_EQ(tree.digest(), 0x16ce1aec7u);
  apply(4, 1795226949249, OpCode::kSetData, kSession, Encoded(SetDataTxn{"/a", "world", 1}));
  EXPECT_EQ(tree.digest(), 0x1140949c1u);
}

}  // namespace
}  // namespace lockkeeper
