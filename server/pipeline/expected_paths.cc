#include "server/pipeline/expected_paths.h"

#include <cstdint>
#include <variant>

#include "protocol/jute.h"
#include "server/pipeline/op_table.h"

namespace lockkeeper {
namespace {

constexpr size_t kIntBytes = 4;
// A frame: length, xid, operation; a path follows with its own length.
constexpr size_t kOpOffset = 2 * kIntBytes;
constexpr size_t kPathLengthOffset = 3 * kIntBytes;
constexpr size_t kPathOffset = 4 * kIntBytes;

// Of a whole frame with its length.
bool IsTreeRead(std::string_view frame) {
  if (frame.size() < kPathLengthOffset) return false;
  const OpRow* row = FindOp(static_cast<OpCode>(LoadInt(frame.data() + kOpOffset)));
  return row != nullptr && row->kind == OpKind::kTreeRead;
}

std::string_view PathOf(std::string_view frame) {
  if (frame.size() < kPathOffset) return {};
  const int32_t bytes = LoadInt(frame.data() + kPathLengthOffset);
  if (bytes < 0 || static_cast<size_t>(bytes) > frame.size() - kPathOffset) return {};
  const std::string_view path = frame.substr(kPathOffset, static_cast<size_t>(bytes));
  return path.starts_with('/') ? path : std::string_view();
}

}  // namespace

void AddPaths(const RequestBody& request, std::vector<std::string_view>* paths) {
  const auto add = [paths](const auto& r) {
    if constexpr (requires { r.path; }) paths->push_back(r.path);
  };
  std::visit(
      [&](const auto& r) {
        add(r);
        if constexpr (std::is_same_v<std::decay_t<decltype(r)>, MultiRequest>) {
          for (const MultiElement& element : r.elements) std::visit(add, element.body);
        }
        if constexpr (std::is_same_v<std::decay_t<decltype(r)>, MultiReadRequest>) {
          for (const MultiReadElement& element : r.elements) add(element.body);
        }
      },
      request);
}

size_t AddPathsOfReads(std::string_view in, size_t frames_max,
                       std::vector<std::string_view>* paths) {
  size_t frames = 0;
  for (; frames < frames_max && in.size() >= kIntBytes; ++frames) {
    const int32_t length = LoadInt(in.data());
    if (length < 0 || static_cast<size_t>(length) > in.size() - kIntBytes) break;
    const size_t bytes = kIntBytes + static_cast<size_t>(length);
    const std::string_view frame = in.substr(0, bytes);
    if (!IsTreeRead(frame)) return frames + 1;
    if (const auto path = PathOf(frame); !path.empty()) paths->push_back(path);
    in.remove_prefix(bytes);
  }
  return frames;
}

}  // namespace lockkeeper
