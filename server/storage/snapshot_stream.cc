#include "server/storage/snapshot_stream.h"

#include <glog/logging.h>
#include <snappy.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "protocol/jute.h"

namespace lockkeeper {

const char kSnapshotRemedy[] =
    "Restore the file from a backup, or move it out of the directory: the server then uses the "
    "next older snapshot, if the logs since that one are still there. A member of an ensemble "
    "that has another healthy majority may start with an empty data directory instead and copies "
    "the state of the others";

namespace {

// Large enough that a system call costs nothing beside its copy, small enough for the cache.
constexpr size_t kFileBufferBytes = 256 << 10;
constexpr int kGzipWindow = 15 + 16;  // zlib: the largest window, and a gzip frame
constexpr int kGzipMemory = 8;        // zlib's default
constexpr int32_t kSnappyVersion = 1;

class FileSource final : public ByteSource {
 public:
  explicit FileSource(std::unique_ptr<ReadableFile> file) : file_(std::move(file)) {}

  Result<size_t> Read(std::span<char> into) override {
    auto got = file_->ReadAt(offset_, into);
    if (got) offset_ += *got;
    return got;
  }

 private:
  const std::unique_ptr<ReadableFile> file_;
  uint64_t offset_ = 0;
};

// A file's bytes as they are, with a window on what was not taken yet.
class FileWindow {
 public:
  FileWindow(std::unique_ptr<ReadableFile> file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}

  std::string_view View() const { return std::string_view(buffer_).substr(begin_, end_ - begin_); }
  void Take(size_t bytes) {
    begin_ += bytes;
    offset_ += bytes;
  }
  // Makes at least `bytes` bytes visible, or as many as the file still has.
  Status Fill(size_t bytes) {
    if (end_ - begin_ >= bytes) return {};
    if (begin_ > 0) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= std::exchange(begin_, 0);
    }
    // A length that the file claims costs no memory before the bytes are there.
    while (end_ < bytes) {
      if (end_ == buffer_.size()) buffer_.resize(std::max(kFileBufferBytes, 2 * buffer_.size()));
      const auto got = file_->ReadAt(offset_ + end_, std::span<char>(buffer_).subspan(end_));
      if (!got) return got.error();
      if (*got == 0) break;
      end_ += *got;
    }
    return {};
  }
  Error Damage(const std::string& what) const {
    return Error{Errc::kCorruption, "snapshot " + path_ + ": " + what + " at byte " +
                                        std::to_string(offset_) + " of the compressed file. " +
                                        kSnapshotRemedy};
  }

 private:
  const std::unique_ptr<ReadableFile> file_;
  const std::string path_;
  std::string buffer_;  // [begin_, end_) holds the file's bytes from offset_
  size_t begin_ = 0;
  size_t end_ = 0;
  uint64_t offset_ = 0;
};

class GzipSource final : public ByteSource {
 public:
  GzipSource(std::unique_ptr<ReadableFile> file, const std::string& path)
      : in_(std::move(file), path) {
    CHECK_EQ(inflateInit2(&stream_, kGzipWindow), Z_OK);
  }
  ~GzipSource() override { inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  Result<size_t> Read(std::span<char> into) override {
    while (true) {
      if (Status filled = in_.Fill(1); !filled) return filled.error();
      const std::string_view view = in_.View();
      if (view.empty()) {
        if (in_member_ || members_ == 0) return in_.Damage("the gzip data ends early");
        return size_t{0};
      }
      auto got = Inflate(view, into);
      if (!got || *got > 0) return got;
    }
  }

 private:
  Result<size_t> Inflate(std::string_view view, std::span<char> into) {
    if (!in_member_) {
      CHECK_EQ(inflateReset(&stream_), Z_OK);
      in_member_ = true;
      ++members_;
    }
    const size_t room = std::min(into.size(), kFileBufferBytes);
    // zlib's interface lacks a const; it does not write there.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(view.data()));
    stream_.avail_in = static_cast<uInt>(view.size());
    stream_.next_out = reinterpret_cast<Bytef*>(into.data());
    stream_.avail_out = static_cast<uInt>(room);
    const int code = inflate(&stream_, Z_NO_FLUSH);
    in_.Take(view.size() - stream_.avail_in);
    if (code != Z_OK && code != Z_STREAM_END) {
      const char* const what = stream_.msg != nullptr ? stream_.msg : zError(code);
      return in_.Damage(std::string("gzip: ") + what);
    }
    if (code == Z_STREAM_END) in_member_ = false;
    return room - stream_.avail_out;
  }

  FileWindow in_;
  z_stream stream_{};
  bool in_member_ = false;
  uint64_t members_ = 0;
};

class SnappySource final : public ByteSource {
 public:
  SnappySource(std::unique_ptr<ReadableFile> file, const std::string& path)
      : in_(std::move(file), path) {}

