// Bytes of a request frame -> a typed request. Decoding is complete: what the protocol calls a
// marshalling error (client-protocol 8.1, 13.2) is found here, before the request goes anywhere.
#ifndef LOCKKEEPER_PROTOCOL_REQUEST_H_
#define LOCKKEEPER_PROTOCOL_REQUEST_H_

#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/op_code.h"
#include "protocol/records.h"

namespace lockkeeper {

// ConnectRequest with the byte that clients older than 3.4 do not send.
struct Handshake {
  ConnectRequest request;
  bool has_read_only = false;
  bool read_only = false;
};
// nullopt: not a ConnectRequest; the connection is closed without an answer.
std::optional<Handshake> DecodeHandshake(std::string_view frame);

using MultiElementBody = std::variant<CreateRequest, CreateTtlRequest, DeleteRequest,
                                      SetDataRequest, CheckVersionRequest>;
struct MultiElement {
  OpCode type = OpCode::kError;
  MultiElementBody body;
};
struct MultiRequest {
  std::vector<MultiElement> elements;
};

struct MultiReadElement {
  OpCode type = OpCode::kError;  // kGetData or kGetChildren
  PathWatchRequest body;
};
struct MultiReadRequest {
  std::vector<MultiReadElement> elements;
  // A write stood among the elements: answered -5 with the end header as body.
  bool forbidden_element = false;
};

struct EmptyRequest {};

using RequestBody =
    std::variant<EmptyRequest, CreateRequest, CreateTtlRequest, DeleteRequest, PathWatchRequest,
                 SetDataRequest, PathRequest, SetAclRequest, ReconfigRequest, WatchTypeRequest,
                 AddWatchRequest, AuthPacket, SaslRequest, SetWatchesRequest, SetWatches2Request,
                 MultiRequest, MultiReadRequest>;

// The body of a request of type `op`, or nullopt for a marshalling error.
// REQUIRES: `op` is one that clients may send at top level (see server/pipeline/op_table.h).
// Views in the result point into `body`.
std::optional<RequestBody> DecodeRequest(OpCode op, std::string_view body);

// The one path that a request names; empty if it names none or several.
std::string_view PathOf(const RequestBody& request);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_PROTOCOL_REQUEST_H_
