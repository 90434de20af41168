// Client sockets and the events that are told of them, over pairs of real sockets.
#include "server/net/client_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/net/socket_events.h"

namespace lockkeeper {
namespace {

using State = ClientSocket::State;

// The server's end and the client's.
struct Ends {
  Ends() : Ends(NewPair()) {}
  explicit Ends(std::array<int, 2> handles) : server(handles[0]), client(handles[1]) {}
  static std::array<int, 2> NewPair() {
    std::array<int, 2> handles{-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, handles.data()), 0);
    return handles;
  }
  std::string Read(size_t room = 100) {
    std::vector<char> buffer(room);
    const auto [state, bytes] = server.Read(buffer);
    return state == State::kOpen ? std::string(buffer.data(), bytes) : "";
  }
  // Writes until there is no room.
  void Fill() {
    const std::string some(1 << 16, 'x');
    while (server.Write(some).state == State::kOpen) {
    }
  }
  void Empty() {
    std::vector<char> buffer(1 << 16);
    while (client.Read(buffer).state == State::kOpen) {
    }
  }
  State StateOfRead() {
    std::array<char, 1> buffer{};
    return server.Read(buffer).state;
  }

  ClientSocket server;
  ClientSocket client;
};

TEST(ClientSocket, ReadsWhatHasComeAndNeverWaits) {
  Ends ends;
  EXPECT_EQ(ends.StateOfRead(), State::kNotReady);
  EXPECT_EQ(ends.client.Write("request").bytes, 7u);
  EXPECT_EQ(ends.Read(3), "req");
  EXPECT_EQ(ends.Read(), "uest");
  EXPECT_EQ(ends.StateOfRead(), State::kNotReady);
}

TEST(ClientSocket, WritesWhileThereIsRoomAndNeverWaits) {
  Ends ends;
  ends.Fill();
  EXPECT_EQ(ends.server.Write("more").state, State::kNotReady);
  ends.Empty();
  EXPECT_EQ(ends.server.Write("more").bytes, 4u);
}

TEST(ClientSocket, EndsWithItsClientAndWithoutASignal) {
  Ends ends;
  ends.client.Close();
  EXPECT_EQ(ends.StateOfRead(), State::kEnded);
  EXPECT_EQ(ends.server.Write("reply").state, State::kEnded);
}

class SocketEventsTest : public testing::Test {
 protected:
  static constexpr uint64_t kKey = 7;
  SocketEventsTest() : events_(&loop_, [this](const SocketEvent& e) { told_.push_back(e); }) {
    events_.Begin();
    EXPECT_TRUE(events_.Add(ends_.server.handle(), kKey));
    (void)Told();  // that it can be written
  }
  // Since the last call.
  std::vector<SocketEvent> Told() {
    loop_.restart();
    loop_.poll();
    return std::exchange(told_, {});
  }

  Ends ends_;
  boost::asio::io_context loop_;
  std::vector<SocketEvent> told_;
  SocketEvents events_;
};

TEST_F(SocketEventsTest, TellsOnceOfWhatCame) {
  EXPECT_TRUE(Told().empty());
  ends_.client.Write("one");
  const std::vector<SocketEvent> told = Told();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].key, kKey);
  EXPECT_TRUE(told[0].readable);
  EXPECT_FALSE(told[0].ended);
  EXPECT_TRUE(Told().empty()) << "though nothing was read";
  ends_.client.Write("two");
  EXPECT_EQ(Told().size(), 1u);
  EXPECT_EQ(ends_.Read(), "onetwo");
}

TEST_F(SocketEventsTest, TellsOfTheEndTogetherWithWhatCanStillBeRead) {
  ends_.client.Write("last words");
  shutdown(ends_.client.handle(), SHUT_WR);
  const std::vector<SocketEvent> told = Told();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_TRUE(told[0].readable);
  EXPECT_TRUE(told[0].ended);
  EXPECT_EQ(ends_.Read(), "last words");
  EXPECT_EQ(ends_.StateOfRead(), State::kEnded);
}

TEST_F(SocketEventsTest, TellsThatThereIsRoomAgain) {
  ends_.Fill();
  (void)Told();
  ends_.Empty();
  const std::vector<SocketEvent> told = Told();
  ASSERT_FALSE(told.empty());
  EXPECT_TRUE(told.back().writable);
}

TEST_F(SocketEventsTest, TellsNothingMoreOfAClosedSocket) {
  ends_.client.Write("unread");
  ends_.server.Close();
  EXPECT_TRUE(Told().empty());
}

TEST_F(SocketEventsTest, TellsOfManySocketsInOneTurnAfterTheOther) {
  std::vector<Ends> more(100);
  for (size_t i = 0; i < more.size(); ++i) {
    ASSERT_TRUE(events_.Add(more[i].server.handle(), 1000 + i));
    more[i].client.Write("x");
  }
  std::vector<bool> seen(more.size());
  for (const SocketEvent& event : Told()) seen.at(event.key - 1000) = event.readable;
  EXPECT_EQ(std::count(seen.begin(), seen.end(), true), 100);
}

TEST_F(SocketEventsTest, SaysWhatItCannotWatch) {
  EXPECT_FALSE(events_.Add(-1, 8));
  EXPECT_FALSE(events_.Add(ends_.server.handle(), 8)) << "for the second time";
}

}  // namespace
}  // namespace lockkeeper
