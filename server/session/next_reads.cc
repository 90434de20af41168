#include "server/session/next_reads.h"

#include <cstdint>

#include "protocol/jute.h"
#include "protocol/records.h"
#include "server/pipeline/op_table.h"

namespace lockkeeper {

size_t AddNextReads(std::string_view in, ExpectedPaths* paths) {
  size_t frames = 0;
  while (!paths->full()) {
    JuteReader input(in);
    int32_t length = -1;
    input.Read(length);
    if (length < 0 || static_cast<size_t>(length) > input.rest().size()) break;
    ++frames;
    JuteReader frame(input.rest().substr(0, static_cast<size_t>(length)));
    RequestHeader header;
    frame.Read(header);
    const OpRow* row = FindOp(static_cast<OpCode>(header.type));
    if (!frame.ok() || row == nullptr || row->kind != OpKind::kTreeRead) break;
    std::string_view path;
    frame.Read(path);
    paths->Add(path);
    in = input.rest().substr(static_cast<size_t>(length));
  }
  return frames;
}

}  // namespace lockkeeper
