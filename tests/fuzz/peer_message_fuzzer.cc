// Any bytes from another server, as a stream of the quorum port, as a handshake and as a
// notification of the election port: what decodes encodes to the same again, and a message that is
// cut off is never taken for a whole one.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "protocol/election_message.h"
#include "protocol/quorum_packet.h"

namespace {

using namespace lockkeeper;  // NOLINT: a fuzz target is one function

constexpr size_t kBufferMax = 4096;

void Check(bool holds) {
  if (!holds) std::abort();
}

bool SameData(const SharedBytes& a, const SharedBytes& b) {
  return a == nullptr || b == nullptr ? a == b : *a == *b;
}

// Null strings in it were taken for empty ones.
bool HasEmptyIdentity(const QuorumPacket& packet) {
  return packet.identities &&
         std::any_of(packet.identities->begin(), packet.identities->end(),
                     [](const Identity& i) { return i.scheme.empty() || i.id.empty(); });
}

void CheckEncodedAgain(const QuorumPacket& packet, std::string_view original) {
  std::string bytes;
  Encode(packet, &bytes);
  Check(bytes.size() == original.size());
  Check(bytes == original || HasEmptyIdentity(packet));
  const auto again = DecodeQuorumPacket(bytes, kBufferMax);
  Check(again.has_value() && again->has_value() && (**again).size == bytes.size());
  Check((**again).packet.type == packet.type && (**again).packet.zxid == packet.zxid);
  Check((**again).packet.identities == packet.identities);
  Check(SameData((**again).packet.data, packet.data));
}

void CheckNeedsMore(std::string_view part) {
  const auto decoded = DecodeQuorumPacket(part, kBufferMax);
  Check(decoded.has_value() && !decoded->has_value());
}

// The data as everything that data can be.
void CheckData(const SharedBytes& data) {
  if (const auto info = DecodeLearnerInfo(data)) {
    Check(EncodeLearnerInfo(*info)->starts_with(data->substr(0, 8)));
    Check(data->size() != 20 || *EncodeLearnerInfo(*info) == *data);
  }
  if (const auto value = DecodeInt(data)) Check(data->starts_with(*EncodeInt(*value)));
  if (const auto value = DecodeLong(data)) Check(data->starts_with(*EncodeLong(*value)));
  const auto touches = DecodeTouches(data);
  Check(touches.size() == (data == nullptr ? 0 : data->size() / kTouchBytes));
  if (data != nullptr) Check(data->starts_with(*EncodeTouches(touches)));
  if (const auto reply = DecodeRevalidateReply(data)) {
    Check(data->starts_with(EncodeRevalidateReply(reply->session, reply->valid)->substr(0, 8)));
  }
  if (const auto request = DecodeForwarded(data)) {
    Check(*EncodeForwarded(request->head, request->body) == *data);
  }
}

void CheckPackets(std::string_view stream) {
  while (true) {
    const auto decoded = DecodeQuorumPacket(stream, kBufferMax);
    if (!decoded) return Check(decoded.error().code == Errc::kBadFrame);
    if (!decoded->has_value()) return;
    const size_t size = (**decoded).size;
    Check(size >= 20 && size <= stream.size());
    CheckEncodedAgain((**decoded).packet, stream.substr(0, size));
    for (const size_t cut : {size - 1, size / 2, size_t{12}}) CheckNeedsMore(stream.substr(0, cut));
    CheckData((**decoded).packet.data);
    stream.remove_prefix(size);
  }
}

void CheckHandshake(std::string_view bytes) {
  const auto decoded = DecodeElectionHandshake(bytes);
  if (!decoded) return Check(decoded.error().code == Errc::kBadFrame);
  if (!decoded->has_value()) return;
  const auto& [handshake, size] = **decoded;
  Check(size >= 8 && size <= bytes.size());
  const auto cut = DecodeElectionHandshake(bytes.substr(0, size - 1));
  Check(cut.has_value() && !cut->has_value());
  // Addresses of separators only are none, and the form without addresses has no negative sids.
  if (handshake.addresses.empty() && handshake.sid < PeerId{0}) return;
  const std::string encoded = EncodeHandshake(handshake, true);
  Check(encoded.size() <= size);
  const auto again = DecodeElectionHandshake(encoded);
  Check(again.has_value() && again->has_value() && (**again).size == encoded.size());
  // A separator in the one address of version 1 divides it in version 2.
  if (handshake.addresses.size() != 1) Check((**again).handshake == handshake);
}

void CheckNotification(std::string_view message) {
  const auto notification = DecodeNotification(message);
  if (!notification) return;
  const std::string encoded = EncodeNotification(*notification);
  const auto again = DecodeNotification(encoded);
  Check(again.has_value());
  Notification expected = *notification;
  if (expected.version < 2) expected.version = 0;  // it has 40 bytes then
  Check(*again == expected);
  if (expected.version >= 2) Check(message.starts_with(encoded));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  CheckPackets(bytes);
  CheckHandshake(bytes);
  CheckNotification(bytes);
  return 0;
}
