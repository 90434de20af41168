// A transaction of the log taken apart, for people to look at.
//
// Lifetime: everything decoded is a view of the payload.
// Errors:   none; what cannot be decoded is kept as bytes, and LoadProblem says so.
#ifndef LOCKKEEPER_SERVER_TOOLS_TXN_DECODER_H_
#define LOCKKEEPER_SERVER_TOOLS_TXN_DECODER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "protocol/txn.h"

namespace lockkeeper {

// A type that no server loads, or a body that ends too early.
struct UnreadableBody {};

// closeSession as servers before 3.6 wrote it.
struct NoBody {
  template <class Self>
  static auto Fields(Self&) {
    return std::tuple();
  }
};

using OpBody = std::variant<UnreadableBody, NoBody, CreateTxn, CreateTxnV0, CreateContainerTxn,
                            CreateTtlTxn, DeleteTxn, SetDataTxn, SetAclTxn, CheckVersionTxn,
                            CreateSessionTxn, CloseSessionTxn, ErrorTxn>;

// One change: a transaction that is no multi, or an element of one.
struct DecodedOp {
  int32_t type = 0;
  OpBody body;
  std::string_view bytes;    // the body and whatever follows it
  std::string_view surplus;  // what follows the body
};

struct DecodedTxn {
  TxnHeader header;
  DecodedOp op;  // of a multi: unreadable unless `elements` is set
  std::optional<std::vector<DecodedOp>> elements;  // of a multi
  std::optional<TxnDigest> digest;
  std::string_view surplus;  // after body and digest; ZooKeeper ignores it
};

// REQUIRES: at least kTxnHeaderBytes.
DecodedTxn DecodeTxn(std::string_view payload);

// Why a server would refuse to apply the transaction; empty if it would not.
std::string LoadProblem(const DecodedTxn& txn);

// "create", "setACL", as ZooKeeper's tools name the type; "unknown <number>".
std::string TxnTypeName(int32_t type);

// "NoNode" for -101, as ZooKeeper's messages name the code; "unknown" for a code without a name.
std::string_view ErrorName(int32_t code);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_TOOLS_TXN_DECODER_H_
