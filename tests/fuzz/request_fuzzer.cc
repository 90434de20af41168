// Any bytes as a handshake and as the body of every operation: decoding reads nothing outside of
// them, and what decodes encodes to no more bytes than it came from.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <type_traits>
#include <variant>

#include "protocol/print.h"
#include "protocol/request.h"

namespace {

using namespace lockkeeper;  // NOLINT: a fuzz target is one function

template <class R>
void CheckRecord(const R& record, size_t input_bytes) {
  if constexpr (Record<R>) {
    if (Encoded(record).size() > input_bytes) std::abort();
    if (Print(record).empty()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto handshake = DecodeHandshake(bytes)) CheckRecord(handshake->request, size);
  for (int32_t op = -11; op <= 107; ++op) {
    const auto request = DecodeRequest(static_cast<OpCode>(op), bytes);
    if (!request) continue;
    std::visit([&](const auto& r) { CheckRecord(r, size); }, *request);
  }
  return 0;
}
