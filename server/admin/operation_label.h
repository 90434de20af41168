// The short names of operations that `cons` prints as `lop` (storage-and-operations 5.4).
#ifndef LOCKKEEPER_SERVER_ADMIN_OPERATION_LABEL_H_
#define LOCKKEEPER_SERVER_ADMIN_OPERATION_LABEL_H_

#include <string_view>

#include "protocol/op_code.h"

namespace lockkeeper {

// `lop` of a connection without any operation, or since the word crst.
inline constexpr std::string_view kNoOperationLabel = "NA";

// Empty for operations that leave the last label as it was: authentication, notifications, errors.
constexpr std::string_view OperationLabel(OpCode op) {
  switch (op) {
    case OpCode::kCreateSession:
      return "SESS";
    case OpCode::kCloseSession:
      return "CLOS";
    case OpCode::kPing:
      return "PING";
    case OpCode::kCreate:
    case OpCode::kCreate2:
    case OpCode::kCreateContainer:
    case OpCode::kCreateTtl:
      return "CREA";
    case OpCode::kDelete:
    case OpCode::kDeleteContainer:
      return "DELE";
    case OpCode::kExists:
      return "EXIS";
    case OpCode::kGetData:
      return "GETD";
    case OpCode::kSetData:
      return "SETD";
    case OpCode::kGetAcl:
      return "GETA";
    case OpCode::kSetAcl:
      return "SETA";
    case OpCode::kGetChildren:
    case OpCode::kGetChildren2:
      return "GETC";
    case OpCode::kGetAllChildrenNumber:
      return "GETACN";
    case OpCode::kGetEphemerals:
      return "GETE";
    case OpCode::kSync:
      return "SYNC";
    case OpCode::kCheck:
      return "CHEC";
    case OpCode::kMulti:
      return "MULT";
    case OpCode::kMultiRead:
      return "MLTR";
    case OpCode::kReconfig:
      return "RECO";
    case OpCode::kSetWatches:
      return "SETW";
    case OpCode::kSetWatches2:
      return "STW2";
    case OpCode::kAddWatch:
      return "ADDW";
    case OpCode::kCheckWatches:
      return "CHKW";
    case OpCode::kRemoveWatches:
      return "REMW";
    case OpCode::kWhoAmI:
      return "HOMI";
    case OpCode::kError:
    case OpCode::kNotification:
    case OpCode::kAuth:
    case OpCode::kSasl:
      break;
  }
  return {};
}

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_ADMIN_OPERATION_LABEL_H_
