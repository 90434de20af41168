#include "server/peer/socket_writer.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <string>
#include <thread>
#include <utility>

#include "tests/server/peer/peer_test_util.h"

namespace lockkeeper {
namespace {

constexpr size_t kAboveSocketBuffer = 8 << 20;  // more than a socket's buffer holds

QuorumPacket Proposed(int64_t zxid, size_t bytes) {
  return {.type = QuorumPacketType::kProposal,
          .zxid = Zxid{zxid},
          .data = Share(std::string(bytes, static_cast<char>('a' + zxid % 26)))};
}

class SocketWriterTest : public testing::Test {
 protected:
  SocketWriterTest() : writer_(ends_[0], [this] { ++attended_; }) {}
  ~SocketWriterTest() override {
    for (const int end : ends_) close(end);
  }
  // So many bytes from the other end.
  std::string Read(size_t bytes) const {
    std::string all(bytes, '\0');
    EXPECT_EQ(recv(ends_[1], all.data(), bytes, MSG_WAITALL), static_cast<ssize_t>(bytes));
    return all;
  }
  bool NothingCame() const {
    char byte = 0;
    return recv(ends_[1], &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
  }
  bool SendNow(QuorumPacket packet) { return writer_.SendNow(&packet); }

  const std::array<int, 2> ends_ = Connected();
  std::atomic<int> attended_ = 0;
  SocketWriter writer_;

 private:
  static std::array<int, 2> Connected() {
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    return ends;
  }
};

TEST_F(SocketWriterTest, WritesAtOnceWhatTheSystemTakes) {
  const auto packet = Proposed(1, 600);
  ASSERT_TRUE(SendNow(packet));
  EXPECT_EQ(Read(Encoded(packet).size()), Encoded(packet));
  EXPECT_TRUE(writer_.empty());
  EXPECT_EQ(attended_, 0);
}

TEST_F(SocketWriterTest, PassesNothingByThatWaits) {
  writer_.AddBytes("first");
  auto packet = Proposed(1, 10);
  EXPECT_FALSE(writer_.SendNow(&packet));
  EXPECT_EQ(Encoded(packet), Encoded(Proposed(1, 10))) << "the caller has it still";
  EXPECT_TRUE(NothingCame());
  EXPECT_TRUE(writer_.WriteSome(kAboveSocketBuffer).all);
  EXPECT_EQ(Read(5), "first");
  EXPECT_TRUE(writer_.SendNow(&packet));
}

TEST_F(SocketWriterTest, KeepsWhatTheSystemDoesNotTakeForThePeerThread) {
  const std::string expected = Encoded(Proposed(1, kAboveSocketBuffer));
  ASSERT_TRUE(SendNow(Proposed(1, kAboveSocketBuffer)));
  EXPECT_EQ(attended_, 1);
  EXPECT_GT(writer_.bytes(), 0u);
  EXPECT_LT(writer_.bytes(), expected.size());
  EXPECT_FALSE(SendNow(Proposed(2, 1)));
  std::string came;
  while (!writer_.empty()) {
    came += Read(expected.size() - writer_.bytes() - came.size());
    EXPECT_EQ(writer_.WriteSome(kAboveSocketBuffer).error, 0);
  }
  EXPECT_EQ(came + Read(expected.size() - came.size()), expected);
}

TEST_F(SocketWriterTest, WritesAboutAsMuchAsItMay) {
  for (int i = 0; i < 500; ++i) writer_.AddShared(Share(std::string(600, 'x')));
  EXPECT_FALSE(writer_.WriteSome(1).all);
  EXPECT_EQ(writer_.bytes(), (500 - kWriteBuffersMax) * 600) << "one call";
}

TEST_F(SocketWriterTest, LeavesABrokenConnectionToThePeerThread) {
  shutdown(ends_[1], SHUT_RD);
  ASSERT_TRUE(SendNow(Proposed(1, 10)));
  EXPECT_EQ(attended_, 1);
  EXPECT_EQ(writer_.WriteSome(kAboveSocketBuffer).error, EPIPE);
}

TEST_F(SocketWriterTest, TakesNothingOnceItIsClosed) {
  writer_.AddBytes("waits");
  writer_.Close();
  EXPECT_TRUE(writer_.empty());
  EXPECT_FALSE(SendNow(Proposed(1, 10)));
  EXPECT_TRUE(NothingCame());
}

TEST_F(SocketWriterTest, DoesNotTouchTheSocketOfAnotherOnceItIsClosed) {
  std::thread sender([this] {
    while (SendNow(Proposed(1, 10)) || !writer_.empty()) {
    }
  });
  Read(1000);
  writer_.Close();
  sender.join();
  std::string rest(kAboveSocketBuffer, '\0');
  while (recv(ends_[1], rest.data(), rest.size(), MSG_DONTWAIT) > 0) {
  }
  EXPECT_FALSE(SendNow(Proposed(1, 10)));
  EXPECT_TRUE(NothingCame());
}

}  // namespace
}  // namespace lockkeeper
