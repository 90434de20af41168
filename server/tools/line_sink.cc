#include "server/tools/line_sink.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>

namespace lockkeeper {
namespace {
constexpr size_t kOutputBufferBytes = 256 << 10;
}

StandardOutput::StandardOutput() { std::signal(SIGPIPE, SIG_IGN); }

bool StandardOutput::Write(std::string_view line) {
  buffer_.append(line).push_back('\n');
  if (buffer_.size() >= kOutputBufferBytes) Drain();
  return error_ == 0;
}

Status StandardOutput::Flush() {
  Drain();
  if (error_ == 0 || error_ == EPIPE) return {};
  return Error{Errc::kIo,
               "cannot write to standard output: " + std::generic_category().message(error_) +
                   " (errno " + std::to_string(error_) + ")"};
}

void StandardOutput::Drain() {
  std::string_view rest = buffer_;
  while (!rest.empty() && error_ == 0) {
    const ssize_t written = write(STDOUT_FILENO, rest.data(), rest.size());
    if (written >= 0) {
      rest.remove_prefix(static_cast<size_t>(written));
    } else if (errno != EINTR) {
      error_ = errno;
    }
  }
  buffer_.clear();
}

}  // namespace lockkeeper
