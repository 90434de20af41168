// Transactions as they stand in the log and on the quorum port (storage-and-operations 2.2, 2.3;
// quorum-protocol 6.2). A payload is a TxnHeader, the body of its type and, except for error
// transactions, a TxnDigest.
#ifndef LOCKKEEPER_PROTOCOL_TXN_H_
#define LOCKKEEPER_PROTOCOL_TXN_H_

#include <cstdint>
#include <string_view>
#include <tuple>

#include "protocol/jute.h"
#include "protocol/records.h"

namespace lockkeeper {

// The digest algorithm of ZooKeeper 3.6 and later (storage-and-operations 3.7).
inline constexpr int32_t kDigestVersion = 2;

// Head of every transaction: the session (0 for the server itself), its xid, and the wall clock
// of the proposer in ms since 1970.
struct TxnHeader {
  int64_t client_id = 0;
  int32_t cxid = 0;
  int64_t zxid = 0;
  int64_t time = 0;
  int32_t type = 0;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("client_id", r.client_id), Field("cxid", r.cxid), Field("zxid", r.zxid),
                      Field("time", r.time), Field("type", r.type));
  }
};

// Digest of the whole tree after the transaction.
struct TxnDigest {
  int32_t version = kDigestVersion;
  int64_t tree_digest = 0;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("version", r.version), Field("tree_digest", r.tree_digest));
  }
};

// Also create2. `parent_cversion` is the parent's new creation counter; -1: its present one + 1.
struct CreateTxn {
  std::string_view path;
  std::string_view data;
  JuteVector<Acl> acl;
  bool ephemeral = false;
  int32_t parent_cversion = 0;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("path", r.path), Field("data", r.data), Field("acl", r.acl),
                      Field("ephemeral", r.ephemeral), Field("parent_cversion", r.parent_cversion));
  }
};

// As ZooKeeper 3.3 wrote it.
struct CreateTxnV0 {
  std::string_view path;
  std::string_view data;
  JuteVector<Acl> acl;
  bool ephemeral = false;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("path", r.path), Field("data", r.data), Field("acl", r.acl),
                      Field("ephemeral", r.ephemeral));
  }
};

struct CreateContainerTxn {
  std::string_view path;
  std::string_view data;
  JuteVector<Acl> acl;
  int32_t parent_cversion = 0;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("path", r.path), Field("data", r.data), Field("acl", r.acl),
                      Field("parent_cversion", r.parent_cversion));
  }
};

struct CreateTtlTxn {
  std::string_view path;
  std::string_view data;
  JuteVector<Acl> acl;
  int32_t parent_cversion = 0;
  int64_t ttl_ms = 0;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("path", r.path), Field("data", r.data), Field("acl", r.acl),
                      Field("parent_cversion", r.parent_cversion), Field("ttl_ms", r.ttl_ms));
  }
};

// Also deleteContainer.
struct DeleteTxn {
  std::string_view path;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("path", r.path));
  }
};

// Also reconfig. `version` is the new one.
struct SetDataTxn {
  std::string_view path;
  std::string_view data;
  int32_t version = 0;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("path", r.path), Field("data", r.data), Field("version", r.version));
  }
};

// `version` is the new aversion.
struct SetAclTxn {
  std::string_view path;
  JuteVector<Acl> acl;
  int32_t version = 0;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("path", r.path), Field("acl", r.acl), Field("version", r.version));
  }
};

struct CheckVersionTxn {
  std::string_view path;
  int32_t version = 0;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("path", r.path), Field("version", r.version));
  }
};

struct CreateSessionTxn {
  int32_t timeout_ms = 0;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("timeout_ms", r.timeout_ms));
  }
};

struct CloseSessionTxn {
  JuteVector<std::string_view> paths_to_delete;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("paths_to_delete", r.paths_to_delete));
  }
};

struct ErrorTxn {
  int32_t err = 0;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("err", r.err));
  }
};

// One element of a multi: `data` is the encoded body of that type.
struct SubTxn {
  int32_t type = 0;
  std::string_view data;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("type", r.type), Field("data", r.data));
  }
};

struct MultiTxn {
  JuteVector<SubTxn> txns;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("txns", r.txns));
  }
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_PROTOCOL_TXN_H_
