#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "server/storage/file_system.h"

namespace lockkeeper {
namespace {

// `number` is errno, taken by the caller before anything else could change it.
Error IoError(const std::string& what, int number) {
  return Error{Errc::kIo, what + ": " + std::generic_category().message(number) + " (errno " +
                              std::to_string(number) + ")"};
}

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&&) = delete;
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

Result<FileDescriptor> OpenFile(const std::string& path, int flags, const char* purpose) {
  int fd;
  do {
    fd = open(path.c_str(), flags | O_CLOEXEC, 0644);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return IoError(std::string("cannot ") + purpose + " " + path, errno);
  return FileDescriptor(fd);
}

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(std::string path, FileDescriptor fd)
      : path_(std::move(path)), fd_(std::move(fd)) {}

  Status WriteAt(uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t n = pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        // Nothing written and no error: the disk is full in all but name.
        const int number = n < 0 ? errno : ENOSPC;
        return IoError("cannot write " + std::to_string(bytes.size()) + " bytes at offset " +
                           std::to_string(offset) + " of " + path_,
                       number);
      }
      bytes.remove_prefix(static_cast<size_t>(n));
      offset += static_cast<uint64_t>(n);
    }
    return {};
  }

  Status Resize(uint64_t size) override {
    while (ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) {
      if (errno == EINTR) continue;
      return IoError("cannot change the size of " + path_ + " to " + std::to_string(size), errno);
    }
    return {};
  }

  // EINTR is an error like any other here: the kernel may have dropped the failed pages already.
  Status Sync() override {
    if (fdatasync(fd_.get()) != 0) return IoError("cannot sync " + path_, errno);
    return {};
  }

 private:
  const std::string path_;
  const FileDescriptor fd_;
};

class PosixReadableFile final : public ReadableFile {
 public:
  PosixReadableFile(std::string path, FileDescriptor fd)
      : path_(std::move(path)), fd_(std::move(fd)) {}

  Result<size_t> ReadAt(uint64_t offset, std::span<char> into) override {
    size_t done = 0;
    while (done < into.size()) {
      const ssize_t n = pread(fd_.get(), into.data() + done, into.size() - done,
                              static_cast<off_t>(offset + done));
      if (n == 0) break;
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) {
        return IoError("cannot read at offset " + std::to_string(offset + done) + " of " + path_,
                       errno);
      }
      done += static_cast<size_t>(n);
    }
    return done;
  }

 private:
  const std::string path_;
  const FileDescriptor fd_;
};

// flock belongs to the open file, so it also excludes a second holder in this process, and the
// kernel drops it however the process ends.
class PosixFileLock final : public FileLock {
 public:
  explicit PosixFileLock(FileDescriptor fd) : fd_(std::move(fd)) {}

 private:
  const FileDescriptor fd_;
};

