// Error codes of the client protocol (client-protocol 3.4). The numbers are on the wire and in
// the transaction log: never change one.
#ifndef LOCKKEEPER_PROTOCOL_ERROR_CODE_H_
#define LOCKKEEPER_PROTOCOL_ERROR_CODE_H_

#include <cstdint>

namespace lockkeeper {

enum class ErrorCode : int32_t {
  kOk = 0,
  kRuntimeInconsistency = -2,  // elements of a multi after the failed one
  kMarshallingError = -5,
  kUnimplemented = -6,
  kBadArguments = -8,
  kNewConfigNoQuorum = -13,
  kReconfigInProgress = -14,
  kNoNode = -101,
  kNoAuth = -102,
  kBadVersion = -103,
  kNoChildrenForEphemerals = -108,
  kNodeExists = -110,
  kNotEmpty = -111,
  kSessionExpired = -112,
  kInvalidAcl = -114,
  kAuthFailed = -115,
  kSessionMoved = -118,
  kNotReadOnly = -119,
  kEphemeralOnLocalSession = -120,
  kNoWatcher = -121,
  kReconfigDisabled = -123,
  kSessionClosedRequireSaslAuth = -124,
  kQuotaExceeded = -125,
  kThrottledOp = -127,
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_PROTOCOL_ERROR_CODE_H_
