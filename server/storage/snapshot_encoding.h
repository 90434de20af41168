// The items of a snapshot's content (snapshot_format.h) as bytes, for files and for learners.
#ifndef LOCKKEEPER_SERVER_STORAGE_SNAPSHOT_ENCODING_H_
#define LOCKKEEPER_SERVER_STORAGE_SNAPSHOT_ENCODING_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "datatree/acl.h"
#include "datatree/stored_node.h"
#include "protocol/types.h"

namespace lockkeeper {

// Each appends to `out`. Of sessions or ACLs; at most 2^31-1.
void AppendSnapshotCount(size_t count, std::string* out);
void AppendSnapshotSession(SessionId session, int32_t timeout_ms, std::string* out);
void AppendSnapshotAcl(int64_t key, const AclList& acl, std::string* out);
// A null path is written like an empty one: the root's is never null.
void AppendSnapshotNode(const StoredNode& node, std::string* out);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_SNAPSHOT_ENCODING_H_
