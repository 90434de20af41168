// Packets from the stream of a quorum connection.
#ifndef LOCKKEEPER_SERVER_PEER_PACKET_DECODING_H_
#define LOCKKEEPER_SERVER_PEER_PACKET_DECODING_H_

#include <string_view>
#include <vector>

#include "protocol/quorum_packet.h"
#include "protocol/result.h"

namespace lockkeeper {

// Takes whole packets from the front of `bytes` and returns how many bytes they have. Stops behind
// a SNAP if `stop_at_snap`: what follows it is no packet. kBadFrame: bytes that begin no packet;
// those before them are in `packets`.
inline Result<size_t> TakePackets(std::string_view bytes, size_t buffer_max, bool stop_at_snap,
                                  std::vector<QuorumPacket>* packets) {
  size_t taken = 0;
  while (taken < bytes.size()) {
    auto decoded = DecodeQuorumPacket(bytes.substr(taken), buffer_max);
    if (!decoded) return decoded.error();
    if (!decoded->has_value()) break;
    taken += (*decoded)->size;
    packets->push_back(std::move((*decoded)->packet));
    if (stop_at_snap && packets->back().type == QuorumPacketType::kSnap) break;
  }
  return taken;
}

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PEER_PACKET_DECODING_H_
