#include "server/storage/snapshot_encoding.h"

#include <glog/logging.h>

#include <limits>

#include "protocol/jute.h"

namespace lockkeeper {

void AppendSnapshotCount(size_t count, std::string* out) {
  CHECK_LE(count, size_t{std::numeric_limits<int32_t>::max()});
  JuteWriter(out).Write(static_cast<int32_t>(count));
}

void AppendSnapshotSession(SessionId session, int32_t timeout_ms, std::string* out) {
  JuteWriter jute(out);
  jute.Write(session.value);
  jute.Write(timeout_ms);
}

void AppendSnapshotAcl(int64_t key, const AclList& acl, std::string* out) {
  JuteWriter jute(out);
  jute.Write(key);
  jute.Write(ToRecords(acl));
}

void AppendSnapshotNode(const StoredNode& node, std::string* out) {
  JuteWriter jute(out);
  jute.Write(node.path.empty() ? EmptyString() : node.path);
  jute.Write(node.data);
  jute.Write(node.acl_key);
  jute.Write(node.stat.czxid);
  jute.Write(node.stat.mzxid);
  jute.Write(node.stat.ctime);
  jute.Write(node.stat.mtime);
  jute.Write(node.stat.version);
  jute.Write(node.stat.cversion);
  jute.Write(node.stat.aversion);
  jute.Write(node.stat.owner);
  jute.Write(node.stat.pzxid);
}

}  // namespace lockkeeper
