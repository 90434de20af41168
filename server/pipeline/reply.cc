#include "server/pipeline/reply.h"

#include <algorithm>

#include "protocol/session_password.h"

namespace lockkeeper {
namespace {

// The result of one executed element (client-protocol 8.4).
void WriteMultiResult(const OpResult& result, bool create2, FrameWriter& frame) {
  OpCode type = result.type;
  if (create2 && type == OpCode::kCreate) type = OpCode::kCreate2;
  if (type == OpCode::kCreateContainer || type == OpCode::kCreateTtl) type = OpCode::kCreate2;
  frame.Add(MultiHeader{static_cast<int32_t>(type), false, 0});
  if (type == OpCode::kCreate) frame.Add(CreateResponse{result.path});
  if (type == OpCode::kCreate2) frame.Add(Create2Response{result.path, result.stat});
  if (type == OpCode::kSetData) frame.Add(StatResponse{result.stat});
}

void WriteMultiResults(const std::vector<OpResult>& results, const std::vector<bool>& create2,
                       FrameWriter& frame) {
  const bool failed = std::any_of(results.begin(), results.end(),
                                  [](const OpResult& r) { return r.error != ErrorCode::kOk; });
  for (size_t i = 0; i < results.size(); ++i) {
    if (!failed) {
      WriteMultiResult(results[i], i < create2.size() && create2[i], frame);
      continue;
    }
    const auto code = static_cast<int32_t>(results[i].error);
    frame.Add(MultiHeader{-1, false, code}).Add(ErrorResponse{code});
  }
  frame.Add(kMultiEnd);
}

}  // namespace

void WriteEvent(Zxid zxid, EventType type, std::string_view path, std::string* out) {
  FrameWriter(out)
      .Add(ReplyHeader{kEventXid, zxid.value, 0})
      .Add(WatcherEvent{static_cast<int32_t>(type), kSyncConnected, path});
}

void WriteConnectResponse(SessionId session, int32_t timeout_ms, bool with_read_only,
                          std::string* out) {
  SessionPassword passwd{};
  if (session.value != 0) passwd = PasswordFor(session);
  FrameWriter frame(out);
  frame.Add(ConnectResponse{0, session.value == 0 ? 0 : timeout_ms, session.value,
                            std::string_view(passwd.data(), passwd.size())});
  if (with_read_only) frame.AddRaw(std::string_view("\0", 1));
}

std::vector<bool> Create2Elements(const RequestBody& request) {
  const auto* multi = std::get_if<MultiRequest>(&request);
  if (multi == nullptr) return {};
  std::vector<bool> create2;
  bool any = false;
  for (const MultiElement& element : multi->elements) {
    create2.push_back(element.type == OpCode::kCreate2);
    any = any || create2.back();
  }
  return any ? create2 : std::vector<bool>();
}

void WriteWriteReply(int32_t xid, OpCode op, const ApplyOutcome& outcome, std::string* out,
                     const std::vector<bool>& create2) {
  FrameWriter frame(out);
  const OpResult& result = outcome.result;
  frame.Add(ReplyHeader{xid, outcome.header.zxid, static_cast<int32_t>(result.error)});
  if (result.error != ErrorCode::kOk) return;
  switch (op) {
    case OpCode::kCreate:
      frame.Add(CreateResponse{result.path});
      return;
    case OpCode::kCreate2:
    case OpCode::kCreateContainer:
    case OpCode::kCreateTtl:
      frame.Add(Create2Response{result.path, result.stat});
      return;
    case OpCode::kSetData:
    case OpCode::kSetAcl:
      frame.Add(StatResponse{result.stat});
      return;
    case OpCode::kMulti:
      WriteMultiResults(outcome.multi, create2, frame);
      return;
    default:
      return;
  }
}

void WriteSyncReply(int32_t xid, Zxid zxid, std::string_view path, std::string* out) {
  FrameWriter(out).Add(ReplyHeader{xid, zxid.value, 0}).Add(SyncResponse{path});
}

}  // namespace lockkeeper
