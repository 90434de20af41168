#include "server/storage/tree_snapshot.h"

#include <map>
#include <memory>
#include <optional>

#include "datatree/tree_loader.h"
#include "datatree/tree_walk.h"
#include "protocol/txn.h"

namespace lockkeeper {

Result<SnapshotInfo> LoadSnapshot(FileSystem& fs, const std::string& path, const Config& config,
                                  DataTree* tree) {
  TreeLoader loader(tree);
  const SnapshotHandlers handlers{
      .session =
          [&](SessionId session, int32_t timeout_ms) {
            loader.AddSession(session, timeout_ms);
            return Status();
          },
      .acl =
          [&](int64_t key, const AclList& acl) {
            loader.AddAcl(key, acl);
            return Status();
          },
      .node = [&](const StoredNode& node) { return loader.AddNode(node); }};
  const SnapshotLimits limits{static_cast<size_t>(config.jute_maxbuffer) +
                              static_cast<size_t>(config.jute_extrasize)};
  Result<SnapshotInfo> info = ReadSnapshot(fs, path, limits, handlers);
  if (info) loader.Finish(info->zxid);
  return info;
}

Result<std::string> WriteSnapshot(FileSystem& fs, const std::string& dir, const Config& config,
                                  const DataTree& tree) {
  const Zxid zxid = tree.last_zxid();
  auto writer = SnapshotWriter::Create(fs, dir, zxid,
                                       CompressionFromConfig(config.snapshot_compression_method));
  if (!writer) return writer.error();
  std::map<int64_t, AclRef> acls;
  tree.acls().ForEach([&](uint32_t id, const AclRef& acl) {
    if (id != AclTable::kOpenId) acls.emplace(id, acl);
  });
  if (Status begun = (*writer)->Begin(tree.sessions(), acls); !begun) return begun.error();
  const Status added =
      ForEachNode(tree, [&](const StoredNode& node) { return (*writer)->Add(node); });
  if (!added) return added.error();
  std::optional<SnapshotDigest> digest;
  if (tree.digest_enabled()) {
    // ZooKeeper knows no digest before the first transaction, and writes so.
    digest = SnapshotDigest{
        .zxid = zxid, .version = kDigestVersion, .digest = zxid.value == 0 ? 0 : tree.digest()};
  }
  const std::optional<Zxid> last_processed =
      config.serialize_last_processed_zxid ? std::optional(zxid) : std::nullopt;
  if (Status done = (*writer)->Finish(digest, last_processed); !done) return done.error();
  return (*writer)->path();
}

}  // namespace lockkeeper
