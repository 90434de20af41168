// Operations that read the tree (client-protocol 4, 7.1, 9.6). A handler does not know its thread:
// an I/O thread runs it inside its gate, the core runs it between two writes of the same session.
#ifndef LOCKKEEPER_SERVER_PIPELINE_READ_HANDLERS_H_
#define LOCKKEEPER_SERVER_PIPELINE_READ_HANDLERS_H_

#include <string>
#include <vector>

#include "datatree/acl.h"
#include "datatree/data_tree.h"
#include "protocol/request.h"

namespace lockkeeper {

// A watch that a read leaves behind: WatchMode bits of datatree/watch_table.h.
struct WatchRegistration {
  std::string path;
  uint8_t modes;
};

struct ReadContext {
  const DataTree& tree;
  const AccessRules& access;
  const std::vector<Identity>& identities;
  SessionId session;
  FoundNodes* found = nullptr;  // what was looked up before, of this tree as it is now
};

// Appends the whole reply frame (setWatches: its events first) to `out`, and what must be watched
// from this moment on to `watches`.
// REQUIRES: op is a tree read and `request` its body.
void HandleTreeRead(const ReadContext& context, int32_t xid, OpCode op, const RequestBody& request,
                    std::string* out, std::vector<WatchRegistration>* watches);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PIPELINE_READ_HANDLERS_H_
