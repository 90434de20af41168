#include "tests/server/storage/snapshot_test_util.h"

#include <glog/logging.h>

#include <algorithm>
#include <map>
#include <memory>

#include "datatree/digest.h"
#include "server/storage/snapshot_reader.h"
#include "server/storage/snapshot_writer.h"

namespace lockkeeper {

std::string SnapshotPath(std::string_view name) {
  return std::string(kSnapshotDir) + "/" + std::string(name);
}

StoredNode NodeCopy::View() const {
  StoredNode node;
  node.path = path;
  if (data) node.data = data->empty() ? EmptyString() : std::string_view(*data);
  node.acl_key = acl_key;
  node.stat = stat;
  return node;
}

std::ostream& operator<<(std::ostream& out, const NodeCopy& node) {
  out << "\"" << node.path << "\" ";
  if (node.data) {
    out << node.data->size() << " bytes of data";
  } else {
    out << "null data";
  }
  return out << ", acl " << node.acl_key << ", owner " << std::hex << node.stat.owner << ", czxid "
             << node.stat.czxid << std::dec;
}

SnapshotHandlers Collect(SnapshotContent* content) {
  SnapshotHandlers handlers;
  handlers.session = [content](SessionId session, int32_t timeout_ms) {
    content->sessions.emplace_back(session, timeout_ms);
    return Status();
  };
  handlers.acl = [content](int64_t key, const AclList& acl) {
    content->acls.emplace_back(key, acl);
    return Status();
  };
  handlers.node = [content](const StoredNode& node) {
    NodeCopy copy{std::string(node.path), std::nullopt, node.acl_key, node.stat};
    if (!IsNull(node.data)) copy.data = std::string(node.data);
    content->nodes.push_back(std::move(copy));
    return Status();
  };
  return handlers;
}

bool SnapshotReading::SameAs(const SnapshotReading& other) const {
  return status.ok() == other.status.ok() && info == other.info && content == other.content;
}

SnapshotReading ReadFile(FileSystem& fs, const std::string& path, const SnapshotLimits& limits) {
  SnapshotReading reading;
  const auto info = ReadSnapshot(fs, path, limits, Collect(&reading.content));
  if (info) {
    reading.info = *info;
  } else {
    reading.status = info.error();
  }
  return reading;
}

SnapshotReading ReadPieces(std::string_view stream, size_t piece_bytes,
                           const SnapshotLimits& limits) {
  SnapshotReading reading;
  const SnapshotHandlers handlers = Collect(&reading.content);
  SnapshotParser parser("the stream", limits, handlers);
  size_t begin = 0;
  for (size_t end = 0; end < stream.size();) {
    end = std::min(stream.size(), end + piece_bytes);
    // A copy, so that a sanitizer sees whoever reads beyond the piece.
    const std::string arrived(stream.substr(begin, end - begin));
    const auto used = parser.Consume(arrived);
    if (!used) {
      reading.status = used.error();
      return reading;
    }
    begin += *used;
  }
  const auto info = parser.Finish(stream.substr(begin));
  if (info) {
    reading.info = *info;
  } else {
    reading.status = info.error();
  }
  return reading;
}

std::string FromHex(std::string_view hex) {
  std::string bytes;
  int digits = 0;
  int value = 0;
  for (const char c : hex) {
    if (c == ' ') continue;
    value = value * 16 + (c <= '9' ? c - '0' : c - 'a' + 10);
    if (++digits % 2 == 0) bytes.push_back(static_cast<char>(std::exchange(value, 0)));
  }
  CHECK_EQ(digits % 2, 0);
  return bytes;
}

std::string FreshSnapshot() {
  const std::string open_acl = FromHex("ffffffffffffffff");
  std::string file = FromHex("5a4b534e 00000002 ffffffffffffffff");
  file += FromHex("00000000");                                     // sessions
  file += FromHex("00000001 0000000000000001 00000001 00000001");  // one ACL of one entry
  file += FromHex("00000005") + "world" + FromHex("00000006") + "anyone";
  file += FromHex("00000000 00000000") + open_acl + std::string(60, '\0');
  file += FromHex("0000000a") + "/zookeeper" + FromHex("00000000") + open_acl;
  file += std::string(60, '\0');
  file += FromHex("00000011") + "/zookeeper/config" + FromHex("00000000 0000000000000001");
  file += std::string(40, '\0') + FromHex("ffffffff") + std::string(16, '\0');
  file += FromHex("00000010") + "/zookeeper/quota" + FromHex("00000000") + open_acl;
  file += std::string(60, '\0');
  const std::string end = FromHex("00000001") + "/";
  file += end;
  file += FromHex("00000000b8a23b49") + end;
  file += FromHex("0000000000000000 00000002 0000000000000000");
  file += FromHex("0000000095b93d59") + end;
  file += FromHex("0000000000000000");
  file += FromHex("00000000bde83f6d") + end;
  return file;
}

SnapshotContent FreshContent() {
  NodeStat config;
  config.aversion = -1;
  SnapshotContent content;
  content.acls = {{1, {{1, "world", "anyone"}}}};
  content.nodes = {{"", "", kOpenAclKey, {}},
                   {"/zookeeper", "", kOpenAclKey, {}},
                   {"/zookeeper/config", "", 1, config},
                   {"/zookeeper/quota", "", kOpenAclKey, {}}};
  return content;
}

SnapshotContent SampleContent() {
  SnapshotContent content;
  content.sessions = {{SessionId{0x100000e43860000}, 10000},
                      {SessionId{0x7f00000000000001}, 40000}};
  content.acls = {{1, {{1, "world", "anyone"}}},
                  {7, {{31, "digest", "bob:hash="}, {1, "ip", "10.0.0.0/8"}}},
                  {0x1234567890, {}}};
  NodeStat stat{0x100000001, 0x100000002, 0x100000003, 1795226949235, 1795226949245, 4, 5, 6, 0};
  NodeStat ephemeral = stat;
  ephemeral.owner = 0x100000e43860000;
  NodeStat container = stat;
  container.owner = INT64_MIN;
  NodeStat ttl = stat;
  ttl.owner = static_cast<int64_t>(0xff00000000000000 | 86400000);
  NodeStat extreme{-1, INT64_MAX, INT64_MIN, 0, -1, INT32_MAX, INT32_MIN, -1, -1};
  content.nodes = {{"", "", kOpenAclKey, stat},
                   {"/zookeeper", "", kOpenAclKey, {}},
                   {"/zookeeper/config", "", 1, {}},
                   {"/zookeeper/quota", "", kOpenAclKey, {}},
                   {"/a", "hello", 7, stat},
                   {"/a/null", std::nullopt, 7, stat},
                   {"/a/live", "x", kOpenAclKey, ephemeral},
                   {"/a/container", "", kOpenAclKey, container},
                   {"/a/ttl", "t", 0x1234567890, ttl},
                   {"/a/\xc3\xbc", std::string("\0\xff", 2), 1, extreme},
                   {"/large", std::string(300 << 10, 'L'), kOpenAclKey, stat},
                   {"/last", std::string(1000, 'l'), kOpenAclKey, stat}};
  return content;
}

uint64_t TreeDigest(const SnapshotContent& content) {
  uint64_t digest = 0;
  for (const NodeCopy& node : content.nodes) {
    if (IsOutsideDigest(node.path)) continue;
    digest += NodeDigest(DigestPrefix(node.path, node.View().data), node.stat);
  }
  return digest;
}

Status WriteFile(FileSystem& fs, const std::string& dir, Zxid zxid, SnapshotCompression compression,
                 const SnapshotContent& content, const SnapshotTail& tail) {
  auto writer = SnapshotWriter::Create(fs, dir, zxid, compression);
  if (!writer) return writer.error();
  const std::map<SessionId, int32_t> sessions(content.sessions.begin(), content.sessions.end());
  std::map<int64_t, AclRef> acls;
  for (const auto& [key, acl] : content.acls) acls[key] = std::make_shared<const AclList>(acl);
  if (Status begun = (*writer)->Begin(sessions, acls); !begun) return begun;
  for (const NodeCopy& node : content.nodes) {
    if (Status added = (*writer)->Add(node.View()); !added) return added;
  }
  return (*writer)->Finish(tail.digest, tail.last_processed);
}

}  // namespace lockkeeper
