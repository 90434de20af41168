// The main function of every test program. What the code logs is kept, not printed, while a test
// runs; the last lines come out when the test fails or the program dies by a CHECK.
//
// GLOG_logtostderr=1 in the environment prints everything as it comes.
#include <glog/logging.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <string>

namespace {

constexpr size_t kLinesKept = 40;

// Threads: any thread may log; the rest is the main thread's.
class LogOfTheTest final : public google::LogSink, public testing::EmptyTestEventListener {
 public:
  using google::LogSink::send;
  void send(google::LogSeverity severity, const char* /*full_filename*/, const char* file, int line,
            const google::LogMessageTime& time, const char* message, size_t size) override {
    const std::lock_guard lock(mutex_);
    lines_.push_back(ToString(severity, file, line, time, message, size));
    if (lines_.size() > kLinesKept) {
      lines_.pop_front();
      ++dropped_;
    }
    if (severity == google::GLOG_FATAL) Print();
  }

  void OnTestStart(const testing::TestInfo& /*test*/) override {
    const std::lock_guard lock(mutex_);
    Forget();
  }
  void OnTestEnd(const testing::TestInfo& test) override {
    const std::lock_guard lock(mutex_);
    if (test.result()->Failed()) Print();
    Forget();
  }

 private:
  void Print() const {
    if (lines_.empty()) return;
    std::fprintf(stderr, "The log of this test");
    if (dropped_ > 0) std::fprintf(stderr, ", without its first %zu lines", dropped_);
    std::fprintf(stderr, ":\n");
    for (const std::string& line : lines_) std::fprintf(stderr, "  %s\n", line.c_str());
  }
  void Forget() {
    lines_.clear();
    dropped_ = 0;
  }

  std::mutex mutex_;
  std::deque<std::string> lines_;
  size_t dropped_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  for (int severity = 0; severity < google::NUM_SEVERITIES; ++severity) {
    google::SetLogDestination(severity, "");  // no log files
  }
  if (std::getenv("GLOG_stderrthreshold") == nullptr) FLAGS_stderrthreshold = google::GLOG_FATAL;
  google::InitGoogleLogging(argv[0]);
  if (FLAGS_logtostderr) return RUN_ALL_TESTS();

  // Owned by the list of listeners, which lives as long as the process.
  auto* const log = new LogOfTheTest;
  testing::UnitTest::GetInstance()->listeners().Append(log);
  google::AddLogSink(log);
  const int result = RUN_ALL_TESTS();
  google::RemoveLogSink(log);
  return result;
}
