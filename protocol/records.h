// Every record of the client protocol (client-protocol 2 to 4), one field list each.
// Views borrow the frame that they were decoded from: see jute.h.
#ifndef LOCKKEEPER_PROTOCOL_RECORDS_H_
#define LOCKKEEPER_PROTOCOL_RECORDS_H_

#include <cstdint>
#include <string_view>
#include <tuple>

#include "protocol/jute.h"

namespace lockkeeper {

// An identity pattern of an ACL entry.
struct Id {
  std::string_view scheme;
  std::string_view id;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("scheme", r.scheme), Field("id", r.id));
  }
};

// One ACL entry: permission bits (kPerm...) for one identity.
struct Acl {
  int32_t perms = 0;
  Id id;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("perms", r.perms), Field("id", r.id));
  }
};

// What clients see of a znode besides its data (68 bytes). Times are ms since 1970.
struct Stat {
  int64_t czxid = 0;
  int64_t mzxid = 0;
  int64_t ctime = 0;
  int64_t mtime = 0;
  int32_t version = 0;
  int32_t cversion = 0;
  int32_t aversion = 0;
  int64_t ephemeral_owner = 0;
  int32_t data_length = 0;
  int32_t num_children = 0;
  int64_t pzxid = 0;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("czxid", r.czxid), Field("mzxid", r.mzxid), Field("ctime", r.ctime),
                      Field("mtime", r.mtime), Field("version", r.version),
                      Field("cversion", r.cversion), Field("aversion", r.aversion),
                      Field("ephemeral_owner", r.ephemeral_owner),
                      Field("data_length", r.data_length), Field("num_children", r.num_children),
                      Field("pzxid", r.pzxid));
  }
};

// One identity in a whoAmI answer.
struct ClientInfo {
  std::string_view auth_scheme;
  std::string_view user;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("auth_scheme", r.auth_scheme), Field("user", r.user));
  }
};

// Precedes every request but the ConnectRequest.
struct RequestHeader {
  int32_t xid = 0;
  int32_t type = 0;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("xid", r.xid), Field("type", r.type));
  }
};

// Precedes every reply and event but the ConnectResponse. A body follows only if err is 0.
struct ReplyHeader {
  int32_t xid = 0;
  int64_t zxid = 0;
  int32_t err = 0;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("xid", r.xid), Field("zxid", r.zxid), Field("err", r.err));
  }
};

// First frame of a connection. A readOnly byte may follow (clients since 3.4): see
// DecodeConnectRequest in request.h.
struct ConnectRequest {
  int32_t protocol_version = 0;
  int64_t last_zxid_seen = 0;
  int32_t timeout_ms = 0;
  int64_t session_id = 0;
  std::string_view passwd;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("protocol_version", r.protocol_version),
                      Field("last_zxid_seen", r.last_zxid_seen), Field("timeout_ms", r.timeout_ms),
                      Field("session_id", r.session_id), Field("passwd", r.passwd));
  }
};

// Answer to a ConnectRequest; a readOnly byte follows if the request had one.
struct ConnectResponse {
  int32_t protocol_version = 0;
  int32_t timeout_ms = 0;
  int64_t session_id = 0;
  std::string_view passwd;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("protocol_version", r.protocol_version),
                      Field("timeout_ms", r.timeout_ms), Field("session_id", r.session_id),
                      Field("passwd", r.passwd));
  }
};

// Body of a watch event.
struct WatcherEvent {
  int32_t type = 0;
  int32_t state = 0;
  std::string_view path;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("type", r.type), Field("state", r.state), Field("path", r.path));
  }
};

struct ErrorResponse {
  int32_t err = 0;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("err", r.err));
  }
};

// Precedes every element of a multi and, with done set, ends it.
struct MultiHeader {
  int32_t type = 0;
  bool done = false;
  int32_t err = 0;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("type", r.type), Field("done", r.done), Field("err", r.err));
  }
};

// create, create2 and createContainer.
struct CreateRequest {
  std::string_view path;
  std::string_view data;
  JuteVector<Acl> acl;
  int32_t flags = 0;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("path", r.path), Field("data", r.data), Field("acl", r.acl),
                      Field("flags", r.flags));
  }
};

struct CreateTtlRequest {
  std::string_view path;
  std::string_view data;
  JuteVector<Acl> acl;
  int32_t flags = 0;
  int64_t ttl_ms = 0;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("path", r.path), Field("data", r.data), Field("acl", r.acl),
                      Field("flags", r.flags), Field("ttl_ms", r.ttl_ms));
  }
};

