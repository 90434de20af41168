#include "protocol/election_message.h"

#include <algorithm>
#include <utility>

#include "protocol/jute.h"

namespace lockkeeper {
namespace {

constexpr int64_t kVersion1 = -65536;
constexpr int64_t kVersion2 = -65535;
constexpr char kBetweenAddresses = '|';
// Lengths of the forms that are told apart by it (quorum-protocol 1.3).
constexpr size_t kOldestBytes = 28;   // no epoch
constexpr size_t kEpochBytes = 40;    // as of 3.4; what stands behind the epoch is not looked at
constexpr size_t kVersionBytes = 44;  // with the length of a configuration

// Without the empty ones.
std::vector<std::string> Split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(kBetweenAddresses));
    if (!part.empty()) parts.emplace_back(part);
    text.remove_prefix(std::min(text.size(), part.size() + 1));
  }
  return parts;
}

// The first one, or as many as the acceptor takes.
std::string Joined(const std::vector<std::string>& addresses, bool all) {
  std::string joined;
  for (const std::string& address : addresses) {
    if (!joined.empty() && !all) break;
    const size_t separator = joined.empty() ? 0 : 1;
    if (joined.size() + separator + address.size() > kHandshakeAddressMax) continue;
    if (!joined.empty()) joined.push_back(kBetweenAddresses);
    joined += address;
  }
  return joined;
}

}  // namespace

std::string EncodeNotification(const Notification& n) {
  std::string out;
  out.reserve(kVersionBytes + n.config.size());
  JuteWriter writer(&out);
  writer.Write(static_cast<int32_t>(n.state));
  writer.Write(n.vote.leader.value);
  writer.Write(n.vote.zxid.value);
  writer.Write(n.round);
  writer.Write(n.vote.peer_epoch);
  writer.Write(n.version);
  if (n.version >= 2) writer.Write(std::string_view(n.config));
  return out;
}

std::optional<Notification> DecodeNotification(std::string_view message) {
  if (message.size() < kOldestBytes) return std::nullopt;
  JuteReader in(message);
  Notification n;
  int32_t state = 0;
  in.Read(state);
  if (state < 0 || state > static_cast<int32_t>(ServerState::kObserving)) return std::nullopt;
  n.state = static_cast<ServerState>(state);
  in.Read(n.vote.leader.value);
  in.Read(n.vote.zxid.value);
  in.Read(n.round);
  n.version = 0;
  if (message.size() == kOldestBytes) {
    n.vote.peer_epoch = EpochOf(n.vote.zxid);
    return n;
  }
  in.Read(n.vote.peer_epoch);
  if (!in.ok()) return std::nullopt;
  if (message.size() == kEpochBytes) return n;
  in.Read(n.version);
  if (!in.ok()) return std::nullopt;
  if (n.version < 2) return n;
  int32_t length = 0;
  in.Read(length);
  if (!in.ok() || length < 0 || static_cast<size_t>(length) > in.rest().size()) return std::nullopt;
  n.config = in.rest().substr(0, static_cast<size_t>(length));
  return n;
}

std::string EncodeHandshake(const ElectionHandshake& handshake, bool multi_address) {
  std::string out;
  JuteWriter writer(&out);
  const std::string addresses = Joined(handshake.addresses, multi_address);
  if (addresses.empty()) {
    writer.Write(handshake.sid.value);
    return out;
  }
  const bool several = addresses.find(kBetweenAddresses) != std::string::npos;
  writer.Write(several ? kVersion2 : kVersion1);
  writer.Write(handshake.sid.value);
  writer.Write(std::string_view(addresses));
  return out;
}

Result<std::optional<DecodedHandshake>> DecodeElectionHandshake(std::string_view bytes,
                                                                size_t address_max) {
  constexpr size_t kLong = sizeof(int64_t);
  constexpr size_t kHead = 2 * kLong + sizeof(int32_t);
  const std::optional<DecodedHandshake> needs_more;
  if (bytes.size() < kLong) return needs_more;
  const int64_t version = LoadLong(bytes.data());
  if (version >= 0) return std::optional(DecodedHandshake{{PeerId{version}, {}}, kLong});
  if (version != kVersion1 && version != kVersion2) {
    return Error{Errc::kBadFrame, "unknown election protocol version " + std::to_string(version)};
  }
  if (bytes.size() < kHead) return needs_more;
  const int32_t length = LoadInt(bytes.data() + 2 * kLong);
  if (length < 1 || static_cast<size_t>(length) > address_max) {
    return Error{Errc::kBadFrame, "an election address of " + std::to_string(length) + " bytes"};
  }
  const PeerId sid{LoadLong(bytes.data() + kLong)};
  if (sid.value < 0) {
    return Error{Errc::kBadFrame, "an election handshake of server " + std::to_string(sid.value)};
  }
  const size_t size = kHead + static_cast<size_t>(length);
  if (bytes.size() < size) return needs_more;
  const std::string_view text = bytes.substr(kHead, static_cast<size_t>(length));
  ElectionHandshake handshake{sid, {}};
  if (version == kVersion1) {
    handshake.addresses.emplace_back(text);
  } else {
    handshake.addresses = Split(text);
  }
  return std::optional(DecodedHandshake{std::move(handshake), size});
}

}  // namespace lockkeeper
