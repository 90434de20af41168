#include "datatree/digest.h"

#include <libdeflate.h>

#include "protocol/jute.h"

namespace lockkeeper {
namespace {

// The polynomial of zlib; libdeflate is several times faster at it.
uint32_t Crc(uint32_t crc, std::string_view bytes) {
  if (bytes.empty()) return crc;  // libdeflate begins anew where there is no buffer
  return libdeflate_crc32(crc, bytes.data(), bytes.size());
}

}  // namespace

bool IsOutsideDigest(std::string_view path) { return path.starts_with("/zookeeper/"); }

uint32_t DigestPrefix(std::string_view path, std::string_view data) {
  return Crc(Crc(0, path == "/" ? EmptyString() : path), data);
}

uint32_t NodeDigest(uint32_t prefix, const NodeStat& s) {
  char stat[60];
  char* p = stat;
  for (int64_t v : {s.czxid, s.mzxid, s.pzxid, s.ctime, s.mtime}) {
    jute_internal::ToBigEndian(v, p);
    p += sizeof v;
  }
  for (int32_t v : {s.version, s.cversion, s.aversion}) {
    jute_internal::ToBigEndian(v, p);
    p += sizeof v;
  }
  jute_internal::ToBigEndian(s.owner, p);
  return Crc(prefix, {stat, sizeof stat});
}

uint32_t DigestOf(const StoredNode& node) {
  if (IsOutsideDigest(node.path)) return 0;
  return NodeDigest(DigestPrefix(node.path, node.data), node.stat);
}

}  // namespace lockkeeper
