// What the threads say to each other. Everything is moved or immutable; nothing is shared.
#ifndef LOCKKEEPER_SERVER_PIPELINE_MESSAGES_H_
#define LOCKKEEPER_SERVER_PIPELINE_MESSAGES_H_

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "datatree/acl.h"
#include "datatree/change.h"
#include "protocol/request.h"
#include "protocol/result.h"
#include "protocol/types.h"
#include "server/peer/peer_transport.h"
#include "server/pipeline/read_handlers.h"
#include "server/session/session_tracker.h"

namespace lockkeeper {

class Core;
class IoThread;

// --- I/O thread to core -----------------------------------------------------------------------

// A request that must keep its place among the writes of its session: a write, or a read that
// stands between two writes.
struct CoreRequest {
  std::unique_ptr<char[]> frame;  // what the views in `body` point into
  size_t frame_bytes = 0;
  OpCode op = OpCode::kError;
  int32_t xid = 0;
  bool is_read = false;
  RequestBody body;
  Identities identities;  // as they were when the request was read
};

// Requests of one connection, in its order.
struct RequestBatch {
  ConnectionRef from;
  SessionId session;
  std::vector<CoreRequest> requests;
};

struct OpenSession {
  ConnectionRef from;
  int32_t timeout_ms = 0;
};
// The password has been checked.
struct AttachSession {
  ConnectionRef from;
  SessionId session;
  int32_t timeout_ms = 0;
};
struct ConnectionGone {
  ConnectionRef from;
  SessionId session;
};

// Sessions heard from since the last report of this I/O thread. `complete_until`: everything that
// had arrived by then is included, so deadlines up to then may be judged.
struct TouchReport {
  uint32_t io_thread = 0;
  MonoMs complete_until;
  std::vector<std::pair<SessionId, MonoMs>> touched;
};

// --- log thread to core -----------------------------------------------------------------------

struct Persisted {
  Zxid upto;
};
struct LogFailed {
  Error error;
};

// A log file reached the size after which ZooKeeper takes a snapshot, and the next one begins.
struct CheckpointDue {};

// --- checkpoint thread to core ----------------------------------------------------------------

struct CheckpointEnded {
  std::optional<Error> error;  // it is not on the disk, and no later one can be
};

// --- peer thread to core ----------------------------------------------------------------------

struct PeerEvents {
  std::vector<PeerEvent> events;
};

// --- anybody to core --------------------------------------------------------------------------

// Runs on the core thread: how the admin thread looks at what the core owns.
using CoreTask = std::function<void(Core&)>;
struct StopCore {};

using CoreMessage =
    std::variant<RequestBatch, OpenSession, AttachSession, ConnectionGone, TouchReport, Persisted,
                 LogFailed, CheckpointDue, CheckpointEnded, PeerEvents, CoreTask, StopCore>;

// --- core to I/O threads ----------------------------------------------------------------------

enum class DeliveryKind : uint8_t {
  kNone,
  kReply,          // to the oldest request of the connection that is at the core
  kReplyAndClose,  // the reply to closeSession
  kSessionOpened,  // a new session's transaction was applied
  kClose,          // the session expired: close without a word
};

// One applied transaction or one read that ran in the core. Ranges index the vectors and bytes of
// the batch.
struct BatchItem {
  Zxid zxid;
  uint32_t changes_begin = 0;
  uint32_t changes_end = 0;
  uint32_t watches_begin = 0;
  uint32_t watches_end = 0;
  size_t bytes_begin = 0;
  size_t bytes_end = 0;
  DeliveryKind kind = DeliveryKind::kNone;
  ConnectionRef to;
  SessionId session;
};

// Everything a batch of commits means to the outside, in zxid order. One immutable object goes to
// all I/O threads; each fires its own watches and delivers to its own connections.
struct AppliedBatch {
  std::vector<BatchItem> items;
  std::vector<Change> changes;
  std::vector<WatchRegistration> watches;
  std::string bytes;  // encoded replies
  Zxid last_zxid;
};
using AppliedBatchRef = std::shared_ptr<const AppliedBatch>;

// The answer to AttachSession.
struct SessionAttached {
  uint64_t connection = 0;
  SessionId session;  // 0: refused
  int32_t timeout_ms = 0;
};
// Another connection has the session now.
struct CloseConnection {
  uint64_t connection = 0;
};
// This server serves nobody until further notice.
struct CloseAllConnections {};
// Runs on the I/O thread: how the admin thread looks at connections and watches, and how new
// connections arrive.
using IoTask = std::function<void(IoThread&)>;

using IoMessage =
    std::variant<AppliedBatchRef, SessionAttached, CloseConnection, CloseAllConnections, IoTask>;

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PIPELINE_MESSAGES_H_
