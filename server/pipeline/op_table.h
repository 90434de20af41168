// Every operation a client may send, once: where it runs.
#ifndef LOCKKEEPER_SERVER_PIPELINE_OP_TABLE_H_
#define LOCKKEEPER_SERVER_PIPELINE_OP_TABLE_H_

#include "protocol/op_code.h"

namespace lockkeeper {

enum class OpKind {
  kWrite,     // becomes a transaction, in the core
  kTreeRead,  // reads the tree: on the I/O thread, or in the core between two writes of its session
  kLocal,     // needs only the connection and its watches: on the I/O thread
  kAuth,      // handled at once, outside the order of requests
};

struct OpRow {
  OpCode code;
  OpKind kind;
};

// nullptr: unknown, or not for clients (client-protocol 13.1; createSession and deleteContainer are
// refused on purpose: section 15, D3 and D4).
const OpRow* FindOp(OpCode code);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PIPELINE_OP_TABLE_H_