  Result<size_t> Read(std::span<char> into) override {
    if (!header_taken_) {
      if (Status taken = TakeHeader(); !taken) return taken.error();
    }
    while (block_.empty()) {
      const auto more = NextBlock();
      if (!more) return more.error();
      if (!*more) return size_t{0};
    }
    const size_t n = std::min(into.size(), block_.size());
    std::memcpy(into.data(), block_.data(), n);
    block_.remove_prefix(n);
    return n;
  }

 private:
  Status TakeHeader() {
    if (Status filled = in_.Fill(kSnappyHeaderBytes); !filled) return filled;
    const std::string_view view = in_.View();
    if (view.size() < kSnappyHeaderBytes || !view.starts_with(kSnappyMagic)) {
      return in_.Damage("no header of a snappy-java stream");
    }
    // The second number is the oldest version whose readers understand the file.
    if (const int32_t needed = LoadInt(view.data() + 12); needed > kSnappyVersion) {
      return in_.Damage("the snappy-java stream needs a reader of version " +
                        std::to_string(needed));
    }
    in_.Take(kSnappyHeaderBytes);
    header_taken_ = true;
    return {};
  }

  // Uncompresses the next chunk; false at the end of the file.
  Result<bool> NextBlock() {
    if (Status filled = in_.Fill(4); !filled) return filled.error();
    if (in_.View().empty()) return false;
    if (in_.View().size() < 4) return in_.Damage("the file ends inside a chunk's length");
    const int32_t length = LoadInt(in_.View().data());
    if (length <= 0 || static_cast<size_t>(length) > kSnappyBlockBytesMax) {
      return in_.Damage("unreasonable length " + std::to_string(length) + " of a Snappy chunk");
    }
    const auto chunk_bytes = static_cast<size_t>(length);
    if (Status filled = in_.Fill(4 + chunk_bytes); !filled) return filled.error();
    if (in_.View().size() < 4 + chunk_bytes) {
      return in_.Damage("the file ends inside a Snappy chunk of " + std::to_string(length) +
                        " bytes");
    }
    const std::string_view chunk = in_.View().substr(4, chunk_bytes);
    size_t bytes = 0;
    if (!snappy::GetUncompressedLength(chunk.data(), chunk.size(), &bytes) ||
        bytes > kSnappyBlockBytesMax) {
      return in_.Damage("a Snappy chunk with an unreasonable uncompressed length");
    }
    if (uncompressed_.size() < bytes) uncompressed_.resize(bytes);
    if (!snappy::RawUncompress(chunk.data(), chunk.size(), uncompressed_.data())) {
      return in_.Damage("a damaged Snappy chunk");
    }
    in_.Take(4 + chunk_bytes);
    block_ = std::string_view(uncompressed_).substr(0, bytes);
    return true;
  }

  FileWindow in_;
  bool header_taken_ = false;
  std::string uncompressed_;
  std::string_view block_;  // what Read has not handed out yet of uncompressed_
};

class FileSink final : public ByteSink {
 public:
  explicit FileSink(WritableFile* file) : file_(*file) {}

  Status Write(std::string_view bytes) override {
    Status written = file_.WriteAt(offset_, bytes);
    offset_ += bytes.size();
    return written;
  }
  Status Finish() override { return {}; }

