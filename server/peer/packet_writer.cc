#include "server/peer/packet_writer.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "protocol/jute.h"

namespace lockkeeper {
namespace {

constexpr size_t kCopiedBytesMax = 512;
// Own bytes are not collected beyond this in one piece, so that written ones are freed.
constexpr size_t kOwnSegmentBytesMax = 64 << 10;
// int type, long zxid, and the length of the data.
constexpr size_t kLengthAt = 12;
constexpr size_t kHeadBytes = 16;

}  // namespace

std::string* PacketWriter::Tail() {
  if (segments_.empty() || segments_.back().shared != nullptr ||
      segments_.back().own.size() >= kOwnSegmentBytesMax) {
    segments_.emplace_back();
  }
  return &segments_.back().own;
}

void PacketWriter::AddBytes(std::string_view bytes) {
  if (bytes.empty()) return;
  Tail()->append(bytes);
  bytes_ += bytes.size();
}

void PacketWriter::AddShared(SharedBytes bytes) {
  if (bytes->size() <= kCopiedBytesMax) return AddBytes(*bytes);
  bytes_ += bytes->size();
  segments_.push_back({.own = {}, .shared = std::move(bytes)});
}

void PacketWriter::AddPacket(QuorumPacket packet) {
  if (packet.data == nullptr || packet.data->size() <= kCopiedBytesMax) {
    std::string* const tail = Tail();
    const size_t before = tail->size();
    Encode(packet, tail);
    bytes_ += tail->size() - before;
    return;
  }
  // Encoded around its data: with null in its place, whose length is then corrected.
  const SharedBytes data = std::exchange(packet.data, nullptr);
  std::string around;
  Encode(packet, &around);
  StoreInt(static_cast<int32_t>(data->size()), around.data() + kLengthAt);
  AddBytes(std::string_view(around).substr(0, kHeadBytes));
  AddShared(data);
  AddBytes(std::string_view(around).substr(kHeadBytes));
}

std::vector<boost::asio::const_buffer> PacketWriter::Front() const {
  std::vector<boost::asio::const_buffer> buffers;
  buffers.reserve(std::min(segments_.size(), kWriteBuffersMax));
  size_t skip = dropped_;
  for (const Segment& segment : segments_) {
    if (buffers.size() == kWriteBuffersMax) break;
    const std::string_view view = segment.view().substr(std::exchange(skip, 0));
    buffers.emplace_back(view.data(), view.size());
  }
  return buffers;
}

void PacketWriter::Drop(size_t bytes) {
  CHECK_LE(bytes, bytes_);
  bytes_ -= bytes;
  dropped_ += bytes;
  while (!segments_.empty() && dropped_ >= segments_.front().view().size()) {
    dropped_ -= segments_.front().view().size();
    segments_.pop_front();
  }
}

}  // namespace lockkeeper
