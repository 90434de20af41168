#include "server/storage/snapshot_parser.h"

#include <sstream>
#include <utility>

#include "protocol/jute.h"
#include "protocol/print.h"
#include "server/storage/snapshot_stream.h"

namespace lockkeeper {

// Decodes fields in place from the front of some bytes. After the first field that is not whole
// (kShort) or cannot be (kBad) all further ones are zero or null.
class FieldCursor {
 public:
  enum class State : uint8_t { kOk, kShort, kBad };

  FieldCursor(std::string_view bytes, size_t field_bytes_max)
      : bytes_(bytes), field_bytes_max_(field_bytes_max) {}

  bool ok() const { return state_ == State::kOk; }
  State state() const { return state_; }
  size_t used() const { return used_; }
  // When kBad: what is wrong, and where.
  const std::string& what() const { return what_; }
  size_t bad_at() const { return bad_at_; }

  const char* Raw(size_t bytes) {
    if (state_ != State::kOk) return nullptr;
    if (bytes_.size() - used_ < bytes) {
      state_ = State::kShort;
      return nullptr;
    }
    const char* const p = bytes_.data() + used_;
    used_ += bytes;
    return p;
  }
  int32_t Int() {
    const char* const p = Raw(sizeof(int32_t));
    return p == nullptr ? 0 : LoadInt(p);
  }
  int64_t Long() {
    const char* const p = Raw(sizeof(int64_t));
    return p == nullptr ? 0 : LoadLong(p);
  }
  // A ustring or buffer; `field` is for the message.
  std::string_view Bytes(const char* field) {
    const size_t at = used_;
    const int32_t length = Int();
    if (!ok() || length == -1) return {};
    if (length < 0 || static_cast<size_t>(length) > field_bytes_max_) {
      std::ostringstream what;
      what << "unreasonable length " << length << " of " << field << " (the limit is "
           << field_bytes_max_ << ", jute.maxbuffer plus its extra size)";
      Bad(what.str(), at);
      return {};
    }
    const char* const p = Raw(static_cast<size_t>(length));
    return p == nullptr ? std::string_view() : std::string_view(p, static_cast<size_t>(length));
  }
  void Bad(std::string what, size_t at) {
    state_ = State::kBad;
    what_ = std::move(what);
    bad_at_ = at;
  }

