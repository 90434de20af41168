// One client's connection, with its I/O thread played by the test.
#include "server/session/client_session.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "protocol/jute.h"
#include "protocol/session_password.h"
#include "server/net/server_context.h"
#include "server/pipeline/reply.h"
#include "server/session/session_host.h"

namespace lockkeeper {
namespace {

constexpr ConnectionRef kConnection{0, 7};
constexpr SessionId kReturning{0x100000000000001};

std::string Framed(const std::string& payload) {
  std::string frame;
  JuteWriter(&frame).Write(static_cast<int32_t>(payload.size()));
  return frame + payload;
}

template <Record R>
std::string RequestFrame(int32_t xid, OpCode op, const R& body) {
  return Framed(Encoded(RequestHeader{xid, static_cast<int32_t>(op)}) + Encoded(body));
}

// The I/O thread of one connection.
class OneConnection : public SessionHost {
 public:
  explicit OneConnection(const ServerContext& context)
      : SessionHost(0, Zxid{0}, &context.metrics),
        context_(context),
        session_(std::make_unique<ClientSession>(this, context, kConnection, "127.0.0.1", &out)) {}

  ClientSession& session() { return *session_; }
  // What comes from the core while a request is being dealt with.
  std::function<void()> on_catch_up = [] {};
  std::function<void()> on_read_tree = [] {};
  std::string out;

  void Close() {
    gone_ = true;
    session_->Abandon();
    watches().RemoveWatcher(kConnection.id);
  }
  void Take(const AppliedBatch& batch) { Deliver(batch); }

  const DataTree& ReadTree() override {
    on_read_tree();
    return *context_.slot.tree;
  }
  void CatchUp() override { on_catch_up(); }
  void CountRead(size_t) override {}
  void CoreHasWork() override {}
  void Touch(SessionId) override {}

 private:
  ClientSession* Reach(uint64_t connection) override {
    return gone_ || connection != kConnection.id ? nullptr : session_.get();
  }

  const ServerContext& context_;
  bool gone_ = false;
  std::unique_ptr<ClientSession> session_;
};

class ClientSessionTest : public ::testing::Test {
 protected:
  ClientSessionTest()
      : slot_{std::make_unique<DataTree>(DataTreeOptions{})},
        context_{config_,      AccessRules{}, auth_,
                 slot_,        gate_,         inbox_,
                 outstanding_, limiter_,      metrics_,
                 auth_failed_, serving_,      [](ConnectionRef, int32_t, const std::string&) {}},
        io_(context_) {}
  void SetUp() override {
    const SessionPassword password = PasswordFor(kReturning);
    const ConnectRequest request{.timeout_ms = 4000,
                                 .session_id = kReturning.value,
                                 .passwd = std::string_view(password.data(), password.size())};
    Sends(Framed(Encoded(request)));
    ASSERT_EQ(ToCore().size(), 1u);
    io_.session().OnAttached({kConnection.id, kReturning, 4000});
    ASSERT_TRUE(io_.session().is_open());
    io_.out.clear();
  }
  void Sends(const std::string& bytes) { EXPECT_EQ(io_.session().Consume(bytes), bytes.size()); }
  std::vector<CoreMessage> ToCore() {
    std::vector<CoreMessage> messages;
    inbox_.Push(StopCore{});  // so that nothing waits
    inbox_.TakeAll(&messages);
    messages.pop_back();
    return messages;
  }
  // The root is changed, and everybody who watches it hears of it.
  void RootChanges() {
    AppliedBatch batch;
    const AclRef acl = slot_.tree->AclOf(NodeStore::kRoot);
    batch.changes.push_back({ChangeKind::kDataChanged, Zxid{9}, "/", acl, nullptr});
    batch.items.push_back({.zxid = Zxid{9}, .changes_end = 1});
    batch.last_zxid = Zxid{9};
    io_.Take(batch);
  }

