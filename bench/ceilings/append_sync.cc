// The ceiling of writes: records of one size appended to a file in batches, one write and one
// fdatasync for each batch, with nothing else to do. The file is extended in sparse steps of
// 64 MiB, as transaction logs are.
//
//   append_sync DIRECTORY BATCH SECONDS [RECORD_BYTES]     one line of JSON
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

// A set of 100 bytes: header, path of 15 bytes, data, version, tree digest, frame.
constexpr size_t kRecordBytes = 184;
constexpr uint64_t kStepBytes = 64 << 20;

template <class T>
bool Number(std::string_view text, T* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size() && *out > 0;
}

// Has no name any more, so it is gone when the process ends. -1: see errno.
int TemporaryFile(const std::string& directory) {
  std::string name = directory + "/append-sync-XXXXXX";
  const int fd = mkstemp(name.data());
  if (fd >= 0) unlink(name.c_str());
  return fd;
}

bool WriteBatch(int fd, std::string_view batch, uint64_t* offset, uint64_t* size) {
  if (*offset + batch.size() > *size) {
    *size += kStepBytes;
    if (ftruncate(fd, static_cast<off_t>(*size)) != 0) return false;
  }
  while (!batch.empty()) {
    const ssize_t n = pwrite(fd, batch.data(), batch.size(), static_cast<off_t>(*offset));
    if (n <= 0) return false;
    *offset += static_cast<uint64_t>(n);
    batch.remove_prefix(static_cast<size_t>(n));
  }
  return fdatasync(fd) == 0;
}

int Failed() {
  std::cerr << "append_sync: " << std::strerror(errno) << "\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  size_t records = 0;
  double seconds = 0;
  size_t record_bytes = kRecordBytes;
  const bool good = (argc == 4 || argc == 5) && Number(argv[2], &records) &&
                    Number(argv[3], &seconds) && (argc == 4 || Number(argv[4], &record_bytes));
  if (!good) {
    std::cerr << "usage: append_sync DIRECTORY BATCH SECONDS [RECORD_BYTES]\n";
    return 2;
  }
  const int fd = TemporaryFile(argv[1]);
  if (fd < 0) return Failed();
  std::string batch(records * record_bytes, 'x');
  uint64_t offset = 0;
  uint64_t size = 0;
  std::vector<double> batch_us;
  const auto start = Clock::now();
  const auto end =
      start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  auto now = start;
  while (now < end) {
    if (!WriteBatch(fd, batch, &offset, &size)) return Failed();
    const auto done = Clock::now();
    batch_us.push_back(std::chrono::duration<double, std::micro>(done - now).count());
    now = done;
  }
  const double took = std::chrono::duration<double>(now - start).count();
  std::sort(batch_us.begin(), batch_us.end());
  std::cout << R"({"batch": )" << records << R"(, "record_bytes": )" << record_bytes
            << R"(, "per_second": )" << static_cast<double>(batch_us.size() * records) / took
            << R"(, "batch_p50_us": )" << batch_us[batch_us.size() / 2] << R"(, "batch_p99_us": )"
            << batch_us[batch_us.size() * 99 / 100] << "}" << std::endl;
  close(fd);
  return 0;
}
