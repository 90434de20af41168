// Requests from bytes, replies to bytes: what each costs without any tree or socket.
#include <benchmark/benchmark.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "datatree/data_tree.h"
#include "protocol/request.h"
#include "protocol/txn.h"
#include "server/pipeline/reply.h"

namespace lockkeeper {
namespace {

constexpr std::string_view kPath = "/services/search/node-0000000042";  // 32 bytes
constexpr Stat kStat{.czxid = 0x500000001,
                     .mzxid = 0x500000002,
                     .ctime = 1'700'000'000'000,
                     .mtime = 1'700'000'001'000,
                     .version = 3,
                     .data_length = 100,
                     .pzxid = 0x500000001};

std::string Data(size_t bytes) { return std::string(bytes, 'x'); }

JuteVector<Acl> OpenAclRecords() { return {{Acl{kPermAll, {"world", "anyone"}}}}; }

// Decodes `body` as often as asked.
void Decodes(benchmark::State& state, OpCode op, const std::string& body) {
  if (!DecodeRequest(op, body)) return state.SkipWithError("the request does not decode");
  for (auto _ : state) {
    std::optional<RequestBody> request = DecodeRequest(op, body);
    benchmark::DoNotOptimize(request);
  }
}

void DecodeGetData(benchmark::State& state) {
  Decodes(state, OpCode::kGetData, Encoded(PathWatchRequest{kPath, true}));
}
BENCHMARK(DecodeGetData);

// Argument: bytes of data.
void DecodeCreate(benchmark::State& state) {
  const std::string data = Data(static_cast<size_t>(state.range(0)));
  Decodes(state, OpCode::kCreate2, Encoded(CreateRequest{kPath, data, OpenAclRecords(), 0}));
}
BENCHMARK(DecodeCreate)->Arg(100);

void DecodeSetData(benchmark::State& state) {
  const std::string data = Data(static_cast<size_t>(state.range(0)));
  Decodes(state, OpCode::kSetData, Encoded(SetDataRequest{kPath, data, -1}));
}
BENCHMARK(DecodeSetData)->Arg(100)->Arg(10'000);

// Argument: number of elements, in turn check, setData and create.
void DecodeMulti(benchmark::State& state) {
  const std::string data = Data(100);
  std::string body;
  for (int64_t i = 0; i < state.range(0); ++i) {
    const OpCode type = i % 3 == 0   ? OpCode::kCheck
                        : i % 3 == 1 ? OpCode::kSetData
                                     : OpCode::kCreate;
    Encode(MultiHeader{static_cast<int32_t>(type), false, -1}, &body);
    if (type == OpCode::kCheck) Encode(CheckVersionRequest{kPath, 1}, &body);
    if (type == OpCode::kSetData) Encode(SetDataRequest{kPath, data, -1}, &body);
    if (type == OpCode::kCreate) Encode(CreateRequest{kPath, data, OpenAclRecords(), 0}, &body);
  }
  Encode(kMultiEnd, &body);
  Decodes(state, OpCode::kMulti, body);
}
BENCHMARK(DecodeMulti)->Arg(3)->Arg(30);

void DecodeConnectRequest(benchmark::State& state) {
  const std::string password(16, 'p');
  const std::string frame =
      Encoded(ConnectRequest{0, 0x500000001, 30'000, 0x100000001, password}) + '\0';
  if (!DecodeHandshake(frame)) return state.SkipWithError("the handshake does not decode");
  for (auto _ : state) {
    std::optional<Handshake> handshake = DecodeHandshake(frame);
    benchmark::DoNotOptimize(handshake);
  }
}
BENCHMARK(DecodeConnectRequest);

// Calls `write` as often as asked, always into the same buffer, as connections do.
template <class Write>
void Encodes(benchmark::State& state, const Write& write) {
  std::string out;
  for (auto _ : state) {
    out.clear();
    write(&out);
    benchmark::DoNotOptimize(out.data());
  }
  state.counters["bytes"] = static_cast<double>(out.size());
}

void EncodeStatReply(benchmark::State& state) {
  Encodes(state, [](std::string* out) {
    FrameWriter(out).Add(ReplyHeader{7, 0x500000003, 0}).Add(StatResponse{kStat});
  });
}
BENCHMARK(EncodeStatReply);

// Argument: bytes of data.
void EncodeGetDataReply(benchmark::State& state) {
  const std::string data = Data(static_cast<size_t>(state.range(0)));
  Encodes(state, [&](std::string* out) {
    FrameWriter(out).Add(ReplyHeader{7, 0x500000003, 0}).Add(GetDataResponse{data, kStat});
  });
}
BENCHMARK(EncodeGetDataReply)->Arg(0)->Arg(100)->Arg(10'000);

void EncodeCreate2Reply(benchmark::State& state) {
  ApplyOutcome outcome;
  outcome.header.zxid = 0x500000003;
  outcome.result = {OpCode::kCreate2, ErrorCode::kOk, std::string(kPath), kStat};
  Encodes(state, [&](std::string* out) { WriteWriteReply(7, OpCode::kCreate2, outcome, out); });
}
BENCHMARK(EncodeCreate2Reply);

void EncodeWatchEvent(benchmark::State& state) {
  Encodes(state, [](std::string* out) {
    WriteEvent(Zxid{0x500000003}, EventType::kNodeDataChanged, kPath, out);
  });
}
BENCHMARK(EncodeWatchEvent);

// With the session's password, which is computed for each.
void EncodeConnectResponse(benchmark::State& state) {
  Encodes(state, [](std::string* out) {
    WriteConnectResponse(SessionId{0x100000001}, 30'000, true, out);
  });
}
BENCHMARK(EncodeConnectResponse);

}  // namespace
}  // namespace lockkeeper
