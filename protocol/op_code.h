// Request and transaction types (client-protocol 4.2, quorum-protocol 6.1). The numbers are on the
// wire and in the transaction log: never change one.
#ifndef LOCKKEEPER_PROTOCOL_OP_CODE_H_
#define LOCKKEEPER_PROTOCOL_OP_CODE_H_

#include <cstdint>

namespace lockkeeper {

enum class OpCode : int32_t {
  kCloseSession = -11,
  kCreateSession = -10,
  kError = -1,
  kNotification = 0,
  kCreate = 1,
  kDelete = 2,
  kExists = 3,
  kGetData = 4,
  kSetData = 5,
  kGetAcl = 6,
  kSetAcl = 7,
  kGetChildren = 8,
  kSync = 9,
  kPing = 11,
  kGetChildren2 = 12,
  kCheck = 13,
  kMulti = 14,
  kCreate2 = 15,
  kReconfig = 16,
  kCheckWatches = 17,
  kRemoveWatches = 18,
  kCreateContainer = 19,
  kDeleteContainer = 20,
  kCreateTtl = 21,
  kMultiRead = 22,
  kAuth = 100,
  kSetWatches = 101,
  kSasl = 102,
  kGetEphemerals = 103,
  kGetAllChildrenNumber = 104,
  kSetWatches2 = 105,
  kAddWatch = 106,
  kWhoAmI = 107,
};

// `flags` of a create request (client-protocol 5.1).
enum class CreateMode : int32_t {
  kPersistent = 0,
  kEphemeral = 1,
  kPersistentSequential = 2,
  kEphemeralSequential = 3,
  kContainer = 4,
  kPersistentWithTtl = 5,
  kPersistentSequentialWithTtl = 6,
};

constexpr bool IsKnownCreateMode(int32_t flags) { return flags >= 0 && flags <= 6; }
constexpr bool IsTtlMode(int32_t flags) { return flags == 5 || flags == 6; }
constexpr bool IsSequentialMode(int32_t flags) { return flags == 2 || flags == 3 || flags == 6; }
constexpr bool IsEphemeralMode(int32_t flags) { return flags == 1 || flags == 3; }

enum class EventType : int32_t {
  kNodeCreated = 1,
  kNodeDeleted = 2,
  kNodeDataChanged = 3,
  kNodeChildrenChanged = 4,
};

// Permission bits of an ACL entry (client-protocol 4.1).
inline constexpr int32_t kPermRead = 1;
inline constexpr int32_t kPermWrite = 2;
inline constexpr int32_t kPermCreate = 4;
inline constexpr int32_t kPermDelete = 8;
inline constexpr int32_t kPermAdmin = 16;
inline constexpr int32_t kPermAll = 31;

// xid of a reply that no request asked for, and of every ping reply (client-protocol 3.1).
inline constexpr int32_t kEventXid = -1;
inline constexpr int32_t kPingXid = -2;

// `state` of every watch event that a server sends.
inline constexpr int32_t kSyncConnected = 3;

}  // namespace lockkeeper

#endif  // LOCKKEEPER_PROTOCOL_OP_CODE_H_