 private:
  WritableFile& file_;
  uint64_t offset_ = 0;
};

class GzipSink final : public ByteSink {
 public:
  explicit GzipSink(WritableFile* file) : out_(file), buffer_(kFileBufferBytes, '\0') {
    CHECK_EQ(deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, kGzipMemory,
                          Z_DEFAULT_STRATEGY),
             Z_OK);
  }
  ~GzipSink() override { deflateEnd(&stream_); }
  GzipSink(const GzipSink&) = delete;
  GzipSink& operator=(const GzipSink&) = delete;

  Status Write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const std::string_view part = bytes.substr(0, kFileBufferBytes);
      if (Status done = Deflate(part, Z_NO_FLUSH); !done) return done;
      bytes.remove_prefix(part.size());
    }
    return {};
  }
  Status Finish() override { return Deflate({}, Z_FINISH); }

 private:
  Status Deflate(std::string_view bytes, int flush) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(buffer_.data());
      stream_.avail_out = static_cast<uInt>(buffer_.size());
      CHECK_NE(deflate(&stream_, flush), Z_STREAM_ERROR);
      const size_t made = buffer_.size() - stream_.avail_out;
      if (made == 0) continue;
      if (Status written = out_.Write({buffer_.data(), made}); !written) return written;
    } while (stream_.avail_out == 0);
    return {};
  }

  FileSink out_;
  std::string buffer_;
  z_stream stream_{};
};

class SnappySink final : public ByteSink {
 public:
  explicit SnappySink(WritableFile* file) : out_(file) {
    encoded_ = kSnappyMagic;
    JuteWriter header(&encoded_);
    header.Write(kSnappyVersion);
    header.Write(kSnappyVersion);
  }

  Status Write(std::string_view bytes) override {
    while (!bytes.empty()) {
      const std::string_view part = bytes.substr(0, kSnappyBlockBytes - block_.size());
      bytes.remove_prefix(part.size());
      block_.append(part);
      if (block_.size() < kSnappyBlockBytes) break;
      EncodeBlock();
      if (encoded_.size() < kFileBufferBytes) continue;
      if (Status written = WriteEncoded(); !written) return written;
    }
    return {};
  }
  Status Finish() override {
    if (!block_.empty()) EncodeBlock();
    return WriteEncoded();
  }

 private:
  void EncodeBlock() {
    std::array<char, sizeof(int32_t)> length{};
    const size_t at = encoded_.size();
    encoded_.resize(at + length.size() + snappy::MaxCompressedLength(block_.size()));
    size_t bytes = 0;
    snappy::RawCompress(block_.data(), block_.size(), encoded_.data() + at + length.size(), &bytes);
    StoreInt(static_cast<int32_t>(bytes), encoded_.data() + at);
    encoded_.resize(at + length.size() + bytes);
    block_.clear();
  }
  Status WriteEncoded() {
    Status written = out_.Write(encoded_);
    encoded_.clear();
    return written;
  }

  FileSink out_;
  std::string block_;    // uncompressed bytes of the chunk being filled
  std::string encoded_;  // header and whole chunks that are not in the file yet
};

}  // namespace

std::unique_ptr<ByteSource> MakeSnapshotSource(std::unique_ptr<ReadableFile> file,
                                               const std::string& path,
                                               SnapshotCompression compression) {
  switch (compression) {
    case SnapshotCompression::kGzip:
      return std::make_unique<GzipSource>(std::move(file), path);
    case SnapshotCompression::kSnappy:
      return std::make_unique<SnappySource>(std::move(file), path);
    case SnapshotCompression::kNone:
      break;
  }
  return std::make_unique<FileSource>(std::move(file));
}

std::unique_ptr<ByteSink> MakeSnapshotSink(WritableFile* file, SnapshotCompression compression) {
  switch (compression) {
    case SnapshotCompression::kGzip:
      return std::make_unique<GzipSink>(file);
    case SnapshotCompression::kSnappy:
      return std::make_unique<SnappySink>(file);
    case SnapshotCompression::kNone:
      break;
  }
  return std::make_unique<FileSink>(file);
}

}  // namespace lockkeeper