struct DeleteRequest {
  std::string_view path;
  int32_t version = -1;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("path", r.path), Field("version", r.version));
  }
};

// exists, getData, getChildren and getChildren2.
struct PathWatchRequest {
  std::string_view path;
  bool watch = false;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("path", r.path), Field("watch", r.watch));
  }
};

struct SetDataRequest {
  std::string_view path;
  std::string_view data;
  int32_t version = -1;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("path", r.path), Field("data", r.data), Field("version", r.version));
  }
};

// getACL, sync, getEphemerals (a prefix), getAllChildrenNumber and deleteContainer.
struct PathRequest {
  std::string_view path;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("path", r.path));
  }
};

struct SetAclRequest {
  std::string_view path;
  JuteVector<Acl> acl;
  int32_t version = -1;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("path", r.path), Field("acl", r.acl), Field("version", r.version));
  }
};

// check, only inside a multi.
struct CheckVersionRequest {
  std::string_view path;
  int32_t version = -1;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("path", r.path), Field("version", r.version));
  }
};

struct ReconfigRequest {
  std::string_view joining_servers;
  std::string_view leaving_servers;
  std::string_view new_members;
  int64_t cur_config_id = 0;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("joining_servers", r.joining_servers),
                      Field("leaving_servers", r.leaving_servers),
                      Field("new_members", r.new_members), Field("cur_config_id", r.cur_config_id));
  }
};

// checkWatches and removeWatches.
struct WatchTypeRequest {
  std::string_view path;
  int32_t type = 0;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("path", r.path), Field("type", r.type));
  }
};

struct AddWatchRequest {
  std::string_view path;
  int32_t mode = 0;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("path", r.path), Field("mode", r.mode));
  }
};

struct AuthPacket {
  int32_t type = 0;
  std::string_view scheme;
  std::string_view auth;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("type", r.type), Field("scheme", r.scheme), Field("auth", r.auth));
  }
};

// Request and answer of a SASL step.
struct SaslRequest {
  std::string_view token;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("token", r.token));
  }
};

struct SetWatchesRequest {
  int64_t relative_zxid = 0;
  JuteVector<std::string_view> data_watches;
  JuteVector<std::string_view> exist_watches;
  JuteVector<std::string_view> child_watches;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(
        Field("relative_zxid", r.relative_zxid), Field("data_watches", r.data_watches),
        Field("exist_watches", r.exist_watches), Field("child_watches", r.child_watches));
  }
};

struct SetWatches2Request {
  int64_t relative_zxid = 0;
  JuteVector<std::string_view> data_watches;
  JuteVector<std::string_view> exist_watches;
  JuteVector<std::string_view> child_watches;
  JuteVector<std::string_view> persistent_watches;
  JuteVector<std::string_view> persistent_recursive_watches;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(
        Field("relative_zxid", r.relative_zxid), Field("data_watches", r.data_watches),
        Field("exist_watches", r.exist_watches), Field("child_watches", r.child_watches),
        Field("persistent_watches", r.persistent_watches),
        Field("persistent_recursive_watches", r.persistent_recursive_watches));
  }
};

struct CreateResponse {
  std::string_view path;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("path", r.path));
  }
};

struct Create2Response {
  std::string_view path;
  Stat stat;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("path", r.path), Field("stat", r.stat));
  }
};

// exists, setData and setACL.
struct StatResponse {
  Stat stat;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("stat", r.stat));
  }
};

struct GetDataResponse {
  std::string_view data;
  Stat stat;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("data", r.data), Field("stat", r.stat));
  }
};

struct GetAclResponse {
  JuteVector<Acl> acl;
  Stat stat;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("acl", r.acl), Field("stat", r.stat));
  }
};

// getChildren and getEphemerals.
struct GetChildrenResponse {
  JuteVector<std::string_view> children;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("children", r.children));
  }
};

struct GetChildren2Response {
  JuteVector<std::string_view> children;
  Stat stat;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("children", r.children), Field("stat", r.stat));
  }
};

struct SyncResponse {
  std::string_view path;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("path", r.path));
  }
};

struct GetAllChildrenNumberResponse {
  int32_t total_number = 0;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("total_number", r.total_number));
  }
};

struct WhoAmIResponse {
  JuteVector<ClientInfo> client_info;

  template <class Self>
  static auto Fields(Self& r) {
    return std::tuple(Field("client_info", r.client_info));
  }
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_PROTOCOL_RECORDS_H_