  const Config config_;
  const AuthSchemes auth_{AuthOptions{}};
  TreeSlot slot_;
  ReadGate gate_{1};
  Inbox<CoreMessage> inbox_;
  Outstanding outstanding_;
  ConnectionLimiter limiter_{0, 0};
  Metrics metrics_;
  std::atomic<int64_t> auth_failed_{0};
  const ServingState serving_{ServingRole::kFollower};
  const ServerContext context_;
  OneConnection io_;
};

TEST_F(ClientSessionTest, AMalformedWriteIsAnsweredHereAndNowhereElse) {  // QP-5.13, CP-13.2
  const std::string body = Encoded(DeleteRequest{"/a", -1});
  for (const OpCode op : {OpCode::kCreate, OpCode::kCreate2, OpCode::kDelete, OpCode::kSetData,
                          OpCode::kSetAcl, OpCode::kMulti, OpCode::kSync}) {
    io_.out.clear();
    Sends(Framed(Encoded(RequestHeader{5, static_cast<int32_t>(op)}) + body.substr(0, 3)));
    EXPECT_TRUE(ToCore().empty()) << static_cast<int32_t>(op);
    ASSERT_EQ(io_.out.size(), 20u);
    EXPECT_EQ(Decode<ReplyHeader>(std::string_view(io_.out).substr(4))->err,
              static_cast<int32_t>(ErrorCode::kMarshallingError));
  }
  Sends(RequestFrame(6, OpCode::kDelete, DeleteRequest{"/a", -1}));
  EXPECT_EQ(ToCore().size(), 1u) << "a whole one goes to the core";
}

TEST_F(ClientSessionTest, ACheckOutsideAMultiIsRefusedHere) {  // QP-5.14, P1
  Sends(RequestFrame(5, OpCode::kCheck, CheckVersionRequest{"/", -1}));
  EXPECT_TRUE(ToCore().empty());
  ASSERT_EQ(io_.out.size(), 20u);
  EXPECT_EQ(Decode<ReplyHeader>(std::string_view(io_.out).substr(4))->err,
            static_cast<int32_t>(ErrorCode::kUnimplemented));
}

TEST_F(ClientSessionTest, AReadSetsItsWatch) {
  Sends(RequestFrame(5, OpCode::kGetData, PathWatchRequest{"/", true}));
  EXPECT_TRUE(io_.watches().Has("/", kConnection.id, kDataStandard));
  io_.out.clear();
  RootChanges();
  EXPECT_FALSE(io_.out.empty());
}

// The end of the connection comes in while one of its reads is under way: the watch would be left
// behind, and the next change would look for who set it.
TEST_F(ClientSessionTest, AReadThatMeetsTheEndOfItsConnectionSetsNoWatch) {
  io_.on_read_tree = [this] { io_.Close(); };
  Sends(RequestFrame(5, OpCode::kGetData, PathWatchRequest{"/", true}));
  EXPECT_TRUE(io_.watches().empty());
  RootChanges();
}

TEST_F(ClientSessionTest, ReadsThatComeTogetherAreAnsweredAsOneByOne) {
  std::string all;
  std::string one_by_one;
  for (int32_t xid = 1; xid <= 100; ++xid) {
    const char* const paths[] = {"/", "/zookeeper", "/none", "/zookeeper/quota", "relative", ""};
    const OpCode op = xid % 2 == 0 ? OpCode::kGetData : OpCode::kGetChildren2;
    const std::string frame = RequestFrame(xid, op, PathWatchRequest{paths[xid % 6], false});
    all += frame;
    Sends(frame);
    one_by_one += std::exchange(io_.out, {});
  }
  Sends(all);
  EXPECT_EQ(io_.out, one_by_one);
}

TEST_F(ClientSessionTest, OfReadsThatMeetTheEndOfTheirConnectionTogetherNoneIsAnswered) {
  io_.on_read_tree = [this] { io_.Close(); };
  const std::string read = RequestFrame(5, OpCode::kGetData, PathWatchRequest{"/", true});
  io_.session().Consume(read + read + read);
  EXPECT_TRUE(io_.out.empty());
  EXPECT_TRUE(io_.watches().empty());
}

// Two reads wait for a write. Its reply lets them run; while they enter the tree, the end comes.
TEST_F(ClientSessionTest, ParkedReadsThatMeetTheEndOfTheirConnectionSetNoWatch) {
  Sends(RequestFrame(4, OpCode::kDelete, DeleteRequest{"/a", -1}));
  const std::string read = RequestFrame(5, OpCode::kGetData, PathWatchRequest{"/", true});
  Sends(read + read);
  EXPECT_TRUE(io_.out.empty());
  AppliedBatch batch;
  WriteHeaderOnly(4, Zxid{9}, ErrorCode::kNoNode, &batch.bytes);
  batch.items.push_back({.zxid = Zxid{9},
                         .bytes_end = batch.bytes.size(),
                         .kind = DeliveryKind::kReply,
                         .to = kConnection,
                         .session = kReturning});
  batch.last_zxid = Zxid{9};
  io_.Take(batch);
  EXPECT_EQ(io_.out.size(), 20u) << "the reply to the write";
  io_.on_read_tree = [this] { io_.Close(); };
  io_.session().RunParked();
  EXPECT_EQ(io_.out.size(), 20u);
  EXPECT_TRUE(io_.watches().empty());
}

TEST_F(ClientSessionTest, ParkedReadsRunInTheirOrder) {
  Sends(RequestFrame(4, OpCode::kDelete, DeleteRequest{"/a", -1}));
  std::string reads;
  for (int32_t xid = 5; xid < 50; ++xid) {
    reads += RequestFrame(xid, OpCode::kGetData, PathWatchRequest{"/", false});
  }
  Sends(reads);
  AppliedBatch batch;
  batch.items.push_back(
      {.zxid = Zxid{9}, .kind = DeliveryKind::kReply, .to = kConnection, .session = kReturning});
  batch.last_zxid = Zxid{9};
  io_.Take(batch);
  io_.session().RunParked();
  std::string_view out = io_.out;
  for (int32_t xid = 5; xid < 50; ++xid) {
    ASSERT_GE(out.size(), 4u);
    const auto length = static_cast<size_t>(LoadInt(out.data()));
    EXPECT_EQ(Decode<ReplyHeader>(out.substr(4))->xid, xid);
    out.remove_prefix(4 + length);
  }
  EXPECT_TRUE(out.empty());
}

TEST_F(ClientSessionTest, AReadThatMeetsItInFrontOfTheTreeSetsNoneEither) {
  io_.on_catch_up = [this] { io_.Close(); };
  Sends(RequestFrame(5, OpCode::kGetData, PathWatchRequest{"/", true}));
  EXPECT_TRUE(io_.watches().empty());
  RootChanges();
}

}  // namespace
}  // namespace lockkeeper
