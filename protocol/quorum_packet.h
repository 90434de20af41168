// Packets of the quorum port, between a leader and its learners (quorum-protocol 2.2 and 4).
// On the wire they follow each other without any frame; a SNAP is followed by a raw stream.
#ifndef LOCKKEEPER_PROTOCOL_QUORUM_PACKET_H_
#define LOCKKEEPER_PROTOCOL_QUORUM_PACKET_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/identity.h"
#include "protocol/result.h"
#include "protocol/types.h"

namespace lockkeeper {

enum class QuorumPacketType : int32_t {
  kRequest = 1,
  kProposal = 2,
  kAck = 3,
  kCommit = 4,
  kPing = 5,
  kRevalidate = 6,
  kSync = 7,
  kInform = 8,
  kCommitAndActivate = 9,
  kNewLeader = 10,
  kFollowerInfo = 11,
  kUpToDate = 12,
  kDiff = 13,
  kTrunc = 14,
  kSnap = 15,
  kObserverInfo = 16,
  kLeaderInfo = 17,
  kAckEpoch = 18,
  kInformAndActivate = 19,
};

// Bytes that several queues share; never changed. nullptr is the wire's null buffer, which is not
// the same as an empty one.
using SharedBytes = std::shared_ptr<const std::string>;

// A packet that owns its content.
struct QuorumPacket {
  QuorumPacketType type{};
  Zxid zxid{};
  SharedBytes data = nullptr;
  // nullopt is the wire's null vector: every packet but a REQUEST of a client.
  std::optional<std::vector<Identity>> identities = std::nullopt;
};

// The protocol version that LEADERINFO and LearnerInfo carry; older learners are refused.
inline constexpr int32_t kLearnerProtocolVersion = 0x10000;
// Java's bound of one buffer: jute.maxbuffer plus as much again.
inline constexpr size_t kQuorumBufferMax = 2 * 1'048'575;
// Of one packet. Of more identities only the first are sent, which takes rights away and gives
// none.
inline constexpr size_t kIdentitiesMax = 1000;

// What a learner says of itself in FOLLOWERINFO and OBSERVERINFO.
struct LearnerInfo {
  PeerId sid;
  int32_t protocol_version = kLearnerProtocolVersion;
  int64_t config_version = 0;
};

// Appends. Neither data nor identities may be longer than what the receiver takes.
void Encode(const QuorumPacket& packet, std::string* out);

// The first packet of `bytes`, and how many bytes it takes.
struct DecodedPacket {
  QuorumPacket packet;
  size_t size;
};
// nullopt: more bytes are needed. kBadFrame: no packet can begin like this (a length beyond
// `buffer_max` or below -1, more than 1,000 identities). Unknown types are decoded: the receiver
// ignores them.
Result<std::optional<DecodedPacket>> DecodeQuorumPacket(std::string_view bytes,
                                                        size_t buffer_max = kQuorumBufferMax);

SharedBytes EncodeLearnerInfo(const LearnerInfo& info);
// 8, 12 or 20 bytes (later fields missing: version 0, config 0); nullopt: null or another size.
std::optional<LearnerInfo> DecodeLearnerInfo(const SharedBytes& data);

// One big-endian int (LEADERINFO, ACKEPOCH) or long (COMMITANDACTIVATE; in front of the transaction
// in INFORMANDACTIVATE) at the front of the data; nullopt: null or too short.
SharedBytes EncodeInt(int32_t value);
std::optional<int32_t> DecodeInt(const SharedBytes& data);
SharedBytes EncodeLong(int64_t value);
std::optional<int64_t> DecodeLong(const SharedBytes& data);

// A session and its time-out in ms: REVALIDATE, and each entry of a PING's reply.
struct SessionTouch {
  SessionId session;
  int32_t timeout_ms = 0;
  friend bool operator==(const SessionTouch&, const SessionTouch&) = default;
};
// Touches of more sessions than fit the buffer limit go in several packets.
inline constexpr size_t kTouchBytes = 12;
// Of no sessions: an empty buffer, never null (Apache leaders fail on null).
SharedBytes EncodeTouches(const std::vector<SessionTouch>& touches);
// Whole entries; a rest of fewer than 12 bytes, or null, is left out.
std::vector<SessionTouch> DecodeTouches(const SharedBytes& data);

SharedBytes EncodeRevalidateReply(SessionId session, bool valid);
struct RevalidateReply {
  SessionId session;
  bool valid = false;
};
std::optional<RevalidateReply> DecodeRevalidateReply(const SharedBytes& data);

// The head of a REQUEST's data; the client's request body follows it as it was received.
struct ForwardedHead {
  SessionId session;
  int32_t xid = 0;
  int32_t type = 0;  // an OpCode
};
SharedBytes EncodeForwarded(const ForwardedHead& head, std::string_view body);
struct ForwardedRequest {
  ForwardedHead head;
  std::string_view body;  // borrows the packet's data
};
std::optional<ForwardedRequest> DecodeForwarded(const SharedBytes& data);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_PROTOCOL_QUORUM_PACKET_H_
