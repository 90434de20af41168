// Any bytes as a transaction: applying it either refuses it or leaves a tree whose digest is the
// sum over its znodes.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "datatree/data_tree.h"
#include "datatree/digest.h"

namespace {

using namespace lockkeeper;  // NOLINT: a fuzz target is one function

uint64_t SumOf(const DataTree& tree) {
  uint64_t sum = 0;
  std::vector<NodeId> stack{NodeStore::kRoot};
  while (!stack.empty()) {
    const NodeId node = stack.back();
    stack.pop_back();
    const NodeStore& nodes = tree.nodes();
    const std::string path = nodes.PathOf(node);
    if (!IsOutsideDigest(path)) {
      sum += NodeDigest(DigestPrefix(path, nodes.DataOf(node)), nodes.StatOf(node));
    }
    for (NodeId c = nodes.FirstChild(node); c != kNoNode; c = nodes.NextSibling(c)) {
      stack.push_back(c);
    }
  }
  return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  DataTree tree(DataTreeOptions{.owner_rules = {.extended_types = true}});
  std::vector<Change> changes;
  // Several transactions, each behind its length in one byte.
  while (size > 1) {
    const size_t length = std::min<size_t>(data[0], size - 1);
    const std::string_view payload(reinterpret_cast<const char*>(data + 1), length);
    (void)tree.Apply(payload, &changes).has_value();
    data += length + 1;
    size -= length + 1;
  }
  if (SumOf(tree) != tree.digest()) std::abort();
  return 0;
}
