#include "protocol/request.h"

#include <utility>

namespace lockkeeper {
namespace {

template <class R>
std::optional<RequestBody> DecodeAs(std::string_view body) {
  std::optional<R> record = Decode<R>(body);
  if (!record) return std::nullopt;
  return RequestBody(*std::move(record));
}

template <class R>
std::optional<MultiElementBody> DecodeElementAs(JuteReader& in) {
  std::optional<R> record = Decode<R>(in);
  if (!record || IsNull(record->path)) return std::nullopt;
  return MultiElementBody(*std::move(record));
}

// A create element must carry plain flags and a non-null ACL vector (client-protocol 8.1).
std::optional<MultiElementBody> DecodeCreateElement(JuteReader& in) {
  std::optional<MultiElementBody> body = DecodeElementAs<CreateRequest>(in);
  if (!body) return std::nullopt;
  const auto& create = std::get<CreateRequest>(*body);
  if (!IsKnownCreateMode(create.flags) || IsTtlMode(create.flags)) return std::nullopt;
  if (!create.acl) return std::nullopt;
  return body;
}

std::optional<MultiElementBody> DecodeCreateTtlElement(JuteReader& in) {
  std::optional<MultiElementBody> body = DecodeElementAs<CreateTtlRequest>(in);
  if (!body || !std::get<CreateTtlRequest>(*body).acl) return std::nullopt;
  return body;
}

std::optional<MultiElementBody> DecodeMultiElement(OpCode type, JuteReader& in) {
  switch (type) {
    case OpCode::kCreate:
    case OpCode::kCreate2:
    case OpCode::kCreateContainer:
      return DecodeCreateElement(in);
    case OpCode::kCreateTtl:
      return DecodeCreateTtlElement(in);
    case OpCode::kDelete:
      return DecodeElementAs<DeleteRequest>(in);
    case OpCode::kSetData:
      return DecodeElementAs<SetDataRequest>(in);
    case OpCode::kCheck:
      return DecodeElementAs<CheckVersionRequest>(in);
    default:
      return std::nullopt;
  }
}

std::optional<RequestBody> DecodeMulti(std::string_view bytes) {
  JuteReader in(bytes);
  MultiRequest multi;
  while (true) {
    const std::optional<MultiHeader> header = Decode<MultiHeader>(in);
    if (!header) return std::nullopt;
    if (header->done) return multi;
    const auto type = static_cast<OpCode>(header->type);
    std::optional<MultiElementBody> body = DecodeMultiElement(type, in);
    if (!body) return std::nullopt;
    multi.elements.push_back({type, *std::move(body)});
  }
}

// Writes are understood only so far as to tell "forbidden" from "undecodable" (8.6).
std::optional<RequestBody> DecodeMultiRead(std::string_view bytes) {
  JuteReader in(bytes);
  MultiReadRequest multi;
  while (true) {
    const std::optional<MultiHeader> header = Decode<MultiHeader>(in);
    if (!header) return std::nullopt;
    if (header->done) return multi;
    const auto type = static_cast<OpCode>(header->type);
    if (type == OpCode::kGetData || type == OpCode::kGetChildren) {
      const std::optional<PathWatchRequest> body = Decode<PathWatchRequest>(in);
      if (!body || IsNull(body->path)) return std::nullopt;
      multi.elements.push_back({type, *body});
    } else {
      if (!DecodeMultiElement(type, in)) return std::nullopt;
      multi.forbidden_element = true;
    }
  }
}

// A null path is a marshalling error for reads, create and delete (client-protocol 6.2).
template <class R>
std::optional<RequestBody> DecodeWithPath(std::string_view body) {
  std::optional<R> record = Decode<R>(body);
  if (!record || IsNull(record->path)) return std::nullopt;
  return RequestBody(*std::move(record));
}

}  // namespace

std::optional<Handshake> DecodeHandshake(std::string_view frame) {
  JuteReader in(frame);
  std::optional<ConnectRequest> request = Decode<ConnectRequest>(in);
  if (!request) return std::nullopt;
  Handshake handshake{.request = *request};
  if (!in.rest().empty()) {
    handshake.has_read_only = true;
    in.Read(handshake.read_only);
  }
  return handshake;
}

std::optional<RequestBody> DecodeRequest(OpCode op, std::string_view body) {
  switch (op) {
    case OpCode::kCreate:
    case OpCode::kCreate2:
    case OpCode::kCreateContainer:
      return DecodeWithPath<CreateRequest>(body);
    case OpCode::kCreateTtl:
      return DecodeWithPath<CreateTtlRequest>(body);
    case OpCode::kDelete:
      return DecodeWithPath<DeleteRequest>(body);
    case OpCode::kExists:
    case OpCode::kGetData:
    case OpCode::kGetChildren:
    case OpCode::kGetChildren2:
      return DecodeWithPath<PathWatchRequest>(body);
    case OpCode::kGetAcl:
    case OpCode::kGetAllChildrenNumber:
      return DecodeWithPath<PathRequest>(body);
    case OpCode::kSetData:
      return DecodeAs<SetDataRequest>(body);
    case OpCode::kSetAcl:
      return DecodeAs<SetAclRequest>(body);
    case OpCode::kSync:
    case OpCode::kGetEphemerals:
      return DecodeAs<PathRequest>(body);
    case OpCode::kReconfig:
      return DecodeAs<ReconfigRequest>(body);
    case OpCode::kCheckWatches:
    case OpCode::kRemoveWatches:
      return DecodeAs<WatchTypeRequest>(body);
    case OpCode::kAddWatch:
      return DecodeAs<AddWatchRequest>(body);
    case OpCode::kAuth:
      return DecodeAs<AuthPacket>(body);
    case OpCode::kSasl:
      return DecodeAs<SaslRequest>(body);
    case OpCode::kSetWatches:
      return DecodeAs<SetWatchesRequest>(body);
    case OpCode::kSetWatches2:
      return DecodeAs<SetWatches2Request>(body);
    case OpCode::kMulti:
      return DecodeMulti(body);
    case OpCode::kMultiRead:
      return DecodeMultiRead(body);
    default:
      return RequestBody(EmptyRequest{});
  }
}

std::string_view PathOf(const RequestBody& request) {
  return std::visit(
      [](const auto& r) -> std::string_view {
        if constexpr (requires { r.path; }) return r.path;
        return {};
      },
      request);
}

}  // namespace lockkeeper
