// The tree digest, version 2 (storage-and-operations 3.7): the sum over all znodes of a CRC-32 of
// path, data and stat. It is compared with other servers, Apache's included: exact or useless.
#ifndef LOCKKEEPER_DATATREE_DIGEST_H_
#define LOCKKEEPER_DATATREE_DIGEST_H_

#include <cstdint>
#include <string_view>

#include "datatree/node_store.h"
#include "datatree/stored_node.h"

namespace lockkeeper {

// Znodes below /zookeeper/ count 0: servers keep some of them without transactions.
bool IsOutsideDigest(std::string_view path);

// The CRC over path and data, which a change of the stat alone does not touch. `path` is "" or "/"
// for the root.
uint32_t DigestPrefix(std::string_view path, std::string_view data);

// A znode's share in the sum, from its prefix and stat.
uint32_t NodeDigest(uint32_t prefix, const NodeStat& stat);

// The share of a znode as a file holds it: 0 if it does not count.
uint32_t DigestOf(const StoredNode& node);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_DATATREE_DIGEST_H_
