#include "protocol/quorum_packet.h"

#include <utility>

#include "protocol/jute.h"

namespace lockkeeper {
namespace {

constexpr int32_t kNull = -1;

SharedBytes Shared(std::string bytes) {
  return std::make_shared<const std::string>(std::move(bytes));
}

// Takes fields from the front of bytes that may go on; stops at the first that is not all there.
class StreamReader {
 public:
  enum class State : uint8_t { kGood, kNeedsMore, kBad };

  explicit StreamReader(std::string_view bytes) : all_(bytes), rest_(bytes) {}

  State state() const { return state_; }
  size_t taken() const { return all_.size() - rest_.size(); }

  int32_t Int() {
    const std::string_view bytes = Take(sizeof(int32_t));
    return bytes.empty() ? 0 : LoadInt(bytes.data());
  }
  int64_t Long() {
    const std::string_view bytes = Take(sizeof(int64_t));
    return bytes.empty() ? 0 : LoadLong(bytes.data());
  }
  // nullopt: the wire's null, or not good.
  std::optional<std::string_view> Buffer(size_t max) {
    const int32_t size = Int();
    if (state_ != State::kGood || size == kNull) return std::nullopt;
    if (size < kNull || static_cast<size_t>(size) > max) {
      state_ = State::kBad;
      return std::nullopt;
    }
    const std::string_view bytes = Take(static_cast<size_t>(size));
    if (state_ != State::kGood) return std::nullopt;
    return bytes;
  }
  void Refuse() { state_ = State::kBad; }

