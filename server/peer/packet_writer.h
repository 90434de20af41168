// What waits to be written to one socket, gathered so that one system call takes all of it. Data
// that several connections send (a proposal) is shared by their queues and not copied, unless it is
// so short that a copy costs less.
#ifndef LOCKKEEPER_SERVER_PEER_PACKET_WRITER_H_
#define LOCKKEEPER_SERVER_PEER_PACKET_WRITER_H_

#include <boost/asio/buffer.hpp>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/quorum_packet.h"

namespace lockkeeper {

// Buffers of one write call: what Asio hands to the system at once.
inline constexpr size_t kWriteBuffersMax = 64;

class PacketWriter {
 public:
  void AddBytes(std::string_view bytes);
  void AddShared(SharedBytes bytes);  // REQUIRES: not null
  void AddPacket(QuorumPacket packet);

  bool empty() const { return bytes_ == 0; }
  size_t bytes() const { return bytes_; }  // not written yet

  // The front of the queue, at most kWriteBuffersMax buffers; valid until the queue changes.
  std::vector<boost::asio::const_buffer> Front() const;
  // The first `bytes` of Front were written.
  void Drop(size_t bytes);

 private:
  // Own bytes, or shared ones when `shared` is set.
  struct Segment {
    std::string own;
    SharedBytes shared;
    std::string_view view() const { return shared ? std::string_view(*shared) : own; }
  };

  std::string* Tail();

  std::deque<Segment> segments_;
  size_t dropped_ = 0;  // of the first segment
  size_t bytes_ = 0;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PEER_PACKET_WRITER_H_