class PosixFileSystemImpl final : public FileSystem {
 public:
  Result<std::unique_ptr<WritableFile>> Create(const std::string& path) override {
    auto fd = OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC, "create");
    if (!fd) return fd.error();
    return std::unique_ptr<WritableFile>(new PosixWritableFile(path, std::move(*fd)));
  }

  Result<std::unique_ptr<WritableFile>> OpenForWrite(const std::string& path) override {
    auto fd = OpenFile(path, O_WRONLY, "open for writing");
    if (!fd) return fd.error();
    return std::unique_ptr<WritableFile>(new PosixWritableFile(path, std::move(*fd)));
  }

  Result<std::unique_ptr<ReadableFile>> OpenForRead(const std::string& path) override {
    auto fd = OpenFile(path, O_RDONLY, "open");
    if (!fd) return fd.error();
    posix_fadvise(fd->get(), 0, 0, POSIX_FADV_SEQUENTIAL);  // a hint: failing changes nothing
    return std::unique_ptr<ReadableFile>(new PosixReadableFile(path, std::move(*fd)));
  }

  Result<std::optional<FileInfo>> Stat(const std::string& path) override {
    struct stat st;
    if (stat(path.c_str(), &st) != 0) {
      if (errno == ENOENT || errno == ENOTDIR) return std::optional<FileInfo>();
      return IoError("cannot look at " + path, errno);
    }
    return std::optional<FileInfo>(FileInfo{S_ISDIR(st.st_mode), static_cast<uint64_t>(st.st_size),
                                            static_cast<uint64_t>(st.st_dev),
                                            static_cast<uint64_t>(st.st_ino)});
  }

  Result<std::vector<std::string>> List(const std::string& dir) override {
    DIR* const stream = opendir(dir.c_str());
    if (stream == nullptr) return IoError("cannot list " + dir, errno);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = readdir(stream)) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
      errno = 0;
    }
    const int number = errno;
    closedir(stream);
    if (number != 0) return IoError("cannot list " + dir, number);
    std::sort(names.begin(), names.end());
    return names;
  }

  Status MakeDirs(const std::string& dir) override {
    const auto existing = Stat(dir);
    if (!existing) return existing.error();
    if (existing->has_value()) {
      if ((*existing)->is_directory) return {};
      return IoError("cannot make directory " + dir, ENOTDIR);
    }
    const std::string parent = ParentDir(dir);
    if (Status made = MakeDirs(parent); !made) return made;
    if (mkdir(dir.c_str(), 0755) != 0 && errno != EEXIST) {
      return IoError("cannot make directory " + dir, errno);
    }
    return SyncDir(parent);
  }

  Status Remove(const std::string& path) override {
    if (unlink(path.c_str()) != 0) return IoError("cannot remove " + path, errno);
    return {};
  }

  Status Rename(const std::string& from, const std::string& to) override {
    if (rename(from.c_str(), to.c_str()) != 0) {
      return IoError("cannot rename " + from + " to " + to, errno);
    }
    return {};
  }

  Status SyncFile(const std::string& path) override { return OpenAndSync(path, O_RDONLY); }

  Status SyncDir(const std::string& dir) override {
    return OpenAndSync(dir, O_RDONLY | O_DIRECTORY);
  }

  Result<std::unique_ptr<FileLock>> TryLock(const std::string& path) override {
    auto fd = OpenFile(path, O_RDWR | O_CREAT, "make the lock file");
    if (!fd) return Error{Errc::kDataDir, fd.error().message};
    while (flock(fd->get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return std::unique_ptr<FileLock>();
      if (errno == EINTR) continue;
      return Error{Errc::kDataDir, IoError("cannot lock " + path, errno).message};
    }
    // The id only serves the message of whoever finds the lock taken.
    const std::string id = std::to_string(getpid()) + "\n";
    if (ftruncate(fd->get(), 0) != 0 ||
        pwrite(fd->get(), id.data(), id.size(), 0) != static_cast<ssize_t>(id.size())) {
      return Error{Errc::kDataDir, IoError("cannot write the lock file " + path, errno).message};
    }
    return std::unique_ptr<FileLock>(new PosixFileLock(std::move(*fd)));
  }

 private:
  static Status OpenAndSync(const std::string& path, int flags) {
    auto fd = OpenFile(path, flags, "open");
    if (!fd) return fd.error();
    if (fsync(fd->get()) != 0) return IoError("cannot sync " + path, errno);
    return {};
  }
};

}  // namespace

FileSystem& PosixFileSystem() {
  static PosixFileSystemImpl* const fs = new PosixFileSystemImpl;
  return *fs;
}

std::string ParentDir(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<std::string> ReadSmallFile(FileSystem& fs, const std::string& path, size_t bytes_max) {
  auto file = fs.OpenForRead(path);
  if (!file) return file.error();
  std::string content(bytes_max + 1, '\0');
  const auto got = (*file)->ReadAt(0, content);
  if (!got) return got.error();
  if (*got > bytes_max) {
    return Error{Errc::kTooLarge, path + " has more than " + std::to_string(bytes_max) + " bytes"};
  }
  content.resize(*got);
  return content;
}

}  // namespace lockkeeper
