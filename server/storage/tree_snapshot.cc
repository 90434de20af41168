#include "server/storage/tree_snapshot.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "datatree/tree_loader.h"
#include "datatree/tree_walk.h"
#include "protocol/jute.h"
#include "protocol/txn.h"
#include "server/storage/snapshot_encoding.h"
#include "server/storage/snapshot_format.h"

namespace lockkeeper {
namespace {

SnapshotLimits SnapshotLimitsOf(const Config& config) {
  return {static_cast<size_t>(config.jute_maxbuffer) + static_cast<size_t>(config.jute_extrasize)};
}

// By the keys that the tree's znodes have, without kOpenAclKey.
std::map<int64_t, AclRef> AclsOf(const DataTree& tree) {
  std::map<int64_t, AclRef> acls;
  tree.acls().ForEach([&](uint32_t id, const AclRef& acl) {
    if (id != AclTable::kOpenId) acls.emplace(id, acl);
  });
  return acls;
}

}  // namespace

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
  Result<SnapshotInfo> info = ReadSnapshot(fs, path, SnapshotLimitsOf(config), handlers);
  if (info) loader.Finish(info->zxid);
  return info;
}

Result<Zxid> NewestInSnapshot(FileSystem& fs, const std::string& path, const Config& config) {
  int64_t newest = 0;
  SnapshotHandlers handlers;
  handlers.node = [&newest](const StoredNode& node) {
    newest = std::max({newest, node.stat.czxid, node.stat.mzxid, node.stat.pzxid});
    return Status();
  };
  const auto info = ReadSnapshot(fs, path, SnapshotLimitsOf(config), handlers);
  if (!info) return info.error();
  Zxid of_all = std::max(info->zxid, Zxid{newest});
  if (info->digest) of_all = std::max(of_all, info->digest->zxid);
  if (info->last_processed) of_all = std::max(of_all, *info->last_processed);
  return of_all;
}

Result<std::string> WriteSnapshot(FileSystem& fs, const std::string& dir, const Config& config,
                                  const DataTree& tree) {
  const Zxid zxid = tree.last_zxid();
  auto writer = SnapshotWriter::Create(fs, dir, zxid,
                                       CompressionFromConfig(config.snapshot_compression_method));
  if (!writer) return writer.error();
  if (Status begun = (*writer)->Begin(tree.sessions(), AclsOf(tree)); !begun) return begun.error();
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

Status StreamSnapshot(const DataTree& tree, size_t chunk_bytes,
                      const std::function<void(std::string)>& sink) {
  std::string chunk;
  const auto hand_on_if_full = [&] {
    if (chunk.size() >= chunk_bytes) sink(std::exchange(chunk, std::string()));
  };
  AppendSnapshotCount(tree.sessions().size(), &chunk);
  for (const auto& [session, timeout_ms] : tree.sessions()) {
    AppendSnapshotSession(session, timeout_ms, &chunk);
    hand_on_if_full();
  }
  const std::map<int64_t, AclRef> acls = AclsOf(tree);
  AppendSnapshotCount(acls.size(), &chunk);
  for (const auto& [key, acl] : acls) {
    AppendSnapshotAcl(key, *acl, &chunk);
    hand_on_if_full();
  }
  Status walked = ForEachNode(tree, [&](const StoredNode& node) {
    AppendSnapshotNode(node, &chunk);
    hand_on_if_full();
    return Status();
  });
  if (!walked) return walked;
  chunk.append(kSnapshotEndBytes);
  JuteWriter(&chunk).Write(kSnapshotStreamSignature);
  sink(std::move(chunk));
  return {};
}

}  // namespace lockkeeper
