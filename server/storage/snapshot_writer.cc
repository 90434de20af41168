#include "server/storage/snapshot_writer.h"

#include <glog/logging.h>

#include <utility>

#include "protocol/jute.h"
#include "server/storage/snapshot_encoding.h"

namespace lockkeeper {
namespace {

constexpr size_t kSnapshotBufferBytes = 256 << 10;
// A buffer that one large node made longer than this is given back.
constexpr size_t kSnapshotBufferBytesKept = 4 * kSnapshotBufferBytes;

}  // namespace

SnapshotWriter::SnapshotWriter(FileSystem& fs, std::string dir, const std::string& name,
                               SnapshotCompression compression, std::unique_ptr<WritableFile> file)
    : fs_(fs),
      dir_(std::move(dir)),
      path_(dir_ + "/" + name),
      unfinished_path_(path_ + kUnfinishedSnapshotSuffix),
      file_(std::move(file)),
      sink_(MakeSnapshotSink(file_.get(), compression)),
      buffer_(SnapshotHeader()) {}

Result<std::unique_ptr<SnapshotWriter>> SnapshotWriter::Create(FileSystem& fs,
                                                               const std::string& dir, Zxid zxid,
                                                               SnapshotCompression compression) {
  const std::string name = SnapshotFileName(zxid, compression);
  auto file = fs.Create(dir + "/" + name + kUnfinishedSnapshotSuffix);
  if (!file) return file.error();
  return std::unique_ptr<SnapshotWriter>(
      new SnapshotWriter(fs, dir, name, compression, std::move(*file)));
}

SnapshotWriter::~SnapshotWriter() {
  if (renamed_) return;
  sink_.reset();
  file_.reset();
  if (Status removed = fs_.Remove(unfinished_path_); !removed) {
    LOG(WARNING) << "an unfinished snapshot is left behind, which may be deleted by hand: "
                 << removed.error().message;
  }
}

Status SnapshotWriter::Begin(const std::map<SessionId, int32_t>& sessions,
                             const std::map<int64_t, AclRef>& acls) {
  AppendSnapshotCount(sessions.size(), &buffer_);
  for (const auto& [session, timeout_ms] : sessions) {
    AppendSnapshotSession(session, timeout_ms, &buffer_);
    if (Status flushed = FlushIfFull(); !flushed) return flushed;
  }
  AppendSnapshotCount(acls.size(), &buffer_);
  for (const auto& [key, acl] : acls) {
    CHECK_NE(key, kOpenAclKey);
    acl_keys_.insert(key);
    AppendSnapshotAcl(key, *acl, &buffer_);
    if (Status flushed = FlushIfFull(); !flushed) return flushed;
  }
  return {};
}

Status SnapshotWriter::Add(const StoredNode& node) {
  CHECK(node.path.empty() != root_added_) << "the root comes first, and once: " << node.path;
  CHECK(node.path != kSnapshotEndPath);
  CHECK(node.acl_key == kOpenAclKey || acl_keys_.contains(node.acl_key))
      << node.path << " has the unknown ACL key " << node.acl_key;
  AppendSnapshotNode(node, &buffer_);
  root_added_ = true;
  return FlushIfFull();
}

Status SnapshotWriter::FlushIfFull() {
  return buffer_.size() < kSnapshotBufferBytes ? Status() : Flush();
}

Status SnapshotWriter::Flush() {
  adler_.Add(buffer_);
  bytes_ += buffer_.size();
  Status written = sink_->Write(buffer_);
  if (buffer_.capacity() > kSnapshotBufferBytesKept) buffer_ = std::string();
  buffer_.clear();
  return written;
}

Status SnapshotWriter::Seal() {
  if (Status flushed = Flush(); !flushed) return flushed;
  JuteWriter jute(&buffer_);
  jute.Write(static_cast<int64_t>(adler_.value()));
  buffer_.append(kSnapshotEndBytes);
  return {};
}

Status SnapshotWriter::Finish(const std::optional<SnapshotDigest>& digest,
                              const std::optional<Zxid>& last_processed) {
  CHECK(root_added_);
  JuteWriter jute(&buffer_);
  buffer_.append(kSnapshotEndBytes);
  if (Status sealed = Seal(); !sealed) return sealed;
  if (digest) {
    jute.Write(digest->zxid.value);
    jute.Write(digest->version);
    jute.Write(static_cast<int64_t>(digest->digest));
    if (Status sealed = Seal(); !sealed) return sealed;
  }
  if (last_processed) {
    jute.Write(last_processed->value);
    if (Status sealed = Seal(); !sealed) return sealed;
  }
  if (Status flushed = Flush(); !flushed) return flushed;
  if (Status ended = sink_->Finish(); !ended) return ended;
  if (Status synced = file_->Sync(); !synced) return synced;
  sink_.reset();
  file_.reset();
  if (Status renamed = fs_.Rename(unfinished_path_, path_); !renamed) return renamed;
  renamed_ = true;
  return fs_.SyncDir(dir_);
}

}  // namespace lockkeeper
