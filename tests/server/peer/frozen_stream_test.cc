// A stream made from memory as it was when it was started.
#include "server/peer/frozen_stream.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

namespace lockkeeper {
namespace {

// Everything until the end; waits for it.
std::string ReadAll(int fd) {
  std::string all;
  char buffer[1 << 16];
  for (;;) {
    const ssize_t n = read(fd, buffer, sizeof buffer);
    if (n > 0) all.append(buffer, static_cast<size_t>(n));
    if (n == 0) return all;
    pollfd readable{fd, POLLIN, 0};
    if (n < 0 && errno == EAGAIN) poll(&readable, 1, 10'000);
  }
}

TEST(FrozenStreamTest, HasTheMemoryOfItsStart) {
  std::vector<std::string> state(1'000, std::string(10'000, 'a'));
  const auto stream = FrozenStream::Start([&](const FrozenStream::Sink& sink) {
    for (const std::string& part : state) sink(part);
    return Status();
  });
  ASSERT_TRUE(stream.has_value());
  for (std::string& part : state) part.assign(part.size(), 'b');
  const int fd = (*stream)->ReleaseFd();
  EXPECT_EQ(ReadAll(fd), std::string(10'000'000, 'a'));
  EXPECT_TRUE((*stream)->Finish().ok());
  close(fd);
}

TEST(FrozenStreamTest, TellsThatItIsNotWhole) {
  const auto stream = FrozenStream::Start([](const FrozenStream::Sink& sink) -> Status {
    sink("half");
    return Error{Errc::kIo, "no more"};
  });
  ASSERT_TRUE(stream.has_value());
  const int fd = (*stream)->ReleaseFd();
  EXPECT_EQ(ReadAll(fd), "half");
  EXPECT_FALSE((*stream)->Finish().ok());
  close(fd);
}

TEST(FrozenStreamTest, LeavesNoProcessWhenNobodyWantsIt) {
  {
    const auto stream = FrozenStream::Start([](const FrozenStream::Sink& sink) {
      for (;;) sink(std::string(1 << 20, 'x'));
      return Status();
    });
    ASSERT_TRUE(stream.has_value());
  }
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

}  // namespace
}  // namespace lockkeeper