 private:
  const std::string_view bytes_;
  const size_t field_bytes_max_;
  size_t used_ = 0;
  State state_ = State::kOk;
  std::string what_;
  size_t bad_at_ = 0;
};

namespace {

Error DamageAt(const std::string& name, const std::string& what, uint64_t offset) {
  return Error{Errc::kCorruption, name + ": " + what + " at offset " + std::to_string(offset) +
                                      " of the uncompressed data. " + kSnapshotRemedy};
}

// REQUIRES: `p` shows kSnapshotNodeFixedBytes.
void LoadNodeFields(const char* p, StoredNode* node) {
  node->acl_key = LoadLong(p);
  node->stat.czxid = LoadLong(p + 8);
  node->stat.mzxid = LoadLong(p + 16);
  node->stat.ctime = LoadLong(p + 24);
  node->stat.mtime = LoadLong(p + 32);
  node->stat.version = LoadInt(p + 40);
  node->stat.cversion = LoadInt(p + 44);
  node->stat.aversion = LoadInt(p + 48);
  node->stat.owner = LoadLong(p + 52);
  node->stat.pzxid = LoadLong(p + 60);
}

}  // namespace

SnapshotContentParser::SnapshotContentParser(std::string name, const SnapshotLimits& limits,
                                             const SnapshotHandlers& handlers, uint64_t offset)
    : name_(std::move(name)), limits_(limits), handlers_(handlers), offset_(offset) {}

Result<size_t> SnapshotContentParser::Consume(std::string_view bytes) {
  size_t used = 0;
  while (part_ != Part::kDone) {
    FieldCursor in(bytes.substr(used), limits_.field_bytes_max);
    if (Status taken = TakeItem(in); !taken) return taken.error();
    if (in.state() == FieldCursor::State::kShort) break;
    if (in.state() == FieldCursor::State::kBad) return Damage(in.what(), offset_ + in.bad_at());
    used += in.used();
    offset_ += in.used();
    SkipFinishedParts();
  }
  return used;
}

Status SnapshotContentParser::TakeItem(FieldCursor& in) {
  switch (part_) {
    case Part::kSessionCount:
      return TakeCount(in, "sessions", &session_count_, Part::kSessions);
    case Part::kSessions:
      return TakeSession(in);
    case Part::kAclCount:
      return TakeCount(in, "ACLs", &acl_count_, Part::kAcls);
    case Part::kAcls:
      return TakeAcl(in);
    case Part::kNodes:
      return TakeNode(in);
    case Part::kDone:
      break;
  }
  return {};
}

void SnapshotContentParser::SkipFinishedParts() {
  if (part_ == Part::kSessions && sessions_ == session_count_) part_ = Part::kAclCount;
  if (part_ == Part::kAcls && acls_ == acl_count_) part_ = Part::kNodes;
}

Status SnapshotContentParser::TakeCount(FieldCursor& in, const char* what, uint64_t* count,
                                        Part next) {
  const int32_t value = in.Int();
  if (!in.ok()) return {};
  if (value < 0) {
    return Damage("a negative number of " + std::string(what) + " (" + std::to_string(value) + ")",
                  offset_);
  }
  *count = static_cast<uint64_t>(value);
  part_ = next;
  return {};
}

Status SnapshotContentParser::TakeSession(FieldCursor& in) {
  const SessionId session{in.Long()};
  const int32_t timeout_ms = in.Int();
  if (!in.ok()) return {};
  if (handlers_.session) {
    if (Status handled = Handled(handlers_.session(session, timeout_ms)); !handled) return handled;
  }
  ++sessions_;
  return {};
}

Status SnapshotContentParser::TakeAcl(FieldCursor& in) {
  const int64_t key = in.Long();
  const size_t list_at = in.used();
  const int32_t count = in.Int();
  if (in.ok() && count < 0) in.Bad("an ACL list of length " + std::to_string(count), list_at);
  AclList acl;
  for (int32_t i = 0; i < count && in.ok(); ++i) {
    AclEntry entry;
    entry.perms = in.Int();
    // Null becomes empty: neither is anybody.
    entry.scheme = in.Bytes("a scheme");
    entry.id = in.Bytes("an id");
    if (in.ok()) acl.push_back(std::move(entry));
    if (in.used() - list_at > limits_.field_bytes_max) {
      in.Bad("an ACL list of more than " + std::to_string(limits_.field_bytes_max) + " bytes",
             list_at);
    }
  }
  if (!in.ok()) return {};
  if (handlers_.acl && key != kOpenAclKey) {
    if (Status handled = Handled(handlers_.acl(key, acl)); !handled) return handled;
  }
  ++acls_;
  return {};
}

Status SnapshotContentParser::TakeNode(FieldCursor& in) {
  StoredNode node;
  node.path = in.Bytes("a path");
  if (!in.ok()) return {};
  if (IsNull(node.path)) return Damage("a node without path", offset_);
  if (nodes_ == 0 && !node.path.empty()) return Damage("the first node is not the root", offset_);
  if (nodes_ > 0 && node.path.empty()) return Damage("a second root", offset_);
  if (node.path == kSnapshotEndPath) {
    part_ = Part::kDone;
    return {};
  }
  node.data = in.Bytes("a node's data");
  const char* const fields = in.Raw(kSnapshotNodeFixedBytes);
  if (fields == nullptr) return {};
  LoadNodeFields(fields, &node);
  if (handlers_.node) {
    if (Status handled = Handled(handlers_.node(node)); !handled) return handled;
  }
  ++nodes_;
  return {};
}

std::string SnapshotContentParser::ItemName() const {
  switch (part_) {
    case Part::kSessionCount:
      return "the number of sessions";
    case Part::kSessions:
      return "session " + std::to_string(sessions_ + 1) + " of " + std::to_string(session_count_);
    case Part::kAclCount:
      return "the number of ACLs";
    case Part::kAcls:
      return "ACL " + std::to_string(acls_ + 1) + " of " + std::to_string(acl_count_);
    case Part::kNodes:
      return "node " + std::to_string(nodes_ + 1) + ", or before the end of the nodes,";
    case Part::kDone:
      break;
  }
  return "what follows the nodes";
}

Error SnapshotContentParser::EndsEarly() const {
  return Damage("it ends inside " + ItemName(), offset_);
}

Error SnapshotContentParser::Damage(const std::string& what, uint64_t offset) const {
  return DamageAt(name_, what, offset);
}

Status SnapshotContentParser::Handled(Status outcome) const {
  if (outcome || outcome.error().code != Errc::kCorruption) return outcome;
  return Damage(outcome.error().message + ", in " + ItemName(), offset_);
}

SnapshotParser::SnapshotParser(const std::string& name, const SnapshotLimits& limits,
                               const SnapshotHandlers& handlers)
    : name_(name), content_(name, limits, handlers, kSnapshotHeaderBytes) {}

Result<size_t> SnapshotParser::Consume(std::string_view bytes) {
  size_t used = 0;
  if (!header_taken_) {
    if (bytes.size() < kSnapshotHeaderBytes) return used;
    if (!bytes.starts_with(kSnapshotMagic)) {
      return Damage("no snapshot, the magic number " +
                    Hex(static_cast<uint32_t>(LoadInt(bytes.data()))) +
                    " stands instead of 0x5a4b534e");
    }
    used = kSnapshotHeaderBytes;
    header_taken_ = true;
  }
  const auto taken = content_.Consume(bytes.substr(used));
  if (!taken) return taken.error();
  used += *taken;
  adler_.Add(bytes.substr(0, used));
  offset_ += used;
  // Whoever reads until the end must not collect gigabytes behind the last seal.
  if (content_.done() && bytes.size() - used > kSealBytes + kSnapshotTailBytesMax) {
    return Damage("more bytes follow the nodes than any server writes");
  }
  return used;
}

Status SnapshotParser::TakeSeal(std::string_view* rest, const char* which) {
  if (rest->size() < kSealBytes) {
    return Damage(std::string("it ends inside the ") + which + " checksum");
  }
  const auto stored = static_cast<uint64_t>(LoadLong(rest->data()));
  if (stored != adler_.value()) {
    return Damage(std::string("the ") + which + " checksum does not match (computed " +
                  Hex(adler_.value()) + ", stored " + Hex(stored) + ")");
  }
  if (rest->substr(sizeof stored, kSnapshotEndBytes.size()) != kSnapshotEndBytes) {
    return Damage(std::string("no end mark after the ") + which + " checksum");
  }
  TakeFields(rest, kSealBytes);
  return {};
}

std::string_view SnapshotParser::TakeFields(std::string_view* rest, size_t bytes) {
  const std::string_view fields = rest->substr(0, bytes);
  rest->remove_prefix(bytes);
  adler_.Add(fields);
  offset_ += bytes;
  return fields;
}

Result<SnapshotInfo> SnapshotParser::Finish(std::string_view rest) {
  if (!header_taken_) return Damage("it ends inside its header");
  if (!content_.done()) return content_.EndsEarly();
  if (Status sealed = TakeSeal(&rest, "first"); !sealed) return sealed.error();

  SnapshotInfo info;
  const bool has_digest =
      rest.size() == kDigestSectionBytes || rest.size() == kSnapshotTailBytesMax;
  const bool has_processed =
      rest.size() == kProcessedSectionBytes || rest.size() == kSnapshotTailBytesMax;
  if (!rest.empty() && !has_digest && !has_processed) {
    return Damage(std::to_string(rest.size()) +
                  " bytes follow the first checksum instead of 0, 21, 33 or 54");
  }
  if (has_digest) {
    const std::string_view fields = TakeFields(&rest, kDigestSectionBytes - kSealBytes);
    info.digest = SnapshotDigest{Zxid{LoadLong(fields.data())}, LoadInt(fields.data() + 8),
                                 static_cast<uint64_t>(LoadLong(fields.data() + 12))};
    if (Status sealed = TakeSeal(&rest, "digest's"); !sealed) return sealed.error();
  }
  if (has_processed) {
    info.last_processed = Zxid{LoadLong(TakeFields(&rest, sizeof(int64_t)).data())};
    if (Status sealed = TakeSeal(&rest, "last"); !sealed) return sealed.error();
  }
  info.sessions = content_.sessions();
  info.acls = content_.acls();
  info.nodes = content_.nodes();
  info.bytes = offset_;
  return info;
}

Error SnapshotParser::Damage(const std::string& what) const {
  return DamageAt(name_, what, offset_);
}

}  // namespace lockkeeper