 private:
  std::string_view Take(size_t size) {
    if (state_ != State::kGood || rest_.size() < size) {
      if (state_ == State::kGood) state_ = State::kNeedsMore;
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  const std::string_view all_;
  std::string_view rest_;
  State state_ = State::kGood;
};

std::optional<std::vector<Identity>> TakeIdentities(StreamReader* in, size_t buffer_max) {
  const int32_t count = in->Int();
  if (in->state() != StreamReader::State::kGood || count == kNull) return std::nullopt;
  if (count < kNull || count > static_cast<int32_t>(kIdentitiesMax)) {
    in->Refuse();
    return std::nullopt;
  }
  std::vector<Identity> identities;
  const size_t begin = in->taken();
  for (int32_t i = 0; i < count && in->state() == StreamReader::State::kGood; ++i) {
    const std::optional<std::string_view> scheme = in->Buffer(buffer_max);
    const std::optional<std::string_view> id = in->Buffer(buffer_max);
    if (in->taken() - begin > buffer_max) in->Refuse();  // all of them together
    identities.push_back({std::string(scheme.value_or("")), std::string(id.value_or(""))});
  }
  return identities;
}

// How many of them a receiver takes.
size_t SentIdentities(const std::vector<Identity>& identities) {
  size_t count = 0;
  size_t bytes = 0;
  for (const Identity& identity : identities) {
    bytes += 2 * sizeof(int32_t) + identity.scheme.size() + identity.id.size();
    if (count == kIdentitiesMax || bytes > kQuorumBufferMax) break;
    ++count;
  }
  return count;
}

}  // namespace

void Encode(const QuorumPacket& packet, std::string* out) {
  JuteWriter writer(out);
  writer.Write(static_cast<int32_t>(packet.type));
  writer.Write(packet.zxid.value);
  if (packet.data == nullptr) {
    writer.Write(kNull);
  } else {
    writer.Write(std::string_view(packet.data->data(), packet.data->size()));
  }
  if (!packet.identities) return writer.Write(kNull);
  const size_t count = SentIdentities(*packet.identities);
  writer.Write(static_cast<int32_t>(count));
  for (size_t i = 0; i < count; ++i) {
    writer.Write(std::string_view((*packet.identities)[i].scheme));
    writer.Write(std::string_view((*packet.identities)[i].id));
  }
}

Result<std::optional<DecodedPacket>> DecodeQuorumPacket(std::string_view bytes, size_t buffer_max) {
  StreamReader in(bytes);
  QuorumPacket packet;
  packet.type = static_cast<QuorumPacketType>(in.Int());
  packet.zxid = Zxid{in.Long()};
  const std::optional<std::string_view> data = in.Buffer(buffer_max);
  packet.identities = TakeIdentities(&in, buffer_max);
  switch (in.state()) {
    case StreamReader::State::kNeedsMore:
      return std::optional<DecodedPacket>();
    case StreamReader::State::kBad:
      return Error{Errc::kBadFrame, "a length in a packet of type " +
                                        std::to_string(static_cast<int32_t>(packet.type)) +
                                        " cannot be"};
    case StreamReader::State::kGood:
      break;
  }
  if (data) packet.data = Shared(std::string(*data));
  return std::optional(DecodedPacket{std::move(packet), in.taken()});
}

SharedBytes EncodeLearnerInfo(const LearnerInfo& info) {
  std::string out;
  JuteWriter writer(&out);
  writer.Write(info.sid.value);
  writer.Write(info.protocol_version);
  writer.Write(info.config_version);
  return Shared(std::move(out));
}

std::optional<LearnerInfo> DecodeLearnerInfo(const SharedBytes& data) {
  if (data == nullptr) return std::nullopt;
  const size_t size = data->size();
  if (size != 8 && size != 12 && size != 20) return std::nullopt;
  LearnerInfo info{.sid = PeerId{LoadLong(data->data())}, .protocol_version = 0};
  if (size >= 12) info.protocol_version = LoadInt(data->data() + 8);
  if (size == 20) info.config_version = LoadLong(data->data() + 12);
  return info;
}

SharedBytes EncodeInt(int32_t value) {
  std::string out;
  JuteWriter(&out).Write(value);
  return Shared(std::move(out));
}

std::optional<int32_t> DecodeInt(const SharedBytes& data) {
  if (data == nullptr || data->size() < sizeof(int32_t)) return std::nullopt;
  return LoadInt(data->data());
}

SharedBytes EncodeLong(int64_t value) {
  std::string out;
  JuteWriter(&out).Write(value);
  return Shared(std::move(out));
}

std::optional<int64_t> DecodeLong(const SharedBytes& data) {
  if (data == nullptr || data->size() < sizeof(int64_t)) return std::nullopt;
  return LoadLong(data->data());
}

SharedBytes EncodeTouches(const std::vector<SessionTouch>& touches) {
  std::string out;
  out.reserve(touches.size() * kTouchBytes);
  JuteWriter writer(&out);
  for (const SessionTouch& touch : touches) {
    writer.Write(touch.session.value);
    writer.Write(touch.timeout_ms);
  }
  return Shared(std::move(out));
}

std::vector<SessionTouch> DecodeTouches(const SharedBytes& data) {
  std::vector<SessionTouch> touches;
  if (data == nullptr) return touches;
  touches.reserve(data->size() / kTouchBytes);
  for (size_t at = 0; at + kTouchBytes <= data->size(); at += kTouchBytes) {
    const char* entry = data->data() + at;
    touches.push_back({SessionId{LoadLong(entry)}, LoadInt(entry + sizeof(int64_t))});
  }
  return touches;
}

SharedBytes EncodeRevalidateReply(SessionId session, bool valid) {
  std::string out;
  JuteWriter writer(&out);
  writer.Write(session.value);
  writer.Write(valid);
  return Shared(std::move(out));
}

std::optional<RevalidateReply> DecodeRevalidateReply(const SharedBytes& data) {
  if (data == nullptr || data->size() < sizeof(int64_t) + 1) return std::nullopt;
  return RevalidateReply{SessionId{LoadLong(data->data())}, (*data)[sizeof(int64_t)] != 0};
}

SharedBytes EncodeForwarded(const ForwardedHead& head, std::string_view body) {
  std::string out;
  out.reserve(sizeof(int64_t) + 2 * sizeof(int32_t) + body.size());
  JuteWriter writer(&out);
  writer.Write(head.session.value);
  writer.Write(head.xid);
  writer.Write(head.type);
  out.append(body);
  return Shared(std::move(out));
}

std::optional<ForwardedRequest> DecodeForwarded(const SharedBytes& data) {
  if (data == nullptr) return std::nullopt;
  JuteReader in(*data);
  ForwardedRequest request;
  in.Read(request.head.session.value);
  in.Read(request.head.xid);
  in.Read(request.head.type);
  if (!in.ok()) return std::nullopt;
  request.body = in.rest();
  return request;
}

}  // namespace lockkeeper
