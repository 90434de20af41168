#include "server/peer/snapshot_receiver.h"

#include <string>

#include "protocol/jute.h"
#include "server/storage/snapshot_format.h"

namespace lockkeeper {

SnapshotReceiver::SnapshotReceiver(Zxid zxid, const DataTreeOptions& options,
                                   size_t field_bytes_max)
    : zxid_(zxid),
      tree_(std::make_unique<DataTree>(options)),
      loader_(tree_.get()),
      handlers_{.session =
                    [this](SessionId session, int32_t timeout_ms) {
                      loader_.AddSession(session, timeout_ms);
                      return Status();
                    },
                .acl =
                    [this](int64_t key, const AclList& acl) {
                      loader_.AddAcl(key, acl);
                      return Status();
                    },
                .node = [this](const StoredNode& node) { return loader_.AddNode(node); }},
      content_("the leader's snapshot", SnapshotLimits{field_bytes_max}, handlers_, 0) {}

Result<size_t> SnapshotReceiver::Consume(std::string_view bytes) {
  size_t taken = 0;
  if (!content_.done()) {
    const auto content = content_.Consume(bytes);
    if (!content) return content.error();
    taken = *content;
    if (!content_.done()) return taken;
  }
  const auto signature = TakeSignature(bytes.substr(taken));
  if (!signature) return signature.error();
  return taken + *signature;
}

Result<size_t> SnapshotReceiver::TakeSignature(std::string_view bytes) {
  static const std::string expected = [] {
    std::string text;
    JuteWriter(&text).Write(kSnapshotStreamSignature);
    return text;
  }();
  if (done_) return size_t{0};
  if (!expected.starts_with(bytes.substr(0, expected.size()))) {
    return Error{Errc::kCorruption, "the leader's snapshot does not end in the signature " +
                                        std::string(kSnapshotStreamSignature) + ", at offset " +
                                        std::to_string(content_.offset())};
  }
  if (bytes.size() < expected.size()) return size_t{0};
  done_ = true;
  loader_.Finish(zxid_);
  return expected.size();
}

}  // namespace lockkeeper
