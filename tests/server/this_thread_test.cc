#include "server/this_thread.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <thread>

namespace lockkeeper {
namespace {

int NiceOfThisThread() { return getpriority(PRIO_PROCESS, static_cast<id_t>(gettid())); }

TEST(ThisThread, GoesToTheBackgroundAlone) {
  const int before = NiceOfThisThread();
  int there = before;
  std::thread([&there] {
    GoToBackground();
    there = NiceOfThisThread();
  }).join();
  EXPECT_GE(there, 15);
  EXPECT_EQ(NiceOfThisThread(), before);
}

TEST(ThisThread, GetsTheBeginningOfALongName) {
  std::string name(16, '\0');
  std::thread([&name] {
    NameThisThread("a-name-with-25-characters");
    pthread_getname_np(pthread_self(), name.data(), name.size());
  }).join();
  EXPECT_STREQ(name.c_str(), "a-name-with-25-");
}

}  // namespace
}  // namespace lockkeeper
